"""What people look at: kernels, tables and checks as text, LaTeX and JSON."""
