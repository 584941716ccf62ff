"""Reports: what a theorem says, whether its hypotheses hold for the functions given, and what was computed."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

PAPER = "Eilers, Memmesheimer & Goedeke, NeurIPS 2024, arXiv 2405.15539"
_WIDTH = 118


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
    """

    claim: str
    passed: bool
    detail: str
    digits: float | None = None
    required: float | None = None

    @classmethod
    def of_digits(cls, claim: str, digits: float, required: float, detail: str) -> Finding:
        """A finding that passes with at least the required digits."""
        return cls(claim, digits >= required, detail, round(digits, 2), required)


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
        return "verified numerically" if self.passed else "NOT VERIFIED"

    def text(self) -> str:
        """Plain text for a terminal."""
        pair = self.activation + (f", surrogate derivative {self.surrogate}" if self.surrogate else "")
        lines = [f"{self.name}  {self.title}: {self.verdict}", f"  for {pair}"]
        for one in self.hypotheses:
            lines += _wrapped(f"  {'holds' if one.holds else 'FAILS':6}", f"{one.text}: {one.how}")
        for found in self.findings:
            digits = ""
            if found.digits is not None:
                digits = f"{found.digits:.1f} digits"
                digits += f" ({found.required:g} required): " if found.required is not None else ": "
            lines += _wrapped(f"  {'ok' if found.passed else 'FAILED':6}", f"{found.claim}: {digits}{found.detail}")
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
            verdict = "ok" if found.passed else "**failed**"
            lines.append(f"| {verdict} | {_cell(found.claim)} | {digits} | {_cell(found.detail)} |")
        return "\n".join([*lines, "", self.caveat])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {**asdict(self), "passed": self.passed, "verdict": self.verdict}

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
