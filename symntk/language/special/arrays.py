"""Functions of `scaled` in float64 arrays, where SciPy has none, and beside each its source, with {} for the argument.

What the package evaluates and what exported modules hold is the same formula; a test compares them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symntk.language.special.late import special

_FAR = 6.5  # beyond, the asymptotic series of 24 terms of ierfcx has its digits
_TERMS = 24
_DOWN = repr(-float(np.sqrt(0.5)))
_ROOT_TWO_OVER_PI = repr(float(np.sqrt(2.0 / np.pi)))


def _of_w(body: str) -> str:
    """Source of a function of w, whose argument is computed once."""
    return f"(lambda w: {body})({{}})"


def logcosh(w: Any) -> Any:
    """Log cosh w."""
    size = np.abs(w)
    return np.where(size < 1, np.log1p(2 * np.sinh(w / 2) ** 2), size + np.log1p(np.exp(-2 * size)) - np.log(2.0))


_NEAR, _FAR_OUT = "np.log1p(2.0 * np.sinh(0.5 * w) ** 2)", "np.abs(w) + np.log1p(np.exp(-2.0 * np.abs(w)))"
LOGCOSH = _of_w(f"np.where(np.abs(w) < 1.0, {_NEAR}, {_FAR_OUT} - {float(np.log(2.0))!r})")


def ierfcx(w: Any) -> Any:
    """1/√π − w erfcx(w)."""
    q, total = 0.5 / np.square(w), 0.0
    for k in range(_TERMS, 0, -1):
        total = (2 * k - 1) * q * (1 - total)
    return np.where(w > _FAR, total, 1 - np.sqrt(np.pi) * w * special.erfcx(w)) / np.sqrt(np.pi)


def _ierfcx_source(w: str) -> str:
    """By its asymptotic series, and nearer by the difference."""
    inverse_square, series = f"(0.5 / np.square({w}))", "1.0"
    for k in range(_TERMS - 1, 0, -1):
        series = f"1.0 - {2.0 * k + 1.0} * q * ({series})"
    far = f"(lambda q: q * ({series}))({inverse_square})"
    near = f"1.0 - {float(np.sqrt(np.pi))!r} * {w} * special.erfcx({w})"
    return f"({float(1.0 / np.sqrt(np.pi))!r} * np.where({w} > {_FAR}, {far}, {near}))"


IERFCX = _of_w(_ierfcx_source("w"))


def inverse_mills(w: Any) -> Any:
    """φ(w)/Φ(w)."""
    return np.sqrt(2 / np.pi) / special.erfcx(-w / np.sqrt(2.0))


INVERSE_MILLS = _of_w(f"{_ROOT_TWO_OVER_PI} / special.erfcx({_DOWN} * w)")


def mills_excess(x: Any) -> Any:
    """X + φ(x)/Φ(x)."""
    w = -x / np.sqrt(2.0)
    near = x + np.sqrt(2 / np.pi) / special.erfcx(w)
    return np.where(w > 0, np.sqrt(2.0) * ierfcx(w) / special.erfcx(w), near)


_BELOW = f"{-2.0 * float(_DOWN)!r} * {_ierfcx_source(f'({_DOWN} * w)')} / special.erfcx({_DOWN} * w)"
MILLS_EXCESS = _of_w(f"np.where(w < 0.0, {_BELOW}, w + {_ROOT_TWO_OVER_PI} / special.erfcx({_DOWN} * w))")


def softplus_ratio(w: Any) -> Any:
    """log(1 + e^w)/e^w."""
    return np.where(w < -37.0, 1.0, np.logaddexp(0.0, w) * np.exp(-w))


SOFTPLUS_RATIO = _of_w("np.where(w < -37.0, 1.0, np.logaddexp(0.0, w) * np.exp(-w))")
