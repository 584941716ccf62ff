"""Partitions: between edges the function is its interpolant, the edges hold every break, and failures are told."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symntk.emit.compile import function_of
from symntk.emit.general_shape import part_enclosure
from symntk.emit.partition import MOST_EDGES, TOLERANCE, partition
from symntk.emit.stable_body import body
from symntk.language.balls.enclosure import enclosure
from symntk.language.forms.general_form import general_form
from symntk.language.names import read
from symntk.language.symbols import x

SMOOTH = {
    "tanh": "tanh(x)",
    "steep tanh": "tanh(25*x)",
    "narrow bump": "1/cosh(50*x)**2",
    "arctan surrogate": "1/(1 + (pi*x)**2)",
    "softplus": "log(1 + exp(x))",
    "steep erf": "erf(100*x)",
    "many centres": "tanh(x-1) + exp(-100*(x-1/2)**2) + 1/(1+exp(-x))",
    "steps apart": "tanh(30*x) + tanh(30*x-30) + tanh(30*x+30) + 1",
}
BROKEN = {
    "relu": "Max(0, x)",
    "superspike": "1/(1 + 100*Abs(x))**2",
    "laplace": "exp(-5*Abs(x))",
    "boxcar": "Piecewise((1, Abs(x) < 1/2), (0, True))",
    "log tail": "Piecewise((0, x <= 0), (1, x <= 1), (1/x, True))",
}
ALL = {**SMOOTH, **BROKEN}


def parted(text):
    """The function, its breaks and its partition."""
    form = general_form(read(text, {}), x)
    values = function_of(body(form))

    def function(at):
        with np.errstate(all="ignore"):
            return values(at)

    breaks = [float(point) for point in form.breaks]
    return function, breaks, partition(function, [part_enclosure(part) for part in form.parts], breaks)


@pytest.mark.parametrize("name", ALL)
def test_polynomial_between_edges(name):
    # at Chebyshev points, which the partition has never seen, and by another interpolation
    function, breaks, found = parted(ALL[name])
    assert set(breaks) <= set(found.edges) and list(found.edges) == sorted(set(found.edges))
    assert found.reach == np.inf and found.defect <= TOLERANCE and found.unresolved is None
    angles = np.cos(np.pi * (np.arange(30) + 0.5) / 30)
    # terms of a sum cancel far from its centres, down to their own rounding
    rounding = 1e-15 * np.max(np.abs(function(np.linspace(-10.0, 10.0, 1001)))) * ("+" in ALL[name])
    for low, high in zip(found.edges[:-1], found.edges[1:], strict=True):
        points = 0.5 * (low + high) + 0.5 * (high - low) * angles
        values = function(points)
        series = np.polynomial.chebyshev.chebfit(angles, values, 29)
        # the interpolant's Lebesgue constant, 9, and the rounding of x
        slope = np.max(np.abs(np.diff(values) / np.diff(points)))
        allowed = 5 * TOLERANCE * np.max(np.abs(values)) + 2e-15 * np.max(np.abs(points)) * slope
        assert np.max(np.abs(series[24:])) <= allowed + rounding + 1e-75, (low, high)


@pytest.mark.parametrize("name", ALL)
def test_a_line_beyond_the_outermost_edges(name):
    function, _, found = parted(ALL[name])
    for edge, side in ((found.edges[0], -1.0), (found.edges[-1], 1.0)):
        at = edge + side * np.linspace(0.01, 1.0, 50) * (1.0 + abs(edge))
        values = function(at)
        line = np.polyval(np.polyfit(at / at[-1], values, 1), at / at[-1])
        # a power of x that is left there is beyond 1e8
        assert abs(edge) > 1e8 or np.max(np.abs(values - line)) <= 1e-13 * np.max(np.abs(values)) + 1e-75


def test_few_edges():
    assert len(parted("tanh(x)")[2].edges) < 15
    assert len(parted("Max(0, x)")[2].edges) == 1
    assert len(parted("3*x - 1")[2].edges) == 0
    assert len(parted(BROKEN["superspike"])[2].edges) < 90


def test_edges_scale_with_the_function():
    wide, steep = (np.array(parted(SMOOTH[name])[2].edges) for name in ("tanh", "steep tanh"))
    assert 0.3 < np.max(steep) * 25.0 / np.max(wide) < 3.0


NARROW = {  # where, how wide
    "exp(-10000*(exp(x) - 7)**2)": (np.log(7.0), 1e-3),
    "exp(-10**7*(x*tanh(x) - 1.234)**2)": (float(mp.findroot(lambda t: t * mp.tanh(t) - 1.234, 1.4)), 1e-4),
    "1/cosh(50*(x - 300))**2": (300.0, 0.02),
    "erf(1000*(x - 1.23456))": (1.23456, 1e-3),
    "1/(1 + 10**8*(x - 3.3333)**2)": (3.3333, 1e-4),
}


@pytest.mark.parametrize("text", NARROW)
def test_narrow_features_are_found_wherever_they_are(text):
    _, _, found = parted(text)
    place, width = NARROW[text]
    near = [edge for edge in found.edges if abs(edge - place) < 20.0 * width]
    assert len(near) >= 6 and found.defect <= TOLERANCE


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["tanh", "erf", "bump", "plus", "lorentz"]), st.integers(1, 60), st.integers(-40, 40)
        ),
        min_size=2,
        max_size=5,
    )
)
def test_sums_with_many_centres_are_resolved_between_all_edges(terms):
    build = {
        "tanh": sp.tanh,
        "erf": sp.erf,
        "bump": lambda w: sp.exp(-(w**2)),
        "plus": lambda w: sp.log(1 + sp.exp(w)),
        "lorentz": lambda w: 1 / (1 + w**2),
    }
    total = sum(build[kind](slope * (x - sp.Rational(centre, 8))) for kind, slope, centre in terms)
    function, _, found = parted(str(total))
    edges = np.array([edge for edge in (-30.0, *found.edges, 30.0) if abs(edge) <= 30.0])
    places = np.linspace(-0.999, 0.999, 41)
    nodes = np.cos(np.pi * (np.arange(24) + 0.5) / 24)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        if high - low < 1e-6:
            continue
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        series = np.polynomial.chebyshev.chebfit(nodes, function(middle + half * nodes), 23)
        values = function(middle + half * places)
        assert (
            np.max(np.abs(np.polynomial.chebyshev.chebval(places, series) - values))
            <= 1e-11 * np.max(np.abs(values)) + 1e-14
        )


def test_rounding_is_not_structure():
    # 1 + tanh(−8) has an error of 1e-9 of itself where it is not written as a logistic function
    found = partition(lambda x: x * (1.0 + np.tanh(x)), [enclosure(x * (1 + sp.tanh(x)), x)])
    assert found.reach == np.inf and len(found.edges) < 60
    _, _, shifted = parted("1/(1 + exp(-4*(x - 1000)))")
    assert shifted.reach == np.inf and len(shifted.edges) < 80


def test_oscillation_has_a_finite_reach():
    _, _, found = parted("sin(x)")
    assert 500.0 < found.reach < 5000.0 and len(found.edges) <= MOST_EDGES + 1
    assert found.defect < 1e-12 and max(map(abs, found.edges)) >= 0.99 * found.reach


def test_a_root_is_graded():
    _, _, found = parted("sqrt(Abs(x))")
    positive = [edge for edge in found.edges if edge > 0.0]
    assert min(positive) < 1e-15 and found.reach == np.inf
    for low, high in zip(positive[:-1], positive[1:], strict=True):
        assert high / low <= 40.0


def test_growth_ends_where_squares_overflow():
    _, _, found = parted("exp(x)")
    assert 300.0 < found.reach < 350.0 and found.defect <= 1e-13


@pytest.mark.parametrize("place", ["0.123456", "2.71828", "-17.03"])
@pytest.mark.parametrize("power", [1, 2])
def test_poles_between_samples_are_named(place, power):
    _, _, found = parted(f"1/(x - ({place}))**{power}")
    assert found.unresolved == pytest.approx(float(place), abs=1e-3)
    assert found.reach <= abs(float(place)) + 1e-3


def test_an_enclosure_that_knows_nothing_resolves_nothing():
    # the samples alone would do: the second witness is missing
    found = partition(np.tanh, [enclosure(sp.Abs(x), x)])
    assert found.unresolved is not None and found.reach < 1.0
