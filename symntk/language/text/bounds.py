"""Bounds on what a formula's text may ask SymPy to build: every step costs little, no tower is evaluated.

Each part carries measures that are multiplicative under nesting, so that a bound on them holds for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import comb
from typing import Any

import sympy as sp

from symntk.errors import FormulaError
from symntk.language.symbols import x
from symntk.language.text.syntax import complain
from symntk.language.text.vocabulary import SIMPLE_IN_CONDITIONS, Function

MAX_DEPTH = 40
MAX_BRANCHES = 12
MAX_CALLS = 600
MAX_EXTREMA = 12
MAX_COMPARISONS = 24
MAX_EXPONENT = 64
MAX_ROOT = 12
MAX_FRACTION = 10_000
MAX_SIDE = 12
MAX_RADICALS = 3
MAX_POWER = 128
MAX_TERMS = 2000
MAX_BITS = 1100
MAX_HEIGHT = 2
MAX_CONSTANT = 10_000
MAX_APPLICATIONS = 12
MAX_NESTED = 3


@dataclass(frozen=True)
class Part:
    """An expression with its degree, its height as a tower of exponentials and its number of terms when expanded."""

    expr: Any
    power: int = 0
    height: int = 0
    terms: int = 1

    def map(self, expr: Any) -> Part:
        """Another expression of the same measures."""
        return Part(expr, self.power, self.height, self.terms)


def total(parts: Sequence[Part]) -> Part:
    """The sum.

    >>> total([Part(x, power=1), Part(sp.S.One)]).terms
    2
    """
    power, height = max(p.power for p in parts), max(p.height for p in parts)
    return Part(sp.Add(*(p.expr for p in parts)), power, height, sum(p.terms for p in parts))


def product(parts: Sequence[Part]) -> Part:
    """The product; degrees add, terms multiply."""
    terms = 1
    for p in parts:
        terms *= p.terms
    return Part(sp.Mul(*(p.expr for p in parts)), sum(p.power for p in parts), max(p.height for p in parts), terms)


class Budget:
    """What is left for one text; every method raises FormulaError where a bound is exceeded."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.as_written = False
        self.calls = self.extrema = self.comparisons = self.branches = self.radicals = 0
        self.applications = self.nested = 0

    def checked(self, part: Part, shown: str) -> Part:
        """The part itself where it is a real expression within the bounds."""
        if part.expr.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
            raise self.error(shown, "is infinite, undefined or not real", "a real function of x")
        if part.power > MAX_POWER:
            raise self.error(shown, f"has a degree of more than {MAX_POWER}", "a lower power")
        if part.terms > MAX_TERMS:
            raise self.error(shown, f"expands to more than {MAX_TERMS} terms", "a lower power or fewer factors")
        if any(max(n.p.bit_length(), n.q.bit_length()) > MAX_BITS for n in part.expr.atoms(sp.Rational)):
            raise self.error(shown, f"holds a number of more than {MAX_BITS} bits", "smaller numbers")
        return part

    def power(self, base: Part, exponent: Part, shown: str) -> Part:
        """A power: of a bounded number, of a parameter's formula, or (a positive number) of anything."""
        e = exponent.expr
        if any(abs(n) > MAX_EXPONENT for n in e.atoms(sp.Rational)):
            raise self.error(shown, f"has an exponent beyond {MAX_EXPONENT}", f"at most {MAX_EXPONENT}")
        # a number to a fractional power becomes a radical, which SymPy takes apart
        finest = MAX_FRACTION if base.expr.has(x) else MAX_ROOT
        if any(n.q > finest for n in e.atoms(sp.Rational)):
            raise self.error(shown, f"has an exponent finer than 1/{finest}", "fewer decimal places")
        if base.expr.is_zero and not e.is_positive:
            raise self.error(shown, "divides by zero")
        if not e.is_Rational:
            return self._symbolic_power(base, exponent, shown)
        if not e.is_Integer:
            if base.expr.is_number and base.expr.is_negative:
                raise self.error(shown, "is not real", "an integer exponent, or a number that is not negative")
            self._radical(base, shown)
        size = max(1, abs(int(sp.ceiling(abs(e)))))
        if base.power * size > MAX_POWER:
            raise self.error(shown, f"has a degree of more than {MAX_POWER}", "a lower power")
        terms = comb(size + base.terms - 1, base.terms - 1)
        if terms > MAX_TERMS:
            raise self.error(shown, f"expands to more than {MAX_TERMS} terms", "a lower power")
        return Part(base.expr**e, base.power * size, base.height, terms)

    def _symbolic_power(self, base: Part, exponent: Part, shown: str) -> Part:
        if exponent.expr.has(x) and not (base.expr.is_number and base.expr.is_positive):
            raise self.error(shown, "has x in the exponent of something else than a positive number", "exp(...)")
        if exponent.height >= MAX_HEIGHT:
            raise self.error(shown, "is a tower of exponentials", f"at most {MAX_HEIGHT} levels")
        self._constant(exponent, shown)
        height = max(base.height, exponent.height + 1)
        return Part(base.expr**exponent.expr, max(1, base.power) * max(1, exponent.power), height)

    def _radical(self, base: Part, shown: str) -> None:
        if base.expr.is_number and not base.expr.is_Rational and base.expr.is_algebraic is not False:
            raise self.error(shown, "is a root of a root", "a root of a rational number")
        self.radicals += bool(base.expr.is_number and base.expr.is_algebraic is not False)
        if self.radicals > MAX_RADICALS:
            raise self.error(shown, f"is one of more than {MAX_RADICALS} roots of numbers", "decimal numbers")

    def call(self, name: str, function: Function, arguments: list[Part], shown: str) -> Part:
        """A function's value."""
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise self.error(shown, f"is one of more than {MAX_CALLS} functions", "a shorter formula")
        if name in ("Max", "Min"):
            self.extrema += len(arguments)
            if self.extrema > MAX_EXTREMA:
                raise self.error(shown, f"makes more than {MAX_EXTREMA} arguments of Max and Min", "Piecewise")
        self._arguments(name, arguments, shown)
        power, height = max(p.power for p in arguments), max(p.height for p in arguments)
        if name == "sqrt":
            self._radical(arguments[0], shown)
        if function.grows:
            height, power = height + 1, power * self._logarithms(arguments[0], shown)
            if height > MAX_HEIGHT:
                raise self.error(shown, "is a tower of exponentials", f"at most {MAX_HEIGHT} levels")
        return Part(function.build(*(p.expr for p in arguments)), power, height)

    @contextmanager
    def application(self, shown: str) -> Iterator[None]:
        """Around the reading of the argument of a table's entry, which may be repeated in the entry's formula."""
        self.applications += 1
        self.nested += 1
        if self.applications > MAX_APPLICATIONS or self.nested > MAX_NESTED:
            wrong = f"is one of more than {MAX_APPLICATIONS} functions of the tables, or inside {MAX_NESTED} of them"
            raise self.error(shown, wrong, "a shorter formula")
        yield
        self.nested -= 1

    def _arguments(self, name: str, arguments: list[Part], shown: str) -> None:
        for argument in arguments:
            self._constant(argument, shown)
        if name == "DiracDelta" and not arguments[0].expr.has(x):
            raise self.error(shown, "is a delta that does not depend on x, so it has no value", "DiracDelta(x - t)")
        if name == "DiracDelta" and len(arguments) == 2 and arguments[1].expr not in range(6):
            raise self.error(shown, "has an order that is not 0 to 5", "DiracDelta(x, 1)")
        if name == "Mod" and (arguments[1].expr.is_zero or any(p.power > 3 or not _is_rational(p) for p in arguments)):
            raise self.error(shown, "divides by zero, or something that is not affine", "Mod(x + k, n)")

    def _constant(self, argument: Part, shown: str) -> None:
        """A constant inside a function stays small, so that evaluating it costs little."""
        if not argument.expr.is_number or argument.expr.is_Rational and abs(argument.expr) <= MAX_CONSTANT:
            return
        value = sp.N(argument.expr, 5, maxn=50)
        if not value.is_real or abs(value) > MAX_CONSTANT:
            raise self.error(shown, f"has a constant inside beyond ±{MAX_CONSTANT}", "smaller numbers")

    def _logarithms(self, argument: Part, shown: str) -> int:
        """SymPy writes exp(n·log(y)) as yⁿ, but not where the logarithm is inside another function or power."""
        factors = [sp.Mul.make_args(term) for term in sp.Add.make_args(argument.expr)]
        powers = [term for term in factors if any(isinstance(factor, sp.log) for factor in term)]
        if not powers:
            return 1
        numbers = (n for term in powers for factor in term for n in factor.atoms(sp.Rational))
        largest = max((abs(n) for n in numbers), default=sp.S.One)
        if largest > MAX_EXPONENT:
            raise self.error(shown, f"is a power beyond {MAX_EXPONENT}", f"at most {MAX_EXPONENT}")
        return max(1, int(sp.ceiling(largest)))

    def side(self, part: Part, shown: str) -> Part:
        """One side of a comparison; what is not quadratic and short is kept from SymPy, which would solve it."""
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            raise self.error(shown, f"is one of more than {MAX_COMPARISONS} sides of conditions", "fewer branches")
        if part.power > MAX_SIDE or part.terms > MAX_SIDE:
            raise self.error(shown, "is too long for a condition", "an affine comparison such as x > 1")
        functions = {f.func for f in part.expr.atoms(sp.Function)} - set(SIMPLE_IN_CONDITIONS)
        self.as_written |= bool(part.power > 2 or part.terms > 6 or part.height or functions)
        return part

    def piecewise(self, pairs: list[tuple[Any, Any]], parts: list[Part], shown: str) -> Part:
        """A function by cases."""
        self.branches += len(pairs)
        if self.branches > MAX_BRANCHES:
            raise self.error(shown, f"makes more than {MAX_BRANCHES} branches", "fewer branches")
        measures = max(p.power for p in parts), max(p.height for p in parts), sum(p.terms for p in parts)
        return Part(sp.Piecewise(*pairs, evaluate=not self.as_written), *measures)

    def error(self, shown: str, wrong: str, advice: str = "") -> FormulaError:
        """The error about the part of the text that is shown."""
        piece = shown if len(shown) <= 60 else f"{shown[:50]}…"
        return complain(self.text, f"{piece!r} {wrong}", advice)


def _is_rational(part: Part) -> bool:
    """Whether an expression is short and without functions: SymPy takes polynomial divisors of the arguments of Mod."""
    short = part.terms <= 4 and part.height == 0
    return short and not part.expr.has(sp.Function, sp.Piecewise, sp.exp, sp.Max, sp.Min, sp.Mod)
