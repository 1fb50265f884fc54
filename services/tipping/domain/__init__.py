"""Tip jars, tips, and the links that lead to where they are paid."""
