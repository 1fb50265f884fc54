"""The notifications context's contracts, one module per version."""
