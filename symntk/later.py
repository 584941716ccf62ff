"""Public names of a room that are imported at first use: a formula waits for none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def later(package: str, modules: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose public names lie in modules that are not imported yet.

    Args:
        package: its name.
        modules: of the package -> the public names that it holds.

    >>> lookup, names = later("symntk.networks", {"mean_field": ["MeanField"]})
    >>> lookup("MeanField").__module__, names()
    ('symntk.networks.mean_field', ['MeanField'])
    """
    places = {name: module for module, names in modules.items() for name in names}

    def lookup(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return lookup, lambda: sorted(places)
