"""Which solution gives the numbers: closed forms that have no float64 code, and what stands in for them."""

from __future__ import annotations

import pytest
import sympy as sp

from symntk import expectation
from symntk.language.symbols import var_u

LAW = (1.3, 0.7, 0.4)
WAVES = [  # brute force of two widths that agree
    ("cos(Max(0,x))", LAW, 0.688216447799),
    ("sin(x)*Heaviside(x)", LAW, 0.118858773661),
    ("cos(Max(0,x))", (1.7, 1.7, 1.7), 0.758343317490),
    ("sin(x)*Heaviside(x)", (1.7, 1.7, 1.7), 0.241656682510),
]


@pytest.mark.parametrize(("name", "law", "right"), WAVES)
def test_waves_times_a_step(name: str, law: tuple[float, ...], right: float) -> None:
    E = expectation(name, name)
    assert E.method == "closed form"
    assert E.expression is not None
    assert 0.0 < E.error_bound <= 1e-10
    assert abs(E(*law) - right) < 2e-12
    assert abs(E.evalf(*law, dps=15) - right) < 2e-12


def test_waves_far_from_the_mean() -> None:
    E = expectation("cos(30*x)*exp(-Abs(x))", "cos(30*x)*exp(-Abs(x))")
    assert abs(E(*LAW) - 9.13639800208e-07) < 1e-10 * E(1.3, 1.3, 1.3)


def test_a_step_and_a_wave_on_two_sides() -> None:
    E = expectation("Min(0,x/2)+Abs(x-2)", "Min(0,x)*cos(3*x+1)")
    assert abs(E(*LAW) - float(E.evalf(*LAW, dps=15))) < 1e-12


def test_the_limit_at_full_correlation_is_that_of_one_variable() -> None:
    E = expectation("sin(x)*Heaviside(x)", "sin(x)*Heaviside(x)")
    assert sp.expand(E.diagonal.limit - (1 - sp.exp(-2 * var_u)) / 4) == 0


def test_what_grows_like_a_gaussian_beside_a_wave() -> None:
    name = "cos(x)*exp(x**2/9)*Heaviside(x)"
    E = expectation(name, name)
    assert abs(E.evalf(1, 1, 0, dps=15) - expectation(name).evalf(1, 1, 0, dps=15) ** 2) < 1e-14
    assert abs(E(1.0, 1.0, 0.5) - float(E.evalf(1.0, 1.0, 0.5, dps=15))) < 1e-10
