"""Numerical helpers; their source is copied into exported modules."""
