"""E[g(v) | u], v | u ~ N(offset + slope·u, variance), as a function of u: the inner half of the oracle.

Each group exp(αv² + βv) · polynomial(v) · step(v) is one tilted normal distribution (complete the square) and the
moments of a softly truncated normal, by the recursion M_k = m M_{k−1} + (k−1) s² M_{k−2} + s² side D_{k−1}, where
D_j = E[v^j N(v; t, τ²)] comes from one product of Gaussian densities. Zero variance means that v is a function of u.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symntk.verify.oracle.elementary.numeric import (
    Branch,
    Numeric,
    Piece,
    Polynomials,
    Ramp,
    grouped,
    log_cdf_bound,
    log_polynomial,
    normal_cdf,
    oriented,
    settled,
)
from symntk.verify.oracle.law import Law
from symntk.verify.oracle.numbers import Floats, Number, mp


@dataclass(frozen=True)
class Feature:
    """A place where an integrand changes on the scale `width`: the centre of a soft step, in floats."""

    centre: float
    width: float


@dataclass(frozen=True)
class Quadratic:
    """The logarithm of a smooth factor of u, curvature·u² + rate·u up to a constant, in mpmath numbers."""

    curvature: Number
    rate: Number


class Conditional:
    """u ↦ E[g(v) | u] for a conditional variance that is positive: an entire function.

    Raises nothing: that 1 − 2α·variance > 0 for every α of g is checked before.
    """

    kinks: tuple[Number, ...] = ()

    def __init__(self, pieces: Sequence[Piece], offset: Number, slope: Number, variance: Number) -> None:
        self.pieces, self.offset, self.slope, self.variance = pieces, offset, slope, variance
        self.groups = [_Tilted(*rates, variance, rows) for rates, rows in grouped(pieces).items()]

    def near(self, inside: Number, typical: Number) -> Conditional:
        """The same function, its steps turned so that little cancels around u = `typical`.

        What decides is where the normal distribution tilted by a piece's exponential has its mean.
        """
        mean, variance = self.offset + self.slope * typical, self.variance

        def tilted(p: Piece) -> Number:
            return (mean + mp.re(p.linear) * variance) / (1 - 2 * p.quadratic * variance)

        turned = oriented(self.pieces, tilted)
        return Conditional(turned, self.offset, self.slope, self.variance)

    def __call__(self, u: Number) -> Number:
        """E[g(v) | u] at the working precision."""
        mean = self.offset + self.slope * u
        total = mp.mpf(0)
        for group in self.groups:
            total += group(mean)
        return total

    def log_size(self, u: Floats) -> Floats:
        """The logarithm of Σ |parts| at the floats `u`."""
        mean = float(self.offset) + float(self.slope) * u
        size = np.full_like(u, -np.inf)
        for group in self.groups:
            size = np.logaddexp(size, group.log_size(mean))
        return size

    def factors(self) -> list[Quadratic]:
        """The exponential factors of each part, as functions of u."""
        k, m0 = self.slope, self.offset
        return [Quadratic(g.curvature * k * k, k * (2 * g.curvature * m0 + g.rate)) for g in self.groups]

    def features(self) -> list[Feature]:
        """The images of g's thresholds in u, widened by the conditional distribution."""
        found = []
        for group in self.groups if self.slope != 0 else ():
            for step in group.steps:
                centre = (step.ramp.threshold * group.q - mp.re(group.shift) - self.offset) / self.slope
                found.append(Feature(float(centre), float(step.width * group.q / abs(self.slope))))
        return found

    def stiffness(self) -> float:
        """The largest ratio of a location to a width: digits of it are lost where they are subtracted."""
        steps = [abs(step.ramp.threshold / step.width) for group in self.groups for step in group.steps]
        widths = [abs(self.offset / step.width) for group in self.groups for step in group.steps]
        return float(max([*steps, *widths, mp.mpf(1)]))


@dataclass(frozen=True)
class Composed:
    """One branch of g, as a function of u: g(offset + slope·u)."""

    branch: Branch
    offset: Number
    slope: Number

    def __call__(self, u: Number) -> Number:
        """The value at the working precision."""
        return self.branch(self.offset + self.slope * u)

    def log_size(self, u: Floats) -> Floats:
        """The logarithm of Σ |parts| at the floats `u`."""
        return self.branch.log_size(float(self.offset) + float(self.slope) * u)


class Deterministic:
    """u ↦ g(offset + slope·u): the conditional expectation at full correlation, with g's kinks."""

    def __init__(self, pieces: Sequence[Piece], offset: Number, slope: Number) -> None:
        self.pieces, self.offset, self.slope = pieces, offset, slope
        thresholds = Numeric(tuple(pieces), ()).kinks()
        self.kinks = tuple((t - offset) / slope for t in thresholds) if slope != 0 else ()

    def tolerance(self) -> Number:
        """How far from a kink rounding may have moved a point that lies on it."""
        return mp.ldexp(1, 16 - mp.prec) * max([abs(self.offset), *(abs(k * self.slope) for k in self.kinks)])

    def near(self, inside: Number, typical: Number) -> Composed:
        """The branch of g that holds u = `inside`; on a kink, the mean of both sides."""
        branch = Branch(settled(self.pieces, self.offset + self.slope * inside, self.tolerance()))
        return Composed(branch, self.offset, self.slope)

    def factors(self) -> list[Quadratic]:
        """The exponential factors of each part, as functions of u."""
        k, m0 = self.slope, self.offset
        return [Quadratic(alpha * k * k, k * (2 * alpha * m0 + beta)) for alpha, beta in grouped(self.pieces)]

    def features(self) -> list[Feature]:
        """The images of g's soft steps in u."""
        ramps = {p.ramp for p in self.pieces if p.ramp is not None and p.ramp.variance > 0 and self.slope != 0}
        return [
            Feature(float((r.threshold - self.offset) / self.slope), float(mp.sqrt(r.variance) / abs(self.slope)))
            for r in ramps
        ]

    def stiffness(self) -> float:
        """The largest ratio of a location to a width: digits of it are lost where they are subtracted."""
        ramps = {p.ramp for p in self.pieces if p.ramp is not None and p.ramp.variance > 0}
        return float(max([abs(x) / mp.sqrt(r.variance) for r in ramps for x in (r.threshold, self.offset)], default=1))


class _Step:
    """One soft step under a tilted normal N(m, s²): the numbers that do not depend on m, and the moments."""

    def __init__(self, ramp: Ramp, variance: Number, row: Sequence[Number]) -> None:
        total = variance + ramp.variance
        self.ramp, self.row, self.variance = ramp, row, variance
        self.width = mp.sqrt(total)
        self.scale = ramp.side / (self.width * mp.sqrt(2))
        self.height = ramp.side * variance / (self.width * mp.sqrt(2 * mp.pi))
        # The normal density that is the product of N(m, s²) and N(t, τ²): mean gain·m + pull, variance spread.
        self.gain, self.spread = ramp.variance / total, variance * ramp.variance / total
        self.pull = ramp.threshold * variance / total

    def __call__(self, mean: Number) -> Number:
        """Σ_k row[k] · E[v^k S(v)], v ~ N(mean, s²)."""
        z = self.scale * (mean - self.ramp.threshold)
        before, moment = mp.mpf(0), normal_cdf(z)
        total = self.row[0] * moment
        if len(self.row) == 1:
            return total
        edge_before, edge, middle = mp.mpf(0), self.height * mp.exp(-z * z), self.gain * mean + self.pull
        for k in range(1, len(self.row)):
            before, moment = moment, mean * moment + (k - 1) * self.variance * before + edge
            edge_before, edge = edge, middle * edge + (k - 1) * self.spread * edge_before
            if self.row[k] != 0:
                total += self.row[k] * moment
        return total


class _Tilted:
    """E[exp(αv² + βv) Σ polynomial(v)·step(v)], v ~ N(μ, s²), as a function of μ.

    exp(αv² + βv) N(v; μ, s²) = q^{−1/2} exp((αμ² + βμ + β²s²/2)/q) · N(v; (μ + βs²)/q, s²/q), q = 1 − 2αs².
    """

    def __init__(self, alpha: Number, beta: Number, variance: Number, polynomials: Polynomials) -> None:
        self.q = 1 - 2 * alpha * variance
        self.curvature, self.rate = alpha / self.q, beta / self.q
        self.constant = beta * self.rate * variance / 2 - mp.log(self.q) / 2
        self.shift, self.variance = beta * variance, variance / self.q
        self.plain = alpha == 0 and beta == 0
        self.row = polynomials.get(None, [])
        self.steps = [_Step(ramp, self.variance, row) for ramp, row in polynomials.items() if ramp is not None]

    def __call__(self, mu: Number) -> Number:
        """The expectation at μ = mu, its real part."""
        mean = mu if self.plain else (mu + self.shift) / self.q
        total, before, moment = mp.mpf(0), mp.mpf(0), mp.mpf(1)
        for k, coefficient in enumerate(self.row):
            if k:
                before, moment = moment, mean * moment + (k - 1) * self.variance * before
            if coefficient != 0:
                total += coefficient * moment
        for step in self.steps:
            total += step(mean)
        if not self.plain:
            total *= mp.exp(mu * (self.curvature * mu + self.rate) + self.constant)
        return mp.re(total)

    def log_size(self, mu: Floats) -> Floats:
        """The logarithm of Σ |parts| at the floats `mu`; a bound by the size of the recursions' parts."""
        q, spread = float(self.q), float(mp.sqrt(self.variance))
        shift = complex(self.shift)
        exponent = mu * (float(self.curvature) * mu + float(mp.re(self.rate))) + float(mp.re(self.constant))
        reach = np.abs(mu + shift) / q + spread
        zero = np.zeros_like(mu)
        with np.errstate(divide="ignore"):
            size = log_polynomial(self.row, np.log(reach + spread * len(self.row) ** 0.5), zero)
            for step in self.steps:
                t, scale = float(step.ramp.threshold), float(step.scale)
                bound = log_cdf_bound(scale * ((mu + shift.real) / q - t), scale * shift.imag / q)
                far = np.log(reach + abs(t) + spread * len(step.row) ** 0.5)
                size = np.logaddexp(size, bound + log_polynomial(step.row, far, zero))
        total: Floats = size + exponent
        return total


Inner = Conditional | Deterministic


def given_u(law: Law, pieces: Sequence[Piece]) -> Inner:
    """The function u ↦ E[g(v) | u]; a composition at full correlation."""
    offset = law.m2 - law.slope * law.m1
    if law.remainder == 0:
        return Deterministic(pieces, offset, law.slope)
    return Conditional(pieces, offset, law.slope, law.remainder)
