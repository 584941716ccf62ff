"""The one file that knows PyTorch: ensembles of networks on a GPU, or on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symntk.emit.compile import function_of
from symntk.errors import FormulaError
from symntk.finite.arrays import Array, ArrayFunction


class TorchArrays:
    """PyTorch, on the GPU where there is one.

    Raises:
        FormulaError: PyTorch is not installed.
    """

    def __init__(self, device: str | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise FormulaError(
                'the backend "torch"', "PyTorch is not installed", "pip install 'symntk[torch]'"
            ) from error
        self._torch: Any = torch
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")

    def compile(self, function: ArrayFunction) -> Callable[[Array], Array]:
        """The function's NumPy code, its names looked up in PyTorch."""
        space = {"np": _Names(self._torch, self._torch), "special": _Names(self._torch, self._torch.special)}
        found = function_of(function.code, **space)
        return lambda values: found(values).to(values.dtype)

    def put(self, values: np.ndarray) -> Array:
        """A copy on the device."""
        return self._torch.tensor(np.ascontiguousarray(values), device=self.device)

    def get(self, values: Array) -> np.ndarray:
        """A copy as a NumPy array."""
        return np.array(values.detach().cpu().numpy(), order="C")

    def product(self, matrices: Array, values: Array) -> Array:
        """Matrices (M, n, k) times values (M, k, points)."""
        return matrices @ values

    def less_product(self, target: Array, left: Array, right: Array) -> Array:
        """The target less left @ right, in its memory."""
        rows = target.shape[0]
        return target.baddbmm_(left.expand(rows, *left.shape[-2:]), right.expand(rows, *right.shape[-2:]), alpha=-1.0)


class _Names:
    """NumPy's names in PyTorch; functions of plain numbers give numbers."""

    pi = math.pi
    nan = math.nan

    def __init__(self, torch: Any, module: Any) -> None:
        self._torch, self._module = torch, module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._module, name, None) or getattr(self._torch, name, None)
        if function is None:
            raise FormulaError(f"the function {name} in PyTorch", "PyTorch has none of this name", 'backend="numpy"')

        def call(*values: Any) -> Any:
            if name == "where":  # between plain numbers it would choose single precision
                condition, *cases = values
                tensor, kind = self._torch.tensor, {"dtype": self._torch.float64, "device": condition.device}
                return function(condition, *(v if hasattr(v, "dtype") else tensor(v, **kind) for v in cases))
            tensors = [v for v in values if isinstance(v, self._torch.Tensor)]
            if not tensors:
                return function(*(self._torch.tensor(v, dtype=self._torch.float64) for v in values)).item()
            like = tensors[0]
            return function(*(v if isinstance(v, self._torch.Tensor) else like.new_tensor(v) for v in values))

        return call
