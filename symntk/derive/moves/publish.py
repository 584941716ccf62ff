"""From a value to the formula a person would publish.

No general simplifier runs: coefficients are rational functions, and each is written in whichever of a few
standard forms (expanded, factored, by powers of c, divided by the radicand) has the fewest operations.
"""

from __future__ import annotations

from math import gcd, lcm
from typing import Any

import sympy as sp

from symntk.derive.moves.algebra import Algebra, Element, factor_list
from symntk.derive.moves.value import ONE, Base, Key, Phase, Surd, Value
from symntk.language.special import bivariate_normal_cdf, normal_cdf

Poly = Any  # sympy.polys.rings.PolyElement, which SymPy does not type

FUNCTIONS = {
    "Phi": normal_cdf,
    "Phi2": bivariate_normal_cdf,
    "asin": sp.asin,
    "acos": sp.acos,
    "erfi": sp.erfi,
    "cos": sp.cos,
    "sin": sp.sin,
    "cosh": sp.cosh,
    "sinh": sp.sinh,
}
_LONG, _HIGH = 60, 48  # monomials, and sum of the degrees in each letter, beyond which factoring is tried no more


def is_long(poly: Poly) -> bool:
    """Whether a polynomial is left as it is: factors of many monomials, or of high powers, cost more than they save."""
    return len(poly) > _LONG or sum(poly.degrees()) > _HIGH


def publish(value: Value) -> sp.Expr:
    """The value as a SymPy expression."""
    return _Writer(value.algebra).write(value)


def plainly(value: Value) -> sp.Expr:
    """The value as it is; `publish` takes the real part of a complex one, which is right for whole sums only."""
    expr = publish(value)
    return expr.args[0] if value.is_complex else expr


def cheapest(candidates: list[sp.Expr]) -> sp.Expr:
    """The candidate with the fewest operations."""
    return min(candidates, key=lambda e: (sp.count_ops(e), len(str(e))))


class _Writer:
    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._polys: dict[tuple[Poly, Poly | None], sp.Expr] = {}
        self._index = algebra.field.gens.index(algebra.c)

    def write(self, value: Value) -> sp.Expr:
        """Σ over exponents and phases of factor · (Σ over basis functions)."""
        total = sp.Add(*(self._group(*group) for group in value.groups))
        return sp.re(total, evaluate=False) if value.is_complex else total

    def _group(self, exponent: Element, phase: Phase | None, terms: list[tuple[Key, Element]]) -> sp.Expr:
        front = sp.exp(self.element(exponent))
        if phase is not None:
            front *= FUNCTIONS[phase.kind](self.element(phase.argument))
        return self._times(front, self._sum(terms))

    def _times(self, front: sp.Expr, inner: sp.Expr) -> sp.Expr:
        return inner if front == 1 else sp.Mul(front, inner)

    def _sum(self, terms: list[tuple[Key, Element]]) -> sp.Expr:
        plain = sp.Add(*(self._term(key, coefficient) for key, coefficient in terms))
        if len(terms) == 1:
            return plain
        common = _common_factor([coefficient for _, coefficient in terms])
        numbers = [key.number for key, _ in terms]
        number = numbers[0] if all(n == numbers[0] for n in numbers) else sp.S.One
        if common == 1 and number == 1:
            return plain
        field = self.algebra.field
        rest = sp.Add(
            *(self._term(key._replace(number=key.number / number), coefficient / common) for key, coefficient in terms)
        )
        factored = sp.Mul(number, self.element(field(common)), rest)
        return cheapest([plain, factored])

    def _term(self, key: Key, coefficient: Element) -> sp.Expr:
        surd = self.surd(Surd(coefficient, key.number, key.radicand))
        return surd * self.base(key.base)

    def base(self, base: Base) -> sp.Expr:
        """A basis function as an expression."""
        if base == ONE:
            return sp.S.One
        return FUNCTIONS[base.kind](*(self.surd(argument) for argument in base.arguments))

    def surd(self, surd: Surd) -> sp.Expr:
        """The product number · element / √radicand."""
        element, radicand = surd.element, surd.radicand
        hint = None if radicand == 1 else radicand.numer
        numer, up, below = surd.balanced(self._factors(radicand.numer) if hint is not None else [])
        roots = sp.Mul(*(sp.sqrt(self.poly(f)) for f in up), *(1 / sp.sqrt(self.poly(f)) for f in below))
        plain = self._ratio(numer, element.denom, hint if below else None) * surd.number * roots
        if up or hint is None:
            return plain
        scaled = self._scaled_root(element, radicand.numer)
        return plain if scaled is None else cheapest([plain, scaled * surd.number])

    def _scaled_root(self, element: Element, radicand: Poly) -> sp.Expr | None:
        """The surd element / √radicand with 1/(2m²) next to a variance, as the papers write it, where that is possible.

        The radicand is Π f_i − k c²; each f_i is divided by its leading coefficient, a monomial in the parameters,
        and the product of these, which must be k and a square, is taken out of the root.
        """
        square = {monom: value for monom, value in radicand.items() if monom[self._index] == 2}
        subtracted = radicand.ring.from_dict(square)
        pairs = [(self._leading(f), f) for f, power in self._powers(radicand - subtracted) for _ in range(power)]
        scale = radicand.ring.one
        for lead, _ in pairs:
            scale = scale * lead
        c = self.algebra.c.numer
        ((monom, _),) = scale.terms()
        if any(self.algebra.positive_factors(f)[0] < 0 for _, f in pairs):
            return None  # roots of single factors do not exist
        if not any(monom) or any(power % 2 for power in monom) or (subtracted and subtracted != -scale * c**2):
            return None
        factors = [sp.expand(self.algebra.restore(f.as_expr() / lead.as_expr())) for lead, f in pairs]
        root = sp.sqrt(self.algebra.restore(scale.as_expr()))
        if subtracted:
            below = sp.sqrt(sp.Mul(*factors) - self.algebra.restore(c.as_expr()) ** 2)
        else:
            below = sp.Mul(*(sp.sqrt(f) for f in factors))
        return self.element(element) / root / below

    def _leading(self, factor: Poly) -> Poly:
        """The coefficient, a monomial in the parameters, of the highest power of the covariance's entries."""
        own = [self.algebra.field.gens.index(g) for g in (self.algebra.a, self.algebra.b, self.algebra.c)]
        monom, value = max(factor.items(), key=lambda item: sum(item[0][i] for i in own))
        return factor.ring.from_dict({tuple(0 if i in own else e for i, e in enumerate(monom)): value})

    def element(self, element: Element) -> sp.Expr:
        """A rational function in its cheapest form."""
        return self._ratio(element.numer, element.denom, None)

    def _ratio(self, numer: Poly, denom: Poly, hint: Poly | None) -> sp.Expr:
        whole = self.poly(numer, hint)
        if denom == 1:
            return whole
        below = sp.Mul(*(self.poly(factor) ** power for factor, power in self._powers(denom)))
        joined = whole / below
        if whole.is_Add and below.is_Number:
            return cheapest([joined, sp.Add(*(arg / below for arg in whole.args))])
        return joined

    def poly(self, poly: Poly, hint: Poly | None = None) -> sp.Expr:
        """A polynomial in its cheapest form; `hint` is a polynomial that the formula holds already."""
        found = self._polys.get((poly, hint))
        if found is None:
            found = self._polys[(poly, hint)] = self._poly(poly, hint)
        return found

    def _poly(self, poly: Poly, hint: Poly | None) -> sp.Expr:
        expanded = self.algebra.restore(poly.as_expr())
        if len(poly) <= 2 or is_long(poly):
            return expanded
        candidates = [expanded, self._by_powers_of_c(poly)]
        powers = self._powers(poly)
        if len(powers) > 1 or powers[0][1] > 1:
            candidates.append(sp.Mul(*(self.poly(factor) ** power for factor, power in powers)))
        if hint is not None and len(hint) > 1:
            quotient, remainder = divmod(poly, hint)
            if quotient:
                candidates.append(self.poly(quotient) * self.poly(hint) + self.poly(remainder))
        return cheapest(candidates)

    def _by_powers_of_c(self, poly: Poly) -> sp.Expr:
        """Σ c^i · (factored coefficient)."""
        parts: dict[int, dict[tuple[int, ...], Any]] = {}
        for monom, value in poly.items():
            power = monom[self._index]
            rest = (*monom[: self._index], 0, *monom[self._index + 1 :])
            parts.setdefault(power, {})[rest] = value
        if len(parts) == 1:
            return self.algebra.restore(poly.as_expr())
        c = self.algebra.expr(self.algebra.c)
        ring = poly.ring
        return sp.Add(*(c**power * self._product(ring.from_dict(part)) for power, part in sorted(parts.items())))

    def _product(self, poly: Poly) -> sp.Expr:
        if len(poly) == 1:
            return self.algebra.restore(poly.as_expr())
        factored = sp.Mul(*(self.algebra.restore(f.as_expr()) ** power for f, power in self._powers(poly)))
        return cheapest([self.algebra.restore(poly.as_expr()), factored])

    def _factors(self, poly: Poly) -> list[Poly]:
        """Factors of a radicand, which is free of squares; roots of them exist."""
        if is_long(poly):
            return [poly]
        content, factors = self.algebra.positive_factors(poly)
        out = [factor for factor, _ in factors]
        return out if content == 1 else [poly.ring.ground_new(content), *out]

    def _powers(self, poly: Poly) -> list[tuple[Poly, int]]:
        """Irreducible factors with multiplicities; the numerical content is a factor of its own."""
        if is_long(poly):
            return [(poly, 1)]
        content, factors = factor_list(poly)
        out = [(self._oriented(factor), power) for factor, power in factors]
        sign = 1
        for (factor, power), (turned, _) in zip(factors, out, strict=True):
            sign *= 1 if factor == turned else (-1) ** power
        content = content * sign
        return out if content == 1 else [(poly.ring.ground_new(content), 1), *out]

    def _oriented(self, factor: Poly) -> Poly:
        """The factor with the sign under which fewer of its monomials are negative."""
        negative = sum(1 for value in factor.values() if value < 0)
        return -factor if 2 * negative > len(factor) else factor


def _common_factor(coefficients: list[Element]) -> Element:
    """The gcd of the numerators over the lcm of the denominators, contents included."""
    field = coefficients[0].parent()
    numer, denom = coefficients[0].numer, coefficients[0].denom
    for coefficient in coefficients[1:]:
        numer, denom = numer.gcd(coefficient.numer), denom.lcm(coefficient.denom)
    ratios = [c / (field(numer) / field(denom)) for c in coefficients]
    contents = [value / ratio.denom.LC for ratio in ratios for value in ratio.numer.values()]
    tops, bottoms = [int(v.numerator) for v in contents], [int(v.denominator) for v in contents]
    scale = field(sp.QQ(gcd(*tops) or 1, lcm(*bottoms)))
    return scale * field(numer) / field(denom)
