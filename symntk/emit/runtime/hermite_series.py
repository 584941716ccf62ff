"""E[f(u) g(v)] = Σ_k f_k g_k ρ^k (Mehler 1866), with a certificate: what K terms leave is at most |ρ|^K T_f(K) T_g(K).

T_f(K)² = E f² − Σ_{k<K} f_k², by Parseval and Cauchy–Schwarz. The coefficients belong to one variable each, so that a
Gram matrix needs them once per row and per column; an entry costs a few nanoseconds per pair of terms. At |ρ| ≤ 0.977
the last rung, 1024 terms, is enough for 1e-10 whatever the functions are; beyond, it depends on how smooth they are.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.hermite_line import _line_coefficients
from symntk.emit.runtime.hermite_sum import _SERIES_ROWS, _SERIES_STEP, _hermite_expectation, _hermite_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Numbers of coefficients, of which later ones are computed where they can help; seconds per row that they take, and
# seconds for a rung at all (measured).
_SERIES_COUNTS = (64, 256, 1024)
_SERIES_ROW_COSTS = (3e-5, 6e-5, 4e-4)
_SERIES_RUNG_COST = 5e-3
# Seconds that the other route takes at all, for the first of its entries (measured).
_SERIES_ROUTE_COST = 5e-3
# Entries looked at before coefficients are computed.
_SERIES_SAMPLE = 4096
# So many entries at once where each has Gaussians of its own.
_SERIES_ROWS_APART = 4096
# Rounding per coefficient, as a fraction of √(E f² · E g²): two units for Horner's rule, and ρ^k for a rounded ρ.
_SERIES_ROUNDING = 7e-16


def _series_expectation(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]],
    g_shape: tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]],
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    m1: np.ndarray,
    m2: np.ndarray,
    tol: float,
    same: bool = False,
    patience: float = 2e-4,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E[f(u) g(v)] for (u, v) ~ N((m1, m2), [[a, c], [c, b]]), where the series reaches tol · √(E f² · E g²).

    f, g and their shapes as in `_hermite_coefficients`; `same` says that f is g. a to m2 broadcast: for a Gram matrix a
    and m1 are (n, 1), or broadcast from there without a copy, b and m2 (1, m), c (n, m). |c| may exceed √(a·b) by
    rounding. `patience` is the seconds that an entry takes by another route: where more coefficients would take longer
    than that for all that they make good, they are not computed (infinity: they always are).

    Returns (value, good, bound) of the common shape: bound is an absolute bound of the error, `good` says that it is at
    most tol · √(E f² · E g²). Other values are not to be used. NaN in, and a variance of 0, is NaN and not good.

    >>> one, shape = np.ones(1), ((), (), (), (0.0,))
    >>> found = _series_expectation(np.sign, np.sign, shape, shape, one, one, 0.5 * one, 0 * one, 0 * one, 1e-10)
    >>> print(found[0].round(8), found[1], (2 / np.pi * np.arcsin(0.5)).round(8))
    [0.33333333] [ True] 0.33333333
    """
    a, b, c, m1, m2 = (np.asarray(array, dtype=np.float64) for array in (a, b, c, m1, m2))
    out = np.broadcast_shapes(a.shape, b.shape, c.shape, m1.shape, m2.shape)
    with np.errstate(all="ignore"):
        if same:
            law, (rows, columns) = _series_distinct([(a, m1), (b, m2)], out)
            other = law
        else:
            (law, (rows,)), (other, (columns,)) = (_series_distinct([pair], out) for pair in ((a, m1), (b, m2)))
        gram = len(out) == 2 and rows.shape[1] == 1 and columns.shape[0] == 1
        if not gram and np.prod(out) > _SERIES_ROWS_APART < max(len(law), len(other)):
            flat = [np.broadcast_to(array, out).ravel() for array in (a, b, c, m1, m2)]
            parts = []
            for start in range(0, len(flat[0]), _SERIES_ROWS_APART):
                a, b, c, m1, m2 = (array[start : start + _SERIES_ROWS_APART] for array in flat)
                parts.append(_series_expectation(f, g, f_shape, g_shape, a, b, c, m1, m2, tol, same, patience))
            value, good, bound = (np.concatenate(part).reshape(out) for part in zip(*parts, strict=True))
            return value, good, bound
        rho, full = _series_correlation(a, b, c, rows, columns, same)
        if gram:
            rows, columns = rows[:, 0], columns[0]
        else:
            rho = rho.reshape(1, -1)
            rows, columns = (x.ravel() if x.size == 1 else np.broadcast_to(x, out).ravel() for x in (rows, columns))
        laws, shapes, places = (law, other), (f_shape, g_shape), (rows, columns)
        f_table, g_table = _series_tables((f, g), shapes, laws, places, rho, tol, same, patience)
        if len(rho) == 1 and columns.size == 1:
            value = _hermite_expectation(g_table, f_table, columns, rows, rho, tol)
        elif gram or rows.size == 1:
            value = _hermite_expectation(f_table, g_table, rows, columns, rho, tol)
        else:
            value, rho[0] = _hermite_pairs(f_table, g_table, rows, columns, rho[0], tol)
            value = value[None]
        # a variable with itself: E f² is known
        value.reshape(out)[full], rho.reshape(out)[full] = 1.0, 0.0
        good = _series_scaled(f_table, g_table, rows[:, None] if gram else rows, columns, value, rho, tol)
    return value.reshape(out), good.reshape(out), rho.reshape(out)


def _series_correlation(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, rows: np.ndarray, columns: np.ndarray, same: bool
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """c/√(ab), and where u is v and f is g; 0 instead of 1 there, so that no coefficients are computed for it."""
    rho = np.empty(np.broadcast_shapes(rows.shape, columns.shape, c.shape))
    np.divide(c, np.sqrt(a), out=rho)
    rho /= np.sqrt(b)
    np.clip(rho, -1.0, 1.0, out=rho)
    full = np.nonzero(rho >= 1.0 - 1e-15) if same else tuple(np.empty(0, dtype=np.int64) for _ in rho.shape)
    first, second, cov, var = (np.broadcast_to(array, rho.shape)[full] for array in (rows, columns, c, a))
    full = tuple(place[(first == second) & (cov >= var)] for place in full)
    rho[full] = 0.0
    return rho, full


def _series_scaled(
    f_table: tuple[np.ndarray, ...],
    g_table: tuple[np.ndarray, ...],
    rows: np.ndarray,
    columns: np.ndarray,
    value: np.ndarray,
    bound: np.ndarray,
    tol: float,
) -> np.ndarray:
    """Which entries are good; value and bound, both (n1, n2), are completed and multiplied by √(E f² · E g²) in place.

    rows (n1, 1) or (n2,), columns (n2,), or of size 1.
    """
    rounding = _SERIES_ROUNDING * len(f_table[0])
    good = np.empty(bound.shape, dtype=bool)
    for start in range(0, len(bound), _SERIES_ROWS):
        place = slice(start, start + _SERIES_ROWS)
        left = rows[place] if len(rows) == len(bound) else rows
        tile = bound[place]
        tile += f_table[3][left] + rounding
        tile += g_table[3][columns]
        np.less_equal(tile, tol, out=good[place])
        for array in (value[place], tile):
            array *= f_table[2][left]
            array *= g_table[2][columns]
        tile[np.isnan(tile)] = np.inf
    return good


def _series_distinct(
    laws: list[tuple[np.ndarray, np.ndarray]], out: tuple[int, ...]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The distinct (mean, variance) of all `laws`, shape (k, 2), and for each law the places of its entries among them.

    Axes along which a law is broadcast, by its shape or by strides of 0, have length 1 in its array of places.
    """
    small = []
    for pair in laws:
        full = [np.broadcast_to(array, out) for array in pair]
        cut = tuple(slice(0, 1 if not any(x.strides[axis] for x in full) else None) for axis in range(len(out)))
        small.append([x[cut] for x in full])
    joined = np.concatenate([np.stack([mean.ravel(), variance.ravel()], axis=1) for variance, mean in small])
    joined[~np.all(np.isfinite(joined), axis=1)] = np.nan
    # one array of complex numbers is sorted much faster than rows
    distinct, inverse = np.unique(joined.view(np.complex128)[:, 0], return_inverse=True)
    places, start = [], 0
    for variance, _ in small:
        places.append(inverse[start : start + variance.size].reshape(variance.shape))
        start += variance.size
    return distinct.view(np.float64).reshape(-1, 2), places


def _series_tables(
    functions: tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]],
    shapes: Sequence[
        tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]]
    ],
    laws: tuple[np.ndarray, np.ndarray],
    places: tuple[np.ndarray, np.ndarray],
    rho: np.ndarray,
    tol: float,
    same: bool,
    patience: float,
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Tables of both factors with as many coefficients as the correlations need, where more of them would help."""
    number, width = rho.size, rho.shape[1]
    chosen = np.arange(0, number, number // _SERIES_SAMPLE | 1)
    correlation = np.abs(rho.ravel()[chosen])
    left, right = (chosen // width, chosen % width) if len(rho) > 1 else (chosen, chosen)
    left = places[0][left] if places[0].size > 1 else places[0]
    right = places[1][right] if places[1].size > 1 else places[1]
    for rung, count in enumerate(_SERIES_COUNTS):
        f_table = _series_table(functions[0], shapes[0], laws[0], count)
        g_table = f_table if same else _series_table(functions[1], shapes[1], laws[1], count)
        if rung + 1 == len(_SERIES_COUNTS) or not number:
            break
        allowed = tol - f_table[3][left] - g_table[3][right] - _SERIES_ROUNDING * count
        rest = f_table[1][-1][left] * g_table[1][-1][right]
        missed = ~(correlation**count * rest <= allowed)
        # tails that fall as a geometric series does, which is more than kinks allow
        most = _SERIES_COUNTS[-1]
        half = len(f_table[1]) // 2
        fall = (rest / (f_table[1][half][left] * g_table[1][half][right])) ** (2.0 * (most / count - 1.0))
        hopeful = missed & (correlation**most * np.maximum(rest * fall, 1e-14) <= allowed)
        gain = np.count_nonzero(hopeful) * (number / len(chosen))
        if not gain:
            break
        # not what is missing of them: a value does not depend on what was asked before
        distinct = len(laws[0]) + (0 if same else len(laws[1]))
        spared = gain * patience + (_SERIES_ROUTE_COST if np.array_equal(hopeful, missed) else 0.0)
        if spared <= distinct * _SERIES_ROW_COSTS[rung + 1] + _SERIES_RUNG_COST:
            break
    return f_table, g_table


def _series_table(
    f: Callable[[np.ndarray], np.ndarray],
    shape: tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]],
    law: np.ndarray,
    count: int,
) -> tuple[np.ndarray, ...]:
    """Coefficients over √E f² (count, n), their tails T(K)/√E f² for K = 0, 16, …, count, √E f² (n,), and loss (n,)."""
    coefficients, second, loss = _line_coefficients(f, shape, law[:, 0], law[:, 1], count)
    norm = np.sqrt(second)
    bad = np.isnan(norm)
    terms = np.ascontiguousarray((coefficients / norm[:, None]).T)
    terms[:, bad] = 0.0
    blocks = np.square(terms).reshape(count // _SERIES_STEP, _SERIES_STEP, len(law)).sum(axis=1)
    left = 1.0 - np.concatenate([np.zeros((1, len(law))), np.cumsum(blocks, axis=0)])
    # what the coefficients' errors and rounding may hide
    rest = np.sqrt(np.maximum(left, 0.0) + 2.0 * loss + 1e-14)
    rest[:, bad] = np.inf
    return terms, rest, norm, loss
