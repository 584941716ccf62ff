"""Float64 code of E[s(Y)] against 40 digits of the formula: variances 1e-12 to 1e12, slopes 0.1 to 100, means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special as special
import sympy as sp

from symntk.derive.line.derivation import LineDerivation, derive_line
from symntk.emit.compile import function_of
from symntk.emit.line import line_code
from symntk.emit.runtime.line_special import _gauss_rule, _half_line_pole, _piece_moment
from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm, derivative, general_form
from symntk.language.symbols import mean_v, var_v, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES

VARIANCES = np.append(10.0 ** np.arange(-12, 13, 2), [0.003, 0.05, 0.124, 0.138, 0.14, 0.3, 0.7, 2.0, 7.0])
ENTRIES: dict[str, tuple[sp.Expr, float]] = {
    # the largest relative error allowed, about twice what is measured
    "arctan": (SURROGATES["arctan"].expression(), 2e-15),
    "arctan_unscaled": (SURROGATES["arctan_unscaled"].expression(), 2e-15),
    "fast_sigmoid 1": (SURROGATES["fast_sigmoid"].expression(slope=1), 3e-15),
    "fast_sigmoid 25": (SURROGATES["fast_sigmoid"].expression(), 3e-15),
    "fast_sigmoid 100": (SURROGATES["fast_sigmoid"].expression(slope=100), 3e-15),
    "superspike_scaled": (SURROGATES["superspike_scaled"].expression(alpha=3), 3e-15),
    "softsign": (SURROGATES["softsign"].expression(), 3e-15),
    "reciprocal": (SURROGATES["reciprocal"].expression(), 2e-15),
    "log_abs": (SURROGATES["log_abs"].expression(), 2e-15),
    "q_pseudo 3": (SURROGATES["q_pseudo"].expression(alpha=3), 4e-15),
    "q_pseudo 8": (SURROGATES["q_pseudo"].expression(alpha=8), 4e-15),
    "q_pseudo_wide": (SURROGATES["q_pseudo_wide"].expression(alpha=5), 4e-15),
    "log_tailed_relu": (SURROGATES["log_tailed_relu"].expression(alpha=0.1), 2e-15),
    "fake_numerical": (SURROGATES["fake_numerical"].expression(), 2e-15),
    "circ": (SURROGATES["circ"].expression(), 4e-15),
    "squareplus": (ACTIVATIONS["squareplus"].expression(), 4e-15),
    "square of Cauchy": (1 / (1 + x**2) ** 2, 3e-14),
    "odd on each side": (sp.Abs(x) / (1 + x**2), 4e-15),
    "a difference that cancels": (sp.Abs(x) / (1 + sp.Abs(x)), 1e-14),
    "a square that cancels": (x**2 / (1 + sp.Abs(x)), 1e-14),
    "a moment between kinks": (sp.Piecewise((x**2, sp.Abs(x) < 2), (4 / sp.Abs(x), True)), 1e-14),
}


def compiled(expr: sp.Expr | GeneralForm, means: bool = False, names: dict[sp.Symbol, str] | None = None) -> Any:
    """The function of the code."""
    form = expr if isinstance(expr, GeneralForm) else general_form(expr, x)
    line = derive_line(form, means=means)
    assert isinstance(line, LineDerivation)
    return function_of(*line_code("f", line, names or {})), line.expression


def worst(function: Callable[..., Any], expression: sp.Expr, mean: float = 0.0) -> float:
    """The largest relative error over VARIANCES, against the formula at 40 digits more than its terms cancel."""
    formula = sp.lambdify((mean_v, var_v), expression.rewrite(sp.erfc), "mpmath")
    # mpmath needs seconds for the Bessel functions of large arguments; the Taylor series checks smaller variances
    variances = VARIANCES[VARIANCES >= 1e-4] if expression.has(sp.besselk) else VARIANCES
    errors = []
    for value, variance in zip(function(mean, variances), variances, strict=True):
        with mpmath.workdps(160 if variance < 1e-2 and not expression.has(sp.besselk) else 50):
            errors.append(abs(value / formula(mpmath.mpf(mean), mpmath.mpf(variance)) - 1))
    return float(max(errors))


@pytest.mark.parametrize("name", ENTRIES)
def test_code_keeps_its_digits(name: str) -> None:
    expr, tolerance = ENTRIES[name]
    assert worst(*compiled(expr)) < tolerance


@pytest.mark.parametrize("name", ["circ", "squareplus", "square of Cauchy", "arctan"])
def test_small_variances_follow_the_taylor_series(name: str) -> None:
    expr, tolerance = ENTRIES[name]
    function, _ = compiled(expr)
    slopes = [float(sp.diff(expr, x, 2 * k).subs(x, 0)) for k in range(3)]
    for variance in (1e-14, 1e-11, 1e-8, 1e-7):
        series = slopes[0] + slopes[1] * variance / 2 + slopes[2] * variance**2 / 8
        assert float(function(0.0, variance)) == pytest.approx(series, rel=tolerance)


@pytest.mark.parametrize("mean", [1e-3, 0.5, -7.0, 1e4])
def test_code_with_means(mean: float) -> None:
    for expr in (SURROGATES["arctan"].expression(), (x + 2) / (x**2 + 2 * x + 5), x**2 / (1 + x**2)):
        assert worst(*compiled(expr, True), mean) < 3e-14


@pytest.mark.parametrize("name", ENTRIES)
def test_variance_zero_is_the_function_itself(name: str) -> None:
    form = general_form(ENTRIES[name][0], x)
    function, _ = compiled(form)
    sides = [part.subs(x, 0) for part in (form.parts[0], form.parts[-1])] if form.breaks in ((), (0,)) else []
    if sides:
        assert function(0.0, np.zeros(2)).tolist() == [float((sides[0] + sides[1]) / 2)] * 2
    assert function(0.0, np.array([0.0])) == pytest.approx(function(0.0, np.array([1e-36])), rel=1e-14, abs=1e-14)


def test_variance_zero_at_and_between_jumps() -> None:
    function, _ = compiled(SURROGATES["log_tailed_relu"].expression(alpha=0.1))
    places = np.array([-3.0, 0.0, 0.5, 1.0, 4.0])
    assert function(places, np.zeros(5)).tolist() == [0.1, 0.55, 1.0, 1.0, 0.25]


def test_entries_are_independent_and_shapes_broadcast() -> None:
    function, _ = compiled(SURROGATES["circ"].expression())
    variances = np.array([[1e-3, np.nan, 0.0], [2.0, 1e5, 1e-200]])
    values = function(0.0, variances)
    assert values.shape == (2, 3) and np.isnan(values[0, 1])
    alone = [float(function(0.0, v)) for v in variances.ravel()]
    assert np.array_equal(values.ravel(), alone, equal_nan=True)
    large = np.tile(variances.ravel()[[0, 3, 4]], 10_000)
    assert np.array_equal(function(0.0, large).reshape(-1, 3), np.tile(values.ravel()[[0, 3, 4]], (10_000, 1)))
    assert function(0.0, np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("name", ["arctan", "fast_sigmoid", "log_tailed_relu", "fake_numerical", "circ", "log_abs"])
def test_parameters_by_name(name: str) -> None:
    entry = SURROGATES[name]
    names = {p.symbol: f"k_{p.name}" for p in entry.parameters}
    function, _ = compiled(entry.general(), names=names)
    plain, _ = compiled(entry.expression())
    given = {f"k_{p.name}": float(p.default) for p in entry.parameters}
    assert np.allclose(function(0.0, VARIANCES, **given), plain(0.0, VARIANCES), rtol=1e-14, atol=0)


def test_derivatives_of_activations() -> None:
    slopes = {n: derivative(general_form(ACTIVATIONS[n].expression(), x), x) for n in ("softsign", "squareplus")}
    assert worst(*compiled(slopes["softsign"])) < 3e-15
    assert compiled(slopes["squareplus"])[0](0.0, VARIANCES).tolist() == [0.5] * len(VARIANCES)


@pytest.mark.parametrize("order", [1, 2, 5, 16])
def test_half_line_poles_by_both_ways(order: int) -> None:
    for z in (1e-9, 0.3, 0.9999999, 1.0, 1.2, 1.6, 9.0, 1e7):
        with mpmath.workdps(30):
            panels = sorted({0, 1, 3, 10, *(mpmath.mpf(z) * 2**k for k in range(-4, 34) if z * 2.0**k < 9)})
            reference = mpmath.quad(lambda t, z=z: mpmath.exp(-t * t) / (1 + t / mpmath.mpf(z)) ** order, panels)
            error = abs(float(_half_line_pole(order, z)) * mpmath.sqrt(mpmath.pi) / reference - 1)
        assert error < 1e-14


@pytest.mark.parametrize("half", [True, False])
def test_gauss_rules_integrate_powers(half: bool) -> None:
    nodes, weights = map(np.array, _gauss_rule(half))
    for power in range(0, 16, 1 if half else 2):
        moment = special.gamma((power + 1) / 2) / 2
        assert weights @ nodes**power == pytest.approx(moment, rel=1e-13)


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_piece_moments(power: int) -> None:
    for low, high in ((0.0, 0.7), (-1.0, 1.0), (-3.0, 0.5), (0.4, 2.0), (-2.0, -0.5), (6.0, np.inf)):
        value = float(_piece_moment(power, low, high, np.sqrt(np.array(2 * 1.3))))
        with mpmath.workdps(30):
            density = mpmath.sqrt(mpmath.mpf(1.3))
            reference = mpmath.quad(
                lambda y, sd=density: y**power * mpmath.npdf(y, 0, sd), [low, (low + min(high, 9)) / 2, min(high, 17)]
            )
        assert value == pytest.approx(float(reference), rel=3e-14)


def test_what_has_no_stable_code_says_so() -> None:
    listed = {
        1 / (1 + x**2) ** 2: (True, "pole of higher order"),
        1 / ((1 + x**2) * (4 + x**2)): (True, "several pairs of poles"),
        sp.exp(-(x**2)) + 1 / (1 + x**2): (False, "two dimensions only"),
    }
    for expr, (means, message) in listed.items():
        with pytest.raises(SymntkError, match=message):
            compiled(expr, means)
