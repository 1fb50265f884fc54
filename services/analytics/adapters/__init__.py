"""The engine behind the tables."""
