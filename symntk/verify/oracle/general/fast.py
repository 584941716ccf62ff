"""E[f(u) g(v)] for any functions of the language in float64, vectorized, with an error that is measured.

    u = m1 + √a·z,   v | u ~ N(μ(u), s²),   E[f g] = ∫ f(u) h(u) φ(z) dz,   h(u) = ∫ g(μ + s·w) φ(w) dw

Both integrals by Gauss–Legendre panels: the inner ones are g's own panels (see `general_layout`) seen from each u and
cut at the scale of s, the outer ones f's panels, g's seen through μ, and halves of those where the integrand is not
resolved. The error is the difference to a finer rule in both variables, plus rounding. Ranges are cut where
Cauchy–Schwarz bounds what is left out by 10^−18 of √(E f² E g²).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from symntk.errors import DomainError, VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.verify.oracle.general.functions import Function, as_extended, realized, two_deltas
from symntk.verify.oracle.general.layout import NEGLIGIBLE, Panels, panels
from symntk.verify.oracle.general.rules import BASE, COARSE, FINE, Floats, by_part, coefficients, rule
from symntk.verify.oracle.general.search import BelowFloatsError
from symntk.verify.oracle.law import ASKED, Law, read_law
from symntk.verify.oracle.numbers import mp

_REACH = 12.5  # P(|w| > 12.5)^(1/2) = 10^−17.4: what the inner integral leaves out, by Cauchy–Schwarz
_BLOCK = 200_000
_NEAR = 1e-4
NOTHING = -1600.0
"""The logarithm of an E f² below which E[f g] is 0 in float64."""
_MOST_WORK = 400_000_000
_MILD = 5.0  # the deviation in units of the spread up to which nodes keep their digits, seen from every μ
_TARGET = 3e-16
_MOST_ROUNDS = 40
_MOST_PANELS = 20_000
_EPS = float(np.finfo(float).eps)
_SLOWER = "evalf, which has more digits"
_FLOOR = 2e-15  # what the panels, each resolved to 1e-16 of √(E f²) or √(E g²), may leave in all


def float_reference(
    f: GeneralForm,
    g: GeneralForm,
    var_u: Any,
    var_v: Any,
    cov: Any,
    mean_u: Any = 0,
    mean_v: Any = 0,
    *,
    accuracy: float = 1e-12,
) -> tuple[float, float]:
    """E[f(u) g(v)] and an estimate of its error, both in float64.

    Args:
        f: function of u, without parameters; deltas of order 0 are allowed, in both functions.
        g: the same for v.
        var_u: variance of u; this and the next four are scalars (int, float, str, mpmath or SymPy), taken as exact.
        var_v: variance of v.
        cov: covariance of u and v.
        mean_u: mean of u.
        mean_v: mean of v.
        accuracy: the largest estimated error, relative to √(E f² E g²), that is no failure.

    Raises:
        DomainError: no covariance, or a parameter without a value.
        DivergenceError: an expectation that is infinite.
        VerificationError: the quadrature did not converge to `accuracy`.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> step = general_form(sp.Heaviside(x), x)
    >>> value, error = float_reference(step, step, 1, 1, 0.5)
    >>> abs(value - 1 / 3) < 1e-14 and error < 1e-14
    True
    """
    law = read_law(var_u, var_v, cov, mean_u, mean_v, 30)
    if law.a == 0 or (law.b != 0 and is_rougher(g, f)):
        f, g, law = g, f, law.swapped()
    value, error = _smooth(f, g, law)
    for one in (_delta_part(f, g, law), _delta_part(g, f, law.swapped()), (float(two_deltas(f, g, law)), 0.0)):
        value, error = value + one[0], error + one[1]
    scale = fast_scale(f, g, law)
    if not error <= accuracy * scale:
        text = f"its error is estimated as {error:.1e}, where √(E f² E g²) is {scale:.1e}"
        raise VerificationError(ASKED, text, _SLOWER)
    return value, error + 2 * _EPS * abs(value)


def fast_scale(f: GeneralForm, g: GeneralForm, law: Law) -> float:
    """√(E f² · E g²) in float64; a delta counts with its weight times the peak of the density."""
    return math.sqrt(_square(f, law.a, law.m1)) * math.sqrt(_square(g, law.b, law.m2))


def _square(form: GeneralForm, variance: Any, mean: Any) -> float:
    deviation = float(mp.sqrt(variance))
    total = 0.0
    if form.has_regular_part:
        at = float(realized(form).number(mean)) ** 2 if variance == 0 else 0.0
        try:
            total = at if variance == 0 else panels(regular(form), float(mean), deviation).square
        except BelowFloatsError as error:
            if error.log_square > NOTHING:
                raise
    for weight, _ in realized(form).deltas(30):
        total += (float(weight) / deviation) ** 2 / (2 * math.pi)
    return total


def regular(form: GeneralForm) -> GeneralForm:
    """The form without its deltas."""
    return GeneralForm(form.breaks, form.parts) if form.deltas else form


def is_rougher(f: GeneralForm, g: GeneralForm) -> bool:
    """Whether f has more pieces: it then goes outside, where each panel counts once."""
    return len(f.parts) > len(g.parts)


class Inner:
    """h(u) = E[g(v) | u] at arrays of z = (u − m1)/√a."""

    def __init__(self, form: GeneralForm, law: Law, negligible: float = NEGLIGIBLE) -> None:
        self.deviation = float(mp.sqrt(law.b))
        self.panels: Panels = panels(regular(form), float(law.m2), self.deviation, negligible)
        self.function = self.panels.function
        self.mean = float(law.m2)
        self.slope = float(law.c / mp.sqrt(law.a))  # of μ in z
        self.spread = float(mp.sqrt(law.remainder))
        own = self.panels.noise
        enough = own[0] <= 2 * _EPS * math.sqrt(self.panels.square)
        self.dtype: Any = float if enough else np.longdouble
        self.noise = own[0 if enough else 1]
        self.work = 0
        self._tables: dict[int, tuple[Floats, Floats]] = {}

    def __call__(self, z: Floats, count: int, parts: npt.NDArray[np.intp] | None = None) -> Floats:
        """The values at z, any shape, by `count` nodes per panel; `parts`: the parts of g, at full correlation."""
        mu = self.mean + self.slope * z.ravel()
        if self.spread == 0:
            at = self.function.part_at(mu) if parts is None else parts.ravel()
            values: Floats = by_part(self.function, mu.astype(self.dtype), at).astype(float).reshape(z.shape)
            return values
        if max(self.deviation, abs(self.mean) / 8) <= _MILD * self.spread:
            return self._from_table(mu, count).reshape(z.shape)
        per_node = 10 + len(self.panels.parts)
        step = max(1, _BLOCK // (count * min(per_node, 60)))
        found = [self._block(mu[i : i + step], count) for i in range(0, len(mu), step)]
        return np.concatenate(found).reshape(z.shape) if found else np.zeros(z.shape)

    def _from_table(self, mu: Floats, count: int) -> Floats:
        """By nodes that are the same for all μ, which a spread not much less than the deviation allows."""
        if count not in self._tables:
            self._tables[count] = self._table(count)
        places, weighted = self._tables[count]
        self._require_few(len(mu) * len(places))
        step = max(1, 10 * _BLOCK // len(places))
        found = [np.exp(-(((places - m[:, None]) / self.spread) ** 2) / 2) @ weighted for m in _blocks(mu, step)]
        return np.concatenate(found) if found else np.zeros(0)

    def _require_few(self, more: int) -> None:
        """Refuse what would take minutes: a function with thousands of features seen from thousands of places."""
        self.work += more
        if self.work > _MOST_WORK:
            text = f"could not be resolved: the double sum over the panels has more than {_MOST_WORK:.0e} terms"
            raise VerificationError(ASKED, text, "smaller variances, or a smoother function")

    def _table(self, count: int) -> tuple[Floats, Floats]:
        """Nodes, and g there times weights."""
        edges = self.panels.edges
        pieces = np.ceil(np.diff(edges) / (BASE * self.spread)).astype(int)
        which = np.repeat(np.arange(len(pieces)), pieces)
        order = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        width = np.diff(edges)[which] / pieces[which]
        nodes, weights = rule(count)
        places = edges[which][:, None] + width[:, None] * (order[:, None] + (1 + nodes) / 2)
        values = by_part(self.function, places.astype(self.dtype), self.panels.parts[which]).astype(float)
        scaled = values * weights * (width / 2 / self.spread / math.sqrt(2 * math.pi))[:, None]
        return places.ravel(), scaled.ravel()

    def _block(self, mu: Floats, count: int) -> Floats:
        edges, s = self.panels.edges, self.spread
        # Edges in units of s from each μ: their rounding moves a break, the nodes' weights stay exact.
        seen = (edges - mu[:, None]) / s
        seen[:, 0], seen[:, -1] = np.minimum(seen[:, 0], _REACH), np.maximum(seen[:, -1], -_REACH)
        low = np.maximum(seen[:, :-1], -_REACH)
        high = np.minimum(seen[:, 1:], _REACH)
        rows, columns = np.nonzero(high > low)
        low, high = low[rows, columns], high[rows, columns]
        pieces = np.ceil((high - low) / BASE).astype(int)
        total = int(pieces.sum())
        self._require_few(total * count)
        which = np.repeat(np.arange(len(rows)), pieces)
        order = np.arange(total) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        half = ((high - low) / (2 * pieces))[which]
        centre = low[which] + half * (2 * order + 1)
        nodes, weights = rule(count)
        w = centre[:, None] + half[:, None] * nodes
        column = columns[which]
        # From an edge, and not from μ: next to a break what counts is the distance from it.
        start = np.maximum(edges[column], mu[rows[which]] - _REACH * s)
        width = np.minimum(edges[column + 1], mu[rows[which]] + _REACH * s) - start
        v = start[:, None] + width[:, None] * ((order[:, None] + (1 + nodes) / 2) / pieces[which][:, None])
        values = by_part(self.function, v.astype(self.dtype), self.panels.parts[column])
        sums = half * ((values.astype(float) * np.exp(-w * w / 2)) @ weights)
        return np.bincount(rows[which], sums, len(mu)) / math.sqrt(2 * math.pi)

    def marks(self) -> Floats:
        """Edges in z that h's own sharpness asks for: g's, and steps of the width s around where g is sharp."""
        if self.slope == 0:
            return np.zeros(0)
        edges = self.panels.edges
        around = np.unique(np.concatenate([self.function.edges, edges[_sharp(edges, self.spread)]]))
        steps = self.spread * BASE * np.arange(-4, 5)
        places = np.concatenate([_thinned(edges, self.spread), (around[:, None] + steps).ravel(), self.function.edges])
        found: Floats = np.unique((places - self.mean) / self.slope)
        return found


def _blocks(values: Floats, step: int) -> list[Floats]:
    return [values[i : i + step] for i in range(0, len(values), step)]


def _sharp(edges: Floats, spread: float) -> npt.NDArray[np.bool_]:
    """Edges next to a panel narrower than the spread, one of each group."""
    narrow = np.diff(edges) < spread
    start = narrow & ~np.concatenate([[False], narrow[:-1]])
    stop = narrow & ~np.concatenate([narrow[1:], [False]])
    found: npt.NDArray[np.bool_] = np.concatenate([start, [False]]) | np.concatenate([[False], stop])
    return found


def _thinned(edges: Floats, spread: float) -> Floats:
    """Edges that keep a distance of at least `spread`."""
    kept, last = [], -math.inf
    for edge in edges:
        if edge - last >= spread:
            kept.append(edge)
            last = edge
    return np.array(kept)


def _smooth(f: GeneralForm, g: GeneralForm, law: Law) -> tuple[float, float]:
    """E[f g] without the deltas, and its error."""
    if not f.has_regular_part or not g.has_regular_part:
        return 0.0, 0.0
    left, right = realized(f), realized(g)
    if law.a == 0:
        value = float(left.number(law.m1) * right.number(law.m2))
        return value, _EPS * abs(value)
    if law.b == 0:
        factor, mean = float(right.number(law.m2)), panels(regular(f), float(law.m1), float(mp.sqrt(law.a)))
        value, size = _mean(mean)
        return factor * value, abs(factor) * (_EPS * size + mean.noise[1])
    return Outer(f, Inner(g, law), law).integral()


def _mean(own: Panels) -> tuple[float, float]:
    """E f and E |f| by the fine rule."""
    nodes, weights = rule(FINE)
    half, centre = np.diff(own.edges) / 2, (own.edges[1:] + own.edges[:-1]) / 2
    u = centre[:, None] + half[:, None] * nodes
    values = by_part(own.function, as_extended(u), own.parts).astype(float)
    density = np.exp(-(((u - own.mean) / own.deviation) ** 2) / 2) / own.deviation / math.sqrt(2 * math.pi)
    parts = half[:, None] * weights * density * values
    return float(np.sum(parts)), float(np.sum(np.abs(parts)))


class Outer:
    """∫ f(m1 + √a·z) h(z) φ(z) dz."""

    def __init__(self, form: GeneralForm, inner: Inner, law: Law, negligible: float = NEGLIGIBLE) -> None:
        self.inner, self.mean, self.deviation = inner, float(law.m1), float(mp.sqrt(law.a))
        self.panels = panels(regular(form), self.mean, self.deviation, negligible)
        self.function: Function = self.panels.function
        self.scale = math.sqrt(self.panels.square) * math.sqrt(inner.panels.square)

    def integral(self) -> tuple[float, float]:
        """The value by the fine rule, and the difference to the coarse rule with what rounding may add."""
        panel_ends, coarse = self.layout()
        fine, size = self._apply(panel_ends, FINE)[:2]
        value, rough = float(np.sum(fine)), float(np.sum(coarse))
        noise = 4 * _EPS * float(np.sum(size)) + _FLOOR * self.scale
        noise += self.panels.noise[1] * math.sqrt(self.inner.panels.square)
        noise += self.inner.noise * math.sqrt(self.panels.square)
        return value, abs(value - rough) + noise

    def cuts(self) -> Floats:
        """Edges in z of both functions' panels, in increasing order."""
        own = (self.panels.edges - self.mean) / self.deviation
        marks = np.concatenate([own, self.inner.marks()])
        cuts = np.unique(marks[(marks >= own[0]) & (marks <= own[-1])])
        # What rounding puts next to each other is one edge.
        found: Floats = cuts[np.concatenate([[True], np.diff(cuts) > 4 * _EPS * np.abs(cuts[1:])])]
        return found

    def layout(self) -> tuple[Floats, Floats]:
        """Panels (2, n) in z on which the integrand is resolved, and the coarse rule's values."""
        cuts = self.cuts()
        todo, ends, values = np.stack([cuts[:-1], cuts[1:]]), [], []
        count = 0
        for _ in range(_MOST_ROUNDS):
            found, size, error = self._apply(todo, COARSE)
            # A quarter of the tolerance for every panel, or its own rounding.
            if not np.all(np.isfinite(error)):
                raise VerificationError(ASKED, "a function is not finite in float64", _SLOWER)
            good = error <= np.maximum(_TARGET * self.scale, 16 * _EPS * size)
            good |= todo[1] - todo[0] < 8 * _EPS * np.maximum(np.abs(todo[1]), 1e-8)
            good |= self._is_next_to_rough(todo)
            ends.append(todo[:, good])
            values.append(found[good])
            rest = todo[:, ~good]
            count += int(np.sum(good))
            if rest.shape[1] == 0 or count + rest.shape[1] > _MOST_PANELS:
                break
            middle = (rest[0] + rest[1]) / 2
            todo = np.concatenate([np.stack([rest[0], middle]), np.stack([middle, rest[1]])], axis=1)
        if rest.shape[1]:
            raise VerificationError(ASKED, f"{rest.shape[1]} panels are not resolved", _SLOWER)
        return np.concatenate(ends, axis=1), np.concatenate(values)

    def _is_next_to_rough(self, ends: Floats) -> npt.NDArray[np.bool_]:
        """Panels next to a place where f or g is not analytic: the search has cut them as far as floats go."""
        found = np.zeros(ends.shape[1], bool)
        middle = (ends[0] + ends[1]) / 2
        places = [(rough.place - self.mean) / self.deviation for rough in self.panels.rough]
        if self.inner.spread == 0:
            places += [(rough.place - self.inner.mean) / self.inner.slope for rough in self.inner.panels.rough]
        for place in places:
            found |= np.abs(middle - place) < _NEAR
        return found

    @np.errstate(all="ignore")  # what is not finite is seen by those who ask
    def _apply(self, ends: Floats, count: int) -> tuple[Floats, Floats, Floats]:
        """For each panel: ∫, ∫ of the absolute value, and the error read from the Legendre coefficients."""
        nodes, weights = rule(count)
        half, centre = (ends[1] - ends[0]) / 2, (ends[1] + ends[0]) / 2
        z = centre[:, None] + half[:, None] * nodes
        middle = self.mean + self.deviation * centre
        u = (self.mean + self.deviation * z).astype(np.longdouble)
        parts = self.function.part_at(middle)
        values = by_part(self.function, _within(u, self.function.edges, parts, abs(self.mean)), parts).astype(float)
        values *= np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        there = None
        if self.inner.spread == 0:
            there = np.repeat(self.inner.function.part_at(self.inner.mean + self.inner.slope * centre), count)
        alive = np.any(values != 0, axis=1)
        if there is not None:
            there = there.reshape(z.shape)[alive]
        values[alive] *= self.inner(z[alive], count, there)
        decay = np.abs(values @ coefficients(count).T)
        upper, lower = np.max(decay[:, -3:], axis=1), np.max(decay[:, count // 2 - 3 : count // 2], axis=1)
        ratio = np.divide(upper, lower, out=np.ones_like(upper), where=lower > 0)  # NaN: see `layout`
        error = 2 * half * upper * np.minimum(1, ratio)
        return half * (values @ weights), half * (np.abs(values) @ weights), error


def _within(points: Any, edges: Floats, parts: npt.NDArray[np.intp], size: float) -> Any:
    """Points moved by rounding to a break or across it go back to the side that they come from."""
    if len(edges) == 0:
        return points
    ends = np.concatenate([[-np.inf], edges, [np.inf]]).astype(np.longdouble)
    # infinite ends stay
    slack = 2 * np.finfo(np.longdouble).eps * np.minimum(np.abs(ends) + size, 1e300)
    return np.clip(points, (ends + slack)[parts][:, None], (ends - slack)[parts + 1][:, None])


def _delta_part(f: GeneralForm, g: GeneralForm, law: Law) -> tuple[float, float]:
    """E[f g] of f's deltas and g without its deltas."""
    if not f.deltas or not g.has_regular_part:
        return 0.0, 0.0
    if law.a == 0:
        raise DomainError(ASKED, "a delta of a variable whose variance is 0", "a positive variance")
    value, error = 0.0, 0.0
    for weight, place in realized(f).deltas(30):
        factor = float(weight * mp.exp(law.log_density(place)))
        if law.determinant == 0:
            mu = law.m2 + law.slope * (place - law.m1)
            with mp.workdps(30):
                held, off = float(realized(g).number(mu, mp.mpf(2) ** -48 * (abs(mu) + mp.sqrt(law.b)))), 0.0
        else:
            inner, at = Inner(g, law), np.array([float((place - law.m1) / mp.sqrt(law.a))])
            held = float(inner(at, FINE)[0])
            off = abs(held - float(inner(at, COARSE)[0])) + 2 * _EPS * abs(held) + inner.noise
            off += _FLOOR * math.sqrt(inner.panels.square)
        value, error = value + factor * held, error + abs(factor) * (off + _EPS * abs(held))
    return value, error
