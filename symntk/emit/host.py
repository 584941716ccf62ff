"""Maps as the package itself evaluates them: with the runtime imported, and written as far as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from symntk.emit.code import Definition
from symntk.emit.compile import functions
from symntk.emit.maps import AnyMap, GeneralMap, Map
from symntk.emit.module import formula_route, map_code, sides_code
from symntk.emit.targets.numpy import NUMPY

Panels = Callable[..., np.ndarray]
"""The integrals of a map without a closed form, as a function of flat arrays a, b, c, det, d, m1, m2."""


def host_functions(
    maps: Sequence[AnyMap], more: Sequence[Definition] = (), panels: Callable[[Panels], Panels] | None = None
) -> dict[str, Any]:
    """What the code of maps defines, by name, and more functions, which may call it.

    What stands for f and g where a variance is 0, and the quadrature of entries that lose their digits by a formula or
    whose series is too long, is written and compiled when it is met. `panels` makes of a map's panels what takes their
    place.
    """
    code, names = [], dict[str, Any]()
    for m in maps:
        late = f"_{m.name}_f_side", f"_{m.name}_g_side"
        if isinstance(m, Map):
            sides = _Sides(m)
            names |= {name: _Side(sides, place) for place, name in enumerate(late)}
            names[f"_{m.name}_route"] = _FormulaRoute(m)
        if isinstance(m, GeneralMap):
            names[f"_{m.name}_route"] = _Route(m, panels)
        code.append(map_code(m, late))
    return functions("\n\n\n".join([*code, NUMPY.write_all(more)]), **names)


class _Route:
    """What entries of a map take whose series is too long."""

    def __init__(self, m: GeneralMap, panels: Callable[[Panels], Panels] | None) -> None:
        self.map, self.panels = m, panels

    @cached_property
    def found(self) -> Panels:
        """The function, made: a mixture takes some tenths of a second to find."""
        from symntk.emit.general import route_code

        own = dict[str, Any](_owner=self)  # no other map's panels are replaced
        names, panels = functions(NUMPY.write_all(route_code(self.map)), **own), f"_{self.map.name}_panels"
        names[panels] = names[panels] if self.panels is None else self.panels(names[panels])
        made: Panels = names[f"_{self.map.name}_route"]
        return made

    def __call__(self, *law: np.ndarray) -> np.ndarray:
        return self.found(*law)


class _FormulaRoute:
    """What entries of a closed form take that lose their digits."""

    def __init__(self, m: Map) -> None:
        self.map = m

    @cached_property
    def found(self) -> Callable[..., Any]:
        """The function, made."""
        made: Callable[..., Any] = functions(formula_route(self.map))[f"_{self.map.name}_route"]
        return made

    def __call__(self, *entries: Any) -> Any:
        return self.found(*entries)


class _Sides:
    """Both sides of a map."""

    def __init__(self, m: Map) -> None:
        self.map = m

    @cached_property
    def found(self) -> tuple[Any, Any]:
        """Pairs of functions, the value at a point and the mean."""
        f, g = functions(sides_code(self.map))["_sides"]()
        return f, g


class _Side:
    """One of them, a pair of functions when it is unpacked."""

    def __init__(self, sides: _Sides, place: int) -> None:
        self.sides, self.place = sides, place

    def __iter__(self) -> Iterator[Any]:
        return iter(self.sides.found[self.place])
