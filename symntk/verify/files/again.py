"""A certificate that is made again: what is not as the file says, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import sympy as sp

from symntk.verify.certificate import Certificate, Check
from symntk.verify.files.write import versions
from symntk.verify.points import Law
from symntk.verify.suite import Suite, Verification
from symntk.verify.timing import LATE

DIGITS_APART = 2.0
"""By so much the digits of a check may differ between machines."""
_NUMBER = re.compile(r"[-+−]?\d+(\.\d+)?(e[-+]?\d+)?")
_PART = re.compile(r"; \d+ of \d+ skipped, because the time limit of [^;]*$")
_PLACE = re.compile(r"; fewest at [^;]*")
_MOST_SHOWN = 400


@dataclass(frozen=True)
class Replay:
    """What became of a certificate that was made again.

    Attributes:
        recorded: the file's content.
        verification: the checks as they are today, at the points of the file.
        differences: what is not as it was, in words; empty where all agrees.
        remarks: what differs without being a disagreement: versions, and checks that the time did not allow.
    """

    recorded: dict[str, Any]
    verification: Verification
    differences: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether formulas and verdicts are those of the file, and all checks pass."""
        return not self.differences and self.verification.passed

    def table(self) -> str:
        """Plain text for a terminal."""
        count = sum(len(one["checks"]) for one in self.recorded["kernels"].values())
        head = "agrees with the file" if self.agrees else "DIFFERS from the file"
        lines = [self.verification.table(), "", *self.remarks, *self.differences]
        return "\n".join([*lines, f"the certificate {head}: {count} checks, the same points, formulas derived anew"])


def other_points(name: str, one: dict[str, Any], seed: int, suite: Suite) -> list[str]:
    """Whether a kernel's points, edges and parameters are those that settings and seed choose, which `suite` has."""
    found = []
    if {symbol.name: str(value) for symbol, value in suite.claim.values.items()} != one["parameters"]:
        found.append(f"{name}: the parameters are not those that seed {seed} draws or that were given")
    if not _same_laws([point.law for point in suite.tested], one["points"]):
        found.append(f"{name}: the points are not those that seed {seed} draws")
    labels = [edge[0] for edge in one["edge points"]]
    edges = [edge[1:] for edge in one["edge points"]]
    if labels != [p.label for p in suite.edges] or not _same_laws([p.law for p in suite.edges], edges):
        found.append(f"{name}: the edge points are not those that are tested")
    return found


def _same_laws(now: Sequence[Law], then: Sequence[Sequence[float]]) -> bool:
    """The same numbers, but for the rounding of powers and roots on another machine."""
    return len(now) == len(then) and all(
        math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-300)
        for pair in zip(now, then, strict=True)
        for one, other in zip(*pair, strict=True)
    )


def unfit(parameters: Iterable[sp.Symbol], means: bool, at: Sequence[Law], values: Mapping[str, Any]) -> str:
    """Why an expectation cannot be checked with the file's parameters and points; empty where it can."""
    known = {symbol.name: symbol for symbol in parameters}
    if set(values) != set(known):
        return f"parameters {', '.join(sorted(known)) or 'none'}, not those of the file"
    for key, value in values.items():
        if known[key].is_positive and not value > 0:
            return f"the parameter {key} is positive, and not {value}"
    if not at:
        return "the file has no points"
    if any(law[3:] != (0, 0) for law in at) and not means:
        return "its variables have no means, as the points of the file have"
    return ""


def shown(text: str) -> str:
    """A text that holds what a file says, for a terminal: short, and without characters that steer it."""
    short = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} …"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short)


def compared(name: str, recorded: dict[str, Any], now: Certificate) -> list[str]:
    """What was claimed and found then and is not now."""
    found = []
    claims = {
        "method": now.method,
        "formula": now.formula,
        "error bound": now.error_bound,
        "diagonal": now.diagonal,
    }
    for key, value in claims.items():
        if recorded[key] != value:
            found.append(f"{name}: the {key} was {recorded[key]}, and is {value}")
    if recorded["conditions"] != list(now.conditions):
        found.append(f"{name}: the conditions were {recorded['conditions']}, and are {list(now.conditions)}")
    if recorded["subject"] != now.subject:
        found.append(f"{name}: the subject was {recorded['subject']}, and is {now.subject}")
    then, today = ([c["name"] for c in recorded["checks"]], [c.name for c in now.checks])
    found += [f"{name}: {title} is not checked any more" for title in then if title not in today]
    found += [f"{name}: the file lacks the check {title}" for title in today if title not in then]
    if sorted(then) == sorted(today) and then != today:
        found.append(f"{name}: the checks are in another order")
    recent = {check.name: check for check in now.checks}
    for check in recorded["checks"]:
        if check["name"] in recent:
            found += [f"{name}: {check['name']} {how}" for how in _other_check(check, recent[check["name"]])]
    return found


def _other_check(then: dict[str, Any], now: Check) -> list[str]:
    """How a check's record differs from what it finds today; what the time did not allow is left to `made_in_part`."""
    verdict = {True: "ok", False: "FAILED"}
    if then["passed"] != now.passed:
        return [f"was {verdict[then['passed']]}, and is {now.verdict}"]
    late_then, late_now = LATE in then["detail"], LATE in now.detail
    if (late_now and now.is_skipped) or (late_then and not then["points"]):
        return []
    found = []
    # fewer points than there are, where the time ended, with digits that are no fewer
    more, less = then["points"] > now.points, then["points"] < now.points
    if (more and not late_now) or (less and not late_then):
        found.append(f"had {then['points']} points, and has {now.points}")
    if then["required"] != now.required:
        found.append(f"required {then['required']} digits, and requires {now.required}")
    before, after = then["digits"], now.digits
    if before is None or after is None:
        differ = before is not after
    else:
        differ = before > after + (inf if late_then else DIGITS_APART) or before < after - (
            inf if late_now else DIGITS_APART
        )
    if differ:
        found.append(f"had {before} digits, and has {after}")
    if _worded(then["detail"]) != _worded(now.detail):
        found.append(f"said {then['detail']!r}, and says {now.detail!r}")
    return found


def made_in_part(name: str, recorded: dict[str, Any], now: Certificate) -> list[str]:
    """The checks that the time did not allow, or not in full, then or now: they are not compared, or not in full."""
    recent = {check.name: check.detail for check in now.checks}
    found = []
    for check in recorded["checks"]:
        for when, detail in (("in the file", check["detail"]), ("today", recent.get(check["name"], ""))):
            if LATE in detail:
                found.append(f"{name}: {check['name']} was not made in full {when}, and is compared as far as it was")
    return found


def _worded(detail: str) -> str:
    """A remark without its numbers and without the place of the fewest digits, which may differ between machines."""
    return _NUMBER.sub("#", _PLACE.sub("", _PART.sub("", detail)))


def other_versions(recorded: dict[str, str]) -> list[str]:
    """The programs that are not those of the file."""
    now = versions()
    names = sorted(set(recorded) | set(now))
    return [
        f"{name} was {recorded.get(name, 'absent')}, and is {now.get(name, 'absent')}"
        for name in names
        if recorded.get(name) != now.get(name)
    ]
