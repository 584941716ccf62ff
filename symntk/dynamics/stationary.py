"""Stationary mean-field theory without input: the autocovariance c(Δ), the chaotic state, and its Lyapunov exponent.

c(Δ) is the motion of a particle, c'' = c − g² q(c), from rest at c_0 to rest at c_∞ (Sompolinsky, Crisanti & Sommers
1988, Phys. Rev. Lett. 61, 259; Kadmon & Sompolinsky 2015, Phys. Rev. X 5, 041030 for balanced networks). With
ε = c_0 − c_∞ and c = c_0 − ε u² (q has a root singularity at c_0, and is smooth in u):

    c_∞ = g² q(c_∞)        energy:  4 ∫₀¹ g² q'(c_0 − ε u²) u³ du = 1        mean:  m = √N I_0 − √N J_0 ν

The energy equation is that of the two ends divided by ε², so that it also holds at the onset ε = 0, where it says
g² E[φ'²] = 1. The exponent is λ = −1 + √(1 − E_0) with the ground state of −∂²_Δ + 1 − g² q'(Δ). Time is in units of τ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
from numpy.polynomial import chebyshev

from symntk.dynamics.spectral import Grid, exponent
from symntk.dynamics.static import (
    AWAY,
    NODES,
    WEIGHTS,
    Static,
    balance,
    centred_point,
    check_mean,
    is_centred,
    onset,
    path_slope,
    static,
    steepest,
)
from symntk.dynamics.units import Units
from symntk.errors import DomainError

_WIDE = 34.0  # decay lengths of c − c_∞ that the half line is cut at
_GRIDS = ((120, 44), (160, 60))  # points, and the degree of polynomials in u
_SAFETY, _ROUNDING = 2.0, 1e-12  # of the error estimate: units with kinks converge slowly; what differentiation loses
_FAR = 300.0  # of logarithms: a step may lead anywhere
_SHORTEST = 1e-5  # step from one state to the next
_NEAR = 1e-9  # of the onset: below this the state is called static


@dataclass(frozen=True)
class Stationary:
    """The stationary state of a network without input that varies in time.

    Attributes:
        units: expectations of the activation.
        g: standard deviation of the couplings times √N.
        mean: m.
        variance: c_0 = c(0).
        floor: c_∞, the limit of c(Δ).
        rate: ν.
        fixed_point: the static solution, stable where the network is not chaotic.
    """

    units: Units
    g: float
    mean: float
    variance: float
    floor: float
    rate: float
    fixed_point: Static

    @property
    def is_chaotic(self) -> bool:
        """Whether c(Δ) falls from its value at 0."""
        return self.floor < self.variance

    @cached_property
    def _solved(self) -> tuple[float, float, Any]:
        """λ and its error estimate, and c as a function of the lag."""
        found = []
        for points, degree in _GRIDS:
            profile = _Profile(self, degree)
            grid = Grid(profile.reach, points)
            found.append(exponent(grid, 1.0 - self.g**2 * self._slope(profile(grid.points))))
        return found[1], _SAFETY * abs(found[1] - found[0]) + _ROUNDING, profile

    @property
    def lyapunov(self) -> float:
        """λ τ; of the fixed point where that is stable."""
        return self._solved[0] if self.is_chaotic else self.fixed_point.lyapunov

    @property
    def lyapunov_error(self) -> float:
        """Twice the difference between two grids and two polynomials for c(Δ), and 1e-12 for rounding."""
        return self._solved[1] if self.is_chaotic else 0.0

    def autocovariance(self, lag: Any) -> Any:
        """The autocovariance c at lags in units of τ."""
        lag = np.abs(np.asarray(lag, dtype=float))
        return self._solved[2](lag) if self.is_chaotic else np.full_like(lag, self.variance)

    def _slope(self, c: Any) -> Any:
        full = np.full_like(c, self.variance)
        return self.units.slopes(full, full, c, *(np.full_like(c, self.mean),) * 2)


class _Profile:
    """c(Δ) from du/dΔ, which energy gives; v = −ln(1 − u) turns the slow end into a line."""

    def __init__(self, state: Stationary, degree: int) -> None:
        self.state, self.depth = state, state.variance - state.floor
        points = 0.5 * (1.0 + chebyshev.chebpts1(degree + 1))
        # (g² q(c) − c)/ε as the integral of its slope: near the onset the difference itself would keep no digits
        slopes = state._slope(state.variance - self.depth * points**2)
        slope = chebyshev.Chebyshev.fit(points, 2.0 * points * (state.g**2 * slopes - 1.0), degree, domain=[0.0, 1.0])
        integral = slope.integ()
        end = float(integral(1.0))
        speeds = np.array([self._speed(lambda w: end - integral(w), u) for u in points])
        self.speed = chebyshev.Chebyshev.fit(points, speeds, degree, domain=[0.0, 1.0])
        decay = float(self.speed(1.0))
        self.reach = _WIDE / decay

    def _speed(self, force: Callable[[Any], Any], u: float) -> float:
        """(du/dΔ)/(1 − u): the energy is integrated from the end that is nearer, where it vanishes."""
        if u < 0.5:
            square = float(WEIGHTS @ (force(u * NODES) * NODES)) / (1.0 - u) ** 2
        else:
            w = u + (1.0 - u) * NODES
            square = -float(WEIGHTS @ (force(w) * w)) / (u * u * (1.0 - u))
        if not square > 0.0:
            wrong = f"the potential has no path from c_0 = {self.state.variance:.6g} to {self.state.floor:.6g}"
            raise DomainError("the autocovariance", wrong, "a g further from the onset of chaos")
        return float(np.sqrt(square))

    def __call__(self, lag: Any) -> Any:
        """The autocovariance for an array of lags ≥ 0 in any order."""
        flat = np.ravel(lag)
        order = np.argsort(flat)
        ends = [0.0, max(float(flat[order[-1]]), 1e-12)]
        found = scipy.integrate.solve_ivp(
            lambda _, v: self.speed(-np.expm1(-v)), ends, [0.0], "DOP853", flat[order], rtol=1e-12, atol=1e-13
        )
        u = np.empty_like(flat)
        u[order] = -np.expm1(-found.y[0])
        return (self.state.variance - self.depth * u * u).reshape(np.shape(lag))


def stationary(units: Units, g: float, feedback: float, drive: float) -> Stationary:
    """The stationary state: the fixed point where it is stable, else the chaotic state.

    Args:
        units: expectations of the activation.
        g: standard deviation of the couplings times √N.
        feedback: √N J_0.
        drive: √N I_0.

    Raises:
        DomainError: there is no fixed point, or no chaotic state is found.
    """
    rest = static(units, g, feedback, drive)
    if rest.spectral_radius <= 1.0 + _NEAR:
        return Stationary(units, g, rest.mean, rest.variance, rest.variance, rest.rate, rest)
    if is_centred(units, drive):
        m, c, depth = 0.0, _centred(units, g, rest.variance), 1.0
        if c == 0.0:
            rest = centred_point(units, g, feedback, 0.0)
            return Stationary(units, g, 0.0, 0.0, 0.0, rest.rate, rest)
        check_mean(units, g, feedback, c)
    else:
        m, c, depth = _balanced(units, g, feedback, drive)
    return Stationary(units, g, m, c, c * (1.0 - depth), float(units.rate(m, c)), rest)


def _centred(units: Units, g: float, largest: float) -> float:
    """The variance c_0 of odd units without mean, c_∞ = 0; 0 where there is no chaotic state."""

    def energy(log: float) -> float:
        return g * g * float(path_slope(units, 0.0, np.exp(log), 1.0)) - 1.0

    peak, slope = steepest(units)
    if g * g * slope <= 1.0:
        return 0.0
    high = np.log(largest)
    low = np.log(peak) if peak else next((high - k for k in range(1, 60) if energy(high - k) > 0.0), None)
    if low is None or energy(high) > 0.0:
        raise _not_found(units, g)
    return float(np.exp(scipy.optimize.brentq(energy, low, high, xtol=1e-14, rtol=1e-14)))


@dataclass(frozen=True)
class _Branch:
    """States y = (m/√c_0, ln c_0, ln g, depth), the first three plus `AWAY`, that balance at some g."""

    units: Units
    feedback: float
    drive: float

    def equations(self, y: Any) -> list[float]:
        """The balance, the floor, and the energy."""
        c, g = (float(np.exp(np.clip(one - AWAY, -_FAR, _FAR))) for one in y[1:3])
        m, depth = float(y[0] - AWAY) * float(np.sqrt(c)), float(y[3])
        power = self.units.product(c, c, c * (1.0 - depth), m, m) if depth else self.units.power(m, c)
        floor = g * g * float(power) / c - (1.0 - depth)
        energy = g * g * float(path_slope(self.units, m, c, depth)) - 1.0
        return [float(balance(self.units, m, c, self.feedback, self.drive)), floor, energy]

    def state(self, fixed: int, near: np.ndarray) -> np.ndarray | None:
        """The state with this component of `near`; None where the search does not arrive."""
        free = np.delete(np.arange(4), fixed)

        def residual(z: Any) -> list[float]:
            return self.equations(np.insert(z, fixed, near[fixed]))

        found = scipy.optimize.root(residual, near[free], method="hybr", options={"xtol": 1e-13})
        return np.insert(found.x, fixed, near[fixed]) if np.max(np.abs(found.fun)) <= 1e-9 else None


def _balanced(units: Units, g: float, feedback: float, drive: float) -> tuple[float, float, float]:
    """m, c_0 and (c_0 − c_∞)/c_0: from the onset, where the last is 0, along the branch of states to the g asked for.

    Each step fixes the component that moved most in the step before: any single one may turn back.
    """
    branch = _Branch(units, feedback, drive)
    begin, point = onset(units, feedback, drive, g)
    logs = [point.mean / np.sqrt(point.variance), np.log(point.variance), np.log(begin)]
    before = here = np.array([AWAY + one for one in logs] + [0.0])
    goal = AWAY + np.log(g)
    move, step, fixed = np.array([0.0, 0.0, 0.0, 1.0]), 0.1, 3
    while here[2] < goal:
        near = here + step * move
        near[3] = min(near[3], 0.5 * (here[3] + 1.0))
        fixed = int(np.argmax(np.abs(move)))
        found = branch.state(fixed, near)
        if found is None or not 0.0 < found[3] < 1.0:
            step *= 0.5
            if step < _SHORTEST:
                raise _not_found(units, g)
            continue
        before, here, move, step = here, found, found - here, min(1.5 * step, 1.0)
        move /= np.max(np.abs(move))

    if here[3] == 0.0:  # the onset that was found is above g
        raise _not_found(units, g)

    def beyond(part: float) -> float:
        """How far ln g is from the goal at a part of the last step."""
        found = branch.state(fixed, before + part * (here - before))
        if found is None:
            raise _not_found(units, g)
        return float(found[2] - goal)

    part = float(scipy.optimize.brentq(beyond, 0.0, 1.0, xtol=1e-14, rtol=1e-14))
    last = before + part * (here - before)
    last[2] = goal
    polished = branch.state(2, last)
    if polished is None:
        raise _not_found(units, g)
    x, log, depth = (float(one) for one in polished[[0, 1, 3]] - np.array([AWAY, AWAY, 0.0]))
    return x * float(np.exp(0.5 * log)), float(np.exp(log)), depth


def _not_found(units: Units, g: float) -> DomainError:
    wrong = f"the fixed point is unstable at g = {g:g}, but no chaotic state was found from the onset on"
    return DomainError(f"the stationary state of {units}", wrong, "another g, or the non-stationary theory")
