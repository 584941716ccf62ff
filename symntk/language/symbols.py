"""The symbols of the language: the variable `x`, the covariance's entries and the means, and parameters."""

from __future__ import annotations

import re

import sympy as sp

from symntk.errors import FormulaError

x = sp.Symbol("x", real=True)
var_u = sp.Symbol("var_u", positive=True)
var_v = sp.Symbol("var_v", positive=True)
cov = sp.Symbol("cov", real=True)
mean_u = sp.Symbol("mean_u", real=True)
mean_v = sp.Symbol("mean_v", real=True)

RESERVED = frozenset(symbol.name for symbol in (var_u, var_v, cov, mean_u, mean_v))
"""Names that no parameter may have: they are the arguments of every expectation."""

_ASSUMPTIONS = {
    "positive": {"positive": True},
    "real": {"real": True},
    "integer": {"integer": True, "positive": True},
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def parameter(name: str, domain: str = "positive") -> sp.Symbol:
    """The parameter of this name, "positive" (as in strings), "real" or "integer".

    Errors: FormulaError where the name is reserved or not letters, digits and underscores.

    >>> parameter("m").is_positive
    True
    """
    if not _NAME.fullmatch(name):
        advice = "a letter, then up to 31 letters, digits or underscores"
        raise FormulaError(f"the parameter name {name!r}", "it is not a name", advice)
    if name in RESERVED:
        wrong = "it is an argument of every expectation"
        raise FormulaError(f"the parameter name {name!r}", wrong, f"another name than {', '.join(sorted(RESERVED))}")
    if name == x.name:
        raise FormulaError("the parameter name 'x'", "x is the variable of the function", "another name")
    return sp.Symbol(name, **_ASSUMPTIONS[domain])
