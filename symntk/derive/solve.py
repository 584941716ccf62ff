"""The order of the methods, stated once.

    moves      both functions are Gaussian-elementary: tilt, condition, Stein, base
    symmetry   one is odd and the other even: 0
    line       one is a constant or a sum of deltas, and the other's mean over one variable is closed
    parity     one is odd or even, and the part of the other that has its parity is closed by one of the above
    integral   what remains; a mixture, where both functions are such, stands for it with a certified error

Comes in: two functions. Goes out: a derivation. What a method does not reach is a value, `Unknown`, with its reasons.
"""

from __future__ import annotations

from collections.abc import Callable

from symntk.derive.conditions import conditions, formula_conditions, grows_far_out
from symntk.derive.integral import Fit, Integral
from symntk.derive.line.dirac import derive_dirac
from symntk.derive.moves.algebra import Algebra
from symntk.derive.moves.derivation import PARITY, Derivation
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.size import is_short, surely_long
from symntk.derive.moves.value import Surds
from symntk.derive.parity import ParitySplit, matching_part, part_name
from symntk.derive.step import Step, Unknown
from symntk.errors import TooLongError
from symntk.language.forms.function import Function
from symntk.language.forms.general_form import parity
from symntk.language.forms.terms import parity as terms_parity
from symntk.language.symbols import x

_LONGEST = 60  # characters of a part that is named
Method = Callable[[Function, Function, bool], "Step | Unknown"]


def solve(f: Function, g: Function, *, means: bool, fit: Fit) -> Step:
    """How E[f(u) g(v)] is derived: the first method that reaches it.

    Args:
        f: the function of u.
        g: the function of v.
        means: whether u and v have means.
        fit: finds a mixture of the accuracy that numbers need.

    Raises:
        SymntkError: names the part that is outside the language of general functions.
    """
    found = _first((*CLOSED, _by_a_part), f, g, means)
    return Integral(f, g, means, found, fit) if isinstance(found, Unknown) else found


def _first(methods: tuple[Method, ...], f: Function, g: Function, means: bool) -> Step | Unknown:
    """What the first of the methods finds that finds anything; else all that they say."""
    unknown = Unknown("", ())
    for method in methods:
        found = method(f, g, means)
        if isinstance(found, Step):
            return found
        unknown = unknown + found
        if found.is_final:
            break
    return unknown


def _by_moves(f: Function, g: Function, means: bool) -> Step | Unknown:
    """Both functions are Gaussian-elementary, and the formula is not too long."""
    first, second = f.normal, g.normal
    if first is None or second is None:
        part, why = (f if first is None else g).outside
        return Unknown.of("moves", part, f"{part}: {why}" if len(part) <= _LONGEST else why)
    both = f"{f.name}, {g.name}"
    holds_widely = conditions(first, second) == formula_conditions(first, second)
    if not (holds_widely or grows_far_out(first) or grows_far_out(second)):
        return Unknown.of("moves", both, "what grows does so between two thresholds: a formula would hold at few laws")
    if is_short(first, second) or (not means and terms_parity(first) * terms_parity(second) == -1):
        return derive_pair(first, second, means=means)
    long = surely_long(first, second, means=means)
    try:
        if not long:
            found = derive_pair(first, second, means=means)
            _ = found.value
            return found
        why = f"its closed form is too long: {long}"
    except TooLongError as error:
        why = error.wrong
    except RecursionError:
        why = "its closed form is too long: the derivation is too deep"
    return Unknown(both, (("moves", why),), is_final=True)


def _by_symmetry(f: Function, g: Function, means: bool) -> Step | Unknown:
    """One function is odd and the other even."""
    if _are_elementary(f, g) or means or parity(f.general, x) * parity(g.general, x) != -1:
        return Unknown("", ())
    return Derivation(Surds(Algebra([], False)), (), False, PARITY)


def _on_a_line(f: Function, g: Function, means: bool) -> Step | Unknown:
    """One function is a constant or a sum of deltas."""
    return Unknown("", ()) if _are_elementary(f, g) else derive_dirac(f.general, g.general, means=means)


def _are_elementary(f: Function, g: Function) -> bool:
    """Whether both functions are of the class, where the moves alone decide."""
    return f.normal is not None and g.normal is not None


CLOSED: tuple[Method, ...] = (_by_moves, _by_symmetry, _on_a_line)


def _by_a_part(f: Function, g: Function, means: bool) -> Step | Unknown:
    """One function is even or odd, and with the part of the other that has the same parity it is closed."""
    if means:
        return Unknown.of("parity", "", "u and v have means, so that (−u, −v) has another law")
    split = matching_part(f.general, g.general)
    if isinstance(split, Unknown):
        return split
    side, sense, part = split
    one = f if side == "f" else g
    own = Function(part_name(one.name, sense), part)
    inner = _first(CLOSED, *((own, g) if side == "f" else (f, own)), means)
    if isinstance(inner, Unknown):
        return Unknown.of("parity", inner.term, f"{own.name} is not closed either")
    return ParitySplit(side, sense, part, inner)
