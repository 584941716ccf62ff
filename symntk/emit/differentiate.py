"""Derivatives of definitions, by the chain rule on their lines: what targets call instead of differentiating code.

A derivative that is written stands for itself: no target need differentiate a quadrature, a choice or a root at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from symntk.emit.code import (
    ZERO,
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
    choose,
    node,
    power,
    product,
    total,
    walk,
)
from symntk.emit.layers import MEANS, LayerMap
from symntk.emit.library import functions
from symntk.errors import SymntkError

_TWO_PER_ROOT_PI = 1.1283791670955126

_RULES: dict[str, Callable[..., tuple[Node, ...]]] = {
    "sqrt": lambda x: (0.5 / call("sqrt", x),),
    "exp": lambda x: (call("exp", x),),
    "expm1": lambda x: (call("exp", x),),
    "log": lambda x: (1.0 / x,),
    "cos": lambda x: (-call("sin", x),),
    "sin": lambda x: (call("cos", x),),
    "abs": lambda x: (choose(x < 0.0, -1.0, 1.0),),
    "erf": lambda x: (_TWO_PER_ROOT_PI * call("exp", -(x * x)),),
    "erfc": lambda x: (-(_TWO_PER_ROOT_PI * call("exp", -(x * x))),),
    "atan2": lambda y, x: (x / (x * x + y * y), -y / (x * x + y * y)),
}
"""Derivatives by each argument."""


def derivative(definitions: Sequence[Definition], by: str) -> tuple[Definition, ...]:
    """The derivative of the last definition by one of its arguments, the others held: `{name}_by_{by}`.

    Args:
        definitions: the functions that it calls, then itself; each with one result.
        by: the argument.

    Returns:
        What is to be written beside the given definitions, the derivative last.

    Raises:
        SymntkError: it calls a function without a derivative here.

    >>> from symntk.emit.targets.numpy import NUMPY
    >>> square = Definition("_f", ("a", "k"), (("t", Name("k") * Name("a")),), (call("exp", Name("t")) + Name("a"),))
    >>> print(NUMPY.write(derivative([square], "k")[-1]))
    def _f_by_k(a, k):
        t = k * a
        d_t = a
        return np.exp(t) * d_t
    """
    made: dict[str, Definition | None] = {}
    last = definitions[-1]
    if _Writer({one.name: one for one in definitions}, made).function(last.name, by) is None:
        return (Definition(f"{last.name}_by_{by}", last.arguments, (), (0.0 * Name(by),)),)
    return tuple(one for one in made.values() if one is not None)


def held(layer: LayerMap) -> tuple[str, ...]:
    """Arguments by which a map has a derivative `{name}_by_{argument}` with all others held, det and d too.

    They are its parameters; and the law's entries where a slope is infinite at full correlation: there d = 0 is held,
    which leaves the derivative along full correlation.
    """
    if not layer.definitions:
        return ()
    entries = ("a", "b", "c", *(MEANS if layer.means else ()))
    diverges = any(slope.divergent for slope in layer.slopes.values())
    return (*(entries if diverges else ()), *layer.arguments)


def partials(layer: LayerMap) -> list[Definition]:
    """The definitions of a map's derivatives with all other arguments held."""
    return [one for by in held(layer) for one in derivative(layer.definitions, by)]


class _Writer:
    """Writes derivatives of local functions, each once."""

    def __init__(self, local: dict[str, Definition], made: dict[str, Definition | None]) -> None:
        self.local, self.made = local, made

    def function(self, name: str, by: str) -> Definition | None:
        """The derivative of a local function, which is written if it was not; None where it is 0."""
        key = f"{name}_by_{by}"
        if key not in self.made:
            source = self.local[name]
            known: dict[str, Node] = {by: node(1.0)}
            lines: list[tuple[str, Node]] = []
            for place, one in source.lines:
                lines.append((place, one))
                change = self.change(one, known)
                if change is not None:
                    simple = isinstance(change, Number)
                    known[place] = change if simple else Name(f"d_{place}")
                    lines += [] if simple else [(f"d_{place}", change)]
            result = self.change(source.results[0], known)
            self.made[key] = None
            if result is not None:
                self.made[key] = Definition(key, source.arguments, _used(lines, result), (result,))
        return self.made[key]

    def change(self, one: Node, known: dict[str, Node]) -> Node | None:
        """The derivative of an expression by that of its names; None for 0."""
        match one:
            case Name(name):
                return known.get(name)
            case Number():
                return None
            case Negative(of):
                change = self.change(of, known)
                return None if change is None else -change
            case Sum(terms):
                return _sum(self.change(term, known) for term in terms)
            case Product(factors):
                changes = [self.change(factor, known) for factor in factors]
                return _sum(
                    None if change is None else product([*factors[:i], *factors[i + 1 :], change])
                    for i, change in enumerate(changes)
                )
            case Power(base, exponent):
                change = self.change(base, known)
                return None if change is None else product([node(exponent), power(base, exponent - 1), change])
            case Quotient() | Choice() | Call():
                return self.composed(one, known)
        raise SymntkError("a derivative of code", f"{type(one).__name__} has none", "parameters that are not traced")

    def composed(self, one: Quotient | Choice | Call, known: dict[str, Node]) -> Node | None:
        """The derivative of what is made of several expressions."""
        if isinstance(one, Quotient):
            up, down = self.change(one.above, known), self.change(one.below, known)
            return _sum([None if up is None else up / one.below, None if down is None else -(one / one.below * down)])
        if isinstance(one, Choice):
            yes, no = self.change(one.yes, known), self.change(one.no, known)
            return None if yes is None and no is None else choose(one.condition, yes or ZERO, no or ZERO)
        parts = []
        for i, part in enumerate(one.arguments):
            change = self.change(part, known)
            slope = None if change is None else self.slope(one.function, one.arguments, i)
            parts.append(None if change is None or slope is None else slope * change)
        return _sum(parts)

    def slope(self, function: str, arguments: tuple[Node, ...], index: int) -> Node | None:
        """The derivative of a function by one of its arguments; None for 0."""
        if function in self.local:
            made = self.function(function, self.local[function].arguments[index])
            return None if made is None else Call(made.name, arguments)
        if function in _RULES:
            return _RULES[function](*arguments)[index]
        special = functions().get(function)
        if special is None or not special.slopes:
            raise SymntkError("a derivative of code", f"{function} has none", "a parameter that is a number")
        return Call(special.slopes[index].name[1:], arguments)


def _sum(parts: Iterable[Node | None]) -> Node | None:
    changes = [part for part in parts if part is not None]
    return total(changes) if changes else None


def _used(lines: list[tuple[str, Node]], result: Node) -> tuple[tuple[str, Node], ...]:
    """The lines that the result needs."""
    wanted = {one.name for one in walk(result) if isinstance(one, Name)}
    kept = []
    for place, one in reversed(lines):
        if place in wanted:
            kept.append((place, one))
            wanted |= {part.name for part in walk(one) if isinstance(part, Name)}
    return tuple(reversed(kept))
