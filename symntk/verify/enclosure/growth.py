"""How a function grows: proven bounds of |f(x)| for |x| ≥ R, from the structure of its formula alone.

    |f(x)| ≤ size · (1 + |x|)^power · exp(rate·|x|)      for all real x ≥ R (sense 1) or x ≤ −R (sense −1)

Sums, products and powers by the triangle inequality; bounded functions by their bounds; denominators by lower bounds of
polynomials at large |x|, of cosh ≥ 1 and of sums of positive terms. What is not covered is refused by name.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import sympy as sp

from symntk.language.special.table import row
from symntk.language.symbols import x
from symntk.verify.enclosure.balls import Ball, arb, ball, no_enclosure


class Growth(NamedTuple):
    """size · (1 + |x|)^power · exp(rate·|x|)."""

    size: Ball
    power: int
    rate: Ball


def growth(part: sp.Expr, beyond: Ball, sense: int) -> Growth | None:
    """The bound for one formula; None for 0.

    Raises:
        VerificationError: no bound is proven; the part is named.

    >>> bound = growth(x**2 * sp.tanh(x), arb(1), 1)
    >>> bound.power, bound.size >= 1, bound.rate == 0
    (2, True, True)
    """
    return None if part == 0 else _upper(part, beyond, sense)


def _upper(e: sp.Expr, beyond: Ball, sense: int) -> Growth:
    if not e.has(x) or e == x:
        return Growth(arb(1) if e == x else abs(ball(e)).upper(), int(e == x), arb(0))
    if e.is_Add:
        # (1 + |x|)^p and e^{k|x|} grow with p and k
        parts = [_upper(one, beyond, sense) for one in e.args]
        return Growth(sum((p.size for p in parts), start=arb(0)), max(p.power for p in parts), _most(parts))
    if e.is_Mul:
        parts = [_upper(one, beyond, sense) for one in e.args]
        size = arb(1)
        for part in parts:
            size = size * part.size
        return Growth(size.upper(), sum(p.power for p in parts), sum((p.rate for p in parts), start=arb(0)).upper())
    if e.is_Pow and e.exp.is_Rational:
        return _power(e, beyond, sense)
    return _function(e, beyond, sense)


def _function(e: sp.Expr, beyond: Ball, sense: int) -> Growth:
    """A function of one argument."""
    known = row(e)
    if known is not None and known.bound is not None:
        return Growth(arb(known.bound), 0, arb(0))
    if known is not None and known.excess is not None:
        inner = _upper(e.args[0], beyond, sense)
        return inner._replace(size=inner.size + known.excess)
    if e.func is sp.exp:
        return _exponential(e.args[0], beyond, sense)
    if e.func in (sp.cosh, sp.sinh):
        # |sinh w| ≤ cosh w ≤ e^{|w|}
        return _of_size(_upper(e.args[0], beyond, sense), e)
    raise no_enclosure(f"no bound of {e} for large |x| is proven")


def _most(parts: list[Growth]) -> Ball:
    rate = arb(0)
    for part in parts:
        rate = rate.max(part.rate)
    return rate.upper()


def _power(e: sp.Pow, beyond: Ball, sense: int) -> Growth:
    exponent = abs(e.exp)
    number = ball(exponent).real
    if e.exp > 0:
        inner = _upper(e.base, beyond, sense)
        power = int(math.ceil(inner.power * exponent))
        return Growth((inner.size**number).upper(), power, (inner.rate * number).upper())
    least = _lower(e.base, beyond, sense)
    return Growth((least ** (-number)).upper(), 0, arb(0))


def _exponential(w: sp.Expr, beyond: Ball, sense: int) -> Growth:
    poly = w.as_poly(x) if w.is_polynomial(x) else None
    if poly is None or poly.degree() > 2 or not all(c.is_number for c in poly.all_coeffs()):
        return _of_size(_upper(w, beyond, sense), sp.exp(w, evaluate=False))
    alpha, beta, gamma = (ball(poly.nth(k)).real for k in (2, 1, 0))
    if poly.degree() < 2:
        # on one side of 0: e^{βx} decays, or grows with |β|
        falls = bool(beta * sense <= 0)
        return Growth(gamma.exp().upper(), 0, arb(0) if falls else abs(beta).upper())
    if not alpha < 0:
        raise no_enclosure(f"exp({w}) outgrows every bound that is used here")
    # αx² + βx ≤ β²/(4|α|)
    return Growth((gamma + beta * beta / (-4 * alpha)).exp().upper(), 0, arb(0))


def _of_size(inner: Growth, e: sp.Expr) -> Growth:
    """e^{|w|} for |w| ≤ C (1 + |x|)^p, p ≤ 1."""
    if inner.power > 1 or not inner.rate == 0:
        raise no_enclosure(f"no bound of {e} for large |x| is proven")
    return Growth(inner.size.exp().upper(), 0, inner.size if inner.power else arb(0))


def _lower(e: sp.Expr, beyond: Ball, sense: int) -> Ball:
    """A positive number below |e(x)| for all |x| ≥ beyond on the side of `sense`."""
    if not e.has(x):
        return _positive(abs(ball(e)).lower(), e)
    if e.func is sp.cosh:
        return arb(1)
    if e.is_Mul:
        least = arb(1)
        for one in e.args:
            least = least * _lower(one, beyond, sense)
        return _positive(least.lower(), e)
    if e.is_Pow and e.exp.is_Rational and e.exp > 0:
        return _positive((_lower(e.base, beyond, sense) ** ball(e.exp).real).lower(), e)
    poly = e.as_poly(x) if e.is_polynomial(x) else None
    if poly is not None and all(c.is_number for c in poly.all_coeffs()):
        # |x|^d (|a_d| − Σ_{i<d} |a_i| |x|^{i−d}), whose bracket grows with |x|
        degree, sizes = poly.degree(), [abs(ball(c)) for c in poly.all_coeffs()]
        bracket = sizes[0]
        for k, size in enumerate(sizes[1:], start=1):
            bracket = bracket - size / beyond**k
        return _positive((beyond**degree * bracket).lower(), e)
    if e.is_Add:
        numbers = [one for one in e.args if not one.has(x)]
        rest = [one for one in e.args if one.has(x)]
        if all(_is_positive(one) for one in rest):
            return _positive(ball(sp.Add(*numbers)).real.lower(), e)
    raise no_enclosure(f"no lower bound of |{e}| for large |x| is proven")


def _positive(least: Ball, e: sp.Expr) -> Ball:
    if not least > 0:
        raise no_enclosure(f"{e} may be 0 or small at large |x|")
    return least


def _is_positive(e: sp.Expr) -> bool:
    """Positive for every real x."""
    if not e.has(x):
        return bool(ball(e).real > 0)
    if e.is_Mul:
        return all(_is_positive(one) for one in e.args)
    known = row(e)
    return (known is not None and known.is_positive) or bool(e.is_Pow and e.exp.is_Integer and e.exp % 2 == 0)
