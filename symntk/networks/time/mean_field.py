"""Mean field in time: what a layer of leaky recurrent units settles to, and how long it tells inputs apart.

At each step the input has ⟨x_t, x_t⟩/features = power, and ⟨x_t, x_r⟩ is 0 at other steps ("white") or the same
("constant"). With the covariances of `symntk.networks.time.recursion` for one input, a small difference of two inputs
at the first step alone spreads as

    k_{t,r} = β^{t+r} + Σ_{1≤s≤t, 1≤q≤r} β^{t−s} β^{r−q} σ_w² E[σ'(h_{s−1}) σ'(h_{q−1})] k_{s−1,q−1}

and χ is the factor by which k_{t,t} grows in a step in the long run: below 1 inputs are forgotten, above 1 the smallest
differences grow (chaos). At a static state, which a constant input may have, perturbations follow β + J diag σ'(h), of
which the eigenvalues fill a disk of radius σ_w √E[σ'(h)²] around β, so that χ = (β + σ_w √E[σ'(h)²])². Where σ jumps,
E[σ'(h)²] is X
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from symntk.errors import DomainError
from symntk.networks.layers import layer_maps
from symntk.networks.time.network import TimeNetwork
from symntk.networks.time.recursion import aligned

_DRIVES = ("white", "constant")
_LARGEST = 1e150


@dataclass(frozen=True)
class TimeMeanField:
    """The long run of one layer without reset.

    Attributes:
        net: one layer, whose activation has no free parameters.
        drive: "white" or "constant" input.
        power: ⟨x_t, x_t⟩/features.
        steps: over which the recursion runs; averages are over its second half.

    >>> import symntk
    >>> net = TimeNetwork(symntk.derive("erf"), leak=0.5, recurrent_std=0.2, input_std=1.0)
    >>> print(TimeMeanField(net))
    variance 1.3787, χ 0.379 a step: a difference falls by e in 2.1 steps
    >>> print(round(TimeMeanField(net).critical("recurrent_std"), 3))
    1.16
    >>> print(TimeMeanField(TimeNetwork(symntk.derive("step"), threshold=0.4)).chi)
    inf
    """

    net: TimeNetwork
    drive: str = "white"
    power: float = 1.0
    steps: int = 128

    def __post_init__(self) -> None:
        asked = f"mean field in time of {self.net}"
        if len(self.net.layers) != 1 or self.net.reset != "none":
            raise DomainError(asked, "it has several layers, or a reset", "one layer with reset='none'")
        if self.drive not in _DRIVES:
            raise DomainError(asked, f"drive = {self.drive!r}", " or ".join(map(repr, _DRIVES)))
        if not (np.isfinite(self.power) and self.power >= 0.0):
            raise DomainError(asked, f"power = {self.power!r}", "a finite number of at least 0")
        if self.steps < 8:
            raise DomainError(asked, f"steps = {self.steps!r}", "at least 8")

    @cached_property
    def covariances(self) -> np.ndarray:
        """C_{t,r} of the potentials, (steps, steps).

        Raises:
            DomainError: the variance explodes.
        """
        return self._run[0]

    @property
    def variance(self) -> float:
        """Of a potential, at the end."""
        return float(self.covariances[-1, -1])

    @property
    def autocorrelation(self) -> np.ndarray:
        """C_{t,t−lag}/√(C_{t,t} C_{t−lag,t−lag}) at the end, for lags from 0 to half of the steps."""
        lags = np.arange(self.steps // 2)
        own = np.diag(self.covariances)[::-1][lags]
        return np.asarray(self.covariances[-1, ::-1][lags] / np.sqrt(own * own[0]))

    @property
    def differences(self) -> np.ndarray:
        """How large a small difference at the first step is later, k_{t,t}/k_{0,0}, (steps,)."""
        if self.net.recurrent_std[0] and self.net.layers[0].ntk.diagonal.diverges:
            return np.where(np.arange(self.steps), np.inf, 1.0)
        return np.diag(self._run[1])

    @cached_property
    def chi(self) -> float:
        """The growth of k_{t,t} in a step in the long run; inf where the activation jumps and is fed back."""
        one = self.net.layers[0]
        if one.ntk.diagonal.diverges and self.net.recurrent_std[0] > 0.0:
            return float("inf")
        if self.is_static:
            slope = float(one.ntk(*(self.variance,) * 3)) if self.net.recurrent_std[0] else 0.0
            return float((self.net.leak[0] + self.net.recurrent_std[0] * slope**0.5) ** 2)
        found = self.differences
        last = int(np.flatnonzero(np.isfinite(found) & (found > 0.0))[-1])
        return float(np.exp((np.log(found[last]) - np.log(found[last // 2])) / (last - last // 2)))

    @property
    def is_static(self) -> bool:
        """Whether the potentials come to rest."""
        return self.drive == "constant" and bool(self.autocorrelation[-1] > 1.0 - 1e-9)

    @property
    def memory(self) -> float:
        """Steps in which a difference falls by e; inf where it does not fall."""
        return -2.0 / np.log(self.chi) if 0.0 < self.chi < 1.0 else (float("inf") if self.chi else 0.0)

    def critical(self, name: str) -> float:
        """The "recurrent_std" or "leak" at which χ = 1: below it inputs are forgotten, above it told apart for ever.

        Raises:
            DomainError: χ does not pass 1, as where the activation jumps.
        """
        asked = f"the critical {name} of {self.net}"
        if name not in ("recurrent_std", "leak"):
            raise DomainError(asked, "it is not known", "'recurrent_std' or 'leak'")
        low, high = (1e-3, 20.0) if name == "recurrent_std" else (0.0, 1.0 - 1e-6)

        def growth(value: float) -> float:
            return float(np.log(max(self._with(name, value).chi, 1e-300)))

        grid = np.geomspace(low, high, 14) if name == "recurrent_std" else np.linspace(low, high, 12)
        below = growth(float(grid[0]))
        for left, right in zip(grid[:-1], grid[1:], strict=True):
            above = growth(float(right))
            if below < 0.0 <= above and np.isfinite(above):
                return float(brentq(growth, left, right, xtol=1e-6))
            below = above
        wrong = f"χ does not pass 1 for {name} from {low:g} to {high:g}"
        raise DomainError(asked, wrong, "another activation, leak, gain or power; units that jump have χ = inf")

    def _with(self, name: str, value: float) -> TimeMeanField:
        return TimeMeanField(self.net.changed(**{name: value}), self.drive, self.power, self.steps)

    @cached_property
    def _run(self) -> tuple[np.ndarray, np.ndarray]:
        """C and k, (steps, steps) each; k is that of finite slopes alone."""
        net, one = self.net, self.net.layers[0]
        (scales,) = net.scales()
        known = layer_maps((one.nngp, one.ntk), {})
        finite = not one.ntk.diagonal.diverges
        values, slopes = known[0]["given"], known[1]["given"] if finite else None
        t_max, leak = self.steps, scales.leaks[0]
        cov, spread = np.zeros((t_max, t_max)), np.zeros((t_max, t_max))
        fired, moved = np.zeros((t_max, t_max)), np.zeros((t_max, t_max))
        steady = self.power if self.drive == "constant" else 0.0
        for t in range(t_max):
            row = np.full(t + 1, scales.input * steady + scales.bias)
            row[t] = scales.input * self.power + scales.bias
            start = np.zeros(t + 1)
            start[0] = float(t == 0)
            if t:
                row[1:] += scales.recurrent * fired[t - 1, :t]
                start[1:] += scales.recurrent * moved[t - 1, :t]
            for matrix, new in ((cov, row), (spread, start)):
                self._enter(matrix, new, t, leak)
            own = np.diag(cov)[: t + 1]
            if not own[t] < _LARGEST:
                raise DomainError(f"mean field of {net}", "the variance explodes", "a smaller recurrent_std or leak")
            here = np.full(t + 1, own[t])
            law = aligned(cov[t, : t + 1], np.sqrt(own) * np.sqrt(here))
            law[t] = own[t]
            fired[t, : t + 1] = fired[: t + 1, t] = values(here, own, law, None)
            if slopes is not None and spread[t, t] < _LARGEST:
                with np.errstate(all="ignore"):
                    moved[t, : t + 1] = moved[: t + 1, t] = slopes(here, own, law, None) * spread[t, : t + 1]
        return cov, spread

    @staticmethod
    def _enter(matrix: np.ndarray, row: np.ndarray, t: int, leak: float) -> None:
        """The leaky sums of a row of currents' covariances, entered with their mirror image."""
        for r in range(1, t + 1):
            row[r] += leak * row[r - 1]
        if t:
            row[:t] += leak * matrix[t - 1, :t]
            row[t] += leak * row[t - 1]
        matrix[t, : t + 1] = matrix[: t + 1, t] = row

    def __str__(self) -> str:
        if self.chi < 1.0:
            end = f"a difference falls by e in {self.memory:.1f} steps" if self.chi else "a step is forgotten at once"
        else:
            end = "small differences grow: inputs are told apart for ever"
        return f"variance {self.variance:.5g}, χ {self.chi:.3g} a step: {end}"
