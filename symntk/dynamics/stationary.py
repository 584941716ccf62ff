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
from numpy.polynomial import chebyshev, legendre

from symntk.dynamics.spectral import Grid, exponent
from symntk.dynamics.static import Static, is_centred, static
from symntk.dynamics.units import Units
from symntk.errors import DomainError

_RULE = legendre.leggauss(48)
_NODES, _WEIGHTS = 0.5 * (_RULE[0] + 1.0), 0.5 * _RULE[1]
_DEGREE = 60
_WIDE = 34.0  # decay lengths of c − c_∞ that the half line is cut at
_GRIDS = (120, 160)
_FAR = 300.0  # of logarithms: a step may lead anywhere
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
        profile = _Profile(self)
        found = []
        for points in _GRIDS:
            grid = Grid(profile.reach, points)
            found.append(exponent(grid, 1.0 - self.g**2 * self._slope(profile(grid.points))))
        return found[1], abs(found[1] - found[0]), profile

    @property
    def lyapunov(self) -> float:
        """λ τ; of the fixed point where that is stable."""
        return self._solved[0] if self.is_chaotic else self.fixed_point.lyapunov

    @property
    def lyapunov_error(self) -> float:
        """The difference between two grids."""
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

    def __init__(self, state: Stationary) -> None:
        self.state, self.depth = state, state.variance - state.floor
        points = 0.5 * (1.0 + chebyshev.chebpts1(_DEGREE + 1))
        force = chebyshev.Chebyshev.fit(points, self._force(points), _DEGREE, domain=[0.0, 1.0])
        end = float(force(1.0))
        speeds = np.array([self._speed(lambda w: force(w) - end * w, u) for u in points])
        self.speed = chebyshev.Chebyshev.fit(points, speeds, _DEGREE, domain=[0.0, 1.0])
        decay = float(self.speed(1.0))
        self.reach = _WIDE / decay

    def _force(self, u: Any) -> Any:
        """(g² q(c) − c)/ε."""
        state = self.state
        c = state.variance - self.depth * u * u
        full, mean = np.full_like(c, state.variance), np.full_like(c, state.mean)
        return (state.g**2 * state.units.product(full, full, c, mean, mean) - c) / self.depth

    def _speed(self, force: Callable[[Any], Any], u: float) -> float:
        """(du/dΔ)/(1 − u): the energy is integrated from the end that is nearer, where it vanishes."""
        if u < 0.5:
            square = float(_WEIGHTS @ (force(u * _NODES) * _NODES)) / (1.0 - u) ** 2
        else:
            w = u + (1.0 - u) * _NODES
            square = -float(_WEIGHTS @ (force(w) * w)) / (u * u * (1.0 - u))
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
    if is_centred(units, feedback, drive):
        m, c, depth = 0.0, _centred(units, g, rest.variance), 1.0
    else:
        m, c, depth = _balanced(units, g, feedback, drive, rest)
    return Stationary(units, g, m, c, c * (1.0 - depth), float(units.rate(m, c)), rest)


def _energy(units: Units, g: float, m: float, c: float, depth: float) -> float:
    """4 ∫₀¹ g² q'(c_0 − ε u²) u³ du − 1, ε = depth · c_0."""
    full, mean = np.full_like(_NODES, c), np.full_like(_NODES, m)
    slopes = units.slopes(full, full, c * (1.0 - depth * _NODES**2), mean, mean)
    return float(4.0 * g * g * (_WEIGHTS * _NODES**3) @ slopes - 1.0)


def _centred(units: Units, g: float, largest: float) -> float:
    """The variance c_0 of odd units without mean: c_∞ = 0."""

    def energy(log: float) -> float:
        return _energy(units, g, 0.0, float(np.exp(log)), 1.0)

    high = np.log(largest)
    low = next((high - k for k in range(1, 60) if energy(high - k) > 0.0), None)
    if low is None or energy(high) > 0.0:
        raise _not_found(units, g)
    return float(np.exp(scipy.optimize.brentq(energy, low, high, xtol=1e-14, rtol=1e-14)))


def _balanced(units: Units, g: float, feedback: float, drive: float, rest: Static) -> tuple[float, float, float]:
    """m, c_0 and (c_0 − c_∞)/c_0: from the onset, where it is 0, along growing depth to the g asked for."""
    scale = abs(drive) + 1.0

    def equations(z: Any, depth: float) -> list[float]:
        m, (c, at) = float(z[0]), (float(np.exp(np.clip(one, -_FAR, _FAR))) for one in z[1:3])
        floor = c * (1.0 - depth)
        level = at * at * float(units.product(c, c, floor, m, m)) / c - (1.0 - depth)
        if depth == 0.0:
            level = at * at * float(units.power(m, c)) / c - 1.0
        return [(m + feedback * float(units.rate(m, c)) - drive) / scale, level, _energy(units, at, m, c, depth)]

    known = np.array([rest.mean, np.log(rest.variance), np.log(g)])

    def follow(depth: float) -> float:
        """Logarithm of the g at which this depth is reached, less that of the g asked for."""
        nonlocal known
        found = scipy.optimize.root(equations, known, args=(depth,), method="hybr", options={"xtol": 1e-13})
        if not np.max(np.abs(found.fun)) <= 1e-9:
            raise _not_found(units, g)
        known = found.x
        return float(known[2] - np.log(g))

    depths, values = [0.0], [follow(0.0)]
    step = 0.1
    while values[-1] < 0.0 and step > 1e-4:
        before = known.copy()
        try:
            trial = min(depths[-1] + step, 0.5 * (depths[-1] + 1.0))
            values.append(follow(trial))
            depths.append(trial)
        except DomainError:
            known, step = before, 0.5 * step
    if values[-1] < 0.0:
        raise _not_found(units, g)
    depth = float(scipy.optimize.brentq(follow, depths[-2], depths[-1], xtol=1e-14, rtol=1e-14))

    def at_g(z: Any) -> list[float]:
        return equations([z[0], z[1], np.log(g)], z[2])

    polished = scipy.optimize.root(at_g, [known[0], known[1], depth], method="hybr", options={"xtol": 1e-14})
    m, log, depth = (float(value) for value in polished.x)
    return m, float(np.exp(log)), depth


def _not_found(units: Units, g: float) -> DomainError:
    wrong = f"the fixed point is unstable at g = {g:g}, but no chaotic state was found from the onset on"
    return DomainError(f"the stationary state of {units}", wrong, "another g, or the non-stationary theory")
