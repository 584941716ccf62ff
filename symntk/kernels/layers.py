"""Expectations as the layer maps that targets write, with their derivatives derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy as sp

from symntk.errors import FormulaError, SymntkError
from symntk.kernels.function import REMEMBERED
from symntk.kernels.tables import LEAST_TOLERANCE, tabulated_layer, with_shortcut, with_table

if TYPE_CHECKING:
    from symntk.emit.layers import LayerMap
    from symntk.emit.standalone import ModuleTarget
    from symntk.kernels.expectation import Expectation
    from symntk.kernels.solution import Solution

Box: TypeAlias = tuple[float, float]
_HALF = sp.Rational(1, 2)
_PRICE = {"a": (2, 0, _HALF), "b": (0, 2, _HALF), "c": (1, 1, sp.S.One)}
_MEANS = {"m1": (1, 0, sp.S.One), "m2": (0, 1, sp.S.One)}


def layer_map(
    E: Expectation,
    name: str,
    title: str = "",
    *,
    slopes: bool = False,
    scale: sp.Rational = sp.S.One,
    variances: Box | None = None,
) -> LayerMap:
    """`scale` times the expectation as a map to be written; with its slopes where asked for.

    `variances` are the least and the largest for which a table is to hold.

    Raises:
        FormulaError: there is neither a closed form that has code nor a table.
    """
    from symntk.emit.layers import closed_layer
    from symntk.emit.maps import Map

    written = E.as_map(name, title)
    entries = (*_PRICE, *(_MEANS if E.means else ())) if isinstance(written, Map) else ("c",)
    derived = _slopes(E, name, scale, entries, variances) if slopes else {}
    if not isinstance(written, Map):
        layer = tabulated_layer(E, name, title, derived.get("c"), scale, variances)
        return replace(layer, diagonal=str(E.diagonal), divergent=E.diagonal.diverges)
    layer = closed_layer(written, E, scale)
    return replace(layer, diagonal=str(E.diagonal), divergent=E.diagonal.diverges, slopes=derived)


def _slopes(
    E: Expectation, name: str, scale: sp.Rational, entries: Sequence[str], variances: Box | None
) -> dict[str, LayerMap]:
    """Derivatives by some entries of the law, as far as there is code for them: Price's theorem.

    ∂a E[f g] = ½ E[f'' g], ∂b E[f g] = ½ E[f g''], ∂c E[f g] = E[f' g'], ∂m1 E[f g] = E[f' g], ∂m2 E[f g] = E[f g'].
    """
    from symntk.kernels.expectation import Expectation

    out: dict[str, LayerMap] = {}
    for entry in entries:
        (first, second, factor), f, g = (_PRICE | _MEANS)[entry], E.f, E.g
        try:
            for _ in range(first):
                f = f.derivative
            for _ in range(second):
                g = g.derivative
            slope = Expectation(f, g, means=E.means, tol=E.tol)
            title = f"the derivative of {name} by {entry}, {'' if factor == 1 else f'{factor} '}E[f(u) g(v)]"
            out[entry] = layer_map(slope, f"{name}_{entry}", title, scale=factor * scale, variances=variances)
        except SymntkError:  # it does not exist, or has neither a closed form nor a table
            continue
    return out


def layer_maps(
    items: Mapping[str, Expectation], titles: Mapping[str, str], *, target: ModuleTarget, variances: Box | None = None
) -> dict[str, LayerMap]:
    """The maps of several kernels by name; one that no Gram matrix needs is left out where it has no closed form."""
    from symntk.emit.standalone import GRAMS

    out: dict[str, LayerMap] = {}
    for name, E in items.items():
        if name not in GRAMS and E.expression is None:
            continue
        try:
            layer = layer_map(E, f"{name}_map", titles[name], slopes=target.slopes, variances=variances)
        except FormulaError:
            if name in GRAMS:
                raise
            continue
        out[name] = with_shortcut(E, layer) if target.shortcuts and name in GRAMS else layer
    return out


def map_text(E: Expectation, target: str, variances: Box | None = None) -> str:
    """A module with the expectation's map alone."""
    from symntk.emit.module import map_source
    from symntk.emit.standalone import standalone, target_of

    if target == "numpy":
        return map_source(E.as_map("expectation_map"))
    found = target_of(target)
    layer = layer_map(E, "expectation_map", str(E), slopes=found.slopes, variances=variances)
    return standalone(found, f'"""{layer.title}: {layer.text}."""', {"expectation": layer})


@lru_cache(maxsize=REMEMBERED)
def compiled_map(solution: Solution, title: str, parameters: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    """The NumPy map of a solution, written and compiled; equal expectations share solutions, and so this."""
    from symntk.emit.host import host_functions
    from symntk.emit.maps import GeneralMap

    written = solution.as_map("expectation_map", title, parameters)
    loose = isinstance(written, GeneralMap) and written.tolerance >= LEAST_TOLERANCE
    panels = partial(with_table, f=solution.f, g=solution.g) if loose else None
    found: Callable[..., Any] = host_functions([written], panels=panels)["expectation_map"]
    return found
