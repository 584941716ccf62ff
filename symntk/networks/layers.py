"""Layer maps as compiled code, with numbers for the parameters, and the plan of a network's kernel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sympy as sp

from symntk.errors import DomainError, SymntkError
from symntk.kernels.arguments import other_names, real_array
from symntk.kernels.expectation import Expectation, refuse_early
from symntk.kernels.function import Function
from symntk.kernels.kernels import Kernels
from symntk.language.symbols import x
from symntk.language.tables.registry import exact

_NAMED = {
    ("activation", "activation"): "nngp",
    ("derivative", "derivative"): "ntk",
    ("derivative", "surrogate"): "sg_ntk",
    ("surrogate", "surrogate"): "surrogate_ntk",
}
SLOPES = ("derivative", "surrogate")
"""What a side propagates backwards: σ' or the surrogate derivative."""


_COMPILED: WeakKeyDictionary[Expectation, dict[Any, list[dict[str, Any]]]] = WeakKeyDictionary()
_GIVEN: WeakKeyDictionary[Expectation, dict[tuple[float, ...], Callable[..., Any]]] = WeakKeyDictionary()
"""Maps of all layers that were compiled, also together with others."""
_NEAR: WeakKeyDictionary[Expectation, Any] = WeakKeyDictionary()
_PAIRS: WeakKeyDictionary[Kernels, WeakKeyDictionary[Kernels, dict[tuple[str, str], Expectation]]] = WeakKeyDictionary()


def pair(first: Kernels, second: Kernels, roles: tuple[str, str]) -> Expectation:
    """E[f(u) g(v)] with f of the first and g of the second; roles are "activation", "derivative", "surrogate".

    Errors: FormulaError where a surrogate is asked for and none was given.
    """
    if first is second and roles in _NAMED:
        found: Expectation = getattr(first, _NAMED[roles])
        return found
    known = _PAIRS.setdefault(first, WeakKeyDictionary()).setdefault(second, {})
    if roles not in known:
        f, g = (_role(kernels, role) for kernels, role in zip((first, second), roles, strict=True))
        known[roles] = Expectation(f, g, tol=min(first.tol, second.tol))
    return known[roles]


def _role(kernels: Kernels, role: str) -> Any:
    if role == "surrogate":
        return kernels.surrogate_ntk.f
    return kernels.activation if role == "activation" else kernels.derivative


def numbers_for(
    asked: str, expectations: list[Expectation], given: Mapping[str, Any], others: Collection[str] = ()
) -> dict[str, float]:
    """The parameters' values, checked against the names that the expectations have; `others` may be given, too."""
    symbols = {s.name: s for E in expectations for s in E.parameters}
    missing, unknown = sorted(symbols.keys() - given.keys()), sorted(given.keys() - symbols.keys() - set(others))
    if missing or unknown:
        raise DomainError(asked, *other_names(missing, unknown, sorted({*symbols, *others})))
    out = {}
    for name, symbol in symbols.items():
        try:
            out[name] = float(real_array(given[name]))
        except (TypeError, ValueError) as error:
            raise DomainError(asked, f"{name} = {given[name]!r} is not one real number", "a number") from error
        if not np.isfinite(out[name]) or (symbol.is_positive and out[name] <= 0):
            raise DomainError(asked, f"{name} = {out[name]}", "a finite number, positive where declared so")
    return out


def with_numbers(E: Expectation, numbers: Mapping[str, float]) -> Expectation:
    """The expectation itself where parameters may stay symbols in its code, else with numbers in their place."""
    if not E.parameters or E.expression is not None:
        return E
    values = {s: exact(numbers[s.name]) for s in E.parameters}
    return Expectation(E.f.at(values), E.g.at(values), tol=E.tol)


def layer_map(E: Expectation, numbers: Mapping[str, float]) -> Callable[..., Any]:
    """The compiled map E[f(u) g(v)] over float64 arrays (a, b, cov, det), with det = ab − c² or None."""
    given = _GIVEN.setdefault(E, {})
    key = tuple(numbers[s.name] for s in E.parameters)
    if key not in given:
        layer_maps((E,), numbers)
    return given[key]


def layer_maps(expectations: Sequence[Expectation], numbers: Mapping[str, float]) -> list[dict[str, Any]]:
    """The maps of a layer, the nngp map first, as the recursion takes them; compiled once."""
    known = _COMPILED.setdefault(expectations[0], {})
    key = tuple(expectations), tuple(numbers[s.name] for E in expectations for s in E.parameters)
    if key not in known:
        known[key] = _compile(expectations, numbers)
    return known[key]


def _compile(expectations: Sequence[Expectation], numbers: Mapping[str, float]) -> list[dict[str, Any]]:
    from symntk.emit import gram

    written = [with_numbers(E, numbers).as_map(f"layer_map_{k}") for k, E in enumerate(expectations)]
    found = gram.layer_maps(written, [E.diagonal.diverges for E in expectations], numbers)
    maps = [{**one, "given": _named(E, one["given"])} for E, one in zip(expectations, found, strict=True)]
    for E, one in zip(expectations, maps, strict=True):
        _GIVEN.setdefault(E, {})[tuple(numbers[s.name] for s in E.parameters)] = one["given"]
    return maps


def _named(E: Expectation, function: Callable[..., Any]) -> Callable[..., Any]:
    """The map whose errors say which expectation it is."""

    def given(a: Any, b: Any, cov: Any, det: Any) -> Any:
        try:
            return function(a, b, cov, det)
        except SymntkError:
            raise
        except ValueError as error:
            raise DomainError(str(E), str(error)) from error

    return given


def near_expectations(E: Expectation) -> tuple[Expectation, Expectation, Expectation] | None:
    """E[f' f'], E[h h] and E[f h], h(x) = x f'(x), for E[f f]; None where one of them does not exist."""
    if E not in _NEAR:
        try:
            slope = E.f.derivative
            weighted = Function(f"x*({slope.name})", x * slope.expression)
            pairs = ((slope, slope), (weighted, weighted), (E.f, weighted))
            _NEAR[E] = tuple(Expectation(*pair, tol=E.tol) for pair in pairs)
            for pair in pairs:
                refuse_early(*pair)
        except SymntkError:
            _NEAR[E] = None
    found: tuple[Expectation, Expectation, Expectation] | None = _NEAR[E]
    return found


def _near_maps(layer: Layer, numbers: Mapping[str, float]) -> tuple[Callable[..., Any], ...]:
    """The compiled maps of `Layer.near`."""
    return tuple(layer_map(E, numbers) for E in layer.near or ())


@dataclass(frozen=True, eq=False)
class Layer:
    """The expectations of one hidden layer of two networks that share weights.

    E[σ1 σ1], E[σ2 σ2], E[σ1 σ2], E[s1 s2] or None for the NNGP, and E[σ1' σ1']; `equal` says that σ1 = σ2.
    """

    first: Expectation
    second: Expectation
    cross: Expectation
    slope: Expectation | None
    derivative: Expectation
    equal: bool

    @property
    def near(self) -> tuple[Expectation, Expectation, Expectation] | None:
        """E[f' f'], E[h h] and E[f h] with h(x) = x f'(x), by which nearly equal inputs are followed; None without."""
        return near_expectations(self.first) if self.equal else None

    @property
    def most_near(self) -> float:
        """How many nearly equal inputs are followed at once: what has no closed form takes a millisecond a value."""
        return inf if all(E.expression is not None for E in self.near or ()) else 500

    @property
    def divergent(self) -> bool:
        """Whether the slope map diverges at full correlation."""
        return self.slope is not None and self.slope.diagonal.diverges


@dataclass(frozen=True, eq=False)
class Plan:
    """A kernel of given depth: hidden layers from first to last, scales of the weight layers, what it is called.

    `weights` and `biases` are the scales as formulas have them.
    """

    asked: str
    layers: tuple[Layer, ...]
    weight_std: tuple[float, ...]
    bias_std: tuple[float, ...]
    weights: tuple[sp.Expr, ...]
    biases: tuple[sp.Expr, ...]

    @property
    def expectations(self) -> list[Expectation]:
        """All expectations, each once."""
        found = [E for one in self.layers for E in (one.first, one.second, one.cross, one.slope) if E is not None]
        return list(dict.fromkeys(found))

    @property
    def divergent(self) -> int | None:
        """The index of the first hidden layer whose slope map diverges at full correlation."""
        for index, one in enumerate(self.layers):
            if one.divergent:
                return index
            if not one.equal:  # from here on no pair of inputs is fully correlated
                return None
        return None

    @property
    def exponent(self) -> sp.Rational | None:
        """α where the kernel grows like |x − x'|^(−α) at inputs of one norm; None where it is not known.

        A slope map grows like (1 − ρ)^p, and ∂E[σ σ]/∂c = E[σ' σ'] (Price) makes the next layer's 1 − ρ' a multiple
        of (1 − ρ)^(1 + p') with the power p' of the NTK map, 0 where that is finite. For sign this is theorem T4 of
        Eilers, Memmesheimer & Goedeke (2024): α = 2 − 2^(2 − depth).
        """
        total, rate = sp.S.Zero, sp.Integer(2)
        for one in self.layers:
            if one.slope is None or not one.equal:
                break
            slope, own = one.slope.diagonal, one.derivative.diagonal
            if not (slope.is_finite or slope.diverges) or not (own.is_finite or own.diverges):
                return None
            if slope.power == 0 or own.power == 0:  # a logarithm
                return None
            total -= rate * (slope.power or 0)
            rate *= 1 + (own.power or 0)
        return total

    def reason(self) -> tuple[str, str]:
        """Why an entry may be infinite, with the rate, and what to try."""
        slope = None if self.divergent is None else self.layers[self.divergent].slope
        if self.divergent is None or slope is None:
            wrong = "it is beyond float64, or a variable of variance 0 is where a function is infinite"
            return wrong, "smaller scales or inputs, or a bias"
        grows = f"; the kernel grows like |x - x'|**(-({self.exponent})) there" if self.exponent is not None else ""
        zero = "" if all(self.bias_std) else ", and at an input of zeros it is infinite"
        wrong = f"at full correlation the map of hidden layer {self.divergent + 1} {slope.diagonal}{grows}{zero}"
        finite = "the surrogate-gradient kernel" if slope.f == slope.g else "a surrogate derivative without deltas"
        return wrong, f"singular='inf' for the kernel off the diagonal, or {finite}"

    def compiled(self, numbers: Mapping[str, float]) -> list[dict[str, Any]]:
        """What the recursion reads: the nngp map of each layer, then that of the slopes."""
        return compiled([self], numbers)

    @property
    def kernel(self) -> int:
        """Which of the maps in `compiled` the kernel has, 0 for Σ."""
        return 1 if self.layers and all(one.slope is not None for one in self.layers) else 0


def compiled(plans: Sequence[Plan], numbers: Mapping[str, float]) -> list[dict[str, Any]]:
    """What the recursion reads of plans that differ in their slopes: the nngp map, then those of the slopes."""
    out = []
    for layers in zip(*(plan.layers for plan in plans), strict=True):
        one = layers[0]
        slopes = [other.slope for other in layers if other.slope is not None]
        maps = layer_maps([one.cross, *slopes], numbers)
        first, second = (maps[0]["given"] if E is one.cross else layer_map(E, numbers) for E in (one.first, one.second))
        near = None if one.near is None else (partial(_near_maps, one, numbers), one.most_near)
        out.append({"first": first, "second": second, "maps": maps, "equal": one.equal, "near": near})
    return out
