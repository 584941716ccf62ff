"""Maps without a closed form as tables, for targets that do not carry the reference code."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sympy as sp

from symntk.errors import FormulaError
from symntk.kernels.function import REMEMBERED, Function

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from symntk.emit.layers import LayerMap
    from symntk.emit.table import Table
    from symntk.kernels.expectation import Expectation

FINEST = 1e-11
"""The tolerance of the reference from which tables are made."""


def tabulated_layer(
    E: Expectation, name: str, title: str, slope: LayerMap | None, scale: sp.Rational = sp.S.One
) -> LayerMap:
    """`scale` times an expectation as a map that a table stands for.

    Args:
        E: the expectation, with numbers for its parameters.
        name: the map's.
        title: what it is.
        slope: its derivative by c as a map, if it is to have slopes.
        scale: what it is multiplied by.

    Raises:
        FormulaError: it has no table either.
    """
    from symntk.emit.layers import LayerMap
    from symntk.emit.table_build import NoTable

    asked = f"code for {E}"
    if E.means:
        raise FormulaError(asked, "it has no closed form, and tables are of means 0", 'target="numpy"')
    try:
        found = _table(E.f, E.g).scaled(float(scale))
    except NoTable as error:
        raise FormulaError(asked, f"it has no closed form, and no table: {error}", 'target="numpy"') from error
    slopes = dict[str, LayerMap]()
    if slope is not None:
        for by, label in (("a", "u"), ("b", "v")):
            text = f"the derivative of {name} by var_{label}"
            slopes[by] = LayerMap(f"{name}_{by}", text, "", table=found, by=by, slopes={"c": slope})
        slopes["c"] = slope
    return LayerMap(name, title, found.text, table=found, symmetric=E.f == E.g, slopes=slopes)


@lru_cache(maxsize=REMEMBERED)
def _table(f: Function, g: Function) -> Table:
    from symntk.emit.table import table_of
    from symntk.kernels.expectation import Expectation

    return table_of(f.general, g.general, reference(Expectation(f, g, tol=FINEST)))


def reference(E: Expectation) -> Callable[..., np.ndarray]:
    """(var_u, var_v, cov, det) to the value: the expectation's own map, told the determinant."""
    from symntk.emit.compile import namespace
    from symntk.emit.module import map_source

    text = map_source(E.as_map("expectation_map"))
    found: Callable[..., np.ndarray] = namespace(text)["_expectation_map_given"]
    return found
