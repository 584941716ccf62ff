"""Functions whose formula divides by 0, or takes the logarithm of a square, and which are finite all the same."""

from functools import cache

import numpy as np
import pytest
from mpmath import mp

import symntk
from symntk.emit.general_shape import general_shape
from symntk.emit.stable_body import part_series
from symntk.errors import SymntkError
from symntk.language.forms.divisors import divisor_roots
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.symbols import x
from symntk.language.text.parser import parse
from symntk.verify.oracle.general.oracle import general_oracle

# a formula, mpmath's function, and places between which it is smooth
FORMULAS = {
    "sin(x-1)/(x-1)": (lambda t: mp.sinc(t - 1), []),
    "(1-cos(x-1/3))/(x-1/3)**2": (lambda t: mp.sinc((t - mp.mpf(1) / 3) / 2) ** 2 / 2, []),
    "(exp(x)-2)/(x-log(2))": (lambda t: 2 * mp.expm1(t - mp.log(2)) / (t - mp.log(2)), [mp.log(2)]),
    "(x-1)/(exp(x-1)-1)": (lambda t: (t - 1) / mp.expm1(t - 1), [1]),
    "log(1+x**2)/x**2": (lambda t: mp.log1p(t * t) / t**2, [0]),
    "(1-exp(-x**2))/x**2": (lambda t: -mp.expm1(-t * t) / t**2, [0]),
    "tanh(x**2-2)/(x**2-2)": (lambda t: mp.tanh(t * t - 2) / (t * t - 2), [-mp.sqrt(2), mp.sqrt(2)]),
    "x*log(x**2)": (lambda t: 2 * t * mp.log(abs(t)), [0]),
    "log(3*(x-1)**4*(1+x**2))": (lambda t: mp.log(3) + 4 * mp.log(abs(t - 1)) + mp.log1p(t * t), [1]),
    "x**2*log(1+1/x**2)": (lambda t: t * t * mp.log1p(1 / t**2), [0]),
    "(cosh(x)-1)/x**2*exp(-Abs(x))": (lambda t: mp.exp(-abs(t)) * (mp.cosh(t) - 1) / t**2, [0]),
}


@cache
def form(text):
    return general_form(parse(text), x)


@cache
def mean(text):
    """E f(u), u ~ N(0.3, 1.3), by mpmath's quadrature, whose nodes come close to no end."""
    function, places = FORMULAS[text]
    with mp.workdps(25):
        deviation, middle = mp.sqrt(mp.mpf(13) / 10), mp.mpf(3) / 10
        ends = sorted({*places, *(mp.mpf(k) for k in (-13, -7, -4, -2, -1, 1, 2, 4, 7, 13) if k not in places)})
        return mp.quad(lambda t: function(t) * mp.npdf(t, middle, deviation), ends)


@pytest.mark.parametrize("text", FORMULAS)
def test_expectation(text):
    E = symntk.expectation(text, means=True)
    assert float(E(1.3, 1.0, 0.0, 0.3)) == pytest.approx(float(mean(text)), rel=1e-10)


@pytest.mark.parametrize("text", ["sin(x-1)/(x-1)", "(x-1)/(exp(x-1)-1)", "x*log(x**2)", "x**2*log(1+1/x**2)"])
def test_evalf(text):
    value = general_oracle(form(text), form("1"), "1.3", 1, 0, "0.3", dps=12)
    assert abs(value / mean(text) - 1) < 1e-12


@pytest.mark.parametrize("text", ["sin(x-1)/(x-1)", "(exp(x)-2)/(x-log(2))", "tanh(x**2-2)/(x**2-2)"])
def test_floats_next_to_the_place(text):
    function, places = FORMULAS[text][0], divisor_roots(parse(text), x)
    found = general_shape(form(text)).function()
    for place in places:
        points = float(place) + np.array([0.0, 1e-12, -1e-9, 1e-6, -1e-4, 1e-3, 0.1])
        with np.errstate(all="ignore"):
            values = found(points)
        with mp.workdps(40):
            for point, value in zip(points, values, strict=True):
                assert abs(value - function(mp.mpf(float(point)) + mp.mpf(10) ** -35)) < 2e-15 * abs(value)


def test_a_pole_has_no_series():
    assert part_series(1 / (x - 1)) == ()
    with pytest.raises(SymntkError, match="near x = 1|at x = 1"):
        symntk.expectation("cos(x-1)/(x-1)")(1, 1, 0)


def test_a_derivative_keeps_the_cut():
    slope = derivative(form("x**2*log(1+1/x**2)"), x)
    assert slope.breaks == (0,) and general_shape(slope).defect < 1e-9
