"""What names a pair in files, so that it can be derived again: certificates and exported modules hold it.

A record is plain values: names and formulas as text, the tolerance, and which parameters are real, which positive.
"""

from __future__ import annotations

from typing import Any

from symntk.errors import FormulaError, SymntkError
from symntk.kernels.kernels import Kernels, derive


def pair_record(kernels: Kernels) -> dict[str, Any]:
    """The record of a pair.

    >>> from symntk import derive
    >>> pair_record(derive("sign", "erf"))["surrogate derivative formula"]
    '2*exp(-x**2)/sqrt(pi)'
    """
    derivative = kernels.surrogate_derivative
    functions = [kernels.activation, *([] if derivative is None else [derivative])]
    return {
        "activation": kernels.activation.name,
        "surrogate": kernels.surrogate_name or None,
        "activation formula": str(kernels.activation.expression),
        "surrogate derivative formula": None if derivative is None else str(derivative.expression),
        "tol": kernels.tol,
        "where": {s.name: "positive" if s.is_positive else "real" for one in functions for s in one.parameters},
    }


def derive_again(pair: dict[str, Any], asked: str) -> Kernels:
    """The pair of a record; a surrogate's name may stand for a derivative or for a primitive.

    Raises:
        FormulaError: its formulas cannot be read.
    """
    activation, surrogate, tol = pair["activation"], pair["surrogate"], pair["tol"]
    where = pair["where"] or None
    if surrogate is None:
        return derive(activation, tol=tol, where=where)
    wanted, found = pair["surrogate derivative formula"], None
    for given in ({"surrogate": surrogate}, {"surrogate_derivative": surrogate}):
        try:
            kernels = derive(activation, **given, tol=tol, where=where)
        except SymntkError:
            continue
        found = found or kernels
        derivative = kernels.surrogate_derivative
        if derivative is not None and str(derivative.expression) == wanted:
            return kernels
    if found is None:
        raise FormulaError(asked, "its surrogate cannot be read", "a pair that `symntk derive` takes")
    return found


def other_functions(pair: dict[str, Any], kernels: Kernels) -> list[str]:
    """What formulas of the record are not those of the kernels, in words."""
    now = pair_record(kernels)
    keys = ("activation formula", "surrogate derivative formula")
    return [f"the {key} was {pair[key]}, and is {now[key]}" for key in keys if pair[key] != now[key]]
