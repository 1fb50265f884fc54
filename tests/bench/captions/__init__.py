"""Parts of the benchmark of captions."""
