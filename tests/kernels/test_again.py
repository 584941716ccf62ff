"""What was derived once is not derived again in one process, and what differs is not taken for it."""

from __future__ import annotations

import sympy as sp

import symntk
from symntk.kernels.function import as_function
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.registry import entry
from tests.work import calls

X = sp.Symbol("x", real=True)


def test_a_pair_again_is_little_work():
    """Some thousand calls of Python functions take less than a millisecond; deriving takes some hundred thousand."""
    for name, surrogate in (("sign", "erf"), ("gelu", "fast_sigmoid"), ("tanh", None)):
        first = symntk.derive(name, surrogate)
        value, formula = first.nngp(1.0, 2.0, 0.5), first.nngp.expression

        def again(name=name, surrogate=surrogate, first=first, formula=formula):
            found = symntk.derive(name, surrogate)
            assert found is not first and found.nngp.expression is formula

        calls(again, 2000)
        assert symntk.derive(name, surrogate).nngp(1.0, 2.0, 0.5) == value


def test_an_expectation_again_is_little_work():
    for f, g in (("relu", "erf"), (sp.erf(X), "gelu"), ("hard_tanh", "x*exp(-x**2)")):
        value = symntk.expectation(f, g)(1.0, 2.0, 0.5)
        calls(lambda f=f, g=g: symntk.expectation(f, g), 500)
        assert symntk.expectation(f, g)(1.0, 2.0, 0.5) == value


def test_options_and_domains_are_told_apart():
    theta = "Heaviside(x - theta)"
    real, positive = (as_function(theta, where={"theta": domain}) for domain in ("real", "positive"))
    assert real.parameters != positive.parameters
    found = [symntk.expectation("tanh", "tanh", **options) for options in ({}, {"tol": 1e-6}, {"means": True})]
    assert len({E.error_bound for E in found}) == 2 and [E.means for E in found] == [False, False, True]
    assert len({id(E.solution) for E in found}) == 3


def test_names_are_those_that_were_given():
    one, other = symntk.expectation("relu"), symntk.expectation("Max(0, x)")
    assert str(one) != str(other) and "relu" in one.source() and "Max(0, x)" in other.source()


def test_an_entry_that_was_replaced_is_read_anew(monkeypatch):
    before = as_function("erf").expression
    monkeypatch.setitem(ACTIVATIONS, "erf", entry("erf", "erf(2*x)"))
    assert as_function("erf").expression == as_function("erf(2*x)").expression != before
