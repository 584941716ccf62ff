"""Error bounds of the special functions in derived formulas, for arguments that carry bounds (see `tracked`).

First order in the arguments' errors, with slopes taken where they are largest; an entry whose arguments are too
uncertain for that has an infinite bound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.special as special

from symntk.emit.runtime.bivariate import _BIVARIATE_ERROR, _exp_bivariate, _exp_normal_cdf
from symntk.emit.runtime.bivariate_one import _one_exp_bivariate, _one_exp_normal_cdf
from symntk.emit.runtime.orthant import _exp_cosh, _exp_sinh
from symntk.emit.runtime.tracked import _LIBRARY, _UNIT, _ones, _track, _Tracked, _TrackedOne

if TYPE_CHECKING:
    from typing import Any

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


def _t_normal_cdf(h: Any) -> Any:
    """Φ(h)."""
    return _t_exp_normal_cdf(0.0, h)


def _t_exp_normal_cdf(q: Any, h: Any) -> Any:
    """exp(q)·Φ(h)."""
    ones = _ones(q, h)
    if ones is not None:
        return _one_t_exp_normal_cdf(*ones)
    q, h = _track(q), _track(h)
    value = _exp_normal_cdf(q.value, h.value)
    nearest = np.maximum(np.abs(h.value) - h.error, 0.0)
    slope = np.exp(q.value - 0.5 * nearest * nearest) / _ROOT_TWO_PI
    own = _LIBRARY + _UNIT * (np.abs(q.value) + np.where(h.value < 0.0, h.value * h.value, 0.0))
    vague = q.error + np.maximum(np.abs(h.value), 1.0) * h.error > _FIRST_ORDER
    error = 1.1 * (slope * h.error + np.abs(value) * (q.error + own))
    return _Tracked(value, np.where(vague, np.inf, error))


def _one_t_exp_normal_cdf(q: _TrackedOne, h: _TrackedOne) -> _TrackedOne:
    """`_t_exp_normal_cdf` of single values."""
    value, size = _one_exp_normal_cdf(q.value, h.value), abs(h.value)
    nearest = max(size - h.error, 0.0)
    slope = math.exp(q.value - 0.5 * nearest * nearest) / _ROOT_TWO_PI
    own = _LIBRARY + _UNIT * (abs(q.value) + (size * size if h.value < 0.0 else 0.0))
    if not q.error + max(size, 1.0) * h.error <= _FIRST_ORDER:
        raise ValueError("an argument that is too uncertain")
    return _TrackedOne(value, 1.1 * (slope * h.error + abs(value) * (q.error + own)))


def _t_exp_bivariate(q: Any, h: Any, k: Any, c: Any, d: Any) -> Any:
    """exp(q)·Φ2(h, k; ρ), the correlation given by the pair (c, d) = (ρ, √(1 − ρ²)) up to a scale.

    ∂Φ2/∂h = φ(h) Φ(w), w = (k − ρh)/s; along the angle atan2(c, d) the slope is exp(−(h² + w²)/2)/2π.
    """
    ones = _ones(q, h, k, c, d)
    if ones is not None:
        return _one_t_exp_bivariate(*ones)
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


def _one_t_exp_bivariate(q: _TrackedOne, h: _TrackedOne, k: _TrackedOne, c: _TrackedOne, d: _TrackedOne) -> _TrackedOne:
    """`_t_exp_bivariate` of single values."""
    value = _one_exp_bivariate(q.value, h.value, k.value, c.value, d.value)
    length = math.hypot(c.value, d.value)
    rho, s, turn = c.value / length, d.value / length, math.hypot(c.error, d.error) / length
    far_h, far_k = abs(h.value), abs(k.value)
    near_h, near_k = max(far_h - h.error, 0.0), max(far_k - k.error, 0.0)
    first, second = (k.value - rho * h.value) / s, (h.value - rho * k.value) / s
    spread = (h.error + k.error + 2.0 * (far_h + far_k) * (turn + _UNIT)) / s
    slope_h = _one_exp_normal_cdf(q.value - 0.5 * near_h**2, first + spread)
    slope_k = _one_exp_normal_cdf(q.value - 0.5 * near_k**2, second + spread)
    distance = max(abs(first) - 2.0 * spread, 0.0)
    slope_turn = math.exp(q.value - 0.5 * (near_h**2 + distance**2)) / (2.0 * math.pi)
    own = _BIVARIATE_ERROR * (1.0 + abs(q.value) + (abs(math.log(value) - q.value) if value > 0.0 else 0.0))
    passed = (slope_h * h.error + slope_k * k.error) / _ROOT_TWO_PI + slope_turn * turn
    uncertain = max(q.error + max(far_h, 1.0) * h.error, max(far_k, 1.0) * k.error, turn / s)
    if not uncertain <= _FIRST_ORDER:
        raise ValueError("an argument that is too uncertain")
    return _TrackedOne(value, 1.1 * (passed + value * (q.error + own)))


def _t_exp_sinh(p: Any, q: Any) -> Any:
    """exp(p)·sinh(q)."""
    ones = _ones(p, q)
    if ones is not None:
        return _one_t_exp_sinh(*ones)
    p, q = _track(p), _track(q)
    value = _exp_sinh(p.value, q.value)
    error = np.abs(value) * (p.error + 2.0 * _LIBRARY) + _exp_cosh(p.value, q.value) * q.error
    return _Tracked(value, np.where(p.error + q.error > _FIRST_ORDER, np.inf, 1.1 * error))


def _one_t_exp_sinh(p: _TrackedOne, q: _TrackedOne) -> _TrackedOne:
    """`_t_exp_sinh` of single values."""
    power, size = _one_exp_sum(p.value, abs(q.value)), abs(q.value)
    value = -0.5 * math.copysign(power, q.value) * math.expm1(-2.0 * size)
    cosh = 0.5 * power * (1.0 + math.exp(-2.0 * size))
    if not p.error + q.error <= _FIRST_ORDER:
        raise ValueError("an argument that is too uncertain")
    return _TrackedOne(value, 1.1 * (abs(value) * (p.error + 2.0 * _LIBRARY) + cosh * q.error))


def _one_exp_sum(p: float, q: float) -> float:
    """`_exp_sum` of single values."""
    total = p + q
    part = total - p
    return math.exp(total) * (1.0 + ((p - (total - part)) + (q - part)))


def _t_exp_cosh(p: Any, q: Any) -> _Tracked:
    """exp(p)·cosh(q)."""
    p, q = _track(p), _track(q)
    value = _exp_cosh(p.value, q.value)
    error = np.abs(value) * (p.error + q.error + 2.0 * _LIBRARY)
    return _Tracked(value, np.where(p.error + q.error > _FIRST_ORDER, np.inf, 1.1 * error))


def _t_exp_erfi(p: Any, x: Any) -> _Tracked:
    """exp(p)·erfi(x)."""
    p, x = _track(p), _track(x)
    value = _exp_erfi(p.value, x.value)
    own = _LIBRARY + 2.0 * _UNIT * (np.abs(p.value) + x.value * x.value)
    error = np.abs(value) * (p.error + own) + 1.2 * np.exp(p.value + x.value * x.value) * x.error
    vague = p.error + np.maximum(np.abs(x.value), 1.0) * x.error > _FIRST_ORDER
    return _Tracked(value, np.where(vague, np.inf, 1.1 * error))
