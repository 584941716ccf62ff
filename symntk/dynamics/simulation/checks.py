"""Numbers with which there is nothing to simulate, or something else than was meant: refused before a run."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symntk.dynamics.poles import refuse_poles
from symntk.dynamics.simulation.step import Drive
from symntk.dynamics.sizes import afford_memory, afford_steps
from symntk.dynamics.waveform import LEAST, Course, check_sinusoid, finite_formula, function_of
from symntk.errors import DivergenceError, DomainError
from symntk.finite.arrays import ArrayFunction, array_function
from symntk.kernels.function import Function, as_function
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS

__all__ = ["affordable", "all_resolved", "count", "listed", "numbers", "resolved", "slope", "step", "units"]

_INPUTS = (-1e3, 1e3)
"""Where poles of an activation are looked for."""
_MOST_STEPS = 1e9


def numbers(asked: str, given: Mapping[str, Any]) -> None:
    """Refuse what is no finite number.

    >>> numbers("a run", {"g": "2"})
    Traceback (most recent call last):
    ...
    symntk.errors.DomainError: a run: g = '2'. Try: a finite number
    """
    for name, value in given.items():
        if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
            raise DomainError(asked, f"{name} = {value!r}", "a finite number")


def count(asked: str, name: str, value: Any, least: int) -> int:
    """A whole number of at least so much, as Python's own.

    >>> count("a run", "steps", 32.0, 1)
    Traceback (most recent call last):
    ...
    symntk.errors.DomainError: a run: steps = 32.0. Try: a whole number of at least 1
    """
    try:
        whole = operator.index(value)
    except TypeError:
        whole = least - 1
    if whole < least:
        raise DomainError(asked, f"{name} = {value!r}", f"a whole number of at least {least}")
    return whole


def listed(
    asked: str, inputs: Sequence[float | str | Drive], common: bool, frequency: Any, until: float
) -> tuple[Drive, ...]:
    """The drives; amplitudes are of sinusoids, and text is a formula in t of an input that all units share.

    `until` is when the run ends: up to then a formula has to be finite.

    Raises:
        DomainError: there are none, or one is no input; a sinusoid with a negative amplitude or frequency.
        FormulaError: a formula that is none.
    """
    if not isinstance(inputs, Iterable) or isinstance(inputs, str) or not len(found := list(inputs)):
        raise DomainError(asked, f"inputs = {inputs!r}", "a list with at least 1 amplitude, formula in t or `Drive`")
    drives = []
    for i, one in enumerate(found):
        if isinstance(one, str):
            if not common:
                raise DomainError(asked, f"{one!r} for each unit on its own", "common=True, or a `Drive`")
            finite_formula(one, "the input", (0.0, until))
            one = Drive(1.0, True, 0.5 / math.pi, Course(one))
        elif not isinstance(one, Drive):
            check_sinusoid(one, frequency)
            one = Drive(float(one), common, frequency)
        elif one.waveform is np.sin:
            check_sinusoid(one.amplitude, one.frequency)
        else:
            numbers(asked, {f"amplitude {i}": one.amplitude, f"frequency {i}": one.frequency})
            if not np.all(np.isfinite(one.waveform(np.linspace(0.0, 2.0 * np.pi, 97)))):
                raise DomainError(asked, f"the waveform of input {i} is not finite", "finite numbers at all phases")
        drives.append(one)
    return tuple(drives)


def units(asked: str, activation: Any) -> Function:
    """The activation, which has to be finite for every input that a unit may have.

    >>> units("a run", "tan(x)")
    Traceback (most recent call last):
    ...
    symntk.errors.FormulaError: a run, units with the activation tan(x): it is infinite, or no number, at x = ...
    """
    function = as_function(activation, ACTIVATIONS)
    if function.normal is None:
        what = f"{asked}, units with the activation {function.name}"
        refuse_poles(function.expression, x, function_of, _INPUTS, what)
    return function


def affordable(asked: str, N: int, numbers_kept: float, exponents: int, steps: float, dtype: str) -> None:
    """Refuse a run that no machine can hold, or that would not end.

    Args:
        asked: the run.
        N: units.
        numbers_kept: what is recorded.
        exponents: tangent vectors of all drives together.
        steps: of all realizations together.
        dtype: of the couplings.
    """
    size = 4 if dtype == "float32" else 8
    afford_memory(asked, float(N) * N * size / 8, f"the couplings of {N} units")
    afford_memory(asked, 2.0 * exponents * N + numbers_kept, f"{exponents} tangent vectors and what is recorded")
    afford_steps(asked, steps, _MOST_STEPS)


def step(asked: str, dt: float) -> None:
    """Refuse a step that leaves nothing of a unit's input, or all of it."""
    if not 0 < dt < 1:
        wrong = "a step leaves 1 − dt of a unit's input, which has to lie between 0 and 1"
        raise DomainError(asked, wrong, "dt = 1/16, in units of τ")


def all_resolved(asked: str, drives: Sequence[Drive], dt: float) -> None:
    """Refuse inputs that steps of dt do not resolve, each as `resolved` does."""
    for i, drive in enumerate(drives):
        if drive.amplitude:
            resolved(asked, f"input {i}", drive.frequency, dt)


def resolved(asked: str, name: str, frequency: float, dt: float) -> None:
    """Refuse a frequency that steps of dt do not resolve: the run would be that of another input.

    >>> resolved("a run in steps of 0.0625", "input 0", 16.0, 1 / 16)
    Traceback (most recent call last):
    ...
    symntk.errors.DomainError: a run in steps of 0.0625: a period of input 0, at f = 16, takes only 1 of them, ...
    """
    steps = 1.0 / max(abs(frequency) * dt, 1e-300)
    if steps < LEAST * (1.0 - 1e-9):
        raise DomainError(
            asked,
            f"a period of {name}, at f = {frequency:g}, takes only {steps:.3g} of them, which do not resolve it",
            f"at least {LEAST}, so dt ≤ {_below(1.0 / (LEAST * abs(frequency)))}",
        )


def _below(value: float) -> str:
    """Two digits, rounded down."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.floor(value / unit * (1.0 + 1e-9)) * unit:.2g}"


def slope(asked: str, function: Function, advice: str) -> ArrayFunction:
    """φ' for exponents.

    Raises:
        DivergenceError: φ jumps.
    """
    try:
        return array_function(function.derivative)
    except DivergenceError as error:
        wrong = "the activation jumps, and where it does there is no slope for Lyapunov exponents to follow"
        raise DivergenceError(asked, wrong, advice) from error
