"""What is not a Gram matrix: single calls, scattered laws, fresh processes, the same pair again, lines of modules."""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import symntk
from benchmarks.peers.process import alternate, started
from benchmarks.speed.contestants import Field
from symntk.runs.tables import Table

SUPERSPIKE = "1/(1 + 25*Abs(x))**2"
ONE_LAW = (
    ("erf", "erf"),
    ("relu", "erf"),
    ("gelu", "gelu"),
    ("tanh", "tanh"),
    ("hard_tanh", "hard_tanh"),
    ("mish", "mish"),
)
SCATTERED = ("erf", "relu", "gelu", "elu", "hard_tanh", "tanh", "mish", SUPERSPIKE)
EXPORTED = ("erf", "gelu", "tanh")
LAW = (1.0, 2.0, 0.5)


def median_of(action: Callable[[], Any], runs: int, clock: Callable[[], float] = time.process_time) -> float:
    """Median seconds of an action."""
    spent = []
    for _ in range(runs):
        start = clock()
        action()
        spent.append(clock() - start)
    return statistics.median(spent)


def single(pairs: Iterable[tuple[str, str]], repeats: int) -> Table:
    """Microseconds of one call at one law, the first one not counted."""
    rows = []
    for f, g in pairs:
        E = symntk.expectation(f, g)
        E(*LAW)
        rows.append((f"{f}, {g}", E.method, 1e6 * median_of(functools.partial(E, *LAW), repeats)))
    return Table(("pair", "method", "µs"), rows)


def laws(count: int) -> np.ndarray:
    """Scattered laws (3, count): variances 0.5 to 2, all correlations."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.5, 2.0, (2, count))
    return np.stack([a, b, rng.uniform(-1.0, 1.0, count) * np.sqrt(a * b)])


def scattered(field: Field, names: Iterable[str], count: int, rounds: int) -> Table:
    """Core seconds of E[f f] at scattered laws: symntk's own call here, and the exported nngp_map of each target."""
    np.save(field.folder / "laws.npy", laws(count))
    rows = []
    for name in names:
        E = symntk.expectation(name, name)
        E(*LAW)
        rows.append((name, "E(...)", count, median_of(functools.partial(E, *laws(count)), rounds)))
        with started(field.modules(name, None, "64"), field.folder) as workers:
            spent = alternate(workers, rounds, inputs=str(field.folder / "laws.npy"), ask={"get": ["nngp_map"]})
        rows += [(name, f"{target} module", count, seconds) for target, seconds in spent.items()]
    return Table(("function", "by", "laws", "core s"), rows)


def fresh(runs: int) -> Table:
    """Wall seconds of fresh processes, and of the same pair again in this one."""
    command = "from symntk.cli import main; main()"
    processes = {
        "python": ["-c", "pass"],
        "import symntk": ["-c", "import symntk"],
        "the first number of relu, erf": ["-c", "import symntk; symntk.expectation('relu', 'erf')(1.0, 2.0, 0.5)"],
        "symntk derive sign --surrogate erf": ["-c", command, "derive", "sign", "--surrogate", "erf"],
    }
    rows: list[tuple[str, float]] = []
    for what, arguments in processes.items():
        run = functools.partial(subprocess.run, [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        rows.append((what, median_of(run, runs, time.perf_counter)))

    def again() -> None:
        symntk.expectation("relu", "erf")(*LAW)

    first = median_of(again, 1, time.perf_counter)
    rows += [("relu, erf and one number here, first time", first)]
    rows += [("again", median_of(again, max(runs, 5), time.perf_counter))]
    return Table(("what", "wall s"), rows)


def lines(field: Field) -> Table:
    """Lines of exported modules."""
    rows = []
    for name in EXPORTED:
        for target in field.targets:
            path = field.exported(name, None, target)
            if path is not None:
                rows.append((name, target, len(path.read_text(encoding="utf-8").splitlines())))
    return Table(("activation", "target", "lines"), rows)
