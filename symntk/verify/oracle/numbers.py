"""What the oracles compute with: mpmath numbers, floats, and SymPy numbers read to many digits."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

mp = mpmath.mp
Number = Any  # mpmath's mpf or mpc; mpmath carries no types
Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=8192)
def number(expr: sp.Expr, digits: int) -> Number:
    """A SymPy number as mpf (or mpc where its imaginary part is not zero), correct to `digits` digits.

    >>> import sympy as sp
    >>> number(sp.Rational(1, 4), 30)
    mpf('0.25')
    """
    with mp.workdps(digits):
        if expr.is_Rational:
            return mp.mpf(expr.p) / expr.q
        real, imaginary = (mp.mpf(part) for part in sp.N(expr, digits).as_real_imag())
        return real if imaginary == 0 else mp.mpc(real, imaginary)
