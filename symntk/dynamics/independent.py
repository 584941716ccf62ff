"""Stationary mean-field theory with independent sinusoids I_1 sin(2πft + θ_i): two readings of the input.

"gaussian": the input is a Gaussian process with the covariance (I_1²/2) cos ωΔ, so that c includes it,

    c − c'' = g² q(c) + (I_1²/2) cos ωΔ

"phase": each unit follows its own sinusoid, m + A sin(ωt + θ) with A = I_1/√(1 + ω²), and the expectations are averaged
over the phase θ; c holds what the couplings add, c − c'' = g² ⟨q(c)⟩. The latter is exact for N → ∞, the former not, as
the values of a sinusoid are not normal. Simulation decides for "phase": at g = 2, f = 0.2/τ, N = 4,000 and I_1 = 10 the
variance of h is 34.17 ± 0.23 beside 34.25 with phases and 36.63 with Gaussian input, at I_1 = 6 it is 22.09 ± 0.32
beside 22.14 and 22.85 (results/dynamics_lyapunov.md). "gaussian" is the paper's, and serves any covariance.

Sources: Engelken et al. 2022 (arXiv 2201.09916) for the former; Rajan, Abbott & Sompolinsky 2010 (Phys. Rev. E 82,
011903) for odd units.

Where the input suppresses chaos, the network follows the state that repeats with it: the autocovariance has the input's
period, and is found on half of one. It is stable where its λ is negative. Else the network is in the chaotic state,
whose autocovariance is followed over as many half periods as it takes to lose all but the period. Either is found as
the limit of c → (1 − ∂²)⁻¹ (g² q(c) + …), which keeps c positive definite and so goes to a state of the network from
far away; Newton's method ends it. Time is in units of τ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from symntk.dynamics.elements import Elements
from symntk.dynamics.spectral import Grid
from symntk.dynamics.stationary import Stationary
from symntk.dynamics.units import Units
from symntk.errors import DomainError

PHASES = 32
AVERAGES = ("gaussian", "phase")
_LEAST = 8
_SMALL = 1e-6
_MOST_POINTS = 2000
ITERATIONS = (10, 20, 60, 200)  # before Newton's method, and more of them where it does not converge
_STEPS, _SHORTEST, _CONVERGED, _BEYOND = 15, 0.1, 1e-8, 1e-3


@dataclass(frozen=True)
class Problem:
    """What the equations hold; time in units of τ.

    Attributes:
        units: expectations of the activation.
        g: standard deviation of the couplings times √N.
        feedback: √N J_0.
        drive: √N I_0.
        amplitude: I_1.
        frequency: f.
        average: "gaussian" or "phase".
        phases: how many phases the mean over them takes, of the half circle that stands for the other.
    """

    units: Units
    g: float
    feedback: float
    drive: float
    amplitude: float
    frequency: float
    average: str = "gaussian"
    phases: int = PHASES

    @property
    def omega(self) -> float:
        """2πf."""
        return 2.0 * np.pi * self.frequency

    def deviations(self, lag: Any) -> tuple[np.ndarray, np.ndarray]:
        """What the phases add to the means at times 0 and Δ, (K, lags) each; zeros for Gaussian input, K = 1.

        The phase ψ of the middle time goes from −π/2 to π/2; π − ψ exchanges the two times. At full correlation
        expectations have a kink at the ends of this range and nowhere else, so that Gauss's rule serves there too.
        """
        if self.average == "gaussian":
            return np.zeros((1, len(lag))), np.zeros((1, len(lag)))
        size = self.amplitude / np.sqrt(1.0 + self.omega**2)
        psi = 0.5 * np.pi * _gauss(self.phases)[0][:, None]
        apart = 0.5 * self.omega * np.asarray(lag)
        return size * np.sin(psi - apart), size * np.sin(psi + apart)

    @property
    def weights(self) -> np.ndarray:
        """Of the phases in `deviations` (K,); their sum is 1."""
        return np.ones(1) if self.average == "gaussian" else 0.5 * _gauss(self.phases)[1]

    def covariance(self, lag: Any) -> np.ndarray:
        """Covariance of the input where it is taken as Gaussian."""
        share = 0.5 * self.amplitude**2 if self.average == "gaussian" else 0.0
        return np.asarray(share * np.cos(self.omega * lag))


@lru_cache(maxsize=32)
def _gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)


@dataclass(frozen=True)
class Driven:
    """A stationary state with independent sinusoids.

    Attributes:
        mean: m, over all units.
        rate: ν.
        lags: 0 … L in units of τ.
        autocovariance: c at the lags; without the units' own sinusoids where phases were averaged over.
        lyapunov: λ τ.
        repeats: whether the state is the one that repeats with the input, on half a period; else the chaotic one.
        half: half a period, the length of each of the grids whose points the lags are.
        lyapunov_error: an estimate of the error of λ τ, from another grid; NaN where there was none.
    """

    mean: float
    rate: float
    lags: np.ndarray
    autocovariance: np.ndarray
    lyapunov: float
    repeats: bool
    half: float
    lyapunov_error: float = float("nan")

    def at(self, lag: Any) -> np.ndarray:
        """Autocovariance at any lags, in units of τ: even, and periodic beyond those that were solved for."""
        lag = np.abs(np.asarray(lag, dtype=float))
        reach, period = float(self.lags[-1]), 2.0 * self.half
        folded = np.abs((lag - reach + self.half) % period - self.half)
        flat = np.where(lag > reach, reach - folded, lag).ravel()
        count = round(reach / self.half)
        size = (len(self.lags) - 1) // count
        which = np.clip((flat / self.half).astype(int), 0, count - 1)
        pieces = self.autocovariance[which[:, None] * size + np.arange(size + 1)]
        return np.asarray(_interpolated(self.half, flat - which * self.half, pieces).reshape(np.shape(lag)))


def _interpolated(reach: float, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Polynomials through values on Chebyshev points from 0 to `reach`, one for each place, by barycentric weights."""
    apart = at[:, None] - Grid(reach, values.shape[1]).points
    weights = (-1.0) ** np.arange(values.shape[1])
    weights[[0, -1]] *= 0.5
    hit = np.asarray(np.abs(apart) < 1e-14 * reach)
    shares = np.where(np.any(hit, axis=1)[:, None], hit, weights / np.where(hit, 1.0, apart))
    return np.asarray(np.sum(shares * values, axis=1) / np.sum(shares, axis=1))


def with_error(problem: Problem, start: Stationary, points: int = 0) -> Driven:
    """The state that repeats with the input, stable or not, as `repeating`, with an estimate of the error of λ."""
    fine = checked(points) or default_points(problem)
    coarse = repeating(coarser(problem), start, fewer(fine))
    found = repeating(problem, start, fine)
    return replace(found, lyapunov_error=abs(found.lyapunov - coarse.lyapunov))


def repeating(problem: Problem, start: Stationary, points: int = 0, near: Driven | None = None) -> Driven:
    """The state whose autocovariance has the input's period: the only one where the input suppresses chaos.

    Args:
        problem: network and input.
        start: the network without input, where the search begins.
        points: of the grid on half a period; 0 chooses.
        near: such a state at a similar amplitude and the same frequency, where the search begins instead.

    Raises:
        DomainError: no such state is found.
    """
    elements = Elements(0.5 / problem.frequency, 1, checked(points) or default_points(problem))
    if near is not None and len(near.lags) == len(elements.points):
        found = newton(problem, elements, near.autocovariance, near.mean)
        if found is not None:
            return told(problem, elements, *found, True)
    first = begin(problem, start, elements.points)
    if _turns(problem, elements):
        swing = start.fixed_point.variance * np.cos(problem.omega * elements.points)
        first = swing + problem.covariance(elements.points) / (1.0 + problem.omega**2), 0.0
    return told(problem, elements, *_solved(problem, elements, *first), True)


def default_points(problem: Problem) -> int:
    """Points on half a period: what lies within some τ of its ends is resolved at every length."""
    points = int(14.0 + 6.0 * np.sqrt(0.5 / problem.frequency))
    if points > _MOST_POINTS:
        wrong = f"half a period takes {points} points, whose matrices take hours; at most {_MOST_POINTS} are chosen"
        raise DomainError(f"the stationary state at {place(problem)}", wrong, "a higher f, or a number of points")
    return points


def fewer(points: int) -> int:
    """Of a coarser grid, whose result tells the error of the finer."""
    return max(int(np.ceil(0.75 * points)), _LEAST)


def coarser(problem: Problem) -> Problem:
    """The same with fewer phases."""
    return replace(problem, phases=int(np.ceil(0.75 * problem.phases)))


def begin(problem: Problem, start: Stationary, lags: np.ndarray) -> tuple[np.ndarray, float]:
    """Autocovariance and mean of the network without input, and the covariance of the filtered input."""
    rest = start.fixed_point
    c = start.autocovariance(lags) if start.is_chaotic else np.full(len(lags), max(rest.variance, _SMALL))
    return np.asarray(c) + problem.covariance(lags) / (1.0 + problem.omega**2), start.mean


def checked(points: int) -> int:
    """What was asked for as the number of points; 0 leaves the choice."""
    if points and points < _LEAST:
        raise DomainError("the stationary state", f"points = {points!r} of lags", f"at least {_LEAST}, or 0")
    return points


def _solved(problem: Problem, elements: Elements, c: np.ndarray, m: float) -> tuple[np.ndarray, float]:
    """Autocovariance and mean by iteration, then Newton's method; more iterations where that fails."""
    for count in ITERATIONS:
        c, m = iterated(problem, elements, c, m, count)
        found = newton(problem, elements, c, m)
        if found is not None:
            return found
    asked = f"the stationary state at {place(problem)}"
    raise DomainError(asked, "Newton's method does not converge", "another I_1, or more points")


def place(problem: Problem) -> str:
    """The input, for messages."""
    return f"I_1 = {problem.amplitude:g}, f τ = {problem.frequency:g}"


def iterated(problem: Problem, elements: Elements, c: np.ndarray, m: float, count: int) -> tuple[np.ndarray, float]:
    """Iterate c → (1 − ∂²)⁻¹ (g² q + the input's covariance), with the mean that balances at each c(0)."""
    own = problem.covariance(elements.points)
    for _ in range(count):
        m = _balanced(problem, c, m)
        c = elements.smoothed(problem.g**2 * _products(problem, elements.points, c, m) + own)
    return c, _balanced(problem, c, m)


def _balanced(problem: Problem, c: np.ndarray, m: float) -> float:
    """The mean at the variance c(0), by Newton's method from m."""
    for _ in range(_STEPS):
        excess = m + problem.feedback * _at_zero(problem, problem.units.rate, c, m) - problem.drive
        change = excess / (1.0 + problem.feedback * _at_zero(problem, problem.units.gain, c, m))
        m -= change
        if abs(change) <= _CONVERGED * (1.0 + abs(m)):
            break
    return m


def newton(problem: Problem, elements: Elements, c: np.ndarray, m: float) -> tuple[np.ndarray, float] | None:
    """The equations' solution near c and m; None where a few steps do not lead to one."""
    for _ in range(_STEPS):
        change = _change(problem, elements, c, m)
        # variances stay positive and correlations below 1, nearly: a step that breaks this is shortened
        factor = 1.0
        while factor > _SHORTEST and not _allowed(c + factor * change[:-1], _BEYOND):
            factor *= 0.5
        if not np.all(np.isfinite(change)) or factor <= _SHORTEST:
            return None
        c, m = c + factor * change[:-1], m + factor * float(change[-1])
        if np.max(np.abs(change)) <= _CONVERGED * (abs(c[0]) + abs(m)):
            return (c, m) if _allowed(c, _CONVERGED) else None
    return None


def _turns(problem: Problem, elements: Elements) -> bool:
    """Whether half a period turns the signs of all units: odd ones without mean, in the repeating state.

    The correlation is −1 there, where expectations are not smooth: Newton's method has to know.
    """
    return elements.count == 1 and problem.drive == 0.0 and problem.units.is_odd


def _allowed(c: np.ndarray, beyond: float) -> bool:
    return bool(c[0] > 0.0 and np.all(np.abs(c) <= c[0] * (1.0 + beyond)))


def _change(problem: Problem, elements: Elements, c: np.ndarray, m: float) -> np.ndarray:
    """The step of Newton's method for c, flat at both ends, and m."""
    square, lags = problem.g**2, elements.points
    q = _products(problem, lags, c, m)
    slopes = _over_phases(problem, problem.units.slopes, lags, c, m)
    slopes[0] = 0.0  # at lag 0 all of the change is that of the variance, below
    step_c, step_m = 1e-6 * max(c[0], _SMALL), 1e-6 * (1.0 + abs(m))
    raised = c.copy()
    raised[0] += step_c
    by_variance = (_products(problem, lags, raised, m) - q) / step_c
    by_mean = (_products(problem, lags, c, m + step_m) - q) / step_m
    residual = elements.curvature @ c + elements.inside * (c - square * q - problem.covariance(lags))
    rate = _at_zero(problem, problem.units.rate, c, m)
    balance = m + problem.feedback * rate - problem.drive
    rate_by_c = (_at_zero(problem, problem.units.rate, raised, m) - rate) / step_c
    gain = _at_zero(problem, problem.units.gain, c, m)
    border = (-square * by_variance, -square * by_mean, problem.feedback * rate_by_c, 1.0 + problem.feedback * gain)
    turns = _turns(problem, elements)
    return elements.solve(1.0 - square * slopes, border, -np.append(residual, balance), turns)


def told(
    problem: Problem, elements: Elements, c: np.ndarray, m: float, repeats: bool, below: float | None = None
) -> Driven:
    """The state of a solution, with λ; `below` as of `Elements.exponent`."""
    slopes = _over_phases(problem, problem.units.slopes, elements.points, c, m)
    slopes[0] = _at_zero(problem, problem.units.sharpness, c, m)
    value = elements.exponent(1.0 - problem.g**2 * slopes, below)
    rate = _at_zero(problem, problem.units.rate, c, m)
    return Driven(m, rate, elements.points, c, value, repeats, elements.grid.reach)


def _products(problem: Problem, lags: np.ndarray, c: np.ndarray, m: float) -> np.ndarray:
    q = _over_phases(problem, problem.units.product, lags, c, m)
    q[0] = _at_zero(problem, problem.units.power, c, m)
    return q


def _over_phases(problem: Problem, expectation: Any, lags: np.ndarray, c: np.ndarray, m: float) -> np.ndarray:
    first, second = problem.deviations(lags)
    full = np.full(first.shape, c[0])
    return np.asarray(problem.weights @ expectation(full, full, np.broadcast_to(c, first.shape), m + first, m + second))


def _at_zero(problem: Problem, expectation: Any, c: np.ndarray, m: float) -> float:
    first = m + problem.deviations(np.zeros(1))[0][:, 0]
    return float(problem.weights @ expectation(first, np.full_like(first, c[0])))
