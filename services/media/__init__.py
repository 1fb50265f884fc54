"""Media: WebRTC at the edge, forwarding, who is speaking, capture."""
