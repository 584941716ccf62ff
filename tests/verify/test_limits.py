"""Limits and rates: what is found where there is something, and no digits where there is nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp
from mpmath import mp

from symntk.errors import DomainError
from symntk.verify.limits.behaviour import behaviour
from symntk.verify.limits.extrapolate import limit_of, richardson, wynn
from symntk.verify.limits.symbolic import leading_term, within

m = sp.Symbol("m", positive=True)


@pytest.mark.parametrize(
    ("expression", "to", "exponent", "coefficient"),
    [
        (m * sp.sin(2 / m), sp.oo, 0, 2),
        (m**2 / (1 + m), sp.oo, -1, 1),
        (3 / sp.sqrt(m + 1), sp.oo, Fraction(1, 2), 3),
        ((1 - sp.cos(m)) / m**2, 0, 0, Fraction(1, 2)),
        (sp.sqrt(m) + 3 + m ** sp.Rational(1, 4), 0, 0, 3),
        (m ** sp.Rational(-7, 4) * (5 + m), 0, Fraction(-7, 4), 5),
        (sp.erf(m), sp.oo, 0, 1),
    ],
)
def test_limits_and_powers_of_expressions(expression, to, exponent, coefficient):
    found = behaviour(expression, to)
    assert found.exact_exponent == exponent
    assert found.agrees(exponent=sp.Rational(exponent), coefficient=sp.Rational(coefficient)) > 45
    assert found.symbolic is not None
    ratio = sp.limit(expression / found.symbolic, m, to, "+")
    assert ratio == 1


def test_from_below():
    found = behaviour(sp.sqrt(2 - m), 2, side=-1)
    assert (found.exact_exponent, found.form) == (Fraction(1, 2), "power")
    assert found.agrees(exponent=sp.Rational(1, 2), coefficient=1) > 45


@pytest.mark.parametrize(
    ("function", "exponent", "logs", "coefficient"),
    [
        (lambda p: mp.log(p), 0, 1, 1),
        (lambda p: p * mp.log(p) ** 2 + p, -1, 2, 1),
        (lambda p: 7 * mp.log(p) / p**2 + 3 / p**2, 2, 1, 7),
    ],
)
def test_logarithms(function, exponent, logs, coefficient):
    found = behaviour(function)
    assert (found.form, found.log_power) == ("power-log", logs)
    assert found.agrees(exponent=exponent, coefficient=coefficient, log_power=logs) > 30
    assert found.agrees(exponent=exponent, coefficient=coefficient) == 0  # without logarithms it is another claim


def test_exponential_approach():
    found = behaviour(lambda p: mp.tanh(p), form="exponential")
    assert found.form == "limit"
    assert found.agrees(coefficient=1) > 45
    assert abs(found.rate - 2) < 1e-20  # tanh p = 1 − 2 e^(−2p) + …
    decay = behaviour(lambda p: 4 * mp.exp(-3 * p) + mp.exp(-5 * p), form="exponential")
    assert decay.form == "exponential"
    assert decay.agrees(exponent=3, coefficient=4) > 40


def test_the_rate_of_a_limit():
    found = behaviour(lambda p: 2 + 5 / mp.sqrt(p) + 1 / p)
    assert found.agrees(coefficient=2) > 40
    assert abs(found.rate - mp.mpf(1) / 2) < 1e-15


_noise = mp.mpf("0.1234567")


def _logistic_noise(p):
    """Deterministic, without any limit: the logistic map after as many steps as p has factors of 2."""
    value = _noise
    for _ in range(int(mp.log(p, 2)) + 5):
        value = 4 * value * (1 - value)
    return value


@pytest.mark.parametrize(
    "function",
    [
        lambda p: mp.cos(p),
        _logistic_noise,
        lambda p: (-1) ** int(mp.floor(mp.log(p, 4))) + mp.mpf(2),
        lambda p: mp.sin(2 * mp.pi * mp.log(p, 2)),  # the same at every point of the grid
        lambda p: (2 + mp.sin(2 * mp.pi * mp.log(p, 2))) / p,
        lambda p: 1 / mp.log(p),  # too slow
        lambda p: 5 + 1 / mp.log(p) ** 2,
        lambda p: mp.log(mp.log(p)),
        lambda p: mp.gamma(p),  # faster than every power
    ],
)
def test_no_digits_where_there_are_none(function):
    found = behaviour(function)
    assert found.form == "none"
    assert found.digits == 0
    assert found.agrees(coefficient=0) == found.agrees(coefficient=5) == 0
    assert "no digits" in str(found)


@pytest.mark.parametrize("level", [12, 20, 30])
def test_no_digit_beyond_noise(level):
    """A limit whose values are right to `level` digits cannot be claimed to many more."""
    turn = iter(range(10**6))

    def function(p):
        return 3 + 1 / p + mp.mpf(10) ** -level * mp.sin(mp.mpf(next(turn)) ** 2)

    found = behaviour(function)
    digits_true = float(-mp.log10(abs(found.coefficient - 3) / 3)) if found.found else 99
    assert found.digits <= digits_true + 1.5
    assert found.digits <= level + 3


def test_wrong_claims_have_no_digits():
    found = behaviour(lambda p: 3 * p**2 + p)
    assert found.agrees(exponent=-2, coefficient=3) > 40
    assert found.agrees(exponent=sp.Rational(-201, 100)) < 3
    assert found.agrees(exponent=-1, coefficient=3) == 0
    assert found.agrees(exponent=-2, coefficient=sp.Rational(300001, 100000)) < 6


def test_richardson_and_wynn_agree_and_know_their_error():
    with mp.workdps(40):
        q = mp.mpf(1) / 2
        values = [mp.exp(q**j) for j in range(10)]
        for found in (richardson(values, q, range(1, 12)), wynn(values), limit_of(values, q, mp.one)):
            error = abs(found.value - 1)
            assert error < mp.mpf(10) ** (1 - found.digits)
            assert found.digits > 6


def test_symbolic_work_is_bounded_in_time():
    assert within(0.2, lambda: [x for x in iter(int, 1)]) is None  # else it would not end
    assert within(5.0, lambda: 1 // 0) is None
    assert leading_term(sp.cos(m), m, sp.oo, 1, 5.0) is None


@pytest.mark.parametrize(
    "options",
    [{"points": 3}, {"ratio": 2}, {"start": 0}, {"side": 2}, {"form": "wave"}, {"to": 0, "form": "exponential"}],
)
def test_grids_that_are_none(options):
    with pytest.raises(DomainError):
        behaviour(sp.sin(m), **options)


def test_other_symbols_need_values():
    with pytest.raises(DomainError, match="symbols"):
        behaviour(sp.sin(m) * sp.Symbol("k"), parameter=m)
    with pytest.raises(DomainError, match="neither"):
        behaviour("m**2")


@pytest.mark.parametrize(
    "function",
    [
        lambda p: mp.cos(mp.pi * p),  # 1 at every integer, as the points of the grid are
        lambda p: mp.cos(2 * mp.pi * p) + 1 / p,
        lambda p: 2 + mp.sin(2 * mp.pi * mp.log(p, 4)) / 1000,
    ],
)
def test_oscillations_are_seen_at_few_digits(function):
    assert behaviour(function, dps=10, start="1/4", ratio="1/2", points=9).form == "none"


def test_no_more_digits_than_the_values_have():
    assert behaviour(lambda p: 1 + mp.exp(-p), dps=20).digits == 20


def test_what_falls_faster_than_every_power_has_no_other_limit_than_0():
    found = behaviour(lambda p: mp.exp(-mp.sqrt(p)))
    assert (found.form, found.remark) == ("none", "faster than every power")
