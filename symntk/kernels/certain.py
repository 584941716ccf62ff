"""High-precision values where a variable has variance 0: it is its mean, and independent of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, DomainError
from symntk.kernels.function import Function, as_function
from symntk.language.forms.point import value_at
from symntk.language.symbols import STATE, x
from symntk.language.tables.registry import exact
from symntk.verify.evaluate import scalar

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation

_ADVICE = "a positive variance"


def certain_value(E: Expectation, values: dict[sp.Symbol, Any], dps: int) -> Any:
    """E f(u) · E g(v) to `dps` digits, where one variance or both are 0; `values` has the law and the parameters.

    Raises:
        DivergenceError: the variable is where its function is infinite.
        DomainError: its function has no value there.

    >>> from symntk.kernels.expectation import expectation
    >>> print(expectation("Heaviside(x)", "Max(0, x)", means=True).evalf(0, 0, 0, 0, 3, dps=15))
    1.5
    """
    asked = f"{E} at {', '.join(f'{s} = {values[s]}' for s in STATE)}"
    total, random = mp.one, []
    for one, variance, mean in zip((E.f, E.g), STATE[:2], STATE[3:], strict=True):
        if scalar(values[variance]) != 0:
            random.append((one, variance, mean))
            continue
        fixed = one.at({s: exact(values[s]) for s in one.parameters})
        found = value_at(fixed.general, x, _place(fixed, values[mean]), dps)
        if mp.isnan(found):
            raise DomainError(asked, "a variable of variance 0 is where its function has no value", _ADVICE)
        if mp.isinf(found):
            wrong = "it is infinite: a variable of variance 0 is where its function has a delta or a pole"
            raise DivergenceError(asked, wrong, _ADVICE)
        with mp.workdps(dps + 5):
            total = total * found
    for one, variance, mean in random:
        alone = type(E)(one, as_function(1), means=E.means, tol=E.tol)
        numbers = {s.name: values[s] for s in one.parameters}
        found = alone.evalf(values[variance], 1, 0, values[mean], 0, dps=dps, **numbers) if total else mp.zero
        with mp.workdps(dps + 5):
            total = total * found
    return total


def _place(one: Function, mean: Any) -> Any:
    """The mean as an exact number; a float that is the rounding of a break or of a delta's place stands for it."""
    if isinstance(mean, float | np.floating):
        places = [*one.general.breaks, *(delta.threshold for _, delta in one.general.deltas)]
        return next((place for place in places if float(place) == float(mean)), scalar(mean))
    return scalar(mean)
