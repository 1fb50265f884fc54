"""What no single aggregate knows: followers, names, the moderation log, what happened in Spaces."""
