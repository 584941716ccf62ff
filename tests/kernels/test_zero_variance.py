"""A variable of variance 0 is its mean: E[f(u) g(v)] = f(m1) E g(v), with the mean of one-sided limits at jumps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symntk
from symntk.errors import DivergenceError, DomainError
from symntk.language.forms.point import value_at
from symntk.language.symbols import var_u, x

E = cache(symntk.expectation)

CASES = [  # f, g, f(0), g(0); of every way in which an expectation is answered
    ("relu", "relu", 0.0, 0.0),
    ("Heaviside(x)", "relu", 0.5, 0.0),
    ("sign", "Heaviside(x)+x**2", 0.0, 0.5),
    ("gelu", "erf(x)+1", 0.0, 1.0),
    ("exp(-x**2)*cos(x)", "exp(x)", 1.0, 1.0),
    ("Heaviside(x-1/3)", "normal_cdf(x)", 0.0, 0.5),
    ("tanh(x)", "Abs(x)", 0.0, 0.0),  # an odd and an even function
    ("tanh(x)", "tanh(x)", 0.0, 0.0),  # a mixture
    ("sigmoid", "tanh(x)+1", 0.5, 1.0),
    ("sigmoid", "relu", 0.5, 0.0),  # one integral
    ("1/(1+x**2)", "1/(1+Abs(x))", 1.0, 1.0),
    ("sin(x)/x", "softplus", 1.0, np.log(2.0)),
    ("tanh(x)+Heaviside(x)", "1/(1+x**2)+DiracDelta(x-1)", 0.5, 1.0),
    ("DiracDelta(x-1)", "1/(1+x**2)", 0.0, 1.0),  # closed on a line
    ("DiracDelta(x-1)", "log(1+Abs(x))+1", 0.0, 1.0),
    ("DiracDelta(x-1)", "relu", 0.0, 0.0),
]


@pytest.mark.parametrize(("f", "g", "f_at", "g_at"), CASES)
def test_every_kind_of_answer_is_the_product_of_a_value_and_a_mean(f, g, f_at, g_at):
    pair, alone_f, alone_g = E(f, g), E(f), E(g)
    mean_f, mean_g = float(alone_f(1.3, 1, 0)), float(alone_g(0.7, 1, 0))
    found = pair([0.0, 1.3, 0.0, 1.3], [0.7, 0.0, 0.0, 0.7], [0.0, 0.0, 0.0, 0.4])
    assert found[:3] == pytest.approx([f_at * mean_g, mean_f * g_at, f_at * g_at], rel=1e-13, abs=1e-15)
    # the random entry beside them is what it is alone, to the last bit of a closed form
    assert abs(found[3] - pair(1.3, 0.7, 0.4)) <= pair.error_bound


@pytest.mark.parametrize(("f", "g", "f_at", "g_at"), CASES)
def test_evalf_equals_float64(f, g, f_at, g_at):
    pair = E(f, g)
    for law in ((0, 0.7, 0), (1.3, 0, 0), (0, 0, 0)):
        assert float(pair.evalf(*law, dps=20)) == pytest.approx(float(pair(*law)), rel=1e-13, abs=1e-15)


def test_three_values_of_a_step_derived_anew():
    """Beside them the mutations of `tests.mutations.certain` are noticed: nothing is remembered here."""
    pair = symntk.expectation("Heaviside(x)", "Max(0, x)", means=True)
    mean = np.sqrt(1 / np.pi)  # of the positive part of a variable of variance 2
    values = pair([0, 2, 0, 2], [2, 0, 0, 0], 0, 0, [0, 3, 3, 0])
    assert values == pytest.approx([mean / 2, 1.5, 1.5, 0], rel=1e-14)
    assert float(pair.evalf(0, 2, 0, dps=15)) == pytest.approx(mean / 2, rel=1e-14)
    try:
        refused = symntk.expectation("DiracDelta(x)", "Max(0, x)")(0, 1, 0)
    except DivergenceError:
        refused = None
    assert refused is None


@pytest.mark.parametrize(
    ("f", "g", "law"),
    [
        ("Heaviside(x)", "relu", (0, 2.0, 0, 0.0, 1.0)),
        ("Heaviside(x-0.1)", "sigmoid", (0, 2.0, 0, 0.1, 0.3)),
        ("tanh(x)", "Heaviside(x+1)", (0.5, 0, 0, 0.4, -1.0)),
        ("DiracDelta(x-1)", "1/(1+x**2)", (0.5, 0, 0, 0.4, 3.0)),
        ("sin(x)*Heaviside(x)", "cos(x)", (0, 1.0, 0, 0.5, 1.0)),
        ("x*exp(-x**2)", "Max(0, x)**3", (0, 1.0, 0, 0.5, -40.0)),
    ],
)
def test_means(f, g, law):
    pair = E(f, g, means=True)
    assert float(pair(*law)) == pytest.approx(float(pair.evalf(*law, dps=20)), rel=1e-12)
    exchanged = E(g, f, means=True)(law[1], law[0], law[2], law[4], law[3])
    assert float(exchanged) == pytest.approx(float(pair(*law)), rel=1e-13)


def test_parameters_and_arrays_of_them():
    pair = E("Heaviside(x-theta)", "erf(k*x)+1", means=True)
    at = np.array([0.2, 0.3, 0.4])
    found = pair(0, 2.0, 0, at, 0.3, theta=0.3, k=np.array([1.0, 2.0, 3.0]))
    mean = E("erf(k*x)+1", means=True)
    assert found == pytest.approx([0.0, 0.5 * mean(2.0, 1, 0, 0.3, k=2.0), mean(2.0, 1, 0, 0.3, k=3.0)], rel=1e-13)
    assert float(pair.evalf(0, 2.0, 0, 0.3, 0.3, theta=0.3, k=2.0)) == pytest.approx(found[1], rel=1e-13)
    numbers = E("Heaviside(x-theta)", "tanh(k*x)", means=True)(0, 2.0, 0, 0.3, 0.3, theta=0.3, k=2.0)
    assert numbers == pytest.approx(0.5 * E("tanh(2*x)", means=True)(2.0, 1, 0, 0.3), rel=1e-12)


INFINITE = [
    ("DiracDelta(x)", "DiracDelta(x)", (0, 1, 0)),
    ("DiracDelta(x)", "1", (0, 1, 0)),
    ("DiracDelta(x)", "1", (0, 0, 0)),
    ("tanh(x)+1", "2*DiracDelta(x)", (1, 0, 0)),
    ("log(Abs(x))", "log(Abs(x))", (0, 1, 0)),
    ("log(Abs(x))", "log(Abs(x))", (0, 0, 0)),
    ("log(Abs(x))", "tanh(x)", (0, 1, 0)),
    ("x**2", "DiracDelta(x)", (0, 0, 0)),
]


@pytest.mark.parametrize(("f", "g", "law"), INFINITE)
def test_at_a_delta_or_a_pole_it_is_infinite_by_name(f, g, law):
    for call in (E(f, g), E(f, g).evalf):
        with pytest.raises(DivergenceError, match="infinite: a variable of variance 0"):
            call(*law)
    a, b, c = np.array([law, (1, 1, 0)]).T[:, ::-1]
    with pytest.raises(DivergenceError, match=r"at index \(1,\): var_u"):
        E(f, g)(a, b, c)


def test_a_derivative_of_a_delta_has_no_value():
    for call in (E("DiracDelta(x, 1)", "relu"), E("DiracDelta(x, 1)", "relu").evalf):
        with pytest.raises(DomainError, match="no value"):
            call(0, 1, 0)
        assert call(1, 0, 0) == 0


def test_conditions_hold_for_the_other_variable():
    pair = E("exp(x**2/3)", "exp(x**2/3)")
    assert pair(0, 1, 0) == pytest.approx(np.sqrt(3.0), rel=1e-15)
    for call in (pair, pair.evalf):
        with pytest.raises(DivergenceError, match=r"since not"):
            call(0, 2, 0)


def test_types_masks_nan_and_shapes():
    pair = E("Heaviside(x)", "relu")
    narrow = pair(np.zeros(2, np.float32), np.float32(2.0), np.float32(0.0))
    assert narrow.dtype == np.float32 and narrow == pytest.approx(0.5 / np.sqrt(np.pi), rel=1e-7)
    masked = pair(np.ma.array([0.0, 0.0], mask=[True, False]), 2.0, 0.0)
    assert masked.mask.tolist() == [True, False]
    assert np.isnan(pair([0.0, np.nan], 1.0, 0.0)).tolist() == [False, True]
    assert pair(np.zeros((2, 1)), np.ones(3), 0.0).shape == (2, 3) and pair([], [], []).shape == (0,)
    for law in ((0, 1, 1e-9), (-1, 0, 0)):
        with pytest.raises(DomainError):
            pair(*law)
    single = E("sigmoid", "tanh(x)+1")(np.zeros(2, np.float32), np.float32(2.0), np.float32(0.0))
    assert single.dtype == np.float32 and single == pytest.approx(0.5, rel=1e-7)


@pytest.mark.parametrize(
    ("f", "g", "value"),
    [
        ("relu", "relu", lambda a, b: np.sqrt(a) * np.sqrt(b) / (2 * np.pi)),
        ("sign", "DiracDelta(x)", lambda a, b: 0.0),
        ("DiracDelta(x)", "1", lambda a, b: 1 / np.sqrt(2 * np.pi) / np.sqrt(a)),
        ("Abs(x)", "leaky_relu", lambda a, b: 0.99 * np.sqrt(a) * np.sqrt(b) / np.pi),
    ],
)
@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1e-160, 1e160, 1e300])
def test_homogeneous_functions_have_no_smallest_variance(f, g, value, size):
    assert E(f, g)(size, 1.0, 0.0) == pytest.approx(value(size, 1.0), rel=1e-13)
    assert E(f, g)(size, size, 0.0) == pytest.approx(value(size, size), rel=1e-13)


@pytest.mark.parametrize("name", ["erf", "gelu", "tanh", "softsign", "elu", "cos", "sigmoid", "hard_tanh", "mish"])
def test_tiny_variances_are_right(name):
    """Functions with a derivative at 0: E f(u) f(v) = f(0) E f(v) + c f'(0) E f'(v) + O(a) at variances a of u."""
    kernels = symntk.derive(name)
    value, slope = (float(value_at(one.general, x, 0)) for one in (kernels.activation, kernels.derivative))
    mean, gain = (E(one)(1.0, 1.0, 0.0) for one in (name, kernels.derivative))
    for law in ((1e-300, 1.0, 0.5e-150), (1e-300, 1.0, -1e-150), (2e-305, 1.0, 0.0)):
        found = E(name, name)(*law)
        small = 1e-10 * np.sqrt(law[0])  # the bound of what is not closed, for a function that is 0 at 0
        assert found == pytest.approx(value * mean + law[2] * slope * gain, rel=3e-10, abs=small)
    # the second moment of values next to 0
    found = E(name, name)(1e-150, 1e-150, 0.5e-150)
    assert found == pytest.approx(value**2 + 0.5e-150 * slope**2, rel=1e-13, abs=1e-200)


def test_what_float64_cannot_hold_is_refused_by_name():
    for law, words in (
        ((1e-310, 1, 0), "too small"),
        ((1e-200, 1e-200, 0), "too small"),
        ((1, 1e160, 0), "beyond 2"),
        ((1, np.inf, 0), "infinite"),
    ):
        for name in ("erf", "tanh"):
            with pytest.raises(DomainError, match=words):
                E(name, name)(*law)
    with pytest.raises(DomainError, match="beyond float64"):
        E("Max(0, x)**4", "Max(0, x)**4")(1e200, 1e200, 0)


CONTINUOUS = ["relu", "gelu", "erf(x)+1", "sigmoid", "softplus", "cos(x)", "1/(1+x**2)", "Abs(x)"]


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(CONTINUOUS), st.sampled_from(CONTINUOUS), st.floats(0.01, 10.0), st.floats(-0.9, 0.9), st.booleans()
)
def test_continuous_functions_lead_to_it(f, g, variance, rho, exchange):
    """|E(ε², b, c) − E(0, b, 0)| ≤ ε times the functions' slopes and sizes, which are below 20 here."""
    step = 1e-7
    law = (step**2, variance, rho * step * np.sqrt(variance))
    at, pair = (0.0, variance, 0.0), E(f, g)
    if exchange:
        law, at = (law[1], law[0], law[2]), (variance, 0.0, 0.0)
    assert abs(float(pair(*law)) - float(pair(*at))) < 20 * step
    assert float(E(g, f)(at[1], at[0], 0.0)) == pytest.approx(float(pair(*at)), rel=1e-12, abs=1e-15)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["sign", "Heaviside(x)", "3*Heaviside(x)-sign(x)+x", "Heaviside(-x)*cos(x)"]), st.floats(0.1, 5.0)
)
def test_at_a_jump_an_independent_tiny_variable_leads_to_it(f, variance):
    pair = E(f, "sigmoid")
    assert float(pair(0, variance, 0)) == pytest.approx(float(pair(1e-16, variance, 0)), abs=1e-7)


def test_a_one_variable_expectation_keeps_its_formula():
    one = E("Heaviside(x-1)*exp(-x)")
    assert one.expression is not None and one.expression.has(var_u)
    assert one(0, 1, 0) == 0.0 and one(1, 0, 0) == one(1, 1, 0)
    assert E(sp.Heaviside(x) + 1, sp.Integer(1))(0, 0, 0) == 1.5


@pytest.mark.parametrize(
    ("f", "g"),
    [
        ("normal_cdf(k*x - 1)", "Max(0, x)"),
        ("x*erf(k*x + 1)", "erfc(x - k)"),
        ("Heaviside(x - k)*erf(k*x)", "1"),
        ("sin(k*x + 1)", "normal_pdf(x)"),
        ("cos(x)*sinh(k*x)*exp(-x**2)", "x"),
    ],
)
def test_functions_with_parameters(f, g):
    """Parameters have no numbers when the code is written."""
    E = symntk.expectation(f, g)
    for law in ((0.0, 1.2, 0.0), (1.0, 0.0, 0.0), (1.0, 1.2, 0.5)):
        right = E.evalf(*law, k=0.7, dps=20)
        assert abs(E(*law, k=0.7) - right) < 1e-13, law
