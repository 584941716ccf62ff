"""Coefficients that are kept are those that would be computed, and not computed again."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.emit.runtime import hermite_recall
from symntk.emit.runtime.hermite import _hermite_coefficients
from symntk.emit.runtime.hermite_recall import _recall_law, _recall_places, _recalled_coefficients

SHAPE = (), (), (), (-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0)
LAWS = np.array([[0.3, 1.0], [-1.0, 2.0], [0.3, 4.0], [0.0, 0.5], [2.0, 1.0], [-1.0, 0.1]])


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """How many rows are computed, call by call; nothing is kept from other tests."""
    rows = []

    def computed(f, shape, mean, variance, count):
        rows.append(len(mean))
        return _hermite_coefficients(f, shape, mean, variance, count)

    monkeypatch.setattr(hermite_recall, "_RECALLED", {})
    monkeypatch.setattr(hermite_recall, "_hermite_coefficients", computed)
    return rows


def _missing(f, shape, law, count):
    """How many laws are not kept."""
    held = hermite_recall._RECALLED.get((f, count, shape[3]))
    return len(law) if held is None else int(_recall_places(held[0], _recall_law(*law.T))[1].sum())


def found(rows, count=32, f=np.tanh, shape=SHAPE):
    law = LAWS[list(rows)]
    value = _recalled_coefficients(f, shape, law[:, 0], law[:, 1], count)
    for one, expected in zip(value, _hermite_coefficients(f, shape, law[:, 0], law[:, 1], count), strict=True):
        assert np.allclose(one, expected, rtol=0.0, atol=4e-15)


def test_only_what_is_new_is_computed(asked):
    for rows in ([0, 1], [1, 2, 0], [2], [3, 3, 1], [5, 0, 1, 2, 3, 4]):
        found(rows)
    assert asked == [2, 1, 2, 2]
    assert _missing(np.tanh, SHAPE, LAWS, 32) == 0 and _missing(np.tanh, SHAPE, LAWS, 64) == len(LAWS)


def test_functions_counts_and_edges_are_told_apart(asked):
    found([0, 1])
    found([0, 1], count=64)
    found([0, 1], f=np.sin)
    found([0, 1], shape=(*SHAPE[:3], (*SHAPE[3], 0.5)))
    assert asked == [2, 2, 2, 2]


def test_what_is_no_law_is_not_kept(asked):
    law = np.array([[np.nan, 1.0], [0.0, -1.0], [0.0, 1.0]])
    for _ in range(2):
        coefficients, _, loss = _recalled_coefficients(np.tanh, SHAPE, law[:, 0], law[:, 1], 8)
        assert np.isinf(loss).tolist() == [True, True, False] and np.isfinite(coefficients[2]).all()
    assert asked == [3, 2]


def test_little_is_kept(monkeypatch):
    monkeypatch.setattr(hermite_recall, "_RECALL_FEW", 3 * 32)
    monkeypatch.setattr(hermite_recall, "_RECALL_HELD", 5 * 32)
    found([0, 1])
    found([2])
    assert len(hermite_recall._RECALLED) == 1 and _missing(np.tanh, SHAPE, LAWS, 32) == 3
    found([3, 4])  # more than a few: those of this call alone
    assert _missing(np.tanh, SHAPE, LAWS, 32) == 4
    found([0, 1, 2, 3], f=np.sin)  # no room for both
    assert [key[0] for key in hermite_recall._RECALLED] == [np.sin]
    found(range(6), f=np.cos)  # too many
    assert [key[0] for key in hermite_recall._RECALLED] == [np.sin]
