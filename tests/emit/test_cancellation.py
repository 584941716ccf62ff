"""Float64 where closed forms lose their digits: another route answers, or the call says that none is left."""

import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.errors import DomainError, FormulaError, SymntkError

SMALL = (1e-6, 1e-6, 5e-7)
HARD = [
    *[(f, f, SMALL) for f in ("1-cos(x)", "cosh(x)-1", "exp(x)-1", "exp(x)-1-x", "1-exp(-x**2/2)", "sin(x)**2")],
    *[(f, f, SMALL) for f in ("x-sin(x)", "sinh(x)-x", "(1-exp(-x**2))*x", "exp(-x**2)-exp(-2*x**2)", "sin(x)**3")],
    ("(1-cos(x))*Heaviside(x)", "x**2", (1e-6, 1e-6, 1e-7)),
    ("DiracDelta(x-1)", "Heaviside(x-1)", (1.0, 1.0, 1.0)),
    ("Max(0, x-0.5)", "Max(0, x-1)", (1.0, 1.0, 1.0)),
    ("exp(-x)*(1+erf(x))", "x**6*Heaviside(x-1)", (1e4, 1.0, 0.0)),
    ("exp(40*x)*Heaviside(x)", "exp(-40*x)*Heaviside(x)", (0.5, 0.5, 0.1)),
    ("Max(0, 1-1000*Abs(x))", "Max(0, 1-1000*Abs(x))", (1e6, 1e6, 5e5)),
    ("Heaviside(x-8)", "Heaviside(x-8)", (1.0, 1.0, -0.5)),
]


@pytest.mark.parametrize(("f", "g", "point"), HARD)
def test_another_route_keeps_the_digits(f, g, point):
    E = symntk.expectation(f, g)
    assert E(*point) == pytest.approx(float(E.evalf(*point, dps=20)), rel=1e-10)


@pytest.mark.parametrize(
    ("f", "g", "point"),
    [
        ("cos(x)", "Max(0, 1-1000*Abs(x-1))", (1e5, 1e6, 3.16227766e5)),
        ("Heaviside(x-1)-Heaviside(x-2)", "DiracDelta(x-1, 1)", (1.0, 1.0, 1 - 1e-15)),
    ],
)
def test_where_no_digits_are_left_the_entry_is_shown(f, g, point):
    with pytest.raises(DomainError, match=r"no digits left.*var_u = 1"):
        symntk.expectation(f, g)(*point)


def test_a_delta_that_a_parameter_switches_off():
    E = symntk.derive("threshold").ntk
    assert E(1.0, 1.0, 1.0, level=0.5, value=0.5) == pytest.approx(0.308537538725987, rel=1e-13)


def test_a_sine_times_a_step_has_numbers_without_code_of_its_formula():
    E = symntk.expectation("sin(x)*Heaviside(x)", "sin(x)*Heaviside(x)")
    assert E(1.0, 1.0, 0.5) == pytest.approx(0.133780327332703, rel=1e-12)
    assert abs(E.evalf(1, 1, sp.Rational(1, 2), dps=15) - 0.133780327332703) < 1e-14


@pytest.mark.parametrize("name", ["depth", "x1", "weight_std", "_evaluate", "lambda"])
def test_parameter_names_that_code_cannot_have_are_refused(name):
    activation = sp.erf(sp.Symbol(name, positive=True) * sp.Symbol("x", real=True))
    with pytest.raises(FormulaError, match=name):
        symntk.derive(activation).source()


def test_numbers_beyond_float64_are_refused():
    with pytest.raises(SymntkError, match=r"beyond 1\.8e308"):
        symntk.expectation(10**400 * sp.Symbol("x", real=True), "x")(1.0, 1.0, 0.5)


def test_what_overflows_is_no_sum_of_what_is_left_of_it():
    """e^50000: the integrand is beyond float64 where it is largest, and what quadrature sees of it is e^690."""
    E = symntk.expectation("exp(x)*Heaviside(x-1)", "Heaviside(x+1/2)")
    for var_u in (2e3, 1e5, 1e6):
        assert E(var_u, 2.0, np.sqrt(2.0 * var_u)) == np.inf


def test_an_edge_reaches_far_where_the_integrand_has_one_sign():
    """u + v > 2 at 14 standard deviations: the value is 1e-54, and E[g(v) | u] steep from the edge on."""
    E = symntk.expectation("Heaviside(x-1)*(x-1)", "Heaviside(x-1)*(x-1)")
    for size in (1e2, 1e4):
        law = size, size, -size + 0.01
        assert abs(E(*law) / E.evalf(*law, dps=20) - 1) < 1e-12


def test_parameters_are_checked_and_keep_nan_apart():
    E = symntk.expectation("erf(m*x)", "x")
    with pytest.raises(DomainError, match="real number"):
        E(1.0, 1.0, 0.5, m=1j)
    with pytest.raises(DomainError, match="positive"):
        E(1.0, 1.0, 0.5, m=-1.0)
    assert np.isnan(E(1.0, 1.0, 0.5, m=[1.0, np.nan])).tolist() == [False, True]


def test_exported_maps_check_that_parameters_are_positive():
    space = {}
    exec(compile(symntk.derive("erf(m*x)").source(), "exported", "exec"), space)
    with pytest.raises(ValueError, match="m is not positive"):
        space["nngp_map"](1.0, 1.0, 0.5, m=-1.0)
    value = space["nngp_map"](1.0, 1.0, 0.5, m=[1.0, np.nan, 2.0])
    assert np.isnan(value).tolist() == [False, True, False]


def test_the_gram_ntk_of_a_shifted_step_is_refused_at_any_depth():
    space = {}
    exec(compile(symntk.derive("Heaviside(x-1)").source(), "exported", "exec"), space)
    with pytest.raises(ValueError, match="diverges"):
        space["ntk"]([[0.5, 0.5], [0.5, -0.5]], depth=3)
    with pytest.raises(ValueError, match="diverges"):  # where no rounding tells
        space["ntk"]([[1.0]], depth=2)
    assert space["ntk_map"](1.0, 1.0, [1.0, -1.0]).tolist() == [np.inf, 0.0]
    with pytest.raises(ValueError, match="too small for float64"):  # of the second layer: e^−5000
        space["ntk"]([[0.01, 0.01], [0.01, -0.01]], depth=3)


@pytest.mark.parametrize("size", ["1e-33", "1", "1e33"])
def test_a_series_near_zero_is_found_at_any_size(size):
    """What is small beside 1 is not what is small beside the function: the first terms of a series were dropped."""
    f = f"{size}*sin(8*x-1/2)*exp(-x)*exp(-Abs(15*(x-5)))"
    E = symntk.expectation(f)
    assert E(0.0016071569850697918) == pytest.approx(float(size) * -9.368951236786931e-34, rel=1e-12)
    E = symntk.expectation(f"{size}*(exp(x)-1)*Heaviside(x)", f"{size}*(exp(x)-1)*Heaviside(x)")
    law = (1e-6, 3e-6, 1e-6)
    assert E(*law) == pytest.approx(float(E.evalf(*law, dps=20)), rel=1e-11)
