"""The read model: Spaces as cards, who stands on which stage, who follows and blocks whom; and search over it."""
