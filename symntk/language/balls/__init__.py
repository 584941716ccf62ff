"""Enclosures: what values an expression can take around a complex point."""
