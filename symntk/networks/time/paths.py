"""Kernels in time by sampled paths of single units: with a reset potentials are not normal, currents are.

A unit's currents are Gaussian with the covariance Q of `symntk.networks.time.recursion`, whose S is now a mean over
paths. With Gaussian tangents ξ of the covariance N, independent of the currents,

    h_t = β h_{t−1} + I_t − reset,   s_t = σ(h_t),   ḣ_t = β ḣ_{t−1} + ξ_t − (reset)˙,   ṡ_t = s'(h_t) ḣ_t,

S_{t,r} = E[s_t s'_r] and P_{t,r} = E[ṡ_t ṡ'_r], and N = Q + σ_u² P (below) + σ_w² P (a step before): ṡ_p is what
Σ_t G_{p,t} ξ_t would be, without the T² derivatives G_{p,t} = ∂s_p/∂I_t. The paths of all inputs are those of the same
units, so that Gram matrices are positive semidefinite where both sides have the same derivative.

Fields σ_w/√N Σ_k w_k s_k over N paths, w normal, are drawn in an orthonormal basis of the s, which grows with time.
Bias and input weights, and the first directions of the fields, are scrambled Sobol points; repeats with scramblings of
their own give the standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from symntk.networks.time.recursion import Scales
from symntk.networks.time.sequences import Sequences
from symntk.networks.time.units import Elementwise

_SOBOL = 1024
"""Dimensions that are Sobol's; more have no better points than random ones with so few paths."""
_SMALL = 1e-9
"""Directions of a field that are shorter than this, relative to its values, are rounding."""


@dataclass(frozen=True, eq=False)
class Unit:
    """What a layer's units do: activation, reset ("none", "subtract", "zero"), what is subtracted, and the leak."""

    activation: Elementwise
    reset: str
    size: float
    leak: float

    def left(self, h: np.ndarray, value: np.ndarray) -> np.ndarray:
        """What is left of a potential at the next step."""
        if self.reset == "zero":
            return np.asarray((1.0 - value) * self.leak * h)
        return np.asarray(self.leak * h - self.size * value if self.reset == "subtract" else self.leak * h)

    def left_tangent(self, h: np.ndarray, value: np.ndarray, dh: np.ndarray, dvalue: np.ndarray, whole: bool) -> Any:
        """Its derivative along the path; `whole` through the reset, else with the reset as a constant."""
        kept = self.leak * dh
        if self.reset == "zero":
            kept = (1.0 - value) * kept
            return kept - self.leak * h * dvalue if whole else kept
        return kept - self.size * dvalue if whole and self.reset == "subtract" else kept


@dataclass(frozen=True, eq=False)
class Rule:
    """The derivative that one side of a kernel propagates: of each layer, and whether through the reset."""

    slopes: tuple[Elementwise, ...]
    whole: bool


class Normals:
    """Standard normal columns, one for each dimension: Sobol points first, then random ones.

    Args:
        paths: how many rows, rounded up to a power of two, which Sobol points need.
        most: how many columns may be asked for.
        seed: of the scrambling and of the random ones.
    """

    def __init__(self, paths: int, most: int, seed: np.random.SeedSequence) -> None:
        power = max(int(np.ceil(np.log2(paths))), 1)
        scrambled, plain = seed.spawn(2)
        sampler = qmc.Sobol(min(max(most, 1), _SOBOL), seed=np.random.default_rng(scrambled))
        self.paths, self.used, self.points = 2**power, 0, sampler.random_base2(power)
        self.random = np.random.default_rng(plain)

    def take(self, count: int) -> np.ndarray:
        """The next columns, (paths, count)."""
        sobol = self.points[:, self.used : self.used + count]
        self.used += sobol.shape[1]
        rest = self.random.standard_normal((self.paths, count - sobol.shape[1]))
        return np.concatenate([ndtri(np.clip(sobol, 2.0**-40, 1.0 - 2.0**-40)), rest], axis=1)


class Field:
    """Gaussian fields whose covariance is the mean over paths of products of values, for values that come in time."""

    def __init__(self, normals: Normals, copies: int) -> None:
        self.normals, self.copies = normals, copies
        self.basis = np.empty((normals.paths, 0))
        self.noise = [np.empty((normals.paths, 0)) for _ in range(copies)]

    def push(self, values: np.ndarray) -> list[np.ndarray]:
        """The next values (paths, n) in so many independent fields, (paths, n) each."""
        paths = len(values)
        rest = values - self.basis @ (self.basis.T @ values)
        rest -= self.basis @ (self.basis.T @ rest)
        gram = rest.T @ rest
        sizes, turns = np.linalg.eigh(gram)
        kept = sizes > _SMALL**2 * max(float(np.max(np.sum(values**2, axis=0), initial=0.0)), 1e-300)
        new = rest @ (turns[:, kept] / np.sqrt(sizes[kept]))
        new -= self.basis @ (self.basis.T @ new)
        new = np.linalg.qr(new)[0] if new.shape[1] else new
        self.basis = np.concatenate([self.basis, new], axis=1)
        self.noise = [np.concatenate([one, self.normals.take(new.shape[1])], axis=1) for one in self.noise]
        return self.of(values, paths)

    def of(self, values: np.ndarray, paths: int) -> list[np.ndarray]:
        """The part of the values that lies in the span of all that came, in the same fields."""
        shares = (self.basis.T @ values) / np.sqrt(paths)
        return [noise @ shares for noise in self.noise]


class _Tangents:
    """Tangents of a layer for one kernel: of its second side (or of both, where they are the same), and of its first.

    Of the first side only what is correlated with the second one counts, so the rest is not drawn.
    """

    def __init__(self, rules: tuple[Rule, Rule], normals: Normals) -> None:
        self.rules = tuple(dict.fromkeys(reversed(rules)))
        self.fields = Field(normals, 1)
        self.dh: list[np.ndarray] = []
        self.values: list[np.ndarray] = []

    def step(self, unit: Unit, layer: int, h: Any, new: list[np.ndarray], before: Any) -> list[np.ndarray]:
        """ṡ of both sides, from the tangents ξ of the currents."""
        out, moved = [], []
        for side, rule in enumerate(self.rules):
            dh = new[side]
            if self.dh:
                dh = dh + unit.left_tangent(before[0], before[1], self.dh[side], self.values[side], rule.whole)
            moved.append(dh)
            out.append(rule.slopes[layer](h) * dh)
        self.dh, self.values = moved, out
        return out


def sample(
    x: Sequences,
    weights: np.ndarray,
    scales: Sequence[Scales],
    units: Sequence[Unit],
    rules: Sequence[tuple[Rule, Rule] | None],
    top: float,
    paths: int,
    seed: np.random.SeedSequence,
) -> list[np.ndarray]:
    """One repeat: for each kernel the matrix (n, n) of all inputs; `rules` is None for the NNGP, `top` is σ_v²."""
    kernels = sum(rule is not None for rule in rules)
    each = (3 + 3 * kernels) * x.steps.size + 1 + kernels
    normals = Normals(paths, (1 + kernels) * x.values.shape[2] + len(units) * each, seed)
    run = _Run(x, scales, units, [one for one in rules if one is not None], normals)
    n = len(x)
    read = np.zeros((normals.paths, n))
    tangents = [[np.zeros((normals.paths, n)) for _ in one.rules] for one in run.tangents[-1]]
    for t in range(x.values.shape[1]):
        values, moved = run.step(t)
        read += weights[:, t] * values
        for total, one in zip(tangents, moved, strict=True):
            for side, value in zip(total, one, strict=True):
                side += weights[:, t] * value
    nngp = top * (read.T @ read) / normals.paths
    found, out = iter(tangents), []
    for rule in rules:
        if rule is None:
            out.append(nngp)
        else:
            sides = next(found)
            out.append(nngp + top * (sides[-1].T @ sides[0]) / normals.paths)
    return out


class _Run:
    """The state of all layers."""

    def __init__(
        self,
        x: Sequences,
        scales: Sequence[Scales],
        units: Sequence[Unit],
        rules: Sequence[tuple[Rule, Rule]],
        normals: Normals,
    ) -> None:
        self.x, self.scales, self.units, self.normals = x, scales, units, normals
        copies = 1 + len(rules)
        features = x.values.shape[2]
        # weights of inputs and biases: of the network, and of each kernel's tangents
        self.inputs = [normals.take(features) for _ in range(copies)]
        self.biases = [[normals.take(1) for _ in range(copies)] for _ in scales]
        self.recurrent = [Field(normals, copies) for _ in scales]
        self.feed = [Field(normals, copies) for _ in scales]
        self.tangents = [[_Tangents(rule, normals) for rule in rules] for _ in scales]
        self.feed_tangents = [[Field(normals, 1) for _ in rules] for _ in scales]
        self.h: list[Any] = [None] * len(scales)
        self.values: list[Any] = [None] * len(scales)

    def step(self, t: int) -> tuple[np.ndarray, list[list[np.ndarray]]]:
        """The last layer's values and tangents at a step."""
        below: Any = None
        moved: list[list[np.ndarray]] = []
        for layer, (one, unit) in enumerate(zip(self.scales, self.units, strict=True)):
            currents = self._currents(layer, one, t, below)
            before = self.h[layer], self.values[layer]
            h = currents[0] if before[0] is None else currents[0] + unit.left(*before)
            below_tangents, moved = moved, []
            for k, tangents in enumerate(self.tangents[layer]):
                new = [currents[1 + k] for _ in tangents.rules]
                if one.recurrent and tangents.values:
                    self._add(new, tangents.fields, tangents.values, one.recurrent)
                if below_tangents:
                    self._add(new, self.feed_tangents[layer][k], below_tangents[k], one.input)
                moved.append(tangents.step(unit, layer, h, new, before))
            self.h[layer], self.values[layer] = h, unit.activation(h)
            below = self.values[layer]
        return below, moved

    def _currents(self, layer: int, one: Scales, t: int, below: Any) -> list[np.ndarray]:
        """I, and the tangents' parts of the same covariance."""
        out = [np.sqrt(one.bias) * bias + np.zeros((1, len(self.x))) for bias in self.biases[layer]]
        if layer == 0:
            z = np.sqrt(one.input / max(self.x.values.shape[2], 1)) * self.x.values[:, t].T
            out = [total + weights @ z for total, weights in zip(out, self.inputs, strict=True)]
        else:
            fields = self.feed[layer].push(below)
            out = [total + np.sqrt(one.input) * field for total, field in zip(out, fields, strict=True)]
        if one.recurrent and self.values[layer] is not None:
            fields = self.recurrent[layer].push(self.values[layer])
            out = [total + np.sqrt(one.recurrent) * field for total, field in zip(out, fields, strict=True)]
        return out

    @staticmethod
    def _add(new: list[np.ndarray], field: Field, values: Sequence[np.ndarray], scale: float) -> None:
        """Add what the weights make of the tangents: a field of the second side's, and the first's share in it."""
        (second,) = field.push(values[0])
        new[0] = new[0] + np.sqrt(scale) * second
        for side in range(1, len(new)):
            new[side] = new[side] + np.sqrt(scale) * field.of(values[side], len(values[side]))[0]
