"""Values at points: the function itself, the mean of its one-sided limits, infinite at deltas and poles."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import symntk
from symntk.emit.certain import at_points
from symntk.emit.compile import function_of
from symntk.kernels.function import as_function
from symntk.language.forms.general_form import general_form
from symntk.language.forms.point import one_sided, value_at
from symntk.language.symbols import x

VALUES = [
    ("Max(0, x)", 0, 0),
    ("sign(x)", 0, 0),
    ("Heaviside(x)", 0, 0.5),
    ("3*Heaviside(x-1/3)+x", sp.Rational(1, 3), 1.5 + 1 / 3),
    ("Piecewise((exp(x), x < 0), (3 - x, True))", 0, 2),
    ("DiracDelta(x)", 0, mp.inf),
    ("DiracDelta(x)", 1, 0),
    ("x - 2*DiracDelta(x-1)", 1, -mp.inf),
    ("x - 2*DiracDelta(x-1)", 2, 2),
    ("log(Abs(x))", 0, -mp.inf),
    ("log(Abs(x-1))", 1, -mp.inf),
    ("log(Abs(x-1))", 0, 0),
    ("x*log(Abs(x))", 0, 0),
    ("sin(x)/x", 0, 1),
    ("tanh(x)/x", 0, 1),
    ("(exp(x)-1)/x", 0, 1),
    ("exp(-1/x**2)", 0, 0),
    ("Abs(x)**(-3/10)", 0, mp.inf),
    ("Abs(x)**(7/10)", 0, 0),
    ("softplus(beta=1)", 0, np.log(2)),
    ("log(1+Abs(x-1)**(1/2))", 1, 0),
]


def code(text, names=()):
    """The code of the value as a function."""
    function = as_function(text)
    values = function_of(at_points("value", function.general, {s: f"k_{s.name}" for s in function.parameters}))

    def call(*given):
        with np.errstate(all="ignore"):
            return values(np.array([float(given[0])]), *given[1:])[0]

    return call


@pytest.mark.parametrize(("text", "point", "right"), VALUES)
def test_values_in_mpmath_and_as_source(text, point, right):
    found = value_at(as_function(text).general, x, point)
    assert found == right if mp.isinf(right) else mp.almosteq(found, right, 1e-15, 1e-300)
    assert code(text)(point) == pytest.approx(float(right), rel=1e-15)


@pytest.mark.parametrize(
    ("activation", "point", "right"),
    [
        ("relu", 0, 0.5),
        ("leaky_relu(negative_slope=0.2)", 0, 0.6),
        ("Abs(x-1)", 1, 0),
        ("sign", 0, mp.inf),
        ("Heaviside(-x)", 0, -mp.inf),
    ],
)
def test_derivatives_at_kinks_and_jumps(activation, point, right):
    derivative = as_function(activation).derivative
    assert mp.almosteq(value_at(derivative.general, x, point), right) or mp.isinf(right)
    value = function_of(at_points("value", derivative.general, {}))
    assert value(np.array([float(point)]))[0] == pytest.approx(float(right))


def test_what_has_no_value_is_nan():
    for text in ("DiracDelta(x, 1)", "DiracDelta(x) + log(Abs(x))"):
        assert mp.isnan(value_at(as_function(text).general, x, 0))
        assert np.isnan(code(text)(0))


def test_parameters_stay_symbols_in_source():
    step = code("theta*Heaviside(x-theta)+DiracDelta(x-2*theta)")
    assert [step(at, 0.7) for at in (0.5, 0.7, 1.0, 1.4)] == pytest.approx([0.0, 0.35, 0.7, np.inf])


@pytest.mark.parametrize("name", sorted(symntk.activations))
def test_every_activation_has_its_own_values(name):
    function = as_function(name, symntk.activations)
    if function.parameters:
        return
    value = code(name)
    for at in (0.0, 0.3, -1.7):
        exact = value_at(function.general, x, sp.Rational(at))
        assert value(at) == pytest.approx(float(exact), rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("side", [-1, 1])
def test_one_sided_limits(side):
    part = general_form(sp.atan(1 / x), x).parts[0]
    assert mp.almosteq(one_sided(part, x, 0, side), side * mp.pi / 2)
