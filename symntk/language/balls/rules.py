"""How each elementary function and each function of the normal distribution maps balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symntk.language.balls.ball import (
    LARGEST,
    Ball,
    inverse,
    known,
    log1p,
    outer,
    product,
    scaled,
    shifted,
    to_cut,
    turned,
)
from symntk.language.special.late import special


def exp(w: Ball) -> Ball:
    """e^w; where it is beyond float64, the least modulus."""
    top, bottom = np.exp(w.centre.real + w.radius), np.exp(w.centre.real - w.radius)
    radius = np.where(w.radius < 0.5, np.exp(w.centre.real) * np.expm1(w.radius), top)
    over = np.isinf(w.radius) | ~(top < LARGEST)
    least = np.where(np.isinf(w.radius), 0.0, np.minimum(bottom, LARGEST))
    return Ball(np.where(over, least, np.exp(w.centre)), np.where(over, np.inf, radius))


def log(w: Ball) -> Ball:
    """Log w, inf next to its cut."""
    clear = w.radius < to_cut(w.centre)
    radius = np.where(clear, -np.log1p(-w.radius / np.abs(w.centre)), np.inf)
    return Ball(np.where(clear, np.log(w.centre), 0.0), radius)


def log_near_one(w: Ball) -> Ball:
    """log(1 + w), whose rounding is a share of w where w is small."""
    clear = w.radius < to_cut(1.0 + w.centre)
    radius = np.where(clear, -np.log1p(-w.radius / np.abs(1.0 + w.centre)), np.inf)
    return Ball(np.where(clear, log1p(w.centre), 0.0), radius)


def sin(w: Ball) -> Ball:
    """Sin w."""
    sine, cosine = np.sin(w.centre), np.cos(w.centre)
    return Ball(sine, np.abs(cosine) * np.sinh(w.radius) + np.abs(sine) * 2.0 * np.sinh(0.5 * w.radius) ** 2)


def cos(w: Ball) -> Ball:
    """Cos w."""
    return sin(shifted(w, 0.5 * np.pi))


def tan(w: Ball) -> Ball:
    """Tan w, inf next to a pole."""
    return turned(tanh(turned(w, 1j)), -1j)


def sinh(w: Ball) -> Ball:
    """Sinh w; where it is beyond float64, the least modulus."""
    return _hyperbolic(w, np.sinh, np.cosh)


def cosh(w: Ball) -> Ball:
    """Cosh w; where it is beyond float64, the least modulus."""
    return _hyperbolic(w, np.cosh, np.sinh)


def _hyperbolic(w: Ball, own: Callable[..., Any], other: Callable[..., Any]) -> Ball:
    value, slope = own(w.centre), other(w.centre)
    radius = np.abs(slope) * np.sinh(w.radius) + np.abs(value) * 2.0 * np.sinh(0.5 * w.radius) ** 2
    over = ~(radius < LARGEST) | ~(np.abs(value) < LARGEST)
    # |sinh| and |cosh| are at least sinh of the real part
    least = np.where(np.isfinite(w.radius), np.sinh(np.maximum(np.abs(w.centre.real) - w.radius, 0.0)), 0.0)
    return Ball(np.where(over, np.minimum(least, LARGEST), value), np.where(over, np.inf, radius))


def _decay(w: Ball, rate: float) -> tuple[np.ndarray, Ball]:
    """Where the centre's real part is positive; e^{−rate·w} there, e^{rate·w} elsewhere."""
    right = w.centre.real > 0.0
    return right, exp(Ball(np.where(right, -rate, rate) * w.centre, rate * w.radius))


def _moebius(t: Ball) -> Ball:
    """t/(1 + t), inf where −1 is near."""
    size = np.abs(1.0 + t.centre)
    room = size - t.radius
    clear = room > 0.0
    return Ball(np.where(clear, t.centre / (1.0 + t.centre), 0.0), np.where(clear, t.radius / (size * room), np.inf))


def logistic(w: Ball) -> Ball:
    """1/(1 + e^{−w})."""
    right, t = _decay(w, 1.0)
    part = _moebius(t)
    clear = np.isfinite(part.radius)
    return Ball(np.where(clear & right, 1.0 - part.centre, part.centre), part.radius)


def tanh(w: Ball) -> Ball:
    """Tanh w."""
    right, t = _decay(w, 2.0)
    part = _moebius(t)
    clear, sign = np.isfinite(part.radius), np.where(right, 1.0, -1.0)
    # next to its zero by its derivative, |cosh z| ≥ cos |z|
    size = outer(w)
    near = size < 0.7
    radius = np.where(near, w.radius / np.cos(np.minimum(size, 0.7)) ** 2, 2.0 * part.radius)
    centre = np.where(near, np.tanh(np.where(near, w.centre, 0.0)), sign * (1.0 - 2.0 * part.centre))
    return Ball(np.where(clear | near, centre, 0.0), radius)


def sech(w: Ball) -> Ball:
    """1/cosh(w), which does not overflow."""
    _, t = _decay(w, 1.0)
    square = Ball(1.0 + t.centre**2, (2.0 * np.abs(t.centre) + t.radius) * t.radius)
    found = known(product(t, inverse(known(square))))
    return Ball(2.0 * found.centre, 2.0 * found.radius)


def softplus(w: Ball) -> Ball:
    """log(1 + e^w)."""
    right, t = _decay(w, 1.0)
    size = np.abs(1.0 + t.centre)
    clear = t.radius < to_cut(1.0 + t.centre)
    radius = np.where(clear, -np.log1p(-t.radius / size), np.inf)
    centre = np.where(clear, log1p(t.centre) + np.where(right, w.centre, 0.0), 0.0)
    return Ball(centre, radius + np.where(right, w.radius, 0.0))


def _gaussian_slope(w: Ball) -> np.ndarray:
    """The supremum of |exp(−z²)| over the ball."""
    x, y = np.maximum(np.abs(w.centre.real) - w.radius, 0.0), np.abs(w.centre.imag) + w.radius
    return np.asarray(np.exp(y * y - x * x))


def erf(w: Ball) -> Ball:
    """Erf w."""
    # SciPy's values next to 0 have an error of 1e-13 of themselves
    value = special.erf(w.centre)
    return Ball(value, 1e-13 * np.abs(value) + w.radius * (2.0 / np.sqrt(np.pi)) * _gaussian_slope(w))


def erfc(w: Ball) -> Ball:
    """Erfc w."""
    return Ball(special.erfc(w.centre), w.radius * (2.0 / np.sqrt(np.pi)) * _gaussian_slope(w))


def normal_cdf(w: Ball) -> Ball:
    """Φ(w)."""
    found = erfc(scaled(w, -np.sqrt(0.5)))
    return scaled(found, 0.5)


def normal_pdf(w: Ball) -> Ball:
    """φ(w)."""
    half = scaled(w, np.sqrt(0.5))
    # the derivative of exp(−z²) is −2z exp(−z²)
    radius = half.radius * 2.0 * outer(half) * _gaussian_slope(half)
    return scaled(Ball(np.exp(-(half.centre**2)), radius), 1.0 / np.sqrt(2.0 * np.pi))


def asin(w: Ball) -> Ball:
    """Arcsin w."""
    size = np.abs(w.centre.real)
    ends = np.minimum(np.abs(w.centre - 1.0), np.abs(w.centre + 1.0))
    clear = w.radius < np.where(size >= 1.0, np.abs(w.centre.imag), ends)
    slope = 1.0 / np.sqrt((np.abs(w.centre - 1.0) - w.radius) * (np.abs(w.centre + 1.0) - w.radius))
    return Ball(np.where(clear, np.arcsin(w.centre), 0.0), np.where(clear, w.radius * slope, np.inf))


def acos(w: Ball) -> Ball:
    """Arccos w."""
    found = asin(w)
    return Ball(np.where(np.isinf(found.radius), 0.0, 0.5 * np.pi - found.centre), found.radius)


def asinh(w: Ball) -> Ball:
    """Arsinh w."""
    return turned(asin(turned(w, 1j)), -1j)


def atan(w: Ball) -> Ball:
    """Arctan w."""
    size = np.abs(w.centre.imag)
    ends = np.minimum(np.abs(w.centre - 1j), np.abs(w.centre + 1j))
    clear = w.radius < np.where(size >= 1.0, np.abs(w.centre.real), ends)
    slope = 1.0 / ((np.abs(w.centre - 1j) - w.radius) * (np.abs(w.centre + 1j) - w.radius))
    return Ball(np.where(clear, np.arctan(w.centre), 0.0), np.where(clear, w.radius * slope, np.inf))
