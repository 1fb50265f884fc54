"""People: profiles, who follows and who blocks whom."""
