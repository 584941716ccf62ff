"""Maps of one layer as one plain function of its tiles: what several of them need is computed once.

Tiles have variances a as a column, b as a row and covariances c as a matrix. What depends on one of the variances only
is computed once for a row or a column, a sum is ordered by what fills the matrix, and det = ab − c² is the plain
difference: so the function costs some ten passes over the tile. It is as accurate as its arithmetic; where that is
enough is found by `runtime.trust`, by comparison with the maps as they are evaluated with care.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symntk.emit.code import (
    ONE,
    SIGNS,
    Call,
    Choice,
    Definition,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    call,
    children,
    negative,
    product,
    total,
    walk,
)

_MOST = 6  # power up to which a product is faster
_ROW, _COLUMN, _FULL = frozenset("a"), frozenset("b"), frozenset("ab")
_SWAPPED = {"a": Name("b"), "b": Name("a"), "m1": Name("m2"), "m2": Name("m1")}


def fused(
    name: str, definitions: Sequence[Definition], parameters: Sequence[str], swapped: int | None = None
) -> Definition:
    """The results of definitions in (a, b, c, det, d, …) as one function of (a, b, c, *parameters).

    Args:
        name: the function's.
        definitions: centred formulas.
        parameters: names of their parameters.
        swapped: the index of a definition whose value at exchanged variances is one more result.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> a, c, d = Name("a"), Name("c"), Name("d")
    >>> one = Definition("one", ("a", "b", "c", "det", "d"), (("t", call("atan2", d, c)),), (Name("t") + d,))
    >>> two = Definition("two", ("a", "b", "c", "det", "d"), (), ((1 + a + Name("b")) * call("atan2", d, c),))
    >>> print(NUMPY.write(fused("both", [one, two], [])))
    def both(a, b, c):
        det = a * b - c * c
        d = np.sqrt(det)
        t0 = np.arctan2(d, c)
        return t0 + d, ((1.0 + a) + b) * t0
    """
    results = []
    for definition in definitions:
        results.append(_result(definition, {}))
    if swapped is not None:
        results.append(_result(definitions[swapped], _SWAPPED))
    lines, results = _shared(results)
    used = {
        one.name for part in (*(line for _, line in lines), *results) for one in walk(part) if isinstance(one, Name)
    }
    a, b, c, det = map(Name, ("a", "b", "c", "det"))
    head = [("det", a * b - c * c)] if used & {"det", "d"} else []
    head += [("d", call("sqrt", det))] if "d" in used else []
    return Definition(name, ("a", "b", "c", *parameters), (*head, *lines), tuple(results))


def _result(definition: Definition, names: Mapping[str, Node]) -> Node:
    known: dict[str, Node] = dict(names)
    for place, one in definition.lines:
        known[place] = _arranged(one, known)
    return _arranged(definition.results[0], known)


def _sides(one: Node) -> frozenset[str]:
    """Which variances it depends on; what fills the tile counts as both."""
    match one:
        case Name(name):
            return {"a": _ROW, "b": _COLUMN}.get(name, _FULL if name in ("c", "det", "d") else frozenset())
        case Number():
            return frozenset()
    out: frozenset[str] = frozenset()
    for part in children(one):
        out |= _sides(part)
    return out


@dataclass
class _Factors:
    """A product: a number, what depends on one variance, and what fills the tile, above and below a fraction bar."""

    number: float = 1.0
    row: list[tuple[Node, bool]] = field(default_factory=list)
    column: list[tuple[Node, bool]] = field(default_factory=list)
    full: list[tuple[Node, bool]] = field(default_factory=list)

    def put(self, one: Node, below: bool) -> None:
        """One more factor."""
        match one:
            case Number(value) if value != 0.0 or not below:
                self.number = self.number / value if below else self.number * value
            case Negative(of):
                self.number = -self.number
                self.put(of, below)
            case Product(factors):
                for factor in factors:
                    self.put(factor, below)
            case Quotient(above, under):
                self.put(above, below)
                self.put(under, not below)
            case Power(base, exponent) if exponent == int(exponent) and 1 < abs(exponent) <= _MOST:
                for _ in range(abs(int(exponent))):
                    self.put(base, below != (exponent < 0))
            case _:
                sides = _sides(one)
                (self.full if sides == _FULL else self.column if sides == _COLUMN else self.row).append((one, below))

    def small(self) -> Node:
        """The product of what does not fill the tile."""
        minus, size = self.number < 0.0, Number(abs(self.number))
        row = _fraction([(size, False), *self.row])
        column = _fraction(self.column)
        out = row if column == ONE else column if row == ONE else product([row, column])
        return negative(out) if minus else out

    def node(self) -> Node:
        """The whole product."""
        if not self.full:
            return self.small()
        minus, size = self.number < 0.0, Number(abs(self.number))
        small = [part for part in (_fraction([(size, False), *self.row]), _fraction(self.column)) if part != ONE]
        above = [one for one, below in self.full if not below]
        out = product([*small, *above])
        under = [one for one, below in self.full if below]
        out = Quotient(out, product(under)) if under else out
        return negative(out) if minus else out


def _fraction(factors: Sequence[tuple[Node, bool]]) -> Node:
    above = product([one for one, below in factors if not below])
    below = [one for one, below in factors if below]
    return Quotient(above, product(below)) if below else above


def _arranged(one: Node, known: Mapping[str, Node]) -> Node:
    """The same value with sums and products in the order in which they cost least; names of lines are replaced."""
    if isinstance(one, Name):
        return known.get(one.name, one)
    if isinstance(one, Number):
        return one
    inside = _rebuilt(one, [_arranged(part, known) for part in children(one)])
    if isinstance(inside, Sum):
        return _sum(inside.terms)
    if isinstance(inside, Call | Choice):
        return inside
    factors = _Factors()
    factors.put(inside, False)
    return factors.node()


def _sum(terms: Sequence[Node]) -> Node:
    """Terms with the same factors that fill the tile have one coefficient."""
    groups: dict[tuple[tuple[Node, bool], ...], list[_Factors]] = {}
    for term in terms:
        for part in term.terms if isinstance(term, Sum) else (term,):
            found = _Factors()
            found.put(part, False)
            groups.setdefault(tuple(found.full), []).append(found)
    parts: list[Node] = []
    for full, members in groups.items():
        if len(members) == 1 and full:
            parts.append(members[0].node())
            continue
        small = [member.small() for member in members]
        rows = [part for part in small if "b" not in _sides(part)]
        columns = [part for part in small if _sides(part) == _COLUMN]
        mixed = [part for part in small if _sides(part) == _FULL]
        coefficient = [*([total(rows)] if rows else []), *([total(columns)] if columns else []), *mixed]
        if not full:
            parts += coefficient
            continue
        one = Sum(tuple(coefficient)) if len(coefficient) > 1 else coefficient[0]
        parts.append(_Factors(full=[(one, False), *full]).node())
    return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def _shared(results: Sequence[Node]) -> tuple[list[tuple[str, Node]], list[Node]]:
    """Lines for parts that occur more than once, in order, and the results in terms of them."""
    counts: Counter[Node] = Counter()

    def count(one: Node) -> None:
        counts[one] += 1
        if counts[one] == 1:
            for part in children(one):
                count(part)

    for result in results:
        count(result)
    lines: dict[Node, Name] = {}
    texts: list[tuple[str, Node]] = []
    done: dict[Node, Node] = {}

    def written(one: Node) -> Node:
        if isinstance(one, Name | Number):
            return one
        if one not in done:
            inside = _rebuilt(one, [written(part) for part in children(one)])
            if counts[one] > 1 and not (isinstance(one, Call) and one.function in SIGNS):
                lines[one] = Name(f"t{len(lines)}")
                texts.append((lines[one].name, inside))
                inside = lines[one]
            done[one] = inside
        return done[one]

    return texts, [written(result) for result in results]


def _rebuilt(one: Node, parts: Sequence[Node]) -> Node:
    """The node with other children."""
    match one:
        case Negative():
            return Negative(parts[0])
        case Sum():
            return Sum(tuple(parts))
        case Product():
            return Product(tuple(parts))
        case Quotient():
            return Quotient(parts[0], parts[1])
        case Power(_, exponent):
            return Power(parts[0], exponent)
        case Call(function, _):
            return Call(function, tuple(parts))
    return Choice(parts[0], parts[1], parts[2])
