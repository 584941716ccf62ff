"""Digits in float64 where a formula cancels, where means are in tails, and where functions oscillate.

The values are `evalf` to 20 digits, and for the rows that were found in version 0.1.0 brute force as well.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import symntk

MIXED = "-2*Heaviside(-(x+3/2)) + 4/5*sin(x/1000)*exp(-x**2/5)"
RAMP = "normal_cdf(x/4)+Max(-1,3*x)+exp(-4/5*x**2)"
WAVE = "2/5*Heaviside(1-x)*Max(0,2*x)+3/5*sin(x)"
DEAD = "Piecewise((tanh(x-1/2), x > 1/2), (tanh(x+1/2), x < -1/2), (0, True))"
CANCEL = [
    (
        "erf(x/5)",
        "DiracDelta(x+2)",
        (1.5475095913356304e-08, 1697.580523427741, -0.0009764652462647973),
        2.51087254690907505e-9,
    ),
    ("erf(x/5)", "DiracDelta(x+2)", (1e-20, 1697.580523427741, -9.764652462647973e-10), 2.51087254840694712e-15),
    (
        MIXED,
        "erfc(50*x)+DiracDelta(x+1)",
        (0.40453516265446526, 0.0005525599860584743, -0.007770010131733262, 1, -8.933354773542872),
        9.0615760244732175165e-4,
    ),
    (RAMP, RAMP, (1.5486584122599896, 445.5761936424827, -26.26871372159697), -10.766452952998456867),
    (WAVE, WAVE, (2, 2, -2), -0.24726666536962300),
]
TAILS = [
    ("relu_cubed", "relu_cubed", (4, 9, -5.5, -6, 8), 3.41295486695040814e-5),
    ("1/cosh(x)**2", "1/(1+x**2)", (1, 1, 0.3, -9, 7), 8.07788613204100451e-9),
    ("exp(-x**2)*(1+tanh(x))", "log(1+exp(x))", (0.3, 2, -0.6, -5, -6), 4.33360417314690666e-14),
    ("sigmoid", "Max(0,x)**2", (1, 1, -0.95, -9, -3), 7.91442996616389718e-10),
    ("erf(x)-1", "Max(0,x)", (1, 4, -1.5, 9, -8), -2.75950511955729943e-13),
    ("exp(-Abs(x))", "Max(0,x-1)**2", (0.01, 1, 0.05, -30, -6), 6.47064100146795822e-27),
]
WAVES = [
    ("cos(20*x)", "Heaviside(x-1/2)*exp(-x)", (1, 2, 1.3), -5.10303577041621118e-17),
    ("sin(40*x)", "Abs(x-1)", (1, 1, 0.999), -4.91815546499486662e-5),
]
# ELU-like: the exponential ends within 1e-4 or goes on for 1e3 standard deviations
RATES = [
    ("1/1000", (1.0, 2.0, -1.414213562371), -0.0014128525481673364),
    ("1/1000", (1.0, 2.0, 0.4), 0.3338759786989401),
    ("30", (1.0, 2.0, -1.414213562371), -0.9622857984729821),
    ("30", (1.0, 2.0, 0.4), 0.2838011418059634),
    ("10000", (1.0, 2.0, -1.414213562371), -0.9631318562736281),
    ("10000", (1.0, 2.0, 0.4), 0.284422293583291),
]


@pytest.mark.parametrize(("f", "g", "law", "right"), [*CANCEL, *TAILS, *WAVES])
def test_digits(f, g, law, right):
    E = symntk.expectation(f, g, means=len(law) > 3)
    assert E(*law) == pytest.approx(right, rel=1e-11, abs=0.0)


def test_a_dead_zone_has_two_sides():
    E = symntk.expectation(DEAD, DEAD)
    assert E(0.002, 0.002, 0.0019) == pytest.approx(1.8141e-34, rel=1e-4, abs=0.0)
    assert E(0.002, 0.002, -0.0019) == pytest.approx(-1.8141e-34, rel=1e-4, abs=0.0)


def test_full_correlation_of_a_wave_and_its_neighbourhood():
    E = symntk.expectation(WAVE, WAVE)
    for variance in (0.1, 50.0, 4000.0):
        for rho in (1.0, -1.0):
            near = E(variance, variance, rho * variance * (1.0 - 1e-13))
            # the jump moves it by some √(gap)
            assert abs(E(variance, variance, rho * variance) - near) <= 1e-6


@pytest.mark.parametrize(("rate", "law", "right"), RATES)
def test_fast_and_slow_exponentials_next_to_a_kink(rate, law, right):
    f = f"Piecewise((x, x > 0), (exp({rate}*x) - 1, True))"
    assert symntk.expectation(f, f)(*law) == pytest.approx(right, rel=1e-11)


@pytest.mark.parametrize("k", [25.0, 1e5, 1e10, 1e20, 1e30])
@pytest.mark.parametrize(("f", "g"), [("exp(-k*x)*Heaviside(x)", "1"), ("exp(-k*Abs(x))", "exp(-k*Abs(x))")])
def test_steep_exponentials(f, g, k):
    """e^{k²a/2} Φ(−k√a) loses digits like k²: what is left is told by the bound, and the quadrature has them all."""
    E = symntk.expectation(f, g)
    if g == "1":  # erfcx(k√(a/2))/2
        right = special.erfcx(k * np.sqrt(1.3 / 2)) / 2
    elif k < 1e3:
        right = float(E.evalf(1.3, 0.7, 0.4, k=k, dps=16))
    else:  # 4/k² times the density at 0, which varies on scales of 1
        right = 4 / k**2 / (2 * np.pi * np.sqrt(1.3 * 0.7 - 0.4**2))
    assert E(1.3, 0.7, 0.4, k=k) == pytest.approx(right, rel=1e-11 if k < 1e3 or g == "1" else 3 / k)


def test_no_standard_deviation_is_too_many_beside_an_exponential():
    E = symntk.expectation("exp(-k*x)*Heaviside(x)")
    for k in (1e24, 1e26, 1e60):
        assert float(E.evalf(1, k=k, dps=16) * k * np.sqrt(2 * np.pi)) == pytest.approx(1.0, rel=1e-15)
