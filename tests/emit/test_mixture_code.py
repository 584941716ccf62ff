"""The written sums against integrals: mpmath at full correlation and for one-sided pairs, a trapezoidal rule else."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.special import expit

from symntk.derive.mixture.mixture import derive_mixture, mixture
from symntk.emit.compile import function_of
from symntk.emit.mixture import fitting_mixture, mixture_code, mixture_function, variance_range
from symntk.emit.runtime.covariance import _covariance
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.forms.normal_form import normal_form
from symntk.language.symbols import x
from symntk.language.text.parser import parse
from tests.work import calls

TEXTS = {
    "tanh": "tanh(x)",
    "sech2": "1/cosh(x)**2",
    "softplus": "log(1+exp(x))",
    "silu": "x/(1+exp(-x))",
    "sigmoid": "1/(1+exp(-x))",
    "tanh_shrink": "x-tanh(x)",
}
SLOW = {
    "tanh": mp.tanh,
    "sech2": lambda t: mp.sech(t) ** 2,
    "softplus": lambda t: mp.log1p(mp.exp(-abs(t))) + max(t, 0),
    "silu": lambda t: t / (1 + mp.exp(-t)),
    "sigmoid": lambda t: 1 / (1 + mp.exp(-t)),
    "tanh_shrink": lambda t: t - mp.tanh(t),
}
FAST = {
    "tanh": np.tanh,
    "sech2": lambda t: 4.0 * expit(2.0 * t) * expit(-2.0 * t),
    "softplus": lambda t: np.logaddexp(0.0, t),
    "silu": lambda t: t * expit(t),
    "sigmoid": expit,
    "tanh_shrink": lambda t: t - np.tanh(t),
}


def form_of(text):
    return general_form(parse(text), x)


def entries(a, b, c, m1=0.0, m2=0.0):
    state = _covariance(*(np.atleast_1d(np.asarray(value, dtype=float)) for value in (a, b, c)))
    return *state, np.full(state[0].shape, m1), np.full(state[0].shape, m2)


def pair(f, g, means=False):
    left, right = mixture(form_of(TEXTS[f]), x), mixture(form_of(TEXTS[g]), x)
    derived = derive_mixture(left, right, means=means)
    return derived, mixture_function(derived)


def line_mean(h, sd, breaks=()):
    """E[h(sd·z)] by mpmath; the integrand changes on the scale 1/sd and on that of the density."""
    with mp.workdps(18):
        edges = sorted({*(mp.mpf(s) * k / sd for s in (-1, 1) for k in (3,)), -9, -3, 0, 3, 9, *breaks})
        edges = [e for e in edges if abs(e) <= 9]
        return float(mp.quad(lambda z: h(sd * z) * mp.npdf(z), edges))


@cache
def mean_square(name, variance):
    return line_mean(lambda t: SLOW[name](t) ** 2, mp.sqrt(variance))


def plane_mean(f, g, a, b, c, m1=0.0, m2=0.0):
    """E[f(u) g(v)] by trapezoidal rules in u and in v given u, exact to rounding for what is analytic in |Im| < π/2."""

    def rule(sd):
        h = min(0.2, 2 * np.pi * (np.pi / 2) / sd / 42)
        z = np.arange(-int(9.5 / h), int(9.5 / h) + 1) * h
        return z, h * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    rest = np.sqrt(b - c * c / a)
    (z, w), (y, wy) = rule(max(np.sqrt(a), abs(c) / np.sqrt(a))), rule(rest)
    u = np.sqrt(a) * z
    total = 0.0
    for i in range(0, len(u), 200):
        inside = g(m2 + (c / a * u[i : i + 200])[:, None] + rest * y) @ wy
        total += float((f(m1 + u[i : i + 200]) * w[i : i + 200] * inside).sum())
    return total


@pytest.mark.parametrize("name", ["tanh", "sech2", "softplus", "silu"])
@pytest.mark.parametrize("variance", [0.3, 1e4])
@pytest.mark.parametrize("sign", [1, -1])
def test_full_correlation(name, variance, sign):
    derived, function = pair(name, name)
    h, sd = SLOW[name], mp.sqrt(variance)
    square = mean_square(name, variance)
    exact = line_mean(lambda t: h(t) * h(-t), sd) if sign < 0 else square
    found = function(*entries(variance, variance, sign * variance))[0]
    norm = float(derived.f.errors.of_variance(np.array(variance)))
    assert abs(found - exact) <= 2 * norm * np.sqrt(square) + norm**2 + 1e-14 * square
    assert abs(found - exact) <= 1e-12 * square


@pytest.mark.parametrize("name", list(TEXTS))
@pytest.mark.parametrize(("a", "b", "rho"), [(1.3, 0.3, -0.99), (1e4, 2e4, 0.9999), (0.5, 30.0, 1 - 1e-9)])
def test_inside(name, a, b, rho):
    _, function = pair(name, name)
    c = rho * np.sqrt(a * b)
    norm = np.sqrt(mean_square(name, a) * mean_square(name, b))
    assert abs(function(*entries(a, b, c))[0] - plane_mean(FAST[name], FAST[name], a, b, c)) <= 1e-11 * norm


@pytest.mark.parametrize(("f", "g"), [("tanh", "sigmoid"), ("silu", "sech2"), ("softplus", "tanh_shrink")])
def test_with_means(f, g):
    _, function = pair(f, g, means=True)
    law = (0.8, 2.5, -1.1)
    exact = plane_mean(FAST[f], FAST[g], *law, 0.7, -1.2)
    assert abs(function(*entries(*law, 0.7, -1.2))[0] - exact) <= 1e-11


@pytest.mark.parametrize("rho", [-1.0, -0.7, 0.9999, 1.0])
@pytest.mark.parametrize("variance", [1.0, 1e4])
def test_sigmoid_and_relu(rho, variance):
    """E[relu(v) | u] is closed: m Φ(m/s) + s φ(m/s)."""
    f = mixture(form_of("1/(1+exp(-x))"), x)
    function = mixture_function(derive_mixture(f, normal_form(sp.Max(0, x), x)))
    b = 2.0
    slope, rest = rho * mp.sqrt(b / variance), mp.sqrt(b * (1 - mp.mpf(rho) ** 2))

    def product(u):
        m = slope * u
        given = max(m, 0) if rest == 0 else m * mp.ncdf(m / rest) + rest * mp.npdf(m / rest)
        return SLOW["sigmoid"](u) * given

    width = float(rest / mp.sqrt(b)) + 1e-3
    exact = line_mean(product, mp.sqrt(variance), [s * k * width for s in (-1, 1) for k in (1, 3, 8)])
    found = function(*entries(variance, b, rho * np.sqrt(variance * b)))[0]
    assert abs(found - exact) <= f.error * np.sqrt(b / 2) + 1e-14


@pytest.mark.parametrize("rho", [-1.0, 0.3, 1.0])
def test_tanh_and_a_step_s_derivative(rho):
    """E[2δ(v − 1/2) tanh(u)] = 2 N(1/2; 0, b) E[tanh(u) | v = 1/2]."""
    tanh, a, b = mixture(form_of("tanh(x)"), x), 100.0, 2.0
    jump = normal_form(2 * sp.DiracDelta(x - sp.Rational(1, 2)), x)
    function = mixture_function(derive_mixture(tanh, jump))
    mean, rest = rho * np.sqrt(a / b) / 2, np.sqrt(a * (1 - rho**2))
    density = 2 * np.exp(-0.125 / b) / np.sqrt(2 * np.pi * b)
    given = np.tanh(mean) if rest == 0 else line_mean(lambda t: mp.tanh(mean + t), rest, [-mean / rest])
    found = function(*entries(a, b, rho * np.sqrt(a * b)))[0]
    assert abs(found - density * given) <= density * float(tanh.error) + 1e-14


@pytest.mark.parametrize("sign", [1, -1])
def test_a_half_of_sech2(sign):
    half = mixture(form_of("Heaviside(x)/cosh(x)**2"), x)
    function = mixture_function(derive_mixture(half, half))
    square = line_mean(lambda t: mp.sech(t) ** 4 if t > 0 else 0, mp.mpf(3))
    assert abs(function(*entries(9.0, 9.0, sign * 9.0))[0] - (square if sign > 0 else 0.0)) <= 1e-12


def test_parameters_are_given_as_numbers():
    form = form_of("tanh(k*x)")
    k = form.parts[0].free_symbols - {x}
    f = mixture(form, x)
    function = mixture_function(derive_mixture(f, f), tuple(k))
    steep = mixture_function(derive_mixture(*[mixture(form_of("tanh(25*x)"), x)] * 2))
    law = entries([1.0, 0.1], [2.0, 0.3], [1.2, -0.1])
    assert np.allclose(function(*law, 25.0), steep(*law), rtol=1e-15)


def test_entries_do_not_know_each_other():
    _, function = pair("silu", "tanh")
    rng = np.random.default_rng(3)
    a, b = 10 ** rng.uniform(-4, 6, (2, 700))
    law = entries(a, b, rng.uniform(-1, 1, 700) * np.sqrt(a * b))
    together = function(*law)
    one_by_one = [function(*(array[i : i + 1] for array in law))[0] for i in range(0, 700, 50)]
    assert np.allclose(together[::50], one_by_one, rtol=1e-13)
    assert np.all(np.isfinite(together)) and function(*(array[:0] for array in law)).shape == (0,)


def test_a_nan_stays_in_its_entry():
    _, function = pair("tanh", "tanh")
    found = function(*entries([1.0, np.nan, 2.0], 1.0, 0.5))
    assert np.isnan(found).tolist() == [False, True, False]


def test_the_proven_range():
    shrink = mixture(form_of("x-tanh(x)"), x)
    low, high = variance_range(shrink, 5e-11)
    assert 0.1 < low < 1.0 and high >= 1e6
    for variance in (low, 3 * low, 1e3):
        square = line_mean(lambda t: SLOW["tanh_shrink"](t) ** 2, mp.sqrt(variance))
        assert shrink.errors.of_variance(np.array(variance)) <= 5e-11 * np.sqrt(square)
    square = line_mean(lambda t: SLOW["tanh_shrink"](t) ** 2, mp.sqrt(low / 2))
    assert shrink.errors.of_variance(np.array(low / 2)) > 5e-11 * np.sqrt(square), "the range could be wider"
    assert variance_range(mixture(form_of("tanh(x)"), x), 5e-11)[0] <= 1e-6
    assert variance_range(normal_form(sp.Max(0, x), x), 1e-12) == (0.0, np.inf)


def test_validity_is_written():
    shrink, relu = mixture(form_of("x-tanh(x)"), x), normal_form(sp.Max(0, x), x)
    code = mixture_code("pair", derive_mixture(shrink, relu), tolerance=1e-10)
    (valid,) = (one for one in code if one.name == "_pair_mixture_valid")
    valid = function_of(valid)(np.array([1e-4, 1.0, 1e6]), np.array([1e-4, 1.0, 1e6]))
    assert valid.tolist() == [False, True, True]
    assert "certified" in code[0].note and "Kolmogorov" in code[0].note


@pytest.mark.parametrize("text", ["1/cosh(25*x)**2", "x-tanh(x)"])
def test_a_fitting_mixture_covers_the_variances(text):
    form = form_of(text)
    for one in (form, derivative(form, x)):
        low, high = variance_range(fitting_mixture(one, x, 1e-10), 4.99e-11)
        assert low <= 0.1 and high >= 1e6


def test_a_sum_takes_few_calls():
    """Entries are treated together: thirty times as many cost no more calls than blocks that fill the cache ask for."""
    _, function = pair("tanh", "tanh")
    few, many = (entries(np.linspace(1.0, 50.0, n), 2.0, 0.5) for n in (100, 3000))
    function(*few)
    assert calls(lambda: function(*many), 10**6) <= 30 * calls(lambda: function(*few), 10**5)
    assert calls(lambda: function(*many), 10**6) < 3000
