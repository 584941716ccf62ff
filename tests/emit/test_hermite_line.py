"""Hermite coefficients from series in log a are those that are computed, and only where such series hold."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.emit.runtime import hermite_line
from symntk.emit.runtime.hermite import _hermite_coefficients
from symntk.emit.runtime.hermite_line import _line_coefficients

EDGES = (-20.0, -8.0, -4.0, -2.0, -0.8, 0.0, 0.8, 2.0, 4.0, 8.0, 20.0)
SHAPE = (), (), (), EDGES
VARIANCES = np.exp(np.random.default_rng(5).uniform(-6.0, 5.0, 60))


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch):
    monkeypatch.setattr(hermite_line, "_LINES", {})
    monkeypatch.setattr(hermite_line, "_LINE_ASKED", {})


def slope(x):
    return 1 / np.cosh(np.clip(x, -300, 300)) ** 2


FUNCTIONS = {
    "tanh": np.tanh,
    "x tanh'": lambda x: x * slope(x),
    "relu": lambda x: x * (x > 0),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "wave": lambda x: np.sin(x / 3),
    "step": lambda x: 1.0 * (x > 0.8),
}


@pytest.mark.parametrize("count", [64, 1024])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_they_are_those_that_are_computed(name, count):
    f, mean = FUNCTIONS[name], np.zeros(len(VARIANCES))
    true, square, loss = _hermite_coefficients(f, SHAPE, mean, VARIANCES, count)
    for _ in range(4):  # the later ones from series
        found = _line_coefficients(f, SHAPE, mean, VARIANCES, count)
    made = [line is not None for line in hermite_line._LINES.values()]
    # a jump beside 0, in units of the deviation, is none for a segment
    assert (
        len(made) > 8 and any(made) and (name in ("step", "wave") or all(made)) and not (name == "step" and all(made))
    )
    norm = np.sqrt(square)
    error = np.linalg.norm(found[0] - true, axis=1) / norm
    assert np.all(error <= found[2] + loss) and np.all(error < 4e-13)
    assert found[1] == pytest.approx(square, rel=2e-13)


def test_few_variances_and_means_are_computed():
    mean = np.full(len(VARIANCES), 0.3)
    for _ in range(4):
        _line_coefficients(np.tanh, SHAPE, mean, VARIANCES, 64)
        _line_coefficients(np.tanh, SHAPE, np.zeros(8), VARIANCES[:8], 64)
    assert not hermite_line._LINES
    some = np.array([np.nan, 0.0, np.inf, *VARIANCES[:20]])
    for _ in range(4):
        found, _, loss = _line_coefficients(np.tanh, SHAPE, np.zeros(len(some)), some, 64)
    assert np.all(np.isnan(found[:3])) and np.all(np.isinf(loss[:3])) and np.all(np.isfinite(found[3:]))


def test_many_variances_of_a_segment_make_its_series_at_once():
    variance = np.exp(np.linspace(0.0, 0.999, 60))
    _line_coefficients(np.tanh, SHAPE, np.zeros(60), variance, 64)
    assert list(hermite_line._LINES) == [(np.tanh, 0, 64)]


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(hermite_line, "_LINE_HELD", 3 * hermite_line._LINE_POINTS * 65)
    for _ in range(6):
        _line_coefficients(np.tanh, SHAPE, np.zeros(len(VARIANCES)), VARIANCES, 64)
        held = sum(line[0].size for line in hermite_line._LINES.values() if line is not None)
        assert held <= 5 * hermite_line._LINE_POINTS * 65
