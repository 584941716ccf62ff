"""SymPy expressions as nodes: numbers are rounded once, functions keep their SymPy names."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symntk.emit.code import Call, Name, Node, Quotient, call, number, power, product, total
from symntk.errors import SymntkError


def node_of(expr: sp.Expr, names: Mapping[sp.Symbol, str]) -> Node:
    """An expression whose symbols are called `names`.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> k = sp.Symbol("k")
    >>> print(NUMPY.expression(node_of(sp.exp(-k) / sp.sqrt(1 + k), {k: "k_k"})))
    np.exp(-k_k) / np.sqrt(k_k + 1.0)
    """
    if expr in names:
        return Name(names[expr])
    if expr.is_number:
        return number(expr)
    if expr.is_Add:
        return total([node_of(term, names) for term in expr.as_ordered_terms()])
    if expr.is_Mul:
        factors = expr.as_ordered_factors()
        below = [factor for factor in factors if factor.is_Pow and factor.exp.is_Rational and factor.exp < 0]
        above = product([node_of(factor, names) for factor in factors if factor not in below])
        return Quotient(above, product([node_of(1 / factor, names) for factor in below])) if below else above
    if expr.is_Pow and expr.exp.is_Rational:
        return _power(node_of(expr.base, names), expr.exp)
    if expr.is_Pow:
        return call("exp", node_of(expr.exp * sp.log(expr.base), names))
    if isinstance(expr, sp.Function):
        return Call(_NAMES.get(expr.func.__name__, expr.func.__name__), tuple(node_of(e, names) for e in expr.args))
    raise SymntkError(f"code for {expr}", f"there is none for {type(expr).__name__}", "evalf")


_NAMES = {"Abs": "abs", "ln": "log"}


def _power(base: Node, exponent: sp.Rational) -> Node:
    """A rational power; negative ones as quotients, halves by roots."""
    if exponent < 0:
        return 1 / _power(base, -exponent)
    if exponent.q == 2:
        return power(call("sqrt", base), int(exponent.p))
    return power(base, int(exponent) if exponent.is_Integer else float(exponent))
