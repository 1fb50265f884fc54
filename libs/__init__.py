"""Mechanisms that do not know what a Space is. They may use `contracts`, never a service."""
