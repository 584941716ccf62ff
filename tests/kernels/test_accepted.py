"""Functions with kinks at roots, levels and periods, bumps and powers: expectations by brute force."""

from __future__ import annotations

import pytest
import sympy as sp

import symntk
from symntk.errors import SymntkError
from symntk.language.symbols import x

PAIRS = [
    ("Max(0,tanh(x))", 0.114475140668),
    ("Max(0,erf(x))", 0.135445509074),
    ("Max(0,sin(x))", 0.119530834673),
    ("Min(exp(x),5)", 2.72120015506),
    ("Abs(tanh(x)-0.5)", 0.491876248220),
    ("Abs(sin(x))", 0.327016002617),
    ("sign(sin(x))", 0.265382715103),
    ("floor(Max(0,Min(3,x))+1/2)", 0.251368334940),
    ("asin(sin(x))", 0.238395677505),
    ("Mod(x,1)", 0.25000000000262),
    ("floor(x)", 0.650000798461),
    ("Piecewise((0,Abs(x)>=1),(exp(-1/(1-x**2)),True))", 0.0298049434134),
    ("Abs(x)**(-0.3)", 1.71463395332),
    ("Abs(x)**2.5", 2.09732717258),
    ("sign(x)*Abs(x)**1.5", 0.598648027148),
    ("exp(-Abs(x)**1.5)", 0.325666679071),
    ("Max(x,0)**0.7", 0.245173381200),
]
"""(f, E[f(u) f(v)]) at variances 1.3 and 0.7, covariance 0.4."""


@pytest.mark.parametrize(("text", "value"), PAIRS)
def test_expectations(text, value):
    assert float(symntk.expectation(text, text)(1.3, 0.7, 0.4)) == pytest.approx(value, rel=1e-11)


def test_a_sum_of_many_steps():
    steps = sp.Add(*(sp.Heaviside(x - sp.Rational(2 * i - 63, 32)) for i in range(64)))
    E = symntk.expectation(steps, steps)
    assert float(E(1.3, 0.7, 0.4)) == pytest.approx(1116.78735921, rel=1e-11)


def test_beyond_the_reach_is_refused():
    E = symntk.expectation("floor(x)")
    assert float(E(1.0, 1, 0)) == pytest.approx(-0.5, rel=1e-12)
    with pytest.raises(SymntkError, match="not resolved"):
        E(1e6, 1, 0)


def test_kernels_that_exist_are_given_and_the_others_say_why():
    kernels = symntk.derive("Abs(x)**(-0.3)")
    assert kernels.names == ("nngp",) and "infinite at 0" in kernels.absent["ntk"]
    with pytest.raises(SymntkError, match="infinite at 0"):
        _ = kernels.ntk
    kernels = symntk.derive("Max(x,0)**0.7")
    assert kernels.names == ("nngp", "ntk") and not kernels.absent
    assert float(kernels.ntk(1.3, 0.7, 0.4)) == pytest.approx(0.245214229114, rel=1e-11)


def test_closed_forms_between_roots():
    kernels = symntk.derive("Max(0,exp(x)-x-2)")
    assert kernels.nngp.method == kernels.ntk.method == "closed form"
    assert float(kernels.nngp(1.3, 0.7, 0.4)) == pytest.approx(0.32234307948490437, rel=1e-12)
    assert float(kernels.ntk(1.3, 0.7, 0.4)) == pytest.approx(1.148877071019443, rel=1e-12)


def test_the_reference_knows_the_reach():
    with pytest.raises(SymntkError, match="told apart"):
        symntk.expectation("floor(x)").evalf(1e6, 1, 0, dps=20)
