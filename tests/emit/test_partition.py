"""Partitions: between edges the function is its interpolant, the edges hold every break, and failures are told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf, expit

from symntk.emit.partition import MOST_EDGES, partition


def sech_squared(y):
    decay = np.exp(-2.0 * np.abs(y))
    return 4.0 * decay / (1.0 + decay) ** 2


SMOOTH = {
    "tanh": np.tanh,
    "steep tanh": lambda x: np.tanh(25.0 * x),
    "narrow bump": lambda x: sech_squared(50.0 * x),
    "arctan surrogate": lambda x: 1.0 / (1.0 + (np.pi * x) ** 2),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "steep erf": lambda x: erf(100.0 * x),
}
BROKEN = {
    "relu": (lambda x: np.maximum(x, 0.0), [0.0]),
    "superspike": (lambda x: (1.0 + 100.0 * np.abs(x)) ** -2.0, [0.0]),
    "laplace": (lambda x: np.exp(-5.0 * np.abs(x)), [0.0]),
    "boxcar": (lambda x: np.where(np.abs(x) < 0.5, 1.0, 0.0), [-0.5, 0.5]),
    "log tail": (lambda x: np.where(x <= 0.0, 0.0, np.where(x <= 1.0, 1.0, 1.0 / np.maximum(x, 1.0))), [0.0, 1.0]),
}
ALL = {**{name: (function, []) for name, function in SMOOTH.items()}, **BROKEN}


@pytest.mark.parametrize("name", ALL)
def test_polynomial_between_edges(name):
    # at Chebyshev points, which the partition has never seen, and by another interpolation
    function, breaks = ALL[name]
    found = partition(function, breaks)
    assert set(breaks) <= set(found.edges) and list(found.edges) == sorted(set(found.edges))
    assert found.reach == np.inf and found.defect <= 1e-13
    angles = np.cos(np.pi * (np.arange(30) + 0.5) / 30)
    for low, high in zip(found.edges[:-1], found.edges[1:], strict=True):
        points = 0.5 * (low + high) + 0.5 * (high - low) * angles
        values = function(points)
        series = np.polynomial.chebyshev.chebfit(angles, values, 29)
        assert np.max(np.abs(series[24:])) <= 3e-13 * np.max(np.abs(values)) + 1e-75, (low, high)


@pytest.mark.parametrize("name", ALL)
def test_a_line_beyond_the_outermost_edges(name):
    function, breaks = ALL[name]
    edges = partition(function, breaks).edges
    for edge, side in ((edges[0], -1.0), (edges[-1], 1.0)):
        x = edge + side * np.linspace(0.01, 1.0, 50) * (1.0 + abs(edge))
        values = function(x)
        line = np.polyval(np.polyfit(x / x[-1], values, 1), x / x[-1])
        # a power of x that is left there is beyond 1e8
        assert abs(edge) > 1e8 or np.max(np.abs(values - line)) <= 1e-13 * np.max(np.abs(values)) + 1e-75


def test_few_edges():
    assert len(partition(np.tanh).edges) < 15
    assert len(partition(lambda x: np.maximum(x, 0.0), [0.0]).edges) == 1
    assert len(partition(lambda x: 3.0 * x - 1.0).edges) == 0
    assert len(partition(BROKEN["superspike"][0], [0.0]).edges) < 90


def test_edges_scale_with_the_function():
    wide = np.array(partition(np.tanh).edges)
    steep = np.array(partition(SMOOTH["steep tanh"]).edges)
    assert 0.3 < np.max(steep) * 25.0 / np.max(wide) < 3.0


def test_a_narrow_feature_needs_its_centre():
    bump = partition(lambda x: sech_squared(50.0 * (x - 300.0)), centres=[300.0])
    near = [edge for edge in bump.edges if abs(edge - 300.0) < 0.5]
    assert len(near) >= 8 and bump.defect <= 1e-13


def test_rounding_is_not_structure():
    # 1 + tanh(−8) has an error of 1e-9 of itself
    found = partition(lambda x: x * (1.0 + np.tanh(x)))
    assert found.reach == np.inf and len(found.edges) < 60
    shifted = partition(lambda x: expit(4.0 * (x - 1000.0)), centres=[1000.0])
    assert shifted.reach == np.inf and len(shifted.edges) < 60


def test_oscillation_has_a_finite_reach():
    found = partition(np.sin)
    assert 500.0 < found.reach < 5000.0 and len(found.edges) <= MOST_EDGES + 1
    assert found.defect < 1e-12 and max(map(abs, found.edges)) >= found.reach


def test_a_root_is_graded():
    found = partition(lambda x: np.sqrt(np.abs(x)), [0.0])
    positive = [edge for edge in found.edges if edge > 0.0]
    assert min(positive) < 1e-15 and found.reach == np.inf
    for low, high in zip(positive[:-1], positive[1:], strict=True):
        assert high / low <= 20.0


def test_growth_ends_where_squares_overflow():
    found = partition(np.exp)
    assert 300.0 < found.reach < 350.0 and found.defect <= 1e-13
