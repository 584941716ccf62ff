"""Stable formulas: equal to what was written, finite where that overflows, and expectations known by themselves."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.emit.code import Name
from symntk.emit.compile import function_of
from symntk.emit.functions import FunctionTranslator
from symntk.emit.general_shape import general_shape
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.numbers import number_function
from symntk.language.special.table import rows
from symntk.language.symbols import x
from symntk.language.text.parser import parse

PAIRS = [
    ("log(cosh(x))", 0.158919146420),
    ("x+log(1+exp(-2*x))-log(2)", 0.158919146420),
    ("log(exp(x)+exp(-x))", 1.15289525393),
    ("log(normal_cdf(x))", 1.34519408310),
    ("normal_cdf(x)*log(normal_cdf(x))", 0.0651828835189),
    ("normal_pdf(x)/normal_cdf(x)", 0.959470284866),
    ("(exp(x)-exp(-x))/(exp(x)+exp(-x))", 0.150919764109),
    ("x*((1+exp(x))**2-1)/((1+exp(x))**2+1)", 0.192538335560),
    ("log(x+sqrt(x**2+1))", 0.251961696342),
    ("exp(x**2)*erfc(Abs(x))", 0.323881443767),
]
"""(f, E[f(u) f(v)]) at variances 1.3 and 0.7, covariance 0.4, by brute force."""

WRITTEN = [
    *(text for text, _ in PAIRS if "Abs" not in text),
    "exp(-x)*log(1+exp(x))",
    "log(1+exp(x)+exp(2*x))",
    "log(2*cosh(3*x-1))",
    "exp(-x**2/2)/normal_cdf(x)",
    "exp(x-1)/(exp(x-1)+3)",
    "exp(-x**2/2)/(1+erf(x/sqrt(2)))",
    "log(sinh(x)**2+1)",
    "log(erfc(x))",
    "log(1+erf(x))",
    "log(1-tanh(x))",
    "log(1-1/(1+exp(-x)))",
    "log(1+exp(x))-x/2",
    "(exp(2*x)-exp(x))*sin(x)/(1+exp(2*x))",
    "x**2/(exp(x)+2)**2",
    "exp(x)/cosh(x)",
    "exp(-x)*cosh(x)*tanh(x)",
    "normal_pdf(x)*exp(x)*tanh(x)",
    "asin(tanh(x))",
    "asin(x/sqrt(1+x**2))",
    "exp(-((10/7)*x)**4)*exp(4/3*x)",
    "exp(-2*x)*log(1+exp(x))**2",
    "log(sqrt(4*x**2+9)-2*x)",
]


def written(expr: sp.Expr, point: float) -> mp.mpf:
    """The formula as it stands, at 60 digits more than what cancels or overflows."""
    with mp.workdps(60 if abs(point) < 10 else 1700):
        return number_function(expr, x)(mp.mpf(point))


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_written_is_what_is_computed(text):
    expr = parse(text)
    form = general_form(expr, x)
    for plain, part in ((expr, form), (sp.diff(expr, x), derivative(form, x))):
        shape = general_shape(part)
        points = [-60.0, -7.3, -1.2, -0.2, 0.3, 1.7, 8.1, 60.0]
        with np.errstate(all="ignore"):
            found = shape.function()(np.array(points))
            assert not np.any(np.isnan(shape.function()(np.array([-800.0, 800.0]))))
        truths = [written(plain, point) for point in points]
        largest = max(abs(truth) for point, truth in zip(points, truths, strict=True) if abs(point) < 10)
        for point, value, truth in zip(points, found, truths, strict=True):
            assert abs(value - truth) <= 1e-13 * abs(truth) + 1e-15 * largest, point


@pytest.mark.parametrize("one", [one for one in rows() if one.source or one.formula], ids=lambda one: one.name)
def test_arrays_and_their_code_against_mpmath(one):
    exact = getattr(one.head, "number", None) or getattr(mp, one.name)
    points = [-1e9, -1e4, -27.0, -9.0, -1.0, -0.5, -1e-8, 1e-4, 0.3, 1.1, 3.0, 6.4, 6.6, 8.0, 20.0, 400.0, 1e9]
    with np.errstate(all="ignore"):
        found = one.array(np.array(points))
        write = FunctionTranslator({x: Name("x")})
        result = write(one.head(x))
        written = function_of(write.lines.definition("f", ["x"], [result]))(np.array(points))
    for point, value, same in zip(points, found, written, strict=True):
        with mp.workdps(30):
            truth = exact(mp.mpf(point))
        if abs(truth) < 1e300:
            # the argument's rounding in an exponent
            within = 2e-14 * max(1.0, point * point / 50) * abs(truth) + 1e-300
            assert max(abs(value - truth), abs(same - truth)) <= within, point


@pytest.mark.parametrize(("text", "value"), PAIRS)
def test_expectations(text, value):
    assert float(symntk.expectation(text, text)(1.3, 0.7, 0.4)) == pytest.approx(value, rel=1e-11)


def test_expectations_that_are_known():
    # log Φ(u) at variance 1: Φ(u) is uniform
    assert float(symntk.expectation("log(normal_cdf(x))")(1, 1, 1)) == pytest.approx(-1, rel=1e-13)
    assert float(symntk.expectation("normal_cdf(x)*log(normal_cdf(x))")(1, 1, 1)) == pytest.approx(-0.25, rel=1e-13)
    found = symntk.expectation("asin(tanh(x))", "asin(tanh(x))")(4, 4, 1)
    assert float(found) == pytest.approx(0.258189075935, rel=1e-11)
