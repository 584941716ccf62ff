"""Gram matrices of exported NumPy modules: in tiles that stay in the processor's cache, near pairs one by one.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _refuse
from symntk.emit.runtime.exported import _inputs_of, _minor, _precision
from symntk.emit.runtime.gap import _next_gap
from symntk.emit.runtime.stored import _stored_layer, _stored_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    _Net = tuple[np.ndarray, np.ndarray, Sequence[Mapping[str, Any]]]

# Rows and columns of a tile, which stays in the processor's cache.
_SIDE = 128
# Numbers of features of pairs treated together.
_TOGETHER = 2**19
# 1 − ρ² below which a pair is computed from its inputs: inner products would not tell the angle. By bytes of a number.
_SMALL_ANGLE = {8: 1e-6, 4: 1e-2}
# 1 − ρ² below which float32 loses an angle on its way through the layers.
_LOST_ANGLE = 3e-3
# Positive variances between this and its inverse have ordinary products.
_LEAST_LAW = {8: 1e-150, 4: 1e-16}


class _Map:
    """A layer map of laws (a, b, c, det, d), the same for tiles, what tiles have, and how it diverges where it does.

    tile(u, v, real, mirror), of the variances of rows and columns, is a function (down, across, cov) with what `gives`
    names, and behind it, with `mirror`, the map at exchanged variances where it is not symmetric.
    """

    def __init__(
        self, whole: Callable[..., Any], tile: Any, gives: tuple[str, ...], symmetric: bool, divergence: str
    ) -> None:
        self.whole, self.tile, self.gives, self.symmetric, self.divergence = whole, tile, gives, symmetric, divergence


def _kernels_of(
    x1: Any,
    x2: Any,
    get: Any,
    weights: np.ndarray,
    shifts: np.ndarray,
    layers: Sequence[Mapping[str, _Map]],
    finite: bool = True,
) -> tuple[np.ndarray, ...]:
    """Σ^L for "nngp", else Θ^L with Θ^{l+1} = Σ^{l+1} + Θ^l σ_w² E[s1(u) s2(v)], Θ¹ = Σ¹.

    weights and shifts are squared scales, one for each weight layer; `layers` has the maps of each hidden layer; with
    `finite` infinite entries are refused.
    """
    names = (get,) if isinstance(get, str) else tuple(get)
    for name in names:
        if layers and name not in layers[0]:
            known = ", ".join(sorted(layers[0].keys() - {"near"}))
            raise ValueError(f"get = {get!r}: there is no kernel {name!r}. Try: some of {known}")
    with np.errstate(all="ignore"):
        out = _Gram(x1, x2, names, (weights, shifts, layers)).matrices()
    for name, matrix in out.items():
        reason = next(filter(None, (layer[name].divergence for layer in layers)), "")
        _refuse_kernel(np.isinf(matrix) & finite, reason and f"the layer map {reason}", "distinct inputs")
        _refuse_kernel(np.isnan(matrix), "a table ends", "inputs that are less alike")
    return tuple(out[name] for name in names)


def _refuse_kernel(bad: np.ndarray, reason: str, advice: str) -> None:
    """Refuse a matrix with entries that have no value, by the first of them."""
    if np.any(bad):
        i, j = (int(index) for index in np.argwhere(bad)[0])
        kind = "infinite" if reason.startswith("the") else "not known"
        why = f"the inputs are fully correlated, where {reason}, or one of them is 0" if reason else "beyond float64"
        raise ValueError(
            f"the kernel is {kind} at row {i}, column {j}: {why}. Try: {advice}, or the surrogate-gradient kernel"
        )


def _by_formula(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Tiles of a map by a function (a, b, c)."""

    def tile(u: np.ndarray, v: np.ndarray, real: np.dtype, mirror: bool) -> Callable[..., Any]:
        a, b = u.astype(real)[:, None], v.astype(real)

        def found(down: slice, across: slice, cov: np.ndarray) -> Any:
            value = function(a[down], b[across], cov)
            return value if isinstance(value, tuple) else (value,)

        return found

    return tile


def _by_table(table: Any, symmetric: bool) -> Callable[..., Callable[..., Any]]:
    """Tiles of a map by a table; NaN beyond it."""

    def tile(u: np.ndarray, v: np.ndarray, real: np.dtype, mirror: bool) -> Callable[..., Any]:
        a, b = np.sqrt(u).astype(real)[:, None], np.sqrt(v).astype(real)
        both = [_stored_layer(table, u, v), *([_stored_layer(table, v, u)] if mirror and not symmetric else [])]
        stored: list[Any] = [(left.astype(real), right.astype(real), rest) for left, right, *rest in both]

        def found(down: slice, across: slice, cov: np.ndarray) -> Any:
            sine = cov / a[down] / b[across]
            cosine, values = np.sqrt((1.0 - sine) * (1.0 + sine)), []
            for (left, right, (even, sharpness, least)), turned in zip(stored, (False, True), strict=False):
                first, second = (across, down) if turned else (down, across)
                angle = (cosine.T, sine.T) if turned else (cosine, sine)
                value = _stored_tile(left[:, first], right[:, second], even, sharpness, least, *angle)
                value = np.where(angle[0] < least, np.nan, value) if least else value
                values.append(value.T if turned else value)
            return values

        return found

    return tile


class _Gram:
    """Matrices in one pass over tiles, which formulas and tables fill; pairs at small angles are taken one by one."""

    def __init__(self, x1: Any, x2: Any, names: tuple[str, ...], net: _Net) -> None:
        (self.x, self.y), self.names, self.mirror = _inputs_of(x1, x2), names, x2 is None
        self.real = _precision(x1, *([] if x2 is None else [x2]))
        weights, self.shifts, self.layers = net
        self.weights = weights / np.append(max(self.x.shape[1], 1), np.ones(len(weights) - 1))
        self.rows = self._variances(self.x)
        self.columns = self.rows if self.mirror else self._variances(self.y)
        slopes = [name for name in names if name != "nngp"]
        self.turned = [k for k in slopes if self.mirror and not all(layer[k].symmetric for layer in self.layers)]
        self.known: dict[np.dtype, list[dict[str, Any]]] = {}

    def _tiles(self, real: np.dtype) -> list[dict[str, Any]]:
        """Each layer's functions of tiles in a type."""
        if real not in self.known:
            self.known[real] = [
                {k: one.tile(u, v, real, self.mirror) for k, one in layer.items() if k in ("nngp", *self.names)}
                for layer, u, v in zip(self.layers, self.rows[:-1], self.columns[:-1], strict=True)
            ]
        return self.known[real]

    def _variances(self, x: np.ndarray) -> list[np.ndarray]:
        x = x.astype(np.float64)
        first = self.weights[0] * np.einsum("ij,ij->i", x, x) + self.shifts[0]
        first = np.where((first == 0.0) & np.any(x != 0.0, axis=1), 1e-300, first)  # squares that vanish
        return _variances_of(first, _LEAST_LAW[self.real.itemsize], (self.weights, self.shifts, self.layers))

    def matrices(self) -> dict[str, np.ndarray]:
        """The matrices by name."""
        out = {name: np.empty((len(self.x), len(self.y)), self.real) for name in self.names}
        scale, shift = self.real.type(self.weights[0]), self.real.type(self.shifts[0])
        for top in range(0, len(self.x), _SIDE):
            down, start = slice(top, top + _SIDE), top if self.mirror else 0
            strip = (self.x[down] @ self.y[start:].T).astype(self.real, copy=False)
            for left in range(start, len(self.y), _SIDE):
                across = slice(left, left + _SIDE)
                found, back = self._tile(down, across, scale * strip[:, left - start : left - start + _SIDE] + shift)
                for name, tile in found.items():
                    if self.mirror and left == top and name not in back:  # its halves may differ in their last digits
                        tile = np.where(np.tri(len(tile), k=-1, dtype=bool), tile.T, tile)
                    out[name][down, across] = tile
                    if self.mirror and left > top:
                        out[name][across, down] = back.get(name, tile).T
        return out

    def _tile(self, down: slice, across: slice, cov: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """The kernels of a tile, and those of its mirror image where that is another, from its part of Σ¹."""
        near = ~(cov**2 < (1.0 - _SMALL_ANGLE[self.real.itemsize]) * self.rows[0][down, None] * self.columns[0][across])
        found, back, lost = self._by_maps(down, across, cov)
        if self.real.itemsize == 8:
            near |= lost
        elif np.any(lost):
            product = self.x[down].astype(np.float64) @ self.y[across].T.astype(np.float64)
            cov = self.weights[0] * product + self.shifts[0]
            found, back, _ = self._by_maps(down, across, cov)
        near |= ~np.isfinite(sum(found.values()))
        i, j = np.nonzero(near)
        most = max(_TOGETHER // max(self.x.shape[1], 1), 1)
        for part in range(0, len(i), most):
            p, q = i[part : part + most], j[part : part + most]
            ends = [
                (x[first.start + place], [v[first.start + place] for v in variances])
                for x, variances, first, place in ((self.x, self.rows, down, p), (self.y, self.columns, across, q))
            ]
            for kernels, (one, two) in ((found, ends), (back, ends[::-1])):
                for name, value in _pairs_of(
                    *one, *two, tuple(kernels), self.weights, self.shifts, self.layers
                ).items():
                    kernels[name][p, q] = value
        return found, back

    def _by_maps(self, down: slice, across: slice, cov: np.ndarray) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """The tile by formulas and tables; where its type does not tell angles that can be known."""
        real, shape, lost = cov.dtype.type, cov.shape, np.zeros(cov.shape, dtype=bool)
        limit = 1.0 - (_LOST_ANGLE if cov.dtype.itemsize < 8 else _SMALL_ANGLE[8])
        totals: dict[str, Any] = dict.fromkeys(self.names, cov)
        back: dict[str, Any] = dict.fromkeys(self.turned, cov)
        steps = zip(self.layers, self._tiles(cov.dtype), self.weights[1:], self.shifts[1:], strict=True)
        for index, (layer, tile, weight, shift) in enumerate(steps):
            if index and (cov.dtype.itemsize < 8 or "near" in self.layers[index - 1]):
                lost |= cov * cov > limit * (self.rows[index][down, None] * self.columns[index][across])
            values: dict[str, Any] = {}
            turned: dict[str, Any] = {}
            for name in totals.keys() - {"nngp"}:
                found = tile[name](down, across, cov)
                values, turned[name] = dict(zip(layer[name].gives, found, strict=False)) | values, found[-1]
            value = values["nngp"] if "nngp" in values else tile["nngp"](down, across, cov)[0]
            cov = real(weight) * value + real(shift)
            for name in totals.keys() - {"nngp"}:
                totals[name] = cov + real(weight) * values[name] * totals[name]
            for name in back:
                back[name] = cov + real(weight) * turned[name] * back[name]
        totals |= {"nngp": cov} if "nngp" in totals else {}
        totals, back = ({k: np.array(np.broadcast_to(x, shape)) for k, x in y.items()} for y in (totals, back))
        return totals, back, lost


def _variances_of(first: np.ndarray, least: float, net: _Net) -> list[np.ndarray]:
    """The variances of all layers from those of the first, which are flat; 0 for what is certain."""
    found, (weights, shifts, layers) = [first], net
    for layer, weight, shift in zip(layers, weights[1:], shifts[1:], strict=True):
        values, back = np.unique(found[-1], return_inverse=True)
        with np.errstate(all="ignore"):
            square = layer["nngp"].whole(values, values, values, 0.0 * values, 0.0 * values)
        found.append(np.broadcast_to(weight * square + shift, values.shape)[back])
    for index, v in enumerate(found):
        before = found[max(index - 1, 0)]
        wrong = "a layer map has no value here, or its table ends"
        _refuse(np.isnan(v) & ~np.isnan(before), wrong, "rescaled inputs", variance=before)
        wrong = "a variance, or an input, is too small for float64 or too large"
        odd = (v != 0.0) & ~((v > least) & (v < 1.0 / least)) & ~np.isnan(first)
        lost = (v == 0.0) & (before > 0.0) if 0 < index < len(layers) else odd  # below float64
        _refuse(odd | lost, wrong, "rescaled inputs", variance=v)
    return found


def _pairs_of(
    p: np.ndarray,
    rows: list[np.ndarray],
    q: np.ndarray,
    columns: list[np.ndarray],
    names: tuple[str, ...],
    *net: Any,
) -> dict[str, np.ndarray]:
    """The kernels of single pairs, rows of p and q with their variances in all layers, from the inputs themselves."""
    weights, shifts, _ = net
    same, offset = np.all(p == q, axis=1), np.sqrt(shifts[0] / weights[0])
    p, q = (np.pad(one.astype(np.float64), ((0, 0), (0, 1)), constant_values=offset) for one in (p, q))
    square = np.maximum(np.einsum("ij,ij->i", p, p), 1e-300)
    share = np.einsum("ij,ij->i", p, q) / square
    rest = np.where((np.abs(share - 1.0) < 0.1)[:, None], q - p, q)  # of near ones the difference is exact
    rest = rest - (np.einsum("ij,ij->i", p, rest) / square)[:, None] * p
    rest, size = np.einsum("ij,ij->i", rest, rest), np.einsum("ij,ij->i", q, q)
    parallel = (rest <= 2e-31 * p.shape[1] * size) & (size > 0.0)
    cov = np.where(same, rows[0], weights[0] * share * square)
    apart = weights[0] * np.einsum("ij,ij->i", p - q, p + q)
    return _chain_of((cov, rows[0] * weights[0] * rest), same, parallel, (rows, columns), apart, names, *net)


def _chain_of(
    law: tuple[np.ndarray, np.ndarray],
    same: np.ndarray,
    parallel: np.ndarray,
    variances: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    apart: np.ndarray,
    names: tuple[str, ...],
    *net: Any,
) -> dict[str, np.ndarray]:
    """The recursion for flat (cov, det); equal inputs stay so, and parallel ones as long as layers keep them so.

    `apart` is the difference of the first variances. Layers with "near" say what becomes of nearly equal inputs.
    """
    (cov, det), (rows, columns), (weights, shifts, layers) = law, variances, net
    totals, across = dict.fromkeys(names, cov), np.full(cov.shape, np.nan)
    for index, (layer, weight, shift) in enumerate(zip(layers, weights[1:], shifts[1:], strict=True)):
        a, b = rows[index], columns[index]
        full = np.sqrt(a) * np.sqrt(b)
        parallel = parallel & (np.abs(cov) >= (1.0 - 1e-14) * full)
        cov = np.where(parallel, np.copysign(full, cov), cov)
        followed = ~np.isnan(across)
        det = np.where(same | parallel, 0.0, np.maximum(_minor(a, b, cov), 0.0) if index else det)
        det = np.where(followed, across * (2.0 * full - across), det)
        at = a, b, cov, det, np.sqrt(det)
        cov = np.where(same, rows[index + 1], weight * layer["nngp"].whole(*at) + shift)
        if "near" in layer:
            apart = np.where(followed | (index == 0), apart, a - b)
            across, apart = layer["near"](at, apart, parallel | same, weight, rows[index + 1], columns[index + 1])
            cov = np.where(np.isnan(across), cov, np.sqrt(rows[index + 1]) * np.sqrt(columns[index + 1]) - across)
        for name in totals.keys() - {"nngp"}:
            slope = layer[name].whole(*at)
            # no gradient has come to a total of 0
            back = np.where((totals[name] == 0.0) & np.isinf(slope), slope if layer[name].divergence else 0.0, np.nan)
            totals[name] = cov + np.where(np.isnan(back), weight * slope * totals[name], back)
    return totals | ({"nngp": cov} if "nngp" in names else {})


def _nearly(slope: Callable[..., Any], along: Callable[..., Any], drift: Callable[..., Any]) -> Callable[..., Any]:
    """What a layer makes of nearly equal inputs, by its maps E[f' f'], E[h h] and E[f h] with h(x) = x f'(x)."""

    def near(
        law: tuple[np.ndarray, ...], apart: np.ndarray, full: np.ndarray, weight: float, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """√(ab) − c and a − b of the next layer, whose variances are u and v; NaN where inputs are not so near."""
        a, b, c, det, _ = law
        across, rise = np.full(a.shape, np.nan), np.full(a.shape, np.nan)
        root = np.sqrt(a) * np.sqrt(b)
        part = det / (root + c)
        some = np.flatnonzero((part < 1e-6 * root) & (np.abs(apart) < 2e-2 * np.minimum(a, b)) & ~full & (c > 0.0))
        if some.size:
            a, b, delta, u, v = a[some], b[some], apart[some], u[some], v[some]
            width = delta / (np.sqrt(a) + np.sqrt(b))
            maps = [
                lambda a, b, c, det, one=one: np.broadcast_to(one(a, b, c, det, np.sqrt(det)), a.shape)
                for one in (slope, along, drift)
            ]
            gap, rise[some], unsure = _next_gap(a, b, part[some] + 0.5 * width * width, delta, *maps)
            rise *= weight
            width = rise[some] / (np.sqrt(u) + np.sqrt(v))
            found = np.maximum(weight * gap - 0.5 * width * width, 0.0)
            sure = weight * unsure <= np.maximum(1e-11 * found, 2.0**-51 * np.sqrt(u * v))
            across[some] = np.where(sure, found, np.nan)
        return across, rise

    return near


def _network_map(name: str, *net: Any) -> Callable[..., np.ndarray]:
    """A deep kernel as a map of flat laws (a, b, c, det, d) of the first layer."""

    def whole(a: np.ndarray, b: np.ndarray, c: np.ndarray, det: np.ndarray, d: np.ndarray) -> np.ndarray:
        rows, columns = (_variances_of(v, _LEAST_LAW[8], net) for v in (a, b))
        same = (a == b) & (c == a)
        parallel = (np.abs(c) >= np.sqrt(a) * np.sqrt(b)) & ~same & (a > 0.0) & (b > 0.0)
        return _chain_of((c, det), same, parallel, (rows, columns), a - b, (name,), *net)[name]

    return whole
