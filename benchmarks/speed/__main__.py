"""The speed of symntk and of what it exports, in tables of ratios from one run.

    python -m benchmarks.speed [SECTION ...] [--n 4000] [--python PYTHON] [--environment FOLDER]

Sections: gram (both kernels beside neural-tangents and a hand-fused loop), surrogate (sg_ntk beside ntk), threads,
memory, growth (exponents in n and depth), pairs (every activation, every surrogate), single, scattered, fresh, lines.

Gram matrices: n inputs of 64 features N(0, 1), depth 3, σ_w = 1, σ_b = 0.1, NNGP and NTK (or SG-NTK) together. Each
contestant is a process on one core; seconds are its user and system time, medians of rounds in which all take turns.
neural-tangents runs in an environment of its own, made where it is missing; symntk's modules for numba, jax and torch
run in --python, which needs these packages and not symntk. Who cannot take part is named below the tables.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import scipy
import sympy

import symntk
from benchmarks.peers.environment import DEFAULT
from benchmarks.speed import calls, gram
from benchmarks.speed.contestants import ALL, Field
from symntk.runs.tables import Table

SECTIONS: dict[str, Callable[[Field, argparse.Namespace], Table]] = {
    "gram": lambda field, o: gram.ratios(field, pairs(o, gram.PAIRS), o.n, o.rounds),
    "surrogate": lambda field, o: gram.surrogate_beside_true(field, pairs(o, BOTH), o.n, o.rounds),
    "threads": lambda field, o: gram.threads(field, pairs(o, gram.PAIRS), o.n, o.rounds, o.threads),
    "memory": lambda field, o: gram.memory(field, pairs(o, (*gram.PAIRS, ("tanh", None))), (o.n, 2 * o.n)),
    "growth": lambda field, o: gram.growth(field, pairs(o, (*gram.PAIRS, ("tanh", None))), o.n, o.rounds),
    "slow": lambda field, o: gram.ratios(field, pairs(o, gram.SLOW), o.n, o.rounds),
    "pairs": lambda field, o: gram.every(field, o.n, o.rounds, o.names),
    "single": lambda field, o: calls.single(pairs(o, calls.ONE_LAW), 40 * o.rounds),
    "scattered": lambda field, o: calls.scattered(field, o.names or calls.SCATTERED, o.laws, o.rounds),
    "fresh": lambda field, o: calls.fresh(o.rounds),
    "lines": lambda field, o: calls.lines(field),
}
BOTH = (("erf", "erf_unscaled"), ("relu", "erf"), ("gelu", "sigmoid"), ("tanh", "triangle"))


def pairs(options: argparse.Namespace, all_pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """The pairs in which a name that was asked for occurs; all where none was."""
    return [pair for pair in all_pairs if not options.names or set(options.names) & set(pair)]


def machine() -> str:
    """The processor, its cores and the versions."""
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{names[0]}, {len(names)} cores, load {load}; {versions}, SymPy {sympy.__version__}"


def reasons(missing: Mapping[str, str]) -> str:
    """Who does not take part, gathered by the reason.

    >>> reasons({"jax": "no such target", "torch": "no such target", "numba": "not installed"})
    'jax, torch (no such target); numba (not installed)'
    """
    who: dict[str, list[str]] = {}
    for name, reason in missing.items():
        who.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in who.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="default: all")
    parser.add_argument("--n", type=int, default=4000, help="number of inputs; memory also takes twice as many")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of the section threads")
    parser.add_argument("--laws", type=int, default=10**6, help="scattered laws")
    parser.add_argument("--names", nargs="+", default=[], help="only pairs in which one of these occurs")
    parser.add_argument("--contestants", nargs="+", default=ALL, choices=ALL)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="runs the exported modules")
    parser.add_argument("--environment", type=Path, default=DEFAULT, help="of neural-tangents, made if missing")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    given = shlex.join(sys.argv[1:] if arguments is None else arguments)
    print(f"`python -m benchmarks.speed {given}`, {date.today()}, symntk {symntk.__version__}\n{machine()}")
    with tempfile.TemporaryDirectory() as folder:
        field = Field(options.python, options.environment, tuple(options.contestants), Path(folder))
        for section in options.sections or SECTIONS:
            print(f"\n### {section}\n\n{SECTIONS[section](field, options).markdown(3)}", flush=True)
        if field.missing:
            print(f"\nNot taking part: {reasons(field.missing)}.")


if __name__ == "__main__":
    main()
