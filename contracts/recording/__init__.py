"""The recording context's contracts, one module per version."""
