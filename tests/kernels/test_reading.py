"""What the user gives as a function: which symbol is the variable, and what its assumptions allow."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.errors import FormulaError
from symntk.kernels.function import as_function

X = sp.Symbol("x", real=True)


def test_a_threshold_of_any_sign():
    E = symntk.expectation("Heaviside(x - theta)", "Heaviside(x - theta)", where={"theta": "real"})
    assert abs(E(1.0, 1.0, 0.5, theta=-0.3) - 0.459311370312) < 1e-12
    assert abs(E.evalf(1, 1, 0.5, theta=-0.3, dps=15) - 0.459311370312) < 1e-12
    assert abs(pickle.loads(pickle.dumps(E))(1.0, 1.0, 0.5, theta=-0.3) - 0.459311370312) < 1e-12
    kernels = symntk.derive("Heaviside(x - theta)", "erf(x - theta)", where={"theta": "real"})
    assert np.array_equal(kernels.nngp(1.0, 1.0, 0.5, theta=-0.3), E(1.0, 1.0, 0.5, theta=-0.3))
    assert kernels.sg_ntk(1.0, 1.0, 0.5, theta=-0.3) > 0
    with pytest.raises(symntk.kernels.expectation.SymntkError, match="declared positive"):
        symntk.expectation("Heaviside(x - theta)")(1.0, theta=-0.3)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"theta": "complex"}, "'complex' is no domain"),
        ({"mu": "real"}, "mu is no parameter of .* Try: .*theta"),
        ("real", "no dictionary"),
        ({"theta": "real", "x": "real"}, "x is no parameter"),
    ],
)
def test_what_is_declared_is_checked(where, message):
    for call in (
        lambda: symntk.expectation("erf(x - theta)", "Max(0, x)", where=where),
        lambda: symntk.derive("erf(x - theta)", where=where),
    ):
        with pytest.raises(FormulaError, match=message):
            call()


def test_symbols_of_sympy_say_themselves_what_they_are():
    theta = sp.Symbol("theta", negative=True)
    with pytest.raises(FormulaError, match="other assumptions"):
        symntk.expectation(sp.erf(X - theta), where={"theta": "real"})


@pytest.mark.parametrize("text", ["Max(x, y)", "erf(x)*z", "x*u", "x1*x", "sin(x_2 + x)", "silu(x, beta=y)"])
def test_a_second_variable_is_refused(text):
    with pytest.raises(FormulaError, match="looks like a second variable.*where="):
        symntk.expectation(text)
    found = sorted(
        s.name
        for s in as_function(
            text, where={"y": "real", "z": "real", "u": "real"}.copy() | {"x1": "positive", "x_2": "real"}
        ).parameters
    )
    assert len(found) == 1 and found[0] in text


@pytest.mark.parametrize(
    "text", ["erf(m*x)", "Max(0, x - theta)", "Max(0, x - t)", "tanh(beta*x)", "sin(w*x)", "k*x + slope*Abs(x)"]
)
def test_parameters_stay(text):
    assert as_function(text).parameters and all(s.is_positive for s in as_function(text).parameters)


@pytest.mark.parametrize("said", ["positive", "negative", "nonnegative", "integer", "nonzero", "imaginary"])
def test_a_variable_takes_all_real_values(said):
    variable = sp.Symbol("p", **{said: True})
    with pytest.raises(FormulaError, match=f"declared {said}.*u takes all real values.*real=True"):
        symntk.expectation(variable**2 + sp.Abs(variable - 1))
    with pytest.raises(FormulaError, match="u takes all real values"):
        symntk.expectation(sp.Symbol("x", **{said: True}) * sp.Symbol("k", positive=True))


@pytest.mark.parametrize("variable", [sp.Symbol("q"), sp.Symbol("q", real=True), sp.Dummy("q"), sp.Symbol("x")])
def test_a_plain_variable(variable):
    assert as_function(sp.Abs(variable)).expression == sp.Abs(X)


def test_what_does_not_commute():
    for symbol in (sp.Symbol("x", commutative=False), sp.Symbol("A", commutative=False)):
        with pytest.raises(FormulaError, match="does not commute"):
            symntk.expectation(symbol * sp.Symbol("x", real=True) if symbol.name == "A" else symbol)


def test_deltas_of_constants():
    for delta in (sp.DiracDelta(0), X * sp.DiracDelta(sp.Symbol("k", real=True))):
        with pytest.raises(FormulaError, match="no value"):
            symntk.expectation(delta)


def test_spellings_of_surrogates():
    assert symntk.derive("sign", "SuperSpike").surrogate_derivative.expression == 1 / (1 + 25 * sp.Abs(X)) ** 2
    assert symntk.derive("ReLU", "relu").sg_ntk.expression == symntk.derive("relu").ntk.expression
    assert symntk.derive("sign", "fast_sigmoid(10)").surrogate_derivative.expression == 1 / (1 + 10 * sp.Abs(X)) ** 2


@pytest.mark.parametrize("where", [{"theta": "real", "y": "positive"}, {"theta": "positive", "y": "real"}])
def test_files_say_what_was_declared(where):
    from symntk.kernels.pair import derive_again, pair_record

    kernels = symntk.derive("erf(x - theta)", "erf(x - y)", where=where)
    record = pair_record(kernels)
    again = derive_again(record, "a certificate")
    assert again.sg_ntk.expression == kernels.sg_ntk.expression and pair_record(again) == record
    assert record["where"] == where
