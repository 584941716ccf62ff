"""One row makes a function of the language: parsed, derived, evaluated, bounded, compared with the oracle, exported."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.emit.compile import namespace
from symntk.errors import FormulaError
from symntk.language.balls.ball import Ball
from symntk.language.special.head import SpecialFunction
from symntk.language.special.late import special
from symntk.language.special.real import Interval
from symntk.language.special.table import Row, enter, leave, rows
from symntk.language.symbols import x
from symntk.language.text.vocabulary import functions


class dawson(SpecialFunction):
    """Dawson's function D(w) = ∫ exp(−t²) sin(2wt) dt over t > 0."""

    is_positive_on_the_line = False
    number = staticmethod(lambda w: mp.sqrt(mp.pi) / 2 * mp.exp(-w * w) * mp.erfi(w))

    def fdiff(self, argindex=1):
        return 1 - 2 * self.args[0] * self


def _ball(w):
    """|D'(z)| ≤ ∫ 2t exp(−t²) cosh(2t|Im z|) dt."""
    y = np.abs(w.centre.imag) + w.radius
    return Ball(special.dawsn(w.centre), w.radius * (1.0 + np.sqrt(np.pi) * y * np.exp(y * y) * special.erf(y)))


def _interval(w):
    return Interval(np.full(w.low.shape, -0.5411), np.full(w.high.shape, 0.5411))


DAWSON = Row(dawson, special.dawsn, "special.dawsn({})", _ball, _interval, bound=0.5411, latex="D")


@pytest.fixture(scope="module", autouse=True)
def entered():
    enter(DAWSON)
    yield
    leave(DAWSON)


def _truth(a, b, c):
    """E[D(u) D(v)]: an orthant probability for each sign in sin·sin."""
    return np.arcsin(2 * c / np.sqrt((1 + 2 * a) * (1 + 2 * b))) / 2 / np.sqrt((1 + 2 * a) * (1 + 2 * b) - 4 * c * c)


LAWS = [(1.0, 1.0, 0.5), (2.0, 0.3, -0.7), (0.01, 100.0, 0.5), (3.0, 3.0, 3.0)]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_its_expectation_is_known(law):
    E = symntk.expectation("dawson(x)", "dawson(x)")
    assert abs(E(*law) - _truth(*law)) <= 1e-11 * np.sqrt(_truth(law[0], law[0], law[0]) * _truth(*[law[1]] * 3))


def test_digits_derivatives_and_products():
    E = symntk.expectation("x*dawson(2*x) + relu(x)", "tanh")
    assert abs(E(1.0, 2.0, 0.5) - float(E.evalf(1, 2, 0.5, dps=20))) < 1e-12
    slope = symntk.expectation(sp.diff(dawson(x), x), sp.diff(dawson(x), x))
    h = 1e-4
    assert abs(slope(1.0, 1.0, 0.5) - (_truth(1, 1, 0.5 + h) - _truth(1, 1, 0.5 - h)) / (2 * h)) < 1e-7


def test_its_source_runs_alone():
    source = symntk.expectation("dawson(x)", "dawson(x)").source()
    assert "special.dawsn(x" in source
    assert abs(namespace(source)["expectation_map"](1.0, 1.0, 0.5) - _truth(1, 1, 0.5)) < 1e-11


def test_a_name_is_given_once():
    with pytest.raises(FormulaError, match="the function dawson: the language has one of this name"):
        enter(DAWSON)


def test_every_row_is_a_word_of_the_language():
    assert {one.name for one in rows()} <= set(functions())
    assert len({one.name for one in rows()}) == len(rows())
