"""Tipping: tip jars and tips. No money passes through; links come from fixed templates."""
