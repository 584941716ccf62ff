"""The symbols of every formula: a, b, c for the covariance, m1, m2 for the means, x for a function's variable.

In code these are `var_u, var_v, cov, mean_u, mean_v`, in this order; in formulas they print as in the papers.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import sympy as sp

from symntk.errors import FormulaError

__all__ = ["STATE", "cov", "mean_u", "mean_v", "parameter", "var_u", "var_v", "x"]

x = sp.Symbol("x", real=True)
var_u, var_v = sp.symbols("a b", positive=True)
cov = sp.Symbol("c", real=True)
mean_u, mean_v = sp.symbols("m1 m2", real=True)


class Symbols(NamedTuple):
    """The symbols of every formula, to differentiate by and to put numbers in: a Symbol("c") of one's own is another.

    >>> import sympy as sp
    >>> formula = SYMBOLS.c**2 / SYMBOLS.a
    >>> formula.diff(SYMBOLS.c), formula.diff(sp.Symbol("c"))
    (2*c/a, 0)
    """

    a: sp.Symbol
    b: sp.Symbol
    c: sp.Symbol
    m1: sp.Symbol
    m2: sp.Symbol
    x: sp.Symbol


STATE = (var_u, var_v, cov, mean_u, mean_v)
SYMBOLS = Symbols(*STATE, x)
"""Variances a and b, covariance c and means m1, m2 of (u, v) in formulas; the variable x of a function."""
STATE_NAMES = ("var_u", "var_v", "cov", "mean_u", "mean_v")
RESERVED = frozenset({s.name for s in STATE} | set(STATE_NAMES) | {"dps"})
"""Names that no parameter may have: they stand for the covariance and the means in every result."""

DOMAINS: dict[str, dict[str, bool]] = {
    "positive": {"positive": True},
    "real": {"real": True},
    "integer": {"integer": True, "positive": True},
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def parameter(name: str, domain: str = "positive") -> sp.Symbol:
    """The symbol of a parameter, in strings declared positive; `domain` is a key of `DOMAINS`.

    Errors: FormulaError where the name is not letters, digits and underscores, or is taken.

    >>> parameter("m").is_positive
    True
    """
    asked = f"the parameter name {name[:40]!a}"
    if not _NAME.fullmatch(name):
        raise FormulaError(asked, "it is not a name", "a letter, then up to 31 letters, digits or underscores")
    if name in RESERVED:
        wrong = "it stands for an entry of the covariance or for a mean"
        raise FormulaError(asked, wrong, f"another name than {', '.join(sorted(RESERVED))}")
    if name == x.name:
        raise FormulaError(asked, "x is the variable of the function", "another name")
    return sp.Symbol(name, **DOMAINS[domain])
