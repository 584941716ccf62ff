"""Cells on which a function is known to be smooth: a search that reads the formula, by enclosures, and not samples.

A window around the mean is bisected until for each cell, with centre c and half-width h, one of these is shown:

* |f| ≤ M on the disc of radius R·h around c, on which f is analytic, with M below what a rule resolves. With n nodes
  it errs by at most (64/15) M ρ^(−2n)/(1 − ρ^(−2)), ρ = R + √(R² − 1) (Trefethen, ATAP, theorem 19.3);
* what the cell adds to √(E f²) is negligible, by the same M.

M is compared with the largest value found in the cell, or with √(E f²) over the cells that are settled, a bound from
below: what is small beside it stays small. Cells next to a break at which the formula is not analytic, as √x or
log x at 0, shrink towards it until a power law through what is left says that nothing is left. A cell for which there
is no enclosure at any size holds a pole, a quotient 0/0, or a branch point: `general_places` tells which. Floats
choose the cells; whoever uses them brings the digits, and measures again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from symntk.errors import DivergenceError, SymntkError, VerificationError, shown_place
from symntk.verify.oracle.general.functions import Function, as_extended
from symntk.verify.oracle.general.places import (
    Rough,
    SingularInside,
    is_removable,
    is_smooth,
    located,
    power_at,
    refuse_far_poles,
)
from symntk.verify.oracle.general.rules import BASE, COARSE, Floats, by_part, rule
from symntk.verify.oracle.law import ASKED
from symntk.verify.oracle.numbers import mp, number

Mask = npt.NDArray[np.bool_]
REACH = 40.0
_FARTHEST = 320.0
_DISCS = ((2.0, math.log(30.0)), (3.0, math.log(1e8)), (4.5, math.log(1e13)))
"""Ratios R with the log of M, relative to the value, up to which `COARSE` nodes leave less than 1e-16."""
_FLOOR = math.log(1e-300)
_LEAST, _MOST = -650.0, 650.0  # of log E f²
_OVERFLOW = math.log(1e300)
_UNSEEN = 60.0  # nats below the largest bound: what waits until more is known
_MOST_ROUNDS, _MOST_CELLS = 400, 20_000
_EARLY, _DEEP, _DEEPEST = 8, 60, 160
_SHARE = 2.0**-8
_PLACE_DIGITS = 160
_LEFT_OVER = math.log(1e-18)
_NEXT_TO = 1e-3  # deviations
_RELATIVE = 1e-12  # of a place that is not 0: closer to it floats do not go


@dataclass(frozen=True)
class Cells:
    """Edges (n+1) in increasing order, and the places at which the function is not analytic from one side."""

    edges: Floats
    rough: tuple[Rough, ...]


@dataclass
class _Cells:
    """Cells that are not settled: ends (2, n), times halved, log of the bound of √(∫ f² φ), whether it is known."""

    ends: Floats
    depth: npt.NDArray[np.intp]
    bound: Floats = field(default_factory=lambda: np.zeros(0))
    known: Mask = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if len(self.bound) != len(self.depth):
            self.bound, self.known = np.full(len(self.depth), np.inf), np.zeros(len(self.depth), bool)

    def __len__(self) -> int:
        return len(self.depth)

    def those(self, mask: Mask) -> _Cells:
        """The cells of the mask."""
        return _Cells(self.ends[:, mask], self.depth[mask], self.bound[mask], self.known[mask])

    def with_halves(self, mask: Mask) -> _Cells:
        """All, those of the mask cut in two."""
        rest, cut = self.those(~mask), self.those(mask)
        middle = (cut.ends[0] + cut.ends[1]) / 2
        ends = np.concatenate([rest.ends, [cut.ends[0], middle], [middle, cut.ends[1]]], axis=1)
        bound = np.concatenate([rest.bound, np.full(2 * len(cut), np.inf)])
        known = np.concatenate([rest.known, np.zeros(2 * len(cut), bool)])
        return _Cells(ends, np.concatenate([rest.depth, np.tile(cut.depth + 1, 2)]), bound, known)


class BelowFloatsError(VerificationError):
    """E f² is so small that float64 cannot hold it; `log_square` bounds its logarithm."""

    def __init__(self, asked: str, wrong: str, advice: str = "", log_square: float = 0.0) -> None:
        self.log_square = log_square
        super().__init__(asked, wrong, advice)


def _below(wrong: str, log_square: float) -> BelowFloatsError:
    return BelowFloatsError(ASKED, wrong, "a mean closer to where the function is not 0", log_square)


class Search:
    """The search for one function under N(mean, deviation²).

    Args:
        function: without parameters.
        mean: of the law.
        deviation: of the law, positive.
        negligible: nats below E f², as a part of which f²·density is cut.
        infinite: places at which f² is not integrable; E f² is then what it is a thousandth of a deviation from them.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> from symntk.verify.oracle.general.functions import realized
    >>> bell = realized(general_form(sp.exp(-10000 * (sp.exp(x) - 7) ** 2), x))
    >>> cells = Search(bell, 0.0, 1.0, 90.0).cells()
    >>> bool(np.diff(cells.edges)[np.searchsorted(cells.edges, math.log(7)) - 1] < 0.01)
    True
    """

    def __init__(
        self, function: Function, mean: float, deviation: float, negligible: float, infinite: tuple[float, ...] = ()
    ) -> None:
        self.infinite = infinite
        self.function, self.mean, self.deviation = function, mean, deviation
        self.cut = negligible / 2
        self.log_root = -math.inf  # of E f² over the cells that are settled
        self.done: list[Floats] = []  # ends and bound of cells that are settled or negligible
        self.stuck: list[Floats] = []
        self.rough: list[Rough] = []
        self.count = 0
        self.zero = np.array([part == 0 for part in function.form.parts])

    def cells(self) -> Cells:
        """The cells from the first to the last that is not negligible.

        Raises:
            DivergenceError: f times the density grows without end, or f has a pole.
            VerificationError: the function cannot be resolved, and where; or it is negligible everywhere.
            SingularInside: an integrable singularity where the form has no break.
        """
        if self.zero.all():
            return Cells(self.mean + self.deviation * np.array([-1.0, 1.0]), ())
        reach = REACH
        self._search(self._window(-reach, reach))
        while self._is_open(reach) and reach < _FARTHEST:
            self._search(self._window(-2 * reach, -reach))
            self._search(self._window(reach, 2 * reach))
            reach *= 2
        if self._is_open(reach):
            raise self._growing(f"E f² is not settled within {reach:g} standard deviations of the mean")
        reach = self._looked_farther(reach)
        self._look_at_places()
        ends = self.mean + self.deviation * reach * np.array([-1.0, 1.0])
        refuse_far_poles(self.function, float(ends[0]), float(ends[1]), self.deviation)
        found = self._assembled()
        reach = self.function.form.reach
        if max(-found.edges[0], found.edges[-1]) > reach:
            text = f"its kinks are told apart for |x| < {reach:.6g}, and the law goes on to {found.edges[-1]:.6g}"
            raise VerificationError(ASKED, text, "a smaller variance")
        return found

    def _looked_farther(self, reach: float) -> float:
        """How far was searched: on to where the density alone makes small what float64 holds, or an error is met.

        A function may fall, and rise again: what is beyond 40 deviations is below e^−800 only beside a function of
        size 1.
        """
        needed = 2 * math.sqrt(max(0.0, _OVERFLOW + self.cut - self.log_root))
        while reach < min(needed, _FARTHEST):
            held = self.log_root, list(self.done), list(self.stuck), self.count
            try:
                self._search(self._window(-2 * reach, -reach))
                self._search(self._window(reach, 2 * reach))
            except SymntkError:
                self.log_root, self.done, self.stuck, self.count = held
                return reach
            reach *= 2
        return reach

    def _window(self, low: float, high: float) -> Floats:
        """Cells (2, n) between two points in deviations, cut at breaks and to the widest panel."""
        even = np.arange(math.ceil(low / BASE), math.floor(high / BASE) + 1) * BASE
        ends = self.mean + self.deviation * np.unique(np.concatenate([[low, high], even]))
        breaks = self.function.edges
        cuts = np.unique(np.concatenate([ends, breaks[(breaks > ends[0]) & (breaks < ends[-1])]]))
        return np.stack([cuts[:-1], cuts[1:]])

    def _search(self, window: Floats) -> None:
        pending = _Cells(window, np.zeros(window.shape[1], np.intp))
        for _ in range(_MOST_ROUNDS):
            pending = self._examined(pending)
            if not len(pending):
                return
            if self.count + len(pending) > _MOST_CELLS:
                break
            if self.log_root == -math.inf and np.max(pending.bound) < _FLOOR + _EARLY:
                self.done.append(np.concatenate([pending.ends, pending.bound[None]]))  # beyond the range of floats
                return
            pending = pending.with_halves(pending.bound >= self._promising(pending))
        worst = int(np.argmax(np.where(np.isfinite(pending.bound), pending.bound, 1e9)))
        place = float(np.mean(pending.ends[:, worst]))
        raise VerificationError(
            ASKED, f"the function could not be resolved at x = {shown_place(place)}", "a smoother function"
        )

    def _promising(self, pending: _Cells) -> float:
        """The bound from which on cells are halved: while nothing is settled, the larger ones first."""
        finite = pending.bound[np.isfinite(pending.bound)]
        if self.log_root > -math.inf or not len(finite):
            return -math.inf
        top = float(np.max(finite))
        return max(top - max(_UNSEEN, top / 2), _FLOOR + _EARLY)

    def _examined(self, pending: _Cells) -> _Cells:
        """What is left when new cells have bounds, and those that are settled, negligible or stuck are put away."""
        new = np.flatnonzero(~pending.known)
        left, right = pending.ends[:, new]
        half, centre = (right - left) / 2, (right + left) / 2
        parts = self.function.part_at(centre)
        nodes, weights = rule(COARSE)
        points = as_extended(left)[:, None] + as_extended(right - left)[:, None] * ((1 + nodes) / 2)
        values = by_part(self.function, points, parts)
        with np.errstate(all="ignore"):
            size = np.log(np.max(np.abs(values), axis=1)).astype(float)
        self._require_range(size, centre)
        wide = half / self.deviation
        bound, good = np.full(len(new), np.inf), np.zeros(len(new), bool)
        for ratio, allowed in _DISCS:
            most = self._log_bounds(centre, ratio * half, parts, pending.depth[new])
            density = _log_root_density((centre - self.mean) / self.deviation, ratio * wide)
            weighted = most + density + np.log(2 * wide) / 2
            bound = np.minimum(bound, weighted)
            good |= np.isfinite(most) & ((most <= allowed + size) | (weighted <= allowed + self.log_root - 2))
        z = (points - self.mean) / self.deviation
        with np.errstate(all="ignore"):  # in the range of extended precision
            mass = wide * ((np.exp(-z * z / 4) * values) ** 2 @ weights) / math.sqrt(2 * math.pi)
        counts = good.copy()
        for at in self.infinite:
            counts &= np.abs(centre - at) > _NEXT_TO * self.deviation
        self._add(np.sum(mass[counts]))
        zero = self.zero[parts]
        pending.bound[new], pending.known[new] = np.where(zero, -np.inf, bound), True
        settled = np.zeros(len(pending), bool)
        settled[new] = good & ~zero
        stuck = np.isinf(pending.bound) & (pending.bound > 0) & (pending.depth >= _EARLY)
        settled |= self._follows_a_power(pending, stuck)
        nothing = ~settled & (pending.bound <= self.log_root - self.cut)
        stuck &= ~settled & self._is_deep(pending)
        for mask, place in ((settled | nothing, self.done), (stuck, self.stuck)):
            place.append(np.concatenate([pending.ends[:, mask], pending.bound[None, mask]]))
        self.count += int(np.sum(settled | stuck))
        return pending.those(~(settled | nothing | stuck))

    def _add(self, mass: np.longdouble) -> None:
        if mass > 0:
            self.log_root = float(np.logaddexp(2 * self.log_root, float(np.log(mass)))) / 2

    def _log_bounds(
        self, centre: Floats, radius: Floats, parts: npt.NDArray[np.intp], depth: npt.NDArray[np.intp]
    ) -> Floats:
        """The log of what bounds |f| on discs; inf where there is no bound."""
        out = np.empty(len(centre))
        for part in np.unique(parts):
            rows = parts == part
            out[rows] = self.function.log_bounds(int(part), centre[rows], radius[rows], depth[rows] >= 4)
        return np.maximum(out, _FLOOR)

    def _require_range(self, size: Floats, centre: Floats) -> None:
        """Refuse what is beyond floats so far inside that no density makes it small."""
        over = size > _OVERFLOW
        if np.any(over):
            place = float(centre[over][np.argmin(np.abs(centre[over] - self.mean))])
            raise self._growing(f"E f² is infinite or beyond float64: |f| is above 1e300 at x = {shown_place(place)}")

    def _growing(self, wrong: str) -> SymntkError:
        """The error of a function that is too large far out: infinite if f·density grows there, or else unresolved."""
        places = self.mean + self.deviation * REACH * np.array([-1.0, -0.5, 0.5, 1.0])
        with np.errstate(all="ignore"):
            size = np.log(np.abs(self.function.piecewise(as_extended(places))))
        size -= (REACH * np.array([1.0, 0.5, 0.5, 1.0])) ** 2 / 2
        if size[0] > max(size[1], 0) or size[3] > max(size[2], 0):
            text = "infinite: a function times the density grows without end"
            return DivergenceError(ASKED, text, "a smaller variance, or a function that grows less")
        return VerificationError(ASKED, f"could not be resolved: {wrong}", "a smaller variance")

    def _is_deep(self, pending: _Cells) -> Mask:
        """Whether a cell is too small to be halved any more."""
        touches = np.isin(pending.ends, self.function.edges).any(axis=0)
        width = pending.ends[1] - pending.ends[0]
        fine = width < _RELATIVE * (np.max(np.abs(pending.ends), axis=0) + 1e-280)
        # next to a break lengths are measured by the distance from it
        gap = np.min(np.abs(pending.ends[:, :, None] - self.function.edges), axis=(0, 2), initial=np.inf)
        small = (pending.depth >= _DEEP) & (width < _SHARE * gap)
        deep: Mask = fine | (small & ~touches) | (pending.depth >= _DEEPEST)
        return deep

    def _follows_a_power(self, pending: _Cells, stuck: Mask) -> Mask:
        """Cells that end at a break, in which |f|² is integrable like a power law whose integral is negligible."""
        out = np.zeros(len(pending), bool)
        for index in np.flatnonzero(stuck):
            left, right = pending.ends[:, index]
            side = int(left in self.function.edges) - int(right in self.function.edges)
            if side == 0:
                continue
            edge, width = (left if side > 0 else right), right - left
            points = as_extended(np.array([edge + side * width * share for share in (1.0, 0.25, 0.0625)]))
            part = int(self.function.part_at(np.array([(left + right) / 2]))[0])
            values = np.abs(self.function.values(part, points)).astype(float)
            if not values.all():
                out[index] = not values.any()
                continue
            powers = np.log(values[:-1] / values[1:]) / math.log(4)
            steady = abs(powers[0] - powers[1]) < 0.2 or powers.min() > 3
            least = float(powers.min())
            if steady and least > -0.5:
                z = (edge - self.mean) / self.deviation
                mass = 2 * math.log(values[0]) + math.log(width / self.deviation) - z * z / 2 - math.log(1 + 2 * least)
                out[index] = mass / 2 <= self.log_root + _LEFT_OVER
        return out

    def _is_open(self, reach: float) -> bool:
        """Whether f²·density is not negligible at the ends of the window, or is nowhere seen in it."""
        if self.log_root == -math.inf and not any(cells.shape[1] for cells in self.stuck):
            return reach < _FARTHEST
        ends = self.mean + self.deviation * reach * np.array([-1.0, 1.0])
        kept = self._kept()
        return bool(np.any(kept[0] <= ends[0]) or np.any(kept[1] >= ends[1]))

    def _kept(self) -> Floats:
        """The cells that are not negligible."""
        every = np.concatenate([*self.done, *self.stuck], axis=1)
        kept: Floats = every[:, every[2] > self.log_root - self.cut]
        return kept

    def _look_at_places(self) -> None:
        """What is stuck is removable, follows a power law at a break, or is refused."""
        cells = np.concatenate(self.stuck, axis=1)
        spots: list[list[float]] = []
        for left, right in cells[:2, np.argsort(cells[0])].T:
            if spots and spots[-1][1] == left and left not in self.function.edges:
                spots[-1][1] = right
            else:
                spots.append([left, right])
        for left, right in spots:
            part = int(self.function.part_at(np.array([(left + right) / 2]))[0])
            sides = [(edge, sense) for edge, sense in ((left, 1), (right, -1)) if edge in self.function.edges]
            for edge, sense in sides:
                index = int(np.searchsorted(self.function.edges, edge))
                exact = self.function.breaks(160)[index]
                self.rough.append(Rough(edge, sense, power_at(self.function, part, exact, sense, right - left)))
            if sides or is_removable(self.function, part, left, right):
                continue
            place = located(self.function, part, left, right)
            with mp.workdps(_PLACE_DIGITS):
                exact = mp.re(number(place, _PLACE_DIGITS))
                for sense in (1, -1):
                    power_at(self.function, part, exact, sense, right - left)
                if is_smooth(self.function, part, exact, right - left):
                    text = f"a feature at x = {shown_place(float(exact))} is too narrow for floats to resolve"
                    raise VerificationError(ASKED, text, "a smoother function")
            raise SingularInside(place)

    def _assembled(self) -> Cells:
        kept = self._kept()
        if self.log_root == -math.inf:
            bounds = 2 * kept[2]
            if not len(bounds):
                text = f"the function is 0 within {_FARTHEST:g} standard deviations of the mean"
                raise _below(text, -(_FARTHEST**2) / 2)
            if not np.all(np.isfinite(bounds)):
                place = float(np.mean(kept[:2, int(np.argmax(bounds))]))
                text = f"the function could not be resolved at x = {shown_place(place)}"
                raise VerificationError(ASKED, text, "a mean closer to where the function is not 0")
            most = float(np.max(bounds)) + math.log(np.sum(np.exp(bounds - np.max(bounds))))
            raise _below(f"E f² is below e^{most:.0f}, as enclosures show", most)
        if 2 * self.log_root < _LEAST:
            about, how = 2 * self.log_root, "about" if not self.rough else "at least"
            raise _below(f"E f² is {how} e^{about:.0f}, below the range of float64", about)
        if 2 * self.log_root > _MOST:
            text = f"E f² is at least e^{2 * self.log_root:.0f}, above the range of float64"
            raise VerificationError(ASKED, text, "a smaller function, as f·1e-300")
        edges = np.unique(np.concatenate([*self.done, *self.stuck], axis=1)[:2])
        edges = edges[(edges >= np.min(kept[0])) & (edges <= np.max(kept[1]))]
        return Cells(edges, tuple(self.rough))


def _log_root_density(centre: Floats, radius: Floats) -> Floats:
    """The log of the largest |exp(−z²/4)| on a disc: Re z² is least at the near end, or off the line."""
    far = np.abs(centre)
    least = np.where(far > 2 * radius, (far - radius) ** 2, far**2 / 2 - radius**2)
    return -least / 4
