"""Real processes, a real NATS, real files."""
