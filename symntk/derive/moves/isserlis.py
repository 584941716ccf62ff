"""Isserlis: a product of powers without steps is a sum over the pairs that cross, in place of a long recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, factorial, gcd, lcm
from typing import Any

import sympy as sp

from symntk.derive.moves.algebra import Algebra, factor_list
from symntk.derive.moves.move import Move
from symntk.derive.moves.value import Surd, Value, single
from symntk.derive.step import Notes

LONG = 8
"""Sum of two powers up to which Stein's recurrence is as quick."""

Poly = Any  # sympy.polys.rings.PolyElement, which SymPy does not type


@dataclass(frozen=True, eq=False)
class Isserlis(Move):
    """E[u^j v^k] = Σ_i i! C(j,i) C(k,i) c^i H_{j−i}(m1; a) H_{k−i}(m2; b), H_n(m; s) = E[(m + √s z)^n], z ~ N(0, 1)."""

    def evaluate(self) -> Value:
        """The sum over a common denominator, divided once."""
        j, k = self.problem.left.power, self.problem.right.power
        law, algebra = self.problem.gaussian, self.surds.algebra
        below = algebra.field.ring.one
        for entry in law:
            below = below.lcm(entry.denom)
        m1, m2, a, b, c = (entry.numer * below.exquo(entry.denom) for entry in law)
        degree = (j + k) // 2
        if m1 or m2:  # s = S/d = S d/d² weighs as much as a product of two means
            a, b, c, degree = a * below, b * below, c * below, j + k
        elif (j + k) % 2:
            return Value(self.surds, {})
        lefts, rights = _moments(j, m1, a, algebra), _moments(k, m2, b, algebra)
        total, cross = below.ring.zero, below.ring.one
        for i in range(min(j, k) + 1):
            if lefts[j - i] and rights[k - i]:
                algebra.count(len(cross) * len(lefts[j - i]) * len(rights[k - i]))
                total += factorial(i) * comb(j, i) * comb(k, i) * cross * lefts[j - i] * rights[k - i]
            cross = cross * c
        element = algebra.reduce(algebra.field.raw_new(*_lowest(total, below, degree)))
        return single(self.surds, factor=Surd(element, sp.S.One, algebra.one)) if element else Value(self.surds, {})

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        return "**Moments.** Powers of normal variables pair up (Isserlis)."


def _moments(highest: int, mean: Poly, variance: Poly, algebra: Algebra) -> list[Poly]:
    """H_0 … H_n by H_{n+1} = m H_n + n s H_{n−1}."""
    found = [mean.ring.one, mean]
    for n in range(1, highest):
        algebra.count(len(mean) * len(found[n]) + len(variance) * len(found[n - 1]))
        found.append(mean * found[n] + n * variance * found[n - 1])
    return found


def _lowest(numer: Poly, below: Poly, degree: int) -> tuple[Poly, Poly]:
    """The fraction numer / below^degree in lowest terms, by division by the factors of `below`."""
    content, factors = factor_list(below)
    denom = numer.ring.ground_new(content**degree)
    for factor, power in factors:
        left = power * degree
        while left and numer:
            quotient, rest = numer.div(factor)
            if rest:
                break
            numer, left = quotient, left - 1
        denom = denom * factor**left
    return _whole(numer, denom)


def _whole(numer: Poly, denom: Poly) -> tuple[Poly, Poly]:
    """Numerator and denominator with the least whole coefficients, the denominator leading with a positive one."""
    values = [*numer.values(), *denom.values()]
    scale = lcm(*(int(value.denominator) for value in values))
    common = gcd(*(int(value.numerator) * (scale // int(value.denominator)) for value in values))
    unit = numer.ring.domain(scale, common if denom.LC > 0 else -common)
    return numer.mul_ground(unit), denom.mul_ground(unit)
