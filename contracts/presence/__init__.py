"""The presence context's contracts, one module per version."""
