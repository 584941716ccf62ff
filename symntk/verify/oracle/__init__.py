"""Numbers for E[f(u) g(v)] from quadrature, independent of the derivation."""
