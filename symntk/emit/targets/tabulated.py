"""Maps that a table stands for, in targets over array libraries: the tables, and the functions that read them."""

from __future__ import annotations

from collections.abc import Iterable

from symntk.emit.closure import helpers
from symntk.emit.layers import LayerMap
from symntk.emit.table import Table

_READERS = "_Stored, _StoredSide, _stored_numbers, _stored_mirrored, _read_values"


def tables_code(tables: Iterable[Table], library: str, array: str) -> str:
    """The tables by their names, and `_tabulated(table, a, b, c, d, by="")`, their map or its derivative by a or b.

    Args:
        tables: the tables.
        library: the array library, with NumPy's names.
        array: an expression for NumPy's x as an array of the library, with the type of its array a.
    """
    distinct = {one.name: one for one in tables}
    reader = [
        'def _tabulated(table, a, b, c, d, by=""):',
        '    """The map of a table at (a, b, c) with d = √(ab − c²), or its derivative by a or b at a fixed angle."""',
        f"    return _read_values({library}, lambda x: {array}, table, a, b, c, d, by)",
    ]
    return "\n\n\n".join(
        [helpers(_READERS), "\n".join(reader), *("\n".join(one.source()) for one in distinct.values())]
    )


def tabulated_code(layer: LayerMap) -> str:
    """The function `_{name}` of (a, b, c, det, d) for a map that a table stands for, `_{name}_table` beside a formula.

    Raises:
        ValueError: no table stands for it.
    """
    if layer.table is None:
        raise ValueError(f"{layer.name} has no table")
    read = f"_tabulated({layer.table.name}, a, b, c, d)"
    if layer.by:
        slope = f"_{layer.slopes['c'].name}(a, b, c, det, d)"
        read = f'_tabulated({layer.table.name}, a, b, c, d, "{layer.by}") - c / (2.0 * {layer.by}) * {slope}'
    name = f"{layer.name}_table" if layer.definitions else layer.name
    return f"def _{name}(a, b, c, det, d):\n    return {read}"
