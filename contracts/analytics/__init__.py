"""The analytics context's contracts, one module per version."""
