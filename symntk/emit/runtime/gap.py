"""What a layer makes of two inputs that are nearly the same: how far apart they still are, to all digits.

The gap of a law is ½E[(u − v)²] = (a + b)/2 − c, and with δ = a − b it says all about nearly equal u and v, where a
rounded covariance says nothing. With s = √a, t = √b it is the sum of a part along, ½(s − t)², and a part across,
√(ab) − c. Both are handed on by an integral, in which nothing cancels:

* across, at fixed variances, by Price's theorem ∂E[f(u)f(v)]/∂c = E[f'(u)f'(v)]:
  E[f(sz)f(tz)] − E[f(u)f(v)] = ∫ E[f'(u)f'(v)] dc from c to √(ab);
* along, at full correlation, with h(x) = x f'(x): ½E[(f(sz) − f(tz))²] = ½ ∬ E[h(pz)h(qz)]/(pq) dp dq over [t, s]²;
* and the difference of the variances: E f(sz)² − E f(tz)² = ∫ 2 E[f(pz)h(pz)]/p dp.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _product_difference

if TYPE_CHECKING:
    from collections.abc import Callable

# Nodes across, in a power of which kinks and jumps at 0 are polynomials, with a second rule to check the first: what is
# at a threshold is a boundary layer if the variances differ; nodes along: variances differ by some hundredths at most,
# and E[h(pz)h(qz)] is analytic in log p and log q.
_ACROSS = np.polynomial.legendre.leggauss(7), np.polynomial.legendre.leggauss(4)
_ALONG = np.polynomial.legendre.leggauss(3)
# and fewer where all entries are within these of each other
_ACROSS_NEAR = np.polynomial.legendre.leggauss(3), np.polynomial.legendre.leggauss(2)
_ALONG_NEAR = np.polynomial.legendre.leggauss(2)
_NEARER = 1e-6
# 1 − ρ below which a pair is followed: for kernels, and for gaps, of which a difference of float64 numbers has eleven
# digits there; and the relative difference of variances up to which the integrals along have as many.
_NEAR_KERNEL = 5e-7
_NEAR_GAP = 5e-5
_NEAR_DELTA = 2e-2
# Numbers of features of pairs that are looked at together.
_NEAR_FEATURES = 2**19


def _next_gap(
    a: np.ndarray,
    b: np.ndarray,
    gap: np.ndarray,
    delta: np.ndarray,
    slope: Callable[..., np.ndarray],
    along: Callable[..., np.ndarray],
    drift: Callable[..., np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """½E[(f(u) − f(v))²] and E f(u)² − E f(v)² of flat laws with variances a, b > 0, their gap and δ = a − b.

    slope(a, b, cov, det) is E[f'(u) f'(v)], along the same of h and h, drift of f and h, with h(x) = x f'(x). Relative
    errors are those of the maps, while the angle between u and v is at most some hundredths; the third result says by
    how much two rules differ in the first.

    >>> erf_slope = lambda a, b, c, det: 4.0 / np.pi / np.sqrt((1 + 2 * a) * (1 + 2 * b) - 4 * c * c)
    >>> one, nothing = np.ones(1), lambda a, b, c, det: 0.0 * a
    >>> gap, delta, _ = _next_gap(one, one, one * 1e-16, 0.0 * one, erf_slope, nothing, nothing)
    >>> print((gap / (4e-16 / np.pi / np.sqrt(5.0))).round(12), delta)
    [1.] [0.]
    """
    s, t = np.sqrt(a), np.sqrt(b)
    width = delta / (s + t)
    across, full = np.maximum(gap - 0.5 * width * width, 0.0), s * t
    near = bool(np.all(across <= _NEARER * full) and np.all(np.abs(width) <= _NEARER**0.5 * s))
    rules, line = (_ACROSS_NEAR, _ALONG_NEAR) if near else (_ACROSS, _ALONG)
    total, second = (_across(slope, a, b, full, across, rule) for rule in rules)
    unsure = np.abs(total - second)
    rise = np.zeros(a.shape)
    places, shares = 0.5 * (1.0 + line[0]), 0.5 * line[1]
    turned = delta != 0.0
    if np.any(turned):
        points = [t + width * place for place in places]
        zero = np.zeros(a.shape)
        for i, p in enumerate(points):
            rise += 2.0 * shares[i] * width * drift(p * p, p * p, p * p, zero) / p
            for j, q in enumerate(points[: i + 1]):
                twice = 1.0 if i == j else 2.0
                value = along(p * p, q * q, p * q, zero) / (p * q)
                total += 0.5 * twice * shares[i] * shares[j] * width * width * value
    return total, rise, unsure


def _across(
    slope: Callable[..., np.ndarray],
    a: np.ndarray,
    b: np.ndarray,
    full: np.ndarray,
    across: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """∫ slope dc from full − across to full, in the root of full − c."""
    total = np.zeros(a.shape)
    for node, weight in zip(0.5 * (1.0 + rule[0]), 0.5 * rule[1], strict=True):
        part = across * (node * node)
        value = slope(a, b, full - part, part * (2.0 * full - part))
        total += np.where(across > 0.0, 2.0 * weight * node * across * value, 0.0)
    return total


class _Near:
    """The entries of a tile whose inputs are nearly the same: where they are, √(ab) − c and δ.

    Layers say by `maps`, a function that gives slope, along and drift of `_next_gap`, how they go on.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        empty = np.zeros(0)
        self.shape = shape
        self.place = np.zeros(0, dtype=np.intp)
        self.across, self.delta = empty, empty

    def join(self, place: np.ndarray, across: np.ndarray, delta: np.ndarray) -> None:
        """More entries, by their places in the flat tile."""
        self.place = np.concatenate([self.place, place])
        self.across, self.delta = np.concatenate([self.across, across]), np.concatenate([self.delta, delta])

    def look(
        self, a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None, apart: np.ndarray, least: float
    ) -> None:
        """Take in what has come near: distinct inputs (`apart`) with 1 − ρ below `least`; det as in `enter`."""
        full = np.sqrt(a) * np.sqrt(b)
        found = (cov >= (1.0 - least) * full) & (cov < full) & apart
        found.reshape(-1)[self.place] = False
        place = np.flatnonzero(found)
        if place.size:
            u, v, c = self.at(a, place), self.at(b, place), cov.reshape(-1)[place]
            rest = np.maximum(_product_difference(u, v, c, c), 0.0)
            if det is not None:
                known = det.reshape(-1)[place]
                rest = np.where(np.isnan(known), rest, known)
            self.join(place, rest / (np.sqrt(u) * np.sqrt(v) + c), u - v)

    def enter(
        self, a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Covariances and determinants (NaN or None: not known better) with what is known of these entries."""
        if not self.place.size:
            return cov, det
        full = np.sqrt(self.at(a, self.place)) * np.sqrt(self.at(b, self.place))
        cov = np.array(np.broadcast_to(cov, self.shape))
        det = np.full(self.shape, np.nan) if det is None else np.array(np.broadcast_to(det, self.shape))
        cov.reshape(-1)[self.place] = full - self.across
        det.reshape(-1)[self.place] = self.across * (2.0 * full - self.across)
        return cov, det

    def hand_on(
        self,
        law: tuple[np.ndarray, np.ndarray],
        after: tuple[np.ndarray, np.ndarray],
        weight: float,
        maps: Callable[[], tuple[Callable[..., np.ndarray], ...]] | None,
        most: float,
    ) -> None:
        """From a layer's variances `law` to those `after` it, weight·E[f(u)²] + bias.

        Without maps none is followed, nor where there are more than `most`: each takes some twenty values of the maps.
        """
        kept = np.zeros(0, dtype=np.intp)
        if maps is not None and 0 < self.place.size <= most:
            a, b = (self.at(variance, self.place) for variance in law)
            kept = np.flatnonzero(np.abs(self.delta) <= _NEAR_DELTA * np.minimum(a, b))
        self.place, self.across, self.delta = self.place[kept], self.across[kept], self.delta[kept]
        if maps is None or not kept.size:
            return
        a, b = a[kept], b[kept]
        width = self.delta / (np.sqrt(a) + np.sqrt(b))
        gap, rise, unsure = _next_gap(a, b, self.across + 0.5 * width * width, self.delta, *maps())
        self.delta = weight * rise
        s, t = (np.sqrt(self.at(variance, self.place)) for variance in after)
        width = self.delta / (s + t)
        self.across = np.maximum(weight * gap - 0.5 * width * width, 0.0)
        # a rounded covariance says as much where the integral is less sure than that
        sure = weight * unsure <= np.maximum(1e-11 * self.across, 2.0**-51 * s * t)
        good = np.flatnonzero(sure & (self.across <= 1e-3 * s * t))
        self.place, self.across, self.delta = self.place[good], self.across[good], self.delta[good]

    def gaps(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """½E[(u − v)²] of these entries."""
        width = self.delta / (np.sqrt(self.at(a, self.place)) + np.sqrt(self.at(b, self.place)))
        return np.asarray(self.across + 0.5 * width * width)

    def at(self, variance: np.ndarray, place: np.ndarray) -> np.ndarray:
        """A variance of rows or of columns, which broadcasts, at places in the flat tile."""
        return np.asarray(np.broadcast_to(variance, self.shape)[np.unravel_index(place, self.shape)])


def _near_inputs(
    first: np.ndarray,
    second: np.ndarray,
    scale: float,
    shift: float,
    cov: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    distinct: np.ndarray,
    places: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray | None, _Near]:
    """Which distinct pairs are multiples of each other to rounding; ab − c² of those at angles below 1e-2; and those
    among them that are nearly the same.

    cov, a and b broadcast; entry (i, j) is that of rows i of `first` and j of `second`, or entry k that of the k-th of
    both `places`. The angle comes from the part of one vector that is orthogonal to the other, with the bias as one
    more feature: from inner products it would be wrong by 1e-8. The determinants are NaN elsewhere, None where no pair
    is near.
    """
    parallel, pairs = np.zeros(cov.shape, dtype=bool), _Near(cov.shape)
    # an input of zeros is parallel to none
    near = np.flatnonzero((cov * cov >= (1.0 - 1e-4) * a * b) & distinct & (a > 0.0) & (b > 0.0))
    if not len(near):
        return parallel, None, pairs
    det = np.full(cov.shape, np.nan)
    left, right = np.divmod(near, cov.shape[-1]) if places is None else (one[near] for one in places)
    rows, columns = (pairs.at(variance, near) for variance in (a, b))
    offset = np.sqrt(shift / scale)
    together = max(_NEAR_FEATURES // max(first.shape[1], 1), 64)
    for start in range(0, len(near), together):
        some = slice(start, start + together)
        entries, u, v = near[some], rows[some], columns[some]
        inputs = first[left[some]], second[right[some]]
        p, q = (np.pad(x, ((0, 0), (0, 1)), constant_values=offset) for x in inputs)
        share = np.einsum("ij,ij->i", p, q) / np.maximum(np.einsum("ij,ij->i", p, p), 2.0**-1000)
        # where q is nearly p the difference comes first: it is exact
        apart = q - p
        close = np.abs(share - 1.0) < 0.1
        rest = np.where(close[:, None], apart, q)
        along = np.einsum("ij,ij->i", p, rest) / np.maximum(np.einsum("ij,ij->i", p, p), 2.0**-1000)
        rest = np.linalg.norm(rest - along[:, None] * p, axis=1)
        full = rest <= 4e-16 * np.sqrt(p.shape[1]) * np.linalg.norm(q, axis=1)
        parallel.reshape(-1)[entries] = full
        det.reshape(-1)[entries] = found = np.where(full, np.nan, u * (scale * rest * rest))
        chosen = close & ~full
        delta = -scale * np.einsum("ij,ij->i", apart[chosen], p[chosen] + q[chosen])
        root, rest = np.sqrt(u[chosen] * v[chosen]), found[chosen]
        pairs.join(entries[chosen], rest / (root + np.sqrt(root * root - rest)), delta)
    return parallel, det, pairs
