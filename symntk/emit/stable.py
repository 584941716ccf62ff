"""Polynomials in the covariance's entries as source code that does not cancel.

With det = ab − c² as a quantity of its own, which the caller computes accurately, a polynomial such as
(1 + a)(1 + b) − c² is 1 + a + b + det: a sum of positive terms. Of the few ways to use det the one with the fewest
conflicting signs is written.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symntk.derive.algebra import Algebra, Element
from symntk.emit.floats import FloatWriter
from symntk.errors import SymntkError

_HIGH = 48  # sum of the degrees in each letter up to which a polynomial is factored
Monomials = dict[tuple[int, ...], Any]  # exponents of the generators and, last, of det


class StablePrinter:
    """Writes field elements of one derivation as Python source in a, b, c, det, m1, m2 and the parameters."""

    def __init__(self, algebra: Algebra, names: dict[sp.Symbol, str]) -> None:
        self.algebra = algebra
        gens = list(algebra.field.symbols)
        self._a, self._b, self._c = (algebra.field.gens.index(g) for g in (algebra.a, algebra.b, algebra.c))
        restored = [algebra.restore(g) for g in gens]
        self._names = [_name(g, names) for g in restored]
        self._positive = [bool(g.is_positive) for g in restored]
        self.conflicting = False  # whether a sum with terms of opposite signs has been written
        self._memo: dict[Any, tuple[sp.Expr, list[str]]] = {}

    def element(self, element: Element) -> str:
        """A ratio of polynomials, as one product."""
        return self.ratio(sp.S.One, element)

    def ratio(self, scale: sp.Expr, element: Element, above: str = "", below: str = "") -> str:
        """Scale · element · above / below; `above` and `below` are code or empty."""
        content, factors = self._parts(element.numer)
        content_below, factors_below = self._parts(element.denom)
        scale = scale * content / content_below
        factors = [*factors, *([above] if above else [])]
        sign = "-" if scale.is_negative else ""
        scale = -scale if sign else scale
        if scale != 1 or not factors:
            factors.insert(0, number(scale))
        out = sign + " * ".join(factors)
        factors_below = [*factors_below, *([below] if below else [])]
        if not factors_below:
            return out
        return f"{out} / {factors_below[0]}" if len(factors_below) == 1 else f"{out} / ({' * '.join(factors_below)})"

    def poly(self, poly: Any) -> str:
        """A polynomial as a product of factors, each in its most stable form."""
        content, factors = self._parts(poly)
        if content != 1 or not factors:
            factors = [number(content), *factors]
        if len(factors) == 1 and factors[0].startswith("(") and factors[0].endswith(")") and ") **" not in factors[0]:
            return factors[0][1:-1]
        return " * ".join(factors)

    def _parts(self, poly: Any) -> tuple[sp.Expr, list[str]]:
        """The content, and the factors as code that may stand in a product."""
        found = self._memo.get(poly)
        if found is None:
            found = self._memo[poly] = self._factored(poly)
        return found[0], list(found[1])

    def _factored(self, poly: Any) -> tuple[sp.Expr, list[str]]:
        if not poly:
            return sp.S.Zero, []
        short = len(poly) < 200 and sum(poly.degrees()) <= _HIGH
        content, factors = poly.factor_list() if short else (poly.ring.domain.one, [(poly, 1)])
        texts = []
        for factor, power in factors:
            best = self.best(factor)
            self.conflicting = self.conflicting or self._conflicts(best) > 0
            if all(v < 0 for v in best.values()):
                best, content = {m: -v for m, v in best.items()}, content * (-1) ** power
            text = self._sum(best)
            text = f"({text})" if len(best) > 1 or (power > 1 and not text.isidentifier()) else text
            texts.append(text if power == 1 else f"{text} ** {power}")
        return sp.Rational(content.numerator, content.denominator), texts

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

    def _sum(self, form: Monomials) -> str:
        text = ""
        for m, value in sorted(form.items(), reverse=True):
            factors = [f"{name}" if e == 1 else f"{name} ** {e}" for name, e in zip(self._all, m, strict=True) if e]
            scale = sp.Rational(abs(value).numerator, abs(value).denominator)
            if scale != 1 or not factors:
                factors.insert(0, number(scale))
            sign = "-" if value < 0 else "+"
            text += f" {sign} {' * '.join(factors)}" if text else ("-" if value < 0 else "") + " * ".join(factors)
        return text or "0.0"

    @property
    def _all(self) -> list[str]:
        return [*self._names, "det"]


def number(value: sp.Expr) -> str:
    """A number as a float literal, correctly rounded; a negative one in parentheses.

    >>> number(sp.Rational(1, 3)), number(sp.sqrt(2)), number(sp.Integer(-2))
    ('0.3333333333333333', '1.4142135623730951', '(-2.0)')
    """
    try:
        text = repr(float(sp.Rational(value)) if value.is_Rational else float(sp.N(value, 40)))
    except OverflowError:
        text = "inf"
    if "inf" in text:
        raise SymntkError("float64 code", f"a number of {len(str(value))} characters is beyond 1.8e308", "other units")
    return f"({text})" if text.startswith("-") else text


def _name(generator: sp.Expr, names: dict[sp.Symbol, str]) -> str:
    if generator in names:
        return names[generator]
    if generator is sp.I:
        return "1j"
    return number(generator) if generator.is_number else f"({FloatWriter(names)(generator)})"
