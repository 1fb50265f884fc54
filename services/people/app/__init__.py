"""What people does: commands that look something up, and what it does by itself when it is time."""
