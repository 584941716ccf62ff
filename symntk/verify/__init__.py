"""How it is believed: the independent oracle, limits and rates, certificates."""
