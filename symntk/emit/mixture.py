"""Code of an expectation that is a sum over the nodes of mixtures, and the variances where its error is proven small.

What is written is the closed form in the nodes, by the same writer as any derived formula, and the sum over constant
lists of nodes and weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
import sympy as sp

from symntk.derive.mixture.mixture import Mixture, MixtureDerivation, derive_mixture, mixture
from symntk.emit.code import Constant, Definition, Name, Node, call
from symntk.emit.compile import function_of
from symntk.emit.formula import LAW, formula, parameter_names
from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import Delta, NormalForm

_SMALLER = (0.1, 1e-2, 1e-3, 1e-4, 1e-5)  # sup norms that are tried, as shares of the tolerance for √E (f − f̃)²
_LEAST = 1e-14  # float64 gives hardly less
_SHARE = 0.499  # of the tolerance for either of two mixtures; their product takes the rest
_PER_DECADE = 16  # variances at which the second moment is computed
_DECADES = 12  # to either side of 1


def mixture_code(
    name: str, derivation: MixtureDerivation, parameters: tuple[sp.Symbol, ...] = (), tolerance: float | None = None
) -> list[Definition | Constant]:
    """The function `_{name}_mixture(a, b, c, det, d, m1, m2, *parameters)`, last, and what it calls.

    The function takes flat arrays of one length, and each parameter as a float; it returns a flat array. With a
    tolerance, `_{name}_mixture_valid(a, b)` is there as well: where it holds (centred variables), the error is proven
    to be at most tolerance · √(E f² · E g²), rounding aside.
    """
    sides = (derivation.f, derivation.g)
    symbols = tuple(side.node for side in sides if isinstance(side, Mixture))
    names = parameter_names((*symbols, *parameters))
    both = [names[s.node] if isinstance(s, Mixture) else f"_{i}" for i, s in enumerate(sides)]
    settings = [names[s] for s in parameters]
    made = formula(f"_{name}_inner", derivation.inner.value, (*symbols, *parameters)).definition
    code: list[Definition | Constant] = []
    rules = []
    for label, side in zip(("first", "second"), sides, strict=True):
        nodes, weights = (side.nodes, side.weights) if isinstance(side, Mixture) else ((1.0,), (1.0,))
        code += [
            Constant(f"_{name}_{label}_nodes", call("list", *nodes), _note(side)),
            Constant(f"_{name}_{label}_weights", call("list", *weights)),
        ]
        rules.append(call("tuple", f"_{name}_{label}_nodes", f"_{name}_{label}_weights"))
    code.append(replace(made, arguments=(*LAW, *both, *settings)))
    if tolerance is not None:
        share = tolerance * _SHARE if all(isinstance(s, Mixture) for s in sides) else tolerance
        within = [_within(Name(v), *variance_range(side, share)) for v, side in zip("ab", sides, strict=True)]
        code.append(Definition(f"_{name}_mixture_valid", ("a", "b"), (), (call("both", *within),)))
    total = call("_mixture_sum", f"_{name}_inner", *rules, call("tuple", *LAW), call("list", *settings))
    return [*code, Definition(f"_{name}_mixture", (*LAW, *settings), (), (total,))]


def mixture_function(
    derivation: MixtureDerivation, parameters: tuple[sp.Symbol, ...] = ()
) -> Callable[..., np.ndarray[Any, Any]]:
    """The function that `mixture_code` writes, compiled: of flat arrays a, b, c, det, d, m1, m2 and parameters.

    >>> from symntk.derive.mixture.mixture import mixture
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> tanh = mixture(general_form(sp.tanh(x), x), x)
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> print(mixture_function(derive_mixture(tanh, tanh))(one, one, one, zero, zero, zero, zero).round(10))
    [0.394294...]
    """
    function: Callable[..., np.ndarray[Any, Any]] = function_of(*mixture_code("kernel", derivation, parameters))
    return function


@lru_cache(maxsize=256)
def variance_range(one: Mixture | NormalForm, ratio: float) -> tuple[float, float]:
    """The widest interval of variances of a centred variable with √E (f − f̃)² ≤ ratio · √E f², proven.

    (inf, −inf) where there is none. For any f, √v · E f(√v z)² = ∫ f(x)² exp(−x²/2v) dx/√2π does not fall as the
    variance v grows. So between two variances v1 < v2 of a grid, E f² is at least √(v1/v2) times its value at v1, and
    the bound of √E (f − f̃)² at most what `Errors.of_interval` says; and √E f² ≥ √E f̃² − √E (f − f̃)². Deltas are
    exact and left aside; rounding of E f̃² is taken to be below 1e-6 of it. Nothing is said beyond 1e±12.

    Raises:
        SymntkError: the function has parameters without values.
    """
    if not isinstance(one, Mixture):
        return 0.0, inf
    if one.parameters:
        names = ", ".join(s.name for s in one.parameters)
        raise SymntkError(f"the variances at which {one.function} is a mixture", f"{names} has no value", "numbers")
    variances, square = _second_moments(one)
    step = variances[1] / variances[0]
    at_first, between = one.errors.of_variance(variances), one.errors.of_interval(variances, variances * step)
    below = (np.sqrt(np.maximum(square, 0.0) * (1.0 - 1e-6)) - at_first) * step**-0.25
    proven = between <= ratio * below
    best, start = (inf, -inf), None
    for i, holds in enumerate([*proven.tolist(), False]):
        if holds and start is None:
            start = i
        if not holds and start is not None:
            low, high = float(variances[start]), float(min(variances[i - 1] * step, variances[-1]))
            if best[1] < best[0] or high / low > best[1] / best[0]:
                best = low, high
            start = None
    return best


@lru_cache(maxsize=256)
def fitting_mixture(
    form: GeneralForm, x: sp.Symbol, tolerance: float, least: float = 0.1, largest: float = 1e6
) -> Mixture | None:
    """The first of some mixtures whose error is proven small at all variances from `least` to `largest`.

    Small means √E (f − f̃)² ≤ tolerance/2 · √E f². None where `mixture` has none; where float64 allows no such mixture,
    the last one tried; with parameters in the function, the first.
    """
    found = None
    for share in _SMALLER:
        found = mixture(form, x, max(share * tolerance, _LEAST))
        if found is None or found.parameters:
            break
        low, high = variance_range(found, _SHARE * tolerance)
        if low <= least and high >= largest:
            break
    return found


def _second_moments(one: Mixture) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Variances on a grid and E f̃² at them, without deltas."""
    regular = NormalForm(tuple(t for t in one.kernel.terms if not isinstance(t.window, Delta)))
    plain = Mixture(one.function, one.variable, regular, one.node, one.rule, one.errors)
    v = 10.0 ** (np.arange(-_DECADES * _PER_DECADE, _DECADES * _PER_DECADE + 1) / _PER_DECADE)
    zero = np.zeros(len(v))
    return v, mixture_function(derive_mixture(plain, plain))(v, v, v, zero, zero, zero, zero)


def _note(side: Mixture | NormalForm) -> str:
    if not isinstance(side, Mixture):
        return "no mixture: a single term"
    bound = f"{float(side.error):.2e}" if side.error.is_number else str(side.error)
    return (
        f"{side.function} as a mixture over p in logistic(x) = ∫ Φ(px) dF(1/2p), F the Kolmogorov distribution, "
        f"by a Gauss rule in log p; sup-norm error at most {bound}, certified on the whole real line."
    )


def _within(variance: Node, low: float, high: float) -> Node:
    if low == 0.0 and high == inf:
        return variance > 0
    return variance < 0 if low > high else call("both", variance >= low, variance <= high)
