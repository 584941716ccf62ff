"""Derivatives of formulas by names, and formulas in the hands of SymPy's own printers."""

import pytest
import sympy as sp

import symntk
from symntk.errors import FormulaError
from symntk.kernels.expectation import expectation


def test_price_theorem_by_names():
    E, slope = expectation("relu", "relu"), expectation("Heaviside(x)", "Heaviside(x)")
    for c in ("c", sp.Symbol("c"), symntk.symbols.c):
        assert sp.simplify(E.diff(c) - slope.expression) == 0
    assert E.expression.diff(symntk.symbols.c) == E.diff("c")
    # the heat equation: ∂/∂a is half the expectation of the second derivative
    bell = expectation("exp(-x**2)").diff("a")
    curved = expectation(sp.exp(-(symntk.symbols.x**2)).diff(symntk.symbols.x, 2)).expression / 2
    assert sp.simplify(bell - curved) == 0


def test_parameters_and_means_have_names():
    assert expectation("m*x", "x").diff("m") == symntk.symbols.c
    assert expectation("x", "x", means=True).diff("m1") == symntk.symbols.m2


@pytest.mark.parametrize(("names", "wrong"), [(("q",), "'q' is none"), ((), "no symbol"), (("m1",), "'m1' is none")])
def test_other_names_are_refused(names, wrong):
    with pytest.raises(FormulaError, match=wrong):
        expectation("relu", "relu").diff(*names)


def test_what_has_no_closed_form_is_refused():
    with pytest.raises(FormulaError, match="no closed form"):
        expectation("tanh", "tanh").diff("c")


@pytest.mark.parametrize("pair", [("Heaviside(x-1)", "Heaviside(x-1/2)"), ("Max(0,x-1)", "Heaviside(x-1/2)")])
@pytest.mark.parametrize("modules", ["numpy", "scipy", "mpmath", "math"])
def test_lambdify_of_formulas_with_bivariate_probabilities(pair, modules):
    E = expectation(*pair)
    a, b, c = (getattr(symntk.symbols, name) for name in "abc")
    found = sp.lambdify((a, b, c), E.expression, modules)(1.3, 0.7, 0.4)
    assert float(found) == pytest.approx(float(E(1.3, 0.7, 0.4)), rel=1e-12)
    assert "bivariate_normal_cdf" in sp.pycode(E.expression) and "bivariate_normal_cdf" in sp.ccode(E.expression)
