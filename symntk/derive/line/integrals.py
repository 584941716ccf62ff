"""The integrals over a mixing variable on which the rules of one dimension rest, each with its source.

DLMF is the Digital Library of Mathematical Functions. Each function matches an expectation that the engine has
computed against the form that its integral is known for, and refuses any other.
"""

from __future__ import annotations

import sympy as sp

from symntk.errors import SymntkError
from symntk.language.special import normal_cdf


def gamma_integral(inner: sp.Expr, s: sp.Symbol, order: sp.Expr, square: sp.Expr) -> sp.Expr:
    """∫_0^∞ s^{ν−1} e^{−sA²} inner(s) ds / Γ(ν) for inner = C e^{−sB} (1 + ks)^{−1/2} or, at ν = 1, C e^{−sB}/(1 + ks).

    DLMF 13.4.4: ∫_0^∞ e^{−zt} t^{ν−1} (1 + t)^{q−ν−1} dt = Γ(ν) U(ν, q, z); for the power −1, 6.2.2.

    >>> s, b = sp.symbols("s b", positive=True)
    >>> gamma_integral(1 / sp.sqrt(1 + 2 * b * s), s, sp.S.One, sp.S.One)
    sqrt(2)*sqrt(pi)*exp(1/(2*b))*erfc(sqrt(2)/(2*sqrt(b)))/(2*sqrt(b))
    """
    slope = sp.diff(inner, s) / inner
    # inner'/inner = −B − p k/(1 + ks): its pole gives k, its residue the power p, its limit B
    numer, denom = sp.fraction(sp.cancel(sp.together(sp.expand(slope))))
    linear = sp.Poly(denom, s)
    if linear.degree() != 1:
        raise _unknown(inner, s)
    k = sp.cancel(linear.nth(1) / linear.nth(0))
    above = sp.Poly(numer, s)
    rate = -sp.cancel(above.nth(1) / linear.nth(1))
    power = -sp.cancel((above.nth(0) / linear.nth(0) + rate) / k)
    front = sp.powdenest(inner.subs(s, 0), force=True)
    z = sp.cancel((square + rate) / k)
    if power == sp.Rational(1, 2) and (2 * order).is_integer:
        return sp.sympify(front * k ** (-order) * _tricomi(order, z), strict=True)
    if power == 1 and order == 1:
        return sp.sympify(front / k * sp.exp(z) * sp.expint(1, z), strict=True)
    raise _unknown(inner, s)


def _tricomi(order: sp.Expr, z: sp.Expr) -> sp.Expr:
    """U(ν, ν + 1/2, z) for ν = 1/2, 1, 3/2, …

    DLMF 13.6.10: U(1/2, 1, z) = e^{z/2} K_0(z/2)/√π; 13.6.8 with 13.2.40: U(1, 3/2, z) = √(π/z) e^z erfc √z;
    13.3.22: U(ν + 1, q + 1, z) = −U'(ν, q, z)/ν.
    """
    t = sp.Dummy("t", positive=True)
    if order.is_integer:
        nu, value = sp.S.One, sp.sqrt(sp.pi / t) * sp.exp(t) * sp.erfc(sp.sqrt(t))
    else:
        nu, value = sp.Rational(1, 2), sp.exp(t / 2) * sp.besselk(0, t / 2) / sp.sqrt(sp.pi)
    while nu != order:
        # K_2 and beyond by K_{n+1}(w) = K_{n−1}(w) + (2n/w) K_n(w), DLMF 10.29.1
        value = sp.expand(-sp.diff(value, t) / nu).replace(sp.besselk, _low_order)
        nu += 1
    return sp.sympify(sp.factor_terms(sp.expand(value)).subs(t, z), strict=True)


def _low_order(n: sp.Expr, w: sp.Expr) -> sp.Expr:
    if n in (0, 1):
        return sp.besselk(n, w)
    return _low_order(n - 2, w) + 2 * (n - 1) / w * _low_order(n - 1, w)


def half_line_integral(inner: sp.Expr, s: sp.Symbol, z: sp.Expr) -> sp.Expr:
    """∫_0^∞ e^{−sz} e^{bs²/2} Φ(−√b s) ds = G(z/√(2b))/√(2πb), G(w) = ∫_0^∞ e^{−t²}/(t + w) dt.

    Φ as an integral (DLMF 7.7.6), the order of integration exchanged; G is the Goodwin–Staton integral, DLMF 7.2.12,
    and 7.5.13 is G(w) = e^{−w²} (π erfi w − Ei(w²))/2.
    """
    steps = list(inner.atoms(normal_cdf))
    root = sp.cancel(-steps[0].args[0] / s) if len(steps) == 1 else sp.S.Zero
    if root == 0 or sp.expand(inner - sp.exp(root**2 * s**2 / 2) * steps[0]) != 0:
        raise _unknown(inner, s)
    w = z / (sp.sqrt(2) * root)
    goodwin_staton = sp.exp(-(w**2)) * (sp.pi * sp.erfi(w) - sp.Ei(w**2)) / 2
    return sp.sympify(goodwin_staton / (sp.sqrt(2 * sp.pi) * root), strict=True)


def fourier_integral(inner: sp.Expr, s: sp.Symbol, pole: sp.Expr) -> sp.Expr:
    """The integral i ∫_0^∞ e^{isp} e^{−bs²/2 − ims} ds = i √(π/2b) e^{z²} erfc z, z = −i(p − m)/√(2b): DLMF 7.7.6."""
    first, second = (sp.diff(inner, s, n).subs(s, 0) for n in (1, 2))
    mean, variance = sp.expand(sp.I * first), sp.expand(first**2 - second)
    law = sp.exp(-variance * s**2 / 2) * (sp.cos(mean * s) - sp.I * sp.sin(mean * s))
    if sp.expand(inner - law) != 0:
        raise _unknown(inner, s)
    z = sp.expand(-sp.I * (pole - mean)) / sp.sqrt(2 * variance)
    return sp.sympify(sp.I * sp.sqrt(sp.pi / (2 * variance)) * sp.exp(z**2) * sp.erfc(z), strict=True)


def moment_integral(order: sp.Expr, start: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """∫_t^∞ x^p e^{−x²/2b} dx/√(2πb) = (2b)^{p/2} Γ((p+1)/2, t²/2b)/(2√π) for t ≥ 0 and p > −1: DLMF 8.2.2.

    >>> moment_integral(sp.Rational(3, 2), sp.S.Zero, sp.Symbol("b", positive=True))
    2**(3/4)*b**(3/4)*gamma(5/4)/(2*sqrt(pi))
    """
    half = (order + 1) / 2
    tail = sp.gamma(half) if start == 0 else sp.uppergamma(half, start**2 / (2 * variance))
    return sp.sympify((2 * variance) ** (order / 2) * tail / (2 * sp.sqrt(sp.pi)), strict=True)


def _unknown(inner: sp.Expr, s: sp.Symbol) -> SymntkError:
    return SymntkError(f"the integral of {inner} over {s}", "it is not in the table of base integrals", "quadrature")
