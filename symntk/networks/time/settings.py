"""What a network in time is made of, as a user gives it, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import DivergenceError, DomainError
from symntk.kernels.arguments import real_array
from symntk.kernels.kernels import Kernels, derive
from symntk.language.symbols import x
from symntk.language.tables.registry import exact
from symntk.networks.layers import Plan

READOUTS = ("last", "mean", "each")
RESETS = ("none", "subtract", "zero")


def units(kernels: Kernels | Sequence[Kernels], layers: int | None, asked: str) -> tuple[Kernels, ...]:
    """The kernels of each layer, from one for all or a list."""
    if isinstance(kernels, Kernels):
        if layers is None or (isinstance(layers, int | np.integer) and not isinstance(layers, bool) and layers >= 1):
            return (kernels,) * int(layers or 1)
        raise DomainError(asked, f"layers = {layers!r}", "an integer of at least 1")
    if not isinstance(kernels, list | tuple) or not kernels or not all(isinstance(one, Kernels) for one in kernels):
        raise DomainError(asked, "its kernels are no Kernels", "symntk.derive(...), or a list of such")
    if layers not in (None, len(kernels)):
        raise DomainError(asked, f"{len(kernels)} Kernels for {layers} layers", "one for all, or one for each layer")
    return tuple(kernels)


def numbers(
    name: str, given: Any, count: int, asked: str, least: float = 0.0, most: float = np.inf
) -> tuple[float, ...]:
    """One number for each layer, from one for all or one for each; `least` and `most` are allowed, if finite."""
    between = f"from {least:g} to {most:g}" if np.isfinite(most) else f"of at least {least:g}"
    advice = f"a number {between}" + (f", or {count}: one for each layer" if count > 1 else "")
    try:
        values = real_array(given)
    except (TypeError, ValueError) as error:
        raise DomainError(asked, f"{name} = {given!r} is not numbers", advice) from error
    if values.shape not in ((), (count,)) or not np.all(np.isfinite(values) & (values >= least) & (values <= most)):
        raise DomainError(asked, f"{name} = {given!r}", advice)
    return tuple(float(value) for value in np.broadcast_to(values, (count,)))


def readout_of(given: Any, asked: str) -> str | tuple[float, ...]:
    """One of READOUTS, or a weight for each step."""
    advice = "'last', 'mean', 'each' for an output at each step, or a list with a weight for each step"
    if isinstance(given, str):
        if given not in READOUTS:
            raise DomainError(asked, f"readout = {given!r}", advice)
        return given
    try:
        values = real_array(given)
    except (TypeError, ValueError) as error:
        raise DomainError(asked, f"readout = {given!r}", advice) from error
    if values.ndim != 1 or not np.all(np.isfinite(values)) or not np.any(values):
        raise DomainError(asked, f"readout = {given!r}", f"{advice}, finite and not all 0")
    return tuple(values.tolist())


def shifted(kernels: Kernels, threshold: Any) -> Kernels:
    """The kernels of σ(x − θ) with the surrogate derivative σ̃'(x − θ).

    >>> from symntk.kernels.kernels import derive
    >>> shifted(derive("sign", "triangle"), 0.4).activation.expression
    sign(x - 2/5)
    """
    place = exact(threshold, "the threshold")
    if place == 0:
        return kernels
    surrogate = kernels.surrogate_derivative
    moved = None if surrogate is None else surrogate.expression.subs(x, x - place)
    activation = kernels.activation.expression.subs(x, x - place)
    return derive(activation, surrogate_derivative=moved, tol=kernels.tol)


def jumps(kernels: Kernels) -> list[float]:
    """The places where the activation jumps, as far as they are numbers."""
    places = [delta.threshold for _, delta in kernels.derivative.general.deltas]
    return [float(place) for place in places if not place.free_symbols]


def reset_size(kernels: Sequence[Kernels], reset: str, size: Any, threshold: float, asked: str) -> tuple[float, ...]:
    """How much of s a reset subtracts in each layer; refused are units that have no threshold to be reset by."""
    if reset not in RESETS:
        raise DomainError(asked, f"reset = {reset!r}", " or ".join(map(repr, RESETS)))
    if reset == "none":
        if size is not None:
            raise DomainError(asked, f"reset_size = {size!r} without a reset", "reset='subtract'")
        return (0.0,) * len(kernels)
    if reset == "zero":
        if size is not None:
            raise DomainError(asked, "a reset to zero has no size", "reset='subtract', or reset_size=None")
    out = []
    for one in kernels:
        places = jumps(one)
        if not places and threshold == 0.0 and size is None:
            wrong = f"{one.activation.name} is smooth and has no threshold, so there is nothing that resets it"
            raise DomainError(asked, wrong, "threshold=1.0, a unit that jumps such as step, or reset='none'")
        given = size if size is not None else (places[0] if len(places) == 1 else threshold)
        if reset == "subtract" and given == 0.0:
            wrong = "a reset subtracts the threshold, which is 0"
            raise DomainError(asked, wrong, "threshold=1.0, reset_size=1.0, or reset='zero'")
        out.append(float(given))
    if size is not None:
        numbers("reset_size", size, len(kernels), asked, least=-np.inf)
    return tuple(out)


def divergence(plan: Plan, where: str) -> DivergenceError:
    """What is infinite at a place, why, and what to try."""
    slope = None if plan.divergent is None else plan.layers[plan.divergent].slope
    if plan.divergent is None or slope is None:
        wrong = f"{where} is beyond float64, or a variable of variance 0 is where a function is infinite"
        return DivergenceError(plan.asked, wrong, "smaller scales or inputs, or a bias")
    wrong = f"it is infinite for {where}: at full correlation the map of layer {plan.divergent + 1} {slope.diagonal}"
    finite = "the surrogate-gradient kernel" if slope.f == slope.g else "a surrogate derivative without deltas"
    return DivergenceError(plan.asked, wrong, f"singular='inf' for the kernel off the diagonal, or {finite}")


def free_symbols(kernels: Kernels) -> set[sp.Symbol]:
    """The parameters of an activation and its surrogate."""
    functions = (kernels.activation, kernels.surrogate_derivative)
    return {s for f in functions if f is not None for s in f.parameters}


def free_names(kernels: Sequence[Kernels]) -> set[str]:
    """Names of the parameters of all activations and surrogates."""
    return {s.name for one in kernels for s in free_symbols(one)}


def shown(value: Any) -> str:
    """A setting as text, one number where all layers have the same."""
    values = value if isinstance(value, tuple) else (value,)
    listed = [f"{one:g}" if isinstance(one, float) else str(one) for one in values]
    return listed[0] if len(set(listed)) == 1 else f"({', '.join(listed)})"


def whole(name: str, given: Any, asked: str) -> int:
    """A number of paths or repeats, at least 2."""
    if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < 2:
        raise DomainError(asked, f"{name} = {given!r}", "an integer of at least 2")
    return int(given)
