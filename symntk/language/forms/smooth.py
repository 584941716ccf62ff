"""Smooth Gaussian-elementary expressions as polynomials in x, exponentials and soft steps.

A smooth part is a mapping (power, quadratic, linear, step) → coefficient; products of two are formed here, and
what is outside the class is refused by name.
"""

from __future__ import annotations

import sympy as sp

from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.order import sign_of
from symntk.language.forms.terms import Step
from symntk.language.special import normal_pdf
from symntk.language.special.table import row

MOST_TERMS = 256
MOST_POWER = 64

Key = tuple[int, sp.Expr, sp.Expr, Step | None]
Smooth = dict[Key, sp.Expr]

_ONE: Key = (0, sp.S.Zero, sp.S.Zero, None)


def smooth_terms(expr: sp.Expr, x: sp.Symbol) -> Smooth:
    """Expand `expr`, which holds no switch function of `x`, into Gaussian-elementary terms.

    Raises:
        NotGaussianElementaryError: names the part that is outside the class.

    >>> x = sp.Symbol("x", real=True)
    >>> smooth_terms(x * sp.exp(x), x)
    {(1, 0, 1, None): 1}
    """
    if not expr.has(x):
        return {_ONE: _constant(expr)} if expr != 0 else {}
    if expr == x:
        return {(1, sp.S.Zero, sp.S.Zero, None): sp.S.One}
    if expr.is_Add:
        return add_smooth([smooth_terms(arg, x) for arg in expr.args])
    if expr.is_Mul:
        return _product(expr, x)
    return _function(expr, x)


def _product(expr: sp.Expr, x: sp.Symbol) -> Smooth:
    product: Smooth = {_ONE: sp.S.One}
    for arg in expr.args:
        product = _multiply(product, smooth_terms(arg, x), expr)
    return product


def _function(expr: sp.Expr, x: sp.Symbol) -> Smooth:
    """A power or a function of the class."""
    if expr.is_Pow and expr.base.has(x) and not expr.exp.has(x):
        return _power(expr, x)
    if isinstance(expr, sp.exp) or (expr.is_Pow and not expr.base.has(x)):
        return _exponential(expr, x)
    if isinstance(expr, sp.sin | sp.cos | sp.sinh | sp.cosh):
        return _oscillation(expr, x)
    known = row(expr)
    if known is not None and known.step is not None:
        return _soft_step(expr, x, *known.step)
    if isinstance(expr, normal_pdf):
        return _exponential(sp.exp(-(expr.args[0] ** 2) / 2), x, 1 / sp.sqrt(2 * sp.pi))
    raise _outside(expr, f"{expr.func.__name__} is not a function of the class")


def add_smooth(parts: list[Smooth], signs: list[int] | None = None) -> Smooth:
    """The sum (or signed sum) of smooth parts; terms that cancel are dropped."""
    out: Smooth = {}
    for part, sign in zip(parts, signs or [1] * len(parts), strict=True):
        for key, value in part.items():
            out[key] = out.get(key, sp.S.Zero) + sign * value
    expanded = {key: _tidy(value) for key, value in out.items()}
    return {key: value for key, value in expanded.items() if value != 0}


def _tidy(value: sp.Expr) -> sp.Expr:
    if not value.is_Add:
        return value
    return sp.expand(sp.cancel(value) if value.free_symbols and sp.denom(sp.together(value)) != 1 else value)


def _multiply(p: Smooth, q: Smooth, whole: sp.Expr) -> Smooth:
    if len(p) * len(q) > 16 * MOST_TERMS:
        raise _outside(whole, f"it expands to more than {MOST_TERMS} terms", "a shorter formula")
    out: Smooth = {}
    for (k, alpha, beta, step), value in p.items():
        for (j, gamma, delta, other), factor in q.items():
            if step is not None and other is not None:
                raise _outside(
                    whole, "two soft steps in one variable have no closed form in this class", "a single erf per term"
                )
            key = (k + j, alpha + gamma, beta + delta, step or other)
            out[key] = out.get(key, sp.S.Zero) + value * factor
    out = {key: value for key, value in ((key, _tidy(value)) for key, value in out.items()) if value != 0}
    if len(out) > MOST_TERMS or any(key[0] > MOST_POWER for key in out):
        raise _outside(whole, f"it expands to more than {MOST_TERMS} terms or degree {MOST_POWER}", "a shorter formula")
    return out


def _power(expr: sp.Expr, x: sp.Symbol) -> Smooth:
    base = smooth_terms(expr.base, x)
    exponent = expr.exp
    if len(base) == 1:
        ((k, alpha, beta, step), value), *_ = base.items()
        if k == 0 and step is None and exponent.is_real and value.is_positive:
            return {(0, alpha * exponent, beta * exponent, None): value**exponent}
    if not (exponent.is_Integer and exponent > 0):
        raise _outside(expr, f"the power {exponent} is not a positive integer")
    if exponent > MOST_POWER:
        raise _outside(expr, f"the power {exponent} is larger than {MOST_POWER}", "a smaller power")
    out: Smooth = {_ONE: sp.S.One}
    for _ in range(int(exponent)):
        out = _multiply(out, base, expr)
    return out


def _exponential(expr: sp.Expr, x: sp.Symbol, factor: sp.Expr = sp.S.One) -> Smooth:
    exponent = expr.exp if isinstance(expr, sp.exp) else expr.exp * sp.log(expr.base)
    poly = exponent.as_poly(x)
    if poly is None or poly.degree() > 2:
        raise _outside(expr, "its exponent is not a polynomial of degree two at most")
    linear, quadratic, constant = (poly.coeff_monomial(m) for m in (x, x**2, 1))
    if not all(c.is_real for c in (linear, quadratic, constant)):
        raise _outside(expr, "its exponent is not known to be real", "declare the parameters real or positive")
    return {(0, quadratic, linear, None): factor * sp.exp(constant)}


def _oscillation(expr: sp.Expr, x: sp.Symbol) -> Smooth:
    """sin, cos, sinh, cosh as two exponentials."""
    slope, offset = _affine(expr, x)
    unit = sp.I if isinstance(expr, sp.sin | sp.cos) else sp.S.One
    odd = isinstance(expr, sp.sin | sp.sinh)
    scale = 1 / (2 * unit) if odd else sp.Rational(1, 2)
    out: Smooth = {}
    for sense in (1, -1):
        phase = _phase(sense * offset) if unit == sp.I else sp.exp(sense * offset)
        out[(0, sp.S.Zero, sense * unit * slope, None)] = sp.expand(scale * (sense if odd else 1) * phase)
    return out


def _phase(angle: sp.Expr) -> sp.Expr:
    return sp.cos(angle) + sp.I * sp.sin(angle)


def _soft_step(expr: sp.Expr, x: sp.Symbol, low: int, high: int, variance: sp.Expr) -> Smooth:
    """f(px + q) = low + (high − low)·S(x; −q/p, variance/p²) for p > 0; erf has limits ∓1 and variance 1/2."""
    slope, offset = _affine(expr, x)
    sense = sign_of(slope)
    if not sense:
        raise _outside(expr, f"the sign of the slope {slope} is not known", "declare the parameter positive")
    step = (0, sp.S.Zero, sp.S.Zero, Step(sp.cancel(-offset / slope), sp.cancel(variance / slope**2)))
    if sense < 0:
        low, high = high, low
    out: Smooth = {step: sp.Integer(high - low)}
    return out | {_ONE: sp.Integer(low)} if low else out


def _affine(expr: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    poly = expr.args[0].as_poly(x)
    if poly is None or poly.degree() != 1 or not all(c.is_real for c in poly.all_coeffs()):
        raise _outside(expr, f"its argument {expr.args[0]} is not affine with real coefficients")
    slope, offset = poly.all_coeffs()
    return slope, offset


def _constant(expr: sp.Expr) -> sp.Expr:
    if expr.is_finite is False or expr.is_real is False or expr.has(sp.nan, sp.zoo, sp.oo, sp.I):
        raise _outside(expr, "it is not a finite real number")
    if not expr.free_symbols and expr.is_real is None:
        raise _outside(expr, "it is not known to be a real number")
    return expr


def _outside(expr: sp.Expr, wrong: str, advice: str = "") -> NotGaussianElementaryError:
    return NotGaussianElementaryError(f"the normal form of {expr}", str(expr), wrong, advice)
