"""Polynomial interpolation on intervals: how far a function is from its interpolant of 24 Legendre nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NODES = np.polynomial.legendre.leggauss(24)[0]
# between the nodes, and just inside the ends: at a break itself the function may have any value
TESTS = np.concatenate([[-1.0 + 1e-6], 0.5 * (NODES[1:] + NODES[:-1]), [1.0 - 1e-6]])
LEBESGUE = 4.8  # of the nodes and tests together, 49 points (computed)
# of the largest |x|: what the rounding of x moves a value by, times the interpolant's Lebesgue constant
_ROUNDING = 2e-15

Function = Callable[[np.ndarray], np.ndarray]


def interpolation(points: np.ndarray) -> np.ndarray:
    """The matrix from values at the nodes to values of the interpolant at points of [−1, 1], of shape (points, 24)."""
    apart = NODES[:, None] - NODES + np.eye(len(NODES))
    # barycentric: exact at polynomials, where sums over Legendre polynomials lose three digits at the ends
    terms = 1.0 / np.prod(2.0 * apart, axis=1) / (points[..., None] - NODES)
    return np.asarray(terms / np.sum(terms, axis=-1, keepdims=True))


_MATRIX = interpolation(TESTS)


def defects(function: Function, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the function is from its interpolant on each [left, right].

    Returns the largest difference at the tests, less what the rounding of x explains, and the largest |value|, both
    of shape (n, 2), for the left and the right half of each interval: a function that decays is small in one of them.
    """
    points = _points(left, right, np.concatenate([NODES, TESTS]))
    values = function(points.ravel()).reshape(points.shape)
    nodes = values[:, : len(NODES)]
    errors = np.abs(values[:, len(NODES) :] - nodes @ _MATRIX.T) - _rounding(points[:, : len(NODES)], nodes)[:, None]
    return _by_half(errors, TESTS), _by_half(np.abs(values), np.concatenate([NODES, TESTS]))


def _by_half(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    found = np.stack([np.max(values[:, places < 0.0], axis=1), np.max(values[:, places > 0.0], axis=1)], axis=1)
    return np.asarray(np.nan_to_num(found.clip(0.0), nan=np.inf))


def joint_defects(
    function: Function, left: np.ndarray, middle: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the interpolant on [left, right] is from the function at the nodes of [left, middle] and [middle, right].

    Where the function is a polynomial of degree 23 on both parts, this bounds the difference everywhere, whatever
    their lengths. Returns the largest difference less the rounding of x, and the largest |value|, both of shape (n, 2).
    """
    points = _points(left, right, NODES)
    tests = np.concatenate([_points(left, middle, NODES), _points(middle, right, NODES)], axis=1)
    values = function(np.concatenate([points, tests], axis=1).ravel()).reshape(len(left), -1)
    nodes, values = values[:, : len(NODES)], values[:, len(NODES) :]
    places = (tests - left[:, None]) * (2.0 / (right - left)[:, None]) - 1.0
    at_node = np.any(np.abs(places[..., None] - NODES) < 1e-14, axis=-1)
    matrix = interpolation(np.where(at_node, 2.0, places))
    found = np.einsum("ijk,ik->ij", matrix, nodes)
    errors = np.where(at_node, 0.0, np.abs(values - found) - _rounding(points, nodes)[:, None])
    sides = np.repeat([-1.0, 1.0], len(NODES))
    return _by_half(errors, sides), _by_half(np.abs(values), sides)


def _points(left: np.ndarray, right: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.asarray(left[:, None] + 0.5 * (right - left)[:, None] * (1.0 + places))


def _rounding(points: np.ndarray, values: np.ndarray) -> np.ndarray:
    slope = np.max(np.abs(np.diff(values) / np.diff(points)), axis=1)
    return np.asarray(_ROUNDING * np.max(np.abs(points), axis=1) * np.where(np.isfinite(slope), slope, 0.0))
