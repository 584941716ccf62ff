"""What a theorem is tested with: the family, the surrogate, the scales, digits and sizes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from symntk import Expectation, Kernels, Network, derive
from symntk.kernels.function import Function
from symntk.language.special import bivariate_normal_cdf
from symntk.language.tables.registry import exact
from symntk_papers.sgntk.setting import on_circle
from symntk_papers.sgntk.theorems.deep import Entries, Number, first_layer, is_closed, layers
from symntk_papers.sgntk.theorems.family import Family

FINITE_SLOPE = 2
"""m of the networks of finite width: small enough for widths of some hundred, as in the paper's first figure."""

IN_FLOAT: dict[str, Any] = {"dps": 10, "start": "1/16", "ratio": "1/8", "points": 8}
"""The grid for values that are known in float64, to about ten digits."""


@dataclass(frozen=True)
class Setting:
    """A family of activations, a surrogate, and how much is computed.

    Attributes:
        family: σ_m and its limit.
        surrogate: as the user named it, None for the paper's (T5 then takes several).
        surrogate_derivative: a formula of it, None where a name is given.
        weight_std: σ_w.
        bias_std: σ_b.
        dps: digits of the values in mpmath.
        full: larger sizes.
        seed: of random points, weights and data.
        checkpoints: folder of trained ensembles, or None.
        progress: is told what is computed now.
    """

    family: Family
    surrogate: Any = None
    surrogate_derivative: Any = None
    weight_std: float = 1.0
    bias_std: float = 0.1
    dps: int = 50
    full: bool = False
    seed: int = 0
    checkpoints: Path | None = None
    progress: Callable[[str], None] = lambda text: None

    @cached_property
    def kernels(self) -> Kernels:
        """Of σ_m and the surrogate, erf where none is given."""
        return self._derived(self.family.activation)

    @cached_property
    def limit(self) -> Kernels:
        """Of the limit and the surrogate."""
        return self._derived(self.family.limit)

    @cached_property
    def finite(self) -> Kernels:
        """Of σ_m with a number for m, for networks of finite width."""
        return self._derived(self.family.at(sp.Integer(FINITE_SLOPE)))

    def with_surrogate(self, name: Any) -> Setting:
        """The same with another surrogate."""
        return replace(self, surrogate=name, surrogate_derivative=None)

    @property
    def surrogate_name(self) -> str:
        """In words."""
        return str(self.kernels.surrogate_name)

    @property
    def surrogate_function(self) -> Function:
        """The surrogate derivative."""
        function: Function = self.kernels.surrogate_ntk.f
        return function

    @cached_property
    def is_closed(self) -> bool:
        """Whether the maps of σ_m are closed forms, cheap at any precision off the diagonal too."""
        return is_closed(self.kernels.nngp, self.kernels.ntk)

    def grid(self, *expectations: Expectation) -> dict[str, Any]:
        """Digits and values of m for `behaviour`: as many and as large as the expectations' cost allows."""
        if not is_closed(*expectations):
            return {"dps": min(self.dps, 25), "start": "1/64", "ratio": "1/8", "points": 10}
        if any(E.integral.has(bivariate_normal_cdf) for E in expectations):
            return {"dps": min(self.dps, 25), "start": "1/100", "ratio": "1/4", "points": 8}
        return {"dps": self.dps, "start": "1/1000", "ratio": "1/8", "points": 10}

    @property
    def scales(self) -> tuple[Number, Number]:
        """σ_w and σ_b as decimals mean them, at the working precision."""
        both = (exact(self.weight_std), exact(self.bias_std))
        weight, bias = (mp.mpf(value.p) / value.q for value in both)
        return weight, bias

    @property
    def name(self) -> str:
        """The parameter of the family."""
        return "m" if self.family.parameter is None else self.family.parameter.name

    def given(self, m: Number) -> dict[str, Number]:
        """A number for the parameter, by its name."""
        return {} if self.family.parameter is None else {self.name: m}

    def on_circle(self, angle: Number) -> Entries:
        """Entries of Σ¹ for (0, 1) and the input at an angle on the unit circle; angle 0 is the input itself."""
        one, zero = mp.one, mp.zero
        other = [zero, one] if angle == 0 else [mp.sin(angle), mp.cos(angle)]
        return first_layer([zero, one], other, *self.scales)

    def deep(self, kernels: Kernels, slope: str | None, depth: int, entries: Entries, **numbers: Number) -> list[Any]:
        """The recursion in mpmath with this setting's scales."""
        return layers(kernels, slope, depth, entries, *self.scales, **numbers)

    def network(self, kernels: Kernels, depth: int) -> Network:
        """The network in float64."""
        return Network(kernels, depth, weight_std=self.weight_std, bias_std=self.bias_std)

    def in_float(self, kernel: str, depth: int, angle: float, m: Number | None) -> float:
        """A kernel of (0, 1) and the input at an angle in float64, of σ_m or, where m is None, of the limit."""
        self.tell(f"{kernel} in float64, depth {depth}, m = {'∞' if m is None else mp.nstr(m, 3)}")
        x = on_circle(np.array([0.0, angle]))
        net = self.network(self.limit if m is None else self.kernels, depth)
        given = {} if m is None else {name: float(number) for name, number in self.given(m).items()}
        gram = getattr(net, kernel)(x[:1], **given) if angle == 0 else getattr(net, kernel)(x[:1], x[1:], **given)
        return float(gram[0, 0])

    def folder(self, name: str) -> Path | None:
        """Where the checkpoints of one ensemble lie: a folder for each activation, surrogate and seed."""
        if self.checkpoints is None:
            return None
        told = (self.family.activation.expression, self.surrogate_function.expression, self.weight_std, self.bias_std)
        return self.checkpoints / f"{zlib.crc32(repr(told).encode()):08x}-seed{self.seed}" / name

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of one theorem."""
        return np.random.default_rng([self.seed, stream])

    def tell(self, text: str) -> None:
        """Say what is computed now."""
        self.progress(text)

    def _derived(self, function: Function) -> Kernels:
        if self.surrogate_derivative is not None:
            return derive(function, surrogate_derivative=self.surrogate_derivative)
        return derive(function, "erf" if self.surrogate is None else self.surrogate)
