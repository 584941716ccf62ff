"""The law of two normal variables in numbers, as every oracle reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import DomainError
from symntk.verify.oracle.numbers import Number, mp, number

ASKED = "a numerical expectation"
"""What errors of the oracles say was asked for."""


@dataclass(frozen=True)
class Law:
    """(u, v) ~ N((m1, m2), [[a, c], [c, b]]), and the determinant a·b − c², which is exactly 0 at full correlation."""

    a: Number
    b: Number
    c: Number
    m1: Number
    m2: Number
    determinant: Number

    def swapped(self) -> Law:
        """The law of (v, u)."""
        return replace(self, a=self.b, b=self.a, m1=self.m2, m2=self.m1)

    def rounded(self) -> Law:
        """The same numbers at the working precision."""
        return Law(+self.a, +self.b, +self.c, +self.m1, +self.m2, +self.determinant)

    @property
    def slope(self) -> Number:
        """The derivative of E[v | u] in u."""
        return self.c / self.a

    @property
    def remainder(self) -> Number:
        """The variance of v given u."""
        return self.determinant / self.a

    def log_density(self, u: Number) -> Number:
        """The logarithm of N(u; m1, a)."""
        return -((u - self.m1) ** 2) / (2 * self.a) - mp.log(2 * mp.pi * self.a) / 2


def read_law(var_u: Any, var_v: Any, cov: Any, mean_u: Any, mean_v: Any, dps: int) -> Law:
    """Read the five numbers exactly, or to thrice the digits; a determinant below 0 by rounding alone is 0.

    Raises:
        DomainError: they are no covariance, or no numbers.

    >>> read_law(1, 4, 2, 0, 0, 20).determinant
    mpf('0.0')
    """
    digits = 3 * dps + 60
    with mp.workdps(digits):
        a, b, c, m1, m2 = (_scalar(value, digits) for value in (var_u, var_v, cov, mean_u, mean_v))
        determinant = a * b - c * c
        if any(isinstance(value, sp.Basic) for value in (var_u, var_v, cov)):
            a_exact, b_exact, c_exact = (sp.sympify(value, strict=True) for value in (var_u, var_v, cov))
            exact = sp.expand(a_exact * b_exact - c_exact**2)
            determinant = mp.mpf(0) if exact == 0 else determinant
        if abs(determinant) < mp.mpf(10) ** (20 - digits) * a * b:
            determinant = mp.mpf(0)
        floats = any(isinstance(value, float | np.floating) for value in (var_u, var_v, cov))
        rounding = mp.mpf(2) ** -50 if floats else mp.mpf(10) ** (3 - dps)
        if a < 0 or b < 0 or not all(mp.isfinite(x) for x in (a, b, c, m1, m2)) or determinant < -rounding * a * b:
            text = f"[[{mp.nstr(a, 17)}, {mp.nstr(c, 17)}], [·, {mp.nstr(b, 17)}]] is not a covariance"
            raise DomainError(ASKED, text, "var_u, var_v ≥ 0 and cov² ≤ var_u·var_v")
        return Law(a, b, c, m1, m2, max(determinant, mp.mpf(0)))


def _scalar(value: Any, digits: int) -> Number:
    if isinstance(value, sp.Basic):
        if value.free_symbols:
            raise DomainError(ASKED, f"{value} is not a number", "numbers for variances, covariance and means")
        return mp.re(number(value, digits))
    return mp.mpf(float(value)) if isinstance(value, np.floating) else mp.mpf(value)
