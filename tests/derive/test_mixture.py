"""Mixtures against high precision: what is certified is true, tight, and about the function it names."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from symntk import activations, surrogates
from symntk.derive.mixture.mixture import derive_mixture, mixture
from symntk.derive.mixture.rule import gauss_rule, kolmogorov_density, logistic_mixture
from symntk.errors import SymntkError
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.forms.normal_form import normal_form
from symntk.language.special import logistic, softplus
from symntk.language.special.table import numbers
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v, x
from symntk.language.text.parser import parse

NUMBERS = [numbers(), "mpmath"]
ORDERS = [(-1, 0), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (3, 2)]
ACTIVATIONS = ["sigmoid", "log_sigmoid", "softplus", "silu", "tanh", "tanh_shrink"]
SURROGATES = ["sigmoid", "sigmoid_weighted", "tanh"]
OUTSIDE = ["mish", "gelu_tanh", "softsign", "squareplus", "arctan", "relu", "erf", "gelu"]


def form_of(name):
    return general_form(parse(name), x)


@cache
def remainders(count, t):
    """What a rule leaves of the derivatives of the logistic function at one point, to 30 digits, one by one."""
    rule = gauss_rule(count)
    with mp.workdps(45):
        t = mp.mpf(t)
        s = 1 / (1 + mp.exp(-t))
        left = [mp.log1p(mp.exp(t)), s, s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s**2)]
        for p, w in zip(map(mp.mpf, rule.nodes), map(mp.mpf, rule.weights), strict=True):
            y = p * t
            phi, cdf = mp.npdf(y), mp.ncdf(y)
            normal = [t * cdf + phi / p, cdf, p * phi, -(p**2) * y * phi, p**3 * (y**2 - 1) * phi]
            left = [one - w * other for one, other in zip(left, normal, strict=True)]
        return [float(one) for one in left]


def remainder(count, order, power, t):
    return abs(t) ** power * abs(remainders(count, float(t))[order + 1])


@pytest.mark.parametrize("count", [5, 17])
@pytest.mark.parametrize(("order", "power"), ORDERS)
def test_the_certificate_holds_on_a_dense_grid_and_is_tight(count, order, power):
    rule = gauss_rule(count)
    seen = max(remainder(count, order, power, t) for t in np.linspace(-2.0, 26.0, 169))
    assert seen <= rule.bound(order, power) <= 1.2 * seen


@settings(deadline=None)
@given(st.floats(-60.0, 60.0), st.sampled_from(ORDERS), st.sampled_from([1, 5, 9, 17, 24]))
def test_the_certificate_holds_anywhere(t, case, count):
    assert remainder(count, *case, t) <= gauss_rule(count).bound(*case)


@pytest.mark.parametrize(("order", "power"), ORDERS)
def test_the_square_norm_is_that_of_the_remainder(order, power):
    """The trapezoidal rule is exact to rounding here."""
    step = 0.1
    total = 2 * step * sum(remainder(5, order, power, t) ** 2 for t in np.arange(0.5 * step, 35.0, step))
    assert np.sqrt(total) * (1 - 1e-9) <= gauss_rule(5).square_bound(order, power) <= 1.001 * np.sqrt(total)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 18, 24])
def test_weights_are_positive_and_sum_to_one_exactly(count):
    rule = gauss_rule(count)
    assert min(rule.weights) > 0.0 and min(rule.nodes) > 0.0
    assert sum(map(sp.Rational, rule.weights)) == 1
    assert list(rule.nodes) == sorted(rule.nodes, reverse=True)


def test_the_number_of_terms_falls_with_the_tolerance():
    counts = [len(logistic_mixture(tol).nodes) for tol in (1e-4, 1e-7, 1e-10, 1e-13)]
    assert counts == sorted(set(counts)) and counts[-1] <= 22
    assert all(logistic_mixture(tol).error <= tol for tol in (1e-4, 1e-7, 1e-10, 1e-13))
    with pytest.raises(SymntkError, match="in float64"):
        logistic_mixture(1e-16)


def test_the_density_is_that_of_kolmogorov():
    s, h = np.linspace(0.3, 3.0, 28), 1e-4
    slope = (special.kolmogorov(s - h) - special.kolmogorov(s + h)) / (2 * h)
    assert np.allclose(kolmogorov_density(s), slope, rtol=1e-6, atol=1e-8)


def family():
    for table, names in ((activations, ACTIVATIONS), (surrogates, SURROGATES)):
        for name in names:
            form = general_form(table[name].expression(), x)
            for order in range(3):
                yield pytest.param(form, id=f"{name}-{order}")
                form = derivative(form, x)
    for text in (
        "tanh(25*x)",
        "tanh(x)**3",
        "1/(1+exp(3-2*x))",
        "x**2*tanh(x/3)",
        "exp(-x**2)+x/(1+exp(x))**2",
        "tanh(x)-1/(1+exp(-4*x))",
        "Heaviside(x)/cosh(x)**2",
    ):
        yield pytest.param(form_of(text), id=text)


@pytest.mark.parametrize("form", list(family()))
def test_the_error_of_a_function_is_certified(form):
    m = mixture(form, x)
    assert m.error < 1e-11 and sum(m.weights) == 1.0
    exact = sp.lambdify(x, form.regular(x).rewrite(sp.tanh), NUMBERS)
    kernel = sp.lambdify((x, m.node), m.kernel.as_expr(x), NUMBERS)
    rng = np.random.default_rng(1)
    largest = 0.0
    with mp.workdps(35):
        for t in np.concatenate([rng.uniform(-4, 4, 9), rng.uniform(-1, 1, 5) / 10, rng.uniform(-20, 20, 14)]):
            point = mp.mpf(float(t))
            found = sum(w * kernel(point, mp.mpf(p)) for p, w in zip(m.nodes, m.weights, strict=True))
            error = float(abs(found - exact(point)))
            assert error <= m.error
            assert error <= m.errors.slope * abs(t)
            largest = max(largest, error)
    assert largest > m.error / 100, "the certificate is far too wide, or it is about another function"


@pytest.mark.parametrize("name", OUTSIDE)
def test_others_are_none(name):
    form = general_form(activations[name].expression(), x)
    assert mixture(form, x) is None
    assert mixture(derivative(form, x), x) is None


@pytest.mark.parametrize(
    "text",
    [
        "1/cosh(x)",
        "tanh(x)*tanh(2*x)",
        "tanh(x)*exp(-x**2)",
        "Heaviside(x)*tanh(x)",
        "tanh(x)*log(1+exp(x))",
        "tanh(x)/(1+x**2)",
        "tanh(x)+atan(x)",
        "tanh(x**2)",
        "tanh(x)**8",
    ],
)
def test_what_is_not_affine_is_none(text):
    assert mixture(form_of(text), x) is None


def test_s2nn_is_none_since_one_half_is_outside():
    assert mixture(general_form(surrogates["s2nn"].expression(), x), x) is None


def test_parameters_stay_symbols():
    m = mixture(form_of("log(1+exp(k*x))/k + p*tanh(x)"), x)
    assert {s.name for s in m.parameters} == {"k", "p"} and m.node.name not in ("k", "p")
    k, p = m.parameters
    assert float(m.error.subs({k: 4, p: 2})) < 2 * float(m.error.subs({k: 4, p: 1}))


def test_a_delta_is_kept():
    jump = derivative(form_of("Heaviside(x-1)/cosh(x)**2 + tanh(x)"), x)
    m = mixture(jump, x)
    assert any(t.window is not None and t.as_expr(x).has(sp.DiracDelta) for t in m.kernel.terms)


POINT = {var_u: sp.Rational(13, 10), var_v: sp.Rational(7, 10), cov: sp.Rational(2, 5)}
MEANS = {mean_u: sp.Rational(1, 3), mean_v: sp.Rational(-1, 5)}


def inner(f, g, means=False):
    d = derive_mixture(f, g, means=means)
    values = {d.f.node: sp.Rational(3, 4), d.g.node: sp.Rational(5, 3)} | (MEANS if means else {})
    return d.expression.subs(values)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("log(1+exp(x))", True),
        ("x/(1+exp(-x))", False),
        ("tanh(x)", True),
        ("x-tanh(x)", False),
        ("tanh(3*x)**2", True),
    ],
)
def test_price(text, means):
    """∂E[f g]/∂c = E[f' g'] holds in every pair of nodes, since the kernel of f' is the derivative of that of f."""
    form = form_of(text)
    f, slope = mixture(form, x), mixture(derivative(form, x), x)
    by_cov = sp.diff(inner(f, f, means), cov).subs(POINT)
    assert abs(sp.N(by_cov - inner(slope, slope, means).subs(POINT), 25)) < 1e-20


def test_independent_variables_factorize():
    f, g = mixture(form_of("x/(1+exp(-x))"), x), mixture(form_of("tanh(x+1)"), x)
    one = normal_form(sp.S.One, x)
    joint = derive_mixture(f, g, means=True)
    values = {joint.f.node: 2, joint.g.node: 3, cov: 0, var_u: POINT[var_u], var_v: POINT[var_v], **MEANS}
    left = derive_mixture(f, one, means=True).expression.subs(values)
    right = derive_mixture(one, g, means=True).expression.subs(values)
    assert abs(sp.N(joint.expression.subs(values) - left * right, 25)) < 1e-20


def test_the_text_says_all():
    tanh = mixture(form_of("tanh(x)"), x)
    text = str(derive_mixture(tanh, mixture(form_of("1/(1+exp(-x))"), x)))
    for part in ("Kolmogorov", "17 nodes p", "16 nodes q", "5.77e-12", "certified", "asin", "probability"):
        assert part in text
    assert derive_mixture(tanh, normal_form(sp.Max(0, x), x)).error_bound(1.0, 2.0) == 2 * tanh.error


def test_heads_by_name():
    assert mixture(general_form(softplus(x) - logistic(-x), x), x).error > 0
