"""A derived value as a definition: straight-line code in a, b, c, det, d, m1, m2 and parameters.

Targets write it on arrays, on numbers that carry a bound of their rounding error, or on scalars.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.value import Base, Phase, Surd, Value
from symntk.emit.code import ZERO, Definition, Lines, Name, Node, Quotient, call, number, product, total, walk
from symntk.emit.stable import StableWriter
from symntk.errors import FormulaError, SymntkError
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

_TAKEN = {"x1", "x2", "depth", "weight_std", "bias_std", "np", "special"}
LAW = ("a", "b", "c", "det", "d", "m1", "m2")
"""The law of (u, v): variances, covariance, det = ab − c² as the caller knows it, d = √det, means."""
STATE = {var_u: "a", var_v: "b", cov: "c", mean_u: "m1", mean_v: "m2"}


def parameter_names(symbols: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, str]:
    """Names of parameters inside the code, apart from every other name there."""
    return {s: f"k_{s.name}" for s in symbols}


def refuse_names(title: str, symbols: Sequence[sp.Symbol]) -> None:
    """Refuse parameters whose names the code cannot have.

    Raises:
        FormulaError: names the parameter.
    """
    for name in (symbol.name for symbol in symbols):
        if keyword.iskeyword(name) or not name.isidentifier() or name in _TAKEN or name[0] == "_":
            wrong = f"the parameter {name} is no name that the code can have"
            raise FormulaError(f"code for {title}", wrong, "another name for it")


def formula(name: str, value: Value, parameters: Sequence[sp.Symbol] = (), arguments: Sequence[str] = LAW) -> Formula:
    """The stable form of a value as a function of `arguments` and the parameters.

    The stages of all code, and what goes in and comes out of each:

    1. Closed forms, here: a derived `Value` (sums over bases in the field of its derivation) goes in. Each polynomial
       becomes the form with the fewest conflicting signs (`emit.stable`), each term a product of them with its special
       function, with exponents merged into those that overflow; repeated parts get a name. A `Definition` comes out.
       The means of one variable are `emit.line` and `emit.dirac`, sums over nodes `emit.mixture`.
    2. Integrands: a `GeneralForm` goes in. What cancels or overflows in it is rewritten (`emit.functions`,
       `emit.series`), many pieces become tables (`emit.tabulated`); out comes a `Definition` of x (`stable_body.body`),
       with the values at single points (`emit.certain`) and what quadrature must know of it (`emit.general_shape`).
    3. A layer's map: one of `emit.maps` goes in; a `LayerMap` comes out (`emit.layers`, `emit.table`): definitions of
       (a, b, c, det, d) or a table, with those of its derivatives.
    4. A target: definitions and constants go in, text comes out (`targets.base`), and is put between the text of the
       target's recursion (`emit.standalone`, `emit.module`) or compiled (`emit.compile`). Nothing changes it after.

    >>> from symntk.derive.moves.engine import derive_pair
    >>> from symntk.emit.targets.numpy import NUMPY
    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> relu = normal_form(sp.Heaviside(x) * x, x)
    >>> print(NUMPY.write(formula("relu", derive_pair(relu, relu).value).definition))
    def relu(a, b, c, det, d, m1, m2):
        t0 = -c
        t1 = np.arctan2(d, t0)
        return 0.15915494309189535 * d + 0.15915494309189535 * c * t1
    """
    return _Writer(value, tuple(parameters)).formula(name, arguments)


@dataclass(frozen=True)
class Formula:
    """A value as a definition.

    `terms` are what its result adds up, constants merged with arcsines; `conflicting` says that a sum inside one of
    them has terms of opposite signs.
    """

    definition: Definition
    terms: int
    conflicting: bool


class _Writer:
    """Writes one value; repeated parts are computed once."""

    def __init__(self, value: Value, parameters: tuple[sp.Symbol, ...]) -> None:
        self.value = value
        self.names = parameter_names(parameters)
        self.writer = StableWriter(value.algebra, STATE | self.names)
        self.lines = Lines()

    def formula(self, name: str, arguments: Sequence[str]) -> Formula:
        groups: dict[tuple[Element, Phase | None, Base], list[Surd]] = {}
        for exponent, phase, terms in self.value.groups:
            for key, coefficient in terms:
                surd = Surd(coefficient, key.number, key.radicand)
                groups.setdefault((exponent, phase, key.base), []).append(surd)
        parts = [self._term(*place, surds) for place, surds in groups.items()]
        result = total(parts) if parts else 0 * Name("a")
        definition = self.lines.definition(name, (*arguments, *self.names.values()), [result])
        return Formula(definition, count_terms(self.value), self.writer.conflicting)

    def call(self, function: str, *arguments: Node) -> Node:
        """A call of a function, computed once."""
        return self.lines.name(call(function, *arguments))

    def _term(self, exponent: Element, phase: Phase | None, base: Base, surds: list[Surd]) -> Node:
        if self._is_complex(exponent, base, surds):
            return self._complex_term(exponent, base, surds)
        weight = total([self.surd(s) for s in surds])
        function = self._function(exponent, phase, base)
        return weight if function is None else product([weight, function])

    def _is_complex(self, exponent: Element, base: Base, surds: list[Surd]) -> bool:
        algebra = self.value.algebra
        parts = [exponent, *(s.element for s in (*base.arguments, *surds))]
        return algebra.is_complex and any(algebra.split_complex(part)[1] for part in parts)

    def _complex_term(self, exponent: Element, base: Base, surds: list[Surd]) -> Node:
        """The real part of weight · exp(q) · Φ(h); the conjugate term adds the rest."""
        if base.kind != "Phi":
            raise SymntkError(
                "float64 code for this expectation",
                "it holds a bivariate normal distribution function of complex arguments",
                "evalf, which computes it with mpmath",
            )
        split = self.value.algebra.split_complex
        powers = [self.writer.element(part) for part in split(exponent)]
        h = base.arguments[0]
        place = [self.surd(h._replace(element=part)) for part in split(h.element)]
        core = self.call("exp_complex_normal_cdf", *powers, *place)
        parts = []
        for surd in surds:
            real, imag = split(surd.element)
            parts += [self.surd(surd._replace(element=real)) * call("real", core)] if real else []
            parts += [self.surd(surd._replace(element=-imag)) * call("imag", core)] if imag else []
        return total(parts)

    def _function(self, exponent: Element, phase: Phase | None, base: Base) -> Node | None:
        power = self.writer.element(exponent) if exponent else None
        arguments = [self.surd(s) for s in base.arguments[:2]] if base.kind in ("Phi", "Phi2", "erfi") else []
        if base.kind == "Phi":
            core = (
                self.call("normal_cdf", *arguments) if power is None else self.call("exp_normal_cdf", power, *arguments)
            )
            return self._with_phase(core, phase)
        if base.kind == "Phi2":
            pair = self._pair(base.arguments[2])
            return self._with_phase(self.call("exp_bivariate", power or ZERO, *arguments, *pair), phase)
        if base.kind == "erfi":
            return self._with_phase(self.call("exp_erfi", power or ZERO, *arguments), phase)
        angle = self._angle(base)
        if phase is not None and phase.kind in ("sinh", "cosh"):
            front: Node | None = self._density(exponent, phase) or self._densities(exponent, phase)
            if front is None:
                front = self.call(f"exp_{phase.kind}", power or ZERO, self.writer.element(phase.argument))
        else:
            front = self._density(exponent, None) if phase is None and power is not None else None
            front = front or self._with_phase(None if power is None else self.call("exp", power), phase)
        parts = [part for part in (front, angle) if part is not None]
        return product(parts) if parts else None

    def _density(self, exponent: Element, phase: Phase | None) -> Node | None:
        """Exp(−(p²a + q²b)/2det) times sinh, cosh or exp of pqc/det, as in a normal density; None for what is not that.

        Next to ±1 exponent and argument are huge, and what they leave is known to a function of its own.
        """
        algebra = self.value.algebra
        det = algebra.a * algebra.b - algebra.c**2
        if phase is None and exponent.denom == 1:
            return None
        power = sp.expand((exponent * det).as_expr())
        size = sp.expand((phase.argument * det).as_expr()) if phase is not None else power.coeff(cov) * cov
        p, q, r = -2 * power.coeff(var_u), -2 * power.coeff(var_v), size.coeff(cov)
        if not (p.is_positive and q.is_positive and r.is_number and p * q == r**2):
            return None
        alone = power if phase is not None else power - size
        if sp.expand(2 * alone + p * var_u + q * var_v) != 0 or sp.expand(size - r * cov) != 0:
            return None
        c = Name("c") if r.is_positive else -Name("c")
        law = Name("a"), Name("b"), c, Name("det")
        kind = "exp" if phase is None else phase.kind
        return self.call(f"density_{kind}", *law, *(number(sp.sqrt(part)) for part in (p, q)))

    def _densities(self, exponent: Element, phase: Phase) -> Node | None:
        """The same as half the sum or difference of two densities at thresholds that are not opposite, else None."""
        parts = [self._density(exponent + turn * phase.argument, None) for turn in (1, -1)]
        if parts[0] is None or parts[1] is None:
            return None
        return 0.5 * (parts[0] + parts[1] if phase.kind == "cosh" else parts[0] - parts[1])

    def _with_phase(self, core: Node | None, phase: Phase | None) -> Node | None:
        if phase is None:
            return core
        turn = self.call(phase.kind, self.writer.element(phase.argument))
        return turn if core is None else core * turn

    def _angle(self, base: Base) -> Node | None:
        """Asin and acos as angles of a pair (cosine, sine), which keeps their digits near ±1."""
        if base.kind == "one":
            return None
        cosine, sine = self._pair(base.arguments[0])
        return self.call("atan2", cosine, sine) if base.kind == "asin" else self.call("atan2", sine, cosine)

    def _pair(self, rho: Surd) -> tuple[Node, Node]:
        """(ρ·s, √(1 − ρ²)·s) for some s > 0."""
        field = self.value.algebra.field
        above, below = rho.element.numer, rho.radicand.numer * rho.element.denom**2
        square = rho.number**2
        gap = field(below) - self.value.algebra.element(square) * field(above) ** 2
        cosine = self.writer.ratio(rho.number, field(above))
        # the denominator of `square` is a number: √ of it scales the sine
        return self.lines.name(cosine), self._root(self.writer.ratio(sp.S.One, gap))

    def _root(self, square: Node) -> Node:
        """The square root of a part; √det is known to the caller."""
        return Name("d") if square == Name("det") else self.call("sqrt", square)

    def surd(self, surd: Surd) -> Node:
        """Number · element / √radicand; √radicand in the numerator where the radicand divides it."""
        field, element = self.value.algebra.field, surd.element
        content, factors = self.value.algebra.positive_factors(surd.radicand.numer)
        numer, up, below = surd.balanced([factor for factor, _ in factors])
        scale = surd.number / sp.sqrt(sp.Rational(content.numerator, content.denominator))
        above, under = ([self._root(self.writer.poly(f)) for f in part] for part in (up, below))
        out = self.writer.ratio(scale, field(numer) / field(element.denom), above, under)
        return self.lines.name(out) if any(isinstance(part, Quotient) for part in walk(out)) else out


def count_terms(value: Value) -> int:
    """The number of terms that are added up, constants merged with arcsines."""
    return sum(len(terms) for _, _, terms in value.groups)
