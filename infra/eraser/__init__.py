"""Removes the names of erased people from the streams, which services may not do."""
