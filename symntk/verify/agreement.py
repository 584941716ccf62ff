"""How well two numbers agree: digits, and the scale that a difference is measured against.

Comes in: mpmath numbers and normal forms. Goes out: digits of agreement, as floats.
"""

from __future__ import annotations

from typing import Any

from mpmath import mp

from symntk.errors import DivergenceError, SymntkError
from symntk.language.forms.terms import Delta, NormalForm
from symntk.verify.certificate import Check
from symntk.verify.oracle.elementary.oracle import expectation_oracle

Number = Any  # mpf
GUARD = 5
"""Digits that the oracle's and the formula's own errors may cost."""
_DIGITS = 8  # of a scale, which only says how large a difference is


def digits_of_agreement(value: Number, reference: Number, scale: Number = 0, *, most: float = 1000.0) -> float:
    """−log10 of |value − reference| / max(|reference|, scale); `most` where they are equal.

    >>> print(round(digits_of_agreement(mp.mpf("1.00001"), mp.mpf(1)), 6))
    5.0
    """
    difference, size = abs(value - reference), max(abs(reference), scale)
    if difference == 0:
        return float(most)
    if size == 0 or not mp.isfinite(difference):
        return 0.0
    return max(0.0, min(float(most), float(-mp.log10(difference / size))))


def natural_scale(f: NormalForm, g: NormalForm, law: tuple[Any, Any, Any, Any, Any]) -> Number:
    """√(E f² · E g²), the size of E[f(u) g(v)] where nothing cancels; 0 where it is infinite.

    A delta of order n counts as its coefficient times the peak of the density and σ^(−n), since its square has no
    expectation.

    >>> from symntk.language.forms.terms import Term, collect
    >>> import sympy as sp
    >>> print(mp.nstr(natural_scale(collect([Term(sp.S.One, 1)]), collect([Term(sp.S(2))]), (9, 1, 0, 0, 0)), 5))
    6.0
    """
    var_u, var_v, _, mean_u, mean_v = law
    try:
        return mp.sqrt(_second_moment(f, var_u, mean_u) * _second_moment(g, var_v, mean_v))
    except DivergenceError:
        return mp.zero


def _second_moment(form: NormalForm, variance: Any, mean: Any) -> Number:
    smooth = NormalForm(tuple(t for t in form.terms if not isinstance(t.window, Delta)))
    total = mp.zero
    if smooth.terms:
        total += expectation_oracle(smooth, smooth, variance, variance, variance, mean, mean, dps=_DIGITS)
    for term in form.terms:
        if isinstance(term.window, Delta):
            weight = mp.mpmathify(abs(term.coefficient).evalf(_DIGITS))
            deviation = mp.sqrt(mp.mpmathify(variance))
            total += (weight / (mp.sqrt(2 * mp.pi) * deviation ** (term.window.order + 1))) ** 2
    return total


class LeftOut:
    """Points at which nothing could be compared, by the reason.

    >>> absent = LeftOut()
    >>> absent.add("it is infinite", "variances 1e6")
    >>> absent.add("it is infinite", "correlation 1")
    >>> print(absent)
    skipped at variances 1e6, correlation 1, because it is infinite
    """

    def __init__(self) -> None:
        self.labels: dict[str, list[str]] = {}

    def add(self, why: str, label: str) -> None:
        """One point."""
        self.labels.setdefault(why, []).append(label)

    def unresolved(self, error: SymntkError, label: str) -> None:
        """A point for which the oracle has no value."""
        self.add(f"the reference has no value: {error.wrong}", label)

    def infinite(self, error: SymntkError, label: str) -> None:
        """A point where the expectation does not exist."""
        self.add(f"it is {error.wrong if error.wrong.startswith('infinite') else 'infinite there'}", label)

    def __bool__(self) -> bool:
        return bool(self.labels)

    def __str__(self) -> str:
        parts = [f"skipped at {', '.join(dict.fromkeys(labels))}, because {why}" for why, labels in self.labels.items()]
        return "; ".join(parts)

    @property
    def reasons(self) -> str:
        """The reasons alone."""
        return "; ".join(self.labels)


class Agreement:
    """Digits of agreement over many points: the fewest of them, and how they were measured.

    Digits are relative to the value; only where they fall short of what is required, relative to the natural scale,
    since a value that cancels cannot agree to more. No more than `most` digits, those computed, are counted.
    """

    def __init__(self, required: float, most: float) -> None:
        self.required, self.most = required, most
        self.points = 0
        self.digits: float | None = None
        self.where = ""
        self.scaled = 0

    def add(self, value: Number, reference: Number, scale: Any, where: str = "") -> None:
        """One point; `scale` is a number, or a function without arguments that is called only where it is needed."""
        digits = digits_of_agreement(value, reference, most=self.most)
        if digits < self.required:
            measured = digits_of_agreement(value, reference, scale() if callable(scale) else scale, most=self.most)
            self.scaled += measured > digits
            digits = measured
        self.points += 1
        if self.digits is None or digits < self.digits:
            self.digits, self.where = digits, where

    @property
    def passed(self) -> bool:
        """Whether at least one point was tested and all agree."""
        return self.digits is not None and self.digits >= self.required

    @property
    def remark(self) -> str:
        """How the digits were measured."""
        return f"{self.scaled} relative to √(E f² E g²), beside which the value is small" if self.scaled else ""


def result(name: str, agreement: Agreement, detail: str, absent: LeftOut | None = None) -> Check:
    """The check of an agreement; `absent` holds the points where there was nothing to compare with."""
    where = agreement.where if agreement.where not in ("a random point", "v = u") else ""
    parts = [detail, f"fewest at {where}" if where else "", agreement.remark, str(absent) if absent else ""]
    text = "; ".join(part for part in parts if part)
    if not agreement.points:  # nothing compared is nothing shown
        why = absent.reasons if absent else "the expectation exists at no point that was tried"
        return Check.skipped(name, why)
    return Check(name, text, agreement.digits, agreement.required, agreement.passed, agreement.points)
