"""SciPy's special functions, imported when the first is called: a formula that is only derived needs none of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class _Late:
    """`scipy.special`, as far as functions are called.

    >>> float(special.erf(0.0))
    0.0
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def function(*arguments: Any) -> Any:
            return getattr(import_module("scipy.special"), name)(*arguments)

        return function


special = _Late()
