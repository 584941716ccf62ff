"""A layer's maps as the recursion of Gram matrices takes them, compiled.

A map whose formula is cheap comes with it as a plain function of tiles, together with the nngp map where they share
parts; one whose formula costs more than a table, or that has none, with what prepares a table for a layer's variances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from symntk.emit.code import Definition, Name, Node, children
from symntk.emit.cost import is_costly
from symntk.emit.formula import formula, parameter_names
from symntk.emit.fused import fused
from symntk.emit.host import host_functions
from symntk.emit.maps import AnyMap, DiracMap, GeneralMap, Map
from symntk.emit.runtime.general import _layer_map
from symntk.emit.runtime.layer import _closed_layer, _layer_map_of

_LARGEST = 1500  # nodes of a formula, its lines written out


def layer_maps(maps: Sequence[AnyMap], divergent: Sequence[bool], numbers: Mapping[str, float]) -> list[dict[str, Any]]:
    """What `_layer_map_of` makes of the maps of a layer, the nngp map first.

    `divergent` says which are infinite at full correlation; `numbers` are the parameters' values, by name.
    """
    together = [_together(m, maps[0]) for m in maps]
    more = [_plain(*found) for found in together if found]
    for m in maps:
        if isinstance(m, GeneralMap):
            from symntk.emit.general import layer_arguments

            more.append(Definition(f"_{m.name}_layer", (), (), layer_arguments(m)))
    names, out = host_functions(maps, more), []
    for m, found, infinite in zip(maps, together, divergent, strict=True):
        given = partial(names[f"_{m.name}_given"], **{s.name: numbers[s.name] for s in m.parameters})
        known = parameter_names(tuple(s for one in found for s in one.parameters))
        values = {name: numbers[s.name] for s, name in known.items()}
        plain = partial(names[f"_{m.name}_plain"], **values) if found else None
        prepare = None
        if isinstance(m, GeneralMap):
            prepare = partial(_layer_map, *names[f"_{m.name}_layer"]())
        elif _is_costly(m):
            prepare = partial(_closed_layer, given, _is_symmetric(m))
        out.append(_layer_map_of(given, plain, len(found) > 1, prepare, _is_symmetric(m), infinite))
    return out


def _together(m: AnyMap, base: AnyMap) -> list[Map]:
    """The maps of the plain function of a map: the nngp map, where both are cheap, and itself; none without one."""
    if not isinstance(m, Map) or m.conditions or _size(m) > _LARGEST:
        return []
    return [base, m] if isinstance(base, Map) and m is not base and _is_cheap(base) and _is_cheap(m) else [m]


def _plain(*maps: Map) -> Definition:
    """The plain function of the last map and of those before it."""
    m, made = maps[-1], [formula("", one.value, one.parameters).definition for one in maps]
    names = parameter_names(tuple(s for one in maps for s in one.parameters))
    return fused(f"_{m.name}_plain", made, tuple(names.values()), None if _is_symmetric(m) else len(made) - 1)


def _is_symmetric(m: AnyMap) -> bool:
    """Whether the map is the same for exchanged variances."""
    return not isinstance(m, DiracMap) and m.f == m.g


def _is_costly(m: Map | DiracMap) -> bool:
    """Whether a table is faster than the closed form."""
    return isinstance(m, DiracMap) or is_costly(formula("", m.value, m.parameters).definition)


def _is_cheap(m: Map) -> bool:
    return not m.conditions and _size(m) <= _LARGEST and not _is_costly(m)


def _size(m: Map) -> float:
    """Nodes of the formula with its lines written out."""
    definition: Definition = formula("", m.value, m.parameters).definition
    sizes: dict[str, float] = {}

    def size(one: Node) -> float:
        return sizes.get(one.name, 1) if isinstance(one, Name) else 1 + sum(map(size, children(one)))

    for name, one in definition.lines:
        sizes[name] = size(one)
    return sum(map(size, definition.results))
