"""Closed forms in one variable: two steps in it, powers, and what parity leaves; against integration by mpmath."""

from __future__ import annotations

from math import inf

import mpmath as mp
import pytest
import sympy as sp

from symntk import expectation
from symntk.derive.line.derivation import derive_line
from symntk.language.forms.general_form import general_form
from symntk.language.symbols import cov, mean_u, var_u, var_v, x

LAW, MEANS = (1.3, 0.7, 0.4), (0.4, -0.2)


def integrated(function: sp.Expr, mean: float, kinks: tuple[float, ...] = (0.0,)) -> mp.mpf:
    """E h(Y), Y ~ N(mean, 1.3), by tanh-sinh rules between the kinks."""
    heads = {"Heaviside": lambda t, half: half if t == 0 else mp.mpf(t > 0), "normal_cdf": mp.ncdf}
    h = sp.lambdify(x, function, [heads, "mpmath"])
    with mp.workdps(16):
        root = mp.sqrt(mp.mpf(LAW[0]))
        ends = [-14, *sorted((mp.mpf(k) - mean) / root for k in kinks), 14]
        return mp.quad(lambda z: h(mean + root * z) * mp.npdf(z), ends)


PRODUCTS = [  # name, kinks, whether with a mean too
    ("erf(x)**2", (0.0,)),
    ("normal_cdf(x)**2", (0.0,)),
    ("(x*normal_cdf(x))**2", (0.0,)),
    ("erf(2*x-1)*normal_cdf(x)*exp(-x**2/3)", (0.0,)),
    ("Heaviside(x)*erf(2*x)", (0.0,)),
    ("Max(0,x)*erf(x) + exp(-x**2) - erfc(x)/2", (0.0,)),
    ("Max(-1,Min(1,x))*normal_cdf(x)", (-1.0, 1.0)),
    ("sin(x)*erf(x)*normal_cdf(x)", (0.0,)),
]


@pytest.mark.parametrize(("name", "kinks"), PRODUCTS, ids=[name for name, _ in PRODUCTS])
@pytest.mark.parametrize("means", [False, True])
def test_two_steps_in_one_variable(name: str, kinks: tuple[float, ...], means: bool) -> None:
    E = expectation(name, means=means)
    law = (*LAW, *MEANS) if means else LAW
    right = integrated(E.f.expression, MEANS[0] if means else 0.0, kinks)
    assert E.method == "closed form"
    assert E.expression.free_symbols <= {var_u, mean_u}
    assert abs(E.evalf(*law, dps=20) - right) < 1e-13
    assert abs(E(*law) - right) < 1e-12
    assert sp.expand(E.diagonal.limit - E.expression) == 0


def test_squares_have_the_known_formulas() -> None:
    angle = 2 * sp.asin(2 * var_u / (2 * var_u + 1)) / sp.pi
    assert sp.expand(expectation("erf(x)**2").expression - angle) == 0
    assert "FullCorrelation" not in str(expectation("erf(x)**2").derivation)
    assert "E[f(u) g(v)] at u = v" in str(expectation("erf(x)**2").derivation)
    assert expectation("erf(x)", "erf(x)").expression.subs({cov: var_u, var_v: var_u}).equals(angle)


def test_a_delta_leaves_a_square_at_the_conditional_law() -> None:
    a, b, c = LAW
    rest = b - c * c / a
    right = 2 / mp.sqrt(2 * mp.pi * a) * 2 / mp.pi * mp.asin(2 * rest / (2 * rest + 1))
    assert abs(expectation("2*DiracDelta(x)", "erf(x)**2").evalf(*LAW, dps=20) - right) < 1e-15


def test_what_grows_faster_than_steps_tell_is_not_called_infinite() -> None:
    found = derive_line(general_form(sp.exp(x**2) * sp.erf(x) * sp.erfc(x), x), means=False)
    assert found.reasons


POWERS = [
    ("Abs(x)**1.5", (0.0,)),
    ("sign(x)*Abs(x)**1.5 + 1", (0.0,)),
    ("Max(0,x)**0.7", (0.0,)),
    ("Abs(x)**1.5*Heaviside(x-1) - Abs(x)/3 + x**2*sqrt(Max(0,-2*x))", (0.0, 1.0)),
    ("sqrt(Abs(x)) + 1/(1+Abs(x))", (0.0,)),
]


@pytest.mark.parametrize(("name", "kinks"), POWERS, ids=[name for name, _ in POWERS])
def test_powers(name: str, kinks: tuple[float, ...]) -> None:
    E = expectation(name)
    right = integrated(E.f.expression, 0.0, kinks)
    assert E.method == "closed form"
    assert E.error_bound == 0.0
    assert abs(E.evalf(*LAW, dps=20) - right) < 1e-13
    assert abs(E(*LAW) / float(right) - 1.0) < 4e-15


def test_a_power_with_a_parameter() -> None:
    p = sp.Symbol("p", positive=True)
    E = expectation(sp.Abs(sp.Symbol("x", real=True)) ** p)
    expected = (2 * var_u) ** (p / 2) * sp.gamma((p + 1) / 2) / sp.sqrt(sp.pi)
    assert sp.simplify(E.expression - expected) == 0


PARITY = [
    ("1/(1+exp(-x))", "1", "1/2"),
    ("tanh(3*x) - 2", "1", "-2"),
    ("x/(1+Abs(x)) + 1/2 + x**2", "1", "a + 1/2"),
    ("x**2/(1+exp(-2*x))", "1", "a/2"),
    ("tanh(x)**3 + Abs(x)", "1", "sqrt(2)*sqrt(a)/sqrt(pi)"),
    ("1/(1+exp(-x))", "x**2", "b/2"),
    ("x**2", "tanh(x) + x**2", "a*b + 2*c**2"),
    ("1/(1+exp(-x))", "DiracDelta(x)", "sqrt(2)/(4*sqrt(pi)*sqrt(b))"),
]


@pytest.mark.parametrize(("f", "g", "expected"), PARITY)
def test_parity_leaves_the_closed_part(f: str, g: str, expected: str) -> None:
    E = expectation(f, g)
    names = {s.name: s for s in E.expression.free_symbols}
    assert E.method == "closed form"
    assert sp.expand(E.expression - sp.sympify(expected, locals=names)) == 0
    assert abs(E(*LAW) - float(E.evalf(*LAW, dps=20))) < 1e-15
    assert E.error_bound == 0.0
    assert inf > E.diagonal.limit.subs(var_u, 2) > -inf


def test_with_means_parity_says_nothing() -> None:
    assert expectation("tanh(x) - 2", means=True).expression is None
