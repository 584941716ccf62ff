"""Languages and libraries in which derived code runs."""
