"""Panels on which a function under a normal density is a polynomial to rounding, found from the function itself.

A panel is halved until the polynomial through its Gauss–Legendre nodes meets the function at probes: between the nodes,
and ever closer to both ends, where a sharp place may hide from the nodes. In floats; the quadratures check it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from symntk.errors import DivergenceError, VerificationError
from symntk.language.general_form import GeneralForm
from symntk.verify.general_functions import ASKED, Function, as_extended, realized

Floats = npt.NDArray[np.float64]
COARSE, FINE = 16, 24
"""Nodes per panel: of the rule that finds the panels, and of the rule that it is compared with."""

BASE = 3.2
"""The widest panel in standard deviations: on it `COARSE` nodes integrate the density to rounding."""

NEGLIGIBLE = 90.0
"""Nats below its maximum where f²·density is cut: √(e^−90) is 10^−19.5."""

_REACH = 40.0
_LEAST = -500.0
_ROUNDING, _STAGNANT = 4e-15, 1e-12
_MOST_ROUNDS = 60
_MOST_PANELS = 4000


@lru_cache(maxsize=8)
def rule(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss–Legendre on [−1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


@lru_cache(maxsize=8)
def coefficients(count: int) -> Floats:
    """The matrix (count, count) that gives Legendre coefficients from values at the nodes."""
    nodes, weights = rule(count)
    table = np.polynomial.legendre.legvander(nodes, count - 1)
    found: Floats = (np.arange(count)[:, None] + 0.5) * (table * weights[:, None]).T
    return found


@lru_cache(maxsize=1)
def _probes() -> tuple[Floats, Floats]:
    """Probe points in [−1, 1], and the matrix that predicts them from the values at the nodes."""
    nodes, weights = rule(COARSE)
    near = 1 - 2.0 ** -np.arange(2, 31)
    points = np.concatenate([(nodes[1:] + nodes[:-1]) / 2, near, -near])
    # The barycentric formula loses no digits.
    barycentric = (-1.0) ** np.arange(COARSE) * np.sqrt((1 - nodes**2) * weights)
    table = barycentric / (points[:, None] - nodes)
    return points, table / np.sum(table, axis=1, keepdims=True)


@dataclass(frozen=True)
class Panels:
    """A function under N(mean, deviation²): `edges` (n+1), the part that holds on each panel (n), E f² and its noise.

    `noise` is the root of E|f − rounded f|², for values in double (0) and in extended precision (1).
    """

    function: Function
    mean: float
    deviation: float
    edges: Floats
    parts: npt.NDArray[np.intp]
    square: float
    noise: tuple[float, float]


@lru_cache(maxsize=4096)
def panels(form: GeneralForm, mean: float, deviation: float, negligible: float = NEGLIGIBLE) -> Panels:
    """Panels for the regular part of a form; the range is where f²·density is not `negligible` nats below its maximum.

    Raises:
        DivergenceError: f² grows like an inverse density.
        VerificationError: the function cannot be resolved, or is 0 but for a tail below the range of floats.
    """
    function = realized(form)
    left, right, marks = _range(function, mean, deviation, negligible)
    cuts = np.unique(np.concatenate([[left, right], marks[(marks > left) & (marks < right)]]))
    edges = _resolved(function, mean, deviation, cuts)
    pieces = function.part_at((edges[1:] + edges[:-1]) / 2)
    square, noise = _square(function, mean, deviation, edges, pieces)
    return Panels(function, mean, deviation, edges, pieces, square, noise)


def _range(function: Function, mean: float, deviation: float, negligible: float) -> tuple[float, float, Floats]:
    """Ends beyond which f²·density is negligible, and the marks inside."""
    marks = function.marks
    near = deviation * 2.0 ** -np.arange(0, 60, 0.5)
    points = [mean + deviation * np.linspace(-_REACH, _REACH, 801)]
    points += [np.concatenate([mark - near, mark + near]) for mark in marks]
    grid = np.unique(np.concatenate(points))
    grid = grid[np.abs(grid - mean) <= _REACH * deviation]
    with np.errstate(all="ignore"):
        size = 2 * np.log(np.abs(function.piecewise(as_extended(grid)))).astype(float)
    size -= ((grid - mean) / deviation) ** 2 / 2
    if not np.any(np.isfinite(size)):
        return mean - deviation, mean + deviation, marks
    if np.max(size[np.isfinite(size)]) < _LEAST:
        raise VerificationError(ASKED, f"E f² is below e^{_LEAST:g}", "a mean closer to where the function is not 0")
    kept = np.flatnonzero(size > np.nanmax(size[np.isfinite(size)]) - negligible)
    first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, len(grid) - 1)
    if kept[0] == 0 or kept[-1] == len(grid) - 1:
        text = f"E f² is not settled within {_REACH:g} standard deviations of the mean"
        raise DivergenceError(ASKED, text, "a smaller variance, or a function that grows less")
    return float(grid[first]), float(grid[last]), marks


def _resolved(function: Function, mean: float, deviation: float, cuts: Floats) -> Floats:
    """Halve panels until the interpolant meets the function at the probes."""
    nodes, weights = rule(COARSE)
    probes, predict = _probes()
    local = np.concatenate([nodes, probes])
    todo, done, square = np.stack([cuts[:-1], cuts[1:]]), [], 0.0
    before = np.full(len(cuts) - 1, np.inf)
    for _ in range(_MOST_ROUNDS):
        half, centre = (todo[1] - todo[0]) / 2, (todo[1] + todo[0]) / 2
        points = centre[:, None] + half[:, None] * local
        inside = np.clip(points, todo[0][:, None], todo[1][:, None])
        values = _by_part(function, as_extended(inside), function.part_at(centre)).astype(float)
        density = np.exp(-(((inside[:, :COARSE] - mean) / deviation) ** 2) / 2) / deviation / np.sqrt(2 * np.pi)
        mass = half * (density * values[:, :COARSE] ** 2 @ weights)
        error = np.max(np.abs(values[:, :COARSE] @ predict.T - values[:, COARSE:]), axis=1)
        weight = np.minimum(1.0, 2 * half * np.max(density, axis=1))
        total = square + float(np.sum(mass))
        size = np.max(np.abs(values), axis=1)
        steep = np.ptp(values, axis=1) * np.abs(centre) / half  # what the points' rounding does
        good = (error * np.sqrt(weight) <= 1e-16 * np.sqrt(total)) | (error <= _ROUNDING * (size + steep))
        # Where halves are no better than the whole, what is left is the rounding of the formula.
        small = (error <= _STAGNANT * size) | (error * np.sqrt(weight) <= _STAGNANT * np.sqrt(total))
        good |= small & (error >= before / 4)
        good |= half < 1e-15 * np.maximum(np.abs(centre), 1e-15 * deviation)
        good &= half <= BASE / 2 * deviation
        done.append(todo[:, good])
        square += float(np.sum(mass[good]))
        rest = todo[:, ~good]
        if rest.shape[1] == 0:
            return np.unique(np.concatenate([part.ravel() for part in done]))
        if rest.shape[1] + sum(part.shape[1] for part in done) > _MOST_PANELS:
            break
        middle = (rest[0] + rest[1]) / 2
        todo = np.concatenate([np.stack([rest[0], middle]), np.stack([middle, rest[1]])], axis=1)
        before = np.tile(error[~good], 2)
    raise VerificationError(ASKED, "a function is not resolved by panels", "a smoother function")


def _by_part(function: Function, points: Any, parts: npt.NDArray[np.intp]) -> Any:
    """Values at points (panels, nodes), each row by the part that holds on its panel."""
    if len(function.form.parts) == 1:
        return function.values(0, points)
    out = np.empty_like(points)
    for part in np.unique(parts):
        rows = parts == part
        out[rows] = function.values(int(part), points[rows])
    return out


by_part = _by_part


def _square(
    function: Function, mean: float, deviation: float, edges: Floats, parts: npt.NDArray[np.intp]
) -> tuple[float, tuple[float, float]]:
    """E f² by the fine rule, and the noise of f in double and in extended precision."""
    nodes, weights = rule(FINE)
    half, centre = (edges[1:] - edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2
    points = centre[:, None] + half[:, None] * nodes
    density = np.exp(-(((points - mean) / deviation) ** 2) / 2) / deviation / np.sqrt(2 * np.pi)
    weight = half[:, None] * weights * density
    exact = _by_part(function, as_extended(points), parts)
    rough = _by_part(function, points, parts)
    difference = (rough - exact).astype(float)
    noise = float(np.sqrt(np.sum(weight * difference**2)))
    finer = float(np.finfo(np.longdouble).eps / np.finfo(float).eps)
    return float(np.sum(weight * exact.astype(float) ** 2)), (noise, max(finer * noise, 0.0))
