"""What notifications keeps of deliveries, and how it sends."""
