"""The check that a value lies in a rigorous enclosure: what the oracle estimates is here proven, where it can be.

Comes in: the two functions, and values at some laws. Goes out: a `Check`, skipped where the extra `rigorous` is missing
or where there is no enclosure, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mpmath import mp

from symntk.errors import DivergenceError, VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.verify.certificate import Check
from symntk.verify.claim import Claim, Form
from symntk.verify.evaluate import evaluate
from symntk.verify.points import Law, at_state

if TYPE_CHECKING:
    from symntk.verify.enclosure.enclosure import Enclosure

NAME = "rigorous enclosure"
DIGITS = 30
ENCLOSED = 2
"""At how many of the random points a rigorous enclosure is computed, beside full correlation."""
_MILD = 0.5  # the correlation at which two functions outside the class are enclosed
_LEAST = 9.0  # digits of an enclosure relative to √(E f² E g²), below which it says too little to be a check


@dataclass(frozen=True)
class Case:
    """A statement E[f(u) g(v)] = value ± slack at one law.

    Attributes:
        label: where it is.
        law: var_u, var_v, cov, mean_u, mean_v.
        value: gives the number that is claimed.
        slack: by how much it may be off, as a function of the value: its own rounding, or the stated bound.
    """

    label: str
    law: Law
    value: Callable[[], Any]
    slack: Callable[[Any], Any]


def enclosure_check(claim: Claim, laws: Sequence[Law]) -> Check:
    """The formula, or the float64 code up to its stated bound, in intervals that are proven to hold the expectation.

    At a random point, of an elementary formula at two, and at v = u. Where one dimension remains, the oracle must lie
    there too, to 28 digits.
    """
    f, g = claim.forms or (claim.f, claim.g)
    if claim.is_elementary:
        cases = [_of_formula(claim, "a random point", law) for law in laws[:ENCLOSED]]
        if claim.diagonal.limit is not None and laws:
            cases.append(_of_limit(claim, _equal(laws[0])))
        return rigorous_check(f, g, cases, claim.scale)
    law = _milder(laws[0]) if isinstance(f, GeneralForm) and isinstance(g, GeneralForm) else laws[0]
    places = [("a random point", law)] + ([("v = u", _equal(law))] if claim.diagonal.limit is not None else [])
    cases = []
    for label, place in places:
        if claim.has_formula:
            cases.append(_of_formula(claim, label, place))
            continue
        cases.append(_of_code(claim, label, place))
        if claim.reduced or label == "v = u":
            cases.append(_of_oracle(claim, label, place))
    return rigorous_check(f, g, cases, claim.scale)


def _equal(law: Law) -> Law:
    a, _, _, m1, _ = law
    return (a, a, a, m1, m1)


def _milder(law: Law) -> Law:
    """The same law, or one with a correlation that the series of the enclosure reaches."""
    a, b, c, m1, m2 = law
    largest = math.sqrt(a * b)
    return law if abs(c) <= _MILD * largest else (a, b, math.copysign(_MILD * largest, c), m1, m2)


def _rounded(value: Any) -> Any:
    return abs(value) * mp.mpf(10) ** (-DIGITS - 10)


def _of_formula(claim: Claim, label: str, law: Law) -> Case:
    """The formula, which is right to its own digits."""
    return Case(label, law, lambda: claim.formula(law, DIGITS + 15), _rounded)


def _of_limit(claim: Claim, law: Law) -> Case:
    assert claim.diagonal.limit is not None
    limit = claim.diagonal.limit.subs(dict(claim.values))
    return Case("v = u", law, lambda: evaluate(limit, at_state(law), dps=DIGITS + 15), _rounded)


def _of_code(claim: Claim, label: str, law: Law) -> Case:
    """The exported code, which is right to its bound and to rounding."""
    bound = claim.bound + 1e-13
    return Case(f"{label}, float64", law, lambda: claim.code(law), lambda _: mp.mpf(bound * claim.scale(law)))


def _of_oracle(claim: Claim, label: str, law: Law) -> Case:
    """The oracle, which says that it is right to `DIGITS` digits of √(E f² E g²)."""
    slack = 10.0 ** (2 - DIGITS)
    return Case(f"{label}, oracle", law, lambda: claim.oracle(law, DIGITS), lambda _: slack * claim.scale(law))


@dataclass
class _Found:
    enclosed: list[str] = field(default_factory=list)
    absent: dict[str, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    digits: float | None = None


def is_available() -> bool:
    """Whether python-flint is installed."""
    return find_spec("flint") is not None


def rigorous_check(f: Form, g: Form, cases: Iterable[Case], scale: Callable[[Law], Any]) -> Check:
    """Every value lies in the enclosure of E[f(u) g(v)] at its law."""
    if not is_available():
        return Check(NAME, "python-flint is not installed: pip install 'symntk[rigorous]'", None, None, True, 0)
    from symntk.verify.enclosure.enclosure import enclosure

    found = _Found()
    for case in cases:
        try:
            value = case.value()
            interval = enclosure(f, g, case.law, digits=DIGITS)
        except DivergenceError as error:
            found.absent.setdefault(error.wrong, []).append(case.label)
            continue
        except VerificationError as error:
            found.absent.setdefault(error.wrong, []).append(case.label)
            continue
        _compare(found, case, value, interval, scale)
    parts = [f"{text}" for text in dict.fromkeys(found.enclosed)]
    parts += [f"{why} ({', '.join(dict.fromkeys(labels))})" for why, labels in found.absent.items()]
    text = "; ".join([*found.wrong, *parts])
    points = len(found.enclosed) + len(found.wrong)
    if not points:
        return Check(NAME, text, None, None, True, 0)
    return Check(NAME, text, found.digits, None, not found.wrong, points)


def _compare(found: _Found, case: Case, value: Any, interval: Enclosure, scale: Callable[[Law], Any]) -> None:
    digits = interval.digits
    if digits < _LEAST:  # a value that cancels is enclosed relative to what cancels
        size = max(abs(interval.mid), mp.mpf(scale(case.law)))
        digits = float(-mp.log10(interval.rad / size)) if size else 0.0
        if digits < _LEAST:
            found.absent.setdefault(f"no enclosure: {digits:.1f} digits only", []).append(case.label)
            return
    if not interval.contains(value, case.slack(value)):
        found.wrong.append(f"{mp.nstr(value, 20)} is not in {interval} at {case.label}")
    else:
        found.enclosed.append(interval.how)
    found.digits = digits if found.digits is None else min(found.digits, digits)
