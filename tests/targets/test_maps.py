"""The layer maps of every target against 30 digits, or against symntk's own call where digits are slow."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from mpmath import mp

from symntk.errors import DomainError, FormulaError
from tests.targets.grid import CLOSED, NOT_CLOSED, NOT_CLOSED_VALUE, OTHERS, SINGULAR, TOLERANCE, laws
from tests.targets.modules import each_target, given_back, module, need, own, pair

PRECISIONS = sorted(TOLERANCE)


def where(E, at: np.ndarray, precision: str) -> np.ndarray:
    """Which of the laws (3, n) a map is asked at."""
    if not E.diagonal.diverges:
        return np.full(at.shape[1], True)
    a, b, c = at.astype(np.float64)
    if precision == "float32":
        return np.abs(c) <= (SINGULAR + 1e-6) * np.sqrt(a * b)
    return a * b > c * c


@functools.cache
def squares(activation: str, surrogate: str | None, name: str) -> dict[tuple[str, float], float]:
    return {}


def scale(kernels, names: tuple[str, str | None], name: str, a: float, b: float) -> float:
    """√(E f² · E g²); infinite where f or g holds a delta."""
    E, known = getattr(kernels, name), squares(*names, name)
    for side, f, variance in (("f", E.f, a), ("g", E.g, b)):
        if (side, variance) not in known:
            known[side, variance] = second_moment(f, variance)
    return np.sqrt(known["f", a] * known["g", b])


def second_moment(f, variance: float) -> float:
    from symntk.kernels.expectation import Expectation

    try:
        return float(Expectation(f, f)(variance, variance, variance))
    except (DomainError, ValueError):
        return np.inf


@functools.cache
def expected(activation: str, surrogate: str | None, name: str, precision: str):
    """The laws at which a map is asked, as float64 (3, n), its values there and what errors are relative to."""
    kernels, at = pair(activation, surrogate), laws(precision)
    E = getattr(kernels, name)
    at = at[:, where(E, at, precision)]
    if (activation, surrogate) in OTHERS:
        values = E(*at.astype(np.float64))
    else:
        with mp.workdps(30):
            values = np.array([float(E.evalf(*map(float, law), dps=30)) for law in at.T])
    scales = np.array([scale(kernels, (activation, surrogate), name, float(a), float(b)) for a, b, _ in at.T])
    return at, values, np.where(np.isinf(scales), np.abs(values), scales)


def worst(target: str, names: tuple[str, str | None], name: str, precision: str) -> tuple[float, tuple[float, ...]]:
    """The largest error of a target's map in units of its scale, and the law."""
    at, values, scales = expected(*names, name, precision)
    given = [own(target, row) for row in at]
    found = given_back(getattr(module(*names, target), f"{name}_map")(*given), given[0]).astype(np.float64)
    error = np.abs(found - values)
    error = np.where(error == 0.0, 0.0, error / np.where(scales > 0.0, scales, 1e-300))
    index = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    return float(error[index]), tuple(map(float, at[:, index]))


@each_target
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("names", [*CLOSED, *OTHERS], ids=lambda names: "-".join(filter(None, names)))
def test_maps(names, precision, target):
    need(target)
    try:
        module(*names, target)
    except FormulaError as error:
        pytest.skip(str(error))
    for name in pair(*names).names:
        if name == "surrogate_ntk" and pair(*names).surrogate_ntk.expression is None:
            continue  # no Gram matrix needs it, so no table is made
        singular = np.isinf(scale(pair(*names), names, name, 1.0, 1.0))
        allowed = (NOT_CLOSED_VALUE[precision] if singular else NOT_CLOSED) if names in OTHERS else 0.0
        tolerance = max(TOLERANCE[precision], allowed)
        error, law = worst(target, names, name, precision)
        assert error <= tolerance, f"{target}, {name} of {names} in {precision}: {error:.1e} at {law}"
