"""The oracle for every function: against closed forms, theorems, mpmath's own quadrature, and itself at two speeds."""

import math
from functools import cache

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from numpy.polynomial.hermite_e import hermegauss

from symntk.errors import DivergenceError, DomainError, VerificationError
from symntk.language.forms.general_form import GeneralForm, derivative, general_form
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import Delta
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.language.text.parser import parse
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.oracle.general.functions import Function
from symntk.verify.oracle.general.inner import Transform
from symntk.verify.oracle.general.layout import panels
from symntk.verify.oracle.general.oracle import fast_reference, general_oracle, general_scale
from symntk.verify.oracle.general.pieces import Stretch
from symntk.verify.oracle.panels import gauss_legendre

ORDINARY = (0.7, 1.9, -0.8, 0.3, -0.5)


@cache
def form(text):
    if text.endswith("'"):
        return derivative(form(text[:-1]), x)
    return general_form(parse(text), x)


@pytest.mark.parametrize("rho", [0.5, -0.999, 1.0, 1 - 1e-12, -1.0])
def test_arcsine_laws(rho):
    value, error = fast_reference(form("sign(x)"), form("sign(x)"), 4, 4, 4 * rho)
    assert abs(value - 2 / math.pi * math.asin(rho)) < 3e-15
    assert error < 1e-14
    value, _ = fast_reference(form("sign(x)"), form("erf(5*x)"), 1, 9, 3 * rho)
    assert abs(value - 2 / math.pi * math.asin(rho * 3 * 5 * math.sqrt(2 / (1 + 2 * 225)))) < 3e-15
    angle = mp.asin(mp.mpf(rho)) * 2 / mp.pi
    assert abs(general_oracle(form("sign(x)"), form("sign(x)"), 4, 4, 4 * mp.mpf(rho), dps=15) - angle) < 1e-14


@pytest.mark.parametrize("rho", [0.3, -0.9999999, 1.0])
def test_relu_and_gelu(rho):
    a, b, c = 2.0, 8.0, 4 * rho
    theta = mp.acos(mp.mpf(rho))
    relu = 4 / (2 * mp.pi) * (mp.sin(theta) + (mp.pi - theta) * mp.cos(theta))
    assert abs(fast_reference(form("Max(0, x)"), form("Max(0, x)"), a, b, c)[0] - relu) < 4e-15
    gelu = "x*(1 + erf(x/sqrt(2)))/2"
    root = mp.sqrt((1 + a) * (1 + b) - mp.mpf(c) ** 2)
    inside = (mp.mpf(c) ** 2 + a * b * root**2) / ((1 + a) * (1 + b) * root) + c * mp.atan(c / root)
    true = inside / (2 * mp.pi) + mp.mpf(c) / 4
    assert abs(fast_reference(form(gelu), form(gelu), a, b, c)[0] - true) < 4e-15
    assert abs(general_oracle(form(gelu), form(gelu), a, b, c, dps=40) - true) < 1e-14


def test_deltas_are_densities_and_diverge_at_full_correlation():
    law = (2, 3, 1, 0.4, -0.3)
    density = mp.npdf(0, mp.mpf("0.4"), mp.sqrt(2))
    step = form("sign(x)'")
    value = general_oracle(step, form("tanh(x)"), 2, 3, 1, "2/5", "-3/10", dps=20)
    mean, variance = mp.mpf("-0.5"), mp.mpf("2.5")
    true = mp.quad(lambda v: mp.tanh(v) * mp.npdf(v, mean, mp.sqrt(variance)), [-15, -5, 0, 5, 15])
    assert abs(value - 2 * density * true) < 1e-14
    assert abs(fast_reference(step, form("tanh(x)"), *law)[0] - value) < 1e-14
    both = 4 / (2 * math.pi * math.sqrt(5)) * math.exp(-(3 * 0.16 + 2 * 0.4 * 0.3 + 2 * 0.09) / 10)
    assert abs(fast_reference(step, step, *law)[0] - both) < 1e-15
    for evaluate in (fast_reference, general_oracle):
        with pytest.raises(DivergenceError):
            evaluate(step, step, 1, 4, 2)
        assert evaluate(step, form("Heaviside(x - 1)'"), 1, 1, 1) in (0, (0.0, 0.0))


def test_hundreds_of_deltas_are_summed_where_they_count():
    steps = form("floor(x)'")
    law = (2, 3, 1, 0.4, -0.3)
    gap = 2 * 3 - 1
    true = sum(
        math.exp(-(3 * (s - 0.4) ** 2 - 2 * (s - 0.4) * (t + 0.3) + 2 * (t + 0.3) ** 2) / (2 * gap))
        for s in range(-25, 26)
        for t in range(-25, 26)
    ) / (2 * math.pi * math.sqrt(gap))
    assert abs(fast_reference(steps, steps, *law)[0] - true) < 1e-15
    with pytest.raises(DivergenceError, match="meets"):
        general_oracle(steps, steps, 1, 4, 2)
    assert general_oracle(steps, steps, 1, 1, 1, 0.25, 0) == 0


def test_a_function_that_overflows_warns_of_nothing():
    # warnings are errors here; ∞·0 is seen, or is nothing
    value, _ = fast_reference(form("exp(30*x)*tanh(x)"), form("tanh(x)"), 1e-2, 400, 0.5)
    assert math.isfinite(value)


def test_a_delta_meets_a_jump_at_full_correlation():
    # the limit of arcsine's half: E[δ(u) step(v)] is N(0; 0, 1)/2 at every correlation
    for c in (0.5, 1 - 1e-12, 1.0):
        value, _ = fast_reference(form("Heaviside(x)'"), form("Heaviside(x)"), 1, 1, c)
        assert abs(value - 0.5 / math.sqrt(2 * math.pi)) < 1e-15
        slow = general_oracle(form("Heaviside(x)'"), form("Heaviside(x)"), 1, 1, c)
        assert abs(slow - 0.5 / mp.sqrt(2 * mp.pi)) < 1e-14


@pytest.mark.parametrize("name", ["elu", "hard_tanh", "erf", "sin", "relu_squared", "laplace"])
def test_agrees_with_the_oracle_of_normal_forms(name):
    # the conditional expectations there are closed; here all is quadrature
    expression = ACTIVATIONS[name].expression()
    general, normal = general_form(expression, x), normal_form(expression, x)
    partner = form("Max(0, x)")
    for law in [(1, 1, "1/2", 0, 0), (100, "1/100", "-0.99", 3, "1/5"), (4, 9, 6, 1, 0)]:
        true = expectation_oracle(normal, normal_form(sp.Max(0, x), x), *law, dps=25)
        scale = general_scale(general, partner, law)
        value, error = fast_reference(general, partner, *law)
        assert abs(value - true) < 5e-15 * scale
        assert abs(value - true) < error + 1e-16 * scale
        assert abs(general_oracle(general, partner, *law, dps=22) - true) < 2e-22 * scale


def test_the_two_speeds_and_more_digits_agree():
    f, g = form("tanh(x)"), form("x/(1 + Abs(x))")
    low, high = (general_oracle(f, g, *ORDINARY, dps=dps) for dps in (15, 22))
    value, error = fast_reference(f, g, *ORDINARY)
    scale = general_scale(f, g, ORDINARY)
    assert abs(low - high) < 1e-15 * scale
    assert abs(value - high) < min(5e-15 * scale, error)


@pytest.mark.parametrize(
    ("f", "law"),
    [
        ("tanh(100*x)", (1e6, 1e6, 1e6, 0, 100.0)),
        ("1/(1 + 100*Abs(x))**2", (1e4, 1, 60, -250, 0.1)),
        ("1/cosh(100*x)**2", (1e-6, 1.0, -9.99e-4, 0, 3.0)),
    ],
)
def test_sharp_functions(f, law):
    g = form("x/(1 + Abs(x))")
    slow = general_oracle(form(f), g, *law, dps=15)
    value, error = fast_reference(form(f), g, *law)
    assert abs(value - slow) < min(1e-14 * general_scale(form(f), g, law), error)


def test_against_the_trapezoidal_rule():
    # for functions analytic in a strip of half-width d its error is e^(−2πd/h): far below rounding here
    z = np.arange(-100, 101) * 0.09
    p, q = z[:, None], z[None, :]
    u, v = 0.5 + p, -0.2 + 0.6 * p + 0.8 * q
    weight = np.exp(-(p**2 + q**2) / 2) * 0.09**2 / (2 * math.pi)
    true = np.sum(np.tanh(u) * np.arctan(v) * weight)
    assert abs(general_oracle(form("tanh(x)"), form("atan(x)"), 1, 1, "3/5", "1/2", "-1/5", dps=15) - true) < 1e-15
    assert abs(fast_reference(form("tanh(x)"), form("atan(x)"), 1, 1, 0.6, 0.5, -0.2)[0] - true) < 1e-15


@pytest.mark.parametrize("text", ["tanh(x)", "x/(1 + exp(-x))", "Max(0, x)"])
def test_parseval_and_mehler(text):
    # Σ f_k² = E f² bounds the sum, and Σ f_k² ρ^k is the expectation, f_k in normalized Hermite polynomials
    f, rho = form(text), 0.25
    norm = fast_reference(f, f, 1, 1, 1)[0]
    assert abs(norm - general_scale(f, f, (1, 1, 1, 0, 0))) < 1e-14 * norm
    hermite = (form(str(sp.expand(sp.hermite_prob(k, x)))) for k in range(22))
    squares = [fast_reference(f, h, 1, 1, 1)[0] ** 2 / math.factorial(k) for k, h in enumerate(hermite)]
    series = sum(square * rho**k for k, square in enumerate(squares))
    assert abs(fast_reference(f, f, 1, 1, rho)[0] - series) < 1e-13 * norm
    assert 0.99 * norm < sum(squares) < norm * (1 + 1e-14)


@pytest.mark.parametrize("name", ["softsign", "mish", "gelu_tanh", "squareplus", "tanh_shrink"])
def test_price_theorem(name):
    # ∂E/∂c = E[f' g'], by central differences of the fast reference
    f, g = general_form(ACTIVATIONS[name].expression(), x), form("tanh(3*x)")
    a, b, c, h = 1.5, 0.8, 0.4, 1e-3
    values = [fast_reference(f, g, a, b, c + k * h)[0] for k in (-2, -1, 1, 2)]
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    assert abs(slope - fast_reference(derivative(f, x), derivative(g, x), a, b, c)[0]) < 1e-10


def test_exchange_and_reflection():
    f, g, (a, b, c, m1, m2) = form("1/(1 + 25*Abs(x))**2"), form("log(1 + exp(x))"), ORDINARY
    value = fast_reference(f, g, a, b, c, m1, m2)[0]
    assert abs(fast_reference(g, f, b, a, c, m2, m1)[0] - value) < 1e-15
    # f is even
    assert abs(fast_reference(f, g, a, b, -c, -m1, m2)[0] - value) < 1e-15


def test_smooth_functions_against_gauss_hermite():
    nodes, weights = hermegauss(80)
    weights = weights / math.sqrt(2 * math.pi)
    u = 0.3 + 0.5 * nodes[:, None]
    v = -0.2 + 0.4 * (0.7 * nodes[:, None] + math.sqrt(0.51) * nodes[None, :])
    direct = weights @ (np.sqrt(u**2 + 4) / np.cosh(v)) @ weights
    value = fast_reference(form("sqrt(x**2 + 4)"), form("1/cosh(x)"), 0.25, 0.16, 0.14, 0.3, -0.2)[0]
    assert abs(value - direct) < 1e-14


def test_zero_variances():
    f, g = form("tanh(x)"), form("Max(0, x)")
    assert abs(fast_reference(f, g, 0, 2, 0, 0.5, 0)[0] - math.tanh(0.5) / math.sqrt(math.pi)) < 1e-15
    assert abs(fast_reference(f, g, 2, 0, 0, 0, 0.25)[0]) < 1e-15
    assert abs(general_oracle(g, f, 2, 0, 0, 0, "1/2", dps=30) - mp.tanh(0.5) / mp.sqrt(mp.pi)) < 1e-15
    assert fast_reference(f, g, 0, 0, 0, 1, 2)[0] == pytest.approx(2 * math.tanh(1), rel=1e-15)


def test_moments_of_heavy_tails():
    # E 1/(1 + (gu)²) = √(π/2)/(gσ) e^{z²} erfc(z), z = 1/(gσ√2)
    for sigma in (1e-3, 1.0, 1e3):
        z = 1 / (100 * mp.mpf(sigma) * mp.sqrt(2))
        true = mp.sqrt(mp.pi / 2) / (100 * mp.mpf(sigma)) * mp.exp(z * z) * mp.erfc(z)
        value = fast_reference(form("1/(1 + (100*x)**2)"), form("1"), mp.mpf(sigma) ** 2, 1, 0)[0]
        assert abs(value - true) < 2e-15 * general_scale(form("1/(1 + (100*x)**2)"), form("1"), (sigma**2, 1, 0, 0, 0))


def test_every_entry_of_the_tables_is_resolved():
    partner = form("tanh(4*x)")
    for table in (ACTIVATIONS, SURROGATES):
        for name, entry in table.items():
            if entry.gaussian_class == "1" or entry.expression().has(sp.Mod):
                continue
            f = general_form(entry.expression(), x)
            law = (50.0, 0.02, -0.7, 1.0, 0.0)
            value, error = fast_reference(f, partner, *law)
            assert error < 1e-13 * general_scale(f, partner, law), name


def test_the_scale_counts_deltas_by_their_peak():
    peak = 4 / (2 * math.pi * 9)
    assert abs(general_scale(form("sign(x)'"), form("x"), (9, 4, 0, 0, 0)) - math.sqrt(peak * 4)) < 1e-15


def test_panels_see_a_spike_between_the_nodes():
    found = panels(form("1/cosh(100*(x - 3))**2"), 0.0, 100.0)
    near = np.diff(found.edges)[np.searchsorted(found.edges, 3.0) - 1]
    assert near < 0.05
    true = math.sqrt(4 / 300 / (100 * math.sqrt(2 * math.pi)) * math.exp(-0.00045))
    assert math.sqrt(found.square) == pytest.approx(true, rel=1e-6)


def test_the_transform_is_right_at_every_distance():
    with mp.workdps(30):
        stretches = [Stretch(mp.mpf(-2), mp.mpf(0), lambda v: -v), Stretch(mp.mpf(0), mp.mpf(30), mp.exp)]
        found = Transform(stretches, mp.mpf("0.7"), gauss_legendre(30, 30), mp.mpf(10) ** -28, 12.0)
        for mu in (mp.mpf(-1), mp.mpf("0.01"), mp.mpf(3)):
            true = mp.quad(lambda v, mu=mu: found_function(v) * mp.npdf(v, mu, mp.mpf("0.7")), [-2, -1, 0, 1, 4, 12])
            assert abs(found(mu) - true) < mp.mpf(10) ** -24 * (1 + abs(true))


def found_function(v):
    return -v if v < 0 else mp.exp(v)


def test_formulas_that_overflow_are_evaluated():
    ugly = GeneralForm((), (sp.exp(-x) / (1 + sp.exp(-x)) ** 2,))  # ∞/∞² far to the left
    assert Function(ugly).values(0, np.array([-800.0]))[0] == pytest.approx(0, abs=1e-300)


def test_one_plus_erf_keeps_its_digits_in_the_tail():
    value = Function(form("x*(1 + erf(x/sqrt(2)))/2")).values(0, np.array([-9.0]))[0]
    assert value == pytest.approx(float(-9 * mp.ncdf(-9)), rel=1e-14)


def test_refusals():
    f = form("tanh(x)")
    with pytest.raises(DomainError, match="covariance"):
        fast_reference(f, f, 1, 1, 2)
    with pytest.raises(DomainError, match="no value"):
        general_oracle(general_form(parse("tanh(k*x)"), x), f, 1, 1, 0)
    with pytest.raises(DomainError, match="derivative of a delta"):
        general_oracle(GeneralForm((), (sp.S.Zero,), ((sp.S.One, Delta(sp.S.Zero, 1)),)), f, 1, 1, 0)
    with pytest.raises(DivergenceError):
        fast_reference(form("exp(x**2)"), f, 1, 1, 0)
    with pytest.raises(VerificationError):
        fast_reference(f, f, 1, 1, 0.5, accuracy=1e-17)
