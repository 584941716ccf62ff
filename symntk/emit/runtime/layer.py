"""One layer of a Gram matrix's recursion: how its maps are evaluated on a tile of pairs of inputs.

By plain formulas where these are known to be good, by tables, or by the maps as they are evaluated with care.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.table import _TABLE_RANGE, _Table, _table, _table_angle, _table_values
from symntk.emit.runtime.trust import _PLAIN_RANGE, _common, _plain_values, _trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    LayerMap = dict[str, Any]

# Pairs from which it pays to find out where plain formulas are good.
_MANY_PAIRS = 2**16
# Correlations beyond which the angle is taken from the vectors, from the exact determinant or from the gap.
_NEAR_FULL = 1.0 - 5e-5
# Angles up to which a table of a costly closed form is tried, in turn, and what its last terms may be.
_REACHES = (0.5 * np.pi, 1.4, 1.2)
# Terms in the angle that a table up to ±90 degrees may have where one to a smaller angle has half as many.
_MANY_TERMS = 40
# Smaller angles, for tiles that have no larger ones.
_SMALL_REACHES = (0.3, 0.55, 0.8, 1.1)
_CLOSED_TAIL = 1.5e-13


def _layer_map_of(
    given: Callable[..., np.ndarray],
    plain: Callable[..., tuple[np.ndarray, ...]] | None = None,
    joint: bool = False,
    prepare: Callable[..., tuple[Callable[..., np.ndarray], Any]] | None = None,
    symmetric: bool = True,
    divergent: bool = False,
) -> LayerMap:
    """A map E[f(u) g(v)] of a layer, as the recursion takes it.

    given(a, b, cov, det) evaluates it with care; det is ab − cov² as far as known better than these tell, or None.
    plain(a, b, cov) gives it by its formula, with `joint` behind the layer's nngp map, and one that is not `symmetric`
    before its value for exchanged variances; prepare(a, b) gives a map for a layer's variances and a table, or None.
    `divergent` says that it is infinite at full correlation.
    """
    return {
        "given": given,
        "plain": plain,
        "joint": joint,
        "prepare": prepare,
        "symmetric": symmetric,
        "divergent": divergent,
    }


class _Layer:
    """The maps of a layer for given variances of rows and columns.

    Args:
        maps: the nngp map, then the slopes' maps.
        a, b: the variances of rows and of columns.
        dtype: float64, or float32 for plain formulas and tables in float32.
        swap: whether values at exchanged variances are wanted of maps that are not symmetric.

    Attributes:
        fast: whether every map has a formula or a table.
        local: whether single entries are evaluated with care at little cost: there is no full table.
    """

    def __init__(self, maps: Sequence[LayerMap], a: np.ndarray, b: np.ndarray, dtype: np.dtype, swap: bool) -> None:
        self.maps, self.dtype, self.swap = maps, dtype, swap
        self.plains: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self.intervals = [(-_NEAR_FULL, _NEAR_FULL)]
        self.tables: dict[int, list[_Table]] = {}
        self.direct: dict[int, Callable[..., np.ndarray]] = {}
        for index, one in enumerate(maps):
            if one["prepare"] is not None:
                self.direct[index], table = one["prepare"](a, b)
                if table is not None:
                    narrow = [table.narrowed(reach) for reach in _SMALL_REACHES if reach < 0.95 * table.reach]
                    self.tables[index] = [*narrow, table]
        covered = set(self.tables)
        for index in (*range(1, len(maps)), 0) if a.size * b.size >= _MANY_PAIRS else ():
            plain = maps[index]["plain"]
            if plain is not None and index not in covered:
                own = (0, index) if maps[index]["joint"] else (index,)
                good = _common(self.intervals, _trusted(plain, [maps[i]["given"] for i in own], a, b, dtype))
                if good:
                    self.intervals = good
                    self.plains.append((plain, own))
                    covered.update(own)
        for index in set(range(len(maps))) - covered:
            self.direct.setdefault(index, maps[index]["given"])
        self.local = True
        for *_, table in self.tables.values():
            reach = float(np.sin(table.reach))
            self.local = self.local and reach < 1.0
            self.intervals = _common(self.intervals, [(-reach, reach)])
        self.fast = len(covered) == len(maps) and bool(self.intervals)
        self.small = all(one["prepare"] is None or i in self.tables or i in covered for i, one in enumerate(maps))
        self.limit = _PLAIN_RANGE[dtype.itemsize] if self.plains or dtype.itemsize < 8 else _TABLE_RANGE

    def values(
        self, a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None, exact: bool
    ) -> tuple[list[Any], list[Any], np.ndarray | None]:
        """Each map for a (n, 1), b (1, m), cov (n, m), the same at exchanged variances, and where they are not good.

        With `exact` they are good everywhere: what lies beyond formulas and tables is evaluated with care.
        """
        found: list[Any] = [None] * len(self.maps)
        swapped: list[Any] = [None] * len(self.maps)
        with np.errstate(all="ignore"):
            self._by_formulas(found, swapped, a, b, cov)
            self._by_tables(found, swapped, a, b, cov, det, exact)
            bad = self._bad(a, b, cov, exact)
        for index, direct in self.direct.items():
            if found[index] is None:
                found[index] = direct(a, b, cov, det)
                if self.swap and not exact and not self.maps[index]["symmetric"]:
                    swapped[index] = direct(b.T, a.T, cov.T, None if det is None else det.T).T
        if exact and bad is not None and np.any(bad):
            self._mend(found, bad, a, b, cov, det)
        return found, swapped, bad

    def _by_formulas(self, found: list[Any], swapped: list[Any], a: np.ndarray, b: np.ndarray, cov: np.ndarray) -> None:
        """Enter what has a plain formula."""
        for plain, own in self.plains:
            results = _plain_values(plain, a, b, cov)
            for index, value in zip(own, results, strict=False):
                found[index] = value if found[index] is None else found[index]
            if len(results) > len(own):
                swapped[own[-1]] = results[-1]

    def _by_tables(
        self,
        found: list[Any],
        swapped: list[Any],
        a: np.ndarray,
        b: np.ndarray,
        cov: np.ndarray,
        det: np.ndarray | None,
        exact: bool,
    ) -> None:
        """Enter what has a table."""
        if not self.tables:
            return
        theta = _table_angle(a, b, cov, det, exact)
        largest = max(np.max(theta), -np.min(theta))
        for index, tables in self.tables.items():
            table = next((one for one in tables if one.reach >= largest), tables[-1])
            found[index] = _table_values(table, a[:, 0], b[0], theta)
            if self.swap and not exact and not self.maps[index]["symmetric"]:
                swapped[index] = _table_values(table, a[:, 0], b[0], theta, swapped=True)

    def _mend(
        self, found: list[Any], bad: np.ndarray, a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None
    ) -> None:
        """Single entries with care."""
        i, j = np.nonzero(bad)
        law = a[i, 0], b[0, j], cov[i, j], None if det is None else det[i, j]
        for index, one in enumerate(self.maps):
            found[index] = np.array(np.broadcast_to(found[index], cov.shape))
            found[index][i, j] = (self.direct[index] if index in self.direct else one["given"])(*law)

    def _bad(self, a: np.ndarray, b: np.ndarray, cov: np.ndarray, exact: bool) -> np.ndarray | None:
        """The entries that lie beyond formulas and tables; None where it is known that there are none."""
        if not self.plains and not self.tables:
            return None
        roots = [np.where((x > 1.0 / self.limit) & (x < self.limit), np.sqrt(x), np.nan) for x in (a, b)]
        intervals = self.intervals
        if exact and not self.plains and all(tables[-1].reach > 1.57 for tables in self.tables.values()):
            intervals = [(-np.inf, np.inf)]  # whole tables know the angle as it is
        least = np.min(roots[0]) * np.min(roots[1])
        low, high = intervals[0]
        if low < 0.0 < high and np.min(cov) > low * least and np.max(cov) < high * least:
            return None
        rho = cov / roots[0]
        rho /= roots[1]
        good = np.zeros(cov.shape, dtype=bool)
        for low, high in intervals:
            good |= (rho > low) & (rho < high)
        return np.logical_not(good, out=good)


def _closed_layer(
    given: Callable[..., np.ndarray], symmetric: bool, a: np.ndarray, b: np.ndarray
) -> tuple[Callable[..., np.ndarray], _Table | None]:
    """A map with a costly closed form, and a table of it where there are many pairs and a table serves them.

    Thresholds away from 0 leave an essential singularity at ±90 degrees, which a table stays away from.
    """
    if a.size * b.size < _MANY_PAIRS:
        return given, None
    table: _Table | None = None
    try:
        parity = _closed_parity(given, float(np.median(a)), float(np.median(b)))
        for reach in _REACHES:
            if table is None or (len(table.series) > _MANY_TERMS and reach > 1.3):
                other = _table(given, parity, symmetric, a, b, _CLOSED_TAIL, reach)
                if other is not None and (table is None or 2 * len(other.series) < len(table.series)):
                    table = other
    except ValueError:
        # no value at a corner where there may be no pair: the map will tell where there is one
        table = None
    return given, table


def _closed_parity(given: Callable[..., np.ndarray], a: float, b: float) -> int:
    """1 for a map that is even in the covariance, −1 for an odd one, 0 else, from its values.

    >>> _closed_parity(lambda a, b, c, det: np.arcsin(c), 1.0, 1.0)
    -1
    """
    c = np.sqrt(a) * np.sqrt(b) * np.array([0.13, 0.41, 0.77])
    right, left = given(a, b, c, None), given(a, b, -c, None)
    for sign in (1, -1):
        if np.all(np.abs(right - sign * left) <= 1e-12 * np.abs(right)):
            return sign
    return 0
