"""Every rule of the derivation is broken on purpose, and the certificate must notice.

    python -m tests.mutations                prints the table and writes results/mutations.md
    python -m tests.mutations --rule tilt    only the mutations of one rule, and writes nothing

A mutation replaces one function of `symntk.derive` (or of the runtime that fallbacks call) while one expectation that
uses it is derived and verified: a sign, a factor, a condition or a shift is wrong. It is caught where a check fails, or
where the derivation itself ends in an error. Without the mutation the same expectation passes. What searches for the
edges of panels and encloses functions is broken in the same way; there some of the repository's tests are asked, too.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from tqdm import tqdm

import symntk
from symntk.errors import SymntkError
from symntk.kernels.verification import suite_of
from tests.mutations.changes import Mutation, Pair, StaleError
from tests.mutations.table import EQUIVALENT, MUTATIONS

DPS, POINTS = 15, 1
FILE = Path(__file__).parents[2] / "results" / "mutations.md"


@dataclass(frozen=True)
class Outcome:
    """What the certificate made of one mutation: the checks that failed, or the error; empty where it survived."""

    mutation: Mutation
    caught: tuple[str, ...]
    seconds: float


def run(mutation: Mutation, *, every: bool = False) -> Outcome:
    """Derive and verify the mutation's pair with the rule broken."""
    before = time.perf_counter()
    with applied(mutation):
        try:
            caught = failing(mutation.tests) if mutation.tests else failures(mutation.pair, every=every)
        except StaleError:
            raise
        except Exception as error:  # a derivation that stops is no wrong number
            caught = (f"{type(error).__name__} while it is derived",)
    return Outcome(mutation, caught, time.perf_counter() - before)


def failures(pair: Pair, *, every: bool = False) -> tuple[str, ...]:
    """The checks of the certificate that fail for an expectation derived now: the first one, or every one."""
    E = symntk.expectation(pair.f, pair.g, means=pair.means)
    found = []
    for name, check in suite_of(E, DPS, POINTS, 0, {}):
        try:
            passed = check().passed
        except SymntkError:
            passed = False
        if not passed:
            found.append(name)
            if not every:
                break
    return tuple(found)


def failing(tests: tuple[tuple[str, tuple[Any, ...]], ...]) -> tuple[str, ...]:
    """The first of the repository's own tests that fails, called with its arguments."""
    for place, arguments in tests:
        owner, name = resolved(place)
        try:
            getattr(owner, name)(*arguments)
        except AssertionError:
            return (name,)
    return ()


@contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """The rule is broken inside; what was remembered before or meanwhile is forgotten."""
    with ExitStack() as stack:
        stack.callback(forget)
        forget()
        for place in mutation.places:
            owner, name = resolved(place)
            original = vars(owner)[name]
            changed = mutation.change(_function(original))
            stack.enter_context(mock.patch.object(owner, name, _like(original, changed, name, owner)))
        yield


def resolved(place: str) -> tuple[Any, str]:
    """The owner and the attribute that "module:Class.name" says."""
    module, _, path = place.partition(":")
    owner: Any = import_module(module)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, name


def _function(original: Any) -> Any:
    if isinstance(original, cached_property):
        return original.func
    return original.fget if isinstance(original, property) else original


def _like(original: Any, changed: Any, name: str, owner: Any) -> Any:
    if isinstance(original, cached_property):
        found = cached_property(changed)
        found.__set_name__(owner, name)
        return found
    return property(changed) if isinstance(original, property) else changed


def forget() -> None:
    """Clear what the derivation and the code generator remember between calls."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("symntk.derive", "symntk.emit", "symntk.kernels")):
            for held in list(vars(module).values()):
                if callable(getattr(held, "cache_clear", None)):
                    held.cache_clear()


def table(outcomes: list[Outcome], pairs: dict[Pair, bool], command: str) -> str:
    """The results as Markdown."""
    survived = [o for o in outcomes if not o.caught]
    lines = [
        "# Mutations of the derivation, and the checks that notice them",
        "",
        f"`{command}`, {date.today().isoformat()}, Python {platform.python_version()}, {platform.machine()}: "
        f"{len(outcomes)} mutations of {len({o.mutation.rule for o in outcomes})} rules, "
        f"{len(outcomes) - len(survived)} caught, {len(survived)} survived; "
        f"{sum(pairs.values())} of {len(pairs)} expectations pass without a mutation. "
        f"Named is the first check, in the certificate's order, that fails. "
        f"Certificates with {POINTS} random point at {DPS} digits; {sum(o.seconds for o in outcomes):.0f} s.",
        "",
        "| rule | mutation | f | g | caught by |",
        "|---|---|---|---|---|",
    ]
    for o in outcomes:
        m = o.mutation
        means = ", with means" if m.pair.means else ""
        caught = ", ".join(o.caught) or "**nothing**"
        lines.append(f"| {m.rule} | {m.name} | `{_cell(m.pair.f)}` | `{_cell(m.pair.g)}`{means} | {caught} |")
    counts = Counter(name for o in outcomes for name in o.caught)
    lines += ["", "| check | mutations |", "|---|---|"]
    lines += [f"| {name} | {number} |" for name, number in counts.most_common()]
    lines += ["", "Changes that leave every value as it is, and are not in the table:", ""]
    lines += [f"- {name}: {why}" for name, why in EQUIVALENT.items()]
    return "\n".join(lines) + "\n"


def _cell(formula: str) -> str:
    return formula.replace("|", "\\|")


def main(arguments: list[str] | None = None) -> int:
    """Run the mutations; the exit status is 1 where one survives or an expectation fails without one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", help="only the mutations of one rule")
    parser.add_argument("--every", action="store_true", help="every check that fails, not the first alone")
    options = parser.parse_args(arguments)
    chosen = [m for m in MUTATIONS if options.rule in (None, m.rule)]
    pairs: dict[Pair, bool] = {}
    outcomes: list[Outcome] = []
    for mutation in tqdm(chosen, disable=None):
        if not mutation.tests and mutation.pair not in pairs:
            pairs[mutation.pair] = not failures(mutation.pair)
        outcomes.append(run(mutation, every=options.every))
    text = table(outcomes, pairs, shlex.join(["python", "-m", "tests.mutations", *(arguments or sys.argv[1:])]))
    print(text)
    if options.rule is None:
        FILE.write_text(text, encoding="utf-8")
    return 0 if all(o.caught for o in outcomes) and all(pairs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
