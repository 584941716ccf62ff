"""Which stationary state a network with independent input is in: the one that repeats with it, or the chaotic one.

The repeating state is the network's where it is stable, λ ≤ 0. Else it is the chaotic one, whose autocovariance is
solved on half periods of the input from lag 0 to where nothing but the period is left. Close to its onset correlations
decay slowly, by about λ of the repeating state per time, and two units a period apart are nearly alike; the two states
are still told apart by their correlation at full periods.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symntk.dynamics.elements import Elements
from symntk.dynamics.independent import (
    Driven,
    Problem,
    begin,
    checked,
    coarser,
    default_points,
    fewer,
    iterated,
    newton,
    place,
    told,
    with_error,
)
from symntk.dynamics.stationary import Stationary
from symntk.errors import DomainError

_REACH = 30.0  # lags at least, in units of τ
_PER_EXPONENT = 1.0  # such lags times λ of the repeating state
_LARGEST, _MOST = 10000, 60000  # points at most, and where even four times the least lags take more than that
_TOO_FAR = 10.0  # times the longest lags: where such are needed, the search is not begun
_DIFFERS = 1e-9  # 1 − correlation one period apart, at least, of a state that does not repeat
_ENOUGH = 1e-8  # change of λ τ at which lags are not made longer
_TRIES = (0, 10)  # iterations before Newton's method


def settled(problem: Problem, start: Stationary, points: int = 0) -> Driven:
    """The state that the network is in: the one that repeats with the input where it is stable, else the chaotic one.

    λ's error is the change from a coarser grid with fewer phases, and for a chaotic state from shorter lags.

    Args:
        problem: network and input.
        start: the network without input.
        points: of the grid on half a period; 0 chooses.

    Raises:
        DomainError: a state is not found, as the chaotic one very close to its onset.
    """
    found = with_error(problem, start, points)
    if found.lyapunov <= found.lyapunov_error or not start.is_chaotic:
        return found
    return chaotic(problem, start, found, points)


def chaotic(problem: Problem, start: Stationary, rival: Driven, points: int = 0) -> Driven:
    """The state that grows out of the chaotic one without input.

    Args:
        problem: network and input.
        start: the network without input.
        rival: the state that repeats with the input; it is unstable, and λ below its.
        points: of the grid on half a period; 0 chooses.

    Raises:
        DomainError: there is no such state, or its onset is too close for lags that can be computed.
    """
    if not start.is_chaotic or rival.lyapunov <= 0.0:
        wrong = "the state that repeats with the input is stable, or the network is not chaotic without input"
        raise DomainError(f"a chaotic state at {place(problem)}", wrong, "repeating, for the other state")
    fine = checked(points) or default_points(problem)
    found, change = _on_growing_lags(coarser(problem), start, rival, fewer(fine))
    coarse = found.lyapunov
    row = Elements(found.half, round(found.lags[-1] / found.half), fine)
    last = _not_repeating(problem, row, begin(problem, start, row.points), found, rival)
    if last is None:
        raise _only_repeating(problem, found.lags[-1])
    return replace(last, lyapunov_error=change + abs(last.lyapunov - coarse))


def _on_growing_lags(problem: Problem, start: Stationary, rival: Driven, points: int) -> tuple[Driven, float]:
    """The state with lags that are doubled until λ does not change, and by how much it did at last."""
    reach, farthest = _lags(problem, rival, points)
    count = max(int(np.ceil(min(reach, 0.25 * farthest) / rival.half)), 2)
    known: Driven | None = None
    change = rival.lyapunov
    while change > _ENOUGH and (count * rival.half <= farthest or known is None):
        row = Elements(rival.half, count, points)
        found = _not_repeating(problem, row, begin(problem, start, row.points), known, rival)
        if found is None and count * rival.half > farthest:
            raise _only_repeating(problem, row.points[-1])
        if found is not None:
            # of a first one no more is known than that λ is between 0 and the repeating state's
            change = rival.lyapunov if known is None else abs(found.lyapunov - known.lyapunov)
            known = found
        count *= 2
    assert known is not None
    return known, change


def _lags(problem: Problem, rival: Driven, points: int) -> tuple[float, float]:
    """How far lags have to reach at first, and how far they can."""
    # high frequencies take many points for the lags that even uncorrelated units need
    per_lag = points / rival.half
    farthest = max(_LARGEST, min(_MOST, 4.0 * _REACH * per_lag)) / per_lag
    if farthest < _REACH:
        wrong = f"its period is too short to be resolved over lags of {_REACH:g} τ"
        raise DomainError(f"the chaotic state at {place(problem)}", wrong, "a lower f")
    reach = max(_REACH, _PER_EXPONENT / rival.lyapunov)
    if reach > _TOO_FAR * farthest:
        wrong = f"correlations decay too slowly this close to the onset of chaos; λ τ is from 0 to {rival.lyapunov:.2g}"
        raise DomainError(f"the chaotic state at {place(problem)}", wrong, "an I_1 farther from the critical one")
    return reach, farthest


def _not_repeating(
    problem: Problem, row: Elements, first: tuple[np.ndarray, float], near: Driven | None, rival: Driven
) -> Driven | None:
    """A chaotic state found from a similar one, or from the first guess; None where neither leads to one."""
    for guess in (first,) if near is None else ((near.at(row.points), near.mean), first):
        for count in _TRIES:
            found = newton(problem, row, *iterated(problem, row, *guess, count))
            if found is None:
                continue
            # full periods apart units are less alike than at once, and ever less
            periods = found[0][row.joints[2::2]] / found[0][0]
            if periods[0] < 1.0 - _DIFFERS and periods[-1] <= periods[0]:
                return told(problem, row, *found, False, 1.0 - (1.0 + rival.lyapunov) ** 2)
    return None


def _only_repeating(problem: Problem, reach: float) -> DomainError:
    wrong = f"with lags of {reach:.4g} τ only the state that repeats is found"
    return DomainError(f"the chaotic state at {place(problem)}", wrong, "an I_1 farther from the critical one")
