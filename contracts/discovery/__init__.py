"""The discovery context's contracts, one module per version."""
