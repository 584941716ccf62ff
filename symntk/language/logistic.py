"""Formulas with the logistic function and its integral by their names.

e^x/(1 + e^x) and log(1 + e^x) overflow in float64 at large x; written with these two names they are evaluated as the
libraries evaluate them. `with_logistic` finds them in a formula, and sinh/cosh^n, which is tanh/cosh^{n−1}.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symntk.language.special import logistic, softplus


def with_logistic(expr: sp.Expr) -> sp.Expr:
    """The formula with 1/(1 + e^w), e^w/(1 + e^w) and log(1 + e^w) written by their names.

    >>> from sympy.abc import x
    >>> with_logistic(sp.log(1 + sp.exp(x)) * sp.exp(x) / (1 + sp.exp(x)))
    logistic(x)*softplus(x)
    """
    named = expr.replace(_is_one_plus_exp, _named).replace(sp.Mul, _merged)
    return named.replace(_is_tanh_squared, _tanh_squared).replace(sp.Add, _uncancelled)


def _exponent(expr: sp.Expr) -> Any:
    """The exponent w where expr is 1 + e^w."""
    if expr.is_Add and len(expr.args) == 2 and expr.args[0] == 1 and isinstance(expr.args[1], sp.exp):
        return expr.args[1].args[0]
    return None


def _is_one_plus_exp(expr: sp.Expr) -> bool:
    if isinstance(expr, sp.log):
        return _exponent(expr.args[0]) is not None
    return bool(expr.is_Pow and expr.exp.is_number and expr.exp.is_negative and _exponent(expr.base) is not None)


def _named(expr: sp.Expr) -> sp.Expr:
    if isinstance(expr, sp.log):
        return softplus(_exponent(expr.args[0]))
    return logistic(-_exponent(expr.base)) ** (-expr.exp)


def _merged(*args: sp.Expr) -> sp.Expr:
    """A product where e^w·σ(−w) has become σ(w), as often as the powers allow."""
    product = _without_sinh(sp.Mul(*args))
    if not product.is_Mul or not product.has(logistic):
        return product
    for factor in product.args:
        base, power = factor.as_base_exp()
        if not isinstance(base, logistic) or not power.is_Integer:
            continue
        growth = sp.exp(-base.args[0])
        while power > 0 and (product / growth).count_ops() < product.count_ops():
            product, power = product / growth / base * logistic(-base.args[0]), power - 1
    return product


def _without_sinh(product: sp.Expr) -> sp.Expr:
    """sinh(w)/cosh(w)^n as tanh(w)/cosh(w)^(n−1), which does not overflow to ∞/∞."""
    for factor in sp.Mul.make_args(product):
        if isinstance(factor, sp.sinh):
            cosh = sp.cosh(factor.args[0])
            power = product.as_powers_dict().get(cosh, sp.S.Zero)
            if power.is_number and power <= -1:
                product = product / factor * cosh * sp.tanh(factor.args[0])
    return product


def _is_tanh_squared(expr: sp.Expr) -> bool:
    return bool(expr.is_Add and any(_minus_sech_squared(arg) is not None for arg in expr.args) and 1 in expr.args)


def _minus_sech_squared(expr: sp.Expr) -> Any:
    """The argument w where expr is −1/cosh(w)²."""
    base, power = (-expr).as_base_exp()
    return base.args[0] if isinstance(base, sp.cosh) and power == -2 else None


def _tanh_squared(expr: sp.Expr) -> sp.Expr:
    """1 − 1/cosh(w)² as tanh(w)²."""
    found = next(arg for arg in expr.args if _minus_sech_squared(arg) is not None)
    return expr - 1 - found + sp.tanh(_minus_sech_squared(found)) ** 2


def _uncancelled(*args: sp.Expr) -> sp.Expr:
    """A sum where k − k·tanh(w)² has become k/cosh(w)², and k·softplus(w) − k·w k·softplus(−w)."""
    total = sp.Add(*args)
    for term in sp.Add.make_args(total):
        factor, head = term.as_independent(sp.tanh, softplus, as_Add=False)
        base, power = head.as_base_exp()
        if isinstance(base, sp.tanh) and power == 2 and -factor in total.args:
            return _uncancelled(total - term + factor, -factor / sp.cosh(base.args[0]) ** 2)
        if isinstance(head, softplus):
            rest = total - term
            if (rest + factor * head.args[0]).count_ops() < rest.count_ops():
                return rest + factor * head.args[0] + factor * softplus(-head.args[0])
    return total
