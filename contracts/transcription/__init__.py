"""The transcription context's contracts, one module per version."""
