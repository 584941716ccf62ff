"""The kernels of a network from its layers' maps, where maps and scales may differ from layer to layer.

Copied as it stands into modules that `Network.export` writes, so it needs NumPy and the runtime's helpers only. A
hidden layer is a dictionary as `_Recursion` takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _as_float64, _finish, _result_type
from symntk.emit.runtime.gap import _Near
from symntk.emit.runtime.inputs import _inputs, _layer_variances
from symntk.emit.runtime.recursion import _chain, _Recursion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Layer = dict[str, Any]


def _network_gram(
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


def _network_map(
    var_u: np.ndarray,
    var_v: np.ndarray,
    cov: np.ndarray,
    weight_std: Sequence[float],
    bias_std: Sequence[float],
    layers: Sequence[Layer],
    kernel: int,
) -> np.ndarray:
    """The same for entries of Σ¹ that are given; arguments broadcast."""
    a, b, c = np.broadcast_arrays(*(_as_float64(v, n) for v, n in ((var_u, "var_u"), (var_v, "var_v"), (cov, "cov"))))
    weights, shifts = [value**2 for value in weight_std], [value**2 for value in bias_std]
    rows = _layer_variances(a, weights, shifts, layers, "first")
    columns = _layer_variances(b, weights, shifts, layers, "second")
    same = (a == b) & (c == a)
    parallel = (np.abs(c) >= np.sqrt(a) * np.sqrt(b)) & ~same & (a > 0.0) & (b > 0.0)
    laws = list(zip(rows, columns, strict=True))

    def careful(index: int, *law: Any) -> list[Any]:
        return [one["given"](*law) for one in layers[index]["maps"]]

    start = c, same, parallel, None, _Near(c.shape)
    (total,) = _chain(layers, careful, laws, *start, weights, shifts, [kernel])
    return _finish(total, var_u, var_v, cov)


def _network_finite(gram: np.ndarray, diagonal: bool, reason: str) -> np.ndarray:
    """The matrix itself, or a ValueError that names its first entry that is not finite; `reason` says why it may be.

    `diagonal` says that rows and columns are the same inputs.
    """
    bad = ~np.isfinite(gram)
    if np.any(bad):
        i, j = (int(index) for index in np.argwhere(bad)[0])
        which = "an input with itself" if diagonal and i == j else "two inputs"
        raise ValueError(f"it is infinite at row {i}, column {j}, {which}: {reason}")
    return gram
