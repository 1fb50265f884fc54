"""What the media benchmarks are made of: speech, a server with many sessions, the load generator."""
