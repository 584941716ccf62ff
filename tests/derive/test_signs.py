"""Signs, conditions and edges that once were wrong, each against the oracle or a known fact."""

import pytest
import sympy as sp

import symntk
from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.language.symbols import cov, var_u, var_v, x
from symntk.verify.oracle.elementary.oracle import expectation_oracle

m = sp.Symbol("m", negative=True)


@pytest.mark.parametrize(
    ("f", "g"),
    [
        ("erf((pi-3)*x)", "Max(0, x)"),
        ("erf((1-log(2))*x)", "x"),
        ("erf((2-sqrt(2))*x)", "x"),
        ("Piecewise((1, Abs(x) + x <= 0), (0, True))", "1"),
        ("Piecewise((x, Abs(x) - x >= 0), (0, True))", "x"),
        ("exp(-10*x**2)", "exp(x**2)"),
        ("exp(x**2/8)", "Max(0, x)"),
    ],
)
def test_signs_and_sides(f, g):
    E = symntk.expectation(f, g)
    point = (0.9, 1.1, 0.95) if "exp(x**2)" in g else (1.0, 2.0, 0.5)
    true = expectation_oracle(E.f.form, E.g.form, *point, dps=20)
    assert abs(E.evalf(*point, dps=20) / true - 1) < 1e-17
    assert E(*point) == pytest.approx(float(true), rel=1e-12)


def test_a_negative_slope():
    E = symntk.expectation(sp.erf(m * x), x)
    assert E.evalf(1, 2, 0.5, m=-1, dps=15) == pytest.approx(-0.32573500793528, rel=1e-13)


def test_a_width_of_unknown_sign_is_refused():
    s = sp.Symbol("s", real=True, nonzero=True)
    with pytest.raises(FormulaError, match="positive parameter"):
        _ = symntk.expectation(sp.exp(-(x**2) / s**2)).expression


def test_a_delta_against_a_growing_gaussian_has_a_condition():
    E = symntk.expectation("DiracDelta(x)", "exp(x**2)")
    assert E.conditions == (sp.Lt(2 * var_u * var_v - 2 * cov**2, var_u),)
    with pytest.raises(DivergenceError, match="infinite"):
        E.evalf(1, 1, 0)
    assert E.evalf(1, 1, 0.9, dps=15) == pytest.approx(0.506657202767276, rel=1e-13)


def test_small_values_are_not_taken_for_zero():
    E = symntk.derive("hard_tanh").nngp
    assert float(E.evalf(1, 1, 1e-60, dps=20) / 1e-60) == pytest.approx(0.466064942674392, rel=1e-13)
    assert E.evalf(1, 1, 0, dps=20) == 0


def test_divergence_at_full_correlation_of_unequal_variances():
    E = symntk.derive("sign").ntk
    for point in ((1, 4, 2), (1, 1, -1)):
        with pytest.raises(DivergenceError, match="full correlation"):
            E.evalf(*point, dps=20)
    with pytest.raises(DomainError, match="variance 0"):
        E.evalf(0, 1, 0)


def test_parameters_of_one_name_and_two_assumptions_are_refused():
    with pytest.raises(FormulaError, match="different assumptions"):
        symntk.expectation(sp.erf(sp.Symbol("m", positive=True) * x), sp.Symbol("m", real=True) * x)


def test_two_deltas_at_thresholds_of_unknown_order():
    t, r = sp.symbols("t r", real=True)
    assert "not known" in str(symntk.expectation(sp.DiracDelta(x - t), sp.DiracDelta(x - r)).diagonal)


@pytest.mark.parametrize(
    ("f", "g"), [("sign", "boxcar"), ("abs", "x"), ("cos(x)", "sin(x)"), ("hard_tanh", "triangle")]
)
def test_odd_against_even_is_zero_by_parity(f, g):
    E = symntk.expectation(f, g)
    assert E.expression == 0 and E(1.0, 2.0, 0.5) == 0 and "parity" in str(E.derivation)
    assert abs(expectation_oracle(E.f.form, E.g.form, 1.0, 2.0, 0.5, dps=20)) < 1e-18
    assert symntk.expectation(f, g, means=True).evalf(1, 2, 0.5, 0.3, -0.2, dps=15) != 0
