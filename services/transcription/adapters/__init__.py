"""Captured audio, recognition in worker processes, and transcripts as documents."""
