"""The layer recursion of two networks that share their weights, where maps and scales may differ from layer to layer.

Copied as it stands into modules that `Network.export` writes, so it needs NumPy and the runtime's helpers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _as_float64, _finish, _result_type
from symntk.emit.runtime.gap import _NEAR_GAP, _NEAR_KERNEL, _Near, _near_inputs
from symntk.emit.runtime.gram import (
    _LARGE_TILE,
    _TILE,
    _aligned,
    _back,
    _first_variances,
    _handed_on,
    _inputs,
    _labels,
    _mirror,
)

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
    mirror: bool,
    gaps: bool = False,
) -> np.ndarray:
    """Σ^L, or I^L where the layers have slopes: I^{l+1} = Σ^{l+1} + I^l · σ_w² E[s1(u) s2(v)], I¹ = Σ¹.

    `weight_std` and `bias_std` have one number for each weight layer. A hidden layer is a dictionary of maps
    (a, b, cov, det): "first" and "second" are E[σ1 σ1] and E[σ2 σ2], "cross" E[σ1 σ2], "slope" E[s1 s2] or None;
    "cross_layer" and "slope_layer" prepare a map for a layer's variances, or None; "equal" says that σ1 = σ2,
    "divergent" that the slopes' map is infinite at full correlation.
    `mirror` says that every map is symmetric, so that without x2 half of the matrix is computed. Equal rows have
    covariance equal to their variance, exactly, as long as both sides are equal; what is infinite is inf. Inputs that
    are nearly the same are followed by how far they are apart (`_Near`), as far as layers say how: "near" is a function
    that gives the maps for it and how many it may follow, or None. With `gaps` the result is (Σ_ii + Σ_jj)/2 − Σ_ij.
    """
    first, second = _inputs(x1, x2)
    scale, shift = weight_std[0] ** 2 / max(first.shape[1], 1), bias_std[0] ** 2
    start_values = [_first_variances(x, scale, shift) for x in (first, second)]
    rows = _network_variances(start_values[0], weight_std, bias_std, layers, "first")
    mirror = mirror and x2 is None
    alike = x2 is None and all(layer["equal"] for layer in layers)
    columns = rows if alike else _network_variances(start_values[1], weight_std, bias_std, layers, "second")
    maps, small = [], True
    for layer, a, b in zip(layers, rows[:-1], columns[:-1], strict=True):
        cross, fits = _network_prepared(layer["cross"], layer["cross_layer"], a, b)
        slope, fits_too = _network_prepared(layer["slope"], layer["slope_layer"], a, b)
        maps.append((cross, slope, layer["equal"], layer["divergent"], layer["near"]))
        small = small and fits and fits_too
    labels1, labels2 = _labels(first, first[:0] if x2 is None else second)
    labels2 = labels1 if x2 is None else labels2
    out = np.empty((len(first), len(second)), dtype=_result_type(x1, *(() if x2 is None else (x2,))))
    start = 0
    while start < len(first):
        left = start if mirror else 0
        down = slice(start, start + max(1, (_TILE if small else _LARGE_TILE) // max(len(second) - left, 1)))
        across = slice(left, None)
        same = labels1[down, None] == labels2[None, across]
        cov = np.where(same, rows[0][down, None], scale * (first[down] @ second[across].T) + shift)
        parts = first[down], second[across], scale, shift, cov, rows[0][down], columns[0][across], ~same
        parallel, det, near = _near_inputs(*parts)
        of_rows, of_columns = [v[down, None] for v in rows], [v[None, across] for v in columns]
        start_law = cov, det, same, parallel, near
        least = _NEAR_GAP if gaps else _NEAR_KERNEL
        total, cov = _network_entries(of_rows, of_columns, *start_law, weight_std, bias_std, maps, least)
        if gaps:
            total = np.where(same, 0.0, 0.5 * (of_rows[-1] + of_columns[-1]) - cov)
            total.reshape(-1)[near.place] = near.gaps(of_rows[-1], of_columns[-1])
        out[down, across] = total
        if mirror:
            _mirror(out, total, down)
        start = down.stop
    return out


def _network_map(
    var_u: np.ndarray,
    var_v: np.ndarray,
    cov: np.ndarray,
    weight_std: Sequence[float],
    bias_std: Sequence[float],
    layers: Sequence[Layer],
) -> np.ndarray:
    """The same for entries of Σ¹ that are given; arguments broadcast."""
    a, b, c = np.broadcast_arrays(*(_as_float64(v, n) for v, n in ((var_u, "var_u"), (var_v, "var_v"), (cov, "cov"))))
    rows = _network_variances(a, weight_std, bias_std, layers, "first")
    columns = _network_variances(b, weight_std, bias_std, layers, "second")
    same = (a == b) & (c == a)
    maps = [(one["cross"], one["slope"], one["equal"], one["divergent"], one["near"]) for one in layers]
    parallel = (np.abs(c) >= np.sqrt(a) * np.sqrt(b)) & ~same & (a > 0.0) & (b > 0.0)
    start_law = c, None, same, parallel, _Near(c.shape)
    total, _ = _network_entries(rows, columns, *start_law, weight_std, bias_std, maps)
    return _finish(total, var_u, var_v, cov)


def _network_prepared(layer_map: Any, prepare: Any, a: np.ndarray, b: np.ndarray) -> tuple[Any, bool]:
    """The map for pairs of the variances a and b, and whether it suits small tiles."""
    return (layer_map, True) if prepare is None else prepare(a, b)


def _network_variances(
    start: np.ndarray, weight_std: Sequence[float], bias_std: Sequence[float], layers: Sequence[Layer], side: str
) -> list[np.ndarray]:
    """Variances of layers 1 to depth."""
    out = [start]
    for number, (layer, weight, bias) in enumerate(zip(layers, weight_std[1:], bias_std[1:], strict=True), start=2):
        values, back = np.unique(out[-1], return_inverse=True)
        square = layer[side](values, values, values, None)
        moved = _handed_on(values, square, weight**2, bias**2, number, number > len(layers))
        out.append(moved[back].reshape(out[-1].shape))
    return out


def _network_entries(
    rows: list[np.ndarray],
    columns: list[np.ndarray],
    cov: np.ndarray,
    det: np.ndarray | None,
    same: np.ndarray,
    parallel: np.ndarray,
    near: _Near,
    weight_std: Sequence[float],
    bias_std: Sequence[float],
    maps: Sequence[tuple[Any, Any, bool, bool, Any]],
    least: float = _NEAR_KERNEL,
) -> tuple[np.ndarray, np.ndarray]:
    """The recursion from covariances of the first layer, whose determinant may be known better than they tell.

    Inputs that come nearer than 1 − ρ = `least` are followed. Returns the kernel and the last layer's covariances.
    """
    total, full = cov, same
    for index, (cross, slope_map, equal, divergent, followed) in enumerate(maps):
        a, b = rows[index], columns[index]
        weight, bias = weight_std[index + 1] ** 2, bias_std[index + 1] ** 2
        cov, parallel = _aligned(a, b, cov, parallel)
        if equal and followed is not None:
            near.look(a, b, cov, ~(full | parallel), least)
        cov, det = near.enter(a, b, cov, det)
        slope = None if slope_map is None else slope_map(a, b, cov, det)
        cov, det = weight * cross(a, b, cov, det) + bias, None
        # sides that differ are at full correlation in the first layer only
        full = full if equal else np.zeros_like(full)
        cov = np.where(full, rows[index + 1], cov)
        after = rows[index + 1], columns[index + 1]
        near.hand_on((a, b), after, weight, *(followed if equal and followed is not None else (None, 0)))

        cov, _ = near.enter(*after, cov, None)
        total = cov if slope is None else cov + weight * _back(total, slope, divergent)
    return total, cov


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
