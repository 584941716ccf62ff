"""Intervals for the oracle's quadratures: edges as exact kinks, cut towards places where a function is not analytic.

Next to a place t where it is infinite, like |x − t|^p with −1 < p < 0, the variable is s, x = t ± h·s^(1/(1 + p)): the
power goes into dx, and what is left is analytic but for s = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symntk.verify.oracle.general.layout import Panels
from symntk.verify.oracle.numbers import Number, mp
from symntk.verify.oracle.panels import Rule

Scalar = Callable[[Number], Number]
_EPS = 2.0**-52


@dataclass(frozen=True)
class Bend:
    """The variable s of x = place + width · s^order, from `low` to `high`."""

    place: Number
    width: Number
    order: Number
    low: Number
    high: Number

    def at(self, s: Number) -> tuple[Number, Number]:
        """The point, and |dx/ds|."""
        share = s**self.order
        return self.place + self.width * share, abs(self.width) * self.order * share / s


@dataclass(frozen=True)
class Stretch:
    """An interval and the smooth function that holds on it, or in another variable is smooth on it."""

    left: Number
    right: Number
    function: Scalar
    bend: Bend | None = None

    def sample(self, rule: Rule, low: Number, high: Number) -> Iterator[tuple[Number, Number]]:
        """Points with weight times value, on its part between low and high; a bent one is sampled as a whole."""
        if self.bend is not None:
            low, high = self.bend.low, self.bend.high
        half, middle = (high - low) / 2, (high + low) / 2
        for node, weight in zip(rule.nodes, rule.weights, strict=True):
            point, factor = middle + half * node, mp.one
            if self.bend is not None:
                point, factor = self.bend.at(point)
            yield point, half * weight * factor * self.function(point)

    def halves(self) -> list[Stretch]:
        """The two of them."""
        if self.bend is None:
            middle = (self.left + self.right) / 2
            return [replace(self, right=middle), replace(self, left=middle)]
        middle = (self.bend.low + self.bend.high) / 2
        ends = ((self.bend.low, middle), (middle, self.bend.high))
        return [replace(self, bend=replace(self.bend, low=low, high=high)) for low, high in ends]


def bends(place: Number, width: Number, power: float, dps: int) -> list[Bend]:
    """The variable s from 0 to 1, cut by powers of 4 until what is left is below the digits."""
    count = math.ceil((dps + 4) * math.log(10) / math.log(4))
    cuts = [mp.mpf(4) ** -k for k in range(count + 1)]
    order = 1 / (1 + mp.mpf(power))
    return [Bend(place, width, order, low, high) for low, high in zip(cuts[1:], cuts[:-1], strict=True)]


def pieces(
    integrand: Scalar, left: Number, right: Number, infinite: dict[Number, float], dps: int
) -> list[tuple[Scalar, Number, Number]]:
    """An interval for `integrate`, in s where the integrand is infinite at one of its ends."""
    found: list[tuple[Scalar, Number, Number]] = []
    for low, high in halved_between(left, right, infinite):
        if low not in infinite and high not in infinite:
            found.append((integrand, low, high))
            continue
        place, width = (low, high - low) if low in infinite else (high, low - high)
        for bend in bends(place, width, infinite[place], dps):
            found.append((_bent(integrand, bend), bend.low, bend.high))
    return found


def _bent(integrand: Scalar, bend: Bend) -> Scalar:
    def value(s: Number) -> Number:
        point, factor = bend.at(s)
        return integrand(point) * factor

    return value


def stretches(
    function: Scalar, left: Number, right: Number, infinite: dict[Number, float], dps: int, spread: Number
) -> list[Stretch]:
    """An interval for a `Transform`: what is in s lies between two neighbouring odd multiples of the spread."""
    found: list[Stretch] = []
    for low, high in halved_between(left, right, infinite):
        if low not in infinite and high not in infinite:
            found.append(Stretch(low, high, function))
            continue
        sense, place, end = (1, low, high) if low in infinite else (-1, high, low)
        cell = (sense * place / spread - 1) / 2
        edge = sense * (2 * (mp.floor(cell) + 1) + 1) * spread
        near = min(sense * edge, sense * end) * sense
        if near != end:
            found.append(Stretch(min(near, end), max(near, end), function))
        for bend in bends(place, near - place, infinite[place], dps):
            ends = sorted([bend.at(bend.low)[0], bend.at(bend.high)[0]])
            found.append(Stretch(ends[0], ends[1], function, bend))
    return sorted(found, key=lambda one: one.left)


def halved_between(left: Number, right: Number, infinite: dict[Number, float]) -> list[tuple[Number, Number]]:
    """The interval, or its halves where both of its ends are places of that kind."""
    if left in infinite and right in infinite:
        middle = (left + right) / 2
        return [(left, middle), (middle, right)]
    return [(left, right)]


def exactly(edges: Sequence[float], kinks: Sequence[Number], shift: float) -> list[tuple[Number, Number]]:
    """Consecutive edges, with the kinks in place of the floats that are rounded kinks."""
    low, high = edges[0], edges[-1]
    kept = list(kinks)
    for edge in edges:
        if all(abs(edge - float(kink)) > 16 * _EPS * (abs(edge) + shift) for kink in kinks):
            kept.append(mp.mpf(edge))
    inside = sorted({x for x in kept if low - 1e-12 <= x <= high + 1e-12})
    return list(zip(inside[:-1], inside[1:], strict=True))


def powers_at(own: Panels) -> dict[int, float]:
    """The least power next to each break at which a function is not analytic, by the break's number."""
    found: dict[int, float] = {}
    for rough in own.rough:
        index = int(np.searchsorted(own.function.edges, rough.place))
        found[index] = min(rough.power, found.get(index, math.inf))
    return found


def graded(
    pairs: list[tuple[Number, Number]], places: list[tuple[Number, float]], dps: int
) -> list[tuple[Number, Number]]:
    """The intervals, those that end at a rough place cut by powers of 4 until what is left is below the digits."""
    cuts: list[Number] = []
    for place, power in places:
        count = math.ceil((dps + 4) * math.log(10) / math.log(4) / (1 + power))
        for left, right in pairs:
            if place in (left, right):
                cuts += [place + (left + right - 2 * place) * mp.mpf(4) ** -k for k in range(1, count + 1)]
    ends = sorted({end for pair in pairs for end in pair} | set(cuts))
    return list(zip(ends[:-1], ends[1:], strict=True))
