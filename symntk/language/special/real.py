"""Rules of real intervals: what a monotone or periodic function of one variable makes of an interval.

Ends are widened by more than the rounding of float64; an end that is exactly 0 stays 0, so that signs survive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ROUNDING = 2e-15
TAIL = 2e-12  # where a square in an exponent multiplies the argument's rounding
_LEAST = 1e-306  # what underflow hides


class Interval(NamedTuple):
    """All numbers between `low` and `high`; arrays of one shape."""

    low: np.ndarray
    high: np.ndarray


Rule = Callable[..., Interval]


def wide(low: np.ndarray, high: np.ndarray, share: float = ROUNDING) -> Interval:
    """Ends moved outwards by a share of themselves; 0 is kept."""
    below = np.where(low < 0.0, _LEAST, 0.0)
    above = np.where(high > 0.0, _LEAST, 0.0)
    return Interval(
        np.where(np.isinf(low), low, low - share * np.abs(low) - below),
        np.where(np.isinf(high), high, high + share * np.abs(high) + above),
    )


def rising(
    function: Callable[[Any], Any], least: float = -np.inf, most: float = np.inf, share: float = 4.0 * ROUNDING
) -> Rule:
    """An increasing function, with bounds of its values and a share of them that covers their rounding."""

    def rule(w: Interval) -> Interval:
        found = wide(function(w.low), function(w.high), share)
        return Interval(np.maximum(found.low, least), np.minimum(found.high, most))

    return rule


def falling(
    function: Callable[[Any], Any], least: float = -np.inf, most: float = np.inf, share: float = 4.0 * ROUNDING
) -> Rule:
    """A decreasing function."""
    upwards = rising(function, least, most, share)
    return lambda w: upwards(Interval(w.high, w.low))


def even(function: Callable[[Any], Any], falling: bool = False) -> Rule:
    """An even function that is monotone on the right of 0."""

    def rule(w: Interval) -> Interval:
        crosses = (w.low <= 0.0) & (w.high >= 0.0)
        near = np.where(crosses, 0.0, np.minimum(np.abs(w.low), np.abs(w.high)))
        far = np.maximum(np.abs(w.low), np.abs(w.high))
        first, second = function(near), function(far)
        found = wide(second, first, TAIL) if falling else wide(first, second, 4.0 * ROUNDING)
        return Interval(np.maximum(found.low, 0.0), found.high) if falling else found

    return rule


def sine(shift: float) -> Rule:
    """sin(w + shift)."""

    def rule(w: Interval) -> Interval:
        low, high = w.low + shift, w.high + shift
        slack = 1e-15 * np.maximum(np.abs(low), np.abs(high)) + 1e-15

        def meets(place: float) -> np.ndarray:
            first = np.ceil((low - slack - place) / (2.0 * np.pi))
            return np.asarray(~(first * (2.0 * np.pi) + place > high + slack))

        ends = np.sin(low), np.sin(high)
        lower = np.where(meets(-0.5 * np.pi), -1.0, np.minimum(*ends) - slack)
        upper = np.where(meets(0.5 * np.pi), 1.0, np.maximum(*ends) + slack)
        return Interval(np.maximum(lower, -1.0), np.minimum(upper, 1.0))

    return rule


def tangent(w: Interval) -> Interval:
    """Tan w, unbounded where a pole is inside."""
    slack = 1e-15 * (1.0 + np.maximum(np.abs(w.low), np.abs(w.high)))
    same = np.floor((w.low - slack) / np.pi + 0.5) == np.floor((w.high + slack) / np.pi + 0.5)
    found = wide(np.tan(w.low - slack), np.tan(w.high + slack), 4.0 * ROUNDING)
    return Interval(np.where(same, found.low, -np.inf), np.where(same, found.high, np.inf))
