"""The words of a formula's text: functions with their numbers of arguments, constants, suggestions for others."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import sympy as sp

from symntk.language.special.table import rows


@dataclass(frozen=True)
class Function:
    """A function of the language: what builds it, and how many arguments it takes.

    `grows` marks those that are exponential in their argument: towers of them are bounded.
    """

    build: Callable[..., Any]
    fewest: int = 1
    most: int = 1
    grows: bool = False


def _delta(argument: Any, order: Any = sp.S.Zero) -> Any:
    return sp.DiracDelta(argument, order) if order != 0 else sp.DiracDelta(argument)


_MADE_OF_PIECES: dict[str, Function] = {
    **{name: Function(getattr(sp, name)) for name in ("Abs", "sign", "Heaviside", "floor", "ceiling", "sqrt")},
    "Max": Function(sp.Max, 2, 6),
    "Min": Function(sp.Min, 2, 6),
    "Mod": Function(sp.Mod, 2, 2),
    "DiracDelta": Function(_delta, 1, 2),
}


CONNECTIVES: dict[str, Callable[..., Any]] = {"And": sp.And, "Or": sp.Or, "Not": sp.Not}
CONSTANTS: dict[str, Any] = {"pi": sp.pi, "E": sp.E}
BOOLEANS: dict[str, Any] = {"true": sp.true, "false": sp.false, "True": sp.true, "False": sp.false}
NOT_IN_CONDITIONS = frozenset({"DiracDelta", "Piecewise"})
"""Functions that the comparisons of a Piecewise may not hold."""
SIMPLE_IN_CONDITIONS = (sp.Abs,)
"""Those that SymPy solves quickly; other conditions stay as they are written."""

_OTHER_WORDS = {
    "relu": "Max(0, x)",
    "sigmoid": "1/(1 + exp(-x))",
    "arctan": "atan",
    "arcsin": "asin",
    "ln": "log",
    "step": "Heaviside",
    "theta": "Heaviside",
    "delta": "DiracDelta",
    "dirac": "DiracDelta",
    "phi": "normal_cdf",
    "ndtr": "normal_cdf",
    "maximum": "Max",
    "minimum": "Min",
    "where": "Piecewise",
    "ifelse": "Piecewise",
    "sgn": "sign",
    "square": "x**2",
    "pow": "**",
    "clip": "Max(-1, Min(1, x))",
}
_FORBIDDEN = {"I", "oo", "zoo", "nan", "inf"} | set(keyword.kwlist) | set(dir(builtins))


def functions() -> dict[str, Function]:
    """Elementwise functions by SymPy's names (Heaviside(0) = 1/2), and by the names that formulas are printed with.

    `Piecewise` has its own grammar: see `parser`.
    """
    return _MADE_OF_PIECES | {one.name: Function(one.head, grows=one.outgrows) for one in rows()}


def known_words() -> list[str]:
    """All functions of the language, sorted.

    >>> "erf" in known_words()
    True
    """
    return sorted([*functions(), *CONNECTIVES, "Piecewise"], key=str.lower)


def suggestion(name: str, more: Iterable[str] = ()) -> str:
    """What to write instead of an unknown function's name; `more` are names besides the language's own.

    >>> suggestion("max")
    'Max'
    """
    words = {word.lower(): word for word in known_words()} | _OTHER_WORDS | {word.lower(): word for word in more}
    close = closest(name.lower(), words)
    return " or ".join(dict.fromkeys(words[word] for word in close)) or f"one of {', '.join(known_words())}"


def closest(name: str, words: Iterable[str]) -> list[str]:
    """The words that are most like `name`, the best first.

    >>> closest("geul", ["gelu", "relu", "tanh"])
    ['gelu']
    """
    return get_close_matches(name[:40], list(words), n=3, cutoff=0.6)


def is_forbidden(name: str) -> bool:
    """Whether a name can be no parameter: reserved, a number outside the language, or a word of Python.

    >>> is_forbidden("eval"), is_forbidden("alpha")
    (True, False)
    """
    return name in _FORBIDDEN or name.startswith("_")
