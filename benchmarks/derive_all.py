"""Every expectation that the tables' Gaussian-elementary functions ask for: derived, timed, compared with the oracle.

    python benchmarks/derive_all.py results.jsonl --workers 2
    python benchmarks/derive_all.py sample.jsonl --sample 40 --only-time

Comes in: the tables of activations and surrogates (class 1). For each activation nngp and ntk, for each activation and
each surrogate sg_ntk, centred and with means: the time from two normal forms to the formula, and the digits that it
shares with the independent oracle at three seeded random points. Rows are appended to the results file as they are
done, and rows that it holds already are not computed again. No general simplifier and no integrator of SymPy may run
during a derivation.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import sympy as sp
from tqdm import tqdm

from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.errors import SymntkError
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import NormalForm, derivative
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.verify.agreement import digits_of_agreement, natural_scale
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.points import at_state, parameter_values, random_points

POINTS, DPS, REQUIRED = 3, 25, 12
LIMITS = {"median": 0.1, "worst centred": 1.0, "worst with means": 3.0}
FORBIDDEN = {
    "sympy.simplify.simplify": ("simplify", "besselsimp", "hypersimp"),
    "sympy.simplify.trigsimp": ("trigsimp",),
    "sympy.simplify.hyperexpand": ("hyperexpand",),
    "sympy.integrals.integrals": ("integrate",),
    "sympy.integrals.manualintegrate": ("manualintegrate",),
    "sympy.integrals.heurisch": ("heurisch",),
    "sympy": ("simplify", "integrate", "trigsimp", "hyperexpand"),
}


@dataclass(frozen=True)
class Case:
    """One expectation of the tables."""

    kernel: str
    activation: str
    surrogate: str
    means: bool
    symbolic: bool = False

    @property
    def key(self) -> str:
        """What names it in the results."""
        parts = [self.kernel, self.activation, self.surrogate, "means" if self.means else "centred"]
        return " ".join([p for p in parts if p] + ["symbolic"] * self.symbolic)

    def forms(self) -> tuple[NormalForm, NormalForm]:
        """The two functions; the true derivative comes first."""
        f = self._form(ACTIVATIONS, self.activation)
        if self.kernel == "nngp":
            return f, f
        return derivative(f), self._form(SURROGATES, self.surrogate) if self.surrogate else derivative(f)

    def _form(self, entries: dict[str, Any], name: str) -> NormalForm:
        entry = entries[name]
        return normal_form(entry.general() if self.symbolic else entry.expression(), x)


@dataclass
class Row:
    """What was measured; `digits` are the fewest over the points, `status` is ok, or says what went wrong."""

    key: str
    means: bool
    status: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    operations: int = 0
    digits: float | None = None
    message: str = ""


def all_cases(*, symbolic: bool = False) -> list[Case]:
    """The nngp and ntk of every activation, sg_ntk of every activation with every surrogate."""
    activations, surrogates = ([n for n, e in t.items() if e.gaussian_class == "1"] for t in (ACTIVATIONS, SURROGATES))
    out = []
    for means in (False, True):
        out += [Case(kernel, name, "", means, symbolic) for name in activations for kernel in ("nngp", "ntk")]
        out += [Case("sg_ntk", *pair, means, symbolic) for pair in itertools.product(activations, surrogates)]
    return out


class ForbiddenCallError(RuntimeError):
    """A general simplifier or an integrator was called."""


@contextmanager
def no_general_simplifier() -> Iterator[None]:
    """Inside, a call of SymPy's general simplifiers or integrators raises `ForbiddenCallError`."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise ForbiddenCallError("a general simplifier or integrator of SymPy was called")

    with ExitStack() as stack:
        for module, names in FORBIDDEN.items():
            for name in names:
                stack.enter_context(mock.patch.object(import_module(module), name, refuse))
        for cls, name in ((sp.Basic, "simplify"), (sp.Expr, "integrate"), (sp.Integral, "doit")):
            stack.enter_context(mock.patch.object(cls, name, refuse))
        yield


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this process after so many seconds."""

    def expire(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def derive_timed(case: Case) -> tuple[sp.Expr, NormalForm, NormalForm, float, float]:
    """The formula, the two functions, and the wall and processor seconds from them to it."""
    f, g = case.forms()
    with no_general_simplifier():
        wall, processor = time.perf_counter(), time.process_time()
        formula = publish(derive_pair(f, g, means=case.means).value)
        return formula, f, g, time.perf_counter() - wall, time.process_time() - processor


def fewest_digits(case: Case, formula: sp.Expr, f: NormalForm, g: NormalForm, seed: int = 0) -> float:
    """Digits that formula and oracle share, relative to the value (to √(E f² E g²) where it cancels to nothing)."""
    rng = random.Random(f"{seed} {case.key}")
    symbols = sorted({*f.parameters, *g.parameters}, key=lambda s: s.name)
    values = parameter_values(symbols, {}, rng)
    f, g = f.subs(values), g.subs(values)
    found = []
    for point in random_points(rng, POINTS, means=case.means):
        value = evaluate(formula.subs(values), at_state(point.law), dps=DPS)
        reference = expectation_oracle(f, g, *point.law, dps=DPS)
        digits = digits_of_agreement(value, reference, most=DPS)
        if digits < REQUIRED:
            scale = natural_scale(f, g, point.law)
            if max(abs(value), abs(reference)) < 1e-13 * scale:  # zero by symmetry
                digits = digits_of_agreement(value, reference, scale, most=DPS)
        found.append(digits)
    return min(found)


def measure(case: Case, only_time: bool = False, limit: float = 300) -> Row:
    """One row; nothing escapes, so that one case does not end the run."""
    row = Row(case.key, case.means, "ok")
    try:
        with time_limit(limit):
            formula, f, g, row.seconds, row.cpu_seconds = derive_timed(case)
            row.operations = int(sp.count_ops(formula))
            if not only_time:
                row.digits = fewest_digits(case, formula, f, g)
                row.status = "ok" if row.digits >= REQUIRED else "disagrees"
    except TimeoutError as error:
        row.status, row.message = "time", str(error)
    except SymntkError as error:
        row.status, row.message = "refused", f"{type(error).__name__}: {error}"
    except Exception as error:
        row.status, row.message = "error", f"{type(error).__name__}: {error}"
    return row


def table(rows: list[Row]) -> str:
    """Times, agreement and everything that is not ok."""
    lines = [f"{'':18}{'count':>7}{'ok':>7}{'median s':>10}{'worst s':>9}  {'fewest digits':>13}  slowest"]
    for label, chosen in (
        ("centred", [r for r in rows if not r.means]),
        ("with means", [r for r in rows if r.means]),
        ("all", rows),
    ):
        if not chosen:
            continue
        slowest = max(chosen, key=lambda r: r.cpu_seconds)
        digits = min((r.digits for r in chosen if r.digits is not None), default=float("nan"))
        lines.append(
            f"{label:18}{len(chosen):7}{sum(r.status == 'ok' for r in chosen):7}"
            f"{statistics.median(r.cpu_seconds for r in chosen):10.4f}{slowest.cpu_seconds:9.3f}  {digits:13.1f}"
            f"  {slowest.key}"
        )
    bad = [r for r in rows if r.status != "ok"]
    lines += ["", f"not ok: {len(bad)}"] + [
        f"  {r.status:10}{r.key}  {'' if r.digits is None else f'{r.digits:.1f} digits'} {r.message[:150]}" for r in bad
    ]
    slow = sorted((r for r in rows if r.cpu_seconds > (3 if r.means else 1)), key=lambda r: -r.cpu_seconds)
    lines += [f"over the limit of time: {len(slow)}"] + [f"  {r.cpu_seconds:8.2f} s  {r.key}" for r in slow[:40]]
    return "\n".join(lines)


def read_rows(path: Path) -> list[Row]:
    """The rows that a results file holds."""
    if not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="rows are appended to this file; those in it are not done again")
    parser.add_argument("--sample", type=int, help="so many cases, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-time", action="store_true", help="derive, and do not compare with the oracle")
    parser.add_argument("--symbolic", action="store_true", help="parameters stay symbols in the derivation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300, help="seconds for one case")
    options = parser.parse_args(arguments)
    cases = all_cases(symbolic=options.symbolic)
    random.Random(options.seed).shuffle(cases)
    cases = cases[: options.sample]
    done = {row.key: row for row in read_rows(options.results)}
    todo = [case for case in cases if case.key not in done]
    with ProcessPoolExecutor(options.workers) as pool, options.results.open("a", encoding="utf-8") as out:
        jobs = pool.map(measure, todo, itertools.repeat(options.only_time), itertools.repeat(options.limit))
        for row in tqdm(jobs, total=len(todo), unit="expectation", smoothing=0.02):
            out.write(json.dumps(asdict(row)) + "\n")
            out.flush()
            done[row.key] = row
    rows = [done[case.key] for case in cases]
    print(table(rows))
    return 0 if all(row.status == "ok" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
