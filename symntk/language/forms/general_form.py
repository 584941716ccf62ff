"""General form: any function of the language as smooth parts between breakpoints, and deltas.

Comes in: a SymPy expression in one real symbol, with parameters. Goes out: a `GeneralForm`, closed under the
distributional derivative. Nothing is said here of whether a part is Gaussian-elementary: see `normal_form` for that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from symntk.errors import FormulaError
from symntk.language.forms.normal_form import delta_terms, exact, take_out_deltas
from symntk.language.forms.order import compare, merged, place
from symntk.language.forms.pieces import Pieces, resolve
from symntk.language.forms.terms import Delta
from symntk.language.numbers import number_function
from symntk.language.special.table import row
from symntk.language.stable import slope, stable_form

__all__ = ["GeneralForm"]

_PERIODIC = (sp.Mod, sp.floor, sp.ceiling)
_DIGITS = 60
_MANY = 16  # pieces
_HEADS = {
    *(sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Dummy, sp.Abs, sp.sign, sp.Heaviside, sp.DiracDelta, *_PERIODIC),
    *(sp.Max, sp.Min, sp.Piecewise, ExprCondPair, sp.And, sp.Or, sp.Not, sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.Eq, sp.Ne),
}


def _is_known(node: sp.Basic) -> bool:
    """Whether a node is a number, a truth value or one of the language's functions."""
    return (
        type(node) in _HEADS
        or row(node) is not None
        or node in (sp.true, sp.false)
        or bool(getattr(node, "is_number", False))
    )


@dataclass(frozen=True)
class GeneralForm:
    """`parts[i]` holds between `breaks[i-1]` and `breaks[i]` (the ends are ∓∞); deltas with their weights.

    Beyond |x| = `reach` there are more breaks than are told apart, and the outer parts are not the function.
    """

    breaks: tuple[sp.Expr, ...]
    parts: tuple[sp.Expr, ...]
    deltas: tuple[tuple[sp.Expr, Delta], ...] = ()
    reach: float = math.inf

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
        if not pieces:
            return self.parts[0]
        # SymPy compares all pieces with each other
        return sp.Piecewise(*pieces, (self.parts[-1], True), **({"evaluate": False} if len(pieces) > _MANY else {}))

    def shown(self, x: sp.Symbol) -> str:
        """The function as text, a long one by its first pieces."""
        if len(self.parts) <= _MANY:
            return str(sp.sstr(self.as_expr(x)))
        some = ", ".join(map(sp.sstr, self.parts[:2]))
        return f"a function of {len(self.parts)} pieces, {some}, …"

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function as a SymPy expression."""
        return self.regular(x) + sp.Add(*(weight * delta.as_expr(x) for weight, delta in self.deltas))


def general_form(expr: sp.Expr, x: sp.Symbol) -> GeneralForm:
    """The general form of `expr` as a function of `x`.

    Raises:
        FormulaError: parts that are not real, or too many kinks.
        NotGaussianElementaryError: a switch whose zeros, or thresholds whose order, the assumptions do not decide.

    >>> x = sp.Symbol("x", real=True)
    >>> general_form(1 / (1 + 25 * sp.Abs(x)) ** 2, x)
    GeneralForm(breaks=(0,), parts=((1 - 25*x)**(-2), (25*x + 1)**(-2)), deltas=(), reach=inf)
    """
    expr = exact(sp.sympify(expr, strict=True))
    unknown = {type(node) for node in sp.preorder_traversal(expr) if not _is_known(node)}
    if unknown:
        listed = ", ".join(sorted(head.__name__ for head in unknown))
        advice = "exp, log, tanh, erf, Abs, Piecewise and other elementary functions"
        raise FormulaError(f"the function {expr}", f"{listed} is not in the language", advice)
    plain, points = take_out_deltas(expr.replace(lambda e: isinstance(e, sp.log), lambda e: _even_powers(e, x)), x)
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
    pieces = _cut_at_poles(Pieces(pieces.breaks, parts, pieces.reach), x)
    return GeneralForm(pieces.breaks, pieces.parts, _collected(deltas), pieces.reach)


def _even_powers(logarithm: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """log(w^{2k} r) as 2k·log|w| + log r: w may change its sign.

    >>> x = sp.Symbol("x", real=True)
    >>> _even_powers(sp.log(3 * x**2 * (1 + x**2)), x)
    log(3*x**2 + 3) + 2*log(Abs(x))
    """
    even: list[sp.Expr] = []
    rest: list[sp.Expr] = []
    for factor in sp.Mul.make_args(logarithm.args[0]):
        base, power = factor.as_base_exp()
        whole = power.is_Integer and power.is_even and base.has(x) and not base.is_positive
        (even if whole else rest).append(factor)
    if not even:
        return logarithm
    logs = [factor.exp * sp.log(sp.Abs(factor.base)) for factor in even]
    return sp.Add(*logs, sp.log(sp.Mul(*rest)))


def _cut_at_poles(pieces: Pieces, x: sp.Symbol) -> Pieces:
    """More breaks where an argument of a function is infinite, as in exp(−1/x²) and atan(1/x)."""
    poles: list[sp.Expr] = []
    ends = (-sp.oo, *pieces.breaks, sp.oo)
    for part, low, high in zip(pieces.parts, ends[:-1], ends[1:], strict=True):
        below = {
            power.base
            for function in part.atoms(sp.Function)
            for power in function.atoms(sp.Pow)
            if power.exp.is_negative and power.base.is_polynomial(x) and power.base.free_symbols == {x}
        }
        for base in below:
            poles += [p for p in sp.roots(base, x) if p.is_real and compare(p, low) > 0 and compare(p, high) < 0]
    if not poles:
        return pieces
    breaks = merged([pieces.breaks, merged([(pole,) for pole in poles])])
    return Pieces(breaks, pieces.refined(breaks), pieces.reach)


def derivative(form: GeneralForm, x: sp.Symbol) -> GeneralForm:
    """The distributional derivative: a jump becomes a delta.

    >>> x = sp.Symbol("x", real=True)
    >>> derivative(general_form(sp.tanh(x) * sp.Heaviside(x - 1), x), x).deltas
    ((tanh(1), Delta(threshold=1, order=0)),)
    """
    deltas = [(weight, Delta(delta.threshold, delta.order + 1)) for weight, delta in form.deltas]
    for (left, right), point in zip(pairwise(form.parts), form.breaks, strict=True):
        if _meet(left, right, x, point):
            continue
        jump = sp.expand(_value(right, x, point, "+") - _value(left, x, point, "-"))
        if jump != 0 and (place(point) is not None or not jump.equals(0)):
            deltas.append((jump, Delta(point)))
    parts = [_gathered(slope(part, x), x) for part in form.parts]
    kept = [i for i, (left, right) in enumerate(pairwise(parts)) if left != right]
    breaks = tuple(form.breaks[i] for i in kept)
    found = _cut_at_poles(Pieces(breaks, (parts[0], *(parts[i + 1] for i in kept)), form.reach), x)
    return GeneralForm(found.breaks, found.parts, _collected(deltas), form.reach)


def _gathered(part: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Powers of t − x with those of x − t, which SymPy keeps apart: √(−x)/x is −1/√(−x) where it is real.

    >>> x = sp.Symbol("x", real=True)
    >>> _gathered(sp.sqrt(1 - x) / (2 * (x - 1)), x)
    -1/(2*sqrt(1 - x))
    """
    distance = sp.Symbol("distance", positive=True)
    for power in part.atoms(sp.Pow):
        base = power.base
        if not power.exp.is_integer and base.is_polynomial(x) and base.diff(x) == -1:
            part = part.subs(x, base + x - distance).subs(distance, base)
    return part


def parity(form: GeneralForm, x: sp.Symbol) -> int:
    """1 for even, −1 for odd, 0 for neither or not seen.

    >>> x = sp.Symbol("x", real=True)
    >>> parity(general_form(sp.tanh(x), x), x)
    -1
    """
    mirrored = tuple(part.xreplace({x: -x}) for part in reversed(form.parts))
    if any(not _opposite(p, q) for p, q in zip(form.breaks, reversed(form.breaks), strict=True)):
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


def _opposite(p: sp.Expr, q: sp.Expr) -> bool:
    """Whether p = −q."""
    first, second = place(p), place(q)
    if first is None or second is None:
        return bool(sp.expand(p + q) == 0)
    return bool(abs(first + second) <= mpmath.mpf(10) ** -45 * (1 + abs(first)))


def _meet(left: sp.Expr, right: sp.Expr, x: sp.Symbol, point: sp.Expr) -> bool:
    """Whether both parts have the same value at a number, to 45 digits."""
    at = place(point)
    if at is None or (left.free_symbols | right.free_symbols) - {x}:
        return False
    with mpmath.workdps(_DIGITS):
        try:
            first, second = (number_function(part, x)(at) for part in (left, right))
            return bool(abs(first - second) <= mpmath.mpf(10) ** -45 * (1 + abs(first)))
        except (ArithmeticError, ValueError):
            pass
    with mpmath.workdps(3 * _DIGITS):  # 1/0 inside of a function: next to the place
        step = mpmath.mpf(10) ** -(_DIGITS // 2)
        try:
            first, second = number_function(left, x)(at - step), number_function(right, x)(at + step)
            return bool(abs(first - second) <= mpmath.mpf(10) ** -25 * (1 + abs(first)))
        except (ArithmeticError, ValueError):
            return False


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
