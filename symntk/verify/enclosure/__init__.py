"""Intervals that are proven to hold an expectation."""
