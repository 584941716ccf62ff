"""The field in which the four moves compute: rational functions of a, b, c, the means and the parameters.

SymPy expressions are converted once on the way in and once on the way out; equal quantities are equal objects,
so like terms meet whatever path led to them. Numbers and functions of parameters that are not rational (√2, π,
log s) are carried as further generators; the imaginary unit is one whose square is replaced by −1.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Any

import sympy as sp
from sympy.polys.fields import field

from symntk.errors import FormulaError, TooLongError
from symntk.language.forms.order import sign_of
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

Element = Any  # sympy.polys.fields.FracElement, which SymPy does not type

_IMAGINARY = sp.Symbol("_i")
_SCALE = 10**12
MOST_WORK = 1_200_000
"""Monomials that a derivation may touch, products of two and tests for common factors counted: some ten seconds."""
_QUICK = 100_000  # of it is done in a second or two, without a bar
MOST_MONOMIALS = 1500
"""Monomials in the coefficients of a closed form: beyond, nobody reads it, and its code is slower than a quadrature."""


@lru_cache(maxsize=4096)
def factor_list(poly: Any) -> tuple[Any, tuple[tuple[Any, int], ...]]:
    """Content and irreducible factors of a polynomial; 2a + 1 and its like come again with every pair.

    >>> from sympy import QQ, ring
    >>> a = ring("a", QQ)[1]
    >>> print(factor_list(4 * a**2 - 1))
    (1, ((2*a - 1, 1), (2*a + 1, 1)))
    """
    content, factors = poly.factor_list()
    return content, tuple(factors)


class Algebra:
    """The field for one derivation.

    Args:
        expressions: every threshold, width, exponent and coefficient that will be converted.
        means: whether the means are symbols (else both are 0).
        most_work: beyond which the derivation is given up.
    """

    def __init__(self, expressions: Iterable[sp.Expr], means: bool, most_work: int = MOST_WORK) -> None:
        leaves: set[sp.Expr] = set()
        for expr in expressions:
            _collect_leaves(expr, leaves)
        self.is_complex = sp.I in leaves
        leaves.discard(sp.I)
        extra = sorted(leaves, key=sp.default_sort_key)
        self._symbols: dict[sp.Expr, sp.Symbol] = {
            leaf: leaf if leaf.is_Symbol else sp.Dummy(f"k{i}", positive=leaf.is_positive, real=True)
            for i, leaf in enumerate(extra)
        }
        # cov last: then a·b leads in a·b − c², and sign conventions of polynomial factors follow
        names = [var_u, var_v, *self._symbols.values()] + ([mean_u, mean_v] if means else []) + [cov]
        names += [_IMAGINARY] if self.is_complex else []
        self.field, *_ = field(names, sp.QQ)
        self._generators = dict(zip(names, self.field.gens, strict=True))
        self.one, self.zero = self.field.one, self.field.zero
        self.a, self.b, self.c = (self._generators[s] for s in (var_u, var_v, cov))
        self.m1, self.m2 = (self._generators.get(s, self.zero) for s in (mean_u, mean_v))
        self._back = {symbol: leaf for leaf, symbol in self._symbols.items() if symbol is not leaf}
        if self.is_complex:
            self._back[_IMAGINARY] = sp.I
        self.work, self.most_work = 0, most_work
        self._bar: Any = None
        self._memo: dict[sp.Expr, Element] = {}
        self._memo_out: dict[Element, sp.Expr] = {}

    def positive_factors(self, poly: Any) -> tuple[Any, list[tuple[Any, int]]]:
        """Content and irreducible factors of a polynomial under a root, each with the sign that makes it positive.

        A factor that holds entries of the covariance does not change its sign where the expectation exists: that
        region is connected and holds the smallest covariances, also for exp(αx²) with α > 0, so that the sign is read
        off at one of them. The sign of another factor follows from the parameters' assumptions.

        Raises:
            FormulaError: the assumptions do not decide the sign.
        """
        content, factors = factor_list(poly)
        out = []
        for factor, power in factors:
            sense = self._sign(factor)
            content *= 1 if sense > 0 else (-1) ** power
            out.append((factor if sense > 0 else -factor, power))
        return content, out

    def positive(self, poly: Any) -> Any:
        """The polynomial or its negative, whichever is positive where the expectation exists."""
        return poly if self.positive_factors(poly)[0] > 0 else -poly

    def _sign(self, factor: Any) -> int:
        own = [self.field.gens.index(entry) for entry in (self.a, self.b, self.c)]
        if any(monom[i] for monom in factor for i in own):
            return 1 if factor.evaluate(self._smallest) > 0 else -1
        expr = self.restore(factor.as_expr())
        sense = sign_of(expr)
        if not sense:
            raise FormulaError(f"a width or a slope with {expr}", "its sign is not known", "a positive parameter")
        return sense

    @cached_property
    def _smallest(self) -> list[tuple[Any, Any]]:
        """Values of the generators at a small covariance; parameters and means are of size 1, numbers what they are."""
        values = []
        for i, symbol in enumerate(self.field.symbols):
            leaf = self.restore(symbol)
            value = sp.QQ(7 + 2 * i, 5) * (-1 if leaf.is_negative else 1)
            if leaf.is_number and leaf.is_real:
                exact = sp.Rational(sp.N(leaf, 30))
                value = sp.QQ(exact.p, exact.q)
            values.append(value)
        for entry in (self.a, self.b):
            values[self.field.gens.index(entry)] /= _SCALE
        values[self.field.gens.index(self.c)] = sp.QQ(1, 17) / _SCALE
        return list(zip(self.field.ring.gens, values, strict=True))

    def spend(self, *elements: Element) -> None:
        """Count the product of elements as work.

        Raises:
            TooLongError: all of it is more than `MOST_WORK`.
        """
        above = below = 1
        for element in elements:
            above, below = above * len(element.numer), below * len(element.denom)
        self.count(20 + 4 * (above + below) + (above * below if below > 1 else 0))

    def count(self, monomials: int) -> None:
        """Add to the work; errors as `spend`."""
        self.work += monomials
        if self.work > self.most_work:
            raise too_long(f"deriving it touches more than {self.most_work:,} monomials")
        if self.work > _QUICK:
            self._progress()

    def _progress(self) -> None:
        """A bar on a terminal: the work done, beside the most that is allowed; it goes when the derivation ends."""
        if self._bar is None:
            from tqdm import tqdm  # few derivations are so long

            self._bar = tqdm(
                total=self.most_work, desc="deriving, at most", unit="monomials", leave=False, disable=None
            )
        self._bar.update(self.work - self._bar.n)

    def finish(self) -> None:
        """Take the bar away, whether the derivation ended or was interrupted."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @property
    def i(self) -> Element:
        """The imaginary unit."""
        return self._generators[_IMAGINARY]

    def element(self, expr: sp.Expr) -> Element:
        """A SymPy expression as an element of the field."""
        found = self._memo.get(expr)
        if found is None:
            found = self._memo[expr] = self.reduce(self._convert(expr))
        return found

    def _convert(self, expr: sp.Expr) -> Element:
        if expr.is_Rational:
            return self.field(sp.QQ(expr.p, expr.q))
        if expr.is_Add:
            return sum((self._convert(arg) for arg in expr.args), self.zero)
        if expr.is_Mul:
            out = self.one
            for arg in expr.args:
                out = out * self._convert(arg)
            return out
        if expr.is_Pow and expr.exp.is_Integer:
            return self._convert(expr.base) ** int(expr.exp)
        if expr is sp.I:
            return self.i
        return self._generators[self._symbols.get(expr, expr)]

    def reduce(self, element: Element) -> Element:
        """Replace powers of the imaginary unit (it occurs in numerators only)."""
        if not self.is_complex or not element:
            return element
        index = len(self.field.gens) - 1
        ring = self.field.ring
        if all(monom[index] < 2 for monom in element.numer) and all(not monom[index] for monom in element.denom):
            return element
        numer, denom = self._lower(element.numer, index), self._lower(element.denom, index)
        conjugate = ring.from_dict({m: (-v if m[index] else v) for m, v in denom.items()})
        if conjugate != denom:
            numer, denom = self._lower(numer * conjugate, index), self._lower(denom * conjugate, index)
        return self.field.from_expr(sp.S.Zero) if not numer else self.field(numer) / self.field(denom)

    def _lower(self, poly: Any, index: int) -> Any:
        out: dict[tuple[int, ...], Any] = {}
        for monom, value in poly.items():
            power = monom[index]
            key = (*monom[:index], power % 2)
            out[key] = out.get(key, 0) + (-value if power % 4 in (2, 3) else value)
        return self.field.ring.from_dict({k: v for k, v in out.items() if v})

    def split_complex(self, element: Element) -> tuple[Element, Element]:
        """Real and imaginary part."""
        if not self.is_complex:
            return element, self.zero
        element = self.reduce(element)
        index = len(self.field.gens) - 1
        ring, denom = self.field.ring, self.field(element.denom)
        real = ring.from_dict({m: v for m, v in element.numer.items() if not m[index]})
        imag = ring.from_dict({(*m[:index], 0): v for m, v in element.numer.items() if m[index]})
        return self.field(real) / denom, self.field(imag) / denom

    def expr(self, element: Element) -> sp.Expr:
        """An element as a SymPy expression (a ratio of expanded polynomials)."""
        found = self._memo_out.get(element)
        if found is None:
            found = self._memo_out[element] = self.restore(element.as_expr())
        return found

    def restore(self, expr: sp.Expr) -> sp.Expr:
        """Put the constants back for which generators stand."""
        return expr.xreplace(self._back) if self._back else expr


def too_long(measure: str) -> TooLongError:
    """The error for a closed form that is given up."""
    wrong, advice = f"its closed form is too long: {measure}", "lower powers, numbers for parameters, or means of zero"
    return TooLongError("an expectation", wrong, advice)


def _collect_leaves(expr: sp.Expr, leaves: set[sp.Expr]) -> None:
    """The smallest parts of `expr` that are not rational functions of others."""
    if expr.is_Rational:
        return
    if expr.is_Add or expr.is_Mul:
        for arg in expr.args:
            _collect_leaves(arg, leaves)
    elif expr.is_Pow and expr.exp.is_Integer:
        _collect_leaves(expr.base, leaves)
    else:
        leaves.add(expr)
