"""Fixed points of balanced networks in mean-field theory, their stability, and where chaos sets in.

A fixed point has the mean m = √N (I_0 − J_0 ν) and the variance c = g² E[φ²] of its units; it is stable while
g² E[φ'²] < 1 (Engelken et al. 2022, arXiv 2201.09916; the classical case of odd units and no mean is Sompolinsky,
Crisanti & Sommers 1988, Phys. Rev. Lett. 61, 259). Time is in units of τ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from symntk.dynamics.units import Units
from symntk.errors import DomainError

_RANGE = (1e-8, 1e8)
_POINTS, _HALVINGS = 65, 40
_FARTHEST, _MOST = 12.0, 1e4  # standard deviations of m from 0 within which it is looked for, first and last
_ROOT = {"xtol": 1e-14, "rtol": 1e-14}


@dataclass(frozen=True)
class Static:
    """A fixed point of the network.

    Attributes:
        mean: m, of the units' inputs h.
        variance: c, of h over units.
        rate: ν = E[φ(h)].
        spectral_radius: g √E[φ'²], the radius of the disc that the eigenvalues of the linearized recurrence fill.
    """

    mean: float
    variance: float
    rate: float
    spectral_radius: float

    @property
    def lyapunov(self) -> float:
        """Largest exponent of the fixed point in units of 1/τ, g √E[φ'²] − 1."""
        return self.spectral_radius - 1.0

    @property
    def is_stable(self) -> bool:
        """Whether small perturbations decay."""
        return self.spectral_radius < 1.0


def static(units: Units, g: float, feedback: float, drive: float) -> Static:
    """The fixed point with the largest variance.

    Args:
        units: expectations of the activation.
        g: standard deviation of the couplings times √N.
        feedback: √N J_0.
        drive: √N I_0.

    Raises:
        DomainError: there is none; the message says what happens instead.
    """
    if is_centred(units, feedback, drive):
        variance = _centred_variance(units, g)
        return _point(units, g, 0.0, variance)

    def gap(log: float) -> float:
        c = float(np.exp(log))
        m = _mean_of(units, g, c)
        return np.nan if m is None else m + feedback * float(units.rate(m, c)) - drive

    grid = np.log(np.geomspace(*_RANGE, _POINTS))
    values = np.array([gap(one) for one in grid])
    scale = abs(drive) + 1.0
    found = [i for i in range(_POINTS - 1) if values[i] * values[i + 1] < 0.0]
    if not found:  # where φ saturates, c has a largest value, and the mean balances close to it
        grid, values = _with_ends(gap, grid, values)
        found = [i for i in range(len(grid) - 1) if values[i] * values[i + 1] < 0.0]
    if not found:
        raise _no_fixed_point(units, g, feedback, drive, values, scale)
    at = found[-1]
    c = float(np.exp(scipy.optimize.brentq(gap, grid[at], grid[at + 1], **_ROOT)))
    m = _mean_of(units, g, c)
    if m is None:
        raise _no_fixed_point(units, g, feedback, drive, values, scale)
    return _point(units, g, m, c)


def _with_ends(gap: Callable[[float], float], grid: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grid and the last points at which the gap exists, found by bisection."""
    known = dict(zip(grid.tolist(), values.tolist(), strict=True))
    for at in range(len(grid) - 1):
        if np.isnan(values[at]) == np.isnan(values[at + 1]):
            continue
        inside, outside = (at, at + 1) if np.isnan(values[at + 1]) else (at + 1, at)
        low, high = float(grid[inside]), float(grid[outside])
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            value = gap(middle)
            low, high = (low, middle) if np.isnan(value) else (middle, high)
            known |= {} if np.isnan(value) else {middle: value}
    logs = sorted(known)
    return np.array(logs), np.array([known[one] for one in logs])


def onset(units: Units, feedback: float, drive: float, guess: float = 1.0) -> tuple[float, Static]:
    """The g at which the fixed point loses its stability, g² E[φ'²] = 1, and the fixed point there.

    Args:
        units: expectations of the activation.
        feedback: √N J_0.
        drive: √N I_0.
        guess: where the search begins, upwards and downwards by factors of 1.1.

    Raises:
        DomainError: no such g between a tenth and ten times the guess.
    """
    if is_centred(units, feedback, drive):
        g = 1.0 / float(np.sqrt(units.sharpness(0.0, _RANGE[0] ** 2)))
        return g, _point(units, g, 0.0, 0.0)

    def excess(g: float) -> float:
        return static(units, g, feedback, drive).spectral_radius - 1.0

    for begin in (guess, 1.0):
        near = _onset_near(units, feedback, drive, begin)
        if near is not None:
            return near
    values: dict[float, float] = {}
    for g in guess * 1.1 ** np.array(sorted(range(-24, 25), key=abs), dtype=float):
        try:
            values[float(g)] = excess(float(g))
        except DomainError:
            continue
        known = sorted(values)
        for low, high in zip(known[:-1], known[1:], strict=True):
            if values[low] < 0.0 <= values[high] and high / low < 1.11:
                root = float(scipy.optimize.brentq(excess, low, high, xtol=1e-13, rtol=1e-13))
                return root, static(units, root, feedback, drive)
    wrong = f"no g between {guess / 10:.3g} and {guess * 10:.3g} at which the fixed point becomes unstable"
    raise DomainError(f"the onset of chaos for {units}", wrong, "another guess, or other inputs")


def _onset_near(units: Units, feedback: float, drive: float, guess: float) -> tuple[float, Static] | None:
    """The onset by Newton's method from the fixed point at the guess; None where it does not arrive."""

    def equations(z: Any) -> list[float]:
        m, c, g = float(z[0]), float(np.exp(z[1])), float(np.exp(z[2]))
        balance = (m + feedback * float(units.rate(m, c)) - drive) / (1.0 + abs(drive))
        power, sharpness = float(units.power(m, c)), float(units.sharpness(m, c))
        return [balance, g * g * power / c - 1.0, g * g * sharpness - 1.0]

    try:
        rest = static(units, guess, feedback, drive)
    except DomainError:
        return None
    begin = [rest.mean, np.log(rest.variance), np.log(guess)]
    with np.errstate(all="ignore"):  # far from a root a step may lead anywhere
        found = scipy.optimize.root(equations, begin, method="hybr", options={"xtol": 1e-14})
    if not np.max(np.abs(found.fun)) <= 1e-11:  # or NaN
        return None
    m, c, g = float(found.x[0]), float(np.exp(found.x[1])), float(np.exp(found.x[2]))
    return g, _point(units, g, m, c)


def is_centred(units: Units, feedback: float, drive: float) -> bool:
    """Odd units without mean input stay without mean."""
    return drive == 0.0 and (feedback == 0.0 or units.is_odd) and units.is_odd


def _point(units: Units, g: float, m: float, c: float) -> Static:
    at = max(c, _RANGE[0] ** 2)
    return Static(m, c, float(units.rate(m, at)), g * float(np.sqrt(units.sharpness(m, at))))


def _centred_variance(units: Units, g: float) -> float:
    """The largest root of c = g² E[φ²] at mean 0; 0 where there is no other."""
    grid = np.geomspace(*_RANGE, _POINTS)
    excess = g * g * np.asarray(units.power(np.zeros_like(grid), grid)) / grid - 1.0
    if excess[-1] > 0.0:
        wrong = f"at g = {g:g} the variance grows without bound"
        raise DomainError(f"a fixed point of {units}", wrong, "a smaller g, or an activation that saturates")
    above = np.flatnonzero(excess > 0.0)
    if not above.size:
        return 0.0
    low, high = np.log(grid[above[-1]]), np.log(grid[above[-1] + 1])
    root = scipy.optimize.brentq(lambda x: g * g * float(units.power(0.0, np.exp(x))) / np.exp(x) - 1.0, low, high)
    return float(np.exp(root))


def _mean_of(units: Units, g: float, c: float) -> float | None:
    """The largest m with g² E[φ(u)²] = c, u ~ N(m, c); None where there is none."""
    size = float(np.sqrt(c))

    def excess(x: float) -> float:
        return g * g * float(units.power(x * size, c)) / c - 1.0

    # far means are those of weak couplings, g ≪ 1: they are looked at where nearer ones are none
    for grid in (np.linspace(-_FARTHEST, _FARTHEST, 49), np.geomspace(_FARTHEST, _MOST, 49)):
        values = g * g * np.asarray(units.power(grid * size, np.full_like(grid, c))) / c - 1.0
        changes = np.flatnonzero((values[:-1] < 0.0) & (values[1:] >= 0.0))
        if changes.size:
            break
    else:
        return None
    at = int(changes[-1])
    return size * float(scipy.optimize.brentq(excess, grid[at], grid[at + 1], **_ROOT))


def _no_fixed_point(units: Units, g: float, feedback: float, drive: float, values: Any, scale: float) -> DomainError:
    at = f"a fixed point of {units} at g = {g:g}, √N J_0 = {feedback:g}, √N I_0 = {drive:g}"
    known = values[np.isfinite(values)]
    if drive <= 0.0 and feedback >= 0.0:
        return DomainError(at, "no input excites the network: it is silent, or has no mean that balances", "I_0 > 0")
    if not known.size:
        return DomainError(at, "no mean gives g² E[φ²] = c: the variance grows or vanishes at every mean", "another g")
    if np.all(known < 0.0):
        wrong = "the mean input exceeds what inhibition can balance: the activity grows without bound"
        return DomainError(at, wrong, "a larger J_0, or a smaller g")
    return DomainError(at, "no variance between 1e-8 and 1e8 balances the input", "other inputs, or another g")
