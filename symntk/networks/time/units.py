"""Functions of single units as array code: activations and the derivatives that are propagated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symntk.errors import DivergenceError, FormulaError
from symntk.kernels.function import Function
from symntk.kernels.kernels import Kernels

Elementwise = Callable[[np.ndarray], np.ndarray]


def elementwise(function: Function, asked: str) -> Elementwise:
    """The function over arrays of float64.

    Raises:
        DivergenceError: it holds a delta, so that it has no values.
        FormulaError: it has parameters without values.

    >>> from symntk.kernels.function import as_function
    >>> elementwise(as_function("Max(0, 1 - Abs(x))"), "an example")(np.array([-2.0, 0.25])).tolist()
    [0.0, 0.75]
    """
    from symntk.emit.compile import function_of
    from symntk.emit.stable_body import body

    form = function.general
    if form.deltas:
        wrong = f"{function.name} holds a delta: the activation jumps, and no gradient passes a jump along single paths"
        steep = "the surrogate_ntk; or a steep smooth unit in place of the jump, as (1 + erf(10*x))/2 with a threshold"
        raise DivergenceError(asked, wrong, steep)
    if function.parameters:
        free = ", ".join(s.name for s in function.parameters)
        raise FormulaError(asked, f"{free} of {function.name} has no value", "numbers in the formula")
    made = function_of(body(form))

    def evaluate(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(made(values) + np.zeros_like(values))

    return evaluate


def slope(kernels: Kernels, name: str) -> Function:
    """What a side of a kernel propagates: the "derivative", or the "surrogate" derivative."""
    return kernels.derivative if name == "derivative" else kernels.surrogate_ntk.f
