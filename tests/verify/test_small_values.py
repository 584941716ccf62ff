"""Values that are small beside √(E f² E g²): their digits are their own, or an error says how many there are."""

from functools import cache

import pytest
import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, VerificationError
from symntk.kernels.expectation import expectation
from symntk.language.forms.general_form import general_form
from symntk.language.symbols import x
from symntk.language.text.parser import parse
from symntk.verify.oracle.general import fast as general_fast
from symntk.verify.oracle.general import oracle as oracle_room
from symntk.verify.oracle.general.oracle import CancelledError, fast_reference, general_oracle, oracle_to_scale


@cache
def form(text):
    return general_form(parse(text), x)


def by_trapezoid(function, low, high, step):
    # for what is analytic and falls off like a bell: its error is below all digits here
    with mp.workdps(40):
        count = int((high - low) / step)
        return mp.fsum(function(mp.mpf(low) + k * mp.mpf(step)) for k in range(count + 1)) * mp.mpf(step)


def by_parts(function, ends):
    # mpmath's goal is absolute, so the function is made one of size 1
    with mp.workdps(30):
        size = max(function(end) for end in ends)
        return size * mp.quad(lambda t: function(t) / size, ends)


# f, law of one variable, value
TAILS = {
    "a tail of a step": (
        "Heaviside(x-30)*tanh(x)",
        (1, 0),
        lambda: by_parts(lambda t: mp.tanh(t) * mp.npdf(t), [30 + mp.mpf(k) / 8 for k in range(30)]),
    ),
    "37 deviations": (
        "Heaviside(x)*tanh(x)",
        (1, -35),
        lambda: by_parts(lambda t: mp.tanh(t) * mp.npdf(t, -35, 1), [mp.mpf(k) / 8 for k in range(30)]),
    ),
    "a soft step": (
        "1/(1+exp(-9*x))",
        (1, -20),
        lambda: by_trapezoid(lambda t: mp.npdf(t, -20, 1) / (1 + mp.exp(-9 * t)), -30, 10, mp.mpf(1) / 128),
    ),
    "a hill in a tail": (
        "exp(-300)/(1+x**2)+exp(400-2*(x-40)**2)/(1+x**2)",
        (1, 0),
        lambda: (
            by_trapezoid(lambda t: mp.exp(400 - 2 * (t - 40) ** 2) * mp.npdf(t) / (1 + t * t), 24, 40, mp.mpf(1) / 64)
            + mp.exp(-300) * mp.sqrt(mp.pi / 2) * mp.exp(0.5) * mp.erfc(mp.sqrt(0.5))
        ),
    ),
    "a small remainder": (
        "tanh(x)+10**(-30)",
        (1, 0),
        lambda: mp.mpf(10) ** -30,
    ),
}


@pytest.mark.parametrize("name", TAILS)
def test_one_variable(name):
    text, (variance, mean), true = TAILS[name]
    value = general_oracle(form(text), form("1"), variance, 1, 0, mean, dps=15)
    with mp.workdps(30):
        assert abs(value / true() - 1) < mp.mpf(10) ** -15


def test_two_variables():
    # P(u > 20, v > 20) and more of the kind, with v's mean in closed form on one side, and by two integrals
    ramp, soft = form("Max(0, x-8)"), form("tanh(x)*Max(0, x-8)")
    few, more = (general_oracle(ramp, soft, 1, 1, sp.Rational(1, 2), dps=dps) for dps in (13, 25))
    assert abs(few / more - 1) < 1e-13
    with mp.workdps(20):
        outer = [8 + mp.mpf(k) / 2 for k in range(14)]
        deviation = mp.sqrt(mp.mpf(3) / 4)

        def mean_of_ramp(v):
            z = (v / 2 - 8) / deviation
            return deviation * (mp.npdf(z) + z * mp.ncdf(z))

        true = by_parts(lambda v: mp.tanh(v) * (v - 8) * mean_of_ramp(v) * mp.npdf(v), outer)
    assert abs(few / true - 1) < 1e-13
    both = general_oracle(soft, soft, 1, 1, 0.5, dps=12)  # tanh is 1 there to seven digits
    assert abs(both / few - 1) < 1e-6


def test_independent_ones_are_a_product():
    f, g = form("Heaviside(x-9)*tanh(x)"), form("atan(x-1)")
    parts = [general_oracle(one, form("1"), 1, 1, 0, dps=30) for one in (f, g)]
    assert abs(general_oracle(f, g, 1, 1, 0, dps=15) / (parts[0] * parts[1]) - 1) < 1e-15


def test_a_small_correlation():
    # E tanh(u) atan(v) = c E tanh' E atan' + O(c³)
    slopes = [general_oracle(form(text), form("1"), 1, 1, 0, dps=20) for text in ("1-tanh(x)**2", "1/(1+x**2)")]
    value = general_oracle(form("tanh(x)"), form("atan(x)"), 1, 1, sp.Rational(1, 10**25), dps=12)
    assert abs(value / (slopes[0] * slopes[1] * mp.mpf(10) ** -25) - 1) < 1e-12


def test_what_is_odd_about_the_means_is_zero():
    assert general_oracle(form("tanh(x-1)"), form("1/(2+(x+3)**2)"), 2, 3, 1, 1, -3, dps=20) == 0
    with pytest.raises(DivergenceError):
        general_oracle(form("tan(x-1)"), form("1"), 1, 1, 0, 1)


def test_what_cancels_is_said(monkeypatch):
    monkeypatch.setattr(oracle_room, "_NESTED_BESIDE", 30)
    # E cos(20u)/2 = e^(−200)/2 is what is left of cos(20u)/(1 + e^(−u))
    with pytest.raises(VerificationError, match="no digits are known: it is 0 up to"):
        expectation("cos(20*x)/(1+exp(-x))", means=True).evalf(1, 1, 0, dps=12)
    with pytest.raises(CancelledError) as refusal:
        general_oracle(form("tanh(x)"), form("atan(x)"), 1, 1, sp.Rational(1, 10**200), dps=12)
    assert abs(refusal.value.value) < refusal.value.error < 1e-14
    assert oracle_to_scale(form("cos(20*x)/(1+exp(-x))"), form("1"), (1, 1, 0, 0, 0), 12) < 1e-20


def test_float_noise_is_no_obstacle(monkeypatch):
    monkeypatch.setattr(general_fast, "_MOST_PANELS", 500)
    # tanh x − x + x³/3 = 2x⁵/15 − 17x⁷/315 + …
    law = sp.Rational(1, 10**20), 1, 0, sp.Rational(1, 1000)
    value = general_oracle(form("tanh(x)-x+x**3/3"), form("1"), *law, dps=12)
    with mp.workdps(40):
        mean, variance = mp.mpf(10) ** -3, mp.mpf(10) ** -20
        series = [mp.mpf(2) / 15, mp.mpf(-17) / 315, mp.mpf(62) / 2835, mp.mpf(-1382) / 155925]
        true = mp.fsum(s * mean ** (2 * k + 5) for k, s in enumerate(series))
        true += variance / 2 * (20 * series[0] * mean**3 + 42 * series[1] * mean**5)
    assert abs(value / true - 1) < 1e-12


def test_sizes_beyond_floats_are_said_rightly():
    # 60 deviations from the mean is a hill next to which the constant around the mean is nothing
    hill = form("exp(-700)/(1+x**2)+exp(600-(x-60)**2)/(1+x**2)")
    value = general_oracle(hill, form("1"), 1, 1, 0, dps=12)
    true = by_trapezoid(lambda t: mp.exp(600 - (t - 60) ** 2) * mp.npdf(t) / (1 + t * t), 32, 48, mp.mpf(1) / 64)
    assert abs(value / true - 1) < 1e-12
    with pytest.raises(VerificationError, match=r"E f² is at least e\^119\d, above the range of float64"):
        general_oracle(form("exp(600)*tanh(x)"), form("1"), 1, 1, 0, dps=12)


def test_a_power_that_overflows_hides_nothing():
    power = 1 / (1 + (10 * x * sp.tanh(x) - 656) ** 136)
    value, error = fast_reference(general_form(power, x), form("1"), 4000, 1, 0)
    places = (65300, 65480, 65495, 65500, 65505, 65520, 65680, 65695, 65700, 65705, 65720, 66000)
    with mp.workdps(15):
        ends = [mp.mpf(place) / 1000 for place in places]
        true = 2 * mp.quad(lambda t: mp.npdf(t, 0, mp.sqrt(4000)) / (1 + (10 * t - 656) ** 136), ends)
    assert abs(value / true - 1) < 1e-11
    assert error < 1e-13


def test_growth_on_one_ray_keeps_the_digits_of_small_values():
    # mpmath's own goal is absolute: at these means the value is e^(−100) and less
    ray = expectation("exp(x**2/3)*Heaviside(x)", "exp(x**2/3)*Heaviside(x)", means=True)
    few, more = (ray.evalf(1, 1, mp.mpf(-9) / 10, -9, -9, dps=dps) for dps in (10, 20))
    assert 0 < more < 1e-40
    assert abs(few / more - 1) < 1e-10
