"""The recording of one Space, and what of it is kept for reports."""
