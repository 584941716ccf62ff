"""Fully connected networks of finite width, many at a time: outputs, back-propagation, empirical kernels.

NTK parametrization (Jacot, Gabriel & Hongler 2018, arXiv 1806.07572): h¹ = σ_w/√n_0 W¹x + σ_b b¹,
h^{l+1} = σ_w/√n_l W^{l+1} σ(h^l) + σ_b b^{l+1}, the output h^L linear and single, all weights and biases N(0, 1).
Arrays have one row per network first, then units, then points: weights (M, n_in, n_out), biases (M, n_out, 1), units
(M, n, points).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from symntk.errors import DomainError
from symntk.finite.arrays import Array, Arrays

Elementwise = Callable[[Array], Array]
Parameters = list[tuple[Array, Array]]
"""Weights and biases of each layer."""


@dataclass(frozen=True)
class Architecture:
    """Sizes and scales of a fully connected network.

    Attributes:
        inputs: features of an input, n_0.
        width: units of each hidden layer.
        depth: weight layers, at least 2.
        weight_std, bias_std: σ_w and σ_b.
    """

    inputs: int
    width: int
    depth: int
    weight_std: float = 1.0
    bias_std: float = 0.0

    def __post_init__(self) -> None:
        asked = f"a network of depth {self.depth}, width {self.width} and {self.inputs} inputs"
        if self.depth < 2 or self.width < 1 or self.inputs < 1:
            raise DomainError(asked, "there is nothing to train", "depth ≥ 2, width ≥ 1 and inputs ≥ 1")
        for name, value in (("weight_std", self.weight_std), ("bias_std", self.bias_std)):
            if not (math.isfinite(value) and value >= 0.0):
                raise DomainError(asked, f"{name} = {value}", "a number that is not negative")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of the input, of each hidden layer and of the output."""
        return (self.inputs, *[self.width] * (self.depth - 1), 1)

    @cached_property
    def gains(self) -> tuple[float, ...]:
        """σ_w/√n of each weight layer."""
        return tuple(self.weight_std / math.sqrt(n) for n in self.sizes[:-1])

    @property
    def numbers(self) -> int:
        """Weights and biases of one network."""
        return sum(a * b + b for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def draw(self, seed: int, networks: Sequence[int], dtype: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """Initial weights and biases; each network has a random stream of its own, whichever others are drawn."""
        shapes = list(zip(self.sizes[:-1], self.sizes[1:], strict=True))
        out = [(np.empty((len(networks), a, b), dtype), np.empty((len(networks), b, 1), dtype)) for a, b in shapes]
        for row, network in enumerate(networks):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(network,)))
            for (a, b), (weights, biases) in zip(shapes, out, strict=True):
                weights[row] = rng.standard_normal((a, b))
                biases[row, :, 0] = rng.standard_normal(b)
        return out


def turned(values: Array) -> Array:
    """The transpose of the last two axes."""
    return values.swapaxes(-1, -2)


def forward(
    shape: Architecture, parameters: Parameters, activations: Sequence[Elementwise], x: Array
) -> tuple[list[Array], list[Array]]:
    """Pre-activations h¹ … h^L and the layers' inputs x, σ(h¹) …; x is (n_0, points), h^L is (M, 1, points)."""
    inside, above, values = [], [], x
    for layer, (weights, biases) in enumerate(parameters):
        inside.append(values)
        h = turned(turned(values) @ weights)  # points as rows in memory: the faster product
        h *= shape.gains[layer]
        h += shape.bias_std * biases
        above.append(h)
        if layer < len(activations):
            values = activations[layer](h)
    return above, inside


def backward(
    shape: Architecture,
    parameters: Parameters,
    slopes: Sequence[Elementwise],
    above: list[Array],
    top: Array,
    product: Callable[[Array, Array], Array] = operator.matmul,
) -> list[Array]:
    """Sensitivities ∂f/∂h¹ … ∂f/∂h^L times `top` (M, 1, points), with `slopes` for the derivatives of the layers."""
    out = [top]
    for layer in reversed(range(len(slopes))):
        delta = product(parameters[layer + 1][0], out[0])
        delta *= slopes[layer](above[layer])
        delta *= shape.gains[layer + 1]
        out.insert(0, delta)
    return out


def empirical_kernel(
    shape: Architecture,
    parameters: Parameters,
    activations: Sequence[Elementwise],
    slopes: tuple[Sequence[Elementwise], Sequence[Elementwise]],
    x1: Array,
    x2: Array,
) -> Array:
    """J(x1) Jˢ(x2)ᵀ of each network, (M, points, points); the slopes of the first and of the second argument.

    The Jacobians are never formed: each weight layer adds (σ_w²/n ⟨s, s'⟩ + σ_b²) ⟨δ, δ'⟩.
    """
    sides = []
    for x, slope in zip((x1, x2), slopes, strict=True):
        above, inside = forward(shape, parameters, activations, x)
        sides.append((inside, backward(shape, parameters, slope, above, above[-1] * 0.0 + 1.0)))
    (inside1, delta1), (inside2, delta2) = sides
    total: Array = 0.0
    for layer, gain in enumerate(shape.gains):
        inner = turned(inside1[layer]) @ inside2[layer]
        total = total + (gain**2 * inner + shape.bias_std**2) * (turned(delta1[layer]) @ delta2[layer])
    return total


class Steps(Protocol):
    """Training steps of a number of networks; made with what `DenseTraining` is made with."""

    def step(self) -> None:
        """One step of all networks."""

    def parameters(self) -> Parameters:
        """The current weights and biases."""

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state."""


class DenseTraining:
    """Full-batch steps on the loss ½ · mean (f − y)², for any activation: forward, backward, update.

    Args:
        arrays: the array library.
        shape: sizes and scales.
        parameters: of the networks, changed in place by the steps.
        activations, slopes: of the hidden layers; slopes are what back-propagation uses for σ'.
        x: inputs (n_0, points).
        y: targets (points,).
        rate: η.
    """

    def __init__(
        self,
        arrays: Arrays,
        shape: Architecture,
        parameters: Parameters,
        activations: Sequence[Elementwise],
        slopes: Sequence[Elementwise],
        x: Array,
        y: Array,
        rate: float,
    ) -> None:
        self.arrays, self.shape, self.held = arrays, shape, parameters
        self.activations, self.slopes, self.x, self.y, self.rate = activations, slopes, x, y, rate

    def step(self) -> None:
        """One step of all networks."""
        shape, points = self.shape, self.y.shape[-1]
        above, inside = forward(shape, self.held, self.activations, self.x)
        residual = (above[-1] - self.y) * (self.rate / points)
        deltas = backward(shape, self.held, self.slopes, above, residual, self.arrays.product)
        for layer, (weights, biases) in enumerate(self.held):
            delta = deltas[layer]
            biases -= shape.bias_std * delta.sum(-1)[..., None]
            delta *= shape.gains[layer]
            self.held[layer] = self.arrays.less_product(weights, inside[layer], turned(delta)), biases

    def parameters(self) -> Parameters:
        """The current weights and biases."""
        return self.held

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""
        return {
            f"{kind}{i}": self.arrays.get(a)
            for i, pair in enumerate(self.held)
            for kind, a in zip("wb", pair, strict=True)
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state."""
        self.held = [(self.arrays.put(state[f"w{i}"]), self.arrays.put(state[f"b{i}"])) for i in range(len(self.held))]
