"""Certified norms of what a finite mixture leaves of the logistic function, its derivatives and its integral.

With positive p_j and Σ w_j = 1 exactly, let R(x) = softplus(x) − Σ w_j (x Φ(p_j x) + φ(p_j x)/p_j). R is even and
decays, R' is the remainder of the logistic function, R'' that of its derivative. An upper bound of sup |x^m R^(n)(x)|
over x ≥ 0, and by symmetry over the real line, is the larger of 1 + 2 and 3:

1. On each of the intervals [y − r, y + r] that cover [0, X]: the Taylor polynomial of R at y, its coefficients computed
   with 50 digits (so that nothing cancels in float64 afterwards), is differentiated, multiplied by x^m, and evaluated
   at the zeros of a Chebyshev polynomial of degree N = 4·degree. A polynomial p of degree d satisfies
   max |p| ≤ max over the zeros of |p| / cos(πd/2N) (Ehlich & Zeller 1964): 8 % more than the largest value seen.
2. What the Taylor polynomial omits, by Cauchy's estimate on a disc of radius ϱ < π around y: there
   |logistic| ≤ 1/sin ϱ and |1 − Φ(pz)| ≤ 1 + pϱ e^{p²ϱ²/2}/√(2π).
3. Beyond X: softplus(−x) and its derivatives are below 2 e^{−x}, those of the normal terms below
   p^{n−1} (px + 2√n)^(n−2) φ(px) (Hermite polynomials; φ(px)/p for n = 0, φ(px) for n = 1), and both bounds fall.

The norm in L² is bounded from the same polynomials, by Gauss rules that are exact for their squares.
"""

from __future__ import annotations

from functools import cache, cached_property
from itertools import count
from math import cos, exp, inf, perm, pi, sin, sqrt
from typing import Any

import mpmath
import numpy as np

_RADIUS = 0.75
_DEGREE = 40  # of the Taylor polynomials
_DIGITS = 50
_BITS = 256  # of a fraction, 77 digits: coefficients far below rounding are not looked at
_HIGHEST = 12  # of the powers and orders together
_OVERSAMPLING = 4
_ROUNDING = 1.0 + 1e-9  # float64 evaluation of polynomials with coefficients that are good to the last bit
_NEGLIGIBLE = 1e-17  # beyond X; the intervals go as far as is needed for it


class Remainder:
    """R for float64 nodes p_j > 0 and weights w_j > 0 that sum to 1 exactly."""

    def __init__(self, nodes: tuple[float, ...], weights: tuple[float, ...]) -> None:
        self.nodes, self.weights = nodes, weights
        self._profiles: dict[tuple[int, int], tuple[float, float]] = {}

    def bound(self, order: int, power: int) -> float:
        """An upper bound of sup |x^power R^(order + 1)(x)|."""
        return max(self._profile(order, power))

    def square_bound(self, order: int, power: int) -> float:
        """An upper bound of the root of ∫ (x^power R^(order + 1)(x))² dx.

        The squared Taylor polynomials are integrated by the Gauss rule that is exact for them.
        """
        _, beyond = self._profile(order, power)
        n, degree = order + 1, _DEGREE - order - 1 + power
        t, weights = np.polynomial.legendre.leggauss(degree + 1)
        squares = _RADIUS * (self._values(n, power, _RADIUS * t) ** 2) @ weights
        omitted = self._omitted(n) * self._end**power * sqrt(self._end)
        return (sqrt(2.0 * (float(squares.sum()) + beyond**2)) + sqrt(2.0) * omitted) * _ROUNDING

    def _profile(self, order: int, power: int) -> tuple[float, float]:
        """Upper bounds on the intervals together, and beyond them."""
        if order < -1 or power < 0 or order + power > _HIGHEST:
            raise ValueError(f"no bound for the order {order} and the power {power}")
        found = self._profiles.get((order, power))
        if found is None:
            found = self._profiles[(order, power)] = self._new_profile(order + 1, power)
        return found

    def _new_profile(self, n: int, power: int) -> tuple[float, float]:
        samples = _OVERSAMPLING * (_DEGREE - n + power)
        t = _RADIUS * np.cos(pi * (np.arange(samples) + 0.5) / samples)
        between = float(np.abs(self._values(n, power, t)).max()) / cos(pi / (2 * _OVERSAMPLING))
        omitted = self._omitted(n) * self._end**power
        return (between + omitted) * _ROUNDING, self._beyond(self._end, n, power)

    @property
    def _end(self) -> float:
        return 2 * _RADIUS * len(self._taylor)

    def _values(self, n: int, power: int, t: np.ndarray) -> np.ndarray:
        """The n-th derivative of the Taylor polynomials times x^power at the offsets t; a row per interval."""
        centres = np.arange(_RADIUS, self._end, 2 * _RADIUS)[:, None]
        scales = np.array([perm(k, n) for k in range(n, _DEGREE + 1)], dtype=float)
        values: np.ndarray = np.polynomial.polynomial.polyval(t, (self._taylor[:, n:] * scales).T)
        values *= (centres + t) ** power
        return values

    @cached_property
    def _taylor(self) -> np.ndarray:
        """Taylor coefficients of R, one row per interval."""
        rows = []
        with mpmath.workdps(_DIGITS):
            for i in count():
                rows.append(self._coefficients(mpmath.mpf(_RADIUS) * (2 * i + 1)))
                if self._beyond(2 * _RADIUS * (i + 1), 2, 2) < _NEGLIGIBLE:
                    return np.array(rows)
        raise AssertionError  # the tail falls below any bound

    def _coefficients(self, y: Any) -> list[float]:
        """Those at y > 0, from the small numbers softplus(−x) and φ(px)/p − x(1 − Φ(px))."""
        out = [_fixed(c, _BITS) for c in _softplus_coefficients(y)]
        for p, w in zip(self.nodes, self.weights, strict=True):
            size = p * float(y)
            if size - p * _RADIUS > 18.0:
                continue  # below 1e-70
            p, w = mpmath.mpf(p), mpmath.mpf(w)
            density = w * mpmath.npdf(p * y)
            upper = w * mpmath.erfc(p * y / mpmath.sqrt(2)) / 2
            out[0] -= _fixed(density / p - y * upper, _BITS)
            out[1] += _fixed(upper, _BITS)
            # derivatives of the density p·φ(p(y + t)): (k + 1) g_{k+1} = −p² (y g_k + g_{k−1}); in integers, times
            # 2^bits so that φ keeps its digits, since mpmath takes ten times as long
            bits = _BITS + int(0.73 * size * size)
            square, place = _fixed(p * p, bits), _fixed(y, bits)
            before, g = 0, _fixed(p * density, bits)
            for k in range(_DEGREE - 1):
                out[k + 2] -= g // ((k + 1) * (k + 2)) >> (bits - _BITS)
                before, g = g, -(square * ((place * g >> bits) + before) >> bits) // (k + 1)
        return [float(mpmath.ldexp(c, -_BITS)) for c in out]

    def _omitted(self, n: int) -> float:
        """What the terms beyond the Taylor polynomial add to the n-th derivative, for the best radius of the disc."""
        best = inf
        for radius in np.arange(0.75, 3.1, 0.05).tolist():
            normal = sum(
                w * (1.0 + p * radius / sqrt(2 * pi) * exp((p * radius) ** 2 / 2))
                for p, w in zip(self.nodes, self.weights, strict=True)
            )
            size = normal + 1.0 / sin(max(radius, pi / 2))
            # |k-th coefficient| ≤ size/(k ϱ^(k−1)); ratios of neighbours fall, so a geometric series bounds the rest
            k = _DEGREE + 1
            first = size / (k * radius ** (k - 1)) * perm(k, n) * _RADIUS ** (k - n)
            ratio = _RADIUS / radius * (k + 1) / (k + 1 - n)
            if ratio < 1.0:
                best = min(best, first / (1.0 - ratio))
        return best

    def _beyond(self, end: float, n: int, power: int) -> float:
        """A bound B of |x^power R^(n)(x)| at x ≥ end that falls like e^{−x/2} or faster, so that ∫ B² ≤ B(end)².

        Infinite where the bounding functions are not known to fall so fast.
        """
        least = min(self.nodes) * end
        if end <= 2.0 * max(power, n) or least**2 <= power + n + 0.5 * end:
            return inf
        total = 2.0 * exp(-end)
        for p, w in zip(self.nodes, self.weights, strict=True):
            y = p * end
            size = p ** (n - 1) * (1.0 if n < 2 else (y + 2.0 * sqrt(n)) ** (n - 2))
            total += w * size * exp(-y * y / 2) / sqrt(2 * pi)
        return total * end**power


def _fixed(value: Any, bits: int) -> int:
    """The value times 2^bits as an integer."""
    return int(mpmath.ldexp(value, bits))


@cache  # the same points serve every rule
def _softplus_coefficients(y: Any) -> tuple[Any, ...]:
    """Taylor coefficients of softplus(−x) at y, of which logistic(−x) = s solves s' = −s(1 − s)."""
    s = [1 / (1 + mpmath.exp(y))]
    for k in range(_DEGREE - 1):
        square = mpmath.fsum(s[i] * s[k - i] for i in range(k + 1))
        s.append((square - s[k]) / (k + 1))
    return mpmath.log1p(mpmath.exp(-y)), *(-value / (k + 1) for k, value in enumerate(s))
