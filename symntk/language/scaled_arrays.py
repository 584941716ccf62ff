"""The functions of `scaled` in float64 arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

_FAR = 6.5  # beyond, the asymptotic series of 24 terms of ierfcx has its digits
_TERMS = 24


def _logcosh_array(w: Any) -> Any:
    size = np.abs(w)
    return np.where(size < 1, np.log1p(2 * np.sinh(w / 2) ** 2), size + np.log1p(np.exp(-2 * size)) - np.log(2.0))


def _ierfcx_array(w: Any) -> Any:
    q, total = 0.5 / np.square(w), 0.0
    for k in range(_TERMS, 0, -1):
        total = (2 * k - 1) * q * (1 - total)
    return np.where(w > _FAR, total, 1 - np.sqrt(np.pi) * w * special.erfcx(w)) / np.sqrt(np.pi)


def _excess_array(x: Any) -> Any:
    w = -x / np.sqrt(2.0)
    near = x + np.sqrt(2 / np.pi) / special.erfcx(w)
    return np.where(w > 0, np.sqrt(2.0) * _ierfcx_array(w) / special.erfcx(w), near)


ARRAYS: dict[str, Callable[[Any], Any]] = {
    "logcosh": _logcosh_array,
    "log_normal_cdf": special.log_ndtr,
    "inverse_mills": lambda w: np.sqrt(2 / np.pi) / special.erfcx(-w / np.sqrt(2.0)),
    "mills_excess": _excess_array,
    "erfcx": special.erfcx,
    "ierfcx": _ierfcx_array,
    "softplus_ratio": lambda w: np.where(w < -37.0, 1.0, np.logaddexp(0.0, w) * np.exp(-w)),
}
"""By name; call them under np.errstate(all="ignore")."""
