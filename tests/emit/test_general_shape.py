"""Shapes of general functions: the source against mpmath, what is refused, growth, deltas."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from symntk.emit.general_shape import general_shape
from symntk.emit.stable_body import near_series
from symntk.errors import SymntkError
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.names import read
from symntk.language.numbers import number_function
from symntk.language.symbols import x

MAGNITUDES = [1e-8, 1e-5, 1e-3, 0.0123, 0.1, 0.31, 0.7, 1.3, 2.7, 5.1, 8.3, 17.0, 40.0, 120.0, 800.0, 1e4, 1e6, 9e8]
POINTS = np.array([sign * size for sign in (-1.0, 1.0) for size in MAGNITUDES])
FUNCTIONS = {
    "tanh": sp.tanh(x),
    "steep": sp.tanh(25 * x),
    "sigmoid": 1 / (1 + sp.exp(-x)),
    "softplus": sp.log(1 + sp.exp(2 * x)) / 2,
    "silu": x / (1 + sp.exp(-x)),
    "mish": x * sp.tanh(sp.log(1 + sp.exp(x))),
    "gelu_tanh": x / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (x + sp.Rational(44715, 10**6) * x**3))),
    "gelu": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "softsign": x / (1 + sp.Abs(x)),
    "squareplus": (x + sp.sqrt(x**2 + 4)) / 2,
    "tanh_shrink": x - sp.tanh(x),
    "hyperbola": sp.sqrt(1 + x**2) - 1,
    "one less": 1 - 1 / (1 + sp.exp(-x)),
    "superspike": 1 / (1 + 100 * sp.Abs(x)) ** 2,
    "s2nn": sp.Piecewise((1 / sp.cosh(2 * x) ** 2, x < 0), (1 / (x + 1), True)),
    "circ": (1 + x**2) ** sp.Rational(-3, 2),
    "sinc": sp.sinh(x) / x / sp.cosh(x),
}


def forms(name):
    form = general_form(FUNCTIONS[name], x)
    return form, derivative(form, x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_source_against_mpmath(name):
    for form in forms(name):
        with np.errstate(all="ignore"):
            found = general_shape(form).function()(POINTS)
        with mp.workdps(500):  # 1 + erf(−17) as written
            parts = [number_function(part, x) for part in form.parts]
            for point, value in zip(POINTS, found, strict=True):
                truth = parts[sum(float(edge) < point for edge in form.breaks)](mp.mpf(float(point)))
                # the argument's rounding, which decaying exponentials multiply
                allowed = 1e-13 * max(1.0, abs(float(point)) / 10.0)
                assert abs(mp.mpf(float(value)) - truth) <= allowed * abs(truth) + mp.mpf("1e-200"), point


@pytest.mark.parametrize("name", FUNCTIONS)
def test_partition_of_the_source(name):
    for form in forms(name):
        shape = general_shape(form)
        assert shape.defect <= 1e-12 and shape.rates == (0.0,)
        assert [(float(point), 0.0) for point in form.breaks] == shape.knots
        assert {point for point, _ in shape.knots} <= set(shape.edges)


def test_a_jump_has_the_mean_of_both_sides():
    shape = general_shape(general_form(sp.Heaviside(x - 1) * sp.tanh(x), x))
    assert shape.function()(np.array([1.0]))[0] == pytest.approx(np.tanh(1.0) / 2, rel=1e-15)
    assert shape.knots == [(1.0, 0.0)]


def test_deltas_with_weights_and_places():
    form = derivative(general_form(sp.Heaviside(x - 1) * sp.tanh(x) + sp.sign(x), x), x)
    deltas = sorted(general_shape(form).deltas, key=lambda delta: delta[1])
    assert deltas == [(2.0, 0.0), (pytest.approx(np.tanh(1.0)), 1.0)]
    only = general_shape(general_form(2 * sp.DiracDelta(x), x))
    assert only.body is None and only.deltas == [(2.0, 0.0)]
    with pytest.raises(SymntkError, match="deltas only"):
        only.function()


def test_growth():
    assert general_shape(general_form(sp.sinh(2 * x) * sp.tanh(x), x)).rates == (0.0, -2.0, 2.0)
    assert general_shape(general_form(sp.exp(x) * sp.tanh(x), x)).rates == (0.0, 1.0)
    assert general_shape(general_form(x**5 * sp.tanh(x), x)).rates == (0.0,)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (sp.exp(x**2) * sp.tanh(x), "grows like e"),
        (sp.log(x), "not real, or infinite, near"),
        (1 / x, "pole"),
        (1 / (x - sp.Rational(3, 10)), "pole"),
        (1 / x**2, "pole|finite"),
        (sp.tan(x), "pole"),
        (sp.sqrt(x), "not real"),
        (1 / sp.Abs(x), "pole|infinite"),
        (sp.asin(x), "not real, or infinite"),
        (sp.DiracDelta(x, 1), "derivative of a delta"),
        (sp.tanh(sp.Symbol("k", positive=True) * x), "free parameters"),
    ],
    ids=str,
)
def test_refusals_give_the_reason(function, reason):
    with pytest.raises(SymntkError, match=reason):
        general_shape(general_form(function, x))


@pytest.mark.parametrize("function", [sp.sqrt(sp.Abs(x)), sp.log(sp.Abs(x))], ids=str)
def test_integrable_singularities(function):
    from symntk.emit.runtime.panels import _panel_mean

    shape = general_shape(general_form(function, x))
    variance = np.array([1e-4, 1.0, 1e4])
    found = _panel_mean(shape.function(), shape.knots, np.zeros(3), variance, shape.rates, shape.edges)
    sigma = np.sqrt(variance)
    root = 2**0.25 * float(mp.gamma(0.75)) / np.sqrt(np.pi)
    exact = np.sqrt(sigma) * root if function.has(sp.Pow) else np.log(sigma) - (np.euler_gamma + np.log(2.0)) / 2
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def test_oscillation_is_nan_beyond_its_reach():
    found = general_shape(general_form(sp.sin(x) * sp.tanh(x), x)).function()(np.array([100.0, 1e8]))
    assert np.isfinite(found[0]) and np.isnan(found[1])


@pytest.mark.parametrize("text", ["normal_cdf(32*(x-2))*tanh(x+2)", "exp(-10**4*(x-1)**2)", "1/cosh(900*(x-1))"])
def test_what_is_below_float64_near_0_loses_nothing_there(text):
    """Its Taylor series would be asked of erfc at 45, and takes minutes in mpmath."""
    for part in general_form(read(text, {}), x).parts:
        assert near_series(part) is None
