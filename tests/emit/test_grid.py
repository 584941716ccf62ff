"""Float64 maps at extreme covariances: a part of the grid of benchmarks/accuracy_grid.py, which holds the rest."""

import numpy as np
import pytest

from benchmarks.accuracy_grid import CASES, CORRELATIONS, measure

PAIRS = [(1e-6, 1e-6), (1e-6, 1e6), (1.0, 1.0), (1e2, 1e-2), (1e6, 1e6)]
HEAVY_PAIRS = [(1e-6, 1.0), (1e6, 1e6)]
HEAVY_CORRELATIONS = [0.5, -(1 - 1e-8), 1 - 1e-15, 1.0, -1.0]


def points(pairs, correlations):
    return [(a, b, float(rho * np.sqrt(a) * np.sqrt(b))) for a, b in pairs for rho in correlations]


@pytest.mark.parametrize("case", [case for case in CASES if case[2] == 1e-13], ids=lambda c: f"{c[0]}-{c[1]}")
def test_relative_error(case):
    for _, _, name, relative, at, *_ in measure(case, points(PAIRS, CORRELATIONS), dps=30):
        assert relative <= 1e-13, (name, at)


@pytest.mark.parametrize("case", [case for case in CASES if case[2] == 1e-10], ids=lambda c: f"{c[0]}-{c[1]}")
def test_error_relative_to_the_second_moments(case):
    for _, _, name, _, _, scaled, at, _ in measure(case, points(HEAVY_PAIRS, HEAVY_CORRELATIONS), dps=15):
        assert scaled <= 1e-10, (name, at)
