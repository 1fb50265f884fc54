"""The captions context's contracts, one module per version."""
