"""One thing at a time, in this process."""
