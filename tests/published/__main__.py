"""Derived formulas against published ones.

    python -m tests.published                          prints the table
    python -m tests.published results/published.md     writes it

Each printed formula is compared with what symntk derives for the same functions: by algebra where expanding decides
it, else at random and extreme covariances with 30 digits. A row says `equal`, or where and how the two differ.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import sympy as sp
from tqdm import tqdm

import symntk
from symntk.errors import DivergenceError
from symntk.language.symbols import cov as c
from symntk.language.symbols import var_u as a
from symntk.language.symbols import var_v as b
from symntk.verify.agreement import digits_of_agreement
from symntk.verify.evaluate import evaluate
from tests.published.formulas import DIFFERENT, EQUAL, NO_FUNCTION, NOT_COMPARED, RESTRICTED, ROWS, Published

DPS, ENOUGH = 30, 20
_MOST = 80
"""Operations up to which a difference is expanded."""
EDGES = [
    ("1", "1", "999999/1000000"),
    ("1", "1", "-999999/1000000"),
    ("1/1000000", "1/1000000", "1/3000000"),
    ("10000", "10000", "3000"),
    ("1/1000", "1000", "1/2"),
    ("2", "3", "1/1000000000"),
]
"""Nearly full correlation of either sign, small, large and unlike variances, near independence."""
Point = tuple[sp.Rational, sp.Rational, sp.Rational]


@dataclass(frozen=True)
class Comparison:
    """What became of one row.

    Attributes:
        row: the published formula.
        derived: symntk's, or None where it has none in closed form.
        symbolic: whether the difference expands to 0.
        digits: the fewest digits of agreement over the points; None where nothing was compared.
        fails: whether the formula is not the expectation at the row's point outside its restriction.
    """

    row: Published
    derived: sp.Expr | None
    symbolic: bool
    digits: float | None
    fails: bool | None

    @property
    def verdict(self) -> str:
        """EQUAL, RESTRICTED, DIFFERENT or NO_FUNCTION, as found."""
        if self.row.f is None:
            return NO_FUNCTION
        if not self.symbolic and (self.digits is None or self.digits < ENOUGH):
            return DIFFERENT
        return RESTRICTED if self.fails else EQUAL

    @property
    def as_expected(self) -> bool:
        """Whether the table's row says what was found."""
        return self.verdict == self.row.expected


def points(row: Published, *, random: int = 3, edges: bool = True, seed: int = 0) -> list[Point]:
    """Covariances at which a row is compared, those outside of its restriction left out."""
    rng = Random(f"{seed} {row.name}")
    out = []
    for _ in range(random):
        first, second = (sp.Rational(rng.randint(1, 400), 100) for _ in range(2))
        if row.unit:
            first = second = sp.S.One
        reach = sp.Rational(rng.randint(-95, 95), 100)
        out.append((first, second, sp.Rational(str(round(float(reach * sp.sqrt(first * second)), 4)))))
    if edges and not row.diagonal:
        given = [tuple(sp.Rational(text) for text in point) for point in EDGES]
        out += [point for point in given if not row.unit or point[0] == point[1] == 1]
    return out


def values_at(point: Point, parameters: set[sp.Symbol]) -> dict[sp.Symbol, sp.Rational]:
    """The covariance and a number for each parameter."""
    numbers = (sp.Rational(3, 4), sp.Rational(2, 3), sp.Rational(5, 4), sp.Rational(1, 3), sp.Rational(1, 2))
    return dict(zip((a, b, c), point, strict=True)) | dict(
        zip(sorted(parameters - {a, b, c}, key=str), numbers, strict=False)
    )


def compare(row: Published, *, random: int = 3, edges: bool = True) -> Comparison:
    """Derive, and compare by algebra or numbers."""
    if row.f is None or row.g is None:
        return Comparison(row, None, False, None, None)
    E = symntk.expectation(row.f, row.g)
    derived = E.diagonal.limit if row.diagonal else E.expression
    symbolic = derived is not None and _cancels(derived - row.form)
    digits = []
    for point in points(row, random=random, edges=edges):
        found = _digits(row, E, derived, point)
        digits += [] if found is None else [found]
    fails = None
    if row.fails_at is not None:
        at = tuple(sp.Rational(text) for text in row.fails_at)
        try:
            found = _digits(row, E, derived, at, outside=True)
        except DivergenceError:
            found = 0.0
        fails = found is not None and found < ENOUGH
    return Comparison(row, derived, symbolic and not row.unit, min(digits, default=None), fails)


def _cancels(difference: sp.Expr) -> bool:
    if sp.count_ops(difference) > _MOST:
        return False
    if sp.expand(difference) == 0:
        return True
    exponentials = sp.powsimp(sp.expand(difference.rewrite(sp.exp)), force=True)
    return bool(sp.expand(exponentials) == 0)


def _digits(row: Published, E: Any, derived: sp.Expr | None, point: Point, *, outside: bool = False) -> float | None:
    """Digits of agreement at a point; None where the expectation does not exist."""
    values = values_at(point, row.form.free_symbols | set(E.parameters))
    given = {symbol: value for symbol, value in values.items() if symbol in {a, b, c} or symbol in E.parameters}
    for condition in E.conditions:
        if (condition.gts - condition.lts).subs(given) <= 0:
            if outside:
                raise DivergenceError(row.name, f"the expectation is infinite at {point}", "")
            return None
    published = evaluate(row.form, values, dps=DPS)
    if derived is not None:
        reference = evaluate(derived, given, dps=DPS)
    else:
        reference = E.evalf(*point, dps=15)
    return digits_of_agreement(published, reference, 0 if reference else 1, most=DPS)


def page(found: list[Comparison]) -> str:
    """The table as Markdown."""
    equal = sum(one.verdict == EQUAL for one in found)
    lines = [
        "# Published formulas",
        "",
        "Written by `python -m tests.published results/published.md`. Formulas printed in papers or coded in",
        "google/neural-tangents against what symntk derives for the same functions, in a = E u², b = E v², c = E uv.",
        "Agreement is by algebra (the difference expands to 0), or in digits: the fewest over three random covariances",
        f"and, but for formulas of v = u, {len(EDGES)} extreme ones, computed with {DPS} digits.",
        "",
        f"{equal} of {len(found)} formulas are equal to the derived ones. The others:",
        "",
    ]
    for one in found:
        if one.verdict != EQUAL:
            lines.append(f"- {one.row.name} ({one.row.source}): {one.verdict}; {one.row.remark}.")
    lines += ["", "Not compared:", "", *(f"- {text}." for text in NOT_COMPARED)]
    lines += ["", "| function | source | published | derived | agreement |", "|---|---|---|---|---|"]
    for one in found:
        published, derived = _code(one.row.form), "—" if one.derived is None else _code(one.derived)
        lines.append(f"| {one.row.name} | {one.row.source} | {published} | {derived} | {_agreement(one)} |")
    return "\n".join(lines) + "\n"


def _code(expr: sp.Expr) -> str:
    text = str(expr)
    return f"`{text}`" if len(text) <= 240 else f"{sp.count_ops(expr)} operations"


def _agreement(one: Comparison) -> str:
    if one.verdict == NO_FUNCTION:
        return "nothing to derive"
    if one.verdict == DIFFERENT:
        return "**nothing compared**" if one.digits is None else f"**differs**: {one.digits:.0f} digits"
    where = {RESTRICTED: " where it is stated for, else **not**"}.get(one.verdict, "")
    return f"algebra{where}" if one.symbolic else f"{one.digits:.0f} digits{where}"


def main() -> int:
    """Print or write the table; fails where a row is not what the table of formulas says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", nargs="?", type=Path, help="a Markdown file")
    options = parser.parse_args()
    found = [compare(row) for row in tqdm(ROWS.values(), disable=None)]
    text = page(found)
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text, encoding="utf-8")
    surprises = [
        f"{one.row.name}: expected {one.row.expected}, found {one.verdict}" for one in found if not one.as_expected
    ]
    print("\n".join([f"{len(found)} formulas, {len(surprises)} surprises", *surprises]), file=sys.stderr)
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
