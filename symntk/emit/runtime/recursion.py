"""The layer recursion of two networks that share their weights, in tiles of bounded memory.

Maps and scales may differ from layer to layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.gap import _NEAR_GAP, _NEAR_KERNEL, _Near, _near_inputs
from symntk.emit.runtime.inputs import _first_variances, _labels, _layer_variances, _own_values
from symntk.emit.runtime.layer import _Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

# Entries of a tile: some ten arrays of this size are alive at once, and stay in the processor's cache.
_TILE = 2**14
# Where a map computes something for each row and each column, tiles are whole rows.
_LARGE_TILE = 2**18
# Tiles of a row for which inner products are computed at once.
_TILES_TOGETHER = 64
# Pairs whose entries are computed together with care, at most, and numbers of features of both.
_ENTRIES_TOGETHER = 2**13
_FEATURES_TOGETHER = 2**19


class _Recursion:
    """Σ^L, and I^L with I^{l+1} = Σ^{l+1} + I^l · σ_w² E[s1(u) s2(v)], I¹ = Σ¹, for some pairs of slopes s1, s2.

    Args:
        first, second: inputs (n1, features), (n2, features); `second` is None for the same inputs.
        weights, shifts: squares of weight_std and of bias_std, one for each weight layer.
        layers: hidden layers, each a dictionary: "first" and "second" are E[σ1 σ1] and E[σ2 σ2] as functions (a, b,
            cov, det), "maps" the nngp map E[σ1 σ2] and those of the slopes, see `_layer_map_of`; "equal" says that
            σ1 = σ2; "near" gives the maps by which nearly equal inputs are followed (`_Near`) and how
            many may be, or is None.
        dtype: of the results.

    Equal rows have covariance equal to their variance, exactly, as long as both sides are equal. Parallel inputs, found
    from the vectors and not from rounded inner products, are fully correlated as long as the layers keep them so. What
    is infinite is inf.
    """

    def __init__(
        self,
        first: np.ndarray,
        second: np.ndarray | None,
        weights: Sequence[float],
        shifts: Sequence[float],
        layers: Sequence[dict[str, Any]],
        dtype: np.dtype,
    ) -> None:
        self.first, self.second = first, first if second is None else second
        self.weights, self.shifts, self.layers, self.dtype = weights, shifts, layers, dtype
        self.scale = weights[0] / max(first.shape[1], 1)
        equal = all(layer["equal"] for layer in layers)
        self.mirror = second is None and equal
        start = [_first_variances(x, self.scale, shifts[0]) for x in (self.first, self.second)]
        self.rows = _layer_variances(start[0], weights, shifts, layers, "first")
        self.columns = self.rows if self.mirror else _layer_variances(start[1], weights, shifts, layers, "second")
        if second is None:
            self.labels: tuple[np.ndarray, np.ndarray | None] = _labels(first, first[:0])[0], None
        else:
            self.labels = _labels(first, self.second)
        self.own = self._of_equal_inputs()
        count = len(layers[0]["maps"]) if layers else 4
        self.symmetric = [all(layer["maps"][k]["symmetric"] for layer in layers) for k in range(count)]
        self._inputs: dict[np.dtype, tuple[np.ndarray, np.ndarray]] = {}
        self._known: dict[np.dtype, list[_Layer]] = {}

    def _of_equal_inputs(self) -> list[list[np.ndarray] | None]:
        """Each layer's maps for an input with itself, None where no row is also a column or where sides differ."""
        met = self.labels[1] is None or bool(np.any(np.isin(self.labels[0], self.labels[1])))
        found: list[list[np.ndarray] | None] = []
        for index, layer in enumerate(self.layers):
            values, back = np.unique(self.rows[index], return_inverse=True)
            maps = layer["maps"][1:] if layer["equal"] else layer["maps"]
            own = [_own_values(one["given"], values, one["prepare"] is not None)[back] for one in maps] if met else None
            found.append(own if own is None or not layer["equal"] else [self.rows[index + 1], *own])
            met = met and layer["equal"]
        return found

    def prepared(self, dtype: np.dtype) -> list[_Layer]:
        """How each layer is evaluated in a type."""
        if dtype not in self._known:
            pairs = zip(self.layers, self.rows[:-1], self.columns[:-1], strict=True)
            swap = self.mirror and not all(self.symmetric)
            self._known[dtype] = [_Layer(layer["maps"], a, b, dtype, swap) for layer, a, b in pairs]
            given = (self.first, self.second) if dtype == np.float64 else (self.first.astype(dtype), None)
            self._inputs[dtype] = (given[0], given[0] if self.second is self.first else self.second.astype(dtype))
        return self._known[dtype]

    def matrices(self, wanted: Sequence[int]) -> list[np.ndarray]:
        """The matrices of the wanted maps: 0 is Σ^L, k the kernel with the slopes' map k, −1 (Σ_ii + Σ_jj)/2 − Σ_ij."""
        out = [np.empty((len(self.first), len(self.second)), dtype=self.dtype) for _ in wanted]
        dtype = self.dtype
        if not all(layer.fast for layer in self.prepared(dtype)):
            dtype = np.dtype(np.float64)
        layers = self.prepared(dtype)
        # a layer would tell where inputs are nearly the same
        fast = all(layer.fast for layer in layers) and (bool(layers) or -1 not in wanted)
        local = all(layer.local for layer in layers)
        pending: list[np.ndarray] = []
        with np.errstate(all="ignore"):
            for down, across, cov in self._tiles(dtype, fast, all(layer.small for layer in layers)):
                bad = self._tile(out, down, across, cov, dtype, wanted) if fast else None
                if bad is not None and local and np.count_nonzero(bad) < bad.size // 8:
                    pending.append(np.argwhere(bad) + (down.start, across.start))
                elif not fast or bad is not None:
                    self._exact_tile(out, down, across, wanted)
                if sum(map(len, pending)) >= _ENTRIES_TOGETHER:
                    self._mend(out, np.concatenate(pending), wanted)
                    pending = []
            if pending:
                self._mend(out, np.concatenate(pending), wanted)
        return out

    def _tiles(self, dtype: np.dtype, fast: bool, small: bool) -> Iterator[tuple[slice, slice, Any]]:
        """Rows and columns of each tile, of a mirrored matrix its upper half, and if `fast` the part of Σ¹."""
        rows, columns = len(self.first), len(self.second)
        if small:
            height = width = max(int(np.sqrt(_TILE * (8 // dtype.itemsize))), 1)
        else:
            height, width = max(1, _LARGE_TILE // max(columns, 1)), max(columns, 1)
        for top in range(0, rows, height):
            down = slice(top, min(top + height, rows))
            for begin in range(top if self.mirror else 0, columns, width * _TILES_TOGETHER):
                end = min(begin + width * _TILES_TOGETHER, columns)
                strip = self._first_covariances(down, slice(begin, end), dtype) if fast else None
                for left in range(begin, end, width):
                    across = slice(left, min(left + width, end))
                    yield down, across, None if strip is None else strip[:, left - begin : across.stop - begin]

    def _enter(
        self, matrix: np.ndarray, total: np.ndarray, back: np.ndarray | None, down: slice, across: slice
    ) -> None:
        """A tile's place in the matrix, and its mirror image `back`, which is its own transpose for None."""
        matrix[down, across] = total
        if not self.mirror:
            return
        size = down.stop - down.start
        if across.start == down.start:
            if back is None:  # the tile's own square, whose halves may differ in their last digits
                square = matrix[down, down]
                square[...] = np.where(np.tri(size, k=-1, dtype=bool), square.T, square)
            right = slice(down.stop, across.stop)
            matrix[right, down] = (total if back is None else back)[:, size:].T
        else:
            matrix[across, down] = (total if back is None else back).T

    def _is_turned(self, kernel: int) -> bool:
        """Whether the mirror image of an entry is another one."""
        return self.mirror and not self.symmetric[max(kernel, 0)]

    def _mend(self, out: Sequence[np.ndarray], places: np.ndarray, wanted: Sequence[int]) -> None:
        """Entries of single pairs of distinct inputs, with care."""
        together = min(_ENTRIES_TOGETHER, max(_FEATURES_TOGETHER // max(self.first.shape[1], 1), 64))
        maps = [[one["given"] for one in layer["maps"]] for layer in self.layers]

        def careful(index: int, *law: Any) -> list[Any]:
            return [given(*law) for given in maps[index]]

        for start in range(0, len(places), together):
            i, j = places[start : start + together].T
            for row, column, turned in ((i, j, False), (j, i, True)):
                chosen = [k for k in wanted if not turned or self._is_turned(k)]
                if not chosen:
                    continue
                x, y = self.first[row], self.second[column]
                cov = self.scale * np.einsum("ij,ij->i", x, y) + self.shifts[0]
                laws = [(a[row], b[column]) for a, b in zip(self.rows, self.columns, strict=True)]
                parts = self.scale, self.shifts[0], cov, *laws[0], np.ones(cov.shape, dtype=bool)
                start_law = cov, None, *_near_inputs(x, y, *parts, places=(np.arange(len(x)),) * 2)
                totals = _chain(self.layers, careful, laws, *start_law, self.weights, self.shifts, chosen)
                for k, total in zip(chosen, totals, strict=True):
                    matrix = out[wanted.index(k)]
                    matrix[row, column] = total
                    if self.mirror and not self._is_turned(k):
                        matrix[column, row] = total

    def _exact_tile(self, out: Sequence[np.ndarray], down: slice, across: slice, wanted: Sequence[int]) -> None:
        """A tile in float64, with care wherever it is needed."""
        layers = self.prepared(np.dtype(np.float64))

        def careful(index: int, a: Any, b: Any, cov: Any, det: Any) -> list[Any]:
            return layers[index].values(a, b, cov, det, True)[0]

        for rows, columns, turned in ((down, across, False), (across, down, True)):
            chosen = [k for k in wanted if not turned or (self._is_turned(k) and across.start >= down.stop)]
            if not chosen:
                continue
            laws = [(a[rows, None], b[None, columns]) for a, b in zip(self.rows, self.columns, strict=True)]
            equal, full = self._equal(rows, columns)
            cov = _put(full, laws[0][0], self._first_covariances(rows, columns, np.dtype(np.float64)))
            parts = self.first[rows], self.second[columns], self.scale, self.shifts[0], cov, *laws[0], ~equal
            start_law = cov, full, *_near_inputs(*parts)
            totals = _chain(self.layers, careful, laws, *start_law, self.weights, self.shifts, chosen)
            for k, total in zip(chosen, totals, strict=True):
                if turned:
                    out[wanted.index(k)][rows, columns] = total
                else:
                    self._enter(out[wanted.index(k)], total, total if self._is_turned(k) else None, down, across)

    def _equal(self, down: slice, across: slice) -> tuple[np.ndarray, np.ndarray | None]:
        """Where a row is also a column, and the same or None where it is nowhere."""
        of_columns = self.labels[0] if self.labels[1] is None else self.labels[1]
        equal = self.labels[0][down, None] == of_columns[None, across]
        return equal, equal if np.any(equal) else None

    def _first_covariances(self, down: slice, across: slice, dtype: np.dtype) -> np.ndarray:
        """Σ¹ from inner products, for many tiles at once: threads of a matrix product cost more than a tile."""
        self.prepared(dtype)
        first, second = self._inputs[dtype]
        cov = first[down] @ second[across].T
        cov *= dtype.type(self.scale)
        cov += dtype.type(self.shifts[0])
        return np.asarray(cov)

    def _tile(
        self,
        out: Sequence[np.ndarray],
        down: slice,
        across: slice,
        cov: np.ndarray,
        dtype: np.dtype,
        wanted: Sequence[int],
    ) -> np.ndarray | None:
        """A tile by formulas and tables, from its part `cov` of Σ¹ from inner products; returns what is not good."""
        layers = self.prepared(dtype)
        rows, columns = [x[down, None] for x in self.rows], [x[None, across] for x in self.columns]
        equal, full = self._equal(down, across)
        cov = _put(full, rows[0], cov)
        totals: list[Any] = [cov for _ in wanted]
        turned: list[Any] = [cov if self._is_turned(k) else None for k in wanted]
        bad = np.zeros(equal.shape, dtype=bool)
        for index, layer in enumerate(layers):
            a, b = rows[index].astype(dtype, copy=False), columns[index].astype(dtype, copy=False)
            found, swapped, wrong = layer.values(a, b, cov, None, False)
            if wrong is not None:
                bad |= wrong if full is None else wrong & ~full
            own = self.own[index]
            if full is not None and own is not None:
                for k in range(len(found)):
                    found[k] = _put(full, own[k][down, None], found[k])
                    swapped[k] = None if swapped[k] is None else _put(full, own[k][down, None], swapped[k])
            weight = dtype.type(self.weights[index + 1])
            some = full is not None
            cov = np.add(weight * found[0], dtype.type(self.shifts[index + 1]), out=np.empty(equal.shape, dtype))
            full = full if self.layers[index]["equal"] else None
            cov = _put(full, rows[index + 1], cov)
            for place, k in enumerate(wanted):
                if k > 0:
                    divergent = self.layers[index]["maps"][k]["divergent"] if some else None
                    totals[place] = _step(cov, totals[place], found[k], weight, divergent)
                    if turned[place] is not None:
                        turned[place] = _step(cov, turned[place], swapped[k], weight, divergent)
        for place, (k, matrix) in enumerate(zip(wanted, out, strict=True)):
            total = totals[place] if k > 0 and layers else cov
            if k < 0:
                total = _put(full, np.zeros((1, 1)), (0.5 * (rows[-1] + columns[-1])).astype(dtype) - cov)
            self._enter(matrix, total, turned[place], down, across)
        return bad if np.any(bad) else None


def _chain(
    layers: Sequence[dict[str, Any]],
    maps: Callable[..., list[Any]],
    laws: Sequence[tuple[np.ndarray, np.ndarray]],
    cov: np.ndarray,
    full: np.ndarray | None,
    parallel: np.ndarray,
    det: np.ndarray | None,
    near: _Near,
    weights: Sequence[float],
    shifts: Sequence[float],
    wanted: Sequence[int],
) -> list[np.ndarray]:
    """The recursion with care, from the variances of all layers and the first covariances, which broadcast.

    maps(index, a, b, cov, det) are the values of a layer's maps; `full` are entries of an input with itself, `parallel`
    those of multiples, `near` those that are nearly the same; det is what is known better of the first determinants.
    """
    totals = [cov for _ in wanted]
    for index, layer in enumerate(layers):
        (a, b), weight, shift = laws[index], weights[index + 1], shifts[index + 1]
        cov, parallel = _aligned(a, b, cov, parallel)
        followed = layer["near"] if layer["equal"] and layer["near"] is not None else (None, 0)
        if followed[0] is not None:
            least = _NEAR_GAP if -1 in wanted else _NEAR_KERNEL
            near.look(a, b, cov, det, ~parallel if full is None else ~(full | parallel), least)
        cov, det = near.enter(a, b, cov, det)
        found = maps(index, a, b, cov, det)
        cov, det = np.asarray(weight * found[0] + shift), None
        # sides that differ are at full correlation in the first layer only
        full = full if layer["equal"] else None
        after = laws[index + 1]
        cov = _put(full, after[0], np.broadcast_to(cov, parallel.shape))
        near.hand_on((a, b), after, weight, *followed)
        cov, _ = near.enter(*after, cov, None)
        for place, k in enumerate(wanted):
            if k > 0:
                totals[place] = _step(cov, totals[place], found[k], weight, layer["maps"][k]["divergent"])
    if -1 in wanted:
        gap = _put(full, np.zeros(1), 0.5 * (laws[-1][0] + laws[-1][1]) - cov)
        gap.reshape(-1)[near.place] = near.gaps(*laws[-1])
    return [total if k > 0 and layers else cov if k >= 0 else gap for k, total in zip(wanted, totals, strict=True)]


def _put(full: np.ndarray | None, own: np.ndarray, value: np.ndarray) -> np.ndarray:
    """`own` where an input meets itself, `value` elsewhere."""
    return value if full is None else np.where(full, own.astype(value.dtype, copy=False), value)


def _step(cov: np.ndarray, total: np.ndarray, slope: np.ndarray, weight: float, divergent: bool | None) -> np.ndarray:
    """The kernel cov + weight·total·slope; `divergent` says that the slopes' map is infinite at ρ = ±1; None: nowhere.

    A slope is infinite where a variable of variance 0 is at a delta of σ'. No parameter's gradient has come there, and
    the kernel, which is 0, stays so: near such an input total·slope is bounded and its mean over directions is 0. Where
    both slopes have a delta it is unbounded there, and infinite.
    """
    with np.errstate(invalid="ignore"):
        back = total * slope
    if divergent is not None:
        back = np.where((total == 0.0) & np.isinf(slope), slope if divergent else 0.0, back)
    back = np.asarray(back if weight == 1.0 else weight * back)  # of arrays of one number they are numbers
    return np.asarray(np.add(back, cov, out=back) if back.shape == cov.shape else back + cov)


def _aligned(a: np.ndarray, b: np.ndarray, cov: np.ndarray, parallel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parallel pairs at correlation ±1 without their rounding; those that a layer has turned apart are so no more."""
    if not np.any(parallel):
        return cov, parallel
    full = np.sqrt(a) * np.sqrt(b)
    parallel = parallel & (np.abs(cov) >= (1.0 - 1e-14) * full)
    return np.where(parallel, np.copysign(full, cov) * (1.0 + 2.0**-51), cov), parallel
