"""Surrogate gradient learning of networks whose activations are constant between jumps, as `sign`: a third of the work.

A layer's input s takes few values and rarely changes from one step to the next, so the matrices of a step need neither
be multiplied with s again nor be rewritten. With D_τ the scaled sensitivities of step τ, gradient steps give
W_t = W_0 − ηg Σ_τ s_τ D_τᵀ (g = σ_w/√n). While s stays, that is B − ηg s A_tᵀ with A_t = Σ_τ D_τ; where the entry of
unit i at one point changes by Δ, row i of B takes up + ηg Δ A_tᵀ. So per step

- the units above change by −η D (g² sᵀs + σ_b²) and by what the changed entries add, not by a product with W,
- the weights change by A += D,
- and only back-propagation multiplies with a matrix: W D = B D − ηg s (Aᵀ D).

This is the same gradient step in exact arithmetic. Every `FLUSH` steps B takes up A and all units are computed anew,
so that rounding does not add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symntk.errors import FormulaError
from symntk.finite import Architecture, Arrays, Elementwise, NumpyArrays, Parameters, product

FLUSH = 1000
_LANES = 16  # points of a full register; matrix products with 15 columns take longer than with 16
_MANY = 20  # changed entries of a network from which its layer is computed anew


def _padded(points: int) -> int:
    """Points to compute with: a few idle ones where that fills registers."""
    idle = -points % _LANES
    return points + idle if 4 * idle <= points else points


class StepTraining:
    """Full-batch surrogate gradient steps on ½ · mean (f − y)², with NumPy.

    A `trainer` of `symntk.finite.Ensemble.train`: it gives what `DenseTraining` gives, up to rounding. The first layer
    is kept as (M, n, n_0 + 1) with the bias as its last column, the last as (M, n, 1) and (M, 1, 1).
    """

    def __init__(
        self,
        arrays: Arrays,
        shape: Architecture,
        parameters: Parameters,
        activations: Sequence[Elementwise],
        slopes: Sequence[Elementwise],
        x: np.ndarray,
        y: np.ndarray,
        rate: float,
    ) -> None:
        if not isinstance(arrays, NumpyArrays):
            raise FormulaError("the fast step of networks of steps", "it is written for NumPy", 'backend="numpy"')
        self.shape, self.activations, self.slopes, self.rate = shape, activations, slopes, rate
        self.points, total = len(y), _padded(len(y))
        dtype = parameters[0][0].dtype
        self.y = y.astype(dtype)
        inputs = np.zeros((shape.inputs + 1, total), dtype)
        inputs[:-1, : self.points] = shape.gains[0] * x
        inputs[-1] = shape.bias_std
        self.inputs, self.back = inputs, np.ascontiguousarray(rate * inputs.T)
        networks, hidden = len(parameters[0][0]), shape.depth - 1
        first = np.concatenate([parameters[0][0], parameters[0][1].swapaxes(1, 2)], axis=1)
        self.first = np.ascontiguousarray(first.swapaxes(1, 2))
        self.base = [np.array(weights) for weights, _ in parameters[1:-1]]
        self.biases = [np.array(biases) for _, biases in parameters[1:-1]]
        self.last, self.last_bias = (np.array(part) for part in parameters[-1])
        units = (networks, shape.width, total)
        self.sums = [np.zeros(units, dtype) for _ in self.base]
        self.h = [np.zeros(units, dtype) for _ in range(hidden)]
        self.s = [np.zeros(units, dtype) for _ in range(hidden)]
        self.gram = [np.zeros((networks, total, total), dtype) for _ in self.base]
        self._below = np.zeros(units, dtype)
        self._residual = np.zeros((networks, 1, total), dtype)
        self.steps = 0
        self._anew()

    def step(self) -> None:
        """One step of all networks."""
        if self.steps and self.steps % FLUSH == 0:
            self._anew()
        self.steps += 1
        shape, rate = self.shape, self.rate
        gain, top = shape.gains[-1], self._residual
        output = self.last.swapaxes(1, 2) @ self.s[-1]
        output *= gain
        output += shape.bias_std * self.last_bias
        np.subtract(output[..., : self.points], self.y, out=top[..., : self.points])
        top /= self.points
        deltas = self._backward(top)
        change = self.s[-1] @ top.swapaxes(1, 2)
        change *= rate * gain
        self.last -= change
        self.last_bias -= rate * shape.bias_std * top.sum(-1, keepdims=True)
        self.first -= deltas[0] @ self.back
        np.matmul(self.first, self.inputs, out=self.h[0])
        for layer, delta in enumerate(deltas[1:]):
            self.sums[layer] += delta
            gram = self.gram[layer] * (rate * shape.gains[layer + 1] ** 2)
            gram += rate * shape.bias_std**2
            self.h[layer + 1] -= delta @ gram
            self._take_changes(layer)
        self.s[-1] = self.activations[-1](self.h[-1])

    def _backward(self, top: np.ndarray) -> list[np.ndarray]:
        """Sensitivities of all hidden layers."""
        delta = self.slopes[-1](self.h[-1])
        delta *= np.multiply(self.last, self.shape.gains[-1] * top, out=self._below)
        deltas = [delta]
        for layer in reversed(range(len(self.base))):
            gain = self.shape.gains[layer + 1]
            below = product(self.base[layer], delta, out=self._below)
            recent = self.sums[layer].swapaxes(1, 2) @ delta
            recent *= self.rate * gain
            below -= self.s[layer] @ recent
            delta = self.slopes[layer](self.h[layer])
            delta *= below
            delta *= gain
            deltas.insert(0, delta)
        return deltas

    def _take_changes(self, layer: int) -> None:
        """What changed in the values of one hidden layer moves the units above, and the rows of B."""
        values = self.activations[layer](self.h[layer])
        moved = values != self.s[layer]
        for network in np.flatnonzero(moved.any(axis=(1, 2))).tolist():
            entries = np.flatnonzero(moved[network]).tolist()
            if len(entries) > _MANY:
                self._take_up(layer, network)
                self.s[layer][network] = values[network]
                self._units_above_anew(layer, network)
                continue
            for entry in entries:
                unit, point = divmod(entry, values.shape[-1])
                self._take_change(layer, network, unit, point, values)

    def _take_change(self, layer: int, network: int, unit: int, point: int, values: np.ndarray) -> None:
        """One changed entry; the row W of the unit's weights stays as it is: B and s change together."""
        base, sums = self.base[layer][network, unit], self.sums[layer][network]
        old, gram = self.s[layer][network, unit], self.gram[layer][network]
        gain = self.shape.gains[layer + 1]
        jump = values[network, unit, point] - old[point]
        weights = sums @ (-self.rate * gain * old)
        weights += base
        weights *= gain * jump
        self.h[layer + 1][network, :, point] += weights
        base += sums[:, point] * (self.rate * gain * jump)
        shift = jump * old
        old[point] = values[network, unit, point]
        gram[point] += shift
        gram[:, point] += shift
        gram[point, point] += jump * jump

    def _take_up(self, layer: int, network: int) -> None:
        """B and the biases of one network take up the sums."""
        sums, rate = self.sums[layer][network], self.rate
        self.base[layer][network] -= (rate * self.shape.gains[layer + 1]) * (self.s[layer][network] @ sums.T)
        self.biases[layer][network] -= rate * self.shape.bias_std * sums.sum(-1, keepdims=True)
        sums[...] = 0.0

    def _units_above_anew(self, layer: int, network: int) -> None:
        """The units above a hidden layer from their weights, when B has taken up the sums."""
        values = self.s[layer][network]
        above = self.base[layer][network].T @ values
        above *= self.shape.gains[layer + 1]
        above += self.shape.bias_std * self.biases[layer][network]
        self.h[layer + 1][network] = above
        np.matmul(values.T, values, out=self.gram[layer][network])

    def _anew(self) -> None:
        """All sums taken up, all units from their weights."""
        networks = range(len(self.first))
        for layer in range(len(self.base)):
            for network in networks:
                self._take_up(layer, network)
        np.matmul(self.first, self.inputs, out=self.h[0])
        for layer, activation in enumerate(self.activations):
            self.s[layer] = activation(self.h[layer])
            if layer < len(self.base):
                for network in networks:
                    self._units_above_anew(layer, network)

    def parameters(self) -> Parameters:
        """The current weights and biases, copied."""
        first = self.first.swapaxes(1, 2)
        out: Parameters = [(np.array(first[:, :-1]), np.array(first[:, -1:].swapaxes(1, 2)))]
        for layer, (base, bias, sums) in enumerate(zip(self.base, self.biases, self.sums, strict=True)):
            weights = self.s[layer] @ sums.swapaxes(1, 2)
            weights *= -self.rate * self.shape.gains[layer + 1]
            weights += base
            out.append((weights, bias - self.rate * self.shape.bias_std * sums.sum(-1, keepdims=True)))
        return [*out, (self.last.copy(), self.last_bias.copy())]

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on; the units too, whose rounding depends on the way they were reached."""
        lists = {"base": self.base, "biases": self.biases, "sums": self.sums, "h": self.h, "s": self.s, "k": self.gram}
        state = {f"{name}{i}": part.copy() for name, parts in lists.items() for i, part in enumerate(parts)}
        single = {"first": self.first.copy(), "last": self.last.copy(), "last_bias": self.last_bias.copy()}
        return {**state, **single, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state."""
        lists = {"base": self.base, "biases": self.biases, "sums": self.sums, "h": self.h, "s": self.s, "k": self.gram}
        for name, parts in lists.items():
            for i, part in enumerate(parts):
                parts[i] = np.ascontiguousarray(state[f"{name}{i}"], dtype=part.dtype)
        self.first, self.last, self.last_bias = (
            np.ascontiguousarray(state[name], dtype=self.first.dtype) for name in ("first", "last", "last_bias")
        )
        self.steps = int(state["steps"])
