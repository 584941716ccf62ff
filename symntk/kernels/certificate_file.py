"""Certificates as files: what was checked, where, with which programs; written, read again, and repeated.

A file is data of others: it is read as JSON of bounded size, every field is of one type and in its range, formulas go
through the parser of the language, and nothing in it is run.
"""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy as sp

from symntk.errors import FormulaError, SymntkError
from symntk.kernels.kernels import NAMES, Kernels, derive
from symntk.kernels.verification import Progress, Verification, verify_expectation
from symntk.verify.certificate import Certificate

if TYPE_CHECKING:
    from symntk.verify.points import Law

FORMAT = "symntk certificate 1"
_MOST_BYTES, _MOST_POINTS, _LONGEST = 2_000_000, 200, 4000
_PROGRAMS = ("symntk", "sympy", "mpmath", "numpy", "scipy", "python-flint")
_RATIONAL = re.compile(r"-?[0-9]{1,60}(/[0-9]{1,60})?")
_ROW = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")  # a list of numbers and labels; no text holds a line break
_ADVICE = "a file that `symntk verify -o FILE.json` wrote"


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
    """Write the file, plain text for `.txt`, JSON else.

    Raises:
        OSError: it cannot be written.
    """
    make = certificate_text if path.suffix == ".txt" else certificate_json
    path.write_text(make(verification), encoding="utf-8")
    return path


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
        values = {key: _rational(text) for key, text in one["parameters"].items()}
        known = {symbol.name for symbol in E.parameters}
        if set(values) != known:
            differences.append(f"{name}: parameters {', '.join(sorted(known)) or 'none'}, not those of the file")
            continue
        done[name] = verify_expectation(
            E, dps=settings["dps"], points=max(1, len(at)), progress=progress, subject=name, at=at, **values
        )
        differences += _compared(name, one, done[name])
    again = Verification(done, recorded["pair"], settings["dps"], settings["points"], settings["seed"])
    return Replay(recorded, again, tuple(differences), tuple(_other_versions(recorded["versions"])))


def _compared(name: str, recorded: dict[str, Any], now: Certificate) -> list[str]:
    """What was claimed and found then and is not now."""
    found = []
    claims = {"method": now.method, "formula": now.formula, "diagonal": now.diagonal}
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
        raise _refused("its surrogate cannot be read")
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


def read_certificate(path: Path) -> dict[str, Any]:
    """The content of a file, every field of the expected type and in its range.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no certificate; names the field.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise _refused("it is longer than a certificate can be")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused("it is not JSON") from error
    return _whole(content)


Reader = Callable[[Any, str], Any]


def _refused(wrong: str) -> FormulaError:
    return FormulaError("a certificate", wrong, _ADVICE)


def _whole(content: Any) -> dict[str, Any]:
    fields = {
        "format": _text,
        "pair": _record(
            {
                "activation": _text,
                "surrogate": _maybe(_text),
                "activation formula": _text,
                "surrogate derivative formula": _maybe(_text),
                "tol": _positive,
            }
        ),
        "settings": _record(
            {"dps": _count(10, 1000), "points": _count(1, _MOST_POINTS), "seed": _count(-(2**63), 2**63)}
        ),
        "versions": _table(_text),
        "passed": _truth,
        "kernels": _table(_kernel),
    }
    found: dict[str, Any] = _record(fields)(content, "the file")
    if found["format"] != FORMAT:
        raise _refused(f"its format is {found['format'][:40]!r}, not {FORMAT!r}")
    if not found["kernels"] or not set(found["kernels"]) <= set(NAMES):
        raise _refused(f"its kernels are not among {', '.join(NAMES)}")
    return found


def _kernel(value: Any, where: str) -> Any:
    check = _record(
        {
            "name": _text,
            "detail": _text,
            "digits": _maybe(_number),
            "required": _maybe(_number),
            "passed": _truth,
            "points": _count(0, 10_000),
        }
    )
    fields = {
        "subject": _text,
        "passed": _truth,
        "dps": _count(10, 1000),
        "version": _text,
        "method": _text,
        "formula": _maybe(_text),
        "error bound": _number,
        "diagonal": _text,
        "conditions": _list(_text),
        "parameters": _table(_fraction),
        "points": _list(_law),
        "edge points": _list(_anything),
        "checks": _list(check),
    }
    return _record(fields)(value, where)


def _record(fields: dict[str, Reader]) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or set(value) != set(fields):
            raise _refused(f"{where} does not hold exactly {', '.join(fields)}")
        return {key: reader(value[key], key) for key, reader in fields.items()}

    return read


def _table(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or len(value) > 50:
            raise _refused(f"{where} is no table")
        return {_text(key, where): reader(one, where) for key, one in value.items()}

    return read


def _list(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) > _MOST_POINTS:
            raise _refused(f"{where} is no list of at most {_MOST_POINTS}")
        return [reader(one, where) for one in value]

    return read


def _maybe(reader: Reader) -> Reader:
    return lambda value, where: None if value is None else reader(value, where)


def _count(low: int, high: int) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _refused(f"{where} is no whole number from {low} to {high}")
        return value

    return read


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > 50 * _LONGEST:
        raise _refused(f"{where} is no text")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _refused(f"{where} is neither true nor false")
    return value


def _number(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise _refused(f"{where} is no finite number")
    return float(value)


def _positive(value: Any, where: str) -> float:
    if not _number(value, where) > 0:
        raise _refused(f"{where} is not positive")
    return float(value)


def _fraction(value: Any, where: str) -> str:
    _rational(_text(value, where))
    return str(value)


def _rational(text: str) -> sp.Rational:
    if not _RATIONAL.fullmatch(text) or text.endswith("/0"):
        raise _refused(f"the parameter {text[:40]!r} is no fraction")
    value = Fraction(text)
    return sp.Rational(value.numerator, value.denominator)


def _law(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 5:
        raise _refused(f"{where} are not five numbers each")
    a, b, c, m1, m2 = (_number(number, where) for number in value)
    if not (a > 0 and b > 0 and c * c <= a * b * (1 + 1e-12) and max(a, b, abs(m1), abs(m2)) < 1e100):
        raise _refused(f"{where} hold what is no covariance")
    return a, b, c, m1, m2


def _anything(value: Any, _: str) -> Any:
    """Kept for the reader of the file; the edges are those of the program."""
    return value
