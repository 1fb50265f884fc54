"""What the gateway uses: the stream's history, the media nodes, presence leases, the object store."""
