"""What a Gram matrix is computed from: inputs of a user, checked; variances; which rows are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _LEAST_SCALE, _LEAST_VARIANCE, _real_numbers, _refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Variances from which a costly map at full correlation is interpolated between so many nodes; the largest width of
# their logarithms.
_MANY_OWN = 128
_OWN_NODES = 40
_OWN_WIDTH = 3.0


def _inputs(x1: np.ndarray, x2: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs as finite float64 arrays of one width."""
    pair = []
    for name, given in (("x1", x1), ("x2", x1 if x2 is None else x2)):
        if np.ma.is_masked(given):
            raise ValueError(f"{name} is masked. Try: the rows without masked entries")
        array = _real_numbers(given, name)
        if array.ndim != 2:
            raise ValueError(f"{name} has shape {array.shape}. Try: an array (n, features), for one input x[None, :]")
        if not np.all(np.isfinite(array)):
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise ValueError(f"{name} holds a value that is not finite, first in row {row}. Try: finite inputs")
        pair.append(array)
    if pair[0].shape[1] != pair[1].shape[1]:
        raise ValueError(f"x1 has {pair[0].shape[1]} features and x2 {pair[1].shape[1]}. Try: inputs of one width")
    return pair[0], pair[1]


def _layer_variances(
    start: np.ndarray, weights: Sequence[float], shifts: Sequence[float], layers: Sequence[dict[str, Any]], side: str
) -> list[np.ndarray]:
    """Variances of all layers from those of the first, 0 for an input of zeros without bias. Scales are squared."""
    found = [start]
    for number, layer in enumerate(layers, start=1):
        values, back = np.unique(found[-1], return_inverse=True)
        square = _own_values(layer[side], values, layer["maps"][0]["prepare"] is not None)
        moved = _handed_on(values, square, weights[number], shifts[number], number + 1, number == len(layers))
        found.append(moved[back].reshape(start.shape))
    return found


def _own_values(given: Callable[..., np.ndarray], values: np.ndarray, costly: bool) -> np.ndarray:
    """A map at full correlation for flat variances that differ: many of a costly one by their Chebyshev series.

    >>> variances = np.linspace(1.0, 2.0, 1000)
    >>> found = _own_values(lambda a, b, c, det: np.sqrt(a * b), variances, True)
    >>> bool(np.max(np.abs(found / variances - 1.0)) < 1e-14)
    True
    """
    logs = np.log(values[values > 0.0]) if costly and len(values) > _MANY_OWN else values[:0]
    if len(logs) == len(values) > 0 and logs[-1] - logs[0] < _OWN_WIDTH:
        low, high = logs[0], logs[-1]
        points = np.cos(np.pi * (np.arange(_OWN_NODES) + 0.5) / _OWN_NODES)
        nodes = np.exp(0.5 * (low + high) + 0.5 * (high - low) * points)
        found = np.asarray(given(nodes, nodes, nodes, None))
        if np.all(np.isfinite(found)):
            transform = np.cos(np.outer(np.arange(_OWN_NODES), np.arccos(points))) * (2.0 / _OWN_NODES)
            series = transform @ found
            series[0] *= 0.5
            if np.max(np.abs(series[-6:])) <= 2e-15 * np.min(np.abs(found)):
                return np.asarray(np.polynomial.chebyshev.chebval((2.0 * logs - low - high) / (high - low), series))
    return np.asarray(given(values, values, values, None))


def _first_variances(x: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """Variances in the first layer; refused are inputs so small that products of them are below float64."""
    variance = scale * np.einsum("ij,ij->i", x, x) + shift
    small = (variance < _LEAST_SCALE) & np.any(x != 0.0, axis=1)
    _refuse(small, "inputs are too small for float64, first a row", "rescaled inputs", variance=variance)
    return np.asarray(variance)


def _handed_on(
    before: np.ndarray, square: np.ndarray, weight: float, bias: float, layer: int, last: bool
) -> np.ndarray:
    """The variance weight·E[σ²] + bias of a layer, 0 only where σ is 0 at a variable that is certain.

    Raises ValueError where it is infinite, or positive but below float64 and not the last one.
    """
    variance = np.asarray(weight * square + bias)
    advice = "larger weights, a bias, or rescaled inputs"
    wrong = f"the variance of layer {layer} is infinite, since the activation is at a variable of variance 0"
    _refuse(np.isinf(variance), wrong, "a bias", before=before)
    lost = (variance < _LEAST_VARIANCE) & (before > 0.0) & (not last)
    _refuse(lost, f"the variance of layer {layer} is positive, but below float64", advice, before=before)
    return variance


def _labels(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number for each row, the same for equal rows."""
    joined = np.concatenate([first, second]) + 0.0  # −0 becomes 0
    _, labels = np.unique(joined, axis=0, return_inverse=True)
    labels = labels.reshape(-1)
    return labels[: len(first)], labels[len(first) :]
