"""Functions of the language as array code, and what a network of finite width needs of an array library.

The code is the one that modules export (`symntk.emit.stable_body`), except that a function which is constant between
its jumps is written as a sum of signs: one pass over the array, in the array's own precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import sympy as sp

from symntk.emit.code import Definition, Name, Node, Number, call, total
from symntk.emit.compile import function_of
from symntk.emit.stable_body import body
from symntk.emit.targets.numpy import NUMPY
from symntk.errors import DivergenceError, FormulaError
from symntk.kernels.function import Function
from symntk.language.symbols import x

Array = Any
"""An array of the library in use."""
_X = Name("x")
_SMALL = 10**6  # multiplications up to which OpenBLAS multiplies matrices without rearranging them first


@dataclass(frozen=True)
class ArrayFunction:
    """A function of one variable as code of an array; `is_step` says that it is constant between jumps."""

    name: str
    code: Definition
    is_step: bool

    @property
    def text(self) -> str:
        """The code in NumPy, which tells functions apart."""
        return NUMPY.write(self.code)


def array_function(function: Function) -> ArrayFunction:
    """The array code of a function.

    Raises:
        DivergenceError: the function holds a delta, which has no value at a finite width.
        FormulaError: the function has parameters without values.

    >>> from symntk.kernels.function import as_function
    >>> for function in (as_function("sign"), as_function("erf(2*x)").derivative):
    ...     print(NUMPY.expression(array_function(function).code.results[0]))
    np.sign(x)
    2.256758334191025 * np.exp(-4.0 * x ** 2)
    """
    form = function.general
    if form.deltas:
        raise DivergenceError(
            f"the values of {function.name}",
            "it holds a delta: the activation jumps, and no gradient passes a jump at a finite width",
            'surrogate gradient learning, rule="surrogate", or mollified(...) for the derivative of a kernel',
        )
    free = sorted({s.name for part in form.parts for s in part.free_symbols - {x}} | {s.name for s in form.parameters})
    if free:
        raise FormulaError(
            f"the values of {function.name}", f"{', '.join(free)} has no value", "numbers in the formula"
        )
    if all(part.is_number for part in form.parts):
        value = _signs([float(p) for p in form.parts], form.breaks)
        return ArrayFunction(function.name, Definition("f", ("x",), (), (value,)), True)
    return ArrayFunction(function.name, body(form), False)


def _signs(values: list[float], breaks: tuple[sp.Expr, ...]) -> Node:
    """A function with the given values between its jumps: the mean of its ends and half of each jump times a sign."""
    level = (values[0] + values[-1]) / 2
    if not breaks:
        return level + 0 * _X
    steps = [
        (right - left) / 2 * call("sign", _X if point == 0 else _X - float(point))
        for (left, right), point in zip(pairwise(values), breaks, strict=True)
    ]
    return total(steps if level == 0 else [Number(level), *steps])


def mollified(function: Function, slope: float, order: int = 2) -> Function:
    """The function with a smooth peak of width 1/slope in place of each delta.

    The peak is the Gaussian (slope/√π) exp(−slope² x²) — so that sign' becomes erf_slope' — corrected by its
    derivatives: moments 1 to order − 1 vanish, and expectations over smooth densities change by O(slope^−order) only.

    Args:
        function: a function whose deltas are no derivatives of deltas, such as the derivative of `sign`.
        slope: inverse width; a kernel's variance over networks grows with it, like slope/width.
        order: an even number; 2 is the Gaussian itself.

    >>> from symntk.kernels.function import as_function
    >>> mollified(as_function("sign").derivative, 3).expression
    6*exp(-9*x**2)/sqrt(pi)
    """
    if order < 2 or order % 2:
        raise FormulaError(f"a peak of order {order}", "the order is no positive even number", "2, 4 or 6")
    form, m = function.general, sp.nsimplify(slope)
    peak = m / sp.sqrt(sp.pi) * sp.exp(-((m * x) ** 2))
    variance = 1 / (2 * m**2)
    terms = [(-variance / 2) ** j / sp.factorial(j) * sp.diff(peak, x, 2 * j) for j in range(order // 2)]
    smooth = sp.factor(sp.Add(*terms))
    if any(delta.order for _, delta in form.deltas):
        raise FormulaError(f"{function.name} without deltas", "it holds a derivative of a delta", "a smoother function")
    peaks = [weight * smooth.subs(x, x - delta.threshold) for weight, delta in form.deltas]
    return Function(f"{function.name}, deltas of slope {slope}", form.regular(x) + sp.Add(*peaks))


def blocks(rows: int, columns: int, points: int) -> int:
    """Blocks of rows in which a matrix is multiplied with points: the fewest equal ones that are small, else 1.

    >>> blocks(500, 500, 16), blocks(503, 503, 16)
    (4, 1)
    """
    for count in range(1, rows // 16 + 1):
        if rows % count == 0 and rows // count * columns * points <= _SMALL:
            return count
    return 1


def product(matrices: np.ndarray, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Matrices (M, n, k) times values (M, k, points), in blocks of rows: half the time of the product at once."""
    networks, rows, columns = matrices.shape
    points = values.shape[-1]
    count = blocks(rows, columns, points)
    if out is None:
        out = np.empty((networks, rows, points), values.dtype)
    right = np.ascontiguousarray(values)[:, None]
    np.matmul(matrices.reshape(networks, count, -1, columns), right, out=out.reshape(networks, count, -1, points))
    return out


class Arrays(Protocol):
    """What an ensemble needs of an array library besides operators and `@`."""

    def compile(self, function: ArrayFunction) -> Callable[[Array], Array]:
        """The function over arrays, in their own precision."""

    def put(self, values: np.ndarray) -> Array:
        """An array of the library that shares no memory with `values`."""

    def get(self, values: Array) -> np.ndarray:
        """A NumPy array with its own memory."""

    def product(self, matrices: Array, values: Array) -> Array:
        """Matrices (M, n, k) times values (M, k, points)."""

    def less_product(self, target: Array, left: Array, right: Array) -> Array:
        """The target less left @ right, in the target's memory where the library allows it."""


class NumpyArrays:
    """NumPy."""

    def __init__(self) -> None:
        self._scratch: dict[tuple[tuple[int, ...], Any], np.ndarray] = {}

    def compile(self, function: ArrayFunction) -> Callable[[Array], Array]:
        """The function over arrays, in their own precision, without warnings where it underflows."""
        made = function_of(function.code)

        def evaluate(values: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.asarray(made(values), dtype=values.dtype)

        return evaluate

    def put(self, values: np.ndarray) -> Array:
        """A contiguous copy."""
        return np.array(values, order="C")

    def get(self, values: Array) -> np.ndarray:
        """A contiguous copy."""
        return np.array(values, order="C")

    def product(self, matrices: Array, values: Array) -> Array:
        """Matrices (M, n, k) times values (M, k, points)."""
        return product(matrices, values)

    def less_product(self, target: Array, left: Array, right: Array) -> Array:
        """The target less left @ right, in its memory; that of the product is kept for the next call."""
        key = target.shape, target.dtype
        if key not in self._scratch:
            self._scratch[key] = np.empty_like(target)
        np.matmul(left, right, out=self._scratch[key])
        return np.subtract(target, self._scratch[key], out=target)


def arrays(backend: str, device: str | None = None) -> Arrays:
    """The adapter to an array library.

    Args:
        backend: "numpy", "torch" or "jax".
        device: of PyTorch or JAX: "cpu", "cuda"; by default the GPU where there is one.

    Raises:
        FormulaError: the name is none of them, or the library is not installed.
    """
    if backend == "numpy":
        return NumpyArrays()
    if backend == "torch":
        from symntk.finite.torch_arrays import TorchArrays

        return TorchArrays(device)
    if backend == "jax":
        from symntk.finite.jax_arrays import JaxArrays

        return JaxArrays(device)
    raise FormulaError(f"the array library {backend!r}", "there is no adapter to it", '"numpy", "torch" or "jax"')
