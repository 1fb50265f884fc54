"""Connections, and whose audio flows: what room decided, carried out at the edge."""
