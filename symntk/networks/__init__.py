"""Networks: the layer recursion, composed formulas, mean-field facts and regression.

`NetworkKernel`, `SurrogateGradientRegressor` and, in time, `TimeKernel` and `TimeRegressor` are scikit-learn's view of
them. All names are imported at first use, so that a formula waits neither for SciPy nor for scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from symntk.errors import FormulaError

_OF_SKLEARN = {
    "NetworkKernel": "sklearn_adapter",
    "SurrogateGradientRegressor": "sklearn_adapter",
    "TimeKernel": "time.estimators",
    "TimeRegressor": "time.estimators",
}
_MODULES = {
    "GradientFlow": "regression",
    "MeanField": "mean_field",
    "Prediction": "regression",
    "TimeMeanField": "time.mean_field",
    **_OF_SKLEARN,
}
"""Public name -> the module of this package that has it."""

__all__ = [
    "GradientFlow",
    "MeanField",
    "NetworkKernel",
    "Prediction",
    "SurrogateGradientRegressor",
    "TimeKernel",
    "TimeMeanField",
    "TimeRegressor",
]


def __getattr__(name: str) -> Any:
    """A public name, from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ImportError as error:
        if name not in _OF_SKLEARN:
            raise
        wrong = "scikit-learn is not installed, or older than 1.6"
        raise FormulaError(name, wrong, "pip install 'symntk[sklearn]'") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    """All names, the lazy ones included; those of scikit-learn where it is installed, since `help` reads them all."""
    missing = {*_OF_SKLEARN} if find_spec("sklearn") is None else set()
    return sorted({*globals(), *_MODULES} - missing)
