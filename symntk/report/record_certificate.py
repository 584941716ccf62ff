"""The certificate of a record: what each check of `symntk verify` made of each kernel, as a Markdown table.

Comes in: a `Kernels`. Goes out: text in which nothing depends on the machine: of measured digits it states those that
were required, and for each check the number of points.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version

from symntk.errors import SymntkError
from symntk.kernels.kernels import Kernels
from symntk.kernels.verification import verify_expectation
from symntk.report.record import TITLES
from symntk.verify.certificate import Check
from symntk.verify.enclosure.check import is_available

DPS, POINTS, SEED = 50, 3, 0
_PACKAGES = ("symntk", "sympy", "mpmath", "python-flint")


def certificate(kernels: Kernels, elsewhere: Collection[str] = ()) -> str:
    """Verify all kernels but those that other records hold; a check that fails is a cell that says so.

    Args:
        kernels: what `derive` returned.
        elsewhere: names of the kernels left out.

    Raises:
        SymntkError: python-flint is missing, without which a certificate would not be the same on all machines.

    >>> from symntk import derive
    >>> print(certificate(derive("x"), {"ntk"}).splitlines()[4])
    | random points | ≥ 45 digits, 3 points |
    """
    if not is_available():
        raise SymntkError("the certificate of a record", "python-flint is not installed", "pip install '.[rigorous]'")
    found: dict[str, dict[str, str]] = {}
    names = [name for name in kernels.names if name not in elsewhere]
    for name in names:
        done = verify_expectation(getattr(kernels, name), dps=DPS, points=POINTS, seed=SEED)
        for check in done.checks:
            found.setdefault(check.name, {})[name] = _cell(check)
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    head = f"`symntk verify` with {DPS} digits, {POINTS} random points, seed {SEED}; {versions}:"
    rows = ["| check | " + " | ".join(TITLES[name] for name in names) + " |", "|---" * (1 + len(names)) + "|"]
    rows += [
        f"| {check} | " + " | ".join(cells.get(name, "") for name in names) + " |" for check, cells in found.items()
    ]
    return "\n".join([head, "", *rows])


def _cell(check: Check) -> str:
    if not check.passed:
        return "FAILED"
    if check.is_skipped:
        return "not applicable"
    if check.is_symbolic:
        return "proved symbolically"
    points = f"{check.points} point{'s' * (check.points != 1)}"
    return points if check.required is None else f"≥ {check.required:g} digits, {points}"
