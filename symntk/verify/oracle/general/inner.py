"""E[g(v) | u] for any g at high precision: the fast Gauss transform of Greengard and Strain (1991), in mpmath numbers.

The line is cut into cells of half-width s, the conditional deviation. With φ(y + t) = φ(y) Σ_j He_j(y) (−t)^j / j!
what g contributes from one cell, seen from any u, is φ(y) Σ_j He_j(y) A_j, where y is the distance of the cell's centre
from E[v | u] in units of s, and A_j = ∫ g (−t)^j / j! over the cell, by Gauss–Legendre panels, is computed once.
|He_j(y)| ≤ 1.09 √j! e^{y²/4} (Cramér) bounds what is cut off by Σ_{j>J} 1/√j!. Sums are in fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mpmath.libmp import to_fixed

from symntk.verify.oracle.general.pieces import Stretch
from symntk.verify.oracle.numbers import Number, mp
from symntk.verify.oracle.panels import Rule


@dataclass(frozen=True)
class _Cell:
    """∫|g| over the cell, its logarithm, and A_j over it in fixed point."""

    size: Number
    log_size: float
    moments: tuple[int, ...]


class Transform:
    """μ ↦ E[g(v)], v ~ N(μ, spread²), at the working precision.

    Args:
        stretches: intervals that cover what matters of the line, with the function on each; a rule with as many nodes
            as `rule` resolves it on each.
        spread: the deviation, positive.
        rule: nodes and weights.
        tolerance: of the value, absolute.
        reach: how many deviations from μ count.

    >>> from symntk.verify.oracle.panels import gauss_legendre
    >>> ramp = Transform([Stretch(mp.mpf(0), mp.mpf(9), lambda v: v)], mp.mpf(1), gauss_legendre(24, 15), 1e-15, 8.5)
    >>> abs(ramp(mp.mpf(0)) - 1 / mp.sqrt(2 * mp.pi)) < 1e-14
    True
    """

    def __init__(
        self, stretches: Sequence[Stretch], spread: Number, rule: Rule, tolerance: Number, reach: float
    ) -> None:
        self.stretches, self.spread, self.rule, self.reach = stretches, spread, rule, reach
        # He_j is as large as √j!, which the series meets up to 2^prec: the moments need as many bits below the point.
        self.bits = 2 * mp.prec + 40
        self.log_cut = float(mp.log(tolerance)) - 5
        # The series is cut where Cramér's bound is below the working precision.
        self.terms = next(j for j in range(8, 2000) if math.lgamma(j + 1) / 2 > mp.prec * math.log(2))
        self.constant = 1 / mp.sqrt(2 * mp.pi)
        self._cells: dict[int, _Cell | None] = {}
        self._starts = [one.left / spread for one in stretches]
        self._stops = [one.right / spread for one in stretches]

    def __call__(self, mu: Number) -> Number:
        """The expectation at one μ."""
        place = mu / self.spread
        low = max(place - self.reach, self._starts[0])
        high = min(place + self.reach, self._stops[-1])
        total = mp.mpf(0)
        if low >= high:
            return total
        for k in range(int(mp.floor((low + 1) / 2)), int(mp.floor((high + 1) / 2)) + 1):
            if k not in self._cells:
                self._cells[k] = self._cell(k)
            cell = self._cells[k]
            if cell is None:
                continue
            y = 2 * k - place
            gap = max(0.0, abs(float(y)) - 1)
            if cell.log_size - gap * gap / 2 > self.log_cut:
                total += cell.size * mp.exp(-y * y / 2) * self._series(cell, y)
        return self.constant * total

    def _series(self, cell: _Cell, y: Number) -> Number:
        """Σ_j He_j(y) A_j."""
        bits = self.bits
        at = to_fixed(y._mpf_, bits)
        before, now, total = 0, 1 << bits, 0
        for j, moment in enumerate(cell.moments):
            total += now * moment
            before, now = now, ((at * now) >> bits) - j * before
        return mp.ldexp(mp.mpf(total), -2 * bits)

    def _cell(self, k: int) -> _Cell | None:
        """The moments of g over the cell whose centre is 2k deviations from 0; None where g vanishes on it."""
        centre, weighted, distances = mp.mpf(2 * k), [], []
        for start, stop, one in zip(self._starts, self._stops, self.stretches, strict=True):
            if stop <= centre - 1 or start >= centre + 1:
                continue
            low = one.left if start >= centre - 1 else (centre - 1) * self.spread
            high = one.right if stop <= centre + 1 else (centre + 1) * self.spread
            for v, value in one.sample(self.rule, low, high):
                weighted.append(value / self.spread)
                distances.append(centre - v / self.spread)
        size = mp.fsum(map(abs, weighted))
        if size == 0:
            return None
        powers = [to_fixed((value / size)._mpf_, self.bits) for value in weighted]
        steps = [to_fixed(distance._mpf_, self.bits) for distance in distances]
        moments, factorial = [], 1
        for j in range(self.terms):
            factorial *= max(j, 1)
            moments.append(sum(powers) // factorial)
            powers = [(p * t) >> self.bits for p, t in zip(powers, steps, strict=True)]
        return _Cell(size, float(mp.log(size)), tuple(moments))


def halved(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same with each interval cut in two."""
    return [half for one in stretches for half in one.halves()]
