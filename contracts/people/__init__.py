"""The people context's contracts, one module per version."""
