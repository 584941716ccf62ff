"""The exact gradient of a deep kernel's Gram matrix by the logarithms of its scales σ_w and σ_b.

For a layer map G(a, b, ρ) = E[g(u) g(v)] in terms of the variances and the correlation ρ = c/√(ab),

    ∂G/∂ln a = ½ E[u g'(u) g(v)],   ∂G/∂ln b = ½ E[g(u) v g'(v)],   ∂G/∂ρ = √(ab) E[g'(u) g'(v)]

(the first two by u = √a z, the last is Price's theorem). Each is an expectation that is derived like the map itself.
In these coordinates an input with itself stays at ρ = 1, so that ∂G/∂ρ, which diverges there for kinks and jumps, is
not needed; in the coordinates a, b, c two divergent terms would have to cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symntk.emit.runtime.inputs import _inputs, _labels
from symntk.kernels.expectation import Expectation
from symntk.kernels.function import Function
from symntk.kernels.kernels import Kernels
from symntk.language.symbols import x as X
from symntk.networks.layers import layer_map
from symntk.networks.network import Network

_TILE = 2**16  # pairs of inputs at a time, about


@dataclass(frozen=True)
class _Derivatives:
    """A layer map E[g(u) g(v)] and what its derivatives are made of, as compiled code (a, b, c, det)."""

    value: Any
    radial: Any
    """E[u g'(u) g(v)]"""
    angular: Any
    """E[g'(u) g'(v)]"""

    def along_diagonal(self, a: Any) -> tuple[Any, Any]:
        """G(a, a, 1) and its derivative by ln a, at variances a (n,)."""
        return self.value(a, a, a, None), self.radial(a, a, a, None)

    def beside_diagonal(self, a: Any, b: Any, c: Any) -> tuple[Any, Any, Any, Any]:
        """G and its derivatives by ln a, ln b and ρ, at a (n, 1), b (1, m), c (n, m)."""
        by_a = 0.5 * self.radial(a, b, c, None)
        # rows are columns where all pairs are one tile
        if np.array_equal(a, b.T) and np.array_equal(c, c.T):
            by_b = by_a.T
        else:
            by_b = 0.5 * self.radial(b.T, a.T, c.T, None).T
        by_correlation = np.sqrt(a * b) * self.angular(a, b, c, None)
        return self.value(a, b, c, None), by_a, by_b, by_correlation


@lru_cache(maxsize=64)
def _derivatives(kernels: Kernels, role: str) -> _Derivatives:
    """Those of E[g g] with g the "activation", its "derivative" or the "surrogate"; found once, used at every step."""
    by_role = {"activation": kernels.nngp, "derivative": kernels.ntk}
    value = by_role[role] if role in by_role else kernels.surrogate_ntk
    slope = value.f.derivative
    radial = X * slope.expression
    if radial.has(sp.I):  # sin and cos as exponentials: the language reads them as what they are
        radial = sp.expand(radial.rewrite(sp.cos))
    by_log = Expectation(Function(f"x*{slope.name}", radial), value.f, tol=kernels.tol)
    by_correlation = kernels.ntk if role == "activation" else Expectation(slope, slope, tol=kernels.tol)
    # the Kernels are remembered, so the code of their maps is, too
    return _Derivatives(*(layer_map(E, {}) for E in (value, by_log, by_correlation)))


class GramGradient:
    """∂K/∂ln σ_w and ∂K/∂ln σ_b of a symmetric kernel K with one activation and one σ_w and σ_b for all layers.

    Args:
        net: the network; only its first layer's kernels are used.
        slope: what is propagated backwards on both sides, "derivative" or "surrogate"; None for the NNGP.

    >>> import symntk
    >>> net = Network(symntk.derive("relu"), 2, weight_std=1.0, bias_std=0.5)
    >>> print(GramGradient(net, None)(np.array([[2.0]])).round(12))  # K = σ_w²(σ_w² 4 + σ_b²)/2 + σ_b²
    [[[8.25 0.75]]]
    """

    def __init__(self, net: Network, slope: str | None) -> None:
        self.depth, self.weight, self.bias = net.depth, net.weight_std[0] ** 2, net.bias_std[0] ** 2
        self._forward: _Derivatives | None = None
        self._backward: _Derivatives | None = None
        if net.layers:
            kernels = net.layers[0]
            self._forward = _derivatives(kernels, "activation")
            self._backward = None if slope is None else _derivatives(kernels, slope)

    def __call__(self, x: Any) -> Any:
        """The gradient at inputs x (n, features): (n, n, 2), last axis ln σ_w, ln σ_b."""
        inputs, _ = _inputs(x, None)
        n = len(inputs)
        scale = self.weight / max(inputs.shape[1], 1)
        variances, changes, diagonal = self._diagonal(scale * np.einsum("ij,ij->i", inputs, inputs) + self.bias)
        labels, _ = _labels(inputs, inputs[:0])
        out = np.empty((n, n, 2))
        out[np.arange(n), np.arange(n)] = diagonal
        start = 0
        while start < n:
            # rows from here on, and what is to the right of the diagonal
            i, j = slice(start, start + max(1, _TILE // (n - start))), slice(start, None)
            c = scale * (inputs[i] @ inputs[j].T) + self.bias
            sides = [v[i, None] for v in variances], [v[None, j] for v in variances]
            found = self._pairs(c, *sides, [(one[i, None], one[None, j]) for one in changes])
            # equal inputs are one input with itself, whatever rounding says
            found = np.where((labels[i, None] == labels[None, j])[..., None], diagonal[i, None], found)
            upper = np.less.outer(np.arange(n)[i], np.arange(n)[j])[..., None]
            out[i, j] = np.where(upper, found, out[i, j])
            out[j, i] = np.where(upper.transpose(1, 0, 2), found.transpose(1, 0, 2), out[j, i])
            start = i.stop
        return out

    def _first(self, value: Any) -> Any:
        """Derivatives of σ_w² s + σ_b² by ln σ_w and ln σ_b, from its value."""
        return np.stack([2.0 * (value - self.bias), np.full_like(value, 2.0 * self.bias)], axis=-1)

    def _diagonal(self, start: Any) -> tuple[list[Any], list[Any], Any]:
        """Variances a of all layers, derivatives of ln a, and the derivatives of the kernel's diagonal."""
        variances, change = [start], self._first(start)
        changes = [_relative(change, start)]
        total, moved = start, change
        for _ in range(self.depth - 1):
            a = variances[-1]
            assert self._forward is not None
            value, by_log = self._forward.along_diagonal(a)
            following = self.weight * value + self.bias
            change = self._first(following) + self.weight * by_log[:, None] * changes[-1]
            if self._backward is None:
                total, moved = following, change
            else:
                gain, gain_by_log = self._backward.along_diagonal(a)
                risen = gain_by_log[:, None] * changes[-1]
                total, moved = self._step(total, moved, following, change, gain, risen)
            variances.append(following)
            changes.append(_relative(change, following))
        return variances, changes, moved

    def _step(self, total: Any, moved: Any, following: Any, change: Any, gain: Any, risen: Any) -> tuple[Any, Any]:
        """Θ' = Σ' + σ_w² Θ G and its derivatives, from those of Θ, Σ' and G."""
        carried = self.weight * total * gain
        derivative = change + self.weight * (moved * gain[..., None] + total[..., None] * risen)
        derivative[..., 0] += 2.0 * carried
        return following + carried, derivative

    def _pairs(self, c: Any, a: list[Any], b: list[Any], changes: list[tuple[Any, Any]]) -> Any:
        """Derivatives of the kernel (n, m, 2) for pairs of inputs that differ, with covariances c (n, m).

        a (n, 1), b (1, m) and changes (n, 1, 2), (1, m, 2) are variances and the derivatives of their logarithms, for
        each layer.
        """
        change = self._first(c)
        total, moved = c, change
        for layer in range(self.depth - 1):
            assert self._forward is not None
            of_a, of_b = changes[layer]
            size = np.sqrt(a[layer]) * np.sqrt(b[layer])
            c = np.clip(c, -size, size)
            with np.errstate(divide="ignore", invalid="ignore"):
                rho = np.where(size > 0, c / size, 0.0)
                turned = np.where((size > 0)[..., None], change / size[..., None], 0.0)
            turned = turned - 0.5 * rho[..., None] * (of_a + of_b)
            # parallel in this layer: the scales do not turn them, but the map may be infinitely steep there
            turned = np.where((1.0 - np.abs(rho) <= 4 * np.finfo(float).eps)[..., None], 0.0, turned)
            value, risen = _chain(self._forward.beside_diagonal(a[layer], b[layer], c), of_a, of_b, turned)
            following = self.weight * value + self.bias
            change = self._first(following) + self.weight * risen
            if self._backward is None:
                total, moved = following, change
            else:
                gain, risen = _chain(self._backward.beside_diagonal(a[layer], b[layer], c), of_a, of_b, turned)
                total, moved = self._step(total, moved, following, change, gain, risen)
            c = following
        return moved


def _relative(change: Any, value: Any) -> Any:
    """Derivatives of ln value; 0 where the value stays 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((value > 0)[:, None], change / value[:, None], 0.0)


def _chain(parts: tuple[Any, Any, Any, Any], of_a: Any, of_b: Any, turned: Any) -> tuple[Any, Any]:
    """The map's value and its derivatives by the two scales."""
    value, by_a, by_b, by_rho = parts
    with np.errstate(invalid="ignore"):
        steep = np.where(turned == 0.0, 0.0, by_rho[..., None] * turned)
    return value, by_a[..., None] * of_a + by_b[..., None] * of_b + steep
