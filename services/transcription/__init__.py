"""Captions while people speak, and the transcript that remains."""
