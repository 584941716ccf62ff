"""Where formulas are tested: seeded random covariances, the edges of their range, and values of parameters.

All numbers are floats or integers, which formula and oracle both take as exact; at full correlation the variances
are powers of 4, so that √(ab) is exact too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

import sympy as sp

from symntk.language.symbols import STATE
from symntk.language.tables.registry import exact

Law = tuple[float, float, float, float, float]
_SMALL, _LARGE, _LARGE_WAVES = 2.0**-20, 2.0**20, 2.0**10  # within 5 % of 1e-6, 1e6 and 1e3


class Point(NamedTuple):
    """A covariance with means, and what is special about it."""

    label: str
    law: Law

    @property
    def is_full(self) -> bool:
        """Whether the correlation is exactly ±1."""
        a, b, c, _, _ = self.law
        return c * c == a * b


def random_points(rng: Random, count: int, *, means: bool = False) -> list[Point]:
    """Variances from 1/4 to 4, correlations from −0.95 to 0.95, means of size 1 (or 0).

    >>> [[round(number, 3) for number in point.law] for point in random_points(Random(0), 1)]
    [[2.599, 2.045, -0.348, 0.0, 0.0]]
    """
    out = []
    for _ in range(count):
        a, b = (4 ** rng.uniform(-1, 1) for _ in range(2))
        c = rng.uniform(-0.95, 0.95) * math.sqrt(a * b)
        shifts = (rng.gauss(0, 1), rng.gauss(0, 1)) if means else (0.0, 0.0)
        out.append(Point("a random point", (a, b, c, *shifts)))
    return out


def edge_points(*, means: bool = False, waves: bool = False) -> list[Point]:
    """Correlations at and next to ±1, and variances of 1e-6 and 1e6.

    For functions with `waves` (sin, cos) the large variance is 1e3: beyond it what oscillates is below e^(−1000), and
    the oracle follows each period.

    >>> len(edge_points())
    16
    """
    large, size = (_LARGE_WAVES, "1e3") if waves else (_LARGE, "1e6")
    shifts = (0.5, 0.5) if means else (0.0, 0.0)

    def at(label: str, a: float, b: float, rho: float) -> Point:
        return Point(label, (a, b, rho * math.sqrt(a * b), *shifts))

    gaps = [(k, sense * (1 - 10.0**-k)) for k in (8, 12) for sense in (1, -1)]
    return [
        at("correlation 1", 1.0, 1.0, 1.0),
        at("correlation -1", 1.0, 1.0, -1.0),
        at("correlation 1, unequal variances", 4.0, 0.25, 1.0),
        *(at(f"correlation {'' if rho > 0 else '-'}(1 - 1e-{k})", 1.0, 1.0, rho) for k, rho in gaps),
        at("equal variances", 2.0, 2.0, 0.5),
        at("equal variances, correlation 0", 2.0, 2.0, 0.0),
        at("variances 1e-6, 1e-6", _SMALL, _SMALL, 0.5),
        at(f"variances {size}, {size}", large, large, -0.5),
        at(f"variances 1e-6, {size}", _SMALL, large, 0.5),
        at(f"variances {size}, 1e-6", large, _SMALL, -0.5),
        at(f"variances {size}, {size}, correlation 1", large, large, 1.0),
        at("variances 1e-6, 1e-6, correlation 1", _SMALL, _SMALL, 1.0),
        at(f"variances 1e-6, {size}, correlation 1 - 1e-8", _SMALL, large, 1 - 1e-8),
    ]


def parameter_values(symbols: Iterable[sp.Symbol], given: Mapping[str, Any], rng: Random) -> dict[sp.Symbol, sp.Expr]:
    """A value for each parameter: the one given by name, or a random one in its domain.

    >>> m = sp.Symbol("m", positive=True)
    >>> parameter_values([m], {"m": 0.5}, Random(0))
    {m: 1/2}
    """
    out: dict[sp.Symbol, sp.Expr] = {}
    for symbol in symbols:
        if symbol.name in given:
            out[symbol] = exact(given[symbol.name], f"the value of {symbol.name}")
        else:
            size = sp.Rational(rng.randint(5, 30), 10)
            out[symbol] = size if symbol.is_positive or rng.random() < 0.5 else -size
    return out


def at_state(law: Law) -> dict[sp.Symbol, float]:
    """The symbols of the covariance and of the means with their values at a point."""
    return dict(zip(STATE, law, strict=True))
