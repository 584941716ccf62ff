"""The polynomial that stands for a function next to a place where it is infinite but integrable.

Comes in: a part of a general form, a break of it, and an interval next to that. Goes out: the polynomial of degree 7
with the function's moments there (see `runtime/cores`), found at high precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.polynomial.legendre import legvander

from symntk.emit.code import Node, call
from symntk.language.forms.growth import SMOOTH, exact_place, exactly
from symntk.language.forms.order import place
from symntk.language.symbols import x

DEGREE = 7  # of the polynomial; at 0 the core is so short that a constant serves
_LARGEST = 9e3  # of |x/t − 1|^p at the end of a core: the rounding of x moves values by less than 1e-12
_SHORTEST, _LONGEST = 2.0**-44, 1e-3  # of |t|
_STEP, _REACH = 1.0 / 16.0, 3.2  # of the tanh-sinh rule, and its far end: e^-38 is left out
_DIGITS = 30


@dataclass(frozen=True)
class Core:
    """On (place, place + width), width of either sign, the Legendre coefficients of what replaces |x − place|^power."""

    place: float
    width: float
    power: float
    coefficients: tuple[float, ...]

    @property
    def code(self) -> Node:
        """As `_cored` reads it."""
        return call("tuple", self.place, self.width, self.power, call("list", *self.coefficients))


def core_width(point: float, power: float) -> float:
    """How long the core next to a break should be: short, but the rounding of x must not count outside of it."""
    if power >= SMOOTH:
        return _SHORTEST * abs(point)
    return abs(point) * min(max(float(_LARGEST ** (1.0 / power)), _SHORTEST), _LONGEST)


@lru_cache(maxsize=256)
def core(part: sp.Expr, point: sp.Expr, width: float, power: float) -> Core | None:
    """The core of the part between the break and `width` beyond it; None where its integral is not found.

    ∫ F(δ) P(δ) dδ by the tanh-sinh rule, which comes as near to the break as is needed.

    >>> one = core(x ** sp.Rational(-1, 2), sp.S.Zero, 0.25, -0.5)
    >>> one.coefficients[0]  # the mean of x^(-1/2) on (0, 1/4)
    4.0
    """
    found = []
    digits = _DIGITS + int(18.0 / (1.0 + power))  # the rule comes as close to the break as that
    with mp.workdps(digits):
        at, degree = exact_place(point), DEGREE if point else 0
        first = -int(math.asinh(40.0 / (math.pi * (1.0 + power))) / _STEP) - 1
        sums: list[list[Any]] = [[mp.zero] * (degree + 1) for _ in range(2)]
        for k in range(first, int(_REACH / _STEP) + 1):
            t = k * mp.mpf(_STEP)
            inverse = mp.exp(-mp.pi * mp.sinh(t))
            share = 1 / (1 + inverse)
            value = exactly(part, x, at + mp.mpf(width) * share)
            if value is None:
                return None
            value *= mp.pi * mp.cosh(t) * share * share * inverse * _STEP
            shifted = legvander(np.array([2 * share - 1]), DEGREE)[0]
            for j in range(degree + 1):
                sums[0][j] += value * shifted[j]
                sums[1][j] += 2 * value * shifted[j] if k % 2 == 0 else 0
        found = [[float((2 * j + 1) * total) for j, total in enumerate(one)] for one in sums]
    if max(abs(p - q) for p, q in zip(*found, strict=True)) > 1e-9 * abs(found[0][0]):
        return None
    return Core(float(place(point)), width, power, tuple(found[0]))
