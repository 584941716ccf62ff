"""The one file that knows JAX: ensembles of networks on whatever device it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symntk.emit.compile import function_of
from symntk.errors import DomainError, FormulaError
from symntk.finite.arrays import Array, ArrayFunction


class JaxArrays:
    """JAX, on its default device or the first of the kind that is named.

    Raises:
        FormulaError: JAX is not installed, or has no such device.
    """

    def __init__(self, device: str | None = None) -> None:
        try:
            import jax
            import jax.numpy
            import jax.scipy.special
        except ImportError as error:
            raise FormulaError('the backend "jax"', "JAX is not installed", "pip install 'symntk[jax]'") from error
        self._jax: Any = jax
        try:
            self.device = jax.devices(device)[0]
        except RuntimeError as error:
            raise FormulaError(f'the device "{device}" of JAX', str(error), "device=None, its own choice") from error

    def compile(self, function: ArrayFunction) -> Callable[[Array], Array]:
        """The function's NumPy code, its names looked up in JAX, which has the same ones."""
        found = function_of(function.code, np=self._jax.numpy, special=self._jax.scipy.special)
        made: Callable[[Array], Array] = self._jax.jit(lambda values: found(values).astype(values.dtype))
        return made

    def put(self, values: np.ndarray) -> Array:
        """A copy on the device.

        Raises:
            DomainError: float64, which JAX has been told to do without.
        """
        if values.dtype == np.float64 and not self._jax.config.jax_enable_x64:
            wrong, advice = "JAX makes it float32 unless it is told not to", 'jax.config.update("jax_enable_x64", True)'
            raise DomainError("float64 with JAX", wrong, f'{advice}, or dtype="float32"')
        return self._jax.device_put(np.array(values), self.device)

    def get(self, values: Array) -> np.ndarray:
        """A copy as a NumPy array."""
        return np.array(values, order="C")

    def product(self, matrices: Array, values: Array) -> Array:
        """Matrices (M, n, k) times values (M, k, points)."""
        return matrices @ values

    def less_product(self, target: Array, left: Array, right: Array) -> Array:
        """The target less left @ right."""
        return target - left @ right
