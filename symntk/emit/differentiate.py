"""Derivatives of definitions, by the chain rule on their lines: what targets call instead of differentiating code.

A derivative that is written stands for itself: no target need differentiate a quadrature, a choice or a root at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symntk.emit.code import (
    ZERO,
    Call,
    Choice,
    Compare,
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
)
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
    made: dict[str, Definition] = {}
    _Writer({one.name: one for one in definitions}, made).function(definitions[-1].name, by)
    return tuple(made.values())


class _Writer:
    """Writes derivatives of local functions, each once."""

    def __init__(self, local: dict[str, Definition], made: dict[str, Definition]) -> None:
        self.local, self.made = local, made

    def function(self, name: str, by: str) -> str:
        """The name of the derivative of a local function, which is written if it was not."""
        out = f"{name}_by_{by}"
        if out not in self.made:
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
            if result is None:  # of the shape of the arguments
                result = 0.0 * Name(by)
            self.made[out] = Definition(out, source.arguments, tuple(lines), (result,))
        return out

    def change(self, one: Node, known: dict[str, Node]) -> Node | None:
        """The derivative of an expression by that of its names; None for 0."""
        match one:
            case Name(name):
                return known.get(name)
            case Number() | Compare():
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
            case Quotient(above, below):
                up, down = self.change(above, known), self.change(below, known)
                return _sum([None if up is None else up / below, None if down is None else -(one / below * down)])
            case Power(base, exponent):
                change = self.change(base, known)
                return None if change is None else product([node(exponent), power(base, exponent - 1), change])
            case Choice(condition, yes, no):
                parts = [self.change(part, known) for part in (yes, no)]
                return None if parts == [None, None] else choose(condition, *(ZERO if p is None else p for p in parts))
            case Call(function, arguments):
                changes = [self.change(part, known) for part in arguments]
                return _sum(
                    None if change is None else self.slope(function, arguments, i) * change
                    for i, change in enumerate(changes)
                )
        raise SymntkError("a derivative of code", f"{type(one).__name__} has none", "parameters that are not traced")

    def slope(self, function: str, arguments: tuple[Node, ...], index: int) -> Node:
        """The derivative of a function by one of its arguments."""
        if function in self.local:
            return Call(self.function(function, self.local[function].arguments[index]), arguments)
        if function in _RULES:
            return _RULES[function](*arguments)[index]
        special = functions().get(function)
        if special is None or not special.slopes:
            raise SymntkError("a derivative of code", f"{function} has none", "a parameter that is a number")
        return Call(special.slopes[index].name[1:], arguments)


def _sum(parts: object) -> Node | None:
    changes = [part for part in parts if part is not None]  # type: ignore[attr-defined]
    return total(changes) if changes else None
