"""One-dimensional quadrature at any precision: Gauss–Legendre panels with an honest error estimate.

The estimate is read from the Legendre coefficients of the integrand on each panel: their decay over the upper half of
the resolved degrees is continued to the degrees that the rule misses. Entire functions decay ever faster, so the
continuation errs on the safe side; a kink or a spike shows as a slow decay, and its panel is halved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from symntk.errors import VerificationError
from symntk.language.special.legendre import legendre_rule
from symntk.verify.oracle.numbers import Number, mp

MOST_PANELS = 4000


@dataclass(frozen=True)
class Rule:
    """Nodes and weights on [−1, 1], and rows that give Legendre coefficients of middle and of highest degree."""

    nodes: tuple[Number, ...]
    weights: tuple[Number, ...]
    middle: tuple[tuple[Number, ...], ...]
    upper: tuple[tuple[Number, ...], ...]


@lru_cache(maxsize=32)
def gauss_legendre(count: int, digits: int) -> Rule:
    """The Gauss–Legendre rule with `count` nodes at `digits` digits.

    >>> rule = gauss_legendre(12, 30)
    >>> with mp.workdps(30):
    ...     abs(mp.fdot((w, x**10) for x, w in zip(rule.nodes, rule.weights)) - mp.mpf(2) / 11) < 1e-29
    True
    """
    with mp.workdps(digits + 5):
        nodes, weights, table = legendre_rule(count, mp.prec)

        def rows(first: int, last: int) -> tuple[tuple[Number, ...], ...]:
            return tuple(
                tuple((k + mp.mpf(1) / 2) * w * row[k] for w, row in zip(weights, table, strict=True))
                for k in range(first, last)
            )

        return Rule(nodes, weights, rows(count // 2 - 4, count // 2), rows(count - 4, count))


@dataclass(frozen=True)
class Panel:
    """An interval with the integral, the integral of the absolute value, and the estimated error."""

    left: Number
    right: Number
    function: Callable[[Number], Number]
    value: Number
    size: Number
    error: Number


def evaluate(function: Callable[[Number], Number], left: Number, right: Number, rule: Rule) -> Panel:
    """Apply the rule to one panel; one call of `function` per node."""
    half, centre = (right - left) / 2, (right + left) / 2
    values = [function(centre + half * x) for x in rule.nodes]
    value = half * mp.fdot(zip(rule.weights, values, strict=True))
    size = half * mp.fdot(zip(rule.weights, map(abs, values), strict=True))
    upper = max(abs(mp.fdot(zip(row, values, strict=True))) for row in rule.upper)
    middle = max(abs(mp.fdot(zip(row, values, strict=True))) for row in rule.middle)
    error = 2 * half * upper * (min(1, upper / middle) if middle > 0 else 1)
    return Panel(left, right, function, value, size, error)


def integrate(
    pieces: Sequence[tuple[Callable[[Number], Number], Number, Number]],
    rule: Rule,
    relative: Number,
    absolute: Number,
    most_panels: int = MOST_PANELS,
) -> tuple[Number, Number]:
    """The sum of ∫ function over its interval, and of ∫ |function|, over all (function, left, right).

    Panels with more than their share of the estimated error are halved until the sum of the estimates is below
    `relative` times the integral of the absolute value, or below `absolute`.

    Raises:
        VerificationError: the estimate does not get there with `most_panels` panels.
    """
    panels = [evaluate(function, left, right, rule) for function, left, right in pieces]
    while True:
        value, size = mp.fsum(p.value for p in panels), mp.fsum(p.size for p in panels)
        error, goal = mp.fsum(p.error for p in panels), max(relative * size, absolute)
        if error <= goal:
            return value, size
        share = goal / (2 * len(panels))
        poor = [p for p in panels if p.error > share]
        if len(panels) + len(poor) > most_panels:
            text = f"the quadrature's error estimate stays at {mp.nstr(error / goal, 3)} times what was asked"
            raise VerificationError("a numerical expectation", text, "fewer digits, or a covariance less extreme")
        panels = [p for p in panels if p.error <= share]
        for p in poor:
            middle = (p.left + p.right) / 2
            panels += [evaluate(p.function, *ends, rule) for ends in ((p.left, middle), (middle, p.right))]
