"""What room does: commands that look something up, who is let in, who is there, and what happens by itself."""
