"""What cannot be computed, or would never end, is refused by name before memory or time is spent."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.dynamics import Balanced, allow, critical_common, critical_independent
from symntk.dynamics.poles import refuse_poles
from symntk.dynamics.waveform import finite_formula
from symntk.errors import DomainError, FormulaError
from tests.dynamics.test_simulation import run as simulated

NET = Balanced(2.0, 5000)


def run(*inputs, N=50, **options):
    return simulated(N, 2.0, list(inputs) or [0.0], **({"steps": 32, "burn": 16, "dtype": "float32"} | options))


@pytest.mark.parametrize(
    ("ask", "wrong"),
    [
        (lambda: NET.common(3.0, 0.2, time=1e12), "1.6e\\+13 steps.*allow\\(steps="),
        (lambda: NET.independent(3.0, 0.2, time=1e12), "1.6e\\+13 steps"),
        (lambda: NET.common(3.0, 1e-6), "6.4e\\+07 steps"),
        (lambda: NET.common(3.0, 1e6), "2.4e\\+09 steps"),
        (lambda: NET.independent(3.0, 1e-6), "6.4e\\+07 steps"),
        (lambda: NET.independent(3.0, 1e6), "2.4e\\+09 steps"),
        (lambda: NET.independent(3.0, 0.2, phases=10**9), "1000000000 phases take .* GB.*allow\\(memory_gb="),
        (lambda: NET.common(3.0, 0.2, dt=1e-9), "steps"),
        (lambda: NET.common(3.0, 0.2, band=1e9), "lags of 1e\\+09 τ take .* GB"),
        (lambda: NET.orbit(3.0, 1e-6), "steps"),
        (lambda: NET.orbit(3.0, 1e6), "1.6e\\+08 steps"),
        (lambda: NET.independent_stationary(3.0, 1e-6), "4256 points"),
        (lambda: critical_common(NET, 1e6), "steps"),
        (lambda: critical_independent(NET, 1e-6), "4256 points"),
        (lambda: run(N=2 * 10**7), "couplings of 20000000 units take 1.6e\\+06 GB"),
        (lambda: run(burn=10**13), "5e\\+13 steps"),
        (lambda: run(steps=10**13), "recorded take .* GB"),
        (lambda: run(steps=10**13, record=False, lyapunov=0), "5e\\+13 steps"),
        (lambda: run(realizations=10**12), "steps"),
        (lambda: run(2.0, frequency=1e6), "do not resolve it"),
    ],
)
def test_what_would_not_end_is_refused(ask, wrong):
    with pytest.raises(DomainError, match=wrong):
        ask()


@pytest.mark.parametrize(
    ("ask", "wrong"),
    [
        (lambda: NET.common("DiracDelta(t)", time=10.0), "DiracDelta has no value at a time.*narrow bump"),
        (lambda: NET.common(0.0, 0.2, mean="1+DiracDelta(t-1)"), "mean input I_0.*DiracDelta"),
        (lambda: NET.independent("DiracDelta(t)", time=10.0), "covariance.*DiracDelta"),
        (lambda: NET.common("tan(t)", time=10.0), "infinite.* at t = 1.5708"),
        (lambda: NET.orbit("1/sin(t-1/3)", 0.2), "infinite.* at t = 0.333333"),
        (lambda: run("DiracDelta(t)"), "DiracDelta has no value at a time"),
        (lambda: run("1/(t-1/3)**2"), "infinite.* at t = 0.333333"),
        (lambda: run(activation="tan(x)"), "infinite.* at x = "),
        (lambda: run(activation="1/(x-1/3)"), "infinite.* at x = 0.333333"),
    ],
)
def test_formulas_that_are_infinite_somewhere_are_refused(ask, wrong):
    with pytest.raises(FormulaError, match=wrong):
        ask()


@pytest.mark.parametrize(
    "text",
    [
        *("1/(1+t**2)", "sin(t)/(2+cos(t))", "1/(1+Abs(t))", "sign(sin(t))", "tan(t/100)", "exp(-1/(1+t))"),
        *("(t**2-4)/(t-2)", "sin(3*(t-2))/(t-2)", "1/(1e-6+(t-3)**2)", "tanh(t)", "2", "sqrt(t)", "1/(t+1e-3)"),
    ],
)
def test_formulas_that_are_finite_are_taken(text):
    finite_formula(text, "the input", (0.0, 20.0))


@pytest.mark.parametrize(
    ("text", "span"),
    [("tan(40*t)", (0.0, 1.0)), ("1/(t-2/7)**(1/2)", (0.0, 1.0)), ("1/Abs(t-2/7)", (0.0, 1.0)), ("1/t", (-1.0, 2.0))],
)
def test_poles_are_found_between_all_samples(text, span):
    with pytest.raises(FormulaError, match="infinite"):
        finite_formula(text, "the input", span)


def test_limits_can_be_moved_and_come_back():
    with allow(memory_gb=1e-6), pytest.raises(DomainError, match="at most 1e-06 GB"):
        run()
    with allow(steps=10), pytest.raises(DomainError, match="at most 10 are begun"):
        run()
    with allow(steps=1e-3), allow(memory_gb=1.0), allow(steps=1e3):
        assert np.all(np.isfinite(run().lyapunov))
    assert np.all(np.isfinite(run().lyapunov))
    with pytest.raises(DomainError, match="steps = -1"), allow(steps=-1):
        pass


def test_a_constant_has_no_poles():
    import sympy as sp

    t = sp.Symbol("t", real=True)
    refuse_poles(1 / sp.Integer(3) + t, t, lambda e: None, (0.0, 1.0), "the input")
