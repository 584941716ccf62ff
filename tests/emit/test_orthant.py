"""Quadrant moments and scaled hyperbolics against mpmath at 50 digits."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symntk
from symntk.emit.compile import function_of
from symntk.emit.runtime.covariance import _covariance
from symntk.emit.runtime.orthant import _RULE_OF_12, _RULE_OF_20, _exp_cosh, _exp_sinh, _orthant_moment
from symntk.kernels.layers import layer_map

CORRELATIONS = [0.0, 0.3, -0.3, 0.9, -0.9] + [
    sign * (1.0 - 10.0**-k) for k in (2, 4, 8, 12, 15) for sign in (1.0, -1.0)
]


def exact_moment(j, k, a, b, c):
    """The polar integral at 60 digits, from the exact float64 triple; `test_full_moments` checks the constant."""
    with mp.workdps(60):
        a, b, c = mp.mpf(a), mp.mpf(b), mp.mpf(c)
        angle = mp.atan2(mp.sqrt(a * b - c * c), -c)
        # Divided by angle^(j + k), so that mpmath's absolute tolerance is a relative one.
        integral = angle ** (j + k + 1) * mp.quad(
            lambda t: (mp.sin(angle * t) / angle) ** j * (mp.sin(angle * (1 - t)) / angle) ** k,
            [0, 0.5, 1],
            method="gauss-legendre",
        )
        power = mp.mpf(j + k) / 2
        return a ** (mp.mpf(j) / 2) * b ** (mp.mpf(k) / 2) * 2**power * mp.gamma(power + 1) / (2 * mp.pi) * integral


@pytest.mark.parametrize(("j", "k"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (2, 1), (2, 2), (3, 3), (5, 1), (4, 4)])
def test_moments_at_all_correlations(j, k):
    for var_u, var_v in [(1.0, 1.0), (1e-6, 1e6), (3.1, 0.7)]:
        rho = np.array(CORRELATIONS)
        a, b, c, _, d = _covariance(var_u, var_v, rho * np.sqrt(var_u) * np.sqrt(var_v))
        computed = _orthant_moment(j, k, a, b, c, d)
        exact = [exact_moment(j, k, float(x), float(y), float(z)) for x, y, z in zip(a, b, c, strict=True)]
        error = [abs(float(value / truth - 1)) for value, truth in zip(computed, exact, strict=True)]
        # The angle's rounding is multiplied by the power as the angle closes; the rest is a few ulp.
        assert max(error) < 2e-16 * (4 + j + k), (var_u, var_v, CORRELATIONS[int(np.argmax(error))], max(error))


def test_relu_against_the_arc_cosine_form():
    rho = np.linspace(0.0, 0.999, 50)
    closed = (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))) / (2 * np.pi)
    np.testing.assert_allclose(
        _orthant_moment(1, 1, 4.0, 9.0, 6.0 * rho, 6.0 * np.sqrt(1 - rho**2)), 6.0 * closed, 2e-15
    )


@pytest.mark.parametrize("power", range(9))
def test_full_moments(power):
    # E[z₊^m] = 2^{m/2 − 1} Γ((m + 1)/2) / √π.
    full = 2 ** (power / 2 - 1) * math.gamma((power + 1) / 2) / math.sqrt(math.pi)
    j = power // 3
    assert _orthant_moment(j, power - j, 1.0, 1.0, 1.0, 0.0) == pytest.approx(full, rel=2e-15)
    assert _orthant_moment(j, power - j, 1.0, 1.0, -1.0, 0.0) == 0.0


def test_moments_broadcast_and_refuse():
    assert _orthant_moment(1, 2, np.ones((3, 1)), np.ones(4), 0.5, np.sqrt(0.75)).shape == (3, 4)
    assert _orthant_moment(1, 2, np.ones(0), np.ones(0), np.ones(0), np.ones(0)).shape == (0,)
    assert np.isnan(_orthant_moment(1, 1, np.nan, 1.0, 0.5, np.nan))
    for powers in [(-1, 2), (5, 4)]:
        with pytest.raises(ValueError, match="sum of 8"):
            _orthant_moment(*powers, 1.0, 1.0, 0.5, 0.5)


@pytest.mark.parametrize("rule", [_RULE_OF_12, _RULE_OF_20])
def test_rules_are_exact_for_polynomials(rule):
    for degree in range(4 * len(rule)):
        integral = sum(weight * (node**degree + (1.0 - node) ** degree) for node, weight in rule)
        assert integral == pytest.approx(1.0 / (degree + 1), rel=4e-16 * (degree + 1))


@settings(max_examples=300, deadline=None)
@given(st.floats(-600.0, 600.0), st.floats(-700.0, 700.0) | st.floats(-1e-6, 1e-6))
def test_scaled_hyperbolics(p, q):
    p -= abs(q)
    with mp.workdps(50):
        sinh, cosh = mp.exp(p) * mp.sinh(q), mp.exp(p) * mp.cosh(q)
        # Below the normal range (2e-308) the absolute spacing is what is left.
        assert abs(float(_exp_sinh(p, q)) - sinh) <= 1e-15 * abs(sinh) + 1e-322
        assert abs(float(_exp_cosh(p, q)) - cosh) <= 1e-15 * cosh + 1e-322


def test_scaled_hyperbolics_at_the_ends():
    assert _exp_sinh(-np.inf, 3.0) == 0.0 and _exp_cosh(0.0, 800.0) == np.inf
    assert _exp_sinh(0.0, -800.0) == -np.inf and _exp_sinh(5.0, 0.0) == 0.0
    assert np.isnan(_exp_sinh(np.nan, 1.0)) and np.isnan(_exp_cosh(1.0, np.nan))


@pytest.mark.parametrize("powers", [(1, 1), (2, 2), (1, 2), (3, 1), (4, 4)], ids=str)
def test_fixed_formulas_keep_their_digits_near_opposite_inputs(powers):
    """What targets evaluate without panels: the moment itself, down to angles where 40 digits of its terms cancel."""
    E = symntk.expectation(*(f"Heaviside(x)*x**{power}" for power in powers))
    a, b, angle = 0.3, 7.0, np.logspace(-9.0, np.log10(3.0), 60)
    full = np.sqrt(a * b)
    c, d = -full * np.cos(angle), full * np.sin(angle)
    found = function_of(*layer_map(E, "m").definitions)(a, b, c, d * d, d)
    right = _orthant_moment(*powers, a, b, c, d)
    assert np.max(np.abs(found / right - 1.0)) < (1e-13 if sum(powers) < 5 else 1e-11)
