"""The recursion of kernels in time without reset, exact, in tiles of bounded memory.

For inputs x and x', times t and r, layers l (l = 0 are the inputs) and weights that are the same at all times:

    Q^l_{t,r} = σ_u² S^{l−1}_{t,r} + σ_w² S^l_{t−1,r−1} + σ_b²            covariance of the currents
    C^l_{t,r} = Σ_{s≤t, q≤r} β^{t−s} β'^{r−q} Q^l_{s,q}                   of the potentials
    S^l_{t,r} = E[σ(h_t) σ(h'_r)],   S^0_{t,r} = ⟨x_t, x'_r⟩/features,   S^l_{0,r} = 0
    N^l = Q^l + σ_u² P^{l−1}_{t,r} + σ_w² P^l_{t−1,r−1}                   what the parameters' gradients of I add up to
    P^l_{t,r} = E[s1(h_t) s2(h'_r)] Σ_{s≤t, q≤r} β^{t−s} β'^{r−q} N^l_{s,q},   P^0 = 0

with the derivatives s1 and s2 that both sides use. The NNGP of the outputs is Σ κ_t κ'_r σ_v² S_{t,r}, their tangent
kernel Σ κ_t κ'_r σ_v² (S_{t,r} + P_{t,r}). It is the adjoint of back-propagation through time and needs a row of
times at once, in O(1) operations an entry and step besides the maps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from symntk.emit.runtime.layer import _Layer
from symntk.errors import DomainError
from symntk.networks.time.sequences import Sequences, prefixes

_TILE = 2**15
"""Entries (pairs of inputs times steps) of a tile's row."""
_FULL = 1.0 - 2.0**-47
"""Correlations from which on rounding decides: they count as 1, which is what equal histories have."""
_LARGEST = 1e150
"""Variances of potentials beyond which nothing is computed."""


@dataclass(frozen=True)
class Scales:
    """Squares of a layer's input, recurrent and bias scales, and the leaks of both networks."""

    input: float
    recurrent: float
    bias: float
    leaks: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Side:
    """One network's inputs with what is known of each alone.

    Attributes:
        x: the inputs.
        weights: κ of each step, (n, T).
        variances: of the potentials of each layer, (n, T) each.
    """

    x: Sequences
    weights: np.ndarray
    variances: list[np.ndarray]


def variances(
    x: Sequences, scales: Sequence[Scales], maps: Sequence[Callable[..., Any]], side: int, asked: str
) -> list[np.ndarray]:
    """Variances of the potentials of each layer, (n, T) each, by the recursion of every input with itself.

    `maps` are E[σ σ] of each layer as functions of (a, b, cov, det).

    Raises:
        DomainError: a variance explodes; the message has its layer and its step.
    """
    n, steps, features = x.values.shape
    found = [np.zeros((n, steps)) for _ in scales]
    covariances = [np.zeros((n, steps)) for _ in scales]
    values = [np.zeros((n, steps)) for _ in scales]
    for t in range(steps):
        below = np.einsum("nf,nrf->nr", x.values[:, t], x.values[:, : t + 1]) / max(features, 1)
        for layer, one in enumerate(scales):
            leak, cov = one.leaks[side], covariances[layer]
            current = one.input * below + one.bias
            current[:, 1:] += one.recurrent * values[layer][:, :t]
            for r in range(1, t + 1):
                current[:, r] += leak * current[:, r - 1]
            cov[:, :t] = leak * cov[:, :t] + current[:, :t]
            cov[:, t] = (leak * cov[:, t - 1] if t else 0.0) + current[:, t]
            found[layer][:, t] = np.maximum(cov[:, t], 0.0)
            _refuse_explosion(found[layer][:, t], layer, t, asked)
            own = found[layer][:, : t + 1]
            here = np.broadcast_to(own[:, t:], own.shape)
            full = np.sqrt(own) * np.sqrt(here)
            law = aligned(cov[:, : t + 1], full)
            law[:, t] = own[:, t]
            values[layer][:, : t + 1] = maps[layer](here, own, law, None)
            below = values[layer][:, : t + 1]
    return found


def _refuse_explosion(variance: np.ndarray, layer: int, t: int, asked: str) -> None:
    bad = ~(variance < _LARGEST)
    if np.any(bad):
        row = int(np.argmax(bad))
        wrong = f"the variance of layer {layer + 1} is {variance[row]:.3g} at step {t} of input {row}: it explodes"
        raise DomainError(asked, wrong, "a smaller recurrent_std, weight_std or leak, or shorter sequences")


def aligned(cov: np.ndarray, full: np.ndarray) -> np.ndarray:
    """Covariances, those of correlation ±1 without their rounding: a little beyond, as the maps take full correlation.

    >>> aligned(np.array([0.5, 1.0 - 1e-15, -1.0 - 1e-13]), np.ones(3)).tolist() == [0.5, 1.0 + 2**-51, -1.0 - 2**-51]
    True
    """
    near = np.abs(cov) >= _FULL * full
    if not np.any(near):
        return np.array(cov)
    return np.where(near, np.copysign(full, cov) * (1.0 + 2.0**-51), cov)


class TimeRecursion:
    """Kernels of all pairs of two lists of inputs.

    Args:
        first, second: both sides; `second` is None for the same inputs to the same network.
        scales: of each layer.
        layers: what is compiled of each layer, as `symntk.networks.layers.compiled` gives it.
        top: σ_v² of the readout.
        wanted: 0 for the NNGP, k > 0 for the tangent kernel with the map k of the slopes.
        each: whether each step has an output.
    """

    def __init__(
        self,
        first: Side,
        second: Side | None,
        scales: Sequence[Scales],
        layers: Sequence[dict[str, Any]],
        top: float,
        wanted: Sequence[int],
        each: bool,
    ) -> None:
        self.first, self.second, self.scales, self.layers = first, second or first, scales, layers
        self.top, self.wanted, self.each = top, wanted, each
        self.kernels = sorted({k for k in wanted if k > 0})
        self.equal = [all(one["equal"] for one in layers[: index + 1]) for index in range(len(layers))]
        same_leaks = all(one.leaks[0] == one.leaks[1] for one in scales)
        self.equal = [one and same_leaks for one in self.equal]
        symmetric = all(one["maps"][k]["symmetric"] for one in layers for k in (0, *self.kernels))
        self.mirror = second is None and symmetric and all(self.equal)
        self.labels = prefixes(self.first.x, self.second.x)
        self.own = [self._own(index) for index in range(len(layers))]
        used = [
            (one["maps"], *(s.variances[i].ravel() for s in (self.first, self.second))) for i, one in enumerate(layers)
        ]
        self.prepared = [_Layer(maps, a, b, np.dtype(np.float64), False) for maps, a, b in used]

    def _own(self, index: int) -> list[np.ndarray] | None:
        """The layer's maps of each input and step with itself, (n1, T) each; None where there is no such pair."""
        if not self.equal[index] or not np.any(np.isin(self.labels[0][:, 0], self.labels[1][:, 0])):
            return None
        variance = self.first.variances[index]
        different, back = np.unique(variance, return_inverse=True)
        maps = self.layers[index]["maps"]
        return [np.asarray(one["given"](*(different,) * 3, None))[back].reshape(variance.shape) for one in maps]

    def matrices(self) -> list[np.ndarray]:
        """(n1, n2) for each of the wanted kernels, or with `each` (n1, T1, n2, T2); what is infinite is inf."""
        n1, t1 = self.first.weights.shape
        n2, t2 = self.second.weights.shape
        out = [np.empty((n1, t1, n2, t2) if self.each else (n1, n2)) for _ in self.wanted]
        tiles = list(self._tiles())
        # NumPy works on arrays of this size without holding Python's lock
        with ThreadPoolExecutor(os.cpu_count() if len(tiles) > 1 else 1) as pool:
            for _ in pool.map(lambda tile: self._enter(out, *tile), tiles):
                pass
        return out

    def _enter(self, out: Sequence[np.ndarray], down: slice, across: slice) -> None:
        """Compute a tile and put it, and its mirror image, in its place."""
        with np.errstate(all="ignore"):
            parts = self._tile(down, across)
        rest = (slice(None),) if self.each else ()
        for matrix, found in zip(out, parts, strict=True):
            matrix[(down, *rest, across)] = found
            if self.mirror and across.start > down.start:
                matrix[(across, *rest, down)] = found.transpose((2, 3, 0, 1) if self.each else (1, 0))

    def _tiles(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the tiles, of a mirrored matrix those of its upper half."""
        n1, n2 = len(self.first.x), len(self.second.x)
        size = max(int(np.sqrt(_TILE / max(self.second.weights.shape[1], 1))), 1)
        for top in range(0, n1, size):
            for left in range(top if self.mirror else 0, n2, size):
                yield slice(top, min(top + size, n1)), slice(left, min(left + size, n2))

    def _tile(self, down: slice, across: slice) -> list[np.ndarray]:
        """The wanted kernels of a tile; arrays are (rows, steps of columns, columns)."""
        x, y = self.first.x.values[down], self.second.x.values[across]
        n1, t1, features = x.shape
        n2, t2, _ = y.shape
        columns = y.transpose(1, 0, 2).reshape(t2 * n2, features).T / max(features, 1)
        states = [_State((n1, t2, n2), self.kernels) for _ in self.layers]
        weights = self.first.weights[down], np.ascontiguousarray(self.second.weights[across].T)
        shape = (n1, t1, n2, t2) if self.each else (n1, n2)
        totals = [np.zeros(shape) for _ in self.wanted]
        for t in range(t1):
            below: Any = (x[:, t] @ columns).reshape(n1, t2, n2)
            tangents: dict[int, Any] = dict.fromkeys(self.kernels)
            for index, state in enumerate(states):
                last = index == len(states) - 1 and not self.scales[index].recurrent
                if last and not np.any(weights[0][:, t]):
                    state.move(self.scales[index], below, tangents)
                    continue
                below, tangents = self._step(state, index, t, down, across, below, tangents)
            if np.any(weights[0][:, t]):
                for total, k in zip(totals, self.wanted, strict=True):
                    self._read(total, below, tangents.get(k), weights, t)
        return totals

    def _step(
        self,
        state: _State,
        index: int,
        t: int,
        down: slice,
        across: slice,
        below: np.ndarray,
        tangents: dict[int, Any],
    ) -> tuple[np.ndarray, dict[int, Any]]:
        """S_{t,·} and P_{t,·} of a layer, from those of the layer below and its own of the step before."""
        cov, moved = state.move(self.scales[index], below, tangents)
        n1, t2, n2 = cov.shape
        a = self.first.variances[index][down, t, None]
        b = self.second.variances[index][across].T.reshape(1, t2 * n2)
        law = aligned(cov.reshape(n1, -1), np.sqrt(a) * np.sqrt(b))
        full = None
        if self.own[index] is not None and t < t2:
            equal = self.labels[0][down, t, None] == self.labels[1][None, across, t]
            full = equal if np.any(equal) else None
        if full is not None:
            square = law.reshape(n1, t2, n2)[:, t]
            square[...] = np.where(full, a, square)
        found, _, _ = self.prepared[index].values(a, b, law, None, True)
        maps = [np.array(one).reshape(n1, t2, n2) for one in found]
        if full is not None:
            for one, own in zip(maps, self.own[index] or [], strict=True):
                one[:, t] = np.where(full, own[down, t, None], one[:, t])
        state.values = maps[0]
        for k in self.kernels:
            divergent = self.layers[index]["maps"][k]["divergent"]
            state.tangents[k] = _product(moved[k], maps[k], divergent)
        return state.values, state.tangents

    def _read(self, total: np.ndarray, values: np.ndarray, tangent: Any, weights: Any, t: int) -> None:
        """Add what the outputs see of the step t of the rows."""
        here = values if tangent is None else values + tangent
        if self.each:
            total[:, t] += self.top * here.transpose(0, 2, 1)
            return
        here = here * weights[1]
        if tangent is not None and not np.all(np.isfinite(here)):
            here = np.where(weights[1] == 0.0, 0.0, here)
        some = self.top * weights[0][:, t, None] * np.sum(here, axis=1)
        total += np.where(weights[0][:, t, None] == 0.0, 0.0, some)


class _State:
    """What a layer hands on from step to step: C_{t,·}, S_{t,·}, for each kernel Σ β^{t−s} β'^{r−q} N_{s,q} and P."""

    def __init__(self, shape: tuple[int, ...], kernels: Sequence[int]) -> None:
        self.shape = shape
        self.cov: Any = None
        self.values: Any = None
        self.sums: dict[int, Any] = dict.fromkeys(kernels)
        self.tangents: dict[int, Any] = dict.fromkeys(kernels)

    def move(
        self, scales: Scales, below: np.ndarray, tangents: dict[int, Any]
    ) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """C_{t,·} and the sums of N, from S and P of the layer below at this step and the layer's own before."""
        current = scales.input * below
        current += scales.bias
        if scales.recurrent and self.values is not None:
            current[:, 1:] += scales.recurrent * self.values[:, :-1]
        for k in self.sums:
            new = np.array(current)
            if tangents[k] is not None:
                new += scales.input * tangents[k]
            if scales.recurrent and self.tangents[k] is not None:
                new[:, 1:] += scales.recurrent * self.tangents[k][:, :-1]
            self.sums[k] = _leaked(new, self.sums[k], scales.leaks)
        self.cov = _leaked(current, self.cov, scales.leaks)
        return self.cov, self.sums


def _leaked(new: np.ndarray, before: Any, leaks: tuple[float, float]) -> np.ndarray:
    """Σ over earlier steps of both sides: in place along the columns' steps (axis 1), then onto the row before."""
    if leaks[1]:
        for r in range(1, new.shape[1]):
            new[:, r] += leaks[1] * new[:, r - 1]
    if leaks[0] and before is not None:
        new += leaks[0] * before
    return new


def _product(moved: np.ndarray, slope: np.ndarray, divergent: bool) -> np.ndarray:
    """P from the sums and the slopes' map; where no gradient has come it stays 0, unless the map is infinite there."""
    product = np.asarray(moved * slope)
    lost = np.isnan(product)
    if np.any(lost):
        product = np.where(lost & (moved == 0.0), np.inf if divergent else 0.0, product)
    return product
