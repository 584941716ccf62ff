"""Maps as the package itself evaluates them: with the runtime imported, and written as far as is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from symntk.emit.compile import functions
from symntk.emit.maps import AnyMap, Map
from symntk.emit.module import map_code, sides_code


def host_functions(maps: Sequence[AnyMap], more: str = "") -> dict[str, Any]:
    """What the code of maps defines, by name, and more code that calls it.

    What stands for f and g where a variance is 0 is written and compiled when such a variance is met.
    """
    code, names = [], dict[str, Any]()
    for m in maps:
        late = (f"_{m.name}_f_side", f"_{m.name}_g_side") if isinstance(m, Map) else None
        if late is not None and isinstance(m, Map):
            sides = _Sides(m)
            names |= {name: _Side(sides, place) for place, name in enumerate(late)}
        code.append(map_code(m, late))
    return functions("\n\n\n".join([*code, more]), **names)


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
