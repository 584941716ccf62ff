"""Layer maps as tables, for targets: those without a closed form, and those whose formula costs more."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from symntk.errors import FormulaError
from symntk.kernels.function import REMEMBERED, Function

if TYPE_CHECKING:
    from collections.abc import Callable

    from symntk.emit.code import Definition
    from symntk.emit.layers import LayerMap
    from symntk.emit.table import Table
    from symntk.kernels.expectation import Expectation

_INSTEAD = 'E.source("numpy") of the map alone, or E(...) and Network, which integrate'
FINEST = 1e-11
"""The tolerance of the reference from which tables are made."""
MANY_PANELS = 2**15
"""Entries by panels from which a table is made instead: about twice what it takes."""
LEAST_TOLERANCE = 7e-11
"""Of expectations whose panels a table may stand for."""
_NEARLY_ALL = 0.98  # of the entries
_BOXES = ((1e-3, 1e3), (1e-2, 1e2), (0.1, 10.0))
_SHORTCUT = (1e-2, 1e2)
"""The variances of a table beside a formula, which serves beyond."""
_SHORTCUT_REACH = 1.1
"""The largest |arcsin ρ| where both functions have thresholds."""


def tabulated_layer(
    E: Expectation,
    name: str,
    title: str,
    slope: LayerMap | None,
    scale: sp.Rational = sp.S.One,
    variances: tuple[float, float] | None = None,
) -> LayerMap:
    """`scale` times an expectation as a map that a table stands for.

    Args:
        E: the expectation, with numbers for its parameters.
        name: the map's.
        title: what it is.
        slope: its derivative by c as a map, if it is to have slopes.
        scale: what it is multiplied by.
        variances: the least and the largest for which the table is to hold; if not given 1e-3 and 1e3, or less where
            that would take too many numbers.

    Raises:
        FormulaError: it has no table either.
    """
    from symntk.emit.general import known_shape
    from symntk.emit.layers import LayerMap
    from symntk.emit.table_build import NoTable

    asked = f"code for {E}"
    if E.means:
        raise FormulaError(asked, "it has no closed form, and tables are of means 0", _INSTEAD)
    if any(known_shape(one.general).cores for one in (E.f, E.g)):
        wrong = "it has no closed form, and where a function is infinite tables do not follow it"
        raise FormulaError(asked, wrong, _INSTEAD)
    try:
        boxes = _BOXES if variances is None else (_box(asked, variances),)
        found = _first_table(E.f, E.g, boxes).scaled(float(scale))
    except NoTable as error:
        advice = f"variances=(low, high) closer to each other, or {_INSTEAD}"
        raise FormulaError(asked, f"it has no closed form, and no table: {error}", advice) from error
    slopes = dict[str, LayerMap]()
    if slope is not None:
        for by, label in (("a", "u"), ("b", "v")):
            text = f"the derivative of {name} by var_{label}"
            slopes[by] = LayerMap(f"{name}_{by}", text, "", table=found, by=by, slopes={"c": slope})
        slopes["c"] = slope
    return LayerMap(name, title, found.text, table=found, symmetric=E.f == E.g, slopes=slopes)


def with_shortcut(E: Expectation, layer: LayerMap) -> LayerMap:
    """A map of the expectation, with a table where that costs less than its formula."""
    from symntk.emit.cost import is_costly

    if not layer.definitions or layer.parameters or layer.means or not is_costly(layer.definitions[0]):
        return layer
    return replace(layer, table=_table_beside(E.f, E.g, layer.definitions))


@lru_cache(maxsize=REMEMBERED)
def _table_beside(f: Function, g: Function, definitions: tuple[Definition, ...]) -> Table | None:
    """A table made by the formula of E[f(u) g(v)], None where there is none that is small."""
    from symntk.emit.compile import function_of
    from symntk.emit.table import table_of
    from symntk.emit.table_build import NoTable

    formula = function_of(*definitions)

    def known(a: np.ndarray, b: np.ndarray, c: np.ndarray, det: np.ndarray) -> np.ndarray:
        a, b, c, det = np.broadcast_arrays(a, b, c, det)
        return np.asarray(formula(a, b, c, det, np.sqrt(det)))

    try:
        return table_of(f.general, g.general, known, variances=_SHORTCUT, reach=_SHORTCUT_REACH)
    except NoTable:
        return None


def with_table(route: Callable[..., np.ndarray], f: Function, g: Function) -> Callable[..., np.ndarray]:
    """The panels of E[f(u) g(v)], which take flat arrays (a, b, c, det, d, m1, m2); by a table where they are many.

    Panels take up to a millisecond an entry, and a table the panels of some ten thousand. It is made for the least box
    that holds nearly all entries; what lies outside, and what has means, goes by panels. Its error and that of the
    panels it is made of are together below `LEAST_TOLERANCE`.
    """

    def chosen(a: np.ndarray, b: np.ndarray, c: np.ndarray, det: np.ndarray, d: np.ndarray, *means: Any) -> np.ndarray:
        found = None if len(a) < MANY_PANELS or any(np.any(mean) for mean in means) else _table_for(f, g, a, b)
        if found is None:
            return route(a, b, c, det, d, *means)
        value = found(a, b, c, d)
        rest = np.flatnonzero(np.isnan(value))
        if rest.size:
            value[rest] = route(*(array[rest] for array in (a, b, c, det, d, *means)))
        return value

    return chosen


def _table_for(f: Function, g: Function, a: np.ndarray, b: np.ndarray) -> Table | None:
    """The table for the least box that holds nearly all of the variances; None where there is none."""
    from symntk.emit.general import known_shape

    if any(known_shape(one.general).cores for one in (f, g)):
        return None
    for box in reversed(_BOXES):
        low, high = box
        if np.mean((a >= low) & (a <= high) & (b >= low) & (b <= high)) >= _NEARLY_ALL:
            return _table_or_none(f, g, box)
    return None


@lru_cache(maxsize=REMEMBERED)
def _table_or_none(f: Function, g: Function, box: tuple[float, float]) -> Table | None:
    """That there is none is remembered, too."""
    from symntk.emit.table_build import NoTable

    try:
        return _table(f, g, box)
    except NoTable:
        return None


def _first_table(f: Function, g: Function, boxes: tuple[tuple[float, float], ...]) -> Table:
    """The table for the first box that has one."""
    from symntk.emit.table_build import NoTable

    for box in boxes[:-1]:
        try:
            return _table(f, g, box)
        except NoTable:
            continue
    return _table(f, g, boxes[-1])


@lru_cache(maxsize=REMEMBERED)
def _table(f: Function, g: Function, variances: tuple[float, float]) -> Table:
    from symntk.emit.table import table_of
    from symntk.kernels.expectation import Expectation

    return table_of(f.general, g.general, reference(Expectation(f, g, tol=FINEST)), variances=variances)


def _box(asked: str, variances: tuple[float, float]) -> tuple[float, float]:
    """A box of variances that was asked for, checked."""
    try:
        low, high = map(float, variances)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not 0.0 < low < high < float("inf"):
        raise FormulaError(asked, f"variances = {str(variances)[:60]} are no box", "variances=(1e-3, 1e3)")
    return low, high


def reference(E: Expectation) -> Callable[..., np.ndarray]:
    """(var_u, var_v, cov, det) to the value: the expectation's own map, told the determinant."""
    from symntk.emit.host import host_functions

    found: Callable[..., np.ndarray] = host_functions([E.as_map("expectation_map")])["_expectation_map_given"]
    return found
