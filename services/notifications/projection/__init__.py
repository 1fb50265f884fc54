"""What notifications must know of others, and an index of its own facts."""
