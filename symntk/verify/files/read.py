"""The reader of certificate files: every field of one type and in its range, whatever is in the file.

Comes in: a path. Goes out: plain values that `again` may trust to be numbers, texts and laws of bounded
size; formulas among them are texts, and nothing of them is run.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy as sp

from symntk.errors import FormulaError

FORMAT = "symntk certificate 2"
NAMES = ("nngp", "ntk", "sg_ntk", "surrogate_ntk")
_MOST_BYTES, _MOST_POINTS, _LONGEST = 2_000_000, 200, 200_000
_LARGEST = 10**12
"""Variances, means and parameters beyond it, or variances and parameters below its inverse, are no certificate's."""
_RATIONAL = re.compile(r"-?[0-9]{1,60}(/[0-9]{1,60})?")
_MOST_DIGITS = 1000
"""What is counted of two numbers that are equal."""
_ADVICE = "a file that `symntk verify -o FILE.json` wrote"


def read_certificate(path: Path) -> dict[str, Any]:
    """The content of a file, every field of the expected type and in its range.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no certificate; names the field.
    """
    with path.open("rb") as file:  # the size that a device or a pipe states is 0
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise refused("it is longer than a certificate can be")
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refused("it is not JSON") from error
    found = _whole(content)
    if digest(content) != found["digest"]:
        raise refused("its content is not what its digest says: it was edited, or damaged")
    return found


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of all fields but the digest itself, in one spelling of JSON.

    It tells a file that was edited or damaged from one that was not. It proves no more: whoever edits a file can make
    its digest again. That the content is right is what the checks show when they are made again.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1, "digest": "sha256:…"})
    True
    """
    kept = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


Reader = Callable[[Any, str], Any]


def refused(wrong: str) -> FormulaError:
    """The error that says why a file is no certificate."""
    return FormulaError("a certificate", wrong, _ADVICE)


def _whole(content: Any) -> dict[str, Any]:
    fields = {
        "format": _text,
        "pair": read_pair,
        "settings": _record(
            {
                "dps": _count(10, 1000),
                "points": _count(1, _MOST_POINTS),
                "seed": _count(-(2**63), 2**63),
                "parameters": _table(_fraction),
            }
        ),
        "versions": _table(_text),
        "passed": _truth,
        "kernels": _table(_kernel),
        "digest": _text,
    }
    found: dict[str, Any] = _record(fields)(content, "the file")
    if found["format"] != FORMAT:
        raise refused(f"its format is {found['format'][:40]!r}, not {FORMAT!r}")
    if not found["kernels"] or not set(found["kernels"]) <= set(NAMES):
        raise refused(f"its kernels are not among {', '.join(NAMES)}")
    for name, one in found["kernels"].items():
        _refuse_contradictions(name, one, found)
    if found["passed"] != all(one["passed"] for one in found["kernels"].values()):
        raise refused("its verdict is not that of its kernels")
    return found


def read_pair(value: Any, where: str) -> Any:
    """The record of a pair, as `pair.pair_record` makes it.

    Raises:
        FormulaError: it is none; names the field.
    """
    fields = {
        "activation": _text,
        "surrogate": _maybe(_text),
        "activation formula": _text,
        "surrogate derivative formula": _maybe(_text),
        "tol": _positive,
        "where": _table(_text),
    }
    return _record(fields)(value, where)


def _refuse_contradictions(name: str, one: dict[str, Any], whole: dict[str, Any]) -> None:
    """A kernel's record that does not agree with itself."""
    checks = one["checks"]
    made = [c for c in checks if c["points"] or c["digits"] is not None or c["detail"].startswith("symbolically")]
    if one["passed"] != (all(c["passed"] for c in checks) and bool(made)):
        raise refused(f"the verdict on {name} is not that of its checks")
    titles = [check["name"] for check in checks]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise refused(f"{name} holds the check {twice[:40]!r} twice")
    for check in checks:
        digits, required = check["digits"], check["required"]
        if check["passed"] and None not in (digits, required) and digits < required:
            raise refused(f"the check {check['name'][:40]!r} of {name} passed with fewer digits than it requires")
    if one["dps"] != whole["settings"]["dps"] or one["version"] != whole["versions"].get("symntk"):
        raise refused(f"{name} was not checked with the settings and versions of the file")


def _kernel(value: Any, where: str) -> Any:
    check = _record(
        {
            "name": _text,
            "detail": _text,
            "digits": _maybe(_digits),
            "required": _maybe(_digits),
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
        "edge points": _list(_edge),
        "checks": _list(check),
    }
    return _record(fields)(value, where)


def _record(fields: dict[str, Reader]) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or set(value) != set(fields):
            raise refused(f"{where} does not hold exactly {', '.join(fields)}")
        return {key: reader(value[key], key) for key, reader in fields.items()}

    return read


def _table(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or len(value) > 50:
            raise refused(f"{where} is no table")
        return {_text(key, where): reader(one, where) for key, one in value.items()}

    return read


def _list(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) > _MOST_POINTS:
            raise refused(f"{where} is no list of at most {_MOST_POINTS}")
        return [reader(one, where) for one in value]

    return read


def _maybe(reader: Reader) -> Reader:
    return lambda value, where: None if value is None else reader(value, where)


def _count(low: int, high: int) -> Reader:
    def read(value: Any, where: str) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise refused(f"{where} is no whole number from {low} to {high}")
        return value

    return read


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise refused(f"{where} is no text")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise refused(f"{where} is neither true nor false")
    return value


def _number(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -math.inf < value < math.inf:
        raise refused(f"{where} is no finite number")
    if abs(value) > 1e300:  # an int may be beyond all floats
        raise refused(f"{where} is too large")
    return float(value)


def _digits(value: Any, where: str) -> float:
    if not 0 <= _number(value, where) <= _MOST_DIGITS:
        raise refused(f"{where} are not from 0 to {_MOST_DIGITS}")
    return float(value)


def _positive(value: Any, where: str) -> float:
    if not _number(value, where) > 0:
        raise refused(f"{where} is not positive")
    return float(value)


def _fraction(value: Any, where: str) -> str:
    rational(_text(value, where))
    return str(value)


def rational(text: str) -> sp.Rational:
    """The number that "3" or "-3/7" is."""
    try:
        value = Fraction(text) if _RATIONAL.fullmatch(text) else None
    except ZeroDivisionError:
        value = None
    if value is None or (value and not Fraction(1, _LARGEST) <= abs(value) <= _LARGEST):
        raise refused(f"the parameter {text[:40]!r} is no fraction of usual size")
    return sp.Rational(value.numerator, value.denominator)


def _law(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 5:
        raise refused(f"{where} are not five numbers each")
    a, b, c, m1, m2 = (_number(number, where) for number in value)
    usual = min(a, b) >= 1 / _LARGEST and max(a, b, abs(m1), abs(m2)) <= _LARGEST
    if not (usual and c * c <= a * b * (1 + 1e-12)):
        raise refused(f"{where} hold what is no covariance")
    return a, b, c, m1, m2


def _edge(value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise refused(f"{where} hold what is no label with five numbers")
    return _text(value[0], where), *_law(value[1:], where)
