"""I_1^crit of slow independent input: the repeating state is followed from strong input down to where it is unstable.

At low frequencies Newton's method does not find the repeating state of weak input from the fixed point, but it finds
that of an input that suppresses chaos, and from there those of ever weaker ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.optimize

from symntk.dynamics.independent import Driven, Problem, repeating
from symntk.dynamics.theory import Balanced
from symntk.errors import DomainError

_STRONG, _FACTOR, _STARTS, _STEPS = 16.0, 0.85, 24, 60
_GRIDS = (48, 64)


def critical_slow(net: Balanced, f: float, average: str) -> tuple[float, float]:
    """I_1^crit and an estimate of its error, from two grids.

    Args:
        net: the network.
        f: frequency.
        average: "gaussian" or "phase".

    Raises:
        DomainError: no state is found that suppresses chaos, or the state is lost on the way to where it becomes
            unstable.

    >>> value, error = critical_slow(Balanced(2.0, 500), 0.2, "gaussian")
    >>> print(round(value, 4))
    4.3949
    """
    if net.static().is_stable:
        return 0.0, 0.0
    coarse, fine = (_on_grid(net, f, average, points) for points in _GRIDS)
    return fine, abs(fine - coarse)


def _on_grid(net: Balanced, f: float, average: str, points: int) -> float:
    start = net.stationary()
    amplitude, near = _strong(net, f, average, points)

    def exponent(one: float) -> float:
        nonlocal near
        near = repeating(net.problem(one, f, average), start, points, near)
        return near.lyapunov

    for _ in range(_STEPS):
        weaker = amplitude * _FACTOR
        if exponent(weaker) > 0.0:
            return float(scipy.optimize.brentq(exponent, weaker, amplitude, xtol=1e-10, rtol=1e-10))
        amplitude = weaker
    raise DomainError(str(net), f"input of amplitude {amplitude:.3g} still suppresses chaos", "another g")


def _strong(net: Balanced, f: float, average: str, points: int) -> tuple[float, Driven]:
    """The strongest input, among some, whose repeating state is found and stable."""
    start = net.stationary()
    for amplitude in _STRONG * _FACTOR ** np.arange(_STARTS):
        gaussian = net.problem(float(amplitude), f, "gaussian")
        try:
            found = repeating(gaussian, start, points)
            if average == "phase":
                near = _without_sinusoids(found, gaussian)
                found = repeating(net.problem(float(amplitude), f, average), start, points, near)
        except DomainError:
            continue
        if found.lyapunov < 0.0:
            return float(amplitude), found
    raise DomainError(str(net), "no repeating state is found that is stable", "a larger f, or a smaller g")


def _without_sinusoids(state: Driven, problem: Problem) -> Driven:
    """What the couplings add to the autocovariance, where the sinusoids take part as a Gaussian process."""
    own = problem.covariance(state.lags) / (1.0 + problem.omega**2)
    return replace(state, autocovariance=np.maximum(state.autocovariance - own, 1e-6))
