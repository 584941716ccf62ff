"""Functions of `scaled`, and others that no library has, by the functions of a library: NumPy with SciPy, or code's.

What the package evaluates and what exported modules hold is the same formula. A library has NumPy's names, `where` for
choices, and SciPy's special functions.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import numpy as np

from symntk.language.special.late import special

_FAR = 6.5  # beyond, the asymptotic series of 24 terms of ierfcx has its digits
_TERMS = 24


class _Arrays:
    """NumPy and `scipy.special` as one library."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name) if hasattr(np, name) else getattr(special, name)


ARRAYS = _Arrays()


def normal_pdf(w: Any, library: Any = ARRAYS) -> Any:
    """The density exp(−w²/2)/√(2π)."""
    return library.exp(-0.5 * w * w) * (2.0 * pi) ** -0.5


def sech(w: Any, library: Any = ARRAYS) -> Any:
    """1/cosh w."""
    return 1.0 / library.cosh(w)


def logcosh(w: Any, library: Any = ARRAYS) -> Any:
    """Log cosh w."""
    size = library.abs(w)
    near = library.log1p(2.0 * library.sinh(0.5 * w) ** 2)
    return library.where(size < 1.0, near, size + library.log1p(library.exp(-2.0 * size)) - log(2.0))


def ierfcx(w: Any, library: Any = ARRAYS) -> Any:
    """1/√π − w erfcx(w)."""
    q, total = 0.5 / (w * w), 0.0
    for k in range(_TERMS, 0, -1):
        total = (2.0 * k - 1.0) * q * (1.0 - total)
    return library.where(w > _FAR, total, 1.0 - sqrt(pi) * w * library.erfcx(w)) / sqrt(pi)


def inverse_mills(w: Any, library: Any = ARRAYS) -> Any:
    """φ(w)/Φ(w)."""
    return sqrt(2.0 / pi) / library.erfcx(-sqrt(0.5) * w)


def mills_excess(x: Any, library: Any = ARRAYS) -> Any:
    """X + φ(x)/Φ(x)."""
    w = -sqrt(0.5) * x
    scaled = library.erfcx(w)
    return library.where(x < 0.0, sqrt(2.0) * ierfcx(w, library) / scaled, x + sqrt(2.0 / pi) / scaled)


def softplus_ratio(w: Any, library: Any = ARRAYS) -> Any:
    """log(1 + e^w)/e^w."""
    return library.where(w < -37.0, 1.0, library.logaddexp(0.0, w) * library.exp(-w))
