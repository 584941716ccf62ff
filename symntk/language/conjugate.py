"""Sums with a root that cancel, as quotients that do not: p + s = (p² − s²)/(p − s), p and s² rational."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

_MOST_TERMS = 2  # of the numerator: a longer one cancels by itself


class Conjugate(NamedTuple):
    """p + s with s a root; `top` is p² − s², a short rational function."""

    p: sp.Expr
    s: sp.Expr
    top: sp.Expr


def conjugate(total: sp.Expr, x: sp.Symbol) -> Conjugate | None:
    """The sum's parts where p² − s² is so short that (p² − s²)/(p − s) keeps the digits that p + s may lose.

    >>> x = sp.Symbol("x", real=True)
    >>> conjugate(x + sp.sqrt(x**2 + 4), x).top
    -4
    """
    roots = [term for term in total.args if not term.is_rational_function(x)]
    if len(roots) != 1:
        return None
    s, p = roots[0], sp.Add(*(term for term in total.args if term is not roots[0]))
    if not (p.is_rational_function(x) and (s**2).is_rational_function(x)):
        return None
    top = sp.factor(sp.together(p**2 - s**2))
    numerator = sp.expand(sp.numer(top))
    return Conjugate(p, s, top) if len(sp.Add.make_args(numerator)) <= _MOST_TERMS else None
