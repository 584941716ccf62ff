"""The normal distribution function at complex arguments: steps against sines and cosines."""

from __future__ import annotations

import numpy as np
import scipy.special as special

from symntk.emit.runtime.tracked import _UNIT, _track, _Tracked


def _exp_complex_normal_cdf(
    log_real: np.ndarray, log_imag: np.ndarray, h_real: np.ndarray, h_imag: np.ndarray
) -> np.ndarray:
    """exp(q)·Φ(h) for complex q and h, through the Faddeeva function w; complex128, shapes broadcast.

    Φ(h) = e^{−h²/2} w(−ih/√2)/2 for Re h ≤ 0, and 1 − Φ(−h) else; the exponents are merged before exp.

    >>> print(np.round(_exp_complex_normal_cdf(np.array(0.0), np.array(0.0), np.array(-1.0), np.array(0.0)), 12))
    (0.158655253931+0j)
    """
    q, h = log_real + 1j * log_imag, h_real + 1j * h_imag
    above = h.real > 0.0
    lower = np.where(above, -h, h)
    tail = 0.5 * np.exp(q - 0.5 * h * h) * special.wofz(-1j * lower / np.sqrt(2.0))
    product: np.ndarray = np.where(above, np.exp(q) - tail, tail)
    return product


class _TrackedComplex:
    """A complex number with error bounds of its parts."""

    def __init__(self, value: np.ndarray, error: np.ndarray) -> None:
        self.real = _Tracked(value.real, error)
        self.imag = _Tracked(value.imag, error)


def _t_exp_complex_normal_cdf(
    log_real: _Tracked | np.ndarray | float,
    log_imag: _Tracked | np.ndarray | float,
    h_real: _Tracked | np.ndarray | float,
    h_imag: _Tracked | np.ndarray | float,
) -> _TrackedComplex:
    """exp(q)·Φ(h) with error bounds, first order in those of q and h; the slope in h is exp(q − h²/2)/√(2π)."""
    parts = [_track(part) for part in (log_real, log_imag, h_real, h_imag)]
    value = _exp_complex_normal_cdf(*(part.value for part in parts))
    q_error, h_error = parts[0].error + parts[1].error, parts[2].error + parts[3].error
    square = parts[2].value ** 2 + parts[3].value ** 2
    slope = np.exp(parts[0].value + 0.5 * (parts[3].value ** 2 - parts[2].value ** 2)) / np.sqrt(2.0 * np.pi)
    size = np.abs(value) + slope / np.maximum(np.sqrt(square), 1.0)
    own = 16.0 * _UNIT * (1.0 + np.abs(parts[0].value) + np.abs(parts[1].value) + square)
    vague = q_error + np.maximum(np.sqrt(square), 1.0) * h_error > 0.05
    return _TrackedComplex(value, np.where(vague, np.inf, 1.1 * (slope * h_error + size * (q_error + own))))
