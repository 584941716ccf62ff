"""One law given as plain numbers: the same digits as that law in an array, or the same within the stated bound."""

from __future__ import annotations

import math

import numpy as np
import pytest

import symntk
from symntk.emit.runtime import hermite_line, hermite_one, hermite_recall
from symntk.emit.runtime.covariance import _plain_numbers
from symntk.emit.runtime.tracked import _Tracked

LAWS = [
    (1.0, 2.0, 0.5),
    (1, 2, -1),
    (1e-6, 1e6, 0.3),
    (1e-12, 3.0, -1e-6),
    (2.0, 2.0, 2.0),
    (2.0, 2.0, -2.0),
    (2.0, 2.0, 2.0 - 1e-12),
    (1e80, 1e80, 0.5e80),
    (0.0, 1.0, 0.0),
    (1.0, 1.0, 1.0 + 1e-13),
    (np.nan, 1.0, 0.5),
]
CLOSED = [("erf", "erf"), ("relu", "relu"), ("sign", "erf"), ("gelu", "step"), ("exp(-x**2)", "x**2")]
OPEN = [("tanh", "tanh"), ("softplus", "sigmoid"), ("tanh", "1"), ("atan(x)", "sign")]


@pytest.mark.parametrize(("f", "g"), CLOSED)
@pytest.mark.parametrize("means", [False, True])
def test_closed_forms_have_the_same_digits(f, g, means):
    E = symntk.expectation(f, g, means=means)
    for law in LAWS:
        if means and law[0] == 1e80:
            continue
        law = (*law, *((0.3, -1.2) if means else ()))
        array = E(np.array([law[0]], dtype=float), *law[1:])
        value = E(*law)
        assert isinstance(value, np.float64), law
        np.testing.assert_allclose(value, array[0], rtol=1e-13, err_msg=str(law))


@pytest.mark.parametrize("name", ["relu", "gelu", "elu", "hard_tanh", "leaky_relu"])
def test_what_can_cancel_is_bounded_without_arrays(monkeypatch, name):
    E = symntk.expectation(name, name)
    laws = [(1.0, 2.0, c) for c in (0.5, -0.9, 1.3)]
    arrays = [E(np.array([law[0]]), *law[1:])[0] for law in laws]

    def refused(*_):
        raise AssertionError("arrays with bounds are made")

    monkeypatch.setattr(_Tracked, "__init__", refused)
    np.testing.assert_allclose([E(*law) for law in laws], arrays, rtol=1e-13)


@pytest.mark.parametrize(("f", "g"), OPEN)
@pytest.mark.parametrize("means", [False, True])
def test_what_has_none_agrees_within_its_bound(f, g, means):
    E = symntk.expectation(f, g, means=means)
    for law in LAWS:
        if law[0] == 1e80:
            continue
        law = (*law, *((0.3, -1.2) if means else ()))
        for _ in range(2):  # computed, and remembered
            value = E(*law)
            assert isinstance(value, np.float64)
            scale = np.sqrt(max(symntk.expectation(f, f, means=means)(law[0], law[0], law[0], *law[3:4] * 2), 1e-300))
            array = E(np.array([law[0]], dtype=float), *law[1:])[0]
            assert abs(value - array) <= 2 * E.error_bound * max(scale, 1.0) or (np.isnan(value) and np.isnan(array))


@pytest.mark.parametrize("f", ["tanh", "mish", "1/(1 + 25*Abs(x))**2"])
def test_other_variances_of_a_segment_need_no_coefficients(monkeypatch, f):
    E = symntk.expectation(f, f)
    laws = [(a, b, rho * math.sqrt(a * b)) for a, b in ((1.1, 2.6), (1.7, 2.0)) for rho in (0.3, -0.6, 0.8, 0.9)]
    arrays = [E(np.array([a]), b, c)[0] for a, b, c in laws]
    for _ in range(13):
        E(1.0001, 1.5, 0.9 * math.sqrt(1.0001 * 1.5))

    def refused(*_):
        raise AssertionError("coefficients are computed again")

    for module in (hermite_line, hermite_recall):
        monkeypatch.setattr(module, "_hermite_coefficients", refused)
    scale = E(2.0, 2.0, 2.0)
    assert np.abs(np.array([E(*law) for law in laws]) - arrays).max() <= 1e-10 * scale


def test_a_mixture_is_found_where_an_entry_needs_it():
    E = symntk.expectation("tanh(37*x/36)", "tanh(37*x/36)")
    E(1.0, 2.0, 0.5)
    assert "mixture" not in vars(E.derivation)
    near = E(100.0, 100.0, 100.0 - 1e-6)
    assert vars(E.derivation)["mixture"] is not None
    assert abs(near - E(100.0, 100.0, 100.0)) <= 1e-6 and E.method == "mixture"


def test_parameters_and_types():
    E = symntk.expectation("erf(k*x)", "relu")
    assert E(1.0, 2.0, 0.5, k=0.3) == E(np.ones(1), 2.0, 0.5, k=0.3)[0]
    assert symntk.expectation("erf", "erf")(*np.float32([1.0, 2.0, 0.5])).dtype == np.float32
    assert _plain_numbers(1, 2.0, np.float64(3.0)) == [1.0, 2.0, 3.0]
    for other in (True, np.float32(1.0), 2**60, np.inf, np.nan, "1", np.ones(1), 1j, None):
        assert _plain_numbers(1.0, other) is None


def test_little_is_kept(monkeypatch):
    monkeypatch.setattr(hermite_one, "_ONE_ROWS", {})
    monkeypatch.setattr(hermite_one, "_ONE_HELD", 4)
    shape = (), (), (), (-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0)
    for variance in np.linspace(0.5, 2.0, 20).tolist():
        law = variance, 1.0, 0.1, 0.0, 0.0
        assert hermite_one._one_law(np.tanh, np.tanh, shape, shape, 1e-9, law) is not None
        assert len(hermite_one._ONE_ROWS) <= 4
    other = (*shape[:3], (*shape[3], 20.0))
    hermite_one._one_law(np.tanh, np.tanh, other, other, 1e-9, law)
    assert all(row[0] is other for key, row in hermite_one._ONE_ROWS.items() if key[2] == 1.0)
