"""The normal distribution functions of `bivariate` at one place, in Python's floats: the same formulas and choices.

Where a division by 0 or an overflow stands for a limit it is an ArithmeticError, and the caller takes the way of
arrays. Copied verbatim into exported modules, which import NumPy and SciPy only.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special as special

from symntk.emit.runtime.bivariate import _EDGE_RULE, _WEDGE_RULE, _scaled_normal_interval

_ROOT_HALF = math.sqrt(0.5)
_WEDGE_PAIRS = list(zip(_WEDGE_RULE[0][9:].tolist(), _WEDGE_RULE[1][9:].tolist(), strict=True))
_EDGE_PAIRS = list(zip((1.0 + _EDGE_RULE[0]).tolist(), _EDGE_RULE[1].tolist(), strict=True))
# Wedges of the last places: a formula has the same one with several signs.
_WEDGES: dict[tuple[float, float, float, float, bool, bool], tuple[float, float]] = {}
_WEDGES_HELD = 64


def _one_exp_normal_cdf(log_factor: float, h: float) -> float:
    """exp(log_factor)·Φ(h), as `_exp_normal_cdf`.

    >>> print(f"{_one_exp_normal_cdf(5000.0, -100.0):.13f}")
    0.0039890239814
    """
    below = min(h, 0.0)
    cdf = 0.5 * (float(special.erfcx(-h * _ROOT_HALF)) if h < 0.0 else math.erfc(-h * _ROOT_HALF))
    root = math.exp(0.5 * (log_factor - 0.5 * below**2))
    return cdf * root * root


def _one_exp_bivariate(log_factor: float, h: float, k: float, c: float, d: float) -> float:
    """exp(log_factor)·Φ2(h, k; c/√(c² + d²)), as `_exp_bivariate`, for d > 0.

    >>> print(f"{_one_exp_bivariate(0.0, 0.0, 0.0, 0.5, 0.75 ** 0.5):.14f}")
    0.33333333333333
    """
    rising, c = c >= 0.0, abs(c)
    h, k = max(min(h, 1e150), -1e150), max(min(k, 1e150), -1e150)
    a, b, low = max(abs(h), abs(k)), min(abs(h), abs(k)), -min(h, k)
    upper, mixed = h >= 0.0 and k >= 0.0, (h >= 0.0) != (k >= 0.0)
    key = a, b, c, d, mixed and not rising, mixed == rising
    found = _WEDGES.get(key)
    if found is None:
        if len(_WEDGES) >= _WEDGES_HELD:
            _WEDGES.clear()
        found = _WEDGES[key] = _one_wedge(*key)
    value, place = found
    less, base = mixed and rising, 0.0
    if upper:
        base = 0.5 * (math.erf(h * _ROOT_HALF) + math.erf(k * _ROOT_HALF))
    elif less:
        base = 0.5 * float(special.erfcx(low * _ROOT_HALF))
    elif mixed and low < a:
        base = float(_scaled_normal_interval(np.array([low]), np.array([a]))[0])
    alone = base == 0.0
    reach = a if alone else 0.0 if upper else low
    value *= math.exp(-0.5 * ((a - reach) * (a + reach) + (0.0 if alone else place * place)))
    total = base - value if less else base + value
    root = math.exp(0.5 * (log_factor - 0.5 * (reach * reach + (place * place if alone else 0.0))))
    return total * root * root


def _one_wedge(a: float, b: float, c: float, d: float, mixed: bool, opposed: bool) -> tuple[float, float]:
    """The value and the place of `_bivariate_wedge`."""
    norm = math.hypot(c, d)
    per_s, cot, tau = norm / d, c / d, d / (norm + c)
    lean = (a - b) * per_s - a * tau
    q = b * per_s + a * cot if opposed else lean if mixed else -lean
    p = a * per_s + b * cot if opposed else (a - b) * per_s + b * tau
    q, p = max(min(q, 1e150), -1e150), min(p, 1e150)
    small = a * a + q * q < 4.0 or (mixed and p < 2.0 and q >= -1.0)
    flipped = q < (-1.0 if small else 0.0)
    q = -q if flipped else q
    if small:
        value = _one_wedge_integral(a, q, math.atan2(d, -c if (opposed or mixed) == flipped else c))
    elif mixed and not flipped:
        value = _one_edge_integral(a, b, q)
    else:
        second = _one_edge_integral(b, 0.0, p)
        value = _one_edge_integral(a, 0.0, q) + (-second if flipped and not mixed else second)
    value /= 2.0 * math.pi
    if flipped:
        value = 0.5 * float(special.erfcx(a * _ROOT_HALF)) - math.exp(-0.5 * q * q) * value
    return value, 0.0 if flipped else q


def _one_wedge_integral(a: float, q: float, angle: float) -> float:
    """The integral of `_wedge_integral`."""
    half = 0.5 * angle
    cos, sin = math.cos(half), math.sin(half)
    middle, slope = q * cos + a * sin, 2.0 * (a * cos - q * sin)
    per_density, total = math.sqrt(0.5 * math.pi), 0.0
    for node, weight in _WEDGE_PAIRS:
        s = math.sin(0.5 * half * node)
        even, odd = (1.0 - 2.0 * s * s) * middle, slope * s * math.sqrt(1.0 - s * s)
        left, right = even + odd, even - odd
        first = left * math.erfc(left * _ROOT_HALF) * math.exp(0.5 * left * left)
        second = right * math.erfc(right * _ROOT_HALF) * math.exp(0.5 * right * right)
        total += weight * (2.0 - per_density * (first + second))
    return half * total


def _one_edge_integral(a: float, b: float, q: float) -> float:
    """The integral of `_edge_integral`."""
    half, ratio = 36.0 / (q + math.sqrt(q * q + 72.0)), b / max(a, 1e-300)
    gap, total = (a - b) * (a + b), 0.0
    for node, weight in _EDGE_PAIRS:
        u = half * node
        x = q + u
        y = math.sqrt(x * x + gap)
        total += weight * math.exp(-(0.5 * u + q) * u) / ((x * ratio + y) * y)
    return total * half * (a - b) * (1.0 + ratio)
