"""Enclosures hold every value: functions and random compositions at complex points, against mpmath."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symntk.language.balls.enclosure import enclosure
from symntk.language.special import softplus
from symntk.language.special.table import rows
from symntk.language.symbols import x

_DIRECTIONS = np.exp(2j * np.pi * np.arange(12) / 12)


def _check(found, function, centre, radius):
    """Every value at points of the ball lies in the enclosure."""
    if not np.isfinite(found.radius):
        return 0
    for share in (0.0, 0.5, 0.999):
        for turn in _DIRECTIONS:
            with mp.workdps(30):
                value = function(mp.mpc(centre + share * radius * turn))
                assert abs(value - mp.mpc(complex(found.centre))) <= float(found.radius) * (1 + 1e-10) + 1e-300
    return 1


@pytest.mark.parametrize("head", [one.head for one in rows() if one.ball], ids=lambda head: head.__name__)
def test_rules_hold_every_value(head):
    function = getattr(head, "number", None) or getattr(mp, head.__name__)
    run = enclosure(head(x), x)
    generator = np.random.default_rng(1)
    known = 0
    for scale in (0.3, 1.0, 3.0, 12.0):
        centres = scale * (generator.normal(size=12) + 1j * generator.normal(size=12))
        radii = scale * 10.0 ** generator.uniform(-3.0, 0.0, 12)
        balls = run(centres, radii)
        for i in range(12):
            found = type(balls)(balls.centre[i], balls.radius[i])
            known += _check(found, function, complex(centres[i]), float(radii[i]))
    assert known >= 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["tanh", "erf", "exp", "softplus", "square", "inverse", "sin", "sqrt"]), max_size=4),
    st.complex_numbers(max_magnitude=3.0),
    st.floats(1e-6, 0.5),
    st.integers(-3, 3),
)
def test_compositions_hold_every_value(steps, centre, radius, shift):
    build = {
        "tanh": (sp.tanh, mp.tanh),
        "erf": (sp.erf, mp.erf),
        "exp": (lambda w: sp.exp(-w), lambda w: mp.exp(-w)),
        "softplus": (softplus, softplus.number),
        "square": (lambda w: w**2 - 2, lambda w: w**2 - 2),
        "inverse": (lambda w: 1 / (w + 3), lambda w: 1 / (w + 3)),
        "sin": (sp.sin, mp.sin),
        "sqrt": (lambda w: sp.sqrt(w), mp.sqrt),
    }
    expr = x + sp.Rational(shift, 2)
    for step in steps:
        expr = build[step][0](expr)

    def exact(z):
        value = z + mp.mpf(shift) / 2
        for step in steps:
            value = build[step][1](value)
        return value

    found = enclosure(expr, x)(np.array(complex(centre)), np.array(radius))
    _check(found, exact, complex(centre), radius)


def test_poles_and_branch_points_are_seen():
    at = np.array([0.5, 0.123456, 2.0]), np.array([0.01, 0.001, 0.5])
    assert np.isinf(enclosure(1 / (x - sp.Rational(123456, 10**6)) ** 2, x)(*at).radius).tolist() == [
        False,
        True,
        False,
    ]
    assert np.isinf(enclosure(sp.sqrt(x), x)(np.array(0.1), np.array(0.2)).radius)
    assert np.isinf(enclosure(sp.tanh(x), x)(np.array(1.5j), np.array(0.1)).radius)
    assert np.isfinite(enclosure(sp.tanh(x), x)(np.array(1.4j), np.array(0.1)).radius)
    assert np.isinf(enclosure(sp.Abs(x), x)(np.array(1.0), np.array(0.1)).radius)


def test_what_overflows_has_a_small_inverse():
    found = enclosure(1 / (sp.exp(x) + x**2 + 1), x)(np.array(5000.0), np.array(10.0))
    assert abs(found.centre) + found.radius < 1e-290
    found = enclosure(x / sp.cosh(x) ** 2, x)(np.array(5000.0), np.array(100.0))
    assert abs(found.centre) + found.radius < 1e-290


def test_narrow_features_are_not_missed():
    run = enclosure(sp.exp(-(10**4) * (sp.exp(x) - 7) ** 2), x)
    centres = np.linspace(0.0, 3.0, 61)
    found = run(centres, np.full(61, 0.025))
    near = np.abs(centres - np.log(7.0)) < 0.025
    # large or unknown over the feature, tiny two balls away from it
    assert np.all(np.abs(found.centre[near]) + found.radius[near] >= 1.0)
    far = np.abs(centres - np.log(7.0)) > 0.15
    assert np.all(np.abs(found.centre[far]) + found.radius[far] < 1e-30)


@pytest.mark.parametrize(
    ("expr", "centre", "radius", "inside"),
    [
        (1 / (1 + sp.cosh(x) ** 2), 230.0, 228.0, 2.0),
        (1 / (1 + (64 * x * sp.tanh(x) - 2816) ** 104), 80.0, 48.0, 44.0),
        (1 / (2 + sp.sech(x)), 10.0, 400.0, 0.0),
        (1 / (1e200 * (x - 5) * 1e200 + 1), 0.0, 10.0, 5.0),
    ],
    ids=str,
)
def test_a_ball_whose_image_overflows_may_still_hold_zeros(expr, centre, radius, inside):
    found = enclosure(expr, x)(np.array(centre + 0j), np.array(radius))
    assert np.isinf(found.radius) or abs(complex(expr.subs(x, inside)) - found.centre) <= found.radius
    assert np.isinf(found.radius) or np.abs(found.centre) + found.radius > 1e-3
