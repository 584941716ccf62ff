"""Formulas rewritten so that their numbers neither overflow to ∞/∞ nor cancel: a small rule set.

Logarithms of sums of exponentials, of normal distribution functions and of hyperbolic cosines; ratios of polynomials
in one exponential; products of a growing exponential and a decaying function; arsinh and arcsin written out. Each rule
is an identity on the real line; what no rule knows stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from symntk.language.compensated import compensated
from symntk.language.logistic import with_logistic
from symntk.language.special import logistic, normal_cdf, normal_pdf, softplus
from symntk.language.special.scaled import erfcx, inverse_mills, log_normal_cdf, logcosh, softplus_ratio

_MOST_DEGREE = 24  # of a polynomial in one exponential
_ROOT_TWO = sp.sqrt(2)


def stable_form(expr: sp.Expr) -> sp.Expr:
    """The formula with its logarithms, ratios and products of exponentials under names that are computed well.

    >>> x = sp.Symbol("x", real=True)
    >>> stable_form(sp.log(sp.cosh(x))), stable_form(sp.log(sp.exp(x) + sp.exp(2 * x)))
    (logcosh(x), x + softplus(x))
    >>> stable_form((sp.exp(x) - sp.exp(-x)) / (sp.exp(x) + sp.exp(-x)))
    tanh(x)
    >>> stable_form(sp.exp(x**2) * sp.erfc(x)), stable_form(sp.log(x + sp.sqrt(x**2 + 1)))
    (erfcx(x), asinh(x))
    """
    if not expr.has(sp.Function, sp.Pow):
        return expr
    found = expr.replace(lambda e: e.is_Add and e.has(sp.erf, sp.erfc), _other_tail)
    found = found.replace(lambda e: e.is_Pow and e.exp.is_negative and e.base.has(sp.erf), _tail_below)
    found = with_logistic(_with_mills(found))
    found = found.replace(lambda e: isinstance(e, sp.log), lambda e: _logarithm(e.args[0]))
    found = found.replace(lambda e: isinstance(e, sp.asin | sp.acos), _arc)
    found = _ratios(found).replace(lambda e: e.is_Add and e.has(softplus), _even_softplus)
    return found.replace(lambda e: e.is_Mul and e.has(sp.exp, normal_pdf), lambda e: _product(compensated(e)))


class _Tanh(sp.Function):  # type: ignore[misc]
    """tanh with a derivative that does not cancel."""

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / sp.cosh(self.args[0]) ** 2


def slope(part: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """The derivative, stable.

    >>> x = sp.Symbol("x", real=True)
    >>> slope(sp.tanh(x), x)
    cosh(x)**(-2)
    """
    found = stable_form(sp.diff(part.replace(sp.tanh, _Tanh), x).replace(_Tanh, sp.tanh))
    # one fraction: the difference of two would cancel far from 0
    return sp.factor(found) if found.is_rational_function(x) else found


def _other_tail(total: sp.Expr) -> sp.Expr:
    """2k − k·erfc(w) as 2k·Φ(√2 w), k − k·erf(w)² as 4k·Φ(√2 w)·Φ(−√2 w).

    erfc(−w) would be written as the difference again.
    """
    number, rest = total.as_coeff_Add()
    factor, head = rest.as_coeff_Mul()
    if number != 0 and number == -factor and head.is_Pow and head.exp == 2 and isinstance(head.base, sp.erf):
        w = _ROOT_TWO * head.base.args[0]
        return 4 * number * normal_cdf(w) * normal_cdf(-w)
    if number != 0 and isinstance(head, sp.erfc) and number == -2 * factor:
        return number * normal_cdf(_ROOT_TWO * head.args[0])
    return total


def _tail_below(power: sp.Expr) -> sp.Expr:
    """A power of k ± k·erf(w) as one of 2k·Φ(±√2 w)."""
    number, rest = power.base.as_coeff_Add()
    factor, head = rest.as_coeff_Mul()
    if isinstance(head, sp.erf) and number != 0 and abs(factor) == abs(number):
        return (2 * number * normal_cdf(_ROOT_TWO * sp.sign(factor * number) * head.args[0])) ** power.exp
    return power


def _even_softplus(total: sp.Expr) -> sp.Expr:
    """k·softplus(w) − k·w/2 as k·(log 2 + log cosh(w/2))."""
    for term in total.args:
        factor, head = term.as_independent(softplus, as_Add=False)
        if isinstance(head, softplus):
            half = factor * head.args[0] / 2
            rest = sp.expand(total - term + half)
            if len(sp.Add.make_args(rest)) < len(total.args) - 1 or rest == 0:
                return rest + factor * (sp.log(2) + logcosh(head.args[0] / 2))
    return total


def _logarithm(inside: sp.Expr) -> sp.Expr:
    """The logarithm of a product of positive factors, of sums of exponentials, of distribution functions."""
    if not inside.free_symbols:
        return sp.log(inside)
    if inside.is_Mul and all(factor.is_positive for factor in inside.args):
        return sp.Add(*(_logarithm(factor) for factor in inside.args))
    if inside.is_Pow and inside.base.is_positive and inside.exp.is_real:
        return inside.exp * _logarithm(inside.base)
    argument = inside.args[0] if isinstance(inside, sp.Function) and len(inside.args) == 1 else None
    if argument is not None and argument.is_real:
        known: dict[Any, Callable[[sp.Expr], sp.Expr]] = {
            sp.exp: lambda w: w,
            sp.cosh: logcosh,
            sp.sech: lambda w: -logcosh(w),
            logistic: lambda w: -softplus(-w),
            normal_cdf: log_normal_cdf,
            normal_pdf: lambda w: -(w**2) / 2 - sp.log(2 * sp.pi) / 2,
            sp.erfc: lambda w: sp.log(2) + log_normal_cdf(-_ROOT_TWO * w),
        }
        if inside.func in known:
            return known[inside.func](argument)
    if inside.is_Add:
        found = _log_of_sum(inside)
        if found is not None:
            return found
    return sp.log(inside)


def _log_of_sum(inside: sp.Expr) -> sp.Expr | None:
    content, primitive = inside.as_content_primitive()
    if content != 1 and content.is_positive and primitive.is_Add:
        rest = _log_of_sum(primitive)
        return None if rest is None else sp.log(content) + rest
    for rule in (_one_sided, _area, _log_sum_exp):
        found = rule(inside)
        if found is not None:
            return found
    return None


def _one_sided(inside: sp.Expr) -> sp.Expr | None:
    """log(k ± k·tanh w), log(k ± k·erf w) and log(k − k·logistic(w))."""
    if len(inside.args) != 2:
        return None
    number, term = inside.as_coeff_Add()
    factor, head = term.as_coeff_Mul()
    if (
        not number.is_positive
        or abs(factor) != number
        or not isinstance(head, sp.tanh | sp.erf | logistic | normal_cdf)
    ):
        return None
    w = sp.sign(factor) * head.args[0]
    if isinstance(head, logistic | normal_cdf):
        return sp.log(number) + _logarithm(head.func(w)) if factor == -number else None
    rest = -softplus(-2 * w) if isinstance(head, sp.tanh) else log_normal_cdf(_ROOT_TWO * w)
    return sp.log(2 * number) + rest


def _area(inside: sp.Expr) -> sp.Expr | None:
    """log(w + √(w² + k)) with k > 0 as an area function."""
    for term in inside.args:
        if term.is_Pow and term.exp == sp.S.Half:
            w = inside - term
            constant = sp.expand(term.base - w**2)
            if constant.is_positive and not constant.free_symbols & w.free_symbols and w.is_real:
                return sp.asinh(w / sp.sqrt(constant)) + sp.log(constant) / 2
    return None


def _exponential_term(term: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(c, w) of c·e^w with a positive constant c, also of cosh as its two; None for other terms."""
    factor, exponent = sp.S.One, sp.S.Zero
    for one in sp.Mul.make_args(term):
        if isinstance(one, sp.exp):
            exponent += one.args[0]
        elif one.is_positive and not one.free_symbols:
            factor *= one
        else:
            return None
    return factor, exponent


def _log_sum_exp(inside: sp.Expr) -> sp.Expr | None:
    """The sum of exponentials: log Σ c_i e^{w_i} = w₁ + log c₁ + softplus(log of the others, relative to the first)."""
    spread = sp.expand(inside.rewrite([sp.cosh, sp.sinh], sp.exp)) if inside.has(sp.cosh, sp.sinh) else inside
    terms = [_exponential_term(term) for term in sp.Add.make_args(spread)]
    known = [term for term in terms if term is not None]
    if len(known) != len(terms) or len(terms) < 2 or not all(w.is_real for _, w in known):
        return None
    (c, w), (d, v) = known[0], known[1]
    if len(known) == 2 and c == d and sp.expand(w + v) == 0:
        return sp.log(2 * c) + logcosh(w)
    known.sort(key=lambda one: (one[1].free_symbols != set(), one[0] != 1, sp.default_sort_key(one[1])))
    total = known[-1][1] + sp.log(known[-1][0])
    for factor, exponent in reversed(known[:-1]):
        first = exponent + sp.log(factor)
        total = first + softplus(sp.expand(total - first))
    return total


def _arc(expr: sp.Expr) -> sp.Expr:
    """The arcsin of a hyperbolic tangent, or of an algebraic function, without the root at ±1."""
    inside = expr.args[0]
    sense, head = inside.as_coeff_Mul()
    if isinstance(head, sp.tanh) and abs(sense) == 1 and head.args[0].is_real:
        found = 2 * sp.atan(sp.tanh(sense * head.args[0] / 2))  # the Gudermannian
    elif inside.free_symbols and inside.is_algebraic_expr():
        square = sp.factor(sp.together(1 - inside**2))
        if not square.is_positive:
            return expr
        found = sp.atan(inside / sp.sqrt(square))
    else:
        return expr
    return found if isinstance(expr, sp.asin) else sp.pi / 2 - found


def _ratios(expr: sp.Expr) -> sp.Expr:
    """Every ratio in the formula, the largest first."""
    if not expr.has(sp.exp):
        return expr
    if expr.is_Mul or expr.is_Pow:
        factors = [factor for factor in sp.Mul.make_args(expr) if _in_exponentials(factor)]
        # 1/∞ is 0: only ∞/∞ needs another form
        if any(map(_is_below, factors)) and any(map(_grows, factors)) and sp.Mul(*factors).has(sp.exp):
            found = _ratio(factors)
            if found is not None:
                return found * sp.Mul(*(_ratios(one) for one in sp.Mul.make_args(expr) if one not in factors))
    return expr.func(*map(_ratios, expr.args)) if expr.args else expr


def _is_below(factor: sp.Expr) -> bool:
    """Whether a factor divides by a sum of exponentials."""
    base, power = factor.as_base_exp()
    return base.has(logistic) or bool(power.is_negative and base.has(sp.exp, sp.cosh, sp.sinh) and not base.is_Pow)


def _grows(factor: sp.Expr) -> bool:
    """Whether a factor multiplies by exponentials."""
    base, power = factor.as_base_exp()
    return isinstance(factor, sp.exp) or bool(power.is_positive and base.has(sp.exp, sp.cosh, sp.sinh))


def _ratio(factors: list[sp.Expr]) -> sp.Expr | None:
    """Polynomials P(t)/Q(t) in one t = e^w, by s = logistic(w) and r = logistic(−w): t = s/r, s + r = 1.

    A factor of degree d is r^{−d} times a homogeneous polynomial of s and r, which neither over- nor underflows at both
    ends; t is s/r, t + 1 is 1/r and t − 1 is tanh(w/2)/r.
    """
    ratio = sp.Mul(*factors).rewrite([sp.cosh, sp.sinh], sp.exp)
    found = _generator(ratio.replace(logistic, lambda v: 1 / (1 + sp.exp(-v))))
    if found is None:
        return None
    w, ratio, t = found
    top, bottom = sp.fraction(sp.together(ratio))
    w, top, bottom = _in_power(w, top, bottom, t)
    degree, product, s, r = 0, sp.S.One, logistic(w), logistic(-w)
    for side, sense in ((top, 1), (bottom, -1)):
        try:
            constant, listed = sp.factor_list(side, t)
            polynomials = [(sp.Poly(base, t), power) for base, power in listed]
        except sp.PolynomialError:
            return None
        product *= constant**sense
        for poly, power in polynomials:
            if poly.degree() * power > _MOST_DEGREE or _cancels(poly):
                return None
            degree += sense * poly.degree() * power
            product *= _homogeneous(poly, w, s, r) ** (sense * power)
    return product * r ** (-degree)


def _cancels(poly: sp.Poly) -> bool:
    """Whether a polynomial that is multiplied out loses more than three digits at some t > 0, next to a near root."""
    if len(poly.all_coeffs()) < 3:
        return False
    terms = [(float(c), n) for (n,), c in poly.terms() if c.is_number]
    for k in range(-160, 161):
        parts = [c * 1.15 ** (k * n) for c, n in terms]
        if abs(sum(parts)) < 1e-3 * sum(map(abs, parts)):
            return True
    return False


def _in_power(w: sp.Expr, top: sp.Expr, bottom: sp.Expr, t: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """The same with t = e^{gw}, where both are polynomials in t^g."""
    polynomials = [side.as_poly(t) for side in (top, bottom) if side.has(t)]
    if not polynomials or any(poly is None for poly in polynomials):
        return w, top, bottom
    step = int(sp.igcd(0, *(n for poly in polynomials for (n,) in poly.monoms())))
    if step < 2:
        return w, top, bottom
    lowered = [sp.Add(*(c * t ** (n // step) for (n,), c in sp.Poly(side, t).terms())) for side in (top, bottom)]
    return step * w, lowered[0], lowered[1]


def _homogeneous(poly: sp.Poly, w: sp.Expr, s: sp.Expr, r: sp.Expr) -> sp.Expr:
    """r^d·poly(s/r)."""
    coefficients = poly.all_coeffs()
    if len(coefficients) == 2 and coefficients[0] == coefficients[1]:
        return coefficients[0]
    if len(coefficients) == 2 and coefficients[0] == -coefficients[1]:
        return coefficients[0] * sp.tanh(w / 2)
    d = poly.degree()
    return sp.Add(*(c * s ** (d - i) * r**i for i, c in enumerate(coefficients)))


def _in_exponentials(factor: sp.Expr) -> bool:
    """Whether a factor depends on the variable by exponentials and hyperbolic cosines and sines alone, rationally."""
    if isinstance(factor, sp.exp):
        return True
    if not factor.has(sp.exp, sp.cosh, sp.sinh, logistic):
        return False
    bare = factor.replace(lambda e: isinstance(e, sp.exp | sp.cosh | sp.sinh | logistic), lambda e: sp.Dummy())
    plain = bare.free_symbols & factor.free_symbols == set()
    return bool(plain and bare.is_rational_function())


def _generator(ratio: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Symbol] | None:
    """(w, the ratio in t, t) with t = e^w, where all exponents are whole multiples of one w and constants."""
    exponents: dict[sp.Expr, tuple[sp.Expr, sp.Expr]] = {}
    base: sp.Expr | None = None
    for node in ratio.atoms(sp.exp):
        constant, moving = sp.expand(node.args[0]).as_independent(*node.free_symbols, as_Add=True)
        if moving == 0 or not moving.is_real:
            return None
        base = moving if base is None else base
        multiple = sp.cancel(moving / base)
        if not multiple.is_Rational:
            return None
        exponents[node] = (multiple, constant)
    if base is None or not exponents:
        return None
    step = sp.gcd_list([abs(multiple) for multiple, _ in exponents.values()])
    if step == 0 or max(abs(multiple) for multiple, _ in exponents.values()) / step > _MOST_DEGREE:
        return None
    if base.could_extract_minus_sign():
        step = -step
    t = sp.Dummy("t", positive=True)
    named = {node: sp.exp(constant) * t ** (multiple / step) for node, (multiple, constant) in exponents.items()}
    return step * base, ratio.xreplace(named), t


def _product(product: sp.Expr) -> sp.Expr:
    """A product in which a decaying function takes up as much of an exponential as makes the exponent simpler."""
    factors = product.as_powers_dict()
    exponent = sp.Add(*(p * one.args[0] for one, p in factors.items() if isinstance(one, sp.exp)))
    exponent += factors.get(sp.E, sp.S.Zero)
    others = {one: p for one, p in factors.items() if not isinstance(one, sp.exp) and one != sp.E}
    for head, power in list(others.items()):
        for rate, scaled in _decays(head):
            count = power
            while count.is_Integer and count != 0:
                sense = sp.sign(count)
                rest = sp.expand(exponent + sense * rate)
                simpler = rest == 0 or rest.count_ops() < sp.expand(exponent).count_ops()
                if exponent == 0 or not (simpler or isinstance(head, normal_pdf)):
                    break
                exponent, count = rest, count - sense
                others[head] = count
                others[scaled] = others.get(scaled, sp.S.Zero) + sense
    several = sum(isinstance(one, sp.exp) for one in product.args) > 1
    if not several and all(factors.get(one) == p for one, p in others.items()):
        return product
    return sp.exp(exponent) * sp.Mul(*(one**p for one, p in others.items()))


def _decays(head: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """(q, h) with head = e^q·h, h of algebraic growth where head decays."""
    if not isinstance(head, sp.Function) or len(head.args) != 1 or not head.args[0].is_real:
        return []
    w = head.args[0]
    known: dict[Any, list[tuple[sp.Expr, sp.Expr]]] = {
        sp.erfc: [(-(w**2), erfcx(w))],
        normal_cdf: [(-(w**2) / 2, erfcx(-w / _ROOT_TWO) / 2)],
        normal_pdf: [(-(w**2) / 2, 1 / sp.sqrt(2 * sp.pi))],
        softplus: [(w, softplus_ratio(w))],
        logistic: [(w, logistic(-w))],
        sp.sech: [(w, 2 * logistic(-2 * w)), (-w, 2 * logistic(2 * w))],
        sp.cosh: [(-w, 1 / (2 * logistic(-2 * w))), (w, 1 / (2 * logistic(2 * w)))],
    }
    return known.get(head.func, [])


def _with_mills(expr: sp.Expr) -> sp.Expr:
    """φ(w)/Φ(w) by its name, however it is written."""
    return expr.replace(lambda e: e.is_Mul and e.has(normal_cdf), _mills_factor) if expr.has(normal_cdf) else expr


def _mills_factor(product: sp.Expr) -> sp.Expr:
    powers = product.as_powers_dict()
    for head, power in powers.items():
        if isinstance(head, normal_cdf) and power.is_Integer and power < 0:
            w = head.args[0]
            if powers.get(normal_pdf(w), sp.S.Zero) == 1:
                return product / normal_pdf(w) * head * inverse_mills(w)
            density = sp.exp(-(w**2) / 2)
            if density in product.args:
                return product / density * head * sp.sqrt(2 * sp.pi) * inverse_mills(w)
    return product
