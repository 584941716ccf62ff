"""Hard random cases beside brute force that knows how they were made: no value may lie beyond its stated bound.

    python -m benchmarks.adversarial --cases 20000 --seed 0 [--kind many|narrow|…|all] [--workers 2]
                                     [--record FILE] [--laws 8] [--markdown] [--failures FILE]

Functions are sums, products, quotients and compositions of soft, narrow, kinked and oscillating terms with many
centres (`adversarial_draw`), each under some laws: centred and with means, correlations to ±1, variances 0.001 … 100.
A case is one function or pair under one law. It is wrong where the error exceeds `error_bound`·√(E f² · E g²) (for a
closed form 1e-12 of it); refused where a SymntkError is raised. A case whose brute force on two panel widths does not
agree to 1e-13 of the scale is left out and counted. What has a pole is infinite: there a refusal is right, and any
number wrong. Every case depends on the seed and its number alone. `--record` keeps what is done, so that an interrupted
run goes on where it stopped. Exit 1 if any case is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.adversarial_draw import KINDS, Construction, Law, draw_construction, draw_law
from benchmarks.adversarial_reference import reference

AGREEMENT = 1e-13
"""How well two panel widths must agree, of the scale."""
CLOSED_BOUND = 1e-12
"""What counts as the bound of a closed form: its rounding."""
LIMIT = 60
"""Seconds of processor time that one construction with all its laws may take."""


class TimeLimit(BaseException):
    """A construction that did not end."""


@contextlib.contextmanager
def limited(seconds: int):
    """Raise TimeLimit in here after some seconds of processor time."""

    def stop(*_):
        raise TimeLimit

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def cases_of(seed: int, number: int, kind: str, laws: int) -> list[dict]:
    """All cases of one construction as rows: formula, law, right, given, bound, scale, what happened, seconds."""
    rng = np.random.default_rng([seed, number])
    construction = draw_construction(rng, kind)
    drawn = [draw_law(rng, construction) for _ in range(laws)]
    rows = [_row(number, construction, law) for law in drawn]
    known = []
    for row, law in zip(rows, drawn, strict=True):
        if construction.infinite:
            row |= {"right": math.inf, "uncertain": 0.0, "scale": math.inf}
            known.append((row, law))
            continue
        right, uncertain, scale = reference(construction, law)
        row |= {"right": right, "uncertain": uncertain, "scale": scale}
        if not uncertain <= AGREEMENT * scale or not scale > 1e-290:
            row["status"] = "no reference"
        else:
            known.append((row, law))
    _judge(construction, known)
    return rows


def _row(number: int, construction: Construction, law: Law) -> dict:
    return {
        "number": number,
        "kind": construction.kind,
        "f": construction.f.text,
        "g": construction.g.text,
        "means": construction.means,
        "law": [law.a, law.b, law.c, law.m1, law.m2],
    }


def _judge(construction: Construction, known: list[tuple[dict, Law]]) -> None:
    """Enter what symntk answers at the laws; the processor time of the first answer is taken, from the text on."""
    import symntk

    try:
        with limited(LIMIT):
            start = time.process_time()
            try:
                asked = symntk.expectation(construction.f.text, construction.g.text, means=construction.means)
            except Exception as error:
                for row, _ in known:
                    _refused(row, error)
                return
            for i, (row, law) in enumerate(known):
                given = (law.a, law.b, law.c) + ((law.m1, law.m2) if construction.means else ())
                try:
                    row["given"] = float(asked(*given))
                    row["bound"] = float(asked.error_bound) or CLOSED_BOUND
                except Exception as error:
                    _refused(row, error)
                if i == 0:
                    row["first"] = time.process_time() - start
                if "status" not in row:
                    error = abs(row["given"] - row["right"])
                    beyond = max(0.0, error - row["uncertain"]) / (row["bound"] * row["scale"])
                    row["ratio"] = beyond if math.isfinite(beyond) else math.inf
                    row["status"] = "right" if row["ratio"] <= 1.0 else "wrong"
    except TimeLimit:
        for row, _ in known:
            if "status" not in row:
                row |= {"status": "refused", "reason": f"no end within {LIMIT} s"}


def _refused(row: dict, error: Exception) -> None:
    """A SymntkError is a refusal, by its message without numbers; whatever else is raised is its own reason."""
    from symntk.errors import SymntkError

    if row["right"] == math.inf and isinstance(error, SymntkError):
        row["status"] = "right"  # what is infinite is not to be answered
        return
    wrong = getattr(error, "wrong", None) or f"{error}"
    wrong = re.sub(r"[-+]?\d[\d./e+-]*", "#", wrong.split(" at ")[0])[:90]
    raw = "" if isinstance(error, SymntkError) else "RAW "
    row |= {"status": "refused", "reason": f"{raw}{type(error).__name__}: {wrong}", "message": str(error)[:300]}


def shown(row: dict) -> str:
    """A case that can be pasted."""
    law = ", ".join(repr(v) for v in (row["law"] if row["means"] else row["law"][:3]))
    means = ", means=True" if row["means"] else ""
    call = f'symntk.expectation("{row["f"]}", "{row["g"]}"{means})({law})'
    if row["status"] == "refused":
        return f"{call}  # right {row['right']!r}; {row.get('message', row['reason'])}"
    numbers = f"right {row['right']!r}, given {row['given']!r}, bound {row['bound']:.1e} of {row['scale']:.3e}"
    return f"{call}  # {numbers}: {row['ratio']:.3g} of the bound"


def table(rows: list[dict]) -> str:
    """Counts by kind, reasons of refusals, and the median time of a first call."""
    kinds = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    lines = ["| kind | cases | wrong | refused | % | error/bound | first call, CPU s (median) | no reference |"]
    lines.append("|" + "---|" * 8)
    for kind, group in [*sorted(kinds.items()), ("all", rows)]:
        lines.append("| " + " | ".join(_cells(kind, group)) + " |")
    reasons = Counter(row["reason"] for row in rows if row["status"] == "refused")
    if reasons:
        lines += ["", "| refused, because | cases |", "|---|---|"]
        lines += [f"| {reason} | {count} |" for reason, count in reasons.most_common(25)]
    return "\n".join(lines)


def _cells(kind: str, rows: list[dict]) -> list[str]:
    count = Counter(row["status"] for row in rows)
    judged = len(rows) - count["no reference"]
    ratio = max((row["ratio"] for row in rows if "ratio" in row), default=0.0)
    first = [row["first"] for row in rows if "first" in row]
    median = f"{np.median(first):.3f}" if first else "–"
    share = f"{100 * count['refused'] / max(1, judged):.1f}"
    counted = (judged, count["wrong"], count["refused"])
    return [kind, *map(str, counted), share, f"{ratio:.2g}", median, str(count["no reference"])]


def markdown_row(rows: list[dict], options: argparse.Namespace) -> str:
    """One row for results/README.md."""
    return f"| {options.seed} | " + " | ".join(_cells(options.kind, rows)) + " |"


def _done(record: Path | None, options: argparse.Namespace) -> dict[int, list[dict]]:
    """What an earlier run of the same options recorded, by number; a last line that was cut off is dropped."""
    found: dict[int, list[dict]] = {}
    if record is None or not record.exists():
        return found
    for line in record.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if entry["options"] == _key(options):
                found[entry["number"]] = entry["rows"]
    return found


def _key(options: argparse.Namespace) -> list:
    return [options.seed, options.kind, options.laws]


def _answers(numbers: list[int], options: argparse.Namespace):
    """Rows of each construction as they are done."""
    asked = [(options.seed, number, options.kind, options.laws) for number in numbers]
    if options.workers == 1:
        for one in asked:
            yield cases_of(*one)
        return
    with ProcessPoolExecutor(options.workers) as pool:
        yield from pool.map(cases_of, *zip(*asked, strict=True), chunksize=4)


def run(options: argparse.Namespace) -> list[dict]:
    """All rows; an interrupt ends it with those that are done."""
    wanted = range(math.ceil(options.cases / options.laws))
    done = _done(options.record, options)
    rows = [row for number in wanted for row in done.get(number, [])]
    missing = [number for number in wanted if number not in done]
    with (
        contextlib.suppress(KeyboardInterrupt),
        open(options.record or os.devnull, "a") as record,
        tqdm(total=options.cases, initial=min(len(rows), options.cases), unit="case", smoothing=0.05) as bar,
    ):
        if record.tell() and not options.record.read_text().endswith("\n"):
            record.write("\n")  # after a line that was cut off
        for found in _answers(missing, options) if missing else ():
            rows += found
            record.write(json.dumps({"options": _key(options), "number": found[0]["number"], "rows": found}) + "\n")
            record.flush()
            bar.update(min(len(found), options.cases - bar.n))
            wrong = sum(row["status"] == "wrong" for row in rows)
            bar.set_postfix(wrong=wrong, refused=sum(row["status"] == "refused" for row in rows), refresh=False)
    return rows[: options.cases]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=("all", *KINDS), default="all")
    parser.add_argument("--laws", type=int, default=8, help="laws for each construction")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--record", type=Path, help="a file that keeps what is done; a rerun goes on from it")
    parser.add_argument("--failures", type=Path, help="a file for all wrong and refused cases")
    parser.add_argument("--markdown", action="store_true", help="a row for results/README.md")
    options = parser.parse_args()
    rows = run(options)
    wrong = [row for row in rows if row["status"] == "wrong"]
    refused = [row for row in rows if row["status"] == "refused"]
    print(table(rows))
    if options.markdown:
        print(f"\n{markdown_row(rows, options)}")
    firsts = list({(row["number"], row["reason"]): row for row in refused}.values())
    if options.failures:
        options.failures.write_text("\n".join(shown(row) for row in wrong + firsts) + "\n")
    for title, some in (("wrong", wrong[:200]), ("refused, one of each construction", firsts[:40])):
        print(f"\n{title}:" if some else "", *(f"  {shown(row)}" for row in some), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
