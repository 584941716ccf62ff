"""Panels on which a function under a normal density is a polynomial to rounding, and its size and noise on them.

The panels are the cells of `general_search`, which finds them from the formula by enclosures; the quadratures measure
what they leave once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from symntk.errors import VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.order import insert_sorted
from symntk.verify.oracle.general.functions import Function, as_extended, realized
from symntk.verify.oracle.general.places import Rough, SingularInside
from symntk.verify.oracle.general.rules import FINE, Floats, by_part, rule
from symntk.verify.oracle.general.search import Search
from symntk.verify.oracle.law import ASKED

NEGLIGIBLE = 90.0
"""Nats below its maximum where f²·density is cut: √(e^−90) is 10^−19.5."""

_MOST_PLACES = 16
_SQUARE = -0.5 + 1e-9  # the power up to which f² is not integrable


@dataclass(frozen=True)
class Panels:
    """A function under N(mean, deviation²): `edges` (n+1), the part that holds on each panel (n), E f² and its noise.

    `noise` is the root of E|f − rounded f|², for values in double (0) and in extended precision (1). `rough` are the
    places next to which f is not analytic; where f² is not integrable there, `square` is the square of E|f|.
    """

    function: Function
    mean: float
    deviation: float
    edges: Floats
    parts: npt.NDArray[np.intp]
    square: float
    noise: tuple[float, float]
    rough: tuple[Rough, ...] = ()


@lru_cache(maxsize=4096)
def panels(form: GeneralForm, mean: float, deviation: float, negligible: float = NEGLIGIBLE) -> Panels:
    """Panels for the regular part of a form; the range is where f²·density is not `negligible` nats below its maximum.

    Raises:
        DivergenceError: f² grows like an inverse density, or f has a pole.
        VerificationError: the function cannot be resolved, or is 0 but for a tail below the range of floats.
    """
    for _ in range(_MOST_PLACES):
        function = realized(form)
        try:
            found = Search(function, mean, deviation, negligible).cells()
            infinite = tuple(place.place for place in found.rough if place.power <= _SQUARE)
            if infinite:
                found = Search(function, mean, deviation, negligible, infinite).cells()
        except SingularInside as singular:
            form = _cut(form, singular)
            continue
        pieces = function.part_at((found.edges[1:] + found.edges[:-1]) / 2)
        square, noise = _square(function, mean, deviation, found.edges, pieces)
        if infinite:
            square = _mean_size(function, mean, deviation, found.edges, pieces) ** 2
        return Panels(function, mean, deviation, found.edges, pieces, square, noise, found.rough)
    raise VerificationError(ASKED, f"a function is singular at more than {_MOST_PLACES} places", "a smoother function")


def _cut(form: GeneralForm, singular: SingularInside) -> GeneralForm:
    """The form with a break at a place where one is missing."""
    breaks = list(form.breaks)
    insert_sorted(breaks, singular.place)
    index = breaks.index(singular.place)
    return GeneralForm(tuple(breaks), (*form.parts[: index + 1], *form.parts[index:]), form.deltas)


def _square(
    function: Function, mean: float, deviation: float, edges: Floats, parts: npt.NDArray[np.intp]
) -> tuple[float, tuple[float, float]]:
    """E f² by the fine rule, and the noise of f in double and in extended precision."""
    nodes, weights = rule(FINE)
    half, centre = (edges[1:] - edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2
    points = as_extended(centre)[:, None] + as_extended(half)[:, None] * nodes
    density = np.exp(-(((points - mean) / deviation) ** 2) / 2) / deviation / np.sqrt(2 * np.pi)
    root = np.sqrt(half[:, None] * weights * density)  # before the squares, which may overflow
    exact = by_part(function, points, parts)
    rough = by_part(function, points.astype(float), parts)
    noise = float(np.sqrt(np.sum((root * (rough - exact)) ** 2)))
    finer = float(np.finfo(np.longdouble).eps / np.finfo(float).eps)
    return float(np.sum((root * exact) ** 2)), (noise, max(finer * noise, 0.0))


def _mean_size(function: Function, mean: float, deviation: float, edges: Floats, parts: npt.NDArray[np.intp]) -> float:
    """E |f| by the fine rule."""
    nodes, weights = rule(FINE)
    half, centre = (edges[1:] - edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2
    points = as_extended(centre)[:, None] + as_extended(half)[:, None] * nodes
    density = np.exp(-(((points - mean) / deviation) ** 2) / 2) / deviation / np.sqrt(2 * np.pi)
    return float(np.sum(half[:, None] * weights * density * np.abs(by_part(function, points, parts))))
