"""What can be said: symbols, special functions, tables, parser, normal form."""
