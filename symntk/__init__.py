"""symntk: derive, export and verify the Gaussian integrals behind infinite-width kernels."""

from typing import Any

from symntk.kernels.expectation import Expectation, expectation
from symntk.kernels.kernels import Kernels, derive
from symntk.language.symbols import SYMBOLS as symbols
from symntk.language.tables.activations import ACTIVATIONS as activations
from symntk.language.tables.surrogates import SURROGATES as surrogates
from symntk.networks.network import Network
from symntk.networks.time.network import TimeNetwork
from symntk.version import VERSION as __version__

__all__ = [
    "Expectation",
    "Kernels",
    "Network",
    "TimeNetwork",
    "__version__",
    "activations",
    "derive",
    "expectation",
    "surrogates",
    "symbols",
]


def __getattr__(name: str) -> Any:
    """`symntk.emit`, which holds what printed code calls, is loaded where it is first asked for."""
    if name == "emit":
        from importlib import import_module

        return import_module("symntk.emit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
