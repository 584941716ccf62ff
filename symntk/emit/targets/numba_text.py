"""What every module for Numba holds: the arctangent, the determinant, loops, and the recursion of Gram matrices."""

LIBRARY = '''
# A later process looks for the module of compiled code by its name.
_KEPT = __name__ in sys.modules
_compiled = numba.njit(cache=_KEPT, error_model="numpy")
# parts of the functions that call them; products and sums may be rounded once
_inline = numba.njit(cache=_KEPT, error_model="numpy", fastmath={"contract"}, forceinline=True)
_exactly = numba.njit(cache=_KEPT, error_model="numpy", forceinline=True)


@intrinsic
def _fused(context, x, y, z):
    """x·y + z, rounded once."""

    def code(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return x(x, x, x), code


@_exactly
def _determinant(a, b, c):
    """a·b − c² to one unit in the last place (Kahan), 0 where it is negative."""
    square = c * c
    return max(_fused(a, b, -square) + _fused(-c, c, square), type(a)(0.0))


@_inline
def _atan2(y, x):
    """The angle of (x, y), as a polynomial within an eighth of a turn: the compiler makes it a vector's."""
    real = type(x)
    up, across = abs(y), abs(x)
    low, high = min(up, across), max(up, across)
    turned = low > real(0.41421356237309503) * high
    above = low - high if turned else low
    below = low + high if turned else high
    t = above / (below if below > real(0.0) else real(1.0))
    s = t * t
    r = real(-0.017803896394812564)
    r = r * s + real(0.03796390316111083)
    r = r * s + real(-0.05035049795312439)
    r = r * s + real(0.05846866752275139)
    r = r * s + real(-0.06662950246036792)
    r = r * s + real(0.07692045194561481)
    r = r * s + real(-0.09090896801472813)
    r = r * s + real(0.11111110744657099)
    r = r * s + real(-0.14285714279244968)
    r = r * s + real(0.19999999999940837)
    r = r * s + real(-0.3333333333333312)
    angle = t + t * (s * r)
    angle = real(0.7853981633974483) + angle if turned else angle
    angle = real(1.5707963267948966) - angle if up > across else angle
    angle = real(3.141592653589793) - angle if x < real(0.0) else angle
    return -angle if y < real(0.0) else angle


# Variances between this and its inverse have ordinary products.
_SMALLEST = {"float64": 1e-140, "float32": 1e-16}


def _evaluated(many, law, parameters):
    """A map over broadcast arguments, which are checked; `many` is its loop over entries."""
    names = ("var_u", "var_v", "cov", "mean_u", "mean_v")
    given = [*zip(names, law), *(("a parameter", one) for one in parameters)]
    a, b, c, *rest = np.broadcast_arrays(*(_floats(name, one).astype(np.float64) for name, one in given))
    shown = {"var_u": a, "var_v": b, "cov": c}
    _refuse((a < 0.0) | (b < 0.0), "a variance is negative", "variances of at least 0", **shown)
    least = _SMALLEST["float64"]
    odd = [(one != 0.0) & ((one <= least) | (one >= 1.0 / least)) for one in (a, b)]
    _refuse(odd[0] | odd[1], f"a variance is not between {least} and {1.0 / least}", "rescaled inputs, or 0", **shown)
    coarse = any(np.asarray(one).dtype in (np.float16, np.float32) for one in law)
    full = np.sqrt(a) * np.sqrt(b)
    limit = full * (1.0 + 4096.0 * float(np.finfo(np.float32 if coarse else np.float64).eps))
    advice = "cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)"
    _refuse(np.abs(c) > limit, "|cov| exceeds sqrt(var_u*var_v)", advice, **shown)
    c = np.where(np.abs(c) > full * (1.0 + 1e-15), np.copysign(full, c), c)
    arrays, out = (a, b, c, *rest), np.empty(a.shape)
    many(*(np.ascontiguousarray(one).reshape(-1) for one in arrays), out.reshape(-1))
    unknown = np.isnan(sum(arrays))
    wrong = "there is no value: a variable of variance 0 is where its function has a delta or a pole"
    lost = np.isnan(out) | (np.isinf(out) & ((a == 0.0) | (b == 0.0)))
    _refuse(lost & ~unknown, wrong, "a positive variance", **shown)
    return _finish(np.where(unknown, np.nan, out), *law)


def _say_infinite(row, column, divergence):
    """Refuse a matrix whose first infinite entry is there."""
    raise ValueError(
        f"the kernel is infinite at row {row}, column {column}: the inputs are fully correlated, where the layer map "
        f"{divergence}, or one of them is 0. Try: distinct inputs, or the surrogate-gradient kernel"
    )
'''

OWN = """@_compiled
def _own_variances(variances, parameters, out):
    for i in range(out.size):
        v = variances[i]
        out[i] = _certain_nngp(v, v, v, 0.0, 0.0, parameters, 0.0)"""


NO_FACTORS = '''def _factors(a, b, matrices, mirror, real):
    """No map here is a table."""
    shape = (4, a.shape[1] - 1)
    empty = np.zeros((*shape, len(a), 0)), np.zeros((*shape, 0, 0, 0)), np.zeros((*shape, 0, len(b)), real)
    return *empty, np.zeros((*shape, 2), int), np.zeros((*shape, 4))'''


_GRAM = '''
# Entries of a block, which stays in the processor's cache, and of the inner products that are computed at once.
_ROWS, _COLUMNS, _PRODUCTS, _NOWHERE = 64, 128, 2**20, 2**62
# 1 − ρ² below which a pair is computed from the inputs themselves: rounded inner products would not tell its angle.
_NEAR = {"float64": 1e-6, "float32": 1e-2}


def _matrices(x1, x2, get, depth, weight_std, bias_std, parameters):
    """The matrices that `get` names, in one pass over blocks of entries."""
    get = (get,) if isinstance(get, str) else tuple(get)
    if not get or any(name not in _KERNELS for name in get):
        raise ValueError(f"get = {get!r}. Try: names among {', '.join(_KERNELS)}")
    first, second = (one.astype(np.float64) for one in _inputs_of(x1, x2))
    if not isinstance(depth, int | np.integer) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    weights, shifts = _squared("weight_std", weight_std, depth), _squared("bias_std", bias_std, depth)
    weights[0] /= max(first.shape[1], 1)
    real = _result_type(x1, *(() if x2 is None else (x2,)))
    exact_a = _all_variances(first, weights, shifts, parameters, real.name)
    exact_b = exact_a if x2 is None else _all_variances(second, weights, shifts, parameters, real.name)
    first, second = first.astype(real, copy=False), second.astype(real, copy=False)
    a, b = (np.ascontiguousarray(exact.T, dtype=real) for exact in (exact_a, exact_b))
    out = {name: np.empty((len(first), len(second)), real) for name in get}
    matrices = [out.get(name) for name in ("nngp", "ntk", "sg_ntk")]
    mirror, columns = x2 is None, len(second)
    read, cores, right, counts, numbers = _factors(exact_a, exact_b, matrices, mirror, real)
    limit = real.type(1.0 - _NEAR[real.name])
    height = _PRODUCTS // max(columns, 1)
    height = max(1, min(len(first), height // _ROWS * _ROWS or height))
    room = np.empty(height * columns, real)
    for start in range(0, len(first), height):
        stop, left = min(start + height, len(first)), start if mirror else 0
        product = room[: (stop - start) * (columns - left)].reshape(stop - start, columns - left)
        np.matmul(first[start:stop], second[left:].T, out=product)
        rows = np.einsum("mlip,mlkpq->mlikq", read[:, :, start:stop], cores, optimize=True).astype(real)
        inputs = (first, second, a, b, exact_a, exact_b, weights, shifts, limit, parameters)
        inputs += (rows, right, counts, numbers)
        infinite = _slab(product, start, left, mirror, *matrices, *inputs).min(axis=0, initial=_NOWHERE)
        for name, place in zip(("ntk", "sg_ntk"), infinite.tolist(), strict=True):
            if name in _DIVERGENCES and place < _NOWHERE:
                _say_infinite(*divmod(place, columns), _DIVERGENCES[name])
'''

_ENTRIES = '''    return tuple(out[name] for name in get)


def _all_variances(x, weights, shifts, parameters, real):
    """Each input's variance in all layers, (n, depth), in float64; that of an input of zeros without bias is 0."""
    v = weights[0] * np.einsum("ij,ij->i", x, x) + shifts[0]
    layers, least = [v], _SMALLEST[real]
    for layer in range(1, len(weights)):
        square = np.empty(len(x))
        _own_variances(v, parameters, square)
        v = weights[layer] * square + shifts[layer]
        layers.append(v)
    for number, v in enumerate(layers, start=1):
        odd = ((v != 0.0) | (np.any(x != 0.0, axis=1) & (number == 1))) & ~((v > least) & (v < 1.0 / least))
        wrong = f"a variance of layer {number} is not between {least} and {1.0 / least}"
        _refuse(odd, wrong, "rescaled inputs, or a bias", variance=v)
    return np.ascontiguousarray(np.transpose(layers))


@numba.njit(cache=_KEPT, error_model="numpy", parallel=True)
def _slab(
    product, start, left, mirror, nngp, ntk, sg_ntk, first, second, a, b, exact_a, exact_b, weights, shifts, limit, law,
    rows, right, counts, numbers,
):
    """Rows of the matrices from `start` on, from the inner products with the columns from `left` on.

    Returns the first places, row · columns + column, where the slopes of ntk and sg_ntk are infinite, or _NOWHERE.
    """
    wide = (product.shape[1] + 4 * _COLUMNS - 1) // (4 * _COLUMNS)
    tasks = (product.shape[0] + _ROWS - 1) // _ROWS * wide
    infinite = np.full((tasks, 2), _NOWHERE)
    for task in numba.prange(tasks):
        down, begin = task // wide * _ROWS, task % wide * 4 * _COLUMNS
        for across in range(begin, min(begin + 4 * _COLUMNS, product.shape[1]), _COLUMNS):
            top, side = start + down, left + across
            if not mirror or side + _COLUMNS > top:
                _block(
                    product, down, across, top, side, mirror, nngp, ntk, sg_ntk, first, second, a, b, exact_a, exact_b,
                    weights, shifts, limit, law, rows, right, counts, numbers, infinite[task],
                )
    return infinite


@numba.njit(cache=_KEPT, error_model="numpy", fastmath={"contract"})
def _block(
    product, down, across, top, side, mirror, nngp, ntk, sg_ntk, first, second, a, b, exact_a, exact_b, weights, shifts,
    limit, law, rows, right, counts, numbers, infinite,
):
    """Entries from row `top` and column `side` on, through all layers; with `mirror` also those across the diagonal."""
    real, height, width = type(limit), min(_ROWS, product.shape[0] - down), min(_COLUMNS, product.shape[1] - across)
    scale, bias = real(weights[0]), real(shifts[0])
    cov, back = np.empty((height, width), product.dtype), np.empty((height, width), product.dtype)
    forth, swapped = np.empty((height, width), product.dtype), np.empty((height, width), product.dtype)
    one_pair, read, work = np.empty(4), np.zeros((4, width), product.dtype), np.empty((7, width), product.dtype)
    # slices, since an index that might be negative is no vector's
    here = slice(side, side + width)
    for i in range(height):
        row, start, near = top + i, max(0, top + i - side) if mirror else 0, 0
        inner, u, v = product[down + i, across : across + width], a[0, row], b[0, here]
        k, t, s, r = cov[i], back[i], forth[i], swapped[i]
        for j in range(width):
            c = scale * inner[j] + bias
            k[j] = c
            if ntk is not None:
                t[j] = c
            if sg_ntk is not None:
                s[j] = r[j] = c
            near += c * c >= limit * (u * v[j])
        for layer in range(1, len(weights)):
            u, v, weight, shift = a[layer - 1, row], b[layer - 1, here], real(weights[layer]), real(shifts[layer])
'''

_PAIRS = '''            for j in range(width):
                det = _determinant(u, v[j], k[j])
                d = math.sqrt(det)
                value = weight * _nngp(u, v[j], k[j], det, d, law, read[0, j]) + shift
                if ntk is not None:
                    t[j] = value + weight * _ntk(u, v[j], k[j], det, d, law, read[1, j]) * t[j]
                if sg_ntk is not None:
                    s[j] = value + weight * _sg_ntk(u, v[j], k[j], det, d, law, read[2, j]) * s[j]
                    if mirror:
                        r[j] = value + weight * _sg_ntk(v[j], u, k[j], det, d, law, read[3, j]) * r[j]
                k[j] = value
        if near:
            u, v = a[0, row], b[0, here]
            for j in range(start, width):
                c = scale * inner[j] + bias
                if c * c >= limit * (u * v[j]):
                    _pair(
                        first[row], second[side + j], exact_a[row], exact_b[side + j], weights, shifts, ntk, sg_ntk,
                        law, one_pair, infinite, row * b.shape[1] + side + j,
                        rows[:, :, down + i], right[:, :, :, side + j], counts, numbers,
                    )
                    k[j], t[j], s[j], r[j] = one_pair
        _write(nngp, row, side + start, k[start:])
        _write(ntk, row, side + start, t[start:])
        _write(sg_ntk, row, side + start, s[start:])
    if mirror:
        _mirrored(nngp, top, side, cov)
        _mirrored(ntk, top, side, back)
        _mirrored(sg_ntk, top, side, swapped)


@_compiled
def _write(matrix, row, column, values):
    """A row's part, unless the matrix is None."""
    if matrix is not None:
        matrix[row, column : column + values.size] = values


@_compiled
def _mirrored(matrix, top, side, values):
    """Values of the entries from (top, side) on across the diagonal, unless the matrix is None."""
    if matrix is not None:
        for j in range(values.shape[1]):
            line = matrix[side + j, top : top + max(0, min(values.shape[0], side + j - top))]
            for i in range(line.size):
                line[i] = values[i, j]


@_compiled
def _pair(
    p, q, a, b, weights, shifts, ntk, sg_ntk, law, out, infinite, place, rows, right, counts, numbers
):
    """The kernels of one pair near ±1, from the inputs and in float64; a, b are its variances in all layers."""
    bias = shifts[0] / weights[0]
    same, pp, pq, qq = True, bias, bias, bias
    for k in range(p.size):
        x, y = np.float64(p[k]), np.float64(q[k])
        same &= x == y
        pp, pq, qq = pp + x * x, pq + x * y, qq + y * y
    c = a[0] if same else weights[0] * pq
    parallel, det = False, 0.0
    if not same and a[0] > 0.0 and b[0] > 0.0:
        # the part of q that is orthogonal to p, with the bias as one more feature
        share = pq / pp
        rest = bias * (1.0 - share) * (1.0 - share)
        for k in range(p.size):
            off = np.float64(q[k]) - share * np.float64(p[k])
            rest += off * off
        parallel = rest <= 1.6e-31 * (p.size + 1) * qq
        det = a[0] * weights[0] * rest
    back = forth = swapped = c
    read = np.zeros(4)
    for layer in range(1, len(weights)):
        u, v, weight = a[layer - 1], b[layer - 1], weights[layer]
        full = math.sqrt(u) * math.sqrt(v)
        parallel = parallel and abs(c) >= (1.0 - 1e-14) * full
        if same or parallel:
            c, det = u if same else math.copysign(full, c), 0.0
        elif layer > 1:
            det = _determinant(u, v, c)
        d = math.sqrt(det)
'''

_LAYERS = '''        value = a[layer] if same else weight * _certain_nngp(u, v, c, det, d, law, read[0]) + shifts[layer]
        if ntk is not None:
            slope = _certain_ntk(u, v, c, det, d, law, read[1])
            back = value + weight * _times(slope, back, infinite, 0, place)
        if sg_ntk is not None:
            slope = _certain_sg_ntk(u, v, c, det, d, law, read[2])
            forth = value + weight * _times(slope, forth, infinite, 1, place)
            slope = _certain_sg_ntk(v, u, c, det, d, law, read[3])
            swapped = value + weight * _times(slope, swapped, infinite, 1, place)
        c = value
    out[0], out[1], out[2], out[3] = c, back, forth, swapped


@_compiled
def _times(slope, total, infinite, kernel, place):
    """The product, 0 for a total of 0: no gradient has come there."""
    if math.isinf(slope):
        infinite[kernel] = min(infinite[kernel], place)
    return slope * total if total != 0.0 else 0.0

'''


def recursion(head: str = "", row: str = "", pair: str = "", beyond: str = "") -> str:
    """The recursion of Gram matrices; what reads tables goes into a block's rows and a pair near ±1."""
    return f"{_GRAM}{beyond}{_ENTRIES}{row}{_PAIRS}{pair}{_LAYERS}{head}".strip("\n")
