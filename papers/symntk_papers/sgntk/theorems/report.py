"""Reports: what a theorem says, whether its hypotheses hold for the functions given, and what was computed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from symntk.errors import FormulaError, SymntkError

PAPER = "Eilers, Memmesheimer & Goedeke, NeurIPS 2024, arXiv 2405.15539"
_WIDTH = 118
_OPTIMISTIC = 1.0  # digits by which what an extrapolation says of itself may be too many


@dataclass(frozen=True)
class Hypothesis:
    """A condition of a theorem, whether it holds for the functions given, and how that was seen."""

    text: str
    holds: bool
    how: str


@dataclass(frozen=True)
class Finding:
    """One consequence that was computed.

    Attributes:
        claim: what was tested, in a few words.
        passed: whether it came out.
        detail: the numbers, and by what procedure.
        digits: of agreement, None where digits are not what was measured.
        required: digits that it takes to pass.
        decided: False where it neither came out nor was refuted: the numbers are not known well enough.
        criterion: which condition was not met, by how much; "" where it passed.

    >>> Finding.of_digits("π is 3.14", 5.8, 8, "seen", known=5.9).verdict
    'open'
    >>> Finding.of_digits("π is 3.15", 2.5, 8, "seen", known=9).verdict
    'FAILED'
    """

    claim: str
    passed: bool
    detail: str
    digits: float | None = None
    required: float | None = None
    decided: bool = True
    criterion: str = ""

    @property
    def verdict(self) -> str:
        """In a word."""
        return "ok" if self.passed else "FAILED" if self.decided else "open"

    @classmethod
    def of_digits(
        cls, claim: str, digits: float, required: float, detail: str, known: float | None = None, what: str = "value"
    ) -> Finding:
        """A finding that passes with at least the required digits of agreement.

        Args:
            claim: what was tested.
            digits: of agreement with the claim.
            required: digits that it takes.
            detail: the numbers.
            known: digits to which the number is known at all. Where they are too few and the claim agrees with all of
                them, nothing is decided. None where it is known to those required.
            what: the name of the number.
        """
        if digits >= required:
            return cls(claim, True, detail, round(digits, 2), required)
        is_open = known is not None and known < required and digits >= known - _OPTIMISTIC
        seen = f"known to {known:.1f} digits" if is_open else f"agrees to {digits:.1f} digits"
        criterion = f"{what} {seen}, {required:g} required"
        return cls(claim, False, detail, round(digits, 2), required, not is_open, criterion)

    @classmethod
    def judged(cls, claim: str, conditions: dict[str, bool], detail: str, decided: bool = True) -> Finding:
        """A finding that passes where all conditions hold; each is written as the failure that it would be."""
        missed = "; ".join(text for text, holds in conditions.items() if not holds)
        return cls(claim, not missed, detail, decided=decided or not missed, criterion=missed)


def attempted(claim: str, calculation: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    """The finding or findings of a calculation; one open finding where a quadrature in it gives up.

    Raises:
        FormulaError: a function that cannot be read; that is no matter of numbers.

    >>> def gives_up():
    ...     raise SymntkError("an integral", "9 panels are not resolved")
    >>> print(attempted("it is 1", gives_up)[0].criterion)
    the numbers were not obtained: an integral: 9 panels are not resolved
    """
    try:
        found = calculation()
    except FormulaError:
        raise
    except SymntkError as error:
        why = f"the numbers were not obtained: {error.asked}: {error.wrong}"
        return [Finding(claim, False, "", decided=False, criterion=why)]
    return [found] if isinstance(found, Finding) else found


@dataclass(frozen=True)
class TheoremReport:
    """A theorem for one activation and surrogate.

    Attributes:
        name: "T1" to "T8".
        title: what it is about.
        statement: LaTeX.
        source: the paper, and the place in it.
        activation: the activation or family that it was tested for.
        surrogate: the surrogate derivative, or "".
        hypotheses: its conditions.
        findings: what was computed; empty where a hypothesis fails.
        caveat: what the numbers do not show.
        seconds: that it took.

    >>> seen = (Finding("it is so", True, "seen"),)
    >>> report = TheoremReport("T0", "nothing", "0 = 0", PAPER, "sign", "", (), seen, "")
    >>> report.passed
    True
    """

    name: str
    title: str
    statement: str
    source: str
    activation: str
    surrogate: str
    hypotheses: tuple[Hypothesis, ...]
    findings: tuple[Finding, ...]
    caveat: str
    seconds: float = 0.0

    @property
    def applies(self) -> bool:
        """Whether all hypotheses hold."""
        return all(one.holds for one in self.hypotheses)

    @property
    def passed(self) -> bool:
        """Whether all hypotheses hold, and all findings came out, of which there is at least one."""
        return self.applies and bool(self.findings) and all(one.passed for one in self.findings)

    @property
    def verdict(self) -> str:
        """In a few words."""
        if not self.applies:
            return "does not apply"
        if self.passed:
            return "verified numerically"
        refuted = any(one.decided and not one.passed for one in self.findings)
        return "NOT VERIFIED" if refuted else "not decided"

    def text(self) -> str:
        """Plain text for a terminal."""
        pair = self.activation + (f", surrogate derivative {self.surrogate}" if self.surrogate else "")
        lines = [f"{self.name}  {self.title}: {self.verdict}", f"  for {pair}"]
        for one in self.hypotheses:
            lines += _wrapped(f"  {'holds' if one.holds else 'FAILS':6}", f"{one.text}: {one.how}")
        for found in self.findings:
            digits = ""
            if found.digits is not None and not found.criterion:
                digits = f"{found.digits:.1f} digits"
                digits += f" ({found.required:g} required): " if found.required is not None else ": "
            detail = "; ".join(text for text in (found.criterion, found.detail) if text)
            lines += _wrapped(f"  {found.verdict:6}", f"{found.claim}: {digits}{detail}")
        if self.caveat and self.findings:
            lines += _wrapped("  note  ", self.caveat)
        return "\n".join(lines)

    def markdown(self) -> str:
        """A section of a Markdown document, the statement as a formula."""
        lines = [
            f"### {self.name}. {self.title}: {self.verdict}",
            "",
            f"$$ {self.statement} $$",
            "",
            f"{self.source}. For `{self.activation}`" + (f" and `{self.surrogate}`." if self.surrogate else "."),
            "",
            "| | | digits | |",
            "|---|---|---|---|",
        ]
        for one in self.hypotheses:
            lines.append(f"| {'holds' if one.holds else '**fails**'} | {_cell(one.text)} | | {_cell(one.how)} |")
        for found in self.findings:
            digits = "" if found.digits is None else f"{found.digits:.1f}"
            verdict = found.verdict if found.passed else f"**{found.verdict.lower()}**"
            detail = "; ".join(text for text in (found.criterion, found.detail) if text)
            lines.append(f"| {verdict} | {_cell(found.claim)} | {digits} | {_cell(detail)} |")
        return "\n".join([*lines, "", self.caveat])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        plain = asdict(self)
        for one, found in zip(plain["findings"], self.findings, strict=True):
            one["verdict"] = found.verdict
        return {**plain, "passed": self.passed, "verdict": self.verdict}

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.statement}$"

    def __str__(self) -> str:
        return self.text()


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        f"{head} {text}", _WIDTH, subsequent_indent=" " * 9, break_long_words=False, break_on_hyphens=False
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
