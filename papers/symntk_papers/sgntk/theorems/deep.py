"""Deep kernels of a pair of inputs in mpmath: the layer recursion with derived expectations, at any precision.

Σ¹ has the entries (a, b, c); Σ^{l+1} = σ_w² E[σ(u) σ(v)] + σ_b², Θ^{l+1} = Σ^{l+1} + Θ^l · σ_w² E[s1(u) s2(v)].
A closed form is evaluated as it stands with digits to spare, what has none by `Expectation.evalf`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import sympy as sp
from mpmath import mp

from symntk import Expectation, Kernels
from symntk.errors import DivergenceError
from symntk.kernels.solution import ClosedForm
from symntk.language.special.table import numbers
from symntk.language.symbols import STATE

Number = Any  # mpf
Entries = tuple[Number, Number, Number]
_GUARD = 25
_MOST = 60  # digits of a quadrature
_COMPILED: WeakKeyDictionary[Expectation, tuple[Callable[..., Any], Callable[..., Any] | None]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Layer:
    """One layer of the recursion: entries of Σ^l and the kernel there (None for the Gaussian process)."""

    entries: Entries
    total: Number | None


def first_layer(x1: list[Number], x2: list[Number], weight_std: Number, bias_std: Number) -> Entries:
    """Entries a, b, c of Σ¹ for two inputs; equal inputs have equal entries, exactly."""

    def dot(p: list[Number], q: list[Number]) -> Number:
        return weight_std**2 / len(p) * mp.fdot(p, q) + bias_std**2

    return dot(x1, x1), dot(x2, x2), dot(x1, x2)


def layers(
    kernels: Kernels,
    slope: str | None,
    depth: int,
    entries: Entries,
    weight_std: Number,
    bias_std: Number,
    **parameters: Number,
) -> list[Layer]:
    """The layers 1 to `depth` for one pair of inputs, at the working precision of mpmath.

    Args:
        kernels: of all hidden layers.
        slope: "ntk", "sg_ntk" or None.
        depth: weight layers.
        entries: a, b, c of Σ¹; three equal ones are an input with itself.
        weight_std: σ_w of the layers after the first.
        bias_std: σ_b.
        parameters: numbers for the parameters of the activation.

    Raises:
        DivergenceError: an input with itself where the slope map diverges.

    >>> import symntk
    >>> with mp.workdps(20):
    ...     same = layers(symntk.derive("sign", "erf"), "sg_ntk", 3, (mp.mpf("0.51"),) * 3, mp.mpf(1), mp.mpf("0.1"))
    ...     print(mp.nstr(same[-1].total, 10))
    2.490796301
    """
    a, b, c = entries
    total = None if slope is None else c
    out = [Layer(entries, total)]
    for _ in range(depth - 1):
        if slope is not None:
            gain = weight_std**2 * value(getattr(kernels, slope), a, b, c, **parameters)
        same = a == b == c
        cov = weight_std**2 * value(kernels.nngp, a, b, c, **parameters) + bias_std**2
        if same:
            a = b = c = cov
        else:
            moved = [
                weight_std**2 * value(kernels.nngp, v, v, v, **parameters) + bias_std**2 for v in dict.fromkeys((a, b))
            ]
            a, b, c = moved[0], moved[-1], cov
        if slope is not None:
            total = c + total * gain
        out.append(Layer((a, b, c), total))
    return out


def value(E: Expectation, a: Number, b: Number, c: Number, **parameters: Number) -> Number:
    """E[f(u) g(v)] at the working precision; three equal entries are full correlation."""
    names = [s.name for s in E.parameters]
    numbers = {name: parameters[name] for name in names}
    same = a == b == c
    if not isinstance(E.solution, ClosedForm):
        return E.evalf(a, b, c, dps=min(mp.dps, _MOST), **numbers)
    if E not in _COMPILED:
        _COMPILED[E] = _compiled(E)
    off, on = _COMPILED[E]
    with mp.extradps(_GUARD):
        if not same:
            return mp.re(off(a, b, c, *numbers.values()))
        if on is None:
            raise DivergenceError(str(E), f"at full correlation it {E.diagonal}", "two inputs that differ")
        return mp.re(on(a, *numbers.values()))


def is_closed(*expectations: Expectation) -> bool:
    """Whether all are closed forms of the four moves, which cost next to nothing at any precision."""
    return all(isinstance(E.solution, ClosedForm) for E in expectations)


def _compiled(E: Expectation) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    modules = [numbers(), "mpmath"]
    off = sp.lambdify([*STATE[:3], *E.parameters], E.expression, modules=modules, cse=True)
    limit = E.diagonal.limit
    on = None if limit is None else sp.lambdify([STATE[0], *E.parameters], limit, modules=modules, cse=True)
    return off, on
