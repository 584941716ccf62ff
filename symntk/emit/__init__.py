"""How it is written: stable forms, printers, the standalone module, LaTeX."""
