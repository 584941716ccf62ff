"""What a caller gives: numbers by name, of all kinds; and formulas too deep for Python to follow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from symntk.errors import FormulaError

P = ParamSpec("P")
T = TypeVar("T")


def not_too_deep(function: Callable[P, T]) -> Callable[P, T]:
    """The function, where Python's recursion limit is an error with a name: its first argument is what was asked.

    >>> @not_too_deep
    ... def endless(asked):
    ...     return endless(asked)
    >>> endless("a formula")
    Traceback (most recent call last):
    ...
    symntk.errors.FormulaError: a formula: its formulas are nested deeper than Python can follow. Try: a shorter \
formula, or lower powers
    """

    @functools.wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except RecursionError:
            asked = str(args[0]) if args else function.__name__
        raise FormulaError(
            asked, "its formulas are nested deeper than Python can follow", "a shorter formula, or lower powers"
        )

    return inner


def other_names(missing: Sequence[str], unknown: Sequence[str], known: Sequence[str]) -> tuple[str, str]:
    """What is wrong with the names of the numbers that were given, and what to try.

    >>> print(*other_names(["m"], ["k"], ["m"]), sep="; try: ")
    k is no parameter, and m has no value; try: m=1.0
    """
    if missing and unknown:
        has, what = "have" if missing[1:] else "has", "are no parameters" if unknown[1:] else "is no parameter"
        wrong = f"{', '.join(unknown)} {what}, and {', '.join(missing)} {has} no value"
        return wrong, ", ".join(f"{name}=1.0" for name in missing)
    wrong = f"no value for {', '.join(missing)}" if missing else f"no parameter {', '.join(unknown)}"
    return wrong, f"the parameters are: {', '.join(known) or 'none'}"


def real_array(given: Any, name: str = "it") -> Any:
    """Numbers as float64, of any shape; not text, which NumPy would read.

    Errors: ValueError for what is not real numbers, and for masked entries; `name` says what is wrong with which.

    >>> real_array(["1", "2"], "k")
    Traceback (most recent call last):
    ...
    ValueError: k: real numbers are needed, not text. Try: an array of floats
    """
    from symntk.emit.runtime.covariance import _real_numbers  # a formula alone needs no code

    if np.ma.is_masked(given):
        raise ValueError(f"{name} is masked. Try: the entries that are not")

    return _real_numbers(given, name)
