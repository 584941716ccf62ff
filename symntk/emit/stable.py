"""Polynomials in the covariance's entries as nodes of code that does not cancel.

With det = ab − c² as a quantity of its own, which the caller computes accurately, a polynomial such as
(1 + a)(1 + b) − c² is 1 + a + b + det: a sum of positive terms. Of the few ways to use det the one with the fewest
conflicting signs is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from symntk.derive.moves.algebra import Algebra, Element
from symntk.emit.code import Name, Node, Quotient, call, negative, number, power, product, total
from symntk.emit.expressions import node_of

_HIGH = 48  # sum of the degrees in each letter up to which a polynomial is factored
Monomials = dict[tuple[int, ...], Any]  # exponents of the generators and, last, of det


class StableWriter:
    """Writes field elements of one derivation in a, b, c, det, m1, m2 and the parameters."""

    def __init__(self, algebra: Algebra, names: dict[sp.Symbol, str]) -> None:
        self.algebra = algebra
        gens = list(algebra.field.symbols)
        self._a, self._b, self._c = (algebra.field.gens.index(g) for g in (algebra.a, algebra.b, algebra.c))
        restored = [algebra.restore(g) for g in gens]
        self._all = [*(_generator(g, names) for g in restored), Name("det")]
        self._positive = [bool(g.is_positive) for g in restored]
        self.conflicting = False  # whether a sum with terms of opposite signs has been written
        self._memo: dict[Any, tuple[sp.Expr, list[Node]]] = {}

    def element(self, element: Element) -> Node:
        """A ratio of polynomials, as one product."""
        return self.ratio(sp.S.One, element)

    def ratio(self, scale: sp.Expr, element: Element, above: Sequence[Node] = (), below: Sequence[Node] = ()) -> Node:
        """Scale · element · above / below."""
        content, factors = self._parts(element.numer)
        content_below, factors_below = self._parts(element.denom)
        scale = scale * content / content_below
        minus = bool(scale.is_negative)
        out = product([number(-scale if minus else scale), *factors, *above])
        factors_below = [*factors_below, *below]
        if factors_below:
            out = Quotient(out, product(factors_below))
        return negative(out) if minus else out

    def poly(self, poly: Any) -> Node:
        """A polynomial as a product of factors, each in its most stable form."""
        content, factors = self._parts(poly)
        return product([number(content), *factors])

    def _parts(self, poly: Any) -> tuple[sp.Expr, list[Node]]:
        """The content and the factors."""
        found = self._memo.get(poly)
        if found is None:
            found = self._memo[poly] = self._factored(poly)
        return found[0], list(found[1])

    def _factored(self, poly: Any) -> tuple[sp.Expr, list[Node]]:
        if not poly:
            return sp.S.Zero, []
        short = len(poly) < 200 and sum(poly.degrees()) <= _HIGH
        content, factors = poly.factor_list() if short else (poly.ring.domain.one, [(poly, 1)])
        nodes = []
        for factor, exponent in factors:
            best = self.best(factor)
            self.conflicting = self.conflicting or self._conflicts(best) > 0
            if all(v < 0 for v in best.values()):
                best, content = {m: -v for m, v in best.items()}, content * (-1) ** exponent
            nodes.append(power(self._sum(best), exponent))
        return sp.Rational(content.numerator, content.denominator), nodes

    def best(self, poly: Any) -> Monomials:
        """The form, among those with c² → ab − det or ab → c² + det, with the fewest conflicting signs."""
        plain: Monomials = {(*m, 0): v for m, v in poly.items()}
        forms = [plain, self._eliminate(plain, self._square_of_c), self._eliminate(plain, self._product_of_ab)]
        return min(forms, key=lambda f: (self._conflicts(f), len(f)))

    def _square_of_c(self, m: tuple[int, ...]) -> tuple[tuple[int, ...], list[tuple[tuple[int, ...], int]]] | None:
        """Use c² = ab − det."""
        if m[self._c] < 2:
            return None
        rest = self._shift(m, {self._c: -2})
        return rest, [(self._shift(rest, {self._a: 1, self._b: 1}), 1), (self._shift(rest, {-1: 1}), -1)]

    def _product_of_ab(self, m: tuple[int, ...]) -> tuple[tuple[int, ...], list[tuple[tuple[int, ...], int]]] | None:
        """Use ab = c² + det."""
        if not (m[self._a] and m[self._b]):
            return None
        rest = self._shift(m, {self._a: -1, self._b: -1})
        return rest, [(self._shift(rest, {self._c: 2}), 1), (self._shift(rest, {-1: 1}), 1)]

    def _eliminate(self, form: Monomials, rule: Any) -> Monomials:
        done: Monomials = {}
        work = dict(form)
        while work:  # all at once, so that like terms meet after each replacement: one by one they would be 2^n
            before, work = work, {}
            for m, value in before.items():
                replaced = rule(m)
                target = done if replaced is None else work
                for monom, sign in [(m, 1)] if replaced is None else replaced[1]:
                    target[monom] = target.get(monom, 0) + sign * value
        return {m: value for m, value in done.items() if value}

    @staticmethod
    def _shift(m: tuple[int, ...], changes: dict[int, int]) -> tuple[int, ...]:
        out = list(m)
        for index, change in changes.items():
            out[index] += change
        return tuple(out)

    def _parity(self, m: tuple[int, ...]) -> tuple[int, ...]:
        """The generators of unknown sign that occur to an odd power."""
        return tuple(i for i, positive in enumerate(self._positive) if not positive and m[i] % 2)

    def _conflicts(self, form: Monomials) -> int:
        signs = {(self._parity(m), v > 0) for m, v in form.items()}
        return len(signs) - 1 if signs else 0

    def _difference(self, form: Monomials) -> Node | None:
        """A multiple of a variance less one of the covariance, by a function that knows how they cancel next to ±1."""
        places = {tuple(i for i, e in enumerate(m) for _ in range(e)): value for m, value in form.items()}
        for one, other in ((self._a, self._b), (self._b, self._a)):
            if places.keys() == {(one,), (self._c,)}:
                p, r = (sp.Rational(v.numerator, v.denominator) for v in (places[one,], places[self._c,]))
                c = self._all[self._c] if p * r < 0 else negative(self._all[self._c])
                given = self._all[one], self._all[other], c, self._all[-1], number(abs(p)), number(abs(r))
                out = call("difference", *given)
                return negative(out) if p < 0 else out
        return None

    def _sum(self, form: Monomials) -> Node:
        difference = self._difference(form)
        if difference is not None:
            return difference
        terms = []
        for m, value in sorted(form.items(), reverse=True):
            scale = number(sp.Rational(abs(value).numerator, abs(value).denominator))
            one = product([scale, *(power(name, e) for name, e in zip(self._all, m, strict=True) if e)])
            terms.append(negative(one) if value < 0 else one)
        return total(terms)


def _generator(generator: sp.Expr, names: dict[sp.Symbol, str]) -> Node:
    if generator is sp.I:
        return Name("1j")
    return node_of(generator, names)
