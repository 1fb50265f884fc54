"""The transcript of a Space: `facts.py` says what is stored of it, `transcript.py` decides."""
