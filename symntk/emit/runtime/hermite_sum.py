"""Σ_k f_k g_k ρ^k over Gram matrices and over pairs, in tiles, with no more terms than the certified rest asks for.

A table of a factor is (terms, rests, …): normalized coefficients f_k/√E f², shape (terms, n), and T(K)/√E f² for every
K = 0, 16, 32, …, shape (levels, n); what K terms leave is at most |ρ|^K T_f(K) T_g(K), by Cauchy–Schwarz on the tail.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

import numpy as np

# Tails are known, and sums begin, at multiples of this many terms.
_SERIES_STEP = 16
# Rows and entries of a tile, whose three arrays stay in the processor's cache.
_SERIES_ROWS = 64
_SERIES_TILE = 2**15
# A term of an entry apart from its tile costs this many of one within; so many such entries are treated at once.
_SERIES_APART = 6.0
_SERIES_APART_BLOCK = 1024


def _hermite_expectation(
    f_table: tuple[np.ndarray, ...],
    g_table: tuple[np.ndarray, ...],
    rows: np.ndarray,
    columns: np.ndarray,
    rho: np.ndarray,
    tol: float,
) -> np.ndarray:
    """The series over √(E f² · E g²) for rho (n1, n2), which the bounds of its rest overwrite; shape (n1, n2).

    rows (n1,) and columns (n2,) are places in the tables, or (1,) where all are alike.
    """
    value = np.zeros(rho.shape)
    first, parity = _series_parity(f_table[0], g_table[0])
    f_terms, g_terms = f_table[0][first::parity], g_table[0][first::parity]
    height = min(_SERIES_ROWS, max(len(rho), 1))
    breadth = _SERIES_TILE // height if columns.size == 1 else _SERIES_TILE // _SERIES_ROWS
    buffers = [np.empty(_SERIES_TILE) for _ in range(3)]
    for start in range(0, rho.shape[1], breadth):
        across = slice(start, start + breadth)
        right = columns[across] if columns.size > 1 else columns
        g_part, g_rest = g_terms[:, right], g_table[1][:, right]
        for top in range(0, len(rho), height):
            down = slice(top, top + height)
            left = rows[down] if rows.size > 1 else rows
            f_part, f_rest = f_terms[:, left], f_table[1][:, left]
            tile = rho[down, across]
            r, power, term = (buffer[: tile.size].reshape(tile.shape) for buffer in buffers)
            np.abs(tile, out=r)
            level = _series_level(r, f_rest, g_rest, tol)
            total = value[down, across]
            x = tile if parity == 1 else np.multiply(tile, tile, out=power)
            _series_horner(f_part, g_part, x, total, term.ravel(), _series_length(level, first, parity))
            if first:
                total *= tile
            _series_power(r, _SERIES_STEP * level, power, term)
            power *= f_rest[level][:, None]
            power *= g_rest[level]
            apart = np.flatnonzero(power > 0.25 * tol) if level + 1 < len(f_rest) else np.empty(0, dtype=np.int64)
            if apart.size:
                i, j = np.divmod(apart, tile.shape[1])
                some = left[i] if left.size > 1 else left, right[j] if right.size > 1 else right
                total[i, j], power[i, j] = _hermite_pairs(f_table, g_table, *some, tile[i, j], tol)
            tile[...] = power
    return value


def _hermite_pairs(
    f_table: tuple[np.ndarray, ...],
    g_table: tuple[np.ndarray, ...],
    rows: np.ndarray,
    columns: np.ndarray,
    rho: np.ndarray,
    tol: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The series over √(E f² · E g²) and the bound of its rest, for flat rho (n,); places (n,), or (1,) where alike.

    Where all coefficients are not enough the value is NaN, and the bound what they would leave.
    """
    first, parity = _series_parity(f_table[0], g_table[0])
    f_terms, g_terms = f_table[0][first::parity], g_table[0][first::parity]
    rows, columns = np.broadcast_to(rows, rho.shape), np.broadcast_to(columns, rho.shape)
    r, bound, scratch = np.abs(rho), np.empty(rho.shape), np.empty(rho.shape)
    levels = len(f_table[1]) - 1
    _series_power(r, _SERIES_STEP * levels, bound, scratch)
    bound *= f_table[1][-1][rows]
    bound *= g_table[1][-1][columns]
    value = np.full(rho.shape, np.nan)
    chosen = np.flatnonzero(bound <= tol)
    chosen = chosen[np.argsort(r[chosen])]
    for start in range(0, len(chosen), _SERIES_APART_BLOCK):
        block = chosen[start : start + _SERIES_APART_BLOCK]
        i, j, x = rows[block], columns[block], rho[block]
        rest = f_table[1][:, i] * g_table[1][:, j]
        enough = r[block[-1]] ** (_SERIES_STEP * np.arange(levels + 1.0)) * np.max(rest, axis=1) <= 0.25 * tol
        enough[-1] = True
        level = max(int(np.argmax(enough)), 1)
        factor = x if parity == 1 else x * x
        total, term = np.zeros(x.shape), np.empty(x.shape)
        stop = _series_length(level, first, parity)
        while stop > 0:
            begin = max(0, stop - _SERIES_STEP)
            product = f_terms[begin:stop].take(i, axis=1)
            product *= g_terms[begin:stop].take(j, axis=1)
            for row in product[::-1]:
                total *= factor
                total += row
            stop = begin
        value[block] = total * x if first else total
        _series_power(r[block], _SERIES_STEP * level, term, scratch[: len(block)])
        bound[block] = term * rest[level]
    return value, bound


def _series_parity(f_terms: np.ndarray, g_terms: np.ndarray) -> tuple[int, int]:
    """The first k with f_k·g_k ≠ 0 and the step from one to the next: (0, 1), or (0 or 1, 2) for one parity."""
    even, odd = (bool(np.any(f_terms[k::2]) and np.any(g_terms[k::2])) for k in (0, 1))
    return (0, 1) if even and odd else (int(odd), 2)


def _series_length(level: int, first: int, parity: int) -> int:
    """How many of k = first, first + parity, … are below `level` steps."""
    return (_SERIES_STEP * level - first + parity - 1) // parity


def _series_level(r: np.ndarray, f_rest: np.ndarray, g_rest: np.ndarray, tol: float) -> int:
    """How many steps of terms to sum over a whole tile, the few entries that need more being summed apart."""
    rests = [np.max(rest, axis=1, where=np.isfinite(rest), initial=0.0) for rest in (f_rest, g_rest)]
    steps = np.arange(1, len(rests[0]))
    limits = np.maximum(0.25 * tol / (rests[0] * rests[1])[1:], 1e-300) ** (1.0 / (_SERIES_STEP * steps))
    flat = r.ravel()
    sample = np.sort(flat[:: flat.size // 1024 | 1])
    sample = sample[~np.isnan(sample)]
    within = np.searchsorted(sample, limits, side="right")
    # those within reach of all coefficients; their farthest says how many terms the ones apart need
    needed = steps[np.argmax(within == within[-1])]
    apart = within[-1] - np.minimum(within, within[-1])
    return int(steps[np.argmin(steps * len(sample) + _SERIES_APART * needed * apart)])


def _series_horner(
    f_part: np.ndarray, g_part: np.ndarray, x: np.ndarray, total: np.ndarray, term: np.ndarray, count: int
) -> None:
    """total_ij = Σ_{k < count} f_ki g_kj x_ij^k, in place; term is scratch of at least as many numbers."""
    shape = f_part.shape[1], g_part.shape[1]
    outer = term[: shape[0] * shape[1]].reshape(shape)
    total[...] = 0.0
    for k in range(count - 1, -1, -1):
        np.multiply(f_part[k][:, None], g_part[k], out=outer)
        total *= x
        total += outer


def _series_power(r: np.ndarray, exponent: int, out: np.ndarray, scratch: np.ndarray) -> None:
    """Fill out with r^exponent by squaring, exponent > 0."""
    np.copyto(scratch, r)
    out[...] = 1.0
    while exponent:
        if exponent & 1:
            out *= scratch
        exponent >>= 1
        if exponent:
            scratch *= scratch
