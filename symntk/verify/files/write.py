"""Certificates as files: what was checked, where, with which programs."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from symntk.errors import SymntkError
from symntk.verify.files.read import FORMAT, digest
from symntk.verify.suite import Verification

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
