"""What an integral over [L, H] leaves out: a proven bound of E[|f(u) g(v)| 1{u ∉ [L, H]}] for functions with majorants.

For |f(u)| ≤ Σ C |u|^j e^{αu² + βu} and |g(v)| ≤ Σ D |v|^k e^{γv² + δv}, each pair is a tilted expectation,

    E[|u|^j |v|^k e^{αu² + βu + γv² + δv} 1{u ∉ [L, H]}] = κ Ẽ[|ũ|^j |ṽ|^k 1{ũ ∉ [L, H]}],
    κ = |I − 2ΣA|^{−1/2} exp(m'Am + w'm + r'Σ̃r/2),  A = diag(α, γ), w = (β, δ), r = 2Am + w,  Σ̃ = (I − 2ΣA)^{−1}Σ,

(ũ, ṽ) ~ N(m + Σ̃r, Σ̃), while I − 2ΣA has positive eigenvalues; and by Hölder's inequality with 1/4 + 1/4 + 1/2 = 1, then
Minkowski's with (E|Z|^p)^{1/p} ≤ √p for Z ~ N(0, 1) and p ≥ 2,

    Ẽ[|ũ|^j |ṽ|^k 1{…}] ≤ (|m̃1| + s̃1 √(4j))^j (|m̃2| + s̃2 √(4k))^k P̃(ũ ∉ [L, H])^{1/2}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, log, sqrt

from symntk.verify.enclosure.balls import Ball, arb, no_enclosure, normal
from symntk.verify.enclosure.sides import Monomial

_ROUNDED = Fraction(1, 10**12)
"""By which part c² may exceed ab, as a covariance at full correlation does that was computed in float64."""


@dataclass(frozen=True)
class BallLaw:
    """(u, v) ~ N((m1, m2), [[a, c], [c, b]]) in balls; `gap` is the determinant, exactly 0 at full correlation."""

    a: Ball
    b: Ball
    c: Ball
    m1: Ball
    m2: Ball
    gap: Ball

    @classmethod
    def of(cls, law: Sequence[float]) -> BallLaw:
        """From floats, taken as exact; a determinant below 0 by rounding is 0, and b then c²/a.

        Raises:
            VerificationError: no finite numbers, a variance that is not positive, or a covariance that is too large.
        """
        if not all(isfinite(value) for value in law):
            raise no_enclosure(f"the law {', '.join(f'{value:g}' for value in law)} is not finite")
        a, b, c = (Fraction(float(value)) for value in law[:3])
        gap = a * b - c * c
        if a <= 0 or b <= 0 or gap < -_ROUNDED * a * b:
            raise no_enclosure(f"variances {law[0]:g}, {law[1]:g} and covariance {law[2]:g} are no positive law")
        if gap < 0:
            b, gap = c * c / a, Fraction(0)
        m1, m2 = (_fraction(Fraction(float(value))) for value in law[3:])
        return cls(_fraction(a), _fraction(b), _fraction(c), m1, m2, _fraction(gap))

    def swapped(self) -> BallLaw:
        """The law of (v, u)."""
        return BallLaw(self.b, self.a, self.c, self.m2, self.m1, self.gap)

    @property
    def is_full(self) -> bool:
        """Whether v is a function of u."""
        return bool(self.gap == 0)

    @property
    def slope(self) -> Ball:
        """The derivative of E[v | u] in u."""
        return self.c / self.a

    def mean(self, u: Ball) -> Ball:
        """E[v | u]."""
        return (u - self.m1) * self.slope + self.m2

    @property
    def left_over(self) -> Ball:
        """The variance of v given u."""
        return self.gap / self.a

    def density(self, u: Ball) -> Ball:
        """N(u; m1, a)."""
        z = u - self.m1
        return (z * z * (arb(-1) / (2 * self.a))).exp() * (1 / (2 * arb.pi() * self.a).sqrt())


def _fraction(value: Fraction) -> Ball:
    return arb(value.numerator) / arb(value.denominator)


@dataclass(frozen=True)
class _Tilted:
    """One pair: a bound of its whole expectation, and the law of ũ."""

    size: Ball
    mean: Ball
    deviation: Ball


class Tail:
    """The pairs of two majorants under a law.

    Raises:
        VerificationError: an expectation that does not exist, or is next to where it ceases to exist.
    """

    def __init__(self, left: Sequence[Monomial], right: Sequence[Monomial], law: BallLaw) -> None:
        self._parts = [_tilted(p, q, law) for p in left for q in right]

    @property
    def size(self) -> Ball:
        """A bound of E[|f(u) g(v)|] under the majorants."""
        return sum((part.size for part in self._parts), start=arb(0)).upper()

    def ends(self, digits: float, least: Ball) -> tuple[Ball, Ball]:
        """[L, H] beyond which √P̃ is below 10^(−digits), with L ≤ −least and H ≥ least; dyadic numbers."""
        # P(|Z| > r)^{1/2} ≤ e^{−r²/4}
        reach = sqrt(4 * log(10) * digits)
        low = min([float((-least).lower()), *(float((p.mean - reach * p.deviation).lower()) for p in self._parts)])
        high = max([float(least.upper()), *(float((p.mean + reach * p.deviation).upper()) for p in self._parts)])
        return arb(low - abs(low) * 2.0**-40), arb(high + abs(high) * 2.0**-40)

    def outside(self, low: Ball, high: Ball) -> Ball:
        """The bound of what lies outside [low, high]."""
        total = arb(0)
        for part in self._parts:
            above = normal((part.mean - high) / part.deviation)
            below = normal((low - part.mean) / part.deviation)
            total = total + part.size * (above + below).upper().sqrt()
        return total.upper()


def _tilted(p: Monomial, q: Monomial, law: BallLaw) -> _Tilted:
    alpha, beta, gamma, delta = p.quadratic, p.linear, q.quadratic, q.linear
    determinant = (1 - 2 * alpha * law.a) * (1 - 2 * gamma * law.b) - 4 * alpha * gamma * law.c**2
    trace = 2 - 2 * alpha * law.a - 2 * gamma * law.b
    # the eigenvalues of ΣA are real: both of I − 2ΣA are positive if and only if sum and product are
    if not (determinant > 0 and trace > 0):
        raise no_enclosure("the expectation does not exist, or is next to where it ceases to exist")
    a = (law.a - 2 * gamma * law.gap) / determinant
    b = (law.b - 2 * alpha * law.gap) / determinant
    c = law.c / determinant
    r1, r2 = 2 * alpha * law.m1 + beta, 2 * gamma * law.m2 + delta
    plain = alpha * law.m1**2 + gamma * law.m2**2 + beta * law.m1 + delta * law.m2
    exponent = plain + (a * r1 * r1 + 2 * c * r1 * r2 + b * r2 * r2) / 2
    mean, other = law.m1 + a * r1 + c * r2, law.m2 + c * r1 + b * r2
    deviation, width = a.sqrt(), b.sqrt()
    size = p.size * q.size * exponent.exp() / determinant.sqrt()
    if p.power:
        size = size * (abs(mean) + deviation * arb(4 * p.power).sqrt()) ** p.power
    if q.power:
        size = size * (abs(other) + width * arb(4 * q.power).sqrt()) ** q.power
    return _Tilted(size.upper(), mean, deviation)
