"""The room context's contracts, one module per version."""
