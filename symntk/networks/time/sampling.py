"""Kernels in time by sampled paths, repeated for a standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symntk.errors import DomainError
from symntk.kernels.kernels import Kernels
from symntk.networks.time.paths import Rule, Unit, sample
from symntk.networks.time.sequences import Sequences
from symntk.networks.time.units import elementwise, slope

if TYPE_CHECKING:
    from symntk.networks.time.network import TimeNetwork

_LARGEST = 1e150


@dataclass(frozen=True, eq=False)
class Estimate:
    """A Gram matrix by sampled paths.

    Attributes:
        mean: over independent repeats, (n1, n2).
        error: the standard error of each entry, from the spread of the repeats, (n1, n2).
    """

    mean: np.ndarray
    error: np.ndarray


def estimates(
    net: TimeNetwork,
    asked: str,
    slopes: Sequence[tuple[str, ...] | None],
    first: Sequences,
    second: Sequences | None,
    layers: Sequence[Kernels],
) -> list[Estimate]:
    """The kernels with these slopes, None for the NNGP, of all pairs of inputs, which share their paths.

    `layers` are the network's with numbers for parameters.

    Raises:
        DomainError: an output at each step is asked for, or potentials explode.
        DivergenceError: the true derivative of a unit that jumps.
    """
    if net.readout == "each":
        wrong = "outputs at each step are not sampled"
        raise DomainError(asked, wrong, "readout='last', 'mean' or weights; or reset='none'")
    units = [
        Unit(elementwise(one.activation, asked), net.reset, size, leak)
        for one, size, leak in zip(layers, net.reset_size, net.leak, strict=True)
    ]
    kinds = {
        name: Rule(tuple(elementwise(slope(one, name), asked) for one in layers), whole)
        for name, whole in (("derivative", True), ("surrogate", not net.detach_reset))
        if any(name in pair for pair in slopes if pair is not None)
    }
    rules = [None if pair is None else (kinds[pair[0]], kinds[pair[1]]) for pair in slopes]
    both = first if second is None else joined(first, second)
    weights = first.weights(net.readout, asked)
    if second is not None:
        weights = padded([weights, second.weights(net.readout, asked)])
    settings = net.scales(), units, rules, net.weight_std[-1] ** 2, net.paths
    with np.errstate(over="ignore", invalid="ignore"):
        found = [sample(both, weights, *settings, seed) for seed in np.random.SeedSequence(net.seed).spawn(net.repeats)]
    rows = slice(0, len(first))
    columns = rows if second is None else slice(len(first), None)
    out = []
    for grams in zip(*found, strict=True):
        parts = np.array([gram[rows, columns] for gram in grams])
        if not np.all(np.abs(parts) < _LARGEST):
            wrong = "potentials, or their derivatives, explode along the paths"
            raise DomainError(asked, wrong, "a smaller recurrent_std, weight_std or leak, or shorter sequences")
        error = parts.std(axis=0, ddof=1) / np.sqrt(len(parts))
        out.append(Estimate(parts.mean(axis=0), error))
    return out


def joined(first: Sequences, second: Sequences) -> Sequences:
    """Both lists of inputs as one, the shorter ones followed by zeros."""
    values = padded([first.values, second.values])
    steps = padded([first.steps + 1, second.steps + 1]) - 1
    return Sequences(values, steps, max(first.total, second.total), first.narrow and second.narrow)


def padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (n, T, …) of any T below each other, zeros behind the shorter ones."""
    most = max(one.shape[1] for one in parts)
    wide = [np.pad(one, [(0, 0), (0, most - one.shape[1])] + [(0, 0)] * (one.ndim - 2)) for one in parts]
    return np.concatenate(wide)
