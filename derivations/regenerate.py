"""Write one record per derived pair: the kernels with proofs and special cases, and what the oracle made of them.

    python derivations/regenerate.py                  writes the records that are missing or have changed, and the index
    python derivations/regenerate.py --check          compares only, and fails where a file differs
    python derivations/regenerate.py --check --sample 0c5fa2 --count 8     the same for some, chosen by the text
    python derivations/regenerate.py --certify        asks the oracle again for every record

The pairs are every activation of the table alone, and sign, step and erf with every surrogate derivative, but for the
periodic exponential, which has infinitely many kinks. A certificate is kept while the formulas are those that it is
about. An interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tqdm import tqdm

import symntk
from symntk.report.record import TITLES, Record, parts_of, record
from symntk.report.record_certificate import certificate

FOLDER = Path(__file__).parent
INDEX = FOLDER / "README.md"
WITH_SURROGATES = ("sign", "step", "erf")
Pair = tuple[str, str | None]

HEAD = """# Derivations

One record per pair of an activation and a surrogate derivative, in a folder by activation, written with this page by
`python derivations/regenerate.py`; do not edit. Each has the formulas of the kernels, their proofs, special cases, and
what an independent quadrature made of them. [Notation](NOTATION.md) and [moves](MOVES.md) are written by hand.

A record stands below every answer that one of its kernels has.
"""
ANSWERS = {
    "closed": "Closed forms, finite at full correlation",
    "divergent": "Infinite at full correlation",
    "one-dimensional": "One integral over one variable",
    "numerical": "By a mixture, a series or quadrature",
}
"""What a kernel is -> the heading of those that are."""


def pairs() -> list[Pair]:
    """Activation and surrogate of every record."""
    alone: list[Pair] = [(name, None) for name in symntk.activations]
    surrogates = [name for name in symntk.surrogates if name != "periodic_exponential"]
    return alone + [(activation, name) for activation in WITH_SURROGATES for name in surrogates]


def path_of(activation: str, surrogate: str | None) -> Path:
    """Where the record of a pair lies."""
    return FOLDER / activation / ("README.md" if surrogate is None else f"{surrogate}.md")


def shown(activation: str, surrogate: str | None) -> str:
    """The path of a record from the index."""
    return path_of(activation, surrogate).relative_to(FOLDER).as_posix()


def elsewhere(activation: str, surrogate: str | None) -> dict[str, tuple[str, str]]:
    """The kernels that another record proves and certifies, with its title and its path from the folder."""
    if surrogate is None:
        return {}
    alone = path_of(activation, None).name
    found = {"nngp": (activation, alone), "ntk": (activation, alone)}
    if activation != WITH_SURROGATES[0]:
        first = f"../{shown(WITH_SURROGATES[0], surrogate)}"
        found["surrogate_ntk"] = (f"{WITH_SURROGATES[0]}, surrogate {surrogate}", first)
    return found


def derivation(activation: str, surrogate: str | None) -> Record:
    """The record, derived anew; what another record proves is not proved again."""
    return record(symntk.derive(activation, surrogate), elsewhere(activation, surrogate))


def recorded(path: Path) -> tuple[str, str, str]:
    """Formulas, certificate and digest that a file holds; empty where there is none."""
    return parts_of(path.read_text(encoding="utf-8")) if path.exists() else ("", "", "")


def index(answers: dict[Pair, dict[str, str]]) -> str:
    """The page that lists the records by answer."""
    parts = [HEAD]
    for answer, heading in ANSWERS.items():
        rows = [f"## {heading}", "", "| record | kernels |", "|---|---|"]
        for pair, found in answers.items():
            name = pair[0] if pair[1] is None else f"{pair[0]}, {pair[1]}"
            kernels = ", ".join(TITLES[kernel] for kernel, one in found.items() if one == answer)
            rows += [f"| [{name}]({shown(*pair)}) | {kernels} |"] if kernels else []
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def sample(seed: str, count: int) -> list[Pair]:
    """Some of the pairs; the same for the same text."""
    return random.Random(seed).sample(pairs(), count)


def regenerate(pair: Pair, *, check: bool, certify: bool) -> tuple[Record, bool]:
    """The record of a pair, and whether its file differed; written unless `check`."""
    path, found = path_of(*pair), derivation(*pair)
    text, certified, digest = recorded(path)
    differs = text != found.formulas or digest != found.digest or not certified
    if not check and (differs or certify):
        if certify or digest != found.digest or not certified:
            certified = certificate(symntk.derive(*pair), elsewhere(*pair))
        path.parent.mkdir(exist_ok=True)
        path.write_text(found.page(certified), encoding="utf-8")
    return found, differs


def main() -> int:
    """Regenerate or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a file differs")
    parser.add_argument("--certify", action="store_true", help="compute every certificate anew")
    parser.add_argument("--sample", metavar="TEXT", help="only some of the records, which this text chooses")
    parser.add_argument("--count", type=int, default=8, help="how many of them")
    options = parser.parse_args()
    chosen = pairs() if options.sample is None else sample(options.sample, options.count)
    answers: dict[Pair, dict[str, str]] = {}
    changed = []
    for pair in tqdm(chosen, disable=None):
        found, differs = regenerate(pair, check=options.check, certify=options.certify)
        answers[pair] = found.answers
        changed += [shown(*pair)] if differs else []
    if options.sample is None:
        stale = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.md")}
        stale -= {shown(*pair) for pair in chosen}
        if stale and not options.check:
            for name in stale:
                (FOLDER / name).unlink()
        page = index(answers)
        if not INDEX.exists() or INDEX.read_text(encoding="utf-8") != page:
            changed.append(INDEX.name)
            if not options.check:
                INDEX.write_text(page, encoding="utf-8")
        changed += sorted(stale)
    done = "differ" if options.check else "written"
    named = [*changed[:20], "…"] if len(changed) > 20 else changed
    print(f"{len(changed)} files of {len(chosen)} records {done}: {', '.join(named) or 'none'}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
