"""One table of the functions of one real variable: a row holds all that the package knows of one of them.

The parser, the forms, the derivation, NumPy source, the oracle, enclosures and records read it; a function without a
field is not refused, but does without what reads it. A new function is a SymPy function with `fdiff` and one row, here
or entered from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import FormulaError
from symntk.language.balls import rules
from symntk.language.balls import scaled as scaled_rules
from symntk.language.balls.ball import Ball
from symntk.language.special import arrays, proven, scaled
from symntk.language.special.late import special
from symntk.language.special.logistic import logistic, softplus
from symntk.language.special.normal import bivariate_normal_cdf, normal_cdf, normal_pdf
from symntk.language.special.proven import Proven, method
from symntk.language.special.real import TAIL, Rule, even, falling, rising, sine, tangent

__all__ = ["Row", "enter", "functions_of_arrays", "leave", "numbers", "row", "rows"]

Numbers = Callable[..., Any]
Formula = Callable[..., Any]
"""Of (w, library), arrays' by default: see `arrays`."""


@dataclass(frozen=True)
class Row:
    """A function of one real variable.

    Attributes:
        head: the SymPy function; what SymPy does not have is a `SpecialFunction`, which holds its mpmath number.
        array: its values on float64 arrays; None where NumPy has it by SymPy's name.
        source: what NumPy or SciPy (`np`, `special`) call it, with {} for the argument; empty where NumPy has it.
        ball: values on discs of the complex plane, by which a quadrature's search is certain.
        interval: values on real intervals.
        proven: the same as `ball` in ball arithmetic of any precision, for rigorous enclosures.
        bound: |f(w)| ≤ bound for real w.
        excess: |f(w)| ≤ |w| + excess for real w.
        is_positive: for all real w.
        is_odd_and_rises: its sign is that of its argument.
        inverse: of an increasing function the ends of its range, and its inverse.
        step: of a soft step its limits at −∞ and ∞, and the variance of its derivative, a normal density.
        outgrows: exponential in its argument, so that towers of it are bounded.
        knows_overflow: where its ball's radius is inf, the centre bounds the modulus from below.
        is_extended: `array` keeps the digits of extended precision.
        latex: how records print its name.
        formula: of (w, library): its values by other functions of a library, where none has it.
    """

    head: Any
    array: Numbers | None = None
    source: str = ""
    ball: Callable[[Ball], Ball] | None = None
    interval: Rule | None = None
    proven: Proven | None = None
    bound: float | None = None
    excess: float | None = None
    is_positive: bool = False
    is_odd_and_rises: bool = False
    inverse: tuple[sp.Expr, sp.Expr, Callable[[sp.Expr], sp.Expr]] | None = None
    step: tuple[int, int, sp.Expr] | None = None
    outgrows: bool = False
    knows_overflow: bool = False
    is_extended: bool = False
    latex: str = ""
    formula: Formula | None = None

    @property
    def name(self) -> str:
        """By which formulas call it."""
        return str(self.head.__name__)


def _made(head: Any, formula: Formula, ball: Callable[[Ball], Ball], interval: Rule, **more: Any) -> Row:
    """A row of a function that no library has."""
    return Row(head, formula, "", ball, interval, formula=formula, **more)


def _inside(function: Numbers) -> Numbers:
    return lambda w: function(np.clip(w, -1.0, 1.0))


def _rows() -> Iterator[Row]:
    """The functions of the language."""
    half, one, infinity = sp.S.Half, sp.S.One, sp.oo
    # elementary
    yield Row(
        sp.exp,
        ball=rules.exp,
        interval=rising(np.exp, 0.0),
        proven=method("exp"),
        is_positive=True,
        inverse=(sp.S.Zero, infinity, sp.log),
        outgrows=True,
        knows_overflow=True,
    )
    yield Row(
        sp.log,
        ball=rules.log,
        interval=rising(lambda w: np.log(np.maximum(w, 0.0))),
        proven=proven.log,
        inverse=(-infinity, infinity, sp.exp),
    )
    yield Row(sp.sin, ball=rules.sin, interval=sine(0.0), proven=method("sin"), bound=1)
    yield Row(sp.cos, ball=rules.cos, interval=sine(0.5 * np.pi), proven=method("cos"), bound=1)
    yield Row(sp.tan, ball=rules.tan, interval=tangent, proven=method("tan"))
    yield Row(
        sp.sinh,
        ball=rules.sinh,
        interval=rising(np.sinh),
        proven=method("sinh"),
        is_odd_and_rises=True,
        inverse=(-infinity, infinity, sp.asinh),
        outgrows=True,
        knows_overflow=True,
    )
    yield Row(
        sp.cosh,
        ball=rules.cosh,
        interval=even(np.cosh),
        proven=method("cosh"),
        is_positive=True,
        outgrows=True,
        knows_overflow=True,
    )
    yield Row(
        sp.tanh,
        ball=rules.tanh,
        interval=rising(np.tanh, -1.0, 1.0),
        proven=method("tanh"),
        bound=1,
        is_odd_and_rises=True,
        inverse=(-one, one, sp.atanh),
    )
    yield _made(
        sp.sech,
        arrays.sech,
        rules.sech,
        even(arrays.sech, falling=True),
        proven=lambda w, _: 1 / w.cosh(),
        bound=1,
        is_positive=True,
        is_extended=True,
    )
    yield Row(sp.asin, ball=rules.asin, interval=rising(_inside(np.arcsin)), is_odd_and_rises=True)
    yield Row(sp.acos, ball=rules.acos, interval=falling(_inside(np.arccos), 0.0))
    yield Row(
        sp.atan,
        ball=rules.atan,
        interval=rising(np.arctan),
        proven=proven.atan,
        bound=2,
        is_odd_and_rises=True,
        inverse=(-sp.pi / 2, sp.pi / 2, sp.tan),
    )
    yield Row(
        sp.asinh,
        ball=rules.asinh,
        interval=rising(np.arcsinh),
        proven=proven.asinh,
        excess=0,
        is_odd_and_rises=True,
        inverse=(-infinity, infinity, sp.sinh),
    )
    # of the normal distribution
    yield Row(
        sp.erf,
        special.erf,
        "special.erf({})",
        rules.erf,
        rising(special.erf, -1.0, 1.0),
        method("erf"),
        bound=1,
        is_odd_and_rises=True,
        step=(-1, 1, half),
        latex=r"\mathrm{erf}",
    )
    yield Row(
        sp.erfc,
        special.erfc,
        "special.erfc({})",
        rules.erfc,
        falling(special.erfc, 0.0, 2.0, TAIL),
        method("erfc"),
        bound=2,
        step=(2, 0, half),
        latex=r"\mathrm{erfc}",
    )
    yield Row(
        normal_cdf,
        special.ndtr,
        "special.ndtr({})",
        rules.normal_cdf,
        rising(special.ndtr, 0.0, 1.0, TAIL),
        proven.normal_cdf,
        bound=1,
        is_positive=True,
        step=(0, 1, one),
        latex=r"\Phi",
    )
    yield _made(
        normal_pdf,
        arrays.normal_pdf,
        rules.normal_pdf,
        even(arrays.normal_pdf, falling=True),
        proven=proven.normal_pdf,
        bound=1,
        is_positive=True,
        is_extended=True,
        latex=r"\varphi",
    )
    # logistic
    yield Row(
        logistic,
        special.expit,
        "special.expit({})",
        rules.logistic,
        rising(special.expit, 0.0, 1.0),
        lambda w, _: 1 / (1 + (-w).exp()),
        bound=1,
        is_positive=True,
        inverse=(sp.S.Zero, one, lambda c: sp.log(c / (1 - c))),
        is_extended=True,
        latex=r"\mathrm{logistic}",
    )
    yield Row(
        softplus,
        lambda w: np.logaddexp(0.0, w),
        "np.logaddexp(0.0, {})",
        rules.softplus,
        rising(lambda w: np.logaddexp(0.0, w), 0.0),
        proven.softplus,
        excess=1,
        is_positive=True,
        inverse=(sp.S.Zero, infinity, lambda c: sp.log(sp.exp(c) - 1)),
        is_extended=True,
        latex=r"\mathrm{softplus}",
    )
    # what keeps digits, by names that `stable` gives
    yield _made(scaled.logcosh, arrays.logcosh, scaled_rules.logcosh, even(arrays.logcosh), excess=0)
    yield Row(
        scaled.log_normal_cdf,
        special.log_ndtr,
        "special.log_ndtr({})",
        scaled_rules.log_normal_cdf,
        rising(special.log_ndtr, most=0.0, share=TAIL),
    )
    yield _made(
        scaled.inverse_mills,
        arrays.inverse_mills,
        scaled_rules.inverse_mills,
        falling(arrays.inverse_mills, 0.0, share=TAIL),
        excess=1,
    )
    yield _made(
        scaled.mills_excess,
        arrays.mills_excess,
        scaled_rules.mills_excess,
        rising(arrays.mills_excess, 0.0, share=TAIL),
        excess=1,
    )
    yield Row(
        scaled.erfcx, special.erfcx, "special.erfcx({})", scaled_rules.erfcx, falling(special.erfcx, 0.0), outgrows=True
    )
    yield _made(scaled.ierfcx, arrays.ierfcx, scaled_rules.ierfcx, falling(arrays.ierfcx, 0.0, share=TAIL))
    yield _made(
        scaled.softplus_ratio,
        arrays.softplus_ratio,
        scaled_rules.softplus_ratio,
        falling(arrays.softplus_ratio, 0.0),
        bound=1,
    )


_TABLE: dict[Any, Row] = {one.head: one for one in _rows()}


def rows() -> tuple[Row, ...]:
    """All rows."""
    return tuple(_TABLE.values())


def row(node: Any) -> Row | None:
    """The row of a SymPy node's function, None for what has none."""
    return _TABLE.get(type(node))


def enter(new: Row) -> None:
    """Add a function to the language, for as long as the program runs.

    Raises:
        FormulaError: the language has a function of this name.
    """
    if any(one.name == new.name for one in rows()):
        raise FormulaError(f"the function {new.name}", "the language has one of this name", "another name")
    _TABLE[new.head] = new


def leave(old: Row) -> None:
    """Take a function out that was entered."""
    del _TABLE[old.head]


def numbers() -> dict[str, Numbers]:
    """Functions that mpmath does not have, or not by SymPy's name, at its numbers and its working precision.

    >>> sorted(set(numbers()) - {one.name for one in rows()})
    ['bivariate_normal_cdf']
    """
    heads = [one.head for one in rows() if hasattr(one.head, "number")]
    return {head.__name__: head.number for head in (bivariate_normal_cdf, *heads)}


def functions_of_arrays(extended: bool = False) -> dict[str, Numbers]:
    """Functions that NumPy does not have, on float64 arrays.

    With `extended`, arrays of extended precision may be given, and are answered in it where a function has it.
    """
    return {
        one.name: _in_double(one.array) if extended and not one.is_extended else one.array
        for one in rows()
        if one.array is not None
    }


def _in_double(function: Numbers) -> Numbers:
    return lambda values: function(np.asarray(values, float))
