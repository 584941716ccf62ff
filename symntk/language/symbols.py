"""The symbols of every formula: a, b, c for the covariance, m1, m2 for the means, x for a function's variable.

In code these are `var_u, var_v, cov, mean_u, mean_v`, in this order; in formulas they print as in the papers.
"""

from __future__ import annotations

import sympy as sp

x = sp.Symbol("x", real=True)
var_u, var_v = sp.symbols("a b", positive=True)
cov = sp.Symbol("c", real=True)
mean_u, mean_v = sp.symbols("m1 m2", real=True)

STATE = (var_u, var_v, cov, mean_u, mean_v)
STATE_NAMES = ("var_u", "var_v", "cov", "mean_u", "mean_v")
RESERVED = frozenset({s.name for s in STATE} | set(STATE_NAMES))


def parameter(name: str) -> sp.Symbol:
    """The symbol of a parameter that was named in a string: declared positive.

    >>> parameter("m").is_positive
    True
    """
    return sp.Symbol(name, positive=True)
