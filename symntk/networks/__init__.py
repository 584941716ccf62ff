"""Networks: the layer recursion, composed formulas, mean-field facts and regression.

`NetworkKernel` and `SurrogateGradientRegressor` are scikit-learn's view of them; scikit-learn is imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from symntk.errors import FormulaError

_OF_SKLEARN = ("NetworkKernel", "SurrogateGradientRegressor")


def __getattr__(name: str) -> Any:
    """What needs scikit-learn."""
    if name not in _OF_SKLEARN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        adapter = import_module("symntk.networks.sklearn_adapter")
    except ImportError as error:
        wrong = "scikit-learn is not installed, or older than 1.6"
        raise FormulaError(name, wrong, "pip install 'symntk[sklearn]'") from error
    return getattr(adapter, name)


def __dir__() -> list[str]:
    """All names, the lazy ones included."""
    return sorted({*globals(), *_OF_SKLEARN})
