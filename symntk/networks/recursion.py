"""The kernels of a network from its layers' maps, where maps and scales may differ from layer to layer.

A hidden layer is a dictionary as `_Recursion` takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _result_type
from symntk.emit.runtime.inputs import _inputs, _layer_variances
from symntk.emit.runtime.recursion import _Recursion, _step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Layer = dict[str, Any]


def network_gram(
    x1: np.ndarray,
    x2: np.ndarray | None,
    weight_std: Sequence[float],
    bias_std: Sequence[float],
    layers: Sequence[Layer],
    wanted: Sequence[int],
) -> list[np.ndarray]:
    """The matrices of the wanted maps of the layers, 0 for Σ^L, −1 for its gaps; what is infinite is inf.

    `weight_std` and `bias_std` have one number for each weight layer.
    """
    first, second = _inputs(x1, x2)
    weights, shifts = [value**2 for value in weight_std], [value**2 for value in bias_std]
    dtype = _result_type(x1, *(() if x2 is None else (x2,)))
    return _Recursion(first, None if x2 is None else second, weights, shifts, layers, dtype).matrices(wanted)


def network_diagonal(
    start: np.ndarray, weight_std: Sequence[float], bias_std: Sequence[float], layers: Sequence[Layer], kernel: int
) -> np.ndarray:
    """The wanted map, 0 for Σ^L, of inputs with themselves, from their variances in the first layer."""
    weights, shifts = [value**2 for value in weight_std], [value**2 for value in bias_std]
    variances = _layer_variances(start, weights, shifts, layers, "first")
    if not kernel or not layers:
        return variances[-1]
    total = start
    for index, layer in enumerate(layers):
        own, one = variances[index], layer["maps"][kernel]
        slope = one["given"](own, own, own, None)
        total = _step(variances[index + 1], total, slope, weights[index + 1], one["divergent"])
    return total


def refuse_infinite(gram: np.ndarray, diagonal: bool, reason: str) -> None:
    """Refuse a matrix by its first entry that is not finite; `reason` says why it may be.

    `diagonal` says that rows and columns are the same inputs.
    """
    bad = ~np.isfinite(gram)
    if np.any(bad):
        i, j = (int(index) for index in np.argwhere(bad)[0])
        which = "an input with itself" if diagonal and i == j else "two inputs"
        raise ValueError(f"it is infinite at row {i}, column {j}, {which}: {reason}")
