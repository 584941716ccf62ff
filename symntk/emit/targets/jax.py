"""JAX: pure functions for jit, vmap and grad, in the type of their inputs, on whatever device these are."""

from __future__ import annotations

from symntk.emit.code import Call, Definition, Name, walk
from symntk.emit.targets.arrays import ArrayTarget, Texts

_SLOW = "exp_bivariate"

_NATIVE = {
    **{name: f"jnp.{name}" for name in ("sqrt", "exp", "expm1", "log", "cos", "sin", "abs")},
    **{name: f"jax.scipy.special.{name}" for name in ("erf", "erfc")},
    "atan2": "jnp.arctan2",
}
_IMPORTS = """import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero"""

_SUPPORT = '''
def _numbers(*given):
    """Arrays of one floating type, that of what is given."""
    dtype = jnp.result_type(*given)
    dtype = jnp.result_type(dtype, float) if not jnp.issubdtype(dtype, jnp.floating) else jnp.promote_types(dtype, "f4")
    return [jnp.asarray(one, dtype=dtype) for one in given]


def _over(term, rows):
    """The sum of a term over the rows of a table, in a loop that is compiled once."""
    table = jnp.asarray(rows, dtype=jax.eval_shape(term, *rows[0]).dtype)
    return lax.fori_loop(1, len(rows), lambda i, total: total + term(*table[i]), term(*table[0]))


def _high(x):
    """The upper half of the digits, of which products are exact."""
    info = jnp.finfo(x.dtype)
    return lax.reduce_precision(x, info.nexp, (info.nmant - 2) // 2)


def _added(x, y):
    """The sum and its rounding error."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


@jax.custom_jvp
def _det(a, b, c):
    """ab - c^2 from halves of the digits, whose products are exact, whatever of it cancels."""
    (ah, bh, ch), (al, bl, cl) = zip(*((_high(x), x - _high(x)) for x in (a, b, c)))
    middle, error = _added(ah * bl, al * bh)
    middle, other = _added(middle, -2.0 * (ch * cl))
    return ((ah * bh - ch * ch) + middle) + (error + other + (al * bl - cl * cl))


@_det.defjvp
def _det_derivative(law, moved):
    (a, b, c), (da, db, dc) = law, moved
    return _det(a, b, c), a * db + b * da - 2.0 * c * dc


def _law(a, b, c):
    """The determinant of a law; NaN where no variables have it, beyond rounding."""
    det, full = _det(a, b, c), a * b
    rounded = det >= -4096.0 * jnp.finfo(det.dtype).eps * full
    return jnp.where(rounded & (a >= 0.0) & (b >= 0.0), jnp.maximum(det, 0.0), jnp.nan)


def _differentiable(value, slopes, others, least=0.0, precise=False, unbounded=False):
    """A map of (a, b, c, det, ...) with written derivatives by its arguments but det, each a function or None.

    Where a slope is infinite another stands for it: none, or that along full correlation, with d = 0 held. Of a formula
    that is 0/0 at d = 0 the limit is taken at d = `least` roundings, and an `unbounded` one that still grows there is
    infinite; a `precise` one, which cancels, is in float64.
    """

    def whole(*given):
        wide = jnp.promote_types(given[0].dtype, jnp.result_type(float)) if precise else given[0].dtype
        a, b, c, det, *rest = (one.astype(wide) for one in given)
        if least:
            det = jnp.maximum(det, (least * jnp.finfo(det.dtype).eps) ** 2 * (a * b))
        return (a, b, c, det, jnp.sqrt(det), *rest)

    @jax.custom_jvp
    @jax.jit
    def function(a, b, c, det, *rest):
        shape = jnp.broadcast_shapes(*map(jnp.shape, (a, b, c, det)))
        out = jnp.asarray(value(*whole(a, b, c, det, *rest)), dtype=a.dtype)
        if unbounded:
            wide = jnp.maximum(det, (10.0 * least * jnp.finfo(a.dtype).eps) ** 2 * (a * b))
            grows = jnp.abs(out) > 5.0 * jnp.abs(value(*whole(a, b, c, wide, *rest)))
            out = jnp.where((det == 0.0) & grows, jnp.copysign(jnp.inf, out), out)
        return jnp.broadcast_to(out, shape)

    def derivative(given, tangents):
        a, b, c, det, *rest = given
        moving = _det(a, b, c)  # what second derivatives see
        law, out = whole(a, b, c, det + (moving - lax.stop_gradient(moving)), *rest), function(*given)
        total = jnp.zeros_like(out)
        for slope, other, tangent in zip(slopes, others, (*tangents[:3], *tangents[4:])):
            if slope is not None and type(tangent) is not SymbolicZero:
                found, instead = slope(*law), 0.0 if other is None else other(*law)
                instead = jnp.where(jnp.isfinite(instead), instead, 0.0)
                exists = jnp.isfinite(found) if other is None else jnp.isfinite(found) & (det > 0.0)
                total = total + jnp.where(exists, found, instead).astype(total.dtype) * tangent
        return out, total

    function.defjvp(derivative, symbolic_zeros=True)
    return function
'''

_GRAM = '''
def _rows(x1, x2):
    """Both inputs in one floating type; one of them where the second is the first."""
    for name, given in (("x1", x1), ("x2", x1 if x2 is None else x2)):
        if jnp.ndim(given) != 2:
            shape = jnp.shape(given)
            raise ValueError(f"{name} has shape {shape}. Try: an array (n, features), for one input x[None, :]")
        if not isinstance(given, jax.core.Tracer) and not (sure := jnp.isfinite(jnp.asarray(given)).all(axis=1)).all():
            row = int(jnp.argmin(sure))
            raise ValueError(f"{name} holds a value that is not finite, first in row {row}. Try: finite inputs")
    if x2 is not None and jnp.shape(x1)[1] != jnp.shape(x2)[1]:
        shapes = f"x1 has {jnp.shape(x1)[1]} features and x2 {jnp.shape(x2)[1]}"
        raise ValueError(f"{shapes}. Try: inputs of one width")
    return _numbers(*(x1,) if x2 is None else (x1, x2))


def _squares(name, given, depth, dtype):
    """The squares of the scales of all weight layers, from one number or one for each."""
    values = jnp.asarray(given, dtype=dtype)
    if values.shape not in ((), (depth,)):
        raise ValueError(f"{name} = {given!r} for {depth} weight layers. Try: a number, or {depth}: one for each")
    return jnp.broadcast_to(values, (depth,)) ** 2


def _marks(x):
    """A number for each row, the same for equal rows, and for others with a probability of 2^-32."""
    bits = lax.bitcast_convert_type(lax.stop_gradient(x) + 0.0, jnp.uint32).reshape(len(x), -1)
    h = bits + jnp.arange(bits.shape[1], dtype=jnp.uint32) * jnp.uint32(2654435769)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * jnp.uint32(factor)
    return jnp.sum(h ^ (h >> 16), axis=1, dtype=jnp.uint32)


def _kernels(x1, x2, get, depth, weight_std, bias_std, parameters):
    """The kernels in `get`: Sigma^L, and Theta^L with Theta^{l+1} = Sigma^{l+1} + Theta^l sigma_w^2 E[s1(u) s2(v)].

    Equal rows of x1 and x2 have covariance equal to their variance in every layer.
    """
    _asked(get, depth)
    inputs = _rows(x1, x2)
    wide = jnp.promote_types(inputs[0].dtype, jnp.result_type(float))
    weights = _squares("weight_std", weight_std, depth, wide)
    shifts = _squares("bias_std", bias_std, depth, wide)
    parameters = {name: jnp.asarray(one, dtype=wide) for name, one in parameters.items()}
    return _layers(inputs, weights, shifts, parameters, get)


@functools.partial(jax.jit, static_argnames="get")
def _layers(inputs, weights, shifts, parameters, get):
    """The recursion over layers; weights and shifts are squared and have one number for each.

    Variances, and pairs at small angles, are computed in float64 where JAX has it. The angles of the latter, eight for
    each row and column, come from the inputs: from inner products they would be wrong by the root of a rounding.
    """
    first, second = inputs[0], inputs[-1]
    dtype, wide = first.dtype, weights.dtype
    marks = jnp.concatenate([_marks(x) for x in inputs])
    order = jnp.argsort(marks)
    twin = order[jnp.searchsorted(marks[order], marks)]
    shape = len(first), len(second)

    def at(name, *law, quick=False):
        function, needs, _ = _MAPS[name]
        function = _QUICK.get(name, function) if quick else function
        return function(*law, *(parameters[one].astype(law[0].dtype) for one in needs))

    def alike(variances):  # libraries compute the last digit of equal numbers by their place
        moved = lax.stop_gradient(variances[twin] - variances)
        return variances + jnp.where(jnp.abs(moved) <= 1e-4 * variances, moved, 0.0)

    def alone(variances, scales):
        square = at("nngp", variances, variances, variances, jnp.zeros_like(variances))
        after = alike(scales[0] * square + scales[1])
        return after, after

    def pairs(variances):
        return variances[..., : shape[0], None], variances[..., None, -shape[1] :]

    def through(laws, cov, det, same, parallel, quick=False):
        """Kernels of pairs whose variances are known in all layers; whether angles become small on the way.

        Those that come to laws beyond a quick map's table are told.
        """

        def layer(state, given):
            cov, det, totals, lost = state
            (a, b), (following_a, following_b), weight, shift = given
            values = {name: at(name, a, b, cov, det, quick=quick) for name in ("nngp", *names)}
            for name in _QUICK.keys() & values.keys() if quick else ():
                beyond = jnp.isnan(values[name]) & ~jnp.isnan(cov)
                values[name], lost = jnp.where(beyond, 0.0, values[name]), lost | beyond
            slopes = [values[name] for name in names]
            after = weight * values["nngp"] + shift
            after = jnp.where(same, 0.5 * (following_a + following_b), after)
            full = jnp.sqrt(following_a) * jnp.sqrt(following_b)
            aligned = same | (parallel & (jnp.abs(after) >= (1.0 - 64.0 * jnp.finfo(after.dtype).eps) * full))
            det = jnp.where(aligned, 0.0, jnp.maximum(_det(following_a, following_b, after), 0.0))
            back = [_back(total, slope, weight, name) for name, total, slope in zip(names, totals, slopes)]
            close = ((det <= 3e-3 * following_a * following_b) & ~same).any()
            return (after, lax.stop_gradient(det), tuple(after + one for one in back), lost), close

        kinds = [one.astype(cov.dtype) for one in (weights[1:], shifts[1:])]
        given = tuple(one[:-1] for one in laws), tuple(one[1:] for one in laws), *kinds
        state = cov, det, (cov,) * len(names), jnp.zeros(cov.shape, bool)
        (cov, _, totals, lost), close = lax.scan(layer, state, given)
        return (cov, *totals), lost, close[:-1].any()

    names = [name for name in get if name != "nngp"]
    scale, shift = weights[0] / max(first.shape[1], 1), shifts[0]
    variances = alike(
        jnp.concatenate([scale * jnp.sum(x.astype(wide) ** 2, axis=1) + shift for x in inputs])
    )
    _, later = lax.scan(alone, variances, (weights[1:], shifts[1:]))
    exactly = pairs(jnp.concatenate([variances[None], later]))
    laws = tuple(one.astype(dtype) for one in exactly)
    a, b = (one[0] for one in laws)
    product = jnp.matmul(first, second.T, precision=lax.Precision.HIGHEST)
    cov = scale.astype(dtype) * product + shift.astype(dtype)
    equal = jnp.equal(*pairs(marks)) & (jnp.abs(cov - 0.5 * (a + b)) <= 1e-4 * a)
    cov = jnp.where(equal, 0.5 * (a + b), cov)
    det = jnp.where(equal, 0.0, lax.stop_gradient(jnp.maximum(_det(a, b, cov), 0.0)))
    found, lost, close = through(laws, cov, det, equal, False, quick=True)

    def wholly(_):  # in float32 the angles of deep layers would be lost
        cov = scale * jnp.matmul(first.astype(wide), second.T.astype(wide)) + shift
        cov = jnp.where(equal, 0.5 * (exactly[0][0] + exactly[1][0]), cov)
        det = lax.stop_gradient(jnp.maximum(_det(exactly[0][0], exactly[1][0], cov), 0.0))
        values, lost, _ = through(exactly, cov, jnp.where(equal, 0.0, det), equal, False, quick=True)
        return tuple(one.astype(dtype) for one in values), lost

    if dtype != wide:
        found, lost = lax.cond(close, wholly, lambda kept: kept, (found, lost))

    near = (det <= (1e-6 if dtype == jnp.float64 else 3e-3) * a * b) & ~equal & (a * b > 0.0) | lost
    most = min(near.size, max(4096, near.size // 256))  # pairs that are computed at once
    place = jnp.cumsum(near.reshape(-1), dtype=jnp.int32)

    def some(k):
        index = jnp.minimum(jnp.searchsorted(place, most * k + 1 + jnp.arange(most, dtype=jnp.int32)), near.size - 1)
        i, j = index // shape[1], index % shape[1]
        p, q, same = first[i].astype(wide), second[j].astype(wide), equal[i, j]
        law = exactly[0][:, i, 0], exactly[1][:, 0, j]
        cov = jnp.where(same, 0.5 * (law[0][0] + law[1][0]), scale * jnp.sum(p * q, axis=1) + shift)
        det, parallel = _angles(p, q, scale, shift, law[0][0])
        values, _, _ = through(law, cov, jnp.where(same, 0.0, det), same, parallel)
        return tuple(one.astype(dtype) for one in values)

    def again(found):
        none = tuple(jnp.zeros(most, dtype) for _ in found)
        every = jnp.arange(-(-near.size // most), dtype=jnp.int32)
        values = lax.map(lambda k: lax.cond(most * k < place[-1], some, lambda k: none, k), every)
        rank = jnp.maximum(place - 1, 0).reshape(shape)
        return tuple(jnp.where(near, value.reshape(-1)[rank], one) for one, value in zip(found, values))

    if near.size:
        found = lax.cond(place[-1] > 0, again, lambda found: found, found)
    found = dict(zip(("nngp", *names), found))
    return tuple(found[name] for name in get)


def _angles(p, q, scale, shift, a):
    """The determinants of rows of p and q with the bias as one more feature, and whether they are parallel."""
    p, q, offset = (lax.stop_gradient(one) for one in (p, q, jnp.sqrt(shift / scale)))
    p, q = (jnp.concatenate([x, jnp.broadcast_to(offset, (len(x), 1))], axis=1) for x in (p, q))
    square = jnp.sum(p * p, axis=1)
    square = jnp.where(square > 0.0, square, 1.0)
    share = jnp.sum(p * q, axis=1) / square
    rest = jnp.where((jnp.abs(share - 1.0) < 0.1)[:, None], q - p, q)  # of near ones the difference is exact
    rest = rest - (jnp.sum(p * rest, axis=1) / square)[:, None] * p
    square, size = jnp.sum(rest * rest, axis=1), jnp.sum(q * q, axis=1)
    parallel = square <= 4.0 * jnp.finfo(p.dtype).eps ** 2 * p.shape[1] * size
    return jnp.where(parallel, 0.0, lax.stop_gradient(a * scale) * square), parallel


def _back(total, slope, weight, name):
    """Total times slope and weight; no derivative passes through what is infinite, and 0 stays 0 there."""
    sure = jnp.isfinite(slope) & jnp.isfinite(total)
    other = jnp.where((total == 0.0) & jnp.isinf(slope), slope if _MAPS[name][2] else 0.0, total * slope)
    back = weight * jnp.where(sure, total, 0.0) * jnp.where(sure, slope, 0.0)
    return jnp.where(sure, back, lax.stop_gradient(other))
'''


_EACH = '''
def _each(function, *rows):
    """A function at several rows of arguments, in a loop that is compiled once."""
    shape = jnp.broadcast_shapes(*(jnp.shape(one) for row in rows for one in row))
    dtype = jnp.result_type(*(one for row in rows for one in row))
    rows = [tuple(jnp.broadcast_to(jnp.asarray(one, dtype), shape) for one in row) for row in rows]
    cases = [lambda row=row: row for row in rows]
    return lax.map(lambda k: function(*lax.switch(k, cases)), jnp.arange(len(rows)))
'''


class Jax(ArrayTarget):
    """JAX's functions; XLA takes seconds for each bivariate distribution function that it meets."""

    over = "_over(lambda {names}: {term}, ({rows}))"

    def library(self, calls: frozenset[str]) -> str:
        """The fixed support and what the library lacks."""
        code = super().library(calls)
        return f"{code}\n\n\n{_EACH.strip()}" if _SLOW in calls else code

    def body(self, definition: Definition) -> list[str]:
        """The lines of the function; those with what is slow to compile become one."""
        slow = [(name, one) for name, one in definition.lines if isinstance(one, Call) and one.function == _SLOW]
        if len(slow) < 2:
            return super().body(definition)
        behind, ahead, rest = {name for name, _ in slow}, list[str](), list[str]()
        for name, one in definition.lines:
            needs = not behind.isdisjoint(part.name for part in walk(one) if isinstance(part, Name))
            if (name, one) not in slow:
                (rest if needs else ahead).append(f"{name} = {self.expression(one)}")
                behind |= {name} if needs else set()
            elif needs:
                return super().body(definition)
        rows = [f"    ({', '.join(map(self.expression, one.arguments))})," for _, one in slow]
        together = [f"{', '.join(name for name, _ in slow)} = _each(", f"    _{_SLOW},", *rows, ")"]
        return [*ahead, *together, *rest, f"return {', '.join(map(self.expression, definition.results))}"]


TARGET = Jax(
    "jax",
    _NATIVE,
    "jnp.where({condition}, {yes}, {no})",
    _IMPORTS,
    Texts(_SUPPORT, _GRAM, "jnp", "jnp.asarray(x, dtype=a.dtype)"),
)
