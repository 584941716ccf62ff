"""Certificates: what was checked about a derived formula, to how many digits, and whether it held.

Comes in: results of checks. Goes out: a table for a terminal, a dictionary for JSON.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_WIDTH = 118


@dataclass(frozen=True)
class Check:
    """One statement that was tested.

    Attributes:
        name: the statement in a few words.
        detail: how it was tested, what was left out and why.
        digits: the fewest digits of agreement, or None where none were measured (a symbolic proof, or no test).
        required: the digits asked for, or None.
        passed: whether it held.
        points: how many points were tested.
    """

    name: str
    detail: str
    digits: float | None
    required: float | None
    passed: bool
    points: int

    @classmethod
    def skipped(cls, name: str, why: str) -> Check:
        """A check that could not be made, which shows nothing and fails nothing."""
        return cls(name, why, None, None, True, 0)

    @property
    def is_skipped(self) -> bool:
        """Whether it was not made; `detail` says why."""
        return self.passed and self.points == 0 and self.digits is None and not self.is_symbolic

    @property
    def is_symbolic(self) -> bool:
        """Whether it was proved by symbolic calculation."""
        return self.detail.startswith("symbolically")

    @property
    def verdict(self) -> str:
        """One word."""
        return "skipped" if self.is_skipped else "ok" if self.passed else "FAILED"


@dataclass(frozen=True)
class Certificate:
    """All checks of one expectation, and what is needed to make them again.

    Attributes:
        subject: the expectation, in words.
        checks: what was checked.
        dps: digits of the random points and of the identities.
        version: of symntk.
        method, formula, error_bound, diagonal, conditions: what was claimed; no formula where an integral remains.
        parameters: their values, as text of rational numbers.
        laws: var_u, var_v, cov, mean_u, mean_v of the random points.
        edges: labels and laws of the edge points.

    >>> check = Check("random points", "against the oracle", 51.3, 45, True, 3)
    >>> late = Check.skipped("float64", "the time limit of 5 s was reached")
    >>> print(Certificate("E[sign(u) erf(v)]", (check, late), 50, "7.0").table())
    E[sign(u) erf(v)]
      random points        ok        51.3 digits (45 required), 3 points: against the oracle
      float64              skipped, because the time limit of 5 s was reached
    """

    subject: str
    checks: tuple[Check, ...]
    dps: int
    version: str
    method: str = ""
    formula: str | None = None
    error_bound: float = 0.0
    diagonal: str = ""
    conditions: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    laws: tuple[tuple[float, ...], ...] = ()
    edges: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check failed and at least one was made."""
        return all(c.passed for c in self.checks) and any(not c.is_skipped for c in self.checks)

    @property
    def digits(self) -> float | None:
        """The fewest digits over all checks that measured some."""
        return min((c.digits for c in self.checks if c.digits is not None), default=None)

    def table(self) -> str:
        """Plain text, one line per check."""
        return "\n".join([self.subject, *(f"  {_line(c)}" for c in self.checks)])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {
            "subject": self.subject,
            "passed": self.passed,
            "dps": self.dps,
            "version": self.version,
            "method": self.method,
            "formula": self.formula,
            "error bound": self.error_bound,
            "diagonal": self.diagonal,
            "conditions": list(self.conditions),
            "parameters": dict(self.parameters),
            "points": [list(law) for law in self.laws],
            "edge points": [[label, *law] for label, law in self.edges],
            "checks": [asdict(c) for c in self.checks],
        }

    def __str__(self) -> str:
        return self.table()


def _line(check: Check) -> str:
    parts = []
    if check.digits is not None:
        digits = f"{check.digits:.1f} digits"
        parts.append(digits if check.required is None else f"{digits} ({check.required:g} required)")
    if check.points:
        parts.append(f"{check.points} point{'s' * (check.points > 1)}")
    head = ", ".join(parts)
    text = ": ".join(part for part in (head, check.detail) if part)
    verdict = f"{check.verdict:9}"
    if check.is_skipped:
        verdict = "skipped, because"
    elif not check.passed and check.digits is not None:
        verdict = "FAILED: values differ,"
    line = f"{check.name:20} {verdict} {text}".rstrip()
    return textwrap.fill(line, _WIDTH, subsequent_indent=" " * 33, break_long_words=False, break_on_hyphens=False)
