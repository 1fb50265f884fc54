"""Load, decide, save; and send."""
