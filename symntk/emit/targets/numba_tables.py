"""Maps that a table stands for, in modules for Numba: the loop over entries, and Gram matrices slab by slab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symntk.emit.closure import helpers
from symntk.emit.layers import LayerMap

READERS = "_Stored, _StoredSide, _stored_numbers, _stored_mirrored, _stored_values, _stored_layer"
"""What reads tables."""

_MANY = '''
def _entries(table, a, b, c, d, out):
    """The map of a table at flat arrays of laws; refused are those that it does not hold for."""
    out[...] = _stored_values(table, a, b, c, d)
    lost = np.isnan(out) & ~np.isnan(a * b * c)
    _refuse(lost, _beyond(table), "variances= at export, for another table", var_u=a, var_v=b, cov=c)


def _beyond(table):
    low, high, reach = table.u.low, table.u.high, math.sqrt(1.0 - table.least**2)
    return f"the table is of variances 0 and {low:g} to {high:g}, and of correlations up to {reach:.3g}"
'''

GRAM = '''
# Entries of a slab of rows that is treated at once; rows and columns of a block, which stays in the cache.
_TABLE_SLAB, _TABLE_ROWS, _TABLE_COLUMNS = 2**19, 16, 128


def _matrices(x1, x2, get, depth, weight_std, bias_std, parameters):
    """The matrices that `get` names, in one pass over slabs of rows."""
    get = (get,) if isinstance(get, str) else tuple(get)
    if not get or any(name not in _KERNELS for name in get):
        raise ValueError(f"get = {get!r}. Try: names among {', '.join(_KERNELS)}")
    first, second = _inputs(x1, x2)
    if not isinstance(depth, int | np.integer) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    weights, shifts = _squares("weight_std", weight_std, depth), _squares("bias_std", bias_std, depth)
    real = _result_type(x1, *(() if x2 is None else (x2,)))
    scale, names = weights[0] / max(first.shape[1], 1), ["nngp", *(name for name in get if name != "nngp")]
    rows = _variances_of(first, scale, weights, shifts, parameters)
    columns = rows if x2 is None else _variances_of(second, scale, weights, shifts, parameters)
    pairs = list(zip(rows[:-1], columns[:-1], strict=True))
    layers = [[_prepared(name, a, b, real.type, parameters) for name in names] for a, b in pairs]
    labels = _labels(first, second)
    mirror = x2 is None and all(_MAPS[name][2] for name in names)
    out = {name: np.empty((len(first), len(second)), real) for name in get}
    height = max(1, _TABLE_SLAB // max(len(second), 1))
    for start in range(0, len(first), height):
        down = slice(start, min(start + height, len(first)))
        across = slice(start if mirror else 0, len(second))
        same = labels[0][down, None] == labels[1][None, across]
        cov = scale * (first[down] @ second[across].T) + shifts[0]
        totals = [cov] * len(names)
        for layer, maps in enumerate(layers):
            u, v = rows[layer][down], columns[layer][across]
            root = np.empty(cov.shape)
            _roots(u, v, cov, same, root)
            values = [one(down, across, u, v, cov, root) for one in maps]
            cov = weights[layer + 1] * values[0] + shifts[layer + 1]
            cov = np.where(same, rows[layer + 1][down, None], cov)
            totals[0] = cov
            for k, (name, slope) in enumerate(zip(names[1:], values[1:], strict=True), 1):
                infinite = np.argwhere(np.isinf(slope))
                if name in _DIVERGENCES and len(infinite):
                    i, j = infinite[0].tolist()
                    _say_infinite(start + i, across.start + j, _DIVERGENCES[name])
                totals[k] = cov + weights[layer + 1] * np.where(totals[k] == 0.0, 0.0, slope * totals[k])
        for name, total in zip(names, totals, strict=True):
            if name in out:
                out[name][down, across] = total
                if mirror:
                    out[name][down.stop :, down] = out[name][down, down.stop :].T
    return tuple(out[name] for name in get)


def _variances_of(x, scale, weights, shifts, parameters):
    """Each input's variance in all layers; that of an input of zeros without bias is 0."""
    layers = [_first_variances(x, scale, shifts[0])]
    for layer in range(1, len(weights)):
        v, nothing, square = layers[-1], np.zeros(len(x)), np.empty(len(x))
        _MAPS["nngp"][1](v, v, v, nothing, nothing, *(np.full(len(x), one) for one in parameters), square)
        layers.append(_handed_on(v, square, weights[layer], shifts[layer], layer + 1, layer + 1 == len(weights)))
    return layers


def _prepared(name, a, b, real, parameters):
    """A kernel's map for a layer's variances, as a function of a slab."""
    table, many, _ = _MAPS[name]
    if table is None:

        def by_formula(down, across, u, v, cov, root):
            arrays = np.broadcast_arrays(u[:, None], v, cov, root * root, root, *parameters)
            out = np.empty(cov.shape)
            many(*(np.ascontiguousarray(one).reshape(-1) for one in arrays), out.reshape(-1))
            return out

        return by_formula
    for side, variance in ((table.u, a), (table.v, b)):
        beyond = (variance != 0.0) & ~((variance >= side.low) & (variance <= side.high))
        _refuse(beyond, _beyond(table), "variances= at export, for another table", variance=variance)
    left, right, even, sharpness, least = _stored_layer(table, a, b)
    left, right = np.ascontiguousarray(left.transpose(1, 0, 2), dtype=real), right.astype(real)

    def by_table(down, across, u, v, cov, root):
        out = np.empty(cov.shape)
        _slab(left[down], np.ascontiguousarray(right[:, across]), even, real(sharpness), least, u, v, cov, root, out)
        _refuse(np.isnan(out), _beyond(table), "inputs that are less alike", cov=cov)
        return out

    return by_table


@numba.njit(cache=True, error_model="numpy", parallel=True)
def _roots(a, b, cov, same, out):
    """√(ab − c²), 0 for equal inputs."""
    for i in numba.prange(cov.shape[0]):
        for j in range(cov.shape[1]):
            out[i, j] = 0.0 if same[i, j] else math.sqrt(_determinant(a[i], b[j], cov[i, j]))


@numba.njit(cache=True, error_model="numpy", parallel=True)
def _slab(left, right, even, sharpness, least, a, b, cov, root, out):
    """The sum of left (n, k, r) times right (r, m) times T_k of the angle's place, and sin θ for k from `even` on."""
    for block in numba.prange((cov.shape[0] + _TABLE_ROWS - 1) // _TABLE_ROWS):
        _rows(block, left, right, even, sharpness, least, a, b, cov, root, out)


@_compiled
def _rows(block, left, right, even, sharpness, least, a, b, cov, root, out):
    top = np.int64(block) * _TABLE_ROWS
    for side in range(0, cov.shape[1], _TABLE_COLUMNS):
        stop = min(side + _TABLE_COLUMNS, cov.shape[1])
        part, room = np.ascontiguousarray(right[:, side:stop]), np.empty((5, stop - side), right.dtype)
        for i in range(top, min(top + _TABLE_ROWS, cov.shape[0])):
            law = a[i], b[side:stop], cov[i, side:stop], root[i, side:stop]
            _row(left[i], part, even, sharpness, least, *law, room, out[i, side:stop])


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def _row(left, right, even, sharpness, least, u, v, cov, root, room, out):
    real, width = type(sharpness), out.size
    place, sine, value, before, total = room[0], room[1], room[2], room[3], room[4]
    low, high = real(least), real(1.0)
    for j in range(width):
        # a variance of 0 has the angle 0
        full = math.sqrt(u) * math.sqrt(v[j])
        whole = full if full > 0.0 else 1.0
        sine[j] = real(cov[j] / whole if full > 0.0 else 0.0)
        place[j] = real(root[j] / whole if full > 0.0 else 1.0)
        total[j] = real(np.nan) if place[j] < low * real(1.0 - 1e-6) else real(0.0)
    if sharpness > real(0.0):
        low, high = math.asinh(sharpness * low), math.asinh(sharpness)
        for j in range(width):
            t = sharpness * place[j]
            place[j] = math.log(t + math.sqrt(t * t + real(1.0)))
    for j in range(width):
        place[j] = (real(2.0) * place[j] - (low + high)) / (high - low)
    for part in range(2):
        first, last = (0, even) if part == 0 else (even, left.shape[0])
        for j in range(width):
            value[j] = before[j] = real(0.0)
        # Clenshaw's sum
        for k in range(last - 1, first - 1, -1):
            twice = real(2.0) if k > first else real(1.0)
            for j in range(width):
                t = twice * place[j] * value[j] - before[j]
                before[j] = value[j]
                value[j] = t
            q = 0
            while q + 4 <= right.shape[0]:
                p0, p1, p2, p3 = left[k, q], left[k, q + 1], left[k, q + 2], left[k, q + 3]
                r0, r1, r2, r3 = right[q], right[q + 1], right[q + 2], right[q + 3]
                for j in range(width):
                    value[j] += p0 * r0[j] + p1 * r1[j] + (p2 * r2[j] + p3 * r3[j])
                q += 4
            while q < right.shape[0]:
                p0, r0 = left[k, q], right[q]
                for j in range(width):
                    value[j] += p0 * r0[j]
                q += 1
        for j in range(width):
            total[j] += value[j] if part == 0 else value[j] * sine[j]
    for j in range(width):
        out[j] = total[j]
'''


def tables_code(maps: Sequence[LayerMap]) -> str:
    """The tables of maps by their names, what reads them, and the loop over entries of each map."""
    tables = {one.table.name: one.table for one in maps if one.table is not None}
    parts = [helpers(READERS), _MANY.strip("\n"), *("\n".join(one.source()) for one in tables.values())]
    for one in maps:
        assert one.table is not None
        parts.append(f"def _{one.name}_many(a, b, c, det, d, out):\n    _entries({one.table.name}, a, b, c, d, out)")
    return "\n\n\n".join(parts)


def gram_code(layers: Mapping[str, LayerMap]) -> str:
    """The recursion for kernels of which some have tables; their maps by name."""
    rows = [
        f'    "{name}": ({"None" if one.table is None else one.table.name}, _{one.name}_many, {one.symmetric}),'
        for name, one in layers.items()
    ]
    return "\n".join(["_MAPS = {", *rows, "}", GRAM.rstrip("\n")])
