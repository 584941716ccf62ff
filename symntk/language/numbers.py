"""Formulas as functions of mpmath numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.special.table import numbers

_FARTHEST = 2.0**40  # of an exponent: reducing a larger one takes as many bits as it is long


def _exp(w: Any) -> Any:
    """e^w; 0 for e^−10¹² and less, as a tower of exponentials has, and OverflowError on the other side."""
    real = mp.re(w)
    if real < -_FARTHEST:
        return mp.zero
    if real > _FARTHEST:
        raise OverflowError("an exponential beyond all use")
    return mp.exp(w)


@lru_cache(maxsize=512)
def number_function(expr: sp.Expr, x: sp.Symbol) -> Callable[[Any], Any]:
    """The formula as a function of mpmath numbers at the working precision."""
    made: Callable[[Any], Any] = sp.lambdify(x, expr, modules=[{"exp": _exp} | numbers(), "mpmath"])
    return made
