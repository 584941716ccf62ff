"""Gauss–Legendre rules in floats, and values of a function at points of panels: what search and quadrature share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from symntk.verify.oracle.general.functions import Function

Floats = npt.NDArray[np.float64]
COARSE, FINE = 16, 24
"""Nodes per panel: of the rule that finds the panels, and of the rule that it is compared with."""

BASE = 3.2
"""The widest panel in standard deviations: on it `COARSE` nodes integrate the density to rounding."""


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


def by_part(function: Function, points: Any, parts: npt.NDArray[np.intp]) -> Any:
    """Values at points (panels, nodes), each row by the part that holds on its panel."""
    if len(function.form.parts) == 1:
        return function.values(0, points)
    out = np.empty_like(points)
    for part in np.unique(parts):
        rows = parts == part
        out[rows] = function.values(int(part), points[rows])
    return out
