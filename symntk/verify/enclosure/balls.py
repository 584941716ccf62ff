"""Ball arithmetic: the one file that uses python-flint (Johansson 2017, Arb), an extra named `rigorous`.

Comes in: SymPy expressions of the language. Goes out: functions of complex balls that contain all the function's
values on the ball, with the flag `analytic` of Arb's integrator, and integrals as balls. Where a function has a branch
cut the flag is passed on: a ball that meets the cut is answered by a ball that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sympy as sp
from flint import __version__ as VERSION
from flint import acb, acb_series, arb, ctx

from symntk.errors import VerificationError
from symntk.language.special.table import row
from symntk.language.symbols import x
from symntk.verify.timing import uninterrupted

__all__ = [
    "VERSION",
    "acb",
    "arb",
    "ball",
    "compiled",
    "disc_bound",
    "integral",
    "no_enclosure",
    "normal",
    "precision",
    "series",
]

Ball = Any  # flint's arb or acb; the package carries no types
Holomorphic = Callable[[Ball, bool], Ball]
"""A function of a complex ball; with True it must not be finite where the function is not holomorphic on the ball."""
ASKED = "an enclosure in ball arithmetic"
_EVALUATIONS = 200_000


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Inside, balls are computed with `bits` bits."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def no_enclosure(why: str) -> VerificationError:
    """The error that says why there is no enclosure."""
    return VerificationError(ASKED, f"no enclosure: {why}", "the oracle, whose errors are estimated and not proven")


def normal(z: Ball) -> Ball:
    """Φ(z), entire; also of a power series."""
    return (z * (-arb(1) / arb(2).sqrt())).erfc() / 2


def series(at: Ball, length: int) -> Ball:
    """The power series at + ε, cut after `length` terms."""
    return acb_series([acb(at), 1], length)


def ball(expr: sp.Expr) -> Ball:
    """A SymPy number as a complex ball.

    >>> ball(sp.sqrt(2) + 1).real.overlaps(arb(2).sqrt() + 1)
    True
    """
    return compiled(expr)(acb(0), False)


def compiled(expr: sp.Expr) -> Holomorphic:
    """An expression in x as a function of balls, at the precision that holds now.

    Raises:
        VerificationError: a function that is not known here; it is named.

    >>> print(compiled(sp.tanh(x))(acb(1), True).real.str(10, radius=False))
    0.7615941560
    """
    expr = sp.sympify(expr, strict=True)
    if expr == x:
        return lambda z, _: z
    if not expr.has(x):
        value = _number(expr)
        return lambda *_: value
    if expr.is_Pow:
        return _power(expr)
    parts = [compiled(argument) for argument in expr.args]
    if expr.is_Add:
        return lambda z, flag: _total([part(z, flag) for part in parts])
    if expr.is_Mul:
        return lambda z, flag: _product([part(z, flag) for part in parts])
    head, inner = _rule(expr), parts[0]
    return lambda z, flag: head(inner(z, flag), flag)


def _rule(expr: sp.Expr) -> Holomorphic:
    known = row(expr)
    if known is None or known.proven is None:
        raise no_enclosure(f"{expr.func.__name__} is not known in ball arithmetic")
    return known.proven


def _number(expr: sp.Expr) -> Ball:
    if expr.is_Rational:
        return acb(arb(int(expr.p)) / int(expr.q))
    if expr.is_Float:
        return _number(sp.Rational(expr))
    if expr is sp.pi:
        return acb(arb.pi())
    if expr is sp.E:
        return acb(arb.const_e())
    if expr is sp.I:
        return acb(0, 1)
    if not expr.args:
        raise no_enclosure(f"{expr} is no number")
    if expr.is_Pow:
        base, exponent = _number(expr.base), expr.exp
        return base ** int(exponent) if exponent.is_Integer else base.pow(_number(exponent))
    values = [_number(argument) for argument in expr.args]
    if expr.is_Add or expr.is_Mul:
        return (_total if expr.is_Add else _product)(values)
    return _rule(expr)(values[0], False)


def _power(expr: sp.Pow) -> Holomorphic:
    base, exponent = expr.base, expr.exp
    if exponent.has(x):
        if base.has(x) or not base.is_positive:
            raise no_enclosure(f"{expr} is not known in ball arithmetic")
        return compiled(sp.exp(exponent * sp.log(base), evaluate=False))
    inner = compiled(base)
    if exponent.is_Integer:
        power = int(exponent)
        return lambda z, flag: inner(z, flag) ** power
    if exponent.is_Rational and exponent.q == 2:
        power = int(exponent.p)
        return lambda z, flag: inner(z, flag).sqrt(analytic=flag) ** power
    fixed = _number(exponent)
    return lambda z, flag: inner(z, flag).pow(fixed, analytic=flag)


def _total(values: Sequence[Ball]) -> Ball:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _product(values: Sequence[Ball]) -> Ball:
    total = values[0]
    for value in values[1:]:
        total = total * value
    return total


def integral(function: Holomorphic, left: Ball, right: Ball, tolerance: Ball) -> Ball:
    """∫ function over [left, right], real part, as a ball: Gauss–Legendre with proven errors (Johansson 2018).

    Raises:
        VerificationError: the integrand is not bounded, or too many evaluations do not get there.
    """
    nothing = acb(arb("nan"), arb("nan"))
    with uninterrupted() as is_over:  # the integrator is not told of what is raised in the function it calls
        value = acb.integral(
            lambda z, flag: nothing if is_over() else function(z, flag),
            acb(left),
            acb(right),
            rel_tol=tolerance,
            abs_tol=tolerance,
            eval_limit=_EVALUATIONS,
        ).real
    if not value.is_finite():
        places = f"{left.str(5, radius=False)} and {right.str(5, radius=False)}"
        raise no_enclosure(f"the integrand is not holomorphic next to the line, or not bounded, between {places}")
    return value


def disc_bound(function: Holomorphic, centre: Ball, radius: Ball) -> float:
    """The log of a bound of |function| on the disc, inf where the function may not be holomorphic on it.

    >>> 1001 < disc_bound(compiled(sp.exp(x)), arb(1000), arb(1)) < 1003
    True
    """
    side = arb(0, radius)
    value = function(acb(centre + side, side), True)
    if not value.is_finite():
        return math.inf
    return float(value.abs_upper().log().mid()) + 1e-9
