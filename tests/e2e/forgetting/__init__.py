"""What was deleted is gone: from every way out, every file, stream and index."""
