"""Layer maps as targets take them: values, variables of variance 0, slopes by Price's theorem."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp

import symntk
from symntk.emit.compile import function_of
from symntk.emit.standalone import TARGETS, target_of
from symntk.errors import FormulaError
from symntk.kernels.layers import layer_map

PAIRS = [("erf", None), ("relu", None), ("gelu", None), ("sign", "erf"), ("Heaviside(x)", "triangle"), ("elu", None)]
LAWS = [(1.3, 0.7, 0.4), (0.2, 3.0, -0.5), (1.0, 1.0, 0.0)]


def value(layer, a, b, c, **numbers):
    det = a * b - c * c
    given = [numbers[name] for name in layer.keywords]
    with np.errstate(all="ignore"):
        return float(function_of(*layer.definitions)(*map(np.float64, (a, b, c, det)), np.sqrt(max(det, 0.0)), *given))


@pytest.mark.parametrize(("activation", "surrogate"), PAIRS)
def test_layer_maps_are_the_expectations(activation, surrogate):
    for name, E in symntk.derive(activation, surrogate).items():
        layer = layer_map(E, f"{name}_map")
        for law in LAWS:
            assert value(layer, *law) == pytest.approx(float(E.evalf(*law, dps=20)), rel=1e-12, abs=1e-15)
        for law in ((0.0, 0.7, 0.0), (0.5, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.7, -0.0)):
            try:
                right = float(E(*law))
            except ValueError:
                right = np.inf
            assert value(layer, *law) == pytest.approx(right, rel=1e-13, abs=1e-15), (name, law)


@pytest.mark.parametrize("activation", ["erf", "gelu", "elu", "relu", "sign"])
def test_slopes_are_derivatives(activation):
    """Against differences of the formula in 40 digits."""
    E = symntk.derive(activation).nngp
    layer = layer_map(E, "nngp_map", slopes=True)
    assert set(layer.slopes) == {"a", "b", "c"}
    law = ("1.3", "0.7", "0.4")
    with mp.workdps(40):
        for index, entry in enumerate("abc"):
            step = mp.mpf("1e-12")
            ends = []
            for sign in (1, -1):
                moved = [mp.mpf(x) + (sign * step if index == i else 0) for i, x in enumerate(law)]
                ends.append(E.evalf(*moved, dps=40))
            right = float((ends[0] - ends[1]) / (2 * step))
            assert value(layer.slopes[entry], *map(float, law)) == pytest.approx(right, rel=1e-11), entry


def test_parameters_and_means():
    E = symntk.expectation("Heaviside(x - theta)", "erf(k*x)", means=True)
    layer = layer_map(E, "map", slopes=True)
    assert layer.keywords == ("k", "theta") and layer.means and set(layer.slopes) == {"a", "b", "c", "m1", "m2"}
    found = function_of(*layer.definitions)(1.3, 0.7, 0.4, 0.75, np.sqrt(0.75), 0.2, -0.1, 2.0, 0.5)
    assert found == pytest.approx(float(E.evalf(1.3, 0.7, 0.4, 0.2, -0.1, k=2.0, theta=0.5, dps=20)), rel=1e-13)


def test_a_target_that_is_not_offered_is_named():
    with pytest.raises(FormulaError, match="'fortran': it is not offered. Try: numpy, jax"):
        target_of("fortran")
    with pytest.raises(FormulaError, match="not offered"):
        symntk.derive("relu").source("fortran")
    assert "numpy" in TARGETS
