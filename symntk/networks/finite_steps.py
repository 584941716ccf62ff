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

from symntk.networks.finite import Architecture, Elementwise, Parameters

FLUSH = 1000
_LANES = 16  # points of a full register; matrix products with 15 columns take longer than with 16


def _padded(points: int) -> int:
    """Points to compute with: a few idle ones where that fills registers."""
    idle = -points % _LANES
    return points + idle if 4 * idle <= points else points


class StepTraining:
    """Full-batch surrogate gradient steps on ½ · mean (f − y)², with NumPy.

    Takes what `finite.DenseTraining` takes, and gives the same up to rounding. The first layer is kept as
    (M, n, n_0 + 1) with the bias as its last column, the last as (M, n, 1) and (M, 1, 1).
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: Parameters,
        activations: Sequence[Elementwise],
        slopes: Sequence[Elementwise],
        x: np.ndarray,
        y: np.ndarray,
        rate: float,
    ) -> None:
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
        self._delta = np.zeros(units, dtype)
        self._residual = np.zeros((networks, 1, total), dtype)
        self.steps = 0
        self._units_anew()

    def step(self) -> None:
        """One step of all networks."""
        if self.steps and self.steps % FLUSH == 0:
            self._flush()
            self._units_anew()
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
            self.h[layer + 1] -= delta @ self.gram[layer]
            self._take_changes(layer)
        self.s[-1] = self.activations[-1](self.h[-1])

    def _backward(self, top: np.ndarray) -> list[np.ndarray]:
        """Sensitivities of all hidden layers."""
        delta = self.slopes[-1](self.h[-1])
        delta *= self.last
        delta *= self.shape.gains[-1] * top
        deltas = [delta]
        for layer in reversed(range(len(self.base))):
            gain = self.shape.gains[layer + 1]
            below = np.matmul(self.base[layer], delta, out=self._delta)
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
        gain, rate = self.shape.gains[layer + 1], self.rate
        for network in np.flatnonzero(moved.any(axis=(1, 2))).tolist():
            old, sums = self.s[layer][network], self.sums[layer][network]
            rows = np.flatnonzero(moved[network].any(axis=1))
            jump = values[network, rows] - old[rows]
            base = self.base[layer][network]
            held = base[rows]
            weights = held - (rate * gain) * (old[rows] @ sums.T)
            self.h[layer + 1][network] += gain * (weights.T @ jump)
            base[rows] = held + (rate * gain) * (jump @ sums.T)
            self._gram_anew(layer, network, values[network])
        self.s[layer] = values

    def _gram_anew(self, layer: int, network: int, values: np.ndarray) -> None:
        gram = self.gram[layer][network]
        np.matmul(values.T, values, out=gram)
        gram *= self.rate * self.shape.gains[layer + 1] ** 2
        gram += self.rate * self.shape.bias_std**2

    def _flush(self) -> None:
        """B takes up the sums."""
        for (weights, biases), base, bias, sums in zip(
            self.parameters()[1:-1], self.base, self.biases, self.sums, strict=True
        ):
            base[...], bias[...], sums[...] = weights, biases, 0.0

    def _units_anew(self) -> None:
        """All units from the weights; B must have taken up the sums."""
        shape = self.shape
        np.matmul(self.first, self.inputs, out=self.h[0])
        self.s[0] = self.activations[0](self.h[0])
        for layer, (base, bias) in enumerate(zip(self.base, self.biases, strict=True)):
            h = base.swapaxes(1, 2) @ self.s[layer]
            h *= shape.gains[layer + 1]
            h += shape.bias_std * bias
            self.h[layer + 1], self.s[layer + 1] = h, self.activations[layer + 1](h)
            for network, values in enumerate(self.s[layer]):
                self._gram_anew(layer, network, values)

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
