"""A layer's maps as the recursion of Gram matrices takes them, as code.

A map whose formula is cheap comes with it as a plain function of tiles, together with the nngp map where they share
parts; one whose formula costs more than a table, or that has none, with what prepares a table for a layer's variances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symntk.emit.code import Definition, Name, Node, children
from symntk.emit.cost import is_costly
from symntk.emit.formula import formula, parameter_names
from symntk.emit.fused import fused
from symntk.emit.maps import AnyMap, DiracMap, GeneralMap, Map
from symntk.emit.targets.numpy import NUMPY

_LARGEST = 1500  # nodes of a formula, its lines written out


class LayerCode:
    """Expressions for maps, and the functions that these need beside the maps' own code."""

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}

    def expression(
        self, m: AnyMap, base: AnyMap, divergent: bool = False, numbers: Mapping[str, float] | None = None
    ) -> str:
        """A map as the recursion takes it; `base` is the layer's nngp map, `numbers` stand for parameters' names."""
        given = _given(m, numbers)
        options = [f"lambda a, b, c, det: _{m.name}_given(a, b, c, det, {given})" if given else f"_{m.name}_given"]
        if isinstance(m, Map) and _size(m) <= _LARGEST and not m.conditions:
            other = base if isinstance(base, Map) and m is not base and _is_cheap(base) and _is_cheap(m) else None
            function, union = self._plain(m, other)
            passed = _given(m, numbers, union)
            options.append(f"plain=lambda a, b, c: {function}(a, b, c, {passed})" if passed else f"plain={function}")
            options += ["joint=True"] if other is not None else []
        if isinstance(m, GeneralMap):
            from symntk.emit.general import layer_arguments

            passed = ", ".join(map(NUMPY.expression, layer_arguments(m)))
            options.append(f"prepare=lambda a, b: _layer_map({passed}, a, b)")
        elif _is_costly(m):
            careful = options[0] if not given else f"({options[0]})"
            options.append(f"prepare=lambda a, b: _closed_layer({careful}, {is_symmetric(m)}, a, b)")
        if not is_symmetric(m):
            options.append("symmetric=False")
        if divergent:
            options.append("divergent=True")
        return f"_layer_map_of({', '.join(options)})"

    def _plain(self, m: Map, base: Map | None) -> tuple[str, Sequence[str]]:
        """The plain function's name and the names of its parameters; written once."""
        maps = [m] if base is None else [base, m]
        name = "_plain_" + "_".join(one.name.removesuffix("_map") for one in maps)
        parameters = tuple(dict.fromkeys(s for one in maps for s in one.parameters))
        if name not in self.functions:
            made = [formula("", one.value, one.parameters).definition for one in maps]
            swapped = None if is_symmetric(m) else len(made) - 1
            written = fused(name, made, tuple(parameter_names(parameters).values()), swapped)
            self.functions[name] = NUMPY.write(written)
        return name, [s.name for s in parameters]


def is_symmetric(m: AnyMap) -> bool:
    """Whether the map is the same for exchanged variances."""
    return not isinstance(m, DiracMap) and m.f == m.g


def _given(m: AnyMap, numbers: Mapping[str, float] | None, names: Sequence[str] | None = None) -> str:
    names = [s.name for s in m.parameters] if names is None else names
    return ", ".join(names if numbers is None else [repr(numbers[name]) for name in names])


def _is_costly(m: AnyMap) -> bool:
    """Whether a table is faster than the closed form."""
    if isinstance(m, DiracMap):
        return True
    if isinstance(m, GeneralMap):
        return False
    return is_costly(formula("", m.value, m.parameters).definition)


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
