"""SymPy expressions as nodes: numbers are rounded once, functions keep their SymPy names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import sympy as sp

from symntk.emit.code import (
    Call,
    Lines,
    Name,
    Node,
    Number,
    Quotient,
    call,
    choose,
    number,
    power,
    product,
    total,
)
from symntk.errors import SymntkError

_NAMES = {"Abs": "abs", "ln": "log", "Max": "maximum", "Min": "minimum", "And": "both", "Or": "either"}


def node_of(expr: sp.Expr, names: Mapping[sp.Symbol, str]) -> Node:
    """An expression whose symbols are called `names`.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> k = sp.Symbol("k")
    >>> print(NUMPY.expression(node_of(sp.exp(-k) / sp.sqrt(1 + k), {k: "k_k"})))
    np.exp(-k_k) / np.sqrt(k_k + 1.0)
    """
    return Translator({symbol: Name(name) for symbol, name in names.items()})(expr)


class Translator:
    """Makes nodes of expressions; `known` are what stands for symbols, `lines` where repeated parts get a name."""

    def __init__(self, known: Mapping[sp.Symbol, Node], lines: Lines | None = None) -> None:
        self.known, self.lines = known, lines or Lines()

    def __call__(self, expr: sp.Expr) -> Node:
        """The expression as a node."""
        if expr in self.known:
            return self.known[expr]
        if expr.is_number:
            return number(expr)
        if expr.is_Add:
            return self.sum(expr)
        if expr.is_Mul:
            return self.product(expr)
        if expr.is_Pow:
            return self.power(expr.base, expr.exp)
        if isinstance(expr, sp.Piecewise):
            return self._cases(expr)
        if isinstance(expr, sp.core.relational.Relational):
            return call(expr.rel_op, self(expr.lhs), self(expr.rhs))
        if isinstance(expr, sp.Max | sp.Min | sp.And | sp.Or):
            name = _NAMES[expr.func.__name__]
            return reduce(lambda one, other: call(name, one, other), map(self, sp.ordered(expr.args)))
        if isinstance(expr, sp.Function):
            return self.function(expr)
        raise SymntkError(f"code for {expr}", f"there is none for {type(expr).__name__}", "evalf")

    def sum(self, expr: sp.Expr) -> Node:
        """A sum, term by term."""
        return total([self(term) for term in expr.as_ordered_terms()])

    def product(self, expr: sp.Expr) -> Node:
        """A product over those factors that have negative powers; several numbers are one."""
        factors = expr.as_ordered_factors()
        numbers = [factor for factor in factors if factor.is_number]
        if len(numbers) > 1:
            factors = [sp.Mul(*numbers), *(factor for factor in factors if not factor.is_number)]
        below = [factor for factor in factors if factor.is_Pow and factor.exp.is_Rational and factor.exp < 0]
        above = product([self(factor) for factor in factors if factor not in below])
        return Quotient(above, product([self(1 / factor) for factor in below])) if below else above

    def power(self, base: sp.Expr, exponent: sp.Expr) -> Node:
        """A power; negative ones as quotients, halves by roots."""
        if not exponent.is_Rational:
            return call("exp", self(exponent * sp.log(base)))
        if exponent < 0:
            return 1 / self.power(base, -exponent)
        if exponent.q == 2:
            return power(call("sqrt", self(base)), int(exponent.p))
        return power(self(base), int(exponent) if exponent.is_Integer else float(exponent))

    def _cases(self, expr: sp.Expr) -> Node:
        """A Piecewise, NaN where none of its conditions holds."""
        value: Node = Number(float("nan"))
        for one, condition in reversed(expr.args):
            value = self(one) if condition == True else choose(self(condition), self(one), value)  # noqa: E712
        return value

    def function(self, expr: sp.Expr) -> Node:
        """A function of one or more arguments."""
        name = expr.func.__name__
        return Call(_NAMES.get(name, name), tuple(self(argument) for argument in expr.args))


def table(values: Sequence[float]) -> Node:
    """Numbers as an array; evenly spaced ones in short."""
    step = values[1] - values[0] if len(values) > 4 else 0.0
    if step and all(value == values[0] + step * n for n, value in enumerate(values)):
        return values[0] + step * call("arange", len(values))
    return call("array", *map(float, values))


def bound(name: str, names: Mapping[sp.Symbol, str]) -> Node:
    """A function of x alone: one of x and the parameters where these have their values."""
    return call("_bound", name, *names.values()) if names else Name(name)
