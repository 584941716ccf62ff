"""Certificates as files: what was checked, where, with which programs; written, read again, and repeated.

A file is data of others: `certificate_reader` bounds every field, formulas go through the parser of the language, and
nothing in it is run.
"""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symntk.errors import SymntkError
from symntk.kernels.certificate_reader import FORMAT, rational, read_certificate, refused
from symntk.kernels.kernels import Kernels, derive
from symntk.kernels.verification import Progress, Verification, verify_expectation
from symntk.verify.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.kernels.expectation import Expectation
    from symntk.verify.points import Law

__all__ = ["Replay", "certificate_json", "certificate_text", "read_certificate", "replay", "write_certificate"]

_MOST_SHOWN = 400
_PROGRAMS = ("symntk", "sympy", "mpmath", "numpy", "scipy", "python-flint")
_ROW = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")  # a list of numbers and labels; no text holds a line break


def certificate_dict(verification: Verification) -> dict[str, Any]:
    """Everything that a file holds, as plain values."""
    return {
        "format": FORMAT,
        "pair": verification.pair,
        "settings": {"dps": verification.dps, "points": verification.points, "seed": verification.seed},
        "versions": versions(),
        "passed": verification.passed,
        "kernels": {name: one.to_dict() for name, one in verification.certificates.items()},
    }


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
        remarks: what differs without being a disagreement: versions, digits.
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
    """Read a certificate, derive its pair again, and make all its checks again at the same points.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no certificate, or its formulas cannot be read.
    """
    recorded = read_certificate(Path(path))
    kernels = _derived(recorded["pair"])
    settings, done = recorded["settings"], {}
    differences = _other_functions(recorded["pair"], kernels)
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
        done[name] = verify_expectation(
            E, dps=settings["dps"], points=max(1, len(at)), progress=progress, subject=name, at=at, **values
        )
        differences += _compared(name, one, done[name])
    again = Verification(done, recorded["pair"], settings["dps"], settings["points"], settings["seed"])
    remarks = [f"the file has no {name}" for name in kernels.names if name not in recorded["kernels"]]
    remarks += _other_versions(recorded["versions"])
    return Replay(recorded, again, tuple(map(_shown, differences)), tuple(map(_shown, remarks)))


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
    then, today = ({c["name"]: c for c in recorded["checks"]}, {c.name: c for c in now.checks})
    for title, check in then.items():
        if title not in today:
            found.append(f"{name}: {title} is not checked any more")
        elif check["passed"] != today[title].passed:
            verdict = {True: "ok", False: "FAILED"}
            found.append(f"{name}: {title} was {verdict[check['passed']]}, and is {verdict[today[title].passed]}")
    return found


def _derived(pair: dict[str, Any]) -> Kernels:
    """The pair by its names; a surrogate's name may stand for a derivative or for a primitive."""
    activation, surrogate, tol = pair["activation"], pair["surrogate"], pair["tol"]
    if surrogate is None:
        return derive(activation, tol=tol)
    wanted, found = pair["surrogate derivative formula"], None
    for given in ({"surrogate": surrogate}, {"surrogate_derivative": surrogate}):
        try:
            kernels = derive(activation, **given, tol=tol)
        except SymntkError:
            continue
        found = found or kernels
        derivative = kernels.surrogate_derivative
        if derivative is not None and str(derivative.expression) == wanted:
            return kernels
    if found is None:
        raise refused("its surrogate cannot be read")
    return found


def _other_functions(pair: dict[str, Any], kernels: Kernels) -> list[str]:
    derivative = kernels.surrogate_derivative
    now = {
        "activation formula": str(kernels.activation.expression),
        "surrogate derivative formula": None if derivative is None else str(derivative.expression),
    }
    return [f"the {key} was {pair[key]}, and is {value}" for key, value in now.items() if pair[key] != value]


def _other_versions(recorded: dict[str, str]) -> list[str]:
    now = versions()
    names = sorted(set(recorded) | set(now))
    return [
        f"{name} was {recorded.get(name, 'absent')}, and is {now.get(name, 'absent')}"
        for name in names
        if recorded.get(name) != now.get(name)
    ]
