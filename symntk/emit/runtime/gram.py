"""Gram matrices of a module's kernels, from raw inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _result_type
from symntk.emit.runtime.inputs import _inputs, _squares
from symntk.emit.runtime.recursion import _Recursion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def _gram(
    x1: np.ndarray,
    x2: np.ndarray | None,
    wanted: Sequence[str],
    depth: int,
    weight_std: float | Sequence[float],
    bias_std: float | Sequence[float],
    maps: Mapping[str, dict[str, Any]],
    divergences: Mapping[str, str],
) -> tuple[np.ndarray, ...]:
    """Σ^L for "nngp", else Θ^L with Θ^{l+1} = Σ^{l+1} + Θ^l · σ_w² E[s1(u) s2(v)], Θ¹ = Σ¹, in one pass.

    weight_std and bias_std are numbers, or have one number for each weight layer. `maps` has the layer's map of each
    kernel, see `_layer_map_of`, that of "nngp" first; `divergences` says how those behave at full correlation that are
    infinite there.
    """
    first, second = _inputs(x1, x2)
    if not isinstance(depth, int | np.integer) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name not in maps:
            raise ValueError(f"get = {wanted!r}: there is no kernel {name!r}. Try: some of {', '.join(maps)}")
    weights, shifts = _squares("weight_std", weight_std, depth), _squares("bias_std", bias_std, depth)
    kept = ["nngp", *(name for name in maps if name in names and name != "nngp")]
    square = maps["nngp"]["given"]
    layer = {"first": square, "second": square, "equal": True, "near": None, "maps": [maps[name] for name in kept]}
    dtype = _result_type(x1, *(() if x2 is None else (x2,)))
    recursion = _Recursion(first, None if x2 is None else second, weights, shifts, [layer] * (depth - 1), dtype)
    for name in names:
        for own in recursion.own if x2 is None and name in divergences else ():
            if own is not None:
                _refuse_infinite(np.diag(own[kept.index(name)][:1]), divergences[name])
    out = recursion.matrices([kept.index(name) for name in names])
    for name, matrix in zip(names, out, strict=True):
        if name in divergences:
            _refuse_infinite(matrix, divergences[name])
    return tuple(out)


def _refuse_infinite(matrix: np.ndarray, divergence: str) -> None:
    """Name the first pair whose kernel is infinite."""
    infinite = np.isinf(matrix)
    if np.any(infinite):
        i, j = (int(index) for index in np.unravel_index(int(np.argmax(infinite)), matrix.shape))
        raise ValueError(
            f"the kernel is infinite at row {i}, column {j}: the inputs are fully correlated, where the "
            f"layer map {divergence}, or one of them is 0. Try: distinct inputs, or the surrogate-gradient kernel"
        )
