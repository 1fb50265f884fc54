"""Notifications over a real bus, real stores and real HTTP."""
