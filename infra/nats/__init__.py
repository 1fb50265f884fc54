"""The NATS server of one machine: who may do what on it, and its configuration."""
