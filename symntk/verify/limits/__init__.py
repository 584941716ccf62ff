"""Limits and rates: how what is computed behaves towards the ends of its parameters."""
