"""Error bounds of the special functions in derived formulas, for arguments that carry bounds (see `tracked`).

First order in the arguments' errors, with slopes taken where they are largest; an entry whose arguments are too
uncertain for that has an infinite bound.
"""

from __future__ import annotations

import numpy as np
import scipy.special as special

from symntk.emit.runtime.bivariate import _BIVARIATE_ERROR, _exp_bivariate, _exp_normal_cdf
from symntk.emit.runtime.orthant import _exp_cosh, _exp_sinh
from symntk.emit.runtime.tracked import _LIBRARY, _UNIT, _track, _Tracked

_ROOT_TWO_PI = 2.5066282746310002
# Above this the error of an argument is no longer small against the scale on which a function changes.
_FIRST_ORDER = 0.05


def _exp_erfi(log_factor: np.ndarray, x: np.ndarray) -> np.ndarray:
    """exp(log_factor)·erfi(x), through Dawson's integral: erfi(x) = (2/√π) e^{x²} D(x).

    >>> print(_exp_erfi(np.array(-1e4), np.array(100.0)).round(12))
    0.005642177973
    """
    product: np.ndarray = 2.0 / np.sqrt(np.pi) * np.exp(log_factor + x * x) * special.dawsn(x)
    return product


def _t_normal_cdf(h: _Tracked | np.ndarray | float) -> _Tracked:
    """Φ(h)."""
    return _t_exp_normal_cdf(0.0, h)


def _t_exp_normal_cdf(q: _Tracked | np.ndarray | float, h: _Tracked | np.ndarray | float) -> _Tracked:
    """exp(q)·Φ(h)."""
    q, h = _track(q), _track(h)
    value = _exp_normal_cdf(q.value, h.value)
    nearest = np.maximum(np.abs(h.value) - h.error, 0.0)
    slope = np.exp(q.value - 0.5 * nearest * nearest) / _ROOT_TWO_PI
    own = _LIBRARY + _UNIT * (np.abs(q.value) + np.where(h.value < 0.0, h.value * h.value, 0.0))
    vague = q.error + np.maximum(np.abs(h.value), 1.0) * h.error > _FIRST_ORDER
    error = 1.1 * (slope * h.error + np.abs(value) * (q.error + own))
    return _Tracked(value, np.where(vague, np.inf, error))


def _t_exp_bivariate(
    q: _Tracked | np.ndarray | float,
    h: _Tracked | np.ndarray | float,
    k: _Tracked | np.ndarray | float,
    c: _Tracked | np.ndarray | float,
    d: _Tracked | np.ndarray | float,
) -> _Tracked:
    """exp(q)·Φ2(h, k; ρ), the correlation given by the pair (c, d) = (ρ, √(1 − ρ²)) up to a scale.

    ∂Φ2/∂h = φ(h) Φ(w), w = (k − ρh)/s; along the angle atan2(c, d) the slope is exp(−(h² + w²)/2)/2π.
    """
    q, h, k, c, d = _track(q), _track(h), _track(k), _track(c), _track(d)
    value = _exp_bivariate(q.value, h.value, k.value, c.value, d.value)
    length = np.hypot(c.value, d.value)
    rho, s = c.value / length, np.maximum(d.value / length, 1e-300)
    turn = np.hypot(c.error, d.error) / length
    first, second = (k.value - rho * h.value) / s, (h.value - rho * k.value) / s
    spread = (h.error + k.error + 2.0 * (np.abs(h.value) + np.abs(k.value)) * (turn + _UNIT)) / s
    slope_h = _exp_normal_cdf(q.value - 0.5 * np.maximum(np.abs(h.value) - h.error, 0.0) ** 2, first + spread)
    slope_k = _exp_normal_cdf(q.value - 0.5 * np.maximum(np.abs(k.value) - k.error, 0.0) ** 2, second + spread)
    distance = np.maximum(np.abs(first) - 2.0 * spread, 0.0)
    slope_turn = np.exp(q.value - 0.5 * (np.maximum(np.abs(h.value) - h.error, 0.0) ** 2 + distance**2)) / (2.0 * np.pi)
    size = np.abs(value)
    logarithm = np.where(size > 0.0, np.abs(np.log(np.where(size > 0.0, size, 1.0)) - q.value), 0.0)
    own = _BIVARIATE_ERROR * (1.0 + np.abs(q.value) + logarithm)
    passed = (slope_h * h.error + slope_k * k.error) / _ROOT_TWO_PI + slope_turn * turn
    vague = q.error + np.maximum(np.abs(h.value), 1.0) * h.error > _FIRST_ORDER
    vague |= (np.maximum(np.abs(k.value), 1.0) * k.error > _FIRST_ORDER) | (turn > _FIRST_ORDER * s)
    return _Tracked(value, np.where(vague, np.inf, 1.1 * (passed + size * (q.error + own))))


def _t_exp_sinh(p: _Tracked | np.ndarray | float, q: _Tracked | np.ndarray | float) -> _Tracked:
    """exp(p)·sinh(q)."""
    p, q = _track(p), _track(q)
    value = _exp_sinh(p.value, q.value)
    error = np.abs(value) * (p.error + 2.0 * _LIBRARY) + _exp_cosh(p.value, q.value) * q.error
    return _Tracked(value, np.where(p.error + q.error > _FIRST_ORDER, np.inf, 1.1 * error))


def _t_exp_cosh(p: _Tracked | np.ndarray | float, q: _Tracked | np.ndarray | float) -> _Tracked:
    """exp(p)·cosh(q)."""
    p, q = _track(p), _track(q)
    value = _exp_cosh(p.value, q.value)
    error = np.abs(value) * (p.error + q.error + 2.0 * _LIBRARY)
    return _Tracked(value, np.where(p.error + q.error > _FIRST_ORDER, np.inf, 1.1 * error))


def _t_exp_erfi(p: _Tracked | np.ndarray | float, x: _Tracked | np.ndarray | float) -> _Tracked:
    """exp(p)·erfi(x)."""
    p, x = _track(p), _track(x)
    value = _exp_erfi(p.value, x.value)
    own = _LIBRARY + 2.0 * _UNIT * (np.abs(p.value) + x.value * x.value)
    error = np.abs(value) * (p.error + own) + 1.2 * np.exp(p.value + x.value * x.value) * x.error
    vague = p.error + np.maximum(np.abs(x.value), 1.0) * x.error > _FIRST_ORDER
    return _Tracked(value, np.where(vague, np.inf, 1.1 * error))
