"""What a network is made of, as a user gives it: kernels and scales for all layers or for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import DomainError
from symntk.kernels.arguments import real_array
from symntk.kernels.kernels import Kernels
from symntk.language.tables.registry import exact


def kernels_per_layer(kernels: Kernels | Sequence[Kernels], depth: int) -> tuple[Kernels, ...]:
    """The kernels of each hidden layer, from one for all or a list."""
    if isinstance(kernels, Kernels):
        return (kernels,) * (depth - 1)
    asked = f"a network of depth {depth}"
    if not isinstance(kernels, list | tuple) or not all(isinstance(one, Kernels) for one in kernels):
        raise DomainError(asked, "its kernels are no Kernels", "symntk.derive(...), or a list of such")
    if len(kernels) != depth - 1:
        wrong = f"{len(kernels)} Kernels for {depth - 1} hidden layers"
        raise DomainError(asked, wrong, "one Kernels for all, or a list with one for each hidden layer")
    return tuple(kernels)


def scales(name: str, given: float | Sequence[float], depth: int) -> tuple[float, ...]:
    """The scale of each weight layer, from one number or one for each; `name` is weight_std or bias_std."""
    asked = f"{name} of a network of depth {depth}"
    try:
        values = real_array(given)
    except (TypeError, ValueError) as error:
        raise DomainError(asked, f"{given!r} is not numbers", "a number, or one for each weight layer") from error
    if values.ndim > 1 or (values.ndim == 1 and len(values) != depth):
        wrong = f"an array of shape {values.shape}"
        raise DomainError(asked, wrong, f"one number, or {depth}: one for each weight layer")
    sign = values > 0 if name == "weight_std" else values >= 0
    if not np.all(np.isfinite(values) & sign):
        raise DomainError(asked, f"{given!r}", "weight_std > 0 and bias_std >= 0, both finite")
    return tuple(float(v) for v in np.broadcast_to(values, (depth,)))


def exact_scales(given: Any, depth: int) -> tuple[sp.Expr, ...]:
    """The scales as SymPy has them: what is exact stays, a float is the rational that its shortest text says."""
    values = list(given) if np.ndim(given) else [given] * depth
    return tuple(exact(value) for value in values)


def shown(values: tuple[float, ...]) -> str:
    """One number where all are the same."""
    return f"{values[0]:g}" if len(set(values)) == 1 else str(values)
