"""How it is integrated: `solve` states the order of the methods, and each has its folder or file."""
