"""Gram matrices by the layer recursion, from raw inputs, in row tiles of bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _LEAST_SCALE, _LEAST_VARIANCE, _real_numbers, _refuse, _result_type
from symntk.emit.runtime.gap import _near_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Entries of a tile, which holds one row at least: some ten arrays of this size are alive at once. Smaller results have
# tiles of a quarter of this at least, so that the temporaries take no more memory than the result.
_TILE = 2**16
_TILES = 24
# Where a map computes something for each row and each column, tiles are larger.
_LARGE_TILE = 2**18


def _gram(
    x1: np.ndarray,
    x2: np.ndarray | None,
    depth: int,
    weight_std: float | Sequence[float],
    bias_std: float | Sequence[float],
    nngp_map: Callable[..., np.ndarray],
    slope_map: Callable[..., np.ndarray] | None,
    divergence: str | None,
    symmetric: bool,
    nngp_layer: Callable[..., tuple[Callable[..., np.ndarray], bool]] | None = None,
    slope_layer: Callable[..., tuple[Callable[..., np.ndarray], bool]] | None = None,
) -> np.ndarray:
    """Σ^L for slope_map None, else Θ^L with Θ^{l+1} = Σ^{l+1} + Θ^l · σ_w² E[s1(u) s2(v)], Θ¹ = Σ¹.

    weight_std and bias_std are numbers, or have one number for each weight layer.
    Equal rows of x1 and x2 have covariance equal to their variance in every layer, exactly. Parallel inputs, found
    from the vectors and not from rounded inner products, are fully correlated as long as the layers keep them so.
    `symmetric` says that the maps do not change when their arguments are exchanged. A map without a closed form
    comes with a function of a layer's variances that gives the map for this layer, and whether it suits small tiles.
    """
    first, second = _inputs(x1, x2)
    if not isinstance(depth, int | np.integer) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    weights, shifts = _squares("weight_std", weight_std, depth), _squares("bias_std", bias_std, depth)
    scale, shift = weights[0] / max(first.shape[1], 1), shifts[0]
    rows = _variances(first, scale, weights, shifts, nngp_map)
    columns = rows if x2 is None else _variances(second, scale, weights, shifts, nngp_map)
    pairs = list(zip(rows[:-1], columns[:-1], strict=True))
    sigmas = _for_layers(nngp_map, nngp_layer, pairs)
    slopes = [] if slope_map is None else _for_layers(slope_map, slope_layer, pairs)
    small = all(fits for _, fits in (*sigmas, *slopes))
    labels1, labels2 = _labels(first, second)
    mirror = symmetric and x2 is None
    out = np.empty((len(first), len(second)), dtype=_result_type(x1, *(() if x2 is None else (x2,))))
    tile = min(_TILE, max(_TILE // 4, out.size // _TILES)) if small else _LARGE_TILE
    start = 0
    while start < len(first):
        left = start if mirror else 0
        down = slice(start, start + max(1, tile // max(len(second) - left, 1)))
        across = slice(left, None)
        same = labels1[down, None] == labels2[None, across]
        cov = np.where(same, rows[0][down, None], scale * (first[down] @ second[across].T) + shift)
        near = first[down], second[across], scale, shift, cov, rows[0][down], columns[0][across], ~same
        parallel, det, _ = _near_inputs(*near)
        total = cov
        for layer, (sigma, _) in enumerate(sigmas):
            a, b = rows[layer][down, None], columns[layer][None, across]
            cov, parallel = _aligned(a, b, cov, parallel)
            slope = slopes[layer][0](a, b, cov, det) if slopes else None
            if divergence is not None and slope is not None:
                _refuse_infinite(slope, start, left, divergence)
            back = None if slope is None else _back(total, slope, divergence is not None)
            weight = weights[layer + 1]
            cov, det = weight * sigma(a, b, cov, det) + shifts[layer + 1], None
            cov = np.where(same, rows[layer + 1][down, None], cov)
            total = cov if back is None else cov + weight * back
        out[down, across] = total
        if mirror:
            _mirror(out, total, down)
        start = down.stop
    return out


def _mirror(out: np.ndarray, tile: np.ndarray, down: slice) -> None:
    """Enter the transpose of a tile, whose columns begin at its first row, below the diagonal."""
    out[down.stop :, down] = tile[:, down.stop - down.start :].T
    # the tile's own square, whose halves may differ in their last digits
    square = out[down, down]
    square[...] = np.where(np.tri(len(square), k=-1, dtype=bool), square.T, square)


def _for_layers(
    layer_map: Callable[..., np.ndarray],
    prepare: Callable[..., tuple[Callable[..., np.ndarray], bool]] | None,
    pairs: list[tuple[np.ndarray, np.ndarray]],
) -> list[tuple[Callable[..., np.ndarray], bool]]:
    """For each layer, from the variances of rows and columns, its map and whether this suits small tiles."""
    return [(layer_map, True) if prepare is None else prepare(a, b) for a, b in pairs]


def _back(total: np.ndarray, slope: np.ndarray, divergent: bool) -> np.ndarray:
    """The product total·slope in a kernel's recursion; `divergent` says that the slopes' map is infinite at ρ = ±1.

    A slope is infinite where a variable of variance 0 is at a delta of σ'. No parameter's gradient has come there, and
    the kernel, which is 0, stays so: near such an input total·slope is bounded and its mean over directions is 0. Where
    both slopes have a delta it is unbounded there, and infinite.
    """
    with np.errstate(invalid="ignore"):
        back = total * slope
    return np.asarray(np.where((total == 0.0) & np.isinf(slope), slope if divergent else 0.0, back))


def _refuse_infinite(slope: np.ndarray, start: int, left: int, divergence: str) -> None:
    """Name the first pair, rows counted from `start` and columns from `left`, whose layer map is infinite."""
    if np.any(np.isinf(slope)):
        i, j = (int(index) for index in np.argwhere(np.isinf(slope))[0])
        raise ValueError(
            f"the kernel is infinite at row {start + i}, column {left + j}: the inputs are fully correlated, where the "
            f"layer map {divergence}, or one of them is 0. Try: distinct inputs, or the surrogate-gradient kernel"
        )


def _aligned(a: np.ndarray, b: np.ndarray, cov: np.ndarray, parallel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parallel pairs at correlation ±1 without their rounding; those that a layer has turned apart are so no more."""
    if not np.any(parallel):
        return cov, parallel
    full = np.sqrt(a) * np.sqrt(b)
    parallel = parallel & (np.abs(cov) >= (1.0 - 1e-14) * full)
    return np.where(parallel, np.copysign(full, cov) * (1.0 + 2.0**-51), cov), parallel


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


def _squares(name: str, given: float | Sequence[float], depth: int) -> list[float]:
    """The squares of the scales of all weight layers, from one number or one for each.

    >>> _squares("bias_std", [0.0, 2.0], 2), _squares("bias_std", 3, 2)
    ([0.0, 4.0], [9.0, 9.0])
    """
    sign = ">" if name == "weight_std" else ">="
    advice = f"a finite number {sign} 0, or {depth}: one for each weight layer"
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {given!r} is not numbers. Try: {advice}") from None
    positive = values > 0.0 if sign == ">" else values >= 0.0
    if values.shape not in ((), (depth,)) or not np.all(np.isfinite(values) & positive):
        raise ValueError(f"{name} = {given!r} for {depth} weight layers. Try: {advice}")
    return [float(value) ** 2 for value in np.broadcast_to(values, (depth,))]


def _variances(
    x: np.ndarray, scale: float, weights: list[float], shifts: list[float], nngp_map: Callable[..., np.ndarray]
) -> list[np.ndarray]:
    """Each input's variance in all layers; that of an input of zeros without bias is 0. Scales are squared."""
    layers = [_first_variances(x, scale, shifts[0])]
    for layer in range(1, len(weights)):
        square = nngp_map(layers[-1], layers[-1], layers[-1], None)
        last = layer + 1 == len(weights)
        layers.append(_handed_on(layers[-1], square, weights[layer], shifts[layer], layer + 1, last))
    return layers


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
