"""Formulas that are too deep for Python are refused by name; the symbols of formulas are public."""

from __future__ import annotations

import pytest
import sympy as sp

import symntk
from symntk.errors import FormulaError


class _Deep:
    """A solution all of whose answers end in Python's recursion limit."""

    def __getattr__(self, name: str):
        raise RecursionError("maximum recursion depth exceeded")


ASKED = {
    "value": lambda E: E(1.0, 1.0, 0.5),
    "digits": lambda E: E.evalf(1, 1, 0),
    "formula": lambda E: E.expression,
    "method": lambda E: repr(E),
    "tree": lambda E: str(E.derivation),
    "LaTeX": lambda E: E.latex(),
    "rich": lambda E: E._repr_latex_(),
    "code": lambda E: E.source(),
    "diagonal": lambda E: E.diagonal,
    "conditions": lambda E: E.conditions,
    "bound": lambda E: E.error_bound,
}


@pytest.mark.parametrize("what", ASKED)
def test_a_formula_too_deep_is_named(what):
    E = symntk.expectation("relu", "relu")
    E.__dict__["solution"] = _Deep()
    with pytest.raises(FormulaError, match="f = relu, g = relu: its formulas are nested deeper"):
        ASKED[what](E)


def test_kernels_too_deep_are_named():
    kernels = symntk.derive("relu")
    kernels.nngp.__dict__["solution"] = _Deep()
    for call in (kernels.source, kernels.verify):
        with pytest.raises(FormulaError, match="nested deeper"):
            call()


def test_the_symbols_of_formulas_are_public():
    """∂E[f(u) g(v)]/∂c = E[f'(u) g'(v)] (Price 1958), by the package's own symbols."""
    a, b, c, m1, m2, x = symntk.symbols
    kernels = symntk.derive("relu")
    price = kernels.nngp.expression.diff(symntk.symbols.c) - kernels.ntk.expression
    assert abs(sp.N(price.subs({a: 1.3, b: 0.7, c: 0.4}))) < 1e-14
    E = symntk.expectation(sp.exp(x), means=True)
    assert E.expression.diff(m1) == E.expression and E.expression.free_symbols == {a, m1}
    pair = symntk.expectation("x", "x", means=True).expression
    assert pair == c + m1 * m2 and (b.is_positive, c.is_real, str(b)) == (True, True, "b")
