"""Balls of complex numbers, and their algebra: sums, products, inverses, powers.

A ball is a centre and a radius, |w − centre| ≤ radius; arrays of one shape. Rounding is covered by a share of the
centre's size, 2e-15. A radius of inf says that nothing is known, or that values are beyond float64; the centre is then
a bound from below of their modulus (0: none), so that the inverse of what overflows is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ROUNDING = 2e-15
LARGEST = 1e300


class Ball(NamedTuple):
    """All w with |w − centre| ≤ radius; arrays of one shape, complex128 and float64."""

    centre: np.ndarray
    radius: np.ndarray


Enclosure = Callable[[np.ndarray, np.ndarray], Ball]


def tidy(ball: Ball) -> Ball:
    """With the rounding of the centre, and inf where something is no number."""
    size = np.abs(ball.centre)
    radius = ball.radius + ROUNDING * size
    good = (size < LARGEST) & (radius < LARGEST)
    if good.all():
        return Ball(ball.centre, radius)
    # beyond float64: a bound of the modulus from below, if there is one
    least = np.where(np.isinf(ball.radius), size, np.minimum(size, 1e308) - ball.radius)
    least = np.where(least > 0.0, np.minimum(least, LARGEST), 0.0)
    return Ball(np.where(good, ball.centre, least), np.where(good, radius, np.inf))


def outer(w: Ball) -> np.ndarray:
    """The largest modulus of the ball."""
    return np.asarray(np.abs(w.centre) + w.radius)


def inner(w: Ball) -> np.ndarray:
    """The least modulus of the ball, 0 where it is not known to be positive."""
    size = np.abs(w.centre)
    return np.asarray(np.where(np.isinf(w.radius), size, np.maximum(size - w.radius, 0.0)))


def where(condition: np.ndarray, first: Ball, second: Ball) -> Ball:
    """The first ball where the condition holds, the second elsewhere."""
    return Ball(np.where(condition, first.centre, second.centre), np.where(condition, first.radius, second.radius))


def total(*terms: Ball) -> Ball:
    """The sum; where one term is beyond float64, its modulus less that of the others is what is known."""
    centre, radius = terms[0]
    for term in terms[1:]:
        # where one term is beyond float64, its modulus less that of the others
        least = np.where(np.isinf(radius), np.abs(centre) - outer(term), np.abs(term.centre) - np.abs(centre) - radius)
        over = np.isinf(radius) | np.isinf(term.radius)
        centre = np.where(over, np.maximum(least, 0.0), centre + term.centre)
        radius = radius + term.radius
    return Ball(centre, radius)


def product(*factors: Ball) -> Ball:
    """The product."""
    total = factors[0]
    for factor in factors[1:]:
        size, other = np.abs(total.centre), np.abs(factor.centre)
        radius = size * factor.radius + other * total.radius + total.radius * factor.radius
        over = ~np.isfinite(radius)
        centre = np.where(over, inner(total) * inner(factor), total.centre * factor.centre)
        total = Ball(centre, np.where(over, np.inf, radius))
    return total


def inverse(w: Ball) -> Ball:
    """1/w, inf where 0 is near; small where w is beyond float64."""
    size, over = np.abs(w.centre), np.isinf(w.radius)
    room = size - w.radius
    radius = np.where(room > 0.0, w.radius / (size * room), np.inf)
    radius = np.where(over & (size > 0.0), 1.0 / size, radius)
    return Ball(np.where(over, 0.0, np.where(room > 0.0, 1.0 / w.centre, 1.0 / outer(w))), radius)


def any_power(w: Ball, p: float) -> Ball:
    """w^p for real p; inf next to the branch cut where p is not whole."""
    if p == -1.0:
        return inverse(w)
    if p < 0.0:
        return inverse(any_power(w, -p))
    size, over = np.abs(w.centre), np.isinf(w.radius)
    if p == round(p):
        growth = size**p * np.expm1(p * np.log1p(w.radius / size))
        radius = np.where(size > 2.0 * w.radius, growth, (size + w.radius) ** p - size**p)
        over |= ~np.isfinite(radius)  # a ball of finite radius may have values beyond float64, and zeros
        return Ball(np.where(over, inner(w) ** p, w.centre ** int(p)), np.where(over, np.inf, radius))
    slope = np.maximum((size + w.radius) ** (p - 1.0), (size - w.radius) ** (p - 1.0))
    radius = np.where(w.radius < to_cut(w.centre), w.radius * p * slope, np.inf)
    return Ball(np.where(np.isinf(radius), 0.0, w.centre**p), radius)


def to_cut(z: np.ndarray, start: float = 0.0) -> np.ndarray:
    """The distance of z from the real numbers up to `start`."""
    return np.asarray(np.where(z.real <= start, np.abs(z.imag), np.abs(z - start)))


def scaled(w: Ball, factor: float) -> Ball:
    """The ball times a real number."""
    radius = abs(factor) * w.radius
    return Ball(np.where(np.isfinite(radius), factor * w.centre, abs(factor) * inner(w)), radius)


def known(w: Ball) -> Ball:
    """The ball where its radius is finite; nothing, not even a least modulus, where it is not."""
    return Ball(np.where(np.isfinite(w.radius), w.centre, 0.0), w.radius)


def turned(w: Ball, factor: complex) -> Ball:
    """The ball times a number of modulus 1."""
    return Ball(np.where(np.isinf(w.radius), np.abs(w.centre), w.centre * factor), w.radius)


def shifted(w: Ball, by: float) -> Ball:
    """The ball plus a real number."""
    return total(w, Ball(np.full(w.centre.shape, complex(by)), np.zeros(w.radius.shape)))


def log1p(z: np.ndarray) -> np.ndarray:
    """log(1 + z), relative to z where z is small: what the sum loses is divided out (Kahan)."""
    small = np.abs(z) < 1e-7
    one = np.where(small, 2.0, 1.0 + z)
    return np.asarray(np.where(small, z * (1.0 - z * (0.5 - z / 3.0)), np.log(one) * (z / (one - 1.0))))
