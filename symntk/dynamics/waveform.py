"""Inputs over time: a number, a formula in t, or an array of values at the steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symntk.dynamics.poles import refuse_deltas, refuse_poles
from symntk.dynamics.sizes import afford_steps
from symntk.errors import DomainError, FormulaError, SymntkError
from symntk.language.text.parser import parse

LEAST = 16
"""Steps per period that an input has at least; with fewer it would not be what was asked for."""
_ROUNDING = 1e-9


def sample(given: Any, times: np.ndarray, what: str, period: int = 1) -> np.ndarray:
    """The values of an input at the times.

    Args:
        given: a number, a formula in t such as "sin(2*pi*t/5)", or an array with one value per time or per time of the
            first period.
        times: (steps + 1,), in the units of the network's τ.
        what: names the input in errors.
        period: steps per period; 1 where there is none.

    Raises:
        FormulaError: the formula is not in the language, or holds other names than t.
        DomainError: the array has another length, or a value is not a finite number.

    >>> print(sample("2*sin(pi*t)", np.array([0.0, 0.5, 1.5]), "the input"))
    [ 0.  2. -2.]
    """
    if isinstance(given, str):
        values = _formula(given, times, what)
    else:
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError) as error:
            advice = "a number, a formula in t, or an array"
            raise DomainError(what, f"{str(given)[:60]!r} is not an input", advice) from error
    if period > 1 and values.shape == (period,):
        values = values[np.arange(len(times)) % period]
    if values.shape not in ((), times.shape):
        advice = f"{len(times)} values, at the times 0, {times[1]:g}, …, {times[-1]:g}"
        if period > 1:
            advice += f", or the first {period} of them, which repeat"
        raise DomainError(what, f"an array of shape {values.shape} for {len(times)} times", advice)
    if not np.all(np.isfinite(values)):
        raise DomainError(what, "a value is not finite", "finite numbers at all times")
    if isinstance(given, str):
        finite_formula(given, what, (float(times[0]), float(times[-1])))
    return np.broadcast_to(values, times.shape)


def covariance(given: Any, lags: np.ndarray) -> np.ndarray:
    """The values of an input's covariance at lags, the first of them 0.

    Raises:
        DomainError: it is no covariance, as its value at a lag is larger than the variance.
    """
    values = sample(given, lags, "the input's covariance")
    most = float(np.max(np.abs(values)))
    if most > values[0] + _ROUNDING * most:
        wrong = f"its value at lag 0 is {values[0]:.3g}, less than the size {most:.3g} of another"
        raise DomainError("the input's covariance", wrong, "a covariance, whose largest value is the variance at lag 0")
    return values


def of_phase(shape: str, phases: np.ndarray) -> np.ndarray:
    """The values of a waveform, a formula in x, at phases x = 2πft.

    >>> print(of_phase("sign(sin(x))", np.array([1.0, 4.0])))
    [ 1. -1.]
    """
    values = np.broadcast_to(_formula(shape, phases, "the waveform", "x"), phases.shape)
    if not np.all(np.isfinite(values)):
        raise DomainError(f"the waveform, {shape!r}", "a value is not finite", "finite numbers at all phases")
    finite_formula(shape, "the waveform", (0.0, 2.0 * np.pi), "x")
    return values


@lru_cache(maxsize=64)
def finite_formula(text: str, what: str, span: tuple[float, float], letter: str = "t") -> None:
    """Refuse a formula that is infinite somewhere on the span, also between all steps.

    >>> finite_formula("tan(t)", "the input", (0.0, 10.0))
    Traceback (most recent call last):
    ...
    symntk.errors.FormulaError: the input, 'tan(t)': it is infinite, or no number, at t = 1.5708. Try: a formula ...
    """
    expression = _read(text, what, letter)
    for symbol in expression.free_symbols:
        refuse_poles(expression, symbol, function_of, span, f"{what}, {text!r}")


class Course:
    """An input over time, a formula in t, as a function of arrays of times.

    >>> course = Course("2*sin(pi*t)")
    >>> print(course(np.array([0.0, 0.5])), course.text)
    [0. 2.] 2*sin(pi*t)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._function = _compiled(text, "the input", "t")

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """The values, in the shape of the times."""
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.asarray(self._function(times), dtype=float), np.shape(times))
        if not np.all(np.isfinite(values)):
            raise DomainError(f"the input {self.text!r}", "a value is not finite", "finite numbers at all times")
        return values


def _formula(text: str, times: np.ndarray, what: str, letter: str = "t") -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(_compiled(text, what, letter)(times), dtype=float)


def _compiled(text: str, what: str, letter: str) -> Callable[[np.ndarray], Any]:
    return function_of(_read(text, what, letter))


def _read(text: str, what: str, letter: str) -> sp.Expr:
    """The formula, whose only symbol is the letter, and which has a value at every number."""
    refuse_deltas(text, f"{what}, {text!r}", "time" if letter == "t" else "phase")
    expression = parse(text, {letter: "real"})
    others = sorted(s.name for s in expression.free_symbols if s.name != letter)
    if others:
        raise FormulaError(f"{what}, {text!r}", f"{', '.join(others)} has no value", f"a formula in {letter} alone")
    return expression


def function_of(expression: sp.Expr) -> Callable[[np.ndarray], Any]:
    """The code of an expression in one symbol."""
    from symntk.emit.code import Name
    from symntk.emit.compile import function_of as compiled
    from symntk.emit.functions import FunctionTranslator

    try:
        write = FunctionTranslator(dict.fromkeys(expression.free_symbols, Name("x")))
        result = write(expression)
        return compiled(write.lines.definition("f", ["x"], [result]))
    except SymntkError as error:
        wrong = "it holds a function that has no NumPy code"
        raise FormulaError(f"the values of {expression}", wrong, "elementary functions") from error


def grid(period: float | None, dt: float, time: float) -> tuple[float, int, int]:
    """Step, steps per period (1 without one) and steps in all, so that whole steps fill a period.

    The step is at most dt, and shorter where a period would hold fewer than `LEAST` of them.

    >>> grid(5.0, 0.07, 20.0)
    (0.06944444444444445, 72, 288)
    """
    if not (np.isfinite(dt) and 0.0 < dt < 1.0):
        raise DomainError("the non-stationary theory", f"dt = {dt!r} τ", "a step between 0 and τ, such as τ/16")
    if period is not None and not (np.isfinite(period) and period > 0.0):
        raise DomainError("the non-stationary theory", f"a period of {period!r} τ", "a positive frequency")
    step = finest(period, dt, 0)
    if not (np.isfinite(time) and time > step):
        raise DomainError("the non-stationary theory", f"time = {time!r} τ", "a time of many steps")
    afford_steps("the non-stationary theory", max(time, period or 0.0) / step)
    if period is None:
        return step, 1, int(np.ceil(time / step))
    count = round(period / step)
    return step, count, count * _whole(time / period)


def finest(period: float | None, dt: float, halvings: int) -> float:
    """A step of at most dt that 2^halvings times as long still fills the period, at least `LEAST` times.

    >>> finest(5.0, 1 / 16, 2), finest(0.5, 1 / 16, 2)
    (0.0625, 0.0078125)
    """
    if period is None or not (np.isfinite(period) and period > 0.0 and 0.0 < dt < 1.0):
        return dt  # `grid` refuses what cannot be
    coarsest = 2**halvings
    return float(period / (coarsest * max(LEAST, _whole(period / (dt * coarsest)))))


def _whole(ratio: float) -> int:
    """The ratio, rounded up unless it is a whole number but for rounding."""
    return int(np.ceil(ratio * (1.0 - 1e-12)))


def given_or(given: float | None, default: float, what: str) -> float:
    """A length of time that was given, or the default for None."""
    is_number = given is None or isinstance(given, int | float | np.number)
    if not is_number or (given is not None and not (np.isfinite(given) and given > 0.0)):
        raise DomainError("the non-stationary theory", f"{what} = {given!r}", "a positive number, or None")
    return default if given is None else float(given)


def check_sinusoid(I_1: Any, f: Any) -> None:
    """Refuse an amplitude or a frequency that is none."""
    if not isinstance(f, int | float | np.number) or not (np.isfinite(f) and f > 0.0):
        raise DomainError("a sinusoidal input", f"its frequency is {f!r}", "a positive number, in 1/time")
    if not isinstance(I_1, int | float | np.number) or not np.isfinite(I_1) or I_1 < 0.0:
        raise DomainError("a sinusoidal input", f"its amplitude is {I_1!r}", "a number of at least 0")
