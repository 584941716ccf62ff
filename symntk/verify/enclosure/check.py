"""The check that a value lies in a rigorous enclosure: what the oracle estimates is here proven, where it can be.

Comes in: the two functions, and values at some laws. Goes out: a `Check`, skipped where the extra `rigorous` is missing
or where there is no enclosure, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mpmath import mp

from symntk.errors import DivergenceError, VerificationError
from symntk.language.general_form import GeneralForm
from symntk.language.terms import NormalForm
from symntk.verify.certificate import Check
from symntk.verify.points import Law

if TYPE_CHECKING:
    from symntk.verify.enclosure.enclosure import Enclosure

NAME = "rigorous enclosure"
DIGITS = 30
_LEAST = 9.0  # digits of an enclosure relative to √(E f² E g²), below which it says too little to be a check
Form = NormalForm | GeneralForm


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
