"""What is not a Gram matrix: single calls, scattered laws, fresh processes, the same pair again, lines of modules."""

from __future__ import annotations

import functools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
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
    ("relu", "relu"),
    ("gelu", "gelu"),
    ("elu", "elu"),
    ("hard_tanh", "hard_tanh"),
    ("sign", "fast_sigmoid"),
    ("tanh", "tanh"),
    ("mish", "mish"),
    (SUPERSPIKE, SUPERSPIKE),
)
SCATTERED = ("erf", "relu", "gelu", "elu", "hard_tanh", "tanh", "mish", SUPERSPIKE)
EXPORTED = ("erf", "gelu", "tanh")
LAW = (1.0, 2.0, 0.5)
_FIRST = "import symntk; symntk.expectation('{}', '{}')(1.0, 2.0, 0.5)"


def median_of(action: Callable[[], Any], runs: int, clock: Callable[[], float] = time.process_time) -> float:
    """Median seconds of an action."""
    spent = []
    for _ in range(runs):
        start = clock()
        action()
        spent.append(clock() - start)
    return statistics.median(spent)


def single(pairs: Iterable[tuple[str, str]], repeats: int) -> Table:
    """Microseconds of one call, the first one not counted: at one law again and again, and at laws not met before."""
    rows = []
    for f, g in pairs:
        E, others = symntk.expectation(f, g), iter(laws(repeats).T.tolist())
        E(*LAW)
        same = median_of(functools.partial(E, *LAW), repeats)
        new = median_of(lambda E=E, others=others: E(*next(others)), repeats)  # type: ignore[misc]
        rows.append((f"{f}, {g}", E.method, 1e6 * same, 1e6 * new))
    return Table(("pair", "method", "µs, the same law", "µs, new laws"), rows)


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
    """Core seconds of fresh processes, as multiples of importing SymPy too, and of the same pair again in this one."""
    command = "from symntk.cli import main; main()"
    processes = {
        "python": ["-c", "pass"],
        "import sympy": ["-c", "import sympy"],
        "import numpy, sympy": ["-c", "import numpy, sympy"],
        "import symntk": ["-c", "import symntk"],
        "the first number of relu, erf": ["-c", _FIRST.format("relu", "erf")],
        "the first number of gelu, gelu": ["-c", _FIRST.format("gelu", "gelu")],
        "the first number of tanh, tanh": ["-c", _FIRST.format("tanh", "tanh")],
        "symntk derive sign --surrogate erf": ["-c", command, "derive", "sign", "--surrogate", "erf"],
    }
    spent = dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        # compiled files are what an installed package has
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        for what, arguments in processes.items():
            run = functools.partial(
                subprocess.run, [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
            )
            run()
            spent[what] = median_of(run, runs, children)

    def again() -> None:
        symntk.expectation("relu", "erf")(*LAW)

    spent["relu, erf and one number here, first time"] = median_of(again, 1)
    spent["again"] = median_of(again, max(runs, 5))
    return Table(("what", "core s", "import sympy"), [(k, s, s / spent["import sympy"]) for k, s in spent.items()])


def children() -> float:
    """Seconds that processes started here have taken, those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lines(field: Field) -> Table:
    """Lines of exported modules."""
    rows = []
    for name in EXPORTED:
        for target in field.targets:
            path = field.exported(name, None, target)
            if path is not None:
                rows.append((name, target, len(path.read_text(encoding="utf-8").splitlines())))
    return Table(("activation", "target", "lines"), rows)
