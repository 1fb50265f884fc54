"""The tipping context's contracts, one module per version."""
