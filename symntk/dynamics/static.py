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
from numpy.polynomial import legendre

from symntk.dynamics.units import Units
from symntk.errors import DomainError

_TINY, _LARGE = 1e-16, 1e16  # variances between which one is looked for, in units of the natural ones
_PER_DECADE = 2
_NEAR = 12.0  # standard deviations of m from 0 within which its grid is uniform
_STEPS = np.linspace(-2.0, 2.0, 49)
_DOUBLINGS, _HALVINGS = 60, 30
_CLOSE, _FLAT = 1e-6, 1e-12
_SPAN = 1e3
_FAR = 100.0  # of logarithms: a step may lead anywhere
_ROOT = {"xtol": 1e-14, "rtol": 1e-14}
_RULE = legendre.leggauss(48)
AWAY = 10.0
"""What is added to unknowns of which 0 is a common value: the root finder's differences are relative to them."""
NODES, WEIGHTS = 0.5 * (_RULE[0] + 1.0), 0.5 * _RULE[1]
"""Gauss–Legendre rule on [0, 1]."""


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
    """A fixed point whose mean and variance attract; where units do not rise there may be others.

    Odd units without mean input (`is_centred`) have the fixed point 0; given is the largest other variance where there
    is one, and it is never stable, since q(c)/c grows (Sompolinsky et al. 1988): the state is then chaotic, or silent.

    Args:
        units: expectations of the activation.
        g: standard deviation of the couplings times √N.
        feedback: √N J_0.
        drive: √N I_0.

    Raises:
        DomainError: there is none; the message says what happens instead.

    >>> rest = static(Units("relu"), 1.0, 20.0, 20.0)
    >>> print(round(rest.mean + 20 * rest.rate, 9), round(rest.spectral_radius, 9))
    20.0 0.825261512
    """
    if is_centred(units, drive):
        return centred_point(units, g, feedback, _centred_variance(units, g))
    with np.errstate(all="ignore"):  # far from a fixed point an activation may overflow
        found, values = _search(units, g, feedback, drive)
    if found is None:
        raise _no_fixed_point(_asked(units, g, feedback, drive), feedback, drive, values)
    return _point(units, g, *found)


def _search(units: Units, g: float, feedback: float, drive: float) -> tuple[tuple[float, float] | None, np.ndarray]:
    """Mean and variance of the fixed point, or None; and g² E[φ²]/c − 1 at the means that balance, by variance."""
    logs = np.log(_variances(units, g, feedback, drive))
    known = []
    # where the balance has several means, that of the input's sign comes first
    for last in (drive >= 0.0, drive < 0.0):
        values = _excess(units, g, np.exp(logs), _means(units, np.exp(logs), feedback, drive, last))
        for i in np.flatnonzero((values[:-1] > 0.0) & (values[1:] <= 0.0))[::-1]:

            def excess(log: float, last: bool = last) -> float:
                c = float(np.exp(log))
                return float(_excess(units, g, c, _mean(units, c, feedback, drive, last)))

            try:
                log = float(scipy.optimize.brentq(excess, logs[i], logs[i + 1], **_ROOT))
            except ValueError:  # the mean ends in between, or is another one on the finer look
                continue
            if abs(excess(log)) < _CLOSE:  # else the mean jumps here from one branch to another
                c = float(np.exp(log))
                return (_mean(units, c, feedback, drive, last), c), values
        known.append(values)
    return None, np.concatenate(known)


def onset(units: Units, feedback: float, drive: float, guess: float = 1.0) -> tuple[float, Static]:
    """The g above which the network is chaotic, and the fixed point there.

    For odd units without mean input it is the least g at which a chaotic state exists, one whose autocovariance decays
    from c_0 to 0: g² K(c_0) = 1 with K = 4 ∫₀¹ q'(c_0 − c_0 u²) u³ du, so g = 1/√max K. Where K is largest at c_0 = 0
    that is 1/φ'(0), where 0 becomes unstable. Else chaos sets in at a finite variance, below 1/φ'(0), and the silent
    state is stable beside it up to there: for ever where φ'(0) = 0. With a mean it is the g at which the fixed point
    loses its stability, g² E[φ'²] = 1.

    Args:
        units: expectations of the activation.
        feedback: √N J_0.
        drive: √N I_0.
        guess: where the search begins, upwards and downwards.

    Raises:
        DomainError: no such g within a factor of a thousand of the guess.

    >>> print(round(onset(Units("erf", means=False), 0.0, 0.0)[0], 9))  # 1/φ'(0)
    0.886226925
    """
    if is_centred(units, drive):
        g = 1.0 / float(np.sqrt(steepest(units)[1]))
        return g, centred_point(units, g, feedback, 0.0)
    for begin in (guess, 1.0):
        near = _onset_near(units, feedback, drive, begin)
        if near is not None:
            return near
    root = _crossing(units, feedback, drive, guess)
    if root is None:
        wrong = f"no g between {guess / _SPAN:.3g} and {guess * _SPAN:.3g} at which the fixed point becomes unstable"
        raise DomainError(f"the onset of chaos for {units}", wrong, "another guess, or other inputs")
    return root, static(units, root, feedback, drive)


def _onset_near(units: Units, feedback: float, drive: float, guess: float) -> tuple[float, Static] | None:
    """The onset by Newton's method from the fixed point at the guess; None where it does not arrive."""

    def equations(z: Any) -> list[float]:
        x = float(z[0] - AWAY)
        c, g = (float(np.exp(np.clip(one - AWAY, -_FAR, _FAR))) for one in z[1:])
        m = x * np.sqrt(c)
        power, sharpness = float(units.power(m, c)), float(units.sharpness(m, c))
        return [balance(units, m, c, feedback, drive), g * g * power / c - 1.0, g * g * sharpness - 1.0]

    try:
        rest = static(units, guess, feedback, drive)
    except DomainError:
        return None
    begin = AWAY + np.array([rest.mean / np.sqrt(rest.variance), np.log(rest.variance), np.log(guess)])
    with np.errstate(all="ignore"):  # far from a root a step may lead anywhere
        found = scipy.optimize.root(equations, begin, method="hybr", options={"xtol": 1e-14})
    if not np.max(np.abs(found.fun)) <= 1e-11:  # or NaN
        return None
    x, c, g = found.x[0] - AWAY, float(np.exp(found.x[1] - AWAY)), float(np.exp(found.x[2] - AWAY))
    return g, _point(units, g, float(x * np.sqrt(c)), c)


def _crossing(units: Units, feedback: float, drive: float, guess: float) -> float | None:
    """The g next to the guess at which the spectral radius rises through 1; None within a factor of `_SPAN`."""

    def excess(g: float) -> float:
        try:
            return static(units, g, feedback, drive).spectral_radius - 1.0
        except DomainError:
            return float("nan")

    steps = np.cumsum(np.minimum(0.1 * 1.1 ** np.arange(200), 0.4))
    ratios = np.exp(steps[steps < np.log(_SPAN)])
    low = high = (guess, excess(guess))
    for ratio in ratios:
        for inner, g in ((high, guess * ratio), (low, guess / ratio)):
            outer = (g, excess(g))
            first, second = sorted((inner, outer))
            if first[1] < 0.0 <= second[1]:
                return float(scipy.optimize.brentq(excess, first[0], second[0], xtol=1e-13, rtol=1e-13))
            low, high = (outer, high) if g < guess else (low, outer)
    return None


def is_centred(units: Units, drive: float) -> bool:
    """Odd units without mean input can stay without mean, whatever the feedback (`check_mean` says whether they do)."""
    return drive == 0.0 and units.is_odd


def balance(units: Units, m: Any, c: Any, feedback: float, drive: float) -> Any:
    """The balance m + √N J_0 ν − √N I_0, 0 where the mean stays, over |√N I_0| + √c."""
    return (m + feedback * units.rate(m, c) - drive) / (abs(drive) + np.sqrt(c))


def path_slope(units: Units, m: float, c: Any, depth: float) -> Any:
    """K = 4 ∫₀¹ q'(c_0 − ε u²) u³ du, ε = depth · c_0, a mean of q'; for an array of c_0.

    The energy of c(Δ) is the same at c_0 and at c_0 − ε where g² K = 1.
    """
    if depth == 0.0:
        return units.sharpness(m, c)
    full = np.multiply.outer(c, np.ones_like(NODES))
    slopes = units.slopes(full, full, full * (1.0 - depth * NODES**2), np.full_like(full, m), np.full_like(full, m))
    return 4.0 * slopes @ (WEIGHTS * NODES**3)


def steepest(units: Units) -> tuple[float, float]:
    """The variance c_0 at which K is largest for depth 1 and mean 0, 0 for the limit c_0 → 0, and K there."""
    logs = np.log(_decades(_TINY, _LARGE))

    def slope(log: Any) -> Any:
        return path_slope(units, 0.0, np.exp(log), 1.0)

    log, top = _peak(slope, logs)
    rest = float(slope(logs[0]))
    return (float(np.exp(log)), top) if top > rest * (1.0 + _FLAT) else (0.0, rest)


def _peak(function: Callable[[Any], Any], grid: np.ndarray) -> tuple[float, float]:
    """Where a function is largest, from its values on a grid, and its value there."""
    values = function(grid)
    top = int(np.nanargmax(values))
    ends = (grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)])
    found = scipy.optimize.minimize_scalar(lambda at: -float(function(at)), bounds=ends, method="bounded")
    return max(((float(grid[top]), float(values[top])), (float(found.x), -float(found.fun))), key=lambda one: one[1])


def centred_point(units: Units, g: float, feedback: float, c: float) -> Static:
    """The fixed point with mean 0 and this variance.

    Raises:
        DomainError: its mean does not stay 0.
    """
    check_mean(units, g, feedback, c)
    return _point(units, g, 0.0, c)


def check_mean(units: Units, g: float, feedback: float, c: float) -> None:
    """Refuse a state of mean 0 that an excitatory feedback leads away from: δm' = −(1 + √N J_0 E[φ']) δm.

    Raises:
        DomainError: the mean grows.
    """
    growth = -1.0 - feedback * float(units.gain(0.0, c if c > 0.0 else _TINY))
    if growth > 0.0:
        wrong = f"its mean does not stay 0: √N |J_0| E[φ'] − 1 = {growth:.4g} is the rate at which it grows"
        advice = "couplings that inhibit (J_0 ≥ 0 where φ increases), or an I_0 that gives the mean its sign"
        raise DomainError(_asked(units, g, feedback, 0.0), wrong, advice)


def _point(units: Units, g: float, m: float, c: float) -> Static:
    at = c if c > 0.0 else _TINY
    return Static(m, c, float(units.rate(m, at)), g * float(np.sqrt(units.sharpness(m, at))))


def _centred_variance(units: Units, g: float) -> float:
    """The largest root of c = g² E[φ²] at mean 0; 0 where there is no other."""
    grid = np.log(_decades(_TINY, _LARGE))

    def excess(log: Any) -> Any:
        return _excess(units, g, np.exp(log), 0.0 * log)

    values = excess(grid)
    if values[-1] > 0.0:
        wrong = f"at g = {g:g} the variance grows without bound"
        raise DomainError(f"a fixed point of {units}", wrong, "a smaller g, or an activation that saturates")
    low = max(grid[values > 0.0], default=None)
    if low is None:
        low, top = _peak(excess, grid)
        if top <= 0.0:
            return 0.0
    return float(np.exp(scipy.optimize.brentq(excess, low, grid[grid > low][0], **_ROOT)))


def _excess(units: Units, g: float, c: Any, m: Any) -> Any:
    """g² E[φ²]/c − 1."""
    return g * g * units.power(m, c) / c - 1.0


def _decades(low: float, high: float) -> np.ndarray:
    return np.geomspace(low, high, int(_PER_DECADE * np.log10(high / low)) + 1)


def _variances(units: Units, g: float, feedback: float, drive: float) -> np.ndarray:
    """Variances between which c is looked for: around what the input alone makes, and what φ's own scale may be."""
    scale = (drive / (1.0 + abs(feedback))) ** 2
    sizes = [1.0] if drive == 0.0 else [scale, 1.0]
    low, high = 1e-8 * min(sizes), 1e12 * max(sizes)
    quiet = np.array([low * _TINY])
    m = _means(units, quiet, feedback, drive, drive >= 0.0)
    weak = float(1e-2 * g * g * units.rate(m, quiet)[0] ** 2)  # c of couplings g → 0
    return _decades(min(low, weak) if weak > 0.0 else low, high)


def _brackets(units: Units, c: np.ndarray, feedback: float, drive: float, last: bool) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours on a grid of m, one pair for each c, between which m + √N J_0 ν − √N I_0 rises through 0.

    The last or the first such pair; NaN where there is none. Where it falls the mean would run away.
    """
    size = _NEAR * np.sqrt(c)
    reach = 2.0 * size + np.abs(drive - feedback * units.rate(np.zeros_like(c), c))
    for _ in range(_DOUBLINGS):
        short = (balance(units, reach, c, feedback, drive) < 0.0) | (balance(units, -reach, c, feedback, drive) > 0.0)
        if not short.any():
            break
        reach = np.where(short, 2.0 * reach, reach)
    far = np.abs(_STEPS)[:, None]
    grid = size * np.where(far <= 1.0, far, (reach / size) ** (np.maximum(far, 1.0) - 1.0)) * np.sign(_STEPS)[:, None]
    values = balance(units, grid, np.broadcast_to(c, grid.shape), feedback, drive)
    rises = (values[:-1] < 0.0) & (values[1:] >= 0.0)
    at = len(rises) - 1 - np.argmax(rises[::-1], axis=0) if last else np.argmax(rises, axis=0)
    columns = np.arange(len(c))
    some = rises.any(axis=0)
    return np.where(some, grid[at, columns], np.nan), np.where(some, grid[at + 1, columns], np.nan)


def _means(units: Units, c: np.ndarray, feedback: float, drive: float, last: bool) -> np.ndarray:
    """The mean that balances for each variance, by bisection; NaN where there is none."""
    low, high = _brackets(units, c, feedback, drive, last)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = balance(units, middle, c, feedback, drive) < 0.0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _mean(units: Units, c: float, feedback: float, drive: float, last: bool) -> float:
    """The mean that balances at one variance, to all digits."""
    low, high = (float(end[0]) for end in _brackets(units, np.array([c]), feedback, drive, last))
    if np.isnan(low):
        return low
    size = np.sqrt(c)
    x = scipy.optimize.brentq(
        lambda x: float(balance(units, x * size, c, feedback, drive)), low / size, high / size, **_ROOT
    )
    return float(x * size)


def _asked(units: Units, g: float, feedback: float, drive: float) -> str:
    return f"a fixed point of {units} at g = {g:g}, √N J_0 = {feedback:g}, √N I_0 = {drive:g}"


def _no_fixed_point(asked: str, feedback: float, drive: float, values: np.ndarray) -> DomainError:
    """What happens instead, from g² E[φ²]/c − 1 at the means that balance, by rising variance."""
    known = values[np.isfinite(values)]
    if drive <= 0.0 and feedback >= 0.0:
        return DomainError(asked, "no input excites the network: it is silent, or has no mean that balances", "I_0 > 0")
    if not known.size:
        return DomainError(asked, "at no variance a mean balances the input: the mean runs away", "J_0 > 0")
    if np.any(known > 0.0):
        wrong = "inhibition balances no variance: activity grows without bound, or its mean jumps to another branch"
        return DomainError(asked, wrong, "a larger J_0, or a smaller g")
    return DomainError(
        asked, "the variance vanishes at every mean that balances the input", "another g, or other inputs"
    )
