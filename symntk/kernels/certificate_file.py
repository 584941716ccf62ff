"""Certificates as files: what was checked, where, with which programs; written, read again, and repeated.

A file is data of others: `certificate_reader` bounds every field, formulas go through the parser of the language, and
nothing in it is run.
"""

from __future__ import annotations

import json
import math
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symntk.errors import SymntkError
from symntk.kernels.certificate_reader import FORMAT, digest, rational, read_certificate
from symntk.kernels.pair import derive_again, other_functions
from symntk.kernels.verification import Progress, Verification, tests_of, verify_expectation
from symntk.kernels.verification_clock import LIMIT, Clock
from symntk.verify.certificate import Certificate
from symntk.verify.timing import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.kernels.expectation import Expectation
    from symntk.verify.certificate import Check
    from symntk.verify.points import Law

__all__ = ["Replay", "certificate_json", "certificate_text", "read_certificate", "replay", "write_certificate"]

DIGITS_APART = 2.0
"""By so much the digits of a check may differ between machines."""
_NUMBER = re.compile(r"[-+−]?\d+(\.\d+)?(e[-+]?\d+)?")
_PART = re.compile(r"; \d+ of \d+ skipped, because the time limit of [^;]*$")
_PLACE = re.compile(r"; fewest at [^;]*")
_MOST_SHOWN = 400
_PROGRAMS = ("symntk", "sympy", "mpmath", "numpy", "scipy", "python-flint")
_ROW = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")  # a list of numbers and labels; no text holds a line break


def certificate_dict(verification: Verification) -> dict[str, Any]:
    """Everything that a file holds, as plain values."""
    content = {
        "format": FORMAT,
        "pair": verification.pair,
        "settings": {
            "dps": verification.dps,
            "points": verification.points,
            "seed": verification.seed,
            "parameters": verification.given,
        },
        "versions": versions(),
        "passed": verification.passed,
        "kernels": {name: one.to_dict() for name, one in verification.certificates.items()},
    }
    return content | {"digest": digest(content)}


def versions() -> dict[str, str]:
    """The programs that a certificate rests on; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in _PROGRAMS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def certificate_json(verification: Verification) -> str:
    """JSON with one line per point and per check."""
    text = json.dumps(certificate_dict(verification), indent=1, ensure_ascii=False)
    return _ROW.sub(lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def certificate_text(verification: Verification) -> str:
    """The table, and below it where the checks were made."""
    lines = [verification.table(), "", "points (var_u, var_v, cov, mean_u, mean_v):"]
    for name, one in verification.certificates.items():
        given = "".join(f", {symbol} = {value}" for symbol, value in one.parameters.items())
        lines.append(f"  {name}{given}")
        lines += [f"    {', '.join(repr(number) for number in law)}" for law in one.laws]
    pair = ", ".join(f"{key}: {value}" for key, value in verification.pair.items() if value is not None)
    settings = f"dps {verification.dps}, seed {verification.seed}"
    programs = ", ".join(f"{name} {number}" for name, number in versions().items())
    return "\n".join([*lines, "", pair, settings, programs]) + "\n"


def write_certificate(verification: Verification, path: Path) -> Path:
    """Write the file, JSON for `.json`, plain text for `.txt`.

    Raises:
        SymntkError: the path has another ending.
        OSError: it cannot be written.
    """
    make = writer(path)
    path.write_text(make(verification), encoding="utf-8")
    return path


def writer(path: Path) -> Callable[[Verification], str]:
    """What makes the text of a file with this ending; asked before a long verification, it refuses others in time."""
    writers = {".json": certificate_json, ".txt": certificate_text}
    ending = path.suffix.lower()
    if ending not in writers:
        wrong = f"{path.suffix} is not written" if ending else "it has no ending, which says what is written"
        raise SymntkError(f"the certificate {path}", wrong, f"{path.stem}.json, or {path.stem}.txt to read")
    return writers[ending]


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


def replay(path: str | Path, progress: Progress | None = None) -> Replay:
    """Read a certificate, derive its pair again, make all its checks again at the same points, and compare everything.

    The kernels that the pair has, the points that the seed draws, the edges, the list of checks, what each of them
    requires and how many points it has must be those of the file; digits may differ by `DIGITS_APART`, as those of
    float64 do between machines, and numbers in remarks may differ.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no certificate, or its formulas cannot be read.
    """
    recorded = read_certificate(Path(path))
    kernels = derive_again(recorded["pair"], "a certificate")
    settings, done = recorded["settings"], {}
    remarks = _other_versions(recorded["versions"])
    differences = other_functions(recorded["pair"], kernels)
    differences += [f"the file has no {name}" for name in kernels.names if name not in recorded["kernels"]]
    given = {key: rational(text) for key, text in settings["parameters"].items()}
    known = {symbol.name for _, E in kernels.items() for symbol in E.parameters}
    differences += [f"no kernel has the parameter {name}" for name in sorted(given.keys() - known)]
    clock = Clock(LIMIT, sum(len(one["checks"]) for one in recorded["kernels"].values()))
    for name, one in recorded["kernels"].items():
        if name not in kernels.names:
            differences.append(f"{name}: the pair has no such kernel")
            continue
        E = getattr(kernels, name)
        at: list[Law] = [tuple(law) for law in one["points"]]
        values = {key: rational(text) for key, text in one["parameters"].items()}
        wrong = _unfit(E, at, values)
        if wrong:
            differences.append(f"{name}: {wrong}")
            continue
        differences += _other_points(name, E, one, settings, given)
        done[name] = verify_expectation(
            E,
            dps=settings["dps"],
            points=max(1, len(at)),
            progress=progress,
            subject=name,
            at=at,
            clock=clock,
            **values,
        )
        differences += _compared(name, one, done[name])
        remarks += _late(name, one, done[name])
    again = Verification(
        done, recorded["pair"], settings["dps"], settings["points"], settings["seed"], settings["parameters"]
    )
    return Replay(recorded, again, tuple(map(_shown, differences)), tuple(map(_shown, remarks)))


def _other_points(
    name: str, E: Expectation, one: dict[str, Any], settings: dict[str, Any], given: dict[str, Any]
) -> list[str]:
    """Whether points, edges and parameters are those that settings and seed choose."""
    own = {symbol.name: given[symbol.name] for symbol in E.parameters if symbol.name in given}
    tests = tests_of(E, settings["dps"], settings["points"], settings["seed"], own)
    found = []
    if {symbol.name: str(value) for symbol, value in tests.values.items()} != one["parameters"]:
        found.append(f"{name}: the parameters are not those that seed {settings['seed']} draws or that were given")
    if not _same_laws([point.law for point in tests.tested], one["points"]):
        found.append(f"{name}: the points are not those that seed {settings['seed']} draws")
    labels = [edge[0] for edge in one["edge points"]]
    edges = [edge[1:] for edge in one["edge points"]]
    if labels != [p.label for p in tests.edges] or not _same_laws([p.law for p in tests.edges], edges):
        found.append(f"{name}: the edge points are not those that are tested")
    return found


def _same_laws(now: Sequence[Law], then: Sequence[Sequence[float]]) -> bool:
    """The same numbers, but for the rounding of powers and roots on another machine."""
    return len(now) == len(then) and all(
        math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-300)
        for pair in zip(now, then, strict=True)
        for one, other in zip(*pair, strict=True)
    )


def _unfit(E: Expectation, at: Sequence[Law], values: dict[str, Any]) -> str:
    """Why an expectation cannot be checked with the file's parameters and points; empty where it can."""
    known = {symbol.name: symbol for symbol in E.parameters}
    if set(values) != set(known):
        return f"parameters {', '.join(sorted(known)) or 'none'}, not those of the file"
    for key, value in values.items():
        if known[key].is_positive and not value > 0:
            return f"the parameter {key} is positive, and not {value}"
    if not at:
        return "the file has no points"
    if any(law[3:] != (0, 0) for law in at) and not E.means:
        return "its variables have no means, as the points of the file have"
    return ""


def _shown(text: str) -> str:
    """A text that holds what a file says, for a terminal: short, and without characters that steer it."""
    short = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} …"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short)


def _compared(name: str, recorded: dict[str, Any], now: Certificate) -> list[str]:
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
    """How a check's record differs from what it finds today; what the time did not allow is left to `_late`."""
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


def _late(name: str, recorded: dict[str, Any], now: Certificate) -> list[str]:
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


def _other_versions(recorded: dict[str, str]) -> list[str]:
    now = versions()
    names = sorted(set(recorded) | set(now))
    return [
        f"{name} was {recorded.get(name, 'absent')}, and is {now.get(name, 'absent')}"
        for name in names
        if recorded.get(name) != now.get(name)
    ]
