"""Maps that a table stands for, in modules for Numba: entries one by one, and rows of Gram matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from symntk.emit.closure import helpers
from symntk.emit.layers import LayerMap
from symntk.emit.targets import numba_text

_READERS = ("_Stored", "_StoredSide", "_stored_numbers", "_stored_mirrored", "_stored_factors")

_MANY = '''
@_compiled
def _roots(a, b, c, out):
    for i in range(out.size):
        out[i] = math.sqrt(_determinant(a[i], b[i], c[i]))


def _entries(table, a, b, c, out):
    """The map of a table at flat arrays of laws; refused are those that it does not hold for."""
    d = np.empty(len(a))
    _roots(a, b, c, d)
    out[...] = _stored_values(table, a, b, c, d)
    lost = np.isnan(out) & ~np.isnan(a * b * c)
    _refuse(lost, _beyond(table), "variances= at export, for another table", var_u=a, var_v=b, cov=c)


def _beyond(*tables):
    low, high = max(one.u.low for one in tables), min(one.u.high for one in tables)
    reach = math.sqrt(1.0 - max(one.least for one in tables) ** 2)
    return f"the table is of variances 0 and {low:g} to {high:g}, and of correlations up to {reach:.3g}"
'''

OWN = """\
def _own_variances(variances, parameters, out):
    table = _TABLES["nngp"]
    out[:] = _stored_values(table, variances, variances, variances, np.zeros(len(variances)))
    _refuse(np.isnan(out), _beyond(table), "variances= at export, for another table", variance=variances)
"""

FACTORS = '''\
def _factors(a, b, matrices, mirror, real):
    """The tables of nngp, ntk, sg_ntk and sg_ntk of (v, u) at all layers' variances, as far as they are read.

    Returns functions of the rows (4, layers, n, p), coefficients (4, layers, k, p, q), functions of the columns
    (4, layers, q, m), how many terms are even and odd, in pairs, and how many functions of the columns there are, in
    fours (4, layers, 3), and numbers (4, layers, 4) of `_read`.
    """
    layers, made = a.shape[1] - 1, {}
    for kernel, name in enumerate(("nngp", "ntk", "sg_ntk", "sg_ntk")):
        if name not in _TABLES or (kernel and matrices[min(kernel, 2)] is None) or (kernel == 3 and not mirror):
            continue
        # a part of the tolerance, or of the rounding errors
        table = _TABLES[name]._replace(tail=_TABLES[name].tail * (1e3 if real == np.float32 else 4.0))
        for layer in range(layers):
            u, v = (b, a) if kernel == 3 else (a, b)
            left, right, terms, sharpness = _stored_factors(table, u[:, layer], v[:, layer])
            terms = [np.pad(part, ((0, len(part) % 2), (0, 0), (0, 0))) for part in terms]
            core = np.concatenate(terms)
            if kernel == 3:
                left, core, right = right.T, np.swapaxes(core, 1, 2), left.T
            ends = np.array([table.least, 1.0])
            ends = np.arcsinh(sharpness * ends) if sharpness else ends
            number = [sharpness, 0.5 * (ends[0] + ends[1]), 4.0 / (ends[1] - ends[0]), table.least]
            count = [*map(len, terms), -(-core.shape[2] // 4) * 4]  # four functions of v at a time
            made[kernel, layer] = left, core, right, count, number
    p, k, q = (max((one[1].shape[axis] for one in made.values()), default=0) for axis in (1, 0, 2))
    q = -(-q // 4) * 4
    read, cores = np.zeros((4, layers, len(a), p)), np.zeros((4, layers, k, p, q))
    columns = np.zeros((4, layers, q, len(b)), real)
    counts, numbers = np.zeros((4, layers, 3), int), np.zeros((4, layers, 4))
    for place, (left, core, right, count, number) in made.items():
        read[place][:, : left.shape[1]] = left
        cores[place][: core.shape[0], : core.shape[1], : core.shape[2]] = core
        columns[place][: len(right)] = right
        counts[place], numbers[place] = count, number
    return read, cores, columns, counts, numbers
'''

ROW = """\
            for kernel in range(4):
                if counts[kernel, layer - 1, 2]:
                    coefficients, columns = rows[kernel, layer - 1, down + i], right[kernel, layer - 1]
                    number = numbers[kernel, layer - 1]
                    _read(coefficients, columns, counts[kernel, layer - 1], number, side, u, v, k, work, read[kernel])
"""

PAIR = """\
        for kernel in range(4):
            if counts[kernel, layer - 1, 2]:
                read[kernel] = _read_pair(
                    rows[kernel, layer - 1], right[kernel, layer - 1], counts[kernel, layer - 1],
                    numbers[kernel, layer - 1], u, v, c, d,
                )
"""

READ = '''


@_inline
def _log(x):
    """The logarithm of positive ordinary numbers, in float64, without a branch."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - 0x3FE6A09E667F3BCD) >> 52
    mantissa = np.int64(bits - (exponent << 52)).view(np.float64)  # between √½ and √2
    t = (mantissa - 1.0) / (mantissa + 1.0)
    s = t * t
    r = 0.07404933786156531
    r = r * s + 0.0765625655736915
    r = r * s + 0.09091816120808513
    r = r * s + 0.11111098523202137
    r = r * s + 0.1428571438036914
    r = r * s + 0.19999999999650955
    r = r * s + 0.33333333333333826
    return exponent * 0.6931471805599453 + 2.0 * (t + t * (s * r))


@numba.njit(cache=_KEPT, error_model="numpy", fastmath={"contract"})
def _read(coefficients, columns, counts, numbers, side, u, v, c, work, out):
    """A table's map for a row of entries with variances u and v, covariances c; NaN beyond the table."""
    real, width = type(u), out.size
    cosine, sine, twice, value, before, low, high = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
    middle, stretch = real(numbers[1]), real(numbers[2])
    for j in range(width):
        full = math.sqrt(u * v[j])
        full = full if full > real(0.0) else real(1.0)
        cosine[j] = math.sqrt(_determinant(u, v[j], c[j])) / full
        sine[j] = c[j] / full
        out[j] = real(0.0)
    if numbers[0] > 0.0:
        sharpness = real(numbers[0])
        for j in range(width):
            y = sharpness * cosine[j]
            twice[j] = (real(_log(y + math.sqrt(y * y + real(1.0)))) - middle) * stretch
    else:
        for j in range(width):
            twice[j] = (cosine[j] - middle) * stretch
    for part in range(2):
        first = 0 if part == 0 else counts[0]
        value[:] = real(0.0)
        before[:] = real(0.0)
        for k in range(first + counts[part] - 2, first - 1, -2):
            # two terms of Clenshaw's sum at once, their coefficients from four functions of v at a time
            for q in range(0, counts[2], 4):
                c0, c1, c2, c3 = coefficients[k, q : q + 4]
                d0, d1, d2, d3 = coefficients[k + 1, q : q + 4]
                v0, v1 = columns[q, side : side + width], columns[q + 1, side : side + width]
                v2, v3 = columns[q + 2, side : side + width], columns[q + 3, side : side + width]
                if q:
                    for j in range(width):
                        low[j] += c0 * v0[j] + c1 * v1[j] + c2 * v2[j] + c3 * v3[j]
                        high[j] += d0 * v0[j] + d1 * v1[j] + d2 * v2[j] + d3 * v3[j]
                else:
                    for j in range(width):
                        low[j] = c0 * v0[j] + c1 * v1[j] + c2 * v2[j] + c3 * v3[j]
                        high[j] = d0 * v0[j] + d1 * v1[j] + d2 * v2[j] + d3 * v3[j]
            if k > first:
                for j in range(width):
                    before[j] = twice[j] * value[j] - before[j] + high[j]
                    value[j] = twice[j] * before[j] - value[j] + low[j]
            else:
                for j in range(width):
                    before[j] = twice[j] * value[j] - before[j] + high[j]
                    now = real(0.5) * twice[j] * before[j] - value[j] + low[j]
                    out[j] += sine[j] * now if part else now
    if numbers[3] > 0.0:
        least = real(numbers[3])
        for j in range(width):
            out[j] = out[j] if cosine[j] >= least else real(math.nan)


'''

READ_PAIR = '''
@_compiled
def _read_pair(coefficients, columns, counts, numbers, u, v, c, d):
    """A table's map at one entry."""
    full = math.sqrt(u) * math.sqrt(v)
    sure = full == 0.0
    cosine, sine = (1.0, 0.0) if sure else (d / full, c / full)
    if cosine < numbers[3]:
        return math.nan
    place = math.asinh(numbers[0] * cosine) if numbers[0] > 0.0 else cosine
    twice, result = (place - numbers[1]) * numbers[2], 0.0
    for part in range(2):
        value = before = 0.0
        for k in range(counts[part] - 1, -1, -1):
            term = 0.0
            for q in range(columns.size):
                term += np.float64(coefficients[k + part * counts[0], q]) * columns[q]
            value, before = (twice if k else 0.5 * twice) * value - before + term, value
        result += sine * value if part else value
    return result
'''

FILL = """\
                    _beyond_tables(kernel, u, v, k, start, law, read[kernel])
"""

BEYOND = """\
    for matrix in out.values():
        _refuse(np.isnan(matrix), _beyond(*_BARE), "inputs that are less alike", kernel=matrix)
"""

_FORMULA = """
@_compiled
def _beyond_tables(kernel, u, v, c, start, law, out):
    \"""The formulas of maps that have one, for a row's entries beyond the tables.\"""
    for j in range(start, out.size):
        if math.isnan(out[j]):
            a, b, cov = np.float64(u), np.float64(v[j]), np.float64(c[j])
            det = _determinant(a, b, cov)
            d = math.sqrt(det)
"""

_CALLS = {
    "nngp": ("kernel == 0", "nngp(a, b"),
    "ntk": ("kernel == 1", "ntk(a, b"),
    "sg_ntk": ("kernel == 2", "sg_ntk(a, b"),
    "": ("kernel == 3", "sg_ntk(b, a"),
}


def recursion(kept: Mapping[str, LayerMap]) -> list[str]:
    """The recursion of Gram matrices of kernels of which some are tables, and what prepares the tables."""
    bare = [one.table.name for one in kept.values() if one.table and not one.definitions]
    mixed = [name for name, one in kept.items() if one.table and one.definitions]
    read = READ + (READ_PAIR if bare else "")
    if mixed:
        calls = [_CALLS[name] for name in (*mixed, *([""] if "sg_ntk" in mixed else []))]
        lines = [
            f"            if {test}:\n                out[j] = _certain_{one}, cov, det, d, law, 0.0)"
            for test, one in calls
        ]
        read = f"{read}\n\n{_FORMULA.rstrip()}\n" + "\n".join(lines)
    stored = ", ".join(f'"{name}": {one.table.name}' for name, one in kept.items() if one.table)
    head = [f"_TABLES = {{{stored}}}", *([f"_BARE = ({', '.join(bare)},)"] if bare else [])]
    text = numba_text.recursion(read, ROW + (FILL if mixed else ""), PAIR if bare else "", BEYOND if bare else "")
    return ["\n".join(head), text, FACTORS]


def readers(maps: Iterable[LayerMap]) -> str:
    """Names of what reads the tables of maps; empty for none."""
    tabulated = [one for one in maps if one.table]
    names = [*_READERS, *(["_stored_values"] if any(not one.definitions for one in tabulated) else [])]
    return ", ".join(names) if tabulated else ""


def tables_code(maps: Sequence[LayerMap]) -> str:
    """The tables of maps by their names, what reads them, and the loop over entries of each map without a formula."""
    tables = {one.table.name: one.table for one in maps if one.table is not None}
    bare = {one.name: one.table.name for one in maps if one.table and not one.definitions}
    parts = [helpers(readers(maps)), *([_MANY.strip("\n")] if bare else [])]
    parts += ["\n".join(one.source()) for one in tables.values()]
    parts += [f"def _{name}_many(a, b, c, out):\n    _entries({one}, a, b, c, out)" for name, one in bare.items()]
    return "\n\n\n".join(parts)
