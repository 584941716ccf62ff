"""The yardstick: Gram matrices of four pairs as a person would write them by hand, one fused Numba loop each.

    python -m benchmarks.peers.fused ACTIVATION PRECISION

serves `erf`, `relu`, `gelu`, or `sign` (NNGP and SG-NTK with the surrogate erf) to `benchmarks.speed`. The formulas are
published ones (Williams 1997; Cho & Saul 2009; Tsuchida et al. 2021; Eilers et al. 2024), typed here for their speed
alone: they lose digits where correlations are within 1e-8 of ±1. One pass over the tiles of the upper triangle takes
all layers and both kernels, in the inputs' precision. For loops to become vector instructions, division must not raise
(error_model) and roots must be taken outside of conditions; flags of fast-math give nothing more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks.peers.serve import inputs_as, serve

TILE = 128
FAST = {"error_model": "numpy"}
PART = {**FAST, "inline": "always"}
ARCSINE = {
    "float64": (
        (
            1.66666666666666657415e-01,
            -3.25565818622400915405e-01,
            2.01212532134862925881e-01,
            -4.00555345006794114027e-02,
            7.91534994289814532176e-04,
            3.47933107596021167570e-05,
        ),
        (1.0, -2.40339491173441421878, 2.02094576023350569471, -6.88283971605453293030e-01, 7.70381505559019352791e-02),
    ),
    "float32": ((1.6666586697e-01, -4.2743422091e-02, -8.6563630030e-03), (1.0, -7.0662963390e-01)),
}
"""Numerators and denominators of fdlibm's (asin(x) − x)/x³ as functions of x², for |x| ≤ ½."""


def arcsine(dtype: type) -> Callable[..., Any]:
    """The arcsine on [−1, 1] without branches; what is beyond by rounding counts as ±1."""
    zero, half, one, two, quarter_turn = (dtype(v) for v in (0.0, 0.5, 1.0, 2.0, np.pi / 2))
    if dtype is np.float64:
        (p0, p1, p2, p3, p4, p5), (_, q1, q2, q3, q4) = ([dtype(v) for v in part] for part in ARCSINE["float64"])

        @numba.njit(**PART)
        def ratio(t):
            above = p0 + t * (p1 + t * (p2 + t * (p3 + t * (p4 + t * p5))))
            return t * above / (one + t * (q1 + t * (q2 + t * (q3 + t * q4))))

    else:
        (p0, p1, p2), (_, q1) = ([dtype(v) for v in part] for part in ARCSINE["float32"])

        @numba.njit(**PART)
        def ratio(t):
            return t * (p0 + t * (p1 + t * p2)) / (one + t * q1)

    @numba.njit(**PART)
    def asin(x):
        size = abs(x)
        small = size < half
        t = x * x if small else half * max(one - size, zero)
        far = np.sqrt(t)
        root = size if small else far
        angle = root + root * ratio(t)
        angle = angle if small else quarter_turn - two * angle
        return angle if x > zero else -angle

    return asin


def numbers(dtype: type, *values: float) -> tuple[Any, ...]:
    """Constants of one precision: a literal would make float64 of float32."""
    return tuple(dtype(value) for value in values)


def erf(dtype: type) -> tuple[Callable[..., Any], ...]:
    """(factors, same, layer) of a pair; the others alike.

    factors(a) are two numbers that an input's variance gives; same(a) is (nngp, slope) of an input with itself;
    layer(p_u, q_u, p_v, q_v, c) is (nngp, slope of (u, v), slope of (v, u)).
    """
    asin = arcsine(dtype)
    zero, half, one, over_pi = numbers(dtype, 0.0, 0.5, 1.0, 2.0 / np.pi)

    @numba.njit(**PART)
    def factors(a):
        return one / np.sqrt(half + a), zero

    @numba.njit(**PART)
    def layer(p, _, s, __, c):
        scale = p * s
        rho = c * scale
        slope = over_pi * scale / np.sqrt(one - rho * rho)
        return over_pi * asin(rho), slope, slope

    return factors, with_itself(factors, layer), layer


def relu(dtype: type) -> tuple[Callable[..., Any], ...]:
    """Functions of a pair, as in `erf`."""
    asin = arcsine(dtype)
    zero, quarter, half, one, over_2pi = numbers(dtype, 0.0, 0.25, 0.5, 1.0, 0.5 / np.pi)

    @numba.njit(**PART)
    def factors(a):
        root = np.sqrt(a)
        return root, one / root

    @numba.njit(**FAST)
    def same(a):
        return half * a, half

    @numba.njit(**PART)
    def layer(p, q, s, t, c):
        rho = c * (q * t)
        slope = quarter + over_2pi * asin(rho)
        return over_2pi * (p * s) * np.sqrt(max(one - rho * rho, zero)) + c * slope, slope, slope

    return factors, same, layer


def gelu(dtype: type) -> tuple[Callable[..., Any], ...]:
    """Functions of a pair, as in `erf`."""
    asin = arcsine(dtype)
    quarter, one, over_2pi = numbers(dtype, 0.25, 1.0, 0.5 / np.pi)

    @numba.njit(**PART)
    def factors(a):
        return one / np.sqrt(one + a), a

    @numba.njit(**PART)
    def layer(p, q, s, t, c):
        scale = p * s
        square, product, rho = scale * scale, q * t, c * scale
        rest = one - rho * rho
        root = scale / np.sqrt(rest)
        angle = quarter + over_2pi * asin(rho)
        nngp = c * angle + over_2pi * root * (c * c * square + product * rest)
        slope = angle + over_2pi * c * root * (square / rest + (one - product) * square + one)
        return nngp, slope, slope

    return factors, with_itself(factors, layer), layer


def sign(dtype: type) -> tuple[Callable[..., Any], ...]:
    """Functions of a pair, as in `erf`; the slope has the surrogate erf."""
    asin = arcsine(dtype)
    half, one, two, over_pi, tiny = numbers(dtype, 0.5, 1.0, 2.0, 2.0 / np.pi, 1e-30)

    @numba.njit(**PART)
    def factors(a):
        return a, one / np.sqrt(a)

    @numba.njit(**FAST)
    def same(a):
        return one, over_pi * np.sqrt(two / a)

    @numba.njit(**PART)
    def layer(p, q, s, t, c):
        det = max(p * s - c * c, tiny)
        return over_pi * asin(c * (q * t)), over_pi / np.sqrt(det + half * p), over_pi / np.sqrt(det + half * s)

    return factors, same, layer


def with_itself(factors: Callable[..., Any], layer: Callable[..., Any]) -> Callable[..., Any]:
    """What a layer gives an input with itself, where its formulas hold there."""

    @numba.njit(**FAST)
    def same(a):
        p, q = factors(a)
        nngp, slope, _ = layer(p, q, p, q, a)
        return nngp, slope

    return same


PAIRS = {"erf": erf, "relu": relu, "gelu": gelu, "sign": sign}


def rows_of(factors: Callable[..., Any], same: Callable[..., Any], dtype: type) -> Callable[..., Any]:
    """The function from the variances of inputs to what each input contributes."""

    @numba.njit(**FAST)
    def of_inputs(first, depth, weight, bias):
        """Factors (depth − 1, n) of each hidden layer, and both kernels of each input with itself."""
        n = first.size
        p, q = np.empty((depth - 1, n), dtype), np.empty((depth - 1, n), dtype)
        own, tangent = first.copy(), first.copy()
        for i in range(n):
            for k in range(depth - 1):
                p[k, i], q[k, i] = factors(own[i])
                nngp, slope = same(own[i])
                own[i] = weight * nngp + bias
                tangent[i] = own[i] + weight * slope * tangent[i]
        return p, q, own, tangent

    return of_inputs


@numba.njit(**FAST)
def mirror(cov, right, nngp, tangent, rows, columns, height, width):
    """Write a tile's part above the diagonal once more below it."""
    for j in range(width):
        for i in range(min(height, columns + j - rows)):
            nngp[columns + j, rows + i], tangent[columns + j, rows + i] = cov[i, j], right[i, j]


def one_tile(layer: Callable[..., Any], symmetric: bool, dtype: type) -> Callable[..., Any]:
    """The function that turns products of inputs into both kernels in one tile."""

    @numba.njit(**FAST)
    def tile(nngp, tangent, p, q, depth, weight, bias, rows, columns):
        """One tile at and above the diagonal, through all layers, and its mirror image."""
        height, width = min(TILE, nngp.shape[0] - rows), min(TILE, nngp.shape[0] - columns)
        cov, left = np.empty((TILE, TILE + 16), dtype), np.empty((TILE, TILE + 16), dtype)
        right = left if symmetric else np.empty((TILE, TILE + 16), dtype)
        for i in range(height):
            given, result = nngp[rows + i, columns : columns + width], tangent[rows + i, columns : columns + width]
            c, true, other = cov[i, :width], left[i, :width], right[i, :width]
            for j in range(width):
                c[j] = given[j] * weight + bias
                true[j] = c[j]
                if not symmetric:
                    other[j] = c[j]
            for k in range(depth - 1):
                p_i, q_i = p[k, rows + i], q[k, rows + i]
                p_k, q_k = p[k, columns : columns + width], q[k, columns : columns + width]
                for j in range(width):
                    value, slope, mirrored = layer(p_i, q_i, p_k[j], q_k[j], c[j])
                    value = weight * value + bias
                    if not symmetric:
                        other[j] = value + weight * mirrored * other[j]
                    true[j] = value + weight * slope * true[j]
                    c[j] = value
            for j in range(width):
                given[j], result[j] = c[j], true[j]
        mirror(cov, right, nngp, tangent, rows, columns, height, width)

    return tile


def gram(activation: str, dtype: type) -> Callable[..., dict[str, np.ndarray]]:
    """The function from inputs (n, features) to both matrices (n, n), compiled."""
    factors, same, layer = PAIRS[activation](dtype)
    of_inputs, tile = rows_of(factors, same, dtype), one_tile(layer, activation != "sign", dtype)

    @numba.njit(parallel=numba.config.NUMBA_NUM_THREADS > 1, **FAST)
    def fill(nngp, tangent, p, q, depth, weight, bias):
        count = (nngp.shape[0] + TILE - 1) // TILE
        for pair in numba.prange((count + 1) // 2):
            for half_row in range(2):
                row = np.int64(pair if half_row == 0 else count - 1 - pair)
                if half_row == 1 and row == pair:
                    continue
                for column in range(row, count):
                    tile(nngp, tangent, p, q, depth, weight, bias, row * TILE, column * TILE)

    def both(x, get, depth, weight_std, bias_std):
        weight, bias = dtype(weight_std**2), dtype(bias_std**2)
        x = x * dtype(1.0 / np.sqrt(x.shape[1]))
        nngp = x @ x.T
        p, q, own, own_tangent = of_inputs(np.diagonal(nngp) * weight + bias, depth, weight, bias)
        tangent = np.empty_like(nngp)
        fill(nngp, tangent, p, q, depth, weight, bias)
        np.fill_diagonal(nngp, own)
        np.fill_diagonal(tangent, own_tangent)
        return dict(zip(get, (nngp, tangent), strict=True))

    return both


def main(activation: str, precision: str) -> None:
    """Serve one pair."""
    dtype = {"64": np.float64, "32": np.float32}[precision]
    serve(gram(activation, dtype), f"Numba {numba.__version__}", inputs_as(dtype))


if __name__ == "__main__":
    main(*sys.argv[1:])
