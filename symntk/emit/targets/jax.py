"""JAX: pure functions for jit, vmap and grad, in the type of their inputs, on whatever device these are."""

from __future__ import annotations

from symntk.emit.targets.arrays import ArrayTarget, Texts

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


@jax.custom_jvp
def _det(a, b, c):
    """ab - c^2 from upper and lower halves of the digits, whatever of it cancels."""
    (ah, bh, ch), (al, bl, cl) = zip(*((_high(x), x - _high(x)) for x in (a, b, c)))
    return (ah * bh - ch * ch) + ((ah * bl + al * bh - 2.0 * (ch * cl)) + (al * bl - cl * cl))


@_det.defjvp
def _det_derivative(law, moved):
    (a, b, c), (da, db, dc) = law, moved
    return _det(a, b, c), a * db + b * da - 2.0 * c * dc


def _law(a, b, c):
    """The determinant of a law; NaN where no variables have it, beyond rounding."""
    det, full = _det(a, b, c), a * b
    rounded = det >= -4096.0 * jnp.finfo(det.dtype).eps * full
    return jnp.where(rounded & (a >= 0.0) & (b >= 0.0), jnp.maximum(det, 0.0), jnp.nan)


def _differentiable(value, slopes, others):
    """A map of (a, b, c, det, ...) with written derivatives by its arguments but det, each a function or None.

    Where a slope is infinite another stands for it: none, or that along full correlation, with d = 0 held.
    """

    @jax.custom_jvp
    @jax.jit
    def function(a, b, c, det, *rest):
        shape = jnp.broadcast_shapes(*map(jnp.shape, (a, b, c, det)))
        return jnp.broadcast_to(jnp.asarray(value(a, b, c, det, jnp.sqrt(det), *rest), dtype=a.dtype), shape)

    def derivative(given, tangents):
        a, b, c, det, *rest = given
        law, out = (a, b, c, det, jnp.sqrt(det), *rest), function(*given)
        total = jnp.zeros_like(out)
        for slope, other, tangent in zip(slopes, others, (*tangents[:3], *tangents[4:])):
            if slope is not None and type(tangent) is not SymbolicZero:
                found, instead = slope(*law), 0.0 if other is None else other(*law)
                instead = jnp.where(jnp.isfinite(instead), instead, 0.0)
                total = total + jnp.where(jnp.isfinite(found), found, instead) * tangent
        return out, total

    function.defjvp(derivative, symbolic_zeros=True)
    return function
'''

_GRAM = '''
def _rows(x1, x2):
    """Both inputs in one floating type, and whether the second is the first."""
    pair = []
    for name, given in (("x1", x1), ("x2", x2)):
        if given is not None and jnp.ndim(given) != 2:
            shape = jnp.shape(given)
            raise ValueError(f"{name} has shape {shape}. Try: an array (n, features), for one input x[None, :]")
        pair.append(given)
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
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    for name in get:
        if name not in _MAPS:
            raise ValueError(f"get has {name!r}. Try: {', '.join(_MAPS)}")
    inputs = _rows(x1, x2)
    dtype = inputs[0].dtype
    weights = _squares("weight_std", weight_std, depth, dtype)
    shifts = _squares("bias_std", bias_std, depth, dtype)
    parameters = {name: jnp.asarray(one, dtype=dtype) for name, one in parameters.items()}
    return _layers(inputs, weights, shifts, parameters, get)


@functools.partial(jax.jit, static_argnames="get")
def _layers(inputs, weights, shifts, parameters, get):
    """The recursion over layers; weights and shifts are squared and have one number for each."""

    def at(name, *law):
        function, needs, _ = _MAPS[name]
        return function(*law, *(parameters[one] for one in needs))

    def pairs(variances):
        return variances[: len(cov), None], variances[None, -cov.shape[1] :]

    def alike(variances):  # libraries compute the last digit of equal numbers by their place
        moved = lax.stop_gradient(variances[twin] - variances)
        return variances + jnp.where(jnp.abs(moved) <= 1e-4 * variances, moved, 0.0)

    def layer(state, scales):
        variances, cov, totals = state
        weight, shift = scales
        a, b = pairs(variances)
        law = a, b, cov, jnp.where(same, 0.0, jnp.maximum(_det(a, b, cov), 0.0))
        variances = alike(weight * at("nngp", variances, variances, variances, jnp.zeros_like(variances)) + shift)
        following = []
        for name, total in zip(slopes, totals):
            slope = at(name, *law)
            # no derivative passes through what is infinite; a total of 0 says that no gradient has come there
            sure = jnp.isfinite(slope) & jnp.isfinite(total)
            other = jnp.where((total == 0.0) & jnp.isinf(slope), slope if _MAPS[name][2] else 0.0, total * slope)
            back = weight * jnp.where(sure, total, 0.0) * jnp.where(sure, slope, 0.0)
            following.append(jnp.where(sure, back, lax.stop_gradient(other)))
        cov = weight * at("nngp", *law) + shift
        cov = jnp.where(same, 0.5 * sum(pairs(variances)), cov)
        return (variances, cov, tuple(cov + one for one in following)), None

    slopes = [name for name in get if name != "nngp"]
    scale, shift = weights[0] / max(inputs[0].shape[1], 1), shifts[0]
    marks = jnp.concatenate([_marks(x) for x in inputs])
    order = jnp.argsort(marks)
    twin = order[jnp.searchsorted(marks[order], marks)]
    variances = alike(jnp.concatenate([scale * jnp.sum(x * x, axis=1) + shift for x in inputs]))
    cov = scale * jnp.matmul(inputs[0], inputs[-1].T, precision=lax.Precision.HIGHEST) + shift
    first, second = pairs(marks)
    middle = 0.5 * sum(pairs(variances))
    same = (first == second) & (jnp.abs(cov - middle) <= 1e-4 * middle)
    cov = jnp.where(same, middle, cov)
    state = (variances, cov, (cov,) * len(slopes))
    (_, cov, totals), _ = lax.scan(layer, state, (weights[1:], shifts[1:]))
    found = dict(zip(slopes, totals), nngp=cov)
    return tuple(found[name] for name in get)
'''


class _Jax(ArrayTarget):
    over = "_over(lambda {names}: {term}, ({rows}))"


TARGET = _Jax(
    "jax",
    _NATIVE,
    "jnp.where({condition}, {yes}, {no})",
    _IMPORTS,
    Texts(_SUPPORT, _GRAM, "jnp", "jnp.asarray(x, dtype=a.dtype)"),
)
