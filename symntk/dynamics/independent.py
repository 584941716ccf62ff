"""Stationary mean-field theory with independent sinusoids I_1 sin(2πft + θ_i): two readings of the input.

"gaussian": the input is a Gaussian process with the covariance (I_1²/2) cos ωΔ, so that c includes it,

    c − c'' = g² q(c) + (I_1²/2) cos ωΔ

"phase": each unit follows its own sinusoid, m + A sin(ωt + θ) with A = I_1/√(1 + ω²), and the expectations are averaged
over the phase θ; c holds what the couplings add, c − c'' = g² ⟨q(c)⟩. The latter is exact for N → ∞, the former not, as
the values of a sinusoid are not normal. Simulation decides for "phase": at g = 2, f = 0.2/τ, N = 4,000 and I_1 = 10 the
variance of h is 34.17 ± 0.23 beside 34.25 with phases and 36.63 with Gaussian input, at I_1 = 6 it is 22.09 ± 0.32
beside 22.14 and 22.85 (benchmarks/dynamics_lyapunov.md). "gaussian" is the paper's, and serves any covariance.

Sources: Engelken et al. 2022 (arXiv 2201.09916) for the former; Rajan, Abbott & Sompolinsky 2010 (Phys. Rev. E 82,
011903) for odd units.

Chebyshev collocation on half a period of the input finds the state that repeats with the input; on many half periods,
beginning at the chaotic state without input, it finds the chaotic state. Time is in units of τ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symntk.dynamics.spectral import Grid, exponent
from symntk.dynamics.stationary import Stationary
from symntk.dynamics.units import Units
from symntk.errors import DomainError

PHASES = 32
AVERAGES = ("gaussian", "phase")
_POINTS_PER_UNIT, _FEWEST, _MOST = 3.5, 40, 260
_STEPS = 60
_LEAST = 8
_SMALL = 1e-6


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
        phases: how many phases are averaged over.
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
        """What the phases add to the means at times 0 and Δ: (K, 1) and (K, lags); zeros for Gaussian input."""
        if self.average == "gaussian":
            return np.zeros((1, 1)), np.zeros((1, len(lag)))
        size = self.amplitude / np.sqrt(1.0 + self.omega**2)
        theta = 2.0 * np.pi * (np.arange(self.phases)[:, None] + 0.5) / self.phases
        return size * np.sin(theta), size * np.sin(theta + self.omega * lag)

    def covariance(self, lag: Any) -> np.ndarray:
        """Covariance of the input where it is taken as Gaussian."""
        share = 0.5 * self.amplitude**2 if self.average == "gaussian" else 0.0
        return np.asarray(share * np.cos(self.omega * lag))


@dataclass(frozen=True)
class Driven:
    """A stationary state with independent sinusoids.

    Attributes:
        mean: m, over all units.
        rate: ν.
        lags: 0 … L in units of τ.
        autocovariance: c at the lags; without the units' own sinusoids where phases were averaged over.
        lyapunov: λ τ.
        repeats: whether the state was looked for among those that repeat with the input.
    """

    mean: float
    rate: float
    lags: np.ndarray
    autocovariance: np.ndarray
    lyapunov: float
    repeats: bool


def repeating(problem: Problem, start: Stationary, points: int = 0, near: Driven | None = None) -> Driven:
    """The state whose autocovariance has the input's period: the only one where the input suppresses chaos.

    Args:
        problem: network and input.
        start: the network without input; its fixed point is where the search begins.
        points: of the grid; 0 chooses.
        near: such a state at a similar amplitude and the same frequency, where the search begins instead.

    Raises:
        DomainError: Newton's method finds no such state.
    """
    half = 0.5 / problem.frequency
    grid = Grid(half, _checked(points) or _points(half))
    rest = start.fixed_point
    if near is not None and len(near.lags) == len(grid.points):
        return _solved(problem, grid, near.autocovariance, near.mean, True)
    c = max(rest.variance, _SMALL) + problem.covariance(grid.points) / (1.0 + problem.omega**2)
    return _solved(problem, grid, c, rest.mean, True)


def chaotic(problem: Problem, start: Stationary, points: int = 0) -> Driven:
    """The state that grows out of the chaotic one without input; lags reach to where nothing but the period is left.

    Args:
        problem: network and input.
        start: the network without input.
        points: of the grid; 0 chooses.

    Raises:
        DomainError: the network is not chaotic without input, or the state is lost on the way to the amplitude.
    """
    if not start.is_chaotic:
        wrong = "without input the network is not chaotic"
        raise DomainError("a chaotic state with input", wrong, "repeating, for the state that repeats with the input")
    half = 0.5 / problem.frequency
    reach = half * np.ceil(30.0 / half)
    grid = Grid(reach, _checked(points) or _points(reach))
    c = np.asarray(start.autocovariance(grid.points)) + problem.covariance(grid.points) / (1.0 + problem.omega**2)
    return _solved(problem, grid, c, start.mean, False)


def _checked(points: int) -> int:
    """What was asked for as the number of points; 0 leaves the choice."""
    if points and points < _LEAST:
        raise DomainError("the stationary state", f"points = {points!r} of lags", f"at least {_LEAST}, or 0")
    return points


def _points(reach: float) -> int:
    return int(np.clip(_POINTS_PER_UNIT * reach, _FEWEST, _MOST))


def _solved(problem: Problem, grid: Grid, c: np.ndarray, m: float, repeats: bool) -> Driven:
    """The equations' solution by Newton's method from c and m."""
    for _ in range(_STEPS):
        residual, jacobian = _equations(problem, grid, c, m)
        change = np.linalg.solve(jacobian, -residual)
        # variances stay positive and correlations below 1: a step that breaks this is shortened
        factor = 1.0
        while factor > 1e-4 and not _allowed(c + factor * change[:-1]):
            factor *= 0.5
        c, m = c + factor * change[:-1], m + factor * float(change[-1])
        if np.max(np.abs(change)) <= 1e-11 * (1.0 + abs(c[0]) + abs(m)):
            break
    else:
        at = f"I_1 = {problem.amplitude:g}, f = {problem.frequency:g}"
        advice = "a smaller I_1, or one that is not as close to the critical one"
        raise DomainError(f"the stationary state at {at}", "Newton's method does not converge", advice)
    slopes = _over_phases(problem, problem.units.slopes, grid.points, c, m)
    slopes[0] = _at_zero(problem, problem.units.sharpness, c, m)
    rate = _at_zero(problem, problem.units.rate, c, m)
    return Driven(m, rate, grid.points, c, exponent(grid, 1.0 - problem.g**2 * slopes), repeats)


def _allowed(c: np.ndarray) -> bool:
    return bool(c[0] > 0.0 and np.all(np.abs(c) <= c[0] * (1.0 + 1e-9)))


def _equations(problem: Problem, grid: Grid, c: np.ndarray, m: float) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of the equation for c, flat at both ends, and of the mean; and their derivatives by c and m."""
    square, count = problem.g**2, len(c)
    q = _products(problem, grid, c, m)
    slopes = _over_phases(problem, problem.units.slopes, grid.points, c, m)
    slopes[0] = 0.0  # at lag 0 all of the change is that of the variance, below
    step_c, step_m = 1e-6 * max(c[0], _SMALL), 1e-6 * (1.0 + abs(m))
    raised = c.copy()
    raised[0] += step_c
    by_variance = (_products(problem, grid, raised, m) - q) / step_c
    by_mean = (_products(problem, grid, c, m + step_m) - _products(problem, grid, c, m - step_m)) / (2.0 * step_m)
    residual = np.zeros(count + 1)
    jacobian = np.zeros((count + 1, count + 1))
    residual[:-1] = c - grid.second @ c - square * q - problem.covariance(grid.points)
    jacobian[:-1, :-1] = np.eye(count) - grid.second - square * np.diag(slopes)
    jacobian[:-1, 0] -= square * by_variance
    jacobian[:-1, -1] = -square * by_mean
    for end in (0, count - 1):
        residual[end] = grid.derivative[end] @ c
        jacobian[end] = 0.0
        jacobian[end, :-1] = grid.derivative[end]
    rate = _at_zero(problem, problem.units.rate, c, m)
    residual[-1] = m + problem.feedback * rate - problem.drive
    jacobian[-1, -1] = 1.0 + problem.feedback * _at_zero(problem, problem.units.gain, c, m)
    jacobian[-1, 0] = problem.feedback * (_at_zero(problem, problem.units.rate, raised, m) - rate) / step_c
    return residual, jacobian


def _products(problem: Problem, grid: Grid, c: np.ndarray, m: float) -> np.ndarray:
    q = _over_phases(problem, problem.units.product, grid.points, c, m)
    q[0] = _at_zero(problem, problem.units.power, c, m)
    return q


def _over_phases(problem: Problem, expectation: Any, lags: np.ndarray, c: np.ndarray, m: float) -> np.ndarray:
    first, second = problem.deviations(lags)
    full = np.full((1, len(lags)), c[0])
    found = expectation(full, full, c[None, :], m + first + 0.0 * second, m + second)
    return np.asarray(np.mean(found, axis=0))


def _at_zero(problem: Problem, expectation: Any, c: np.ndarray, m: float) -> float:
    first = m + problem.deviations(np.zeros(1))[0]
    return float(np.mean(expectation(first, np.full_like(first, c[0]))))
