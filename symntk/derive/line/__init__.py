"""One normal variable: the rules beyond the four moves, and what deltas and constants leave of two."""
