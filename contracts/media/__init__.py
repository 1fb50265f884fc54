"""The media context's contracts, one module per version."""
