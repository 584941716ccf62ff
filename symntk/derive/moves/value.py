"""Values of expectations: finite sums over a known basis.

    number · coefficient / √radicand · exp(exponent) · phase · base

`coefficient`, `radicand` and `exponent` are elements of the derivation's field; `base` is 1, Φ(h), Φ2(h, k; ρ),
asin(ρ) or erfi(h); `phase` is 1 or a cos, sin, cosh or sinh that `combine` makes of pairs of exponentials.
Like terms are added as they arrive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import sympy as sp

from symntk.derive.moves.algebra import MOST_MONOMIALS, Algebra, Element, too_long

TWO_PI = 2 * sp.pi


class Surd(NamedTuple):
    """number · element / √radicand, with `radicand` a square-free polynomial."""

    element: Element
    number: sp.Expr
    radicand: Element

    def balanced(self, factors: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """The numerator over √(Π factors) as rest · √(Π up) / √(Π below): p·r/√r is p·√r."""
        numer, up, below = self.element.numer, [], []
        for factor in factors:
            quotient, remainder = divmod(numer, factor)
            if remainder:
                below.append(factor)
            else:
                numer = quotient
                up.append(factor)
        return numer, up, below


class Base(NamedTuple):
    """A basis function: `kind` in one, Phi, Phi2, asin, erfi and its arguments."""

    kind: str
    arguments: tuple[Surd, ...] = ()


class Phase(NamedTuple):
    """cos, sin, cosh or sinh of an element."""

    kind: str
    argument: Element


ONE = Base("one")


class Key(NamedTuple):
    """What identifies like terms."""

    number: sp.Expr
    radicand: Element
    exponent: Element
    phase: Phase | None
    base: Base


class Surds:
    """Square roots of positive elements in a canonical form, remembered per derivation."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._inverse: dict[Element, Surd] = {}

    def inverse_root(self, positive: Element) -> Surd:
        """1/√positive: with positive = p/q it is q/√(pq), squares of factors taken out of the root."""
        found = self._inverse.get(positive)
        if found is None:
            found = self._inverse[positive] = self._inverse_root(positive)
        return found

    def _inverse_root(self, positive: Element) -> Surd:
        field = self.algebra.field
        content, factors = self.algebra.positive_factors(positive.numer * positive.denom)
        rational = sp.Rational(content.numerator, content.denominator)
        outside, inside = field(self.algebra.positive(positive.denom)), field.one
        for factor, multiplicity in factors:
            outside = outside / field(factor) ** (multiplicity // 2)
            if multiplicity % 2:
                inside = inside * field(factor)
        return self.surd(outside, 1 / sp.sqrt(rational), inside)

    def surd(self, element: Element, number: sp.Expr, radicand: Element) -> Surd:
        """Move the rational part of `number` into the element."""
        rational, rest = number.as_coeff_Mul(rational=True)
        if rational != 1:
            element = element * self.algebra.element(rational)
        return Surd(element, rest, radicand)

    def ratio(self, numerator: Element, variance: Element) -> Surd:
        """The surd numerator / √variance."""
        if not numerator:
            return Surd(self.algebra.zero, sp.S.One, self.algebra.one)
        inverse = self.inverse_root(variance)
        return Surd(self.algebra.reduce(numerator * inverse.element), inverse.number, inverse.radicand)

    def times(self, p: Surd, q: Surd) -> Surd:
        """The product of two surds."""
        if q.element == 1 and q.radicand == 1:
            return self.surd(p.element, p.number * q.number, p.radicand)
        self.algebra.spend(p.element, q.element)
        if p.radicand == 1 or q.radicand == 1:
            root = Surd(self.algebra.one, sp.S.One, p.radicand * q.radicand)
        else:
            root = self.inverse_root(p.radicand * q.radicand)
        element = self.algebra.reduce(p.element * q.element * root.element)
        return self.surd(element, p.number * q.number * root.number, root.radicand)


@dataclass(frozen=True)
class Value:
    """An immutable sum of basis terms: key → coefficient."""

    surds: Surds
    terms: dict[Key, Element]

    def __iter__(self) -> Iterator[tuple[Key, Element]]:
        return iter(self.terms.items())

    @property
    def algebra(self) -> Algebra:
        """The field of the coefficients."""
        return self.surds.algebra

    def by_front(self) -> dict[tuple[Element, Phase | None], list[tuple[Key, Element]]]:
        """The terms by exponent and phase."""
        groups: dict[tuple[Element, Phase | None], list[tuple[Key, Element]]] = {}
        for key, coefficient in self:
            groups.setdefault((key.exponent, key.phase), []).append((key, coefficient))
        return groups

    @cached_property
    def groups(self) -> list[tuple[Element, Phase | None, list[tuple[Key, Element]]]]:
        """The terms by exponent and phase as they are written: an arcsine and its constant are an arccosine."""
        return [(exponent, phase, _with_acos(terms)) for (exponent, phase), terms in self.by_front().items()]

    @cached_property
    def is_complex(self) -> bool:
        """Whether an argument or exponent still holds the imaginary unit."""
        algebra = self.algebra
        if not algebra.is_complex:
            return False
        for key, coefficient in self:
            parts = [coefficient, key.exponent, *(s.element for s in key.base.arguments)]
            if any(algebra.split_complex(part)[1] for part in parts):
                return True
        return False

    def scaled(self, factor: Surd, exponent: Element | None = None) -> Value:
        """The product factor · exp(exponent) · self."""
        out: dict[Key, Element] = {}
        for key, coefficient in self:
            total = self.surds.times(Surd(coefficient, key.number, key.radicand), factor)
            power = key.exponent if not exponent else self.algebra.reduce(key.exponent + exponent)
            place = Key(total.number, total.radicand, power, key.phase, key.base)
            _accumulate(self.surds, out, place, total.element)
        return Value(self.surds, out)


def _accumulate(surds: Surds, out: dict[Key, Element], key: Key, coefficient: Element) -> None:
    total = coefficient
    if key in out:
        surds.algebra.spend(out[key])
        total = out[key] + coefficient
    if total:
        out[key] = total
    else:
        out.pop(key, None)


def add(surds: Surds, parts: list[tuple[Element, Value]]) -> Value:
    """Σ coefficient · value."""
    out: dict[Key, Element] = {}
    for factor, value in parts:
        if not factor:
            continue
        for key, coefficient in value:
            surds.algebra.spend(coefficient, factor)
            _accumulate(surds, out, key, surds.algebra.reduce(coefficient * factor))
    size = sum(len(coefficient.numer) for coefficient in out.values())
    if size > 4 * MOST_MONOMIALS:
        raise too_long(f"its parts hold {size:,} monomials, more than {4 * MOST_MONOMIALS:,}")
    return Value(surds, out)


def from_terms(surds: Surds, terms: list[tuple[Key, Element]]) -> Value:
    """A value from listed terms; like terms are added."""
    out: dict[Key, Element] = {}
    for key, coefficient in terms:
        _accumulate(surds, out, key, coefficient)
    return Value(surds, out)


def single(surds: Surds, base: Base = ONE, factor: Surd | None = None) -> Value:
    """One basis function times a surd."""
    algebra = surds.algebra
    factor = factor or Surd(algebra.one, sp.S.One, algebra.one)
    key = Key(factor.number, factor.radicand, algebra.zero, None, base)
    return Value(surds, {key: factor.element})


def density(surds: Surds, offset: Element, variance: Element) -> tuple[Surd, Element]:
    """The normal density at distance `offset` from its mean: 1/√(2π variance) and the exponent."""
    root = surds.inverse_root(variance)
    exponent = surds.algebra.reduce(-offset * offset / (2 * variance))
    return surds.surd(root.element, root.number / sp.sqrt(TWO_PI), root.radicand), exponent


def has_code(value: Value) -> bool:
    """Whether all its functions are known in float64: Φ2 of complex arguments is not."""
    split = value.algebra.split_complex
    wide = [key.base.arguments for key, _ in value if key.base.kind == "Phi2"] if value.algebra.is_complex else []
    return not any(split(argument.element)[1] for arguments in wide for argument in arguments)


def _with_acos(terms: list[tuple[Key, Element]]) -> list[tuple[Key, Element]]:
    """Writes w (π/2 + asin z) = w acos(−z), and w (asin z − π/2) = −w acos(z)."""
    angles = [(key, value) for key, value in terms if key.base.kind == "asin"]
    if len(angles) != 1:
        return terms
    (key, weight) = angles[0]
    plain = key._replace(number=key.number * sp.pi, base=ONE)
    constant = dict(terms).get(plain)
    if constant is None or 2 * constant not in (weight, -weight):
        return terms
    angle = key.base.arguments[0]
    if 2 * constant == weight:
        angle = angle._replace(element=-angle.element)
    else:
        weight = -weight
    rest = [(k, v) for k, v in terms if k not in (key, plain)]
    return [*rest, (key._replace(base=Base("acos", (angle,))), weight)]
