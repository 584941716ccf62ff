"""Code as a value: the formula of a map before any language is chosen.

Ten kinds of node make an expression; a `Definition` is a function of named arguments whose repeated parts are
computed once. `emit.formula` makes them from a derived value, `emit.targets` writes them in a language. Nothing is ever
searched or changed in text that is already written.

Why not SymPy expressions: SymPy simplifies as it builds, so that 2·(1 + a) becomes 2 + 2·a, √(ab) becomes √a·√b and
numbers are merged, which undoes the choice of a form that does not cancel; and a node takes 1 µs here, 24 µs there
(measured on a formula of eight).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp

from symntk.errors import SymntkError


class Node:
    """An expression; + − × ÷, powers and unary − make new ones.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> a, det = Name("a"), Name("det")
    >>> print(NUMPY.expression(call("sqrt", 2 * a + det + 1) / (a + 1) ** 2))
    np.sqrt(2.0 * a + det + 1.0) / (a + 1.0) ** 2
    """

    __slots__ = ()

    def __add__(self, other: Operand) -> Node:
        return total([self, node(other)])

    def __radd__(self, other: Operand) -> Node:
        return total([node(other), self])

    def __sub__(self, other: Operand) -> Node:
        return total([self, -node(other)])

    def __rsub__(self, other: Operand) -> Node:
        return total([node(other), -self])

    def __mul__(self, other: Operand) -> Node:
        return product([self, node(other)])

    def __rmul__(self, other: Operand) -> Node:
        return product([node(other), self])

    def __truediv__(self, other: Operand) -> Node:
        return Quotient(self, node(other))

    def __rtruediv__(self, other: Operand) -> Node:
        return Quotient(node(other), self)

    def __pow__(self, exponent: float) -> Node:
        return power(self, exponent)

    def __neg__(self) -> Node:
        return negative(self)

    def __lt__(self, other: Operand) -> Node:
        return call("<", self, other)

    def __gt__(self, other: Operand) -> Node:
        return call(">", self, other)

    def __le__(self, other: Operand) -> Node:
        return call("<=", self, other)

    def __ge__(self, other: Operand) -> Node:
        return call(">=", self, other)


Operand: TypeAlias = Node | float | int


@dataclass(frozen=True, slots=True)
class Name(Node):
    """An argument, a line of the definition, or another word of the language."""

    name: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number, already rounded to float64."""

    value: float


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """−of."""

    of: Node


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """The terms, added from left to right."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """The factors, multiplied from left to right."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quotient(Node):
    """above / below."""

    above: Node
    below: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    """base ** exponent, the exponent a number."""

    base: Node
    exponent: float


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function by the name that targets translate; a comparison by one of the `SIGNS`."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`yes` where the condition holds, else `no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class SumOver(Node):
    """Σ of `term` over the rows of a table of numbers, for which the names stand: a quadrature rule, say."""

    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    term: Node


@dataclass(frozen=True, slots=True)
class Definition:
    """A function: its lines compute parts by name, in order; the results are what it returns.

    A line without a name is there for what it refuses.
    """

    name: str
    arguments: tuple[str, ...]
    lines: tuple[tuple[str, Node], ...]
    results: tuple[Node, ...]
    doc: str = ""

    def nodes(self) -> Iterator[Node]:
        """Every node in it."""
        for _, one in self.lines:
            yield from walk(one)
        for one in self.results:
            yield from walk(one)

    def calls(self) -> frozenset[str]:
        """The functions it calls."""
        return frozenset(one.function for one in self.nodes() if isinstance(one, Call)) - SIGNS

    def names(self) -> frozenset[str]:
        """The names that occur in it."""
        return frozenset(one.name for one in self.nodes() if isinstance(one, Name))


@dataclass(frozen=True, slots=True)
class Constant:
    """A name for a value that is found where the code is loaded, with a note of what it is."""

    name: str
    value: Node
    note: str = ""


class Lines:
    """The lines of a definition as they are made: a part that is met again keeps its name.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> lines, a = Lines(), Name("a")
    >>> root = lines.name(call("sqrt", a + 1))
    >>> root is lines.name(call("sqrt", a + 1))
    True
    >>> print(NUMPY.write(lines.definition("f", ["a"], [1 / root + root])))
    def f(a):
        t0 = np.sqrt(a + 1.0)
        return 1.0 / t0 + t0
    """

    def __init__(self, prefix: str = "t") -> None:
        self.prefix = prefix
        self._named: dict[Node, Name] = {}

    def name(self, one: Node) -> Node:
        """A name for a part; names and numbers stand for themselves."""
        if isinstance(one, Name | Number):
            return one
        found = self._named.get(one)
        if found is None:
            found = self._named[one] = Name(f"{self.prefix}{len(self._named)}")
        return found

    def definition(self, name: str, arguments: Sequence[str], results: Sequence[Node], doc: str = "") -> Definition:
        """What has been named so far and the results, as a function."""
        lines = tuple((place.name, one) for one, place in self._named.items())
        return Definition(name, tuple(arguments), lines, tuple(results), doc)


ZERO, ONE = Number(0.0), Number(1.0)
SIGNS = frozenset(["<", "<=", ">", ">=", "==", "!="])
"""Names of comparisons, of two arguments."""


def node(value: Operand) -> Node:
    """A Python number as a node; nodes stay as they are."""
    return value if isinstance(value, Node) else Number(float(value))


def number(value: sp.Expr) -> Number:
    """A SymPy number, correctly rounded.

    >>> number(sp.Rational(1, 3)), number(sp.sqrt(2))
    (Number(value=0.3333333333333333), Number(value=1.4142135623730951))
    """
    try:
        rounded = float(sp.Rational(value)) if value.is_Rational else float(sp.N(value, 40))
    except OverflowError:
        rounded = float("inf")
    if rounded in (float("inf"), float("-inf")):
        raise SymntkError("float64 code", f"a number of {len(str(value))} characters is beyond 1.8e308", "other units")
    return Number(rounded)


def total(terms: Sequence[Node]) -> Node:
    """The sum, sums inside the first term spelled out; 0 for no terms."""
    if not terms:
        return ZERO
    first = terms[0]
    flat = (*first.terms, *terms[1:]) if isinstance(first, Sum) else tuple(terms)
    return flat[0] if len(flat) == 1 else Sum(flat)


def product(factors: Sequence[Node]) -> Node:
    """The product without factors 1 and with one sign in front; 1 for no factors."""
    flat: list[Node] = []
    minus = False
    for factor in factors:
        while isinstance(factor, Negative):
            factor, minus = factor.of, not minus
        if isinstance(factor, Number) and factor.value < 0.0:
            factor, minus = Number(-factor.value), not minus
        flat += factor.factors if isinstance(factor, Product) and not flat else [factor]
    flat = [factor for factor in flat if factor != ONE] or [ONE]
    out = flat[0] if len(flat) == 1 else Product(tuple(flat))
    return negative(out) if minus else out


def negative(one: Node) -> Node:
    """−one."""
    if isinstance(one, Negative):
        return one.of
    return Number(-one.value) if isinstance(one, Number) else Negative(one)


def power(base: Node, exponent: float) -> Node:
    """Base ** exponent; √ for ½."""
    if exponent == 1:
        return base
    return call("sqrt", base) if exponent == 0.5 else Power(base, exponent)


def call(function: str, *arguments: Operand | str) -> Call:
    """A function of numbers, nodes or names."""
    return Call(function, tuple(Name(one) if isinstance(one, str) else node(one) for one in arguments))


def choose(condition: Node, yes: Operand, no: Operand) -> Choice:
    """`yes` where the condition holds, else `no`."""
    return Choice(condition, node(yes), node(no))


def children(one: Node) -> tuple[Node, ...]:
    """The nodes directly inside."""
    match one:
        case Negative(of):
            return (of,)
        case Sum(parts) | Product(parts) | Call(_, parts):
            return parts
        case Quotient(first, second):
            return (first, second)
        case Power(one, _) | SumOver(_, _, one):
            return (one,)
        case Choice(condition, yes, no):
            return (condition, yes, no)
    return ()


def walk(one: Node) -> Iterator[Node]:
    """A node and every node inside it; one that stands in several places once."""
    stack, seen = [one], set[int]()
    while stack:
        last = stack.pop()
        if id(last) not in seen:
            seen.add(id(last))
            yield last
            stack += children(last)


def is_singular(definition: Definition) -> bool:
    """Whether a function is called with something over det or d, which is 0/0 or unbounded at full correlation.

    >>> a, d = Name("a"), Name("d")
    >>> one = Definition("f", ("a", "d"), (("t", a / d),), (call("normal_cdf", Name("t")),))
    >>> is_singular(one), is_singular(Definition("f", ("a", "d"), (), (call("sqrt", a) / d,)))
    (True, False)
    """
    lines = dict(definition.lines)

    def small(one: Node) -> bool:
        return any(isinstance(part, Name) and (part.name in ("det", "d") or small_line(part)) for part in walk(one))

    def small_line(part: Name) -> bool:
        return isinstance(lines.get(part.name), Call) and small(lines[part.name])

    def inside(one: Node) -> bool:
        return any(
            (isinstance(part, Quotient) and small(part.below))
            or (isinstance(part, Name) and part.name in lines and inside(lines[part.name]))
            for part in walk(one)
        )

    called = [one for one in definition.nodes() if isinstance(one, Call) and one.function not in {"sqrt", *SIGNS}]
    divided = any(one.function.startswith("density_") for one in called)  # by det
    return divided or any(inside(argument) for one in called for argument in one.arguments)
