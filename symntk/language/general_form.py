"""General form: any function of the language as smooth parts between breakpoints, and deltas.

Comes in: a SymPy expression in one real symbol, with parameters. Goes out: a `GeneralForm`, closed under the
distributional derivative. Nothing is said here of whether a part is Gaussian-elementary: see `normal_form` for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from symntk.errors import FormulaError
from symntk.language.logistic import logistic, softplus
from symntk.language.normal_form import delta_terms, exact, take_out_deltas
from symntk.language.pieces import resolve
from symntk.language.scaled import HEADS
from symntk.language.special import normal_cdf, normal_pdf
from symntk.language.stable import stable_form
from symntk.language.terms import Delta

_PERIODIC = (sp.Mod, sp.floor, sp.ceiling)
_HEADS = {
    *(sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Dummy, sp.exp, sp.log, sp.Abs, sp.sign, sp.Heaviside, sp.DiracDelta),
    *(sp.Max, sp.Min, sp.Piecewise, ExprCondPair, sp.And, sp.Or, sp.Not, sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.Eq, sp.Ne),
    *(sp.erf, sp.erfc, normal_cdf, normal_pdf, logistic, softplus, *HEADS, *_PERIODIC),
    *(sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.sech, sp.asinh),
}


def _is_known(node: sp.Basic) -> bool:
    """Whether a node is a number, a truth value or one of the language's functions."""
    return type(node) in _HEADS or node in (sp.true, sp.false) or bool(getattr(node, "is_number", False))


@dataclass(frozen=True)
class GeneralForm:
    """`parts[i]` holds between `breaks[i-1]` and `breaks[i]` (the ends are ∓∞); deltas with their weights."""

    breaks: tuple[sp.Expr, ...]
    parts: tuple[sp.Expr, ...]
    deltas: tuple[tuple[sp.Expr, Delta], ...] = ()

    @property
    def has_regular_part(self) -> bool:
        """Whether there is more than deltas."""
        return any(part != 0 for part in self.parts)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols besides the variable that the breaks and deltas hold."""
        points = [*self.breaks, *(e for weight, delta in self.deltas for e in (weight, delta.threshold))]
        return tuple(sorted({s for e in points for s in e.free_symbols}, key=lambda s: s.name))

    def regular(self, x: sp.Symbol) -> sp.Expr:
        """The function without its deltas, as a SymPy expression."""
        pieces = [(part, x < point) for part, point in zip(self.parts, self.breaks, strict=False)]
        return sp.Piecewise(*pieces, (self.parts[-1], True)) if pieces else self.parts[0]

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function as a SymPy expression."""
        return self.regular(x) + sp.Add(*(weight * delta.as_expr(x) for weight, delta in self.deltas))


def general_form(expr: sp.Expr, x: sp.Symbol) -> GeneralForm:
    """The general form of `expr` as a function of `x`.

    Raises:
        FormulaError: a function with infinitely many kinks (Mod, floor), or parts that are not real.
        NotGaussianElementaryError: a switch whose zeros, or thresholds whose order, the assumptions do not decide.

    >>> x = sp.Symbol("x", real=True)
    >>> general_form(1 / (1 + 25 * sp.Abs(x)) ** 2, x)
    GeneralForm(breaks=(0,), parts=((1 - 25*x)**(-2), (25*x + 1)**(-2)), deltas=())
    """
    expr = exact(sp.sympify(expr, strict=True))
    unknown = {type(node) for node in sp.preorder_traversal(expr) if not _is_known(node)}
    if unknown:
        listed = ", ".join(sorted(head.__name__ for head in unknown))
        advice = "exp, log, tanh, erf, Abs, Piecewise and other elementary functions"
        raise FormulaError(f"the function {expr}", f"{listed} is not in the language", advice)
    periodic = expr.atoms(*_PERIODIC)
    if periodic:
        wrong = f"{min(periodic, key=str)} has a kink in every period, infinitely many in all"
        raise FormulaError(f"the pieces of {expr}", wrong, "a Piecewise with the periods that matter")
    plain, points = take_out_deltas(expr, x)
    pieces = resolve(plain, x)
    deltas: list[tuple[sp.Expr, Delta]] = []
    for dummy, (point, order, scale) in points.items():
        for term in delta_terms(pieces, x, dummy, point, order, scale):
            if isinstance(term.window, Delta):
                deltas.append((term.coefficient, term.window))
    without = dict.fromkeys(points, sp.S.Zero)
    parts = tuple(stable_form(sp.sympify(p.subs(without) if without else p, strict=True)) for p in pieces.parts)
    for part in parts:
        if part.has(sp.I, sp.nan, sp.oo, sp.zoo):
            raise FormulaError(f"the pieces of {expr}", f"{part} is not a finite real function", "a real formula")
    return GeneralForm(pieces.breaks, parts, _collected(deltas))


def derivative(form: GeneralForm, x: sp.Symbol) -> GeneralForm:
    """The distributional derivative: a jump becomes a delta.

    >>> x = sp.Symbol("x", real=True)
    >>> derivative(general_form(sp.tanh(x) * sp.Heaviside(x - 1), x), x).deltas
    ((tanh(1), Delta(threshold=1, order=0)),)
    """
    deltas = [(weight, Delta(delta.threshold, delta.order + 1)) for weight, delta in form.deltas]
    for (left, right), point in zip(pairwise(form.parts), form.breaks, strict=True):
        jump = sp.expand(_value(right, x, point, "+") - _value(left, x, point, "-"))
        if jump != 0 and not jump.equals(0):
            deltas.append((jump, Delta(point)))
    parts = [_diff(part, x) for part in form.parts]
    kept = [i for i, (left, right) in enumerate(pairwise(parts)) if left != right]
    breaks = tuple(form.breaks[i] for i in kept)
    return GeneralForm(breaks, (parts[0], *(parts[i + 1] for i in kept)), _collected(deltas))


def parity(form: GeneralForm, x: sp.Symbol) -> int:
    """1 for even, −1 for odd, 0 for neither or not seen.

    >>> x = sp.Symbol("x", real=True)
    >>> parity(general_form(sp.tanh(x), x), x)
    -1
    """
    mirrored = tuple(part.xreplace({x: -x}) for part in reversed(form.parts))
    if any(sp.expand(p + q) != 0 for p, q in zip(form.breaks, reversed(form.breaks), strict=True)):
        return 0
    for sense in (1, -1):
        turned = [(sense * (-1) ** d.order * w, Delta(-d.threshold, d.order)) for w, d in form.deltas]
        if _collected(turned) == form.deltas and all(
            multiplied_out(p - sense * q) == 0 for p, q in zip(form.parts, mirrored, strict=True)
        ):
            return sense
    return 0


def multiplied_out(expr: sp.Expr) -> sp.Expr:
    """`sympy.expand`, but exponents with a logarithm stay: exp(n·log(y)) is yⁿ, which for a large n has no end.

    >>> x = sp.Symbol("x", real=True)
    >>> hidden = sp.exp(-(10**6) * (sp.log(2 + x**2) - 2) ** 2)
    >>> multiplied_out((x + 1) * hidden) == x * hidden + hidden
    True
    """
    held = {one: sp.Dummy(real=True) for one in expr.atoms(sp.exp) if one.has(sp.log)}
    return sp.expand(expr.xreplace(held)).xreplace({name: one for one, name in held.items()})


class _Tanh(sp.Function):  # type: ignore[misc]
    """tanh with a derivative that does not cancel."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / sp.cosh(self.args[0]) ** 2


def _diff(part: sp.Expr, x: sp.Symbol) -> sp.Expr:
    found = stable_form(sp.diff(part.replace(sp.tanh, _Tanh), x).replace(_Tanh, sp.tanh))
    # one fraction: the difference of two would cancel far from 0
    return sp.factor(found) if found.is_rational_function(x) else found


def _value(part: sp.Expr, x: sp.Symbol, point: sp.Expr, side: str) -> sp.Expr:
    """The one-sided limit."""
    value = part.subs(x, point)
    if not value.has(sp.nan, sp.zoo, sp.oo):
        return value
    limit = sp.limit(part.rewrite(sp.exp), x, point, side)
    if not limit.is_finite:
        raise FormulaError(f"the derivative of {part}", f"it is infinite at {point}", "a locally bounded function")
    return limit


def _collected(deltas: Iterable[tuple[sp.Expr, Delta]]) -> tuple[tuple[sp.Expr, Delta], ...]:
    sums: dict[Delta, sp.Expr] = {}
    for weight, delta in deltas:
        sums[delta] = sp.expand(sums.get(delta, sp.S.Zero) + weight)
    kept = [(weight, delta) for delta, weight in sums.items() if weight != 0]
    return tuple(sorted(kept, key=lambda one: (sp.default_sort_key(one[1].threshold), one[1].order)))
