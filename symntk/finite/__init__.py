"""Networks of finite width: forward, back-propagation, empirical kernels, ensembles that are trained."""

from typing import TYPE_CHECKING

from symntk.later import later

if TYPE_CHECKING:
    from symntk.finite.arrays import ArrayFunction, Arrays, NumpyArrays, array_function, mollified, product
    from symntk.finite.ensemble import Ensemble
    from symntk.finite.network import (
        Architecture,
        DenseTraining,
        Elementwise,
        Parameters,
        Steps,
        empirical_kernel,
        forward,
    )
    from symntk.finite.time import FiniteTimeNetwork
    from symntk.finite.training import Schedule, Training

_MODULES = {
    "arrays": ("ArrayFunction", "Arrays", "NumpyArrays", "array_function", "mollified", "product"),
    "ensemble": ("Ensemble",),
    "network": ("Architecture", "DenseTraining", "Elementwise", "Parameters", "Steps", "empirical_kernel", "forward"),
    "time": ("FiniteTimeNetwork",),
    "training": ("Schedule", "Training"),
}

__all__ = [
    "Architecture",
    "ArrayFunction",
    "Arrays",
    "DenseTraining",
    "Elementwise",
    "Ensemble",
    "FiniteTimeNetwork",
    "NumpyArrays",
    "Parameters",
    "Schedule",
    "Steps",
    "Training",
    "array_function",
    "empirical_kernel",
    "forward",
    "mollified",
    "product",
]
__getattr__, __dir__ = later(__name__, _MODULES)
