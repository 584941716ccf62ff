"""Networks in time of finite width: activity, back-propagation through time, empirical kernels, training.

The definition is `TimeNetwork`'s. The signal g_t that arrives at the potential h_t, which is ∂f/∂I_t, obeys

    g_t = s'(h_t) e_t + β g_{t+1}                                              no reset
    g_t = s'(h_t) (e_t − ρ g_{t+1}) + β g_{t+1}                                subtracted; detached without −ρ g_{t+1}
    g_t = s'(h_t) (e_t − β h_t g_{t+1}) + (1 − s_t) β g_{t+1}                  to zero; detached without −β h_t g_{t+1}

where e_t is what arrives at s_t from the output, the layer above and the layer's own next step, and s' the derivative,
which is never detached, or its surrogate. Arrays are (inputs, steps, units).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symntk.errors import DomainError, FormulaError
from symntk.networks.time.network import TimeNetwork
from symntk.networks.time.sequences import Sequences, read
from symntk.networks.time.units import elementwise
from symntk.networks.time.units import slope as slope_of

SLOPES = {
    "nngp": None,
    "ntk": ("derivative", "derivative"),
    "sg_ntk": ("derivative", "surrogate"),
    "surrogate_ntk": ("surrogate", "surrogate"),
}
"""Name of an empirical kernel -> the derivatives that both sides propagate back."""


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network does with inputs: of each layer what enters it, its potentials and its values."""

    entering: list[np.ndarray]
    potentials: list[np.ndarray]
    values: list[np.ndarray]


@dataclass(eq=False)
class LayerWeights:
    """Feed-forward weights (below, n), recurrent weights (n, n) from row to column, and biases (n,)."""

    feed: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


class FiniteTimeNetwork:
    """One network of finite width of the kind of which `net` is the limit, with random initial weights.

    Args:
        net: units, leaks, scales, reset and readout.
        width: units in each layer.
        features: of an input at a step.
        seed: of the weights.

    >>> import symntk
    >>> net = TimeNetwork(symntk.derive("step", "erf"), threshold=0.4, bias_std=0.3)
    >>> x = np.random.default_rng(0).normal(size=(2, 5, 3))
    >>> small = FiniteTimeNetwork(net, 400, 3, seed=1)
    >>> print((small.kernels(x, get=("nngp",))[0] - net.nngp(x)).round(1) + 0.0)
    [[0. 0.]
     [0. 0.]]
    """

    def __init__(self, net: TimeNetwork, width: int, features: int, *, seed: int = 0) -> None:
        if width < 1 or features < 1:
            raise DomainError(f"{net} of width {width}", f"{features} features", "a width and features of at least 1")
        if isinstance(net.readout, str) and net.readout == "each":
            raise DomainError(f"{net} of width {width}", "it has an output at each step", "readout='last' or weights")
        self.net, self.width, self.features = net, width, features
        rng = np.random.default_rng(seed)
        below = [features, *[width] * (len(net.layers) - 1)]
        self.layers = [
            LayerWeights(*(rng.standard_normal(shape) for shape in ((n, width), (width, width), width))) for n in below
        ]
        self.readout = rng.standard_normal(width)
        self.gains = [
            (scale / math.sqrt(n), recurrent / math.sqrt(width), bias)
            for scale, n, recurrent, bias in zip(
                (net.input_std, *net.weight_std[:-1]), below, net.recurrent_std, net.bias_std, strict=True
            )
        ]
        self.top = net.weight_std[-1] / math.sqrt(width)
        self._activations = [elementwise(one.activation, str(net)) for one in net.layers]

    def run(self, x: Sequences) -> Activity:
        """The activity of all layers."""
        found = Activity([], [], [])
        values = x.values
        for index, (weights, gains) in enumerate(zip(self.layers, self.gains, strict=True)):
            entering = values
            current = gains[0] * (entering @ weights.feed) + gains[2] * weights.bias
            potentials, values = np.empty_like(current), np.empty_like(current)
            h: Any = 0.0
            for t in range(current.shape[1]):
                h = self._left(h, values[:, t - 1] if t else None, index) + current[:, t]
                if t and self.net.recurrent_std[index]:
                    h = h + gains[1] * (values[:, t - 1] @ weights.recurrent)
                potentials[:, t], values[:, t] = h, self._activations[index](h)
            found.entering.append(entering)
            found.potentials.append(potentials)
            found.values.append(values)
        return found

    def _left(self, h: Any, value: np.ndarray | None, index: int) -> Any:
        """What is left of a potential at the next step."""
        leak = self.net.leak[index]
        if value is None or self.net.reset == "none":
            return leak * h
        if self.net.reset == "subtract":
            return leak * h - self.net.reset_size[index] * value
        return (1.0 - value) * leak * h

    def signals(self, x: Sequences, activity: Activity, slope: str) -> list[np.ndarray]:
        """∂f/∂I of each layer, with the "derivative" of its units or its "surrogate", by back-propagation in time."""
        kappa = x.weights(self.net.readout, str(self.net))
        arriving = np.asarray(self.top * kappa[:, :, None] * self.readout)
        out: list[np.ndarray] = []
        whole = slope == "derivative" or not self.net.detach_reset
        for index in reversed(range(len(self.layers))):
            weights, gains, leak = self.layers[index], self.gains[index], self.net.leak[index]
            h, values = activity.potentials[index], activity.values[index]
            slopes = elementwise(slope_of(self.net.layers[index], slope), str(self.net))(h)
            signal = np.empty_like(h)
            later = np.zeros_like(h[:, 0])
            for t in reversed(range(h.shape[1])):
                e = arriving[:, t] + gains[1] * (later @ weights.recurrent.T)
                kept: Any = leak
                if self.net.reset == "subtract" and whole:
                    e = e - self.net.reset_size[index] * later
                elif self.net.reset == "zero":
                    kept = leak * (1.0 - values[:, t])
                    e = e - leak * h[:, t] * later if whole else e
                later = slopes[:, t] * e + kept * later
                signal[:, t] = later
            out.insert(0, signal)
            arriving = gains[0] * (signal @ weights.feed.T)
        return out

    def outputs(self, x: Any) -> np.ndarray:
        """The output f of each input, (n,)."""
        inputs = self._read("x", x)
        return self._outputs(inputs, self.run(inputs))

    def _outputs(self, x: Sequences, activity: Activity) -> np.ndarray:
        kappa = x.weights(self.net.readout, str(self.net))
        return np.asarray(self.top * np.einsum("nt,ntk,k->n", kappa, activity.values[-1], self.readout))

    def kernels(self, x1: Any, x2: Any = None, *, get: Sequence[str] = ("nngp", "sg_ntk")) -> tuple[np.ndarray, ...]:
        """Empirical kernels (n1, n2): "nngp" is the mean over the last layer's units, the others are J(x1) Jˢ(x2)ᵀ.

        Raises:
            DivergenceError: the true derivative of a unit that jumps, which no finite network has.
            FormulaError: a name that is not known.
        """
        sides = [self._read(name, x) for name, x in (("x1", x1), ("x2", x2)) if x is not None]
        sides = sides * 2 if len(sides) == 1 else sides
        activities = [self.run(side) for side in sides]
        out = []
        for name in get:
            if name not in SLOPES:
                raise FormulaError(f"the empirical {name}", "it is not known", f"some of {', '.join(SLOPES)}")
            slopes, found = SLOPES[name], self._readout_gram(sides, activities)
            out.append(found if slopes is None else found + self._weights_gram(sides, activities, slopes))
        return tuple(out)

    def _readout_gram(self, sides: Sequence[Sequences], activities: Sequence[Activity]) -> np.ndarray:
        """What the readout's weights add, which is the NNGP of these units."""
        read_by = [
            np.einsum("nt,ntk->nk", side.weights(self.net.readout, str(self.net)), one.values[-1])
            for side, one in zip(sides, activities, strict=True)
        ]
        return np.asarray(self.top**2 * read_by[0] @ read_by[1].T)

    def _weights_gram(
        self, sides: Sequence[Sequences], activities: Sequence[Activity], slopes: tuple[str, str]
    ) -> np.ndarray:
        """What all other parameters add: Σ ⟨g_t, g'_r⟩ times the inner products of what they multiply."""
        signals = [self.signals(*three) for three in zip(sides, activities, slopes, strict=True)]
        total = np.zeros((len(sides[0]), len(sides[1])))
        for index, gains in enumerate(self.gains):
            before = [_delayed(one.values[index]) for one in activities]
            inner = gains[0] ** 2 * _products(*(one.entering[index] for one in activities))
            inner += gains[1] ** 2 * _products(*before) + gains[2] ** 2
            total += np.sum(inner * _products(*(one[index] for one in signals)), axis=(1, 3))
        return total

    def train(self, x: Any, y: Any, *, learning_rate: float, steps: int, slope: str = "surrogate") -> np.ndarray:
        """Full-batch steps of (surrogate) gradient descent on ½ Σ (f − y)², all weights trained in place.

        Returns:
            The loss before each step, (steps,).
        """
        inputs, targets = self._read("x", x), np.asarray(y, dtype=np.float64)
        losses = np.empty(steps)
        for step in range(steps):
            activity = self.run(inputs)
            wrong = self._outputs(inputs, activity) - targets
            losses[step] = 0.5 * np.sum(wrong**2)
            self._descend(inputs, activity, learning_rate * wrong, slope)
        return losses

    def _descend(self, x: Sequences, activity: Activity, wrong: np.ndarray, slope: str) -> None:
        signals = self.signals(x, activity, slope)
        kappa = x.weights(self.net.readout, str(self.net))
        self.readout -= self.top * np.einsum("n,nt,ntk->k", wrong, kappa, activity.values[-1])
        for index, (weights, gains) in enumerate(zip(self.layers, self.gains, strict=True)):
            signal = (wrong[:, None, None] * signals[index]).reshape(-1, self.width)
            entering = activity.entering[index].reshape(len(signal), -1)
            weights.feed -= gains[0] * (entering.T @ signal)
            if gains[1]:
                before = _delayed(activity.values[index]).reshape(-1, self.width)
                weights.recurrent -= gains[1] * (before.T @ signal)
            weights.bias -= gains[2] * signal.sum(axis=0)

    def _read(self, name: str, x: Any) -> Sequences:
        inputs = read(name, x, str(self.net))
        if inputs.values.shape[2] != self.features:
            wrong = f"{name} has {inputs.values.shape[2]} features"
            raise DomainError(f"{self.net} of {self.features} features", wrong, "inputs of one width")
        return inputs


def _delayed(values: np.ndarray) -> np.ndarray:
    """Values of the step before, 0 at the first."""
    out = np.zeros_like(values)
    out[:, 1:] = values[:, :-1]
    return out


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """⟨first_{i,t}, second_{j,r}⟩, (n1, T1, n2, T2)."""
    return np.tensordot(first, second, axes=(2, 2))
