"""What a target is: a table of names, a formatter and a recursion."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from symntk.emit.code import (
    SIGNS,
    Call,
    Choice,
    Constant,
    Definition,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    SumOver,
)
from symntk.errors import SymntkError

_LINE = 100  # characters of arguments on one line
_SUM, _PRODUCT, _MINUS, _POWER, _ATOM = 1, 2, 3, 4, 5  # how strongly an expression binds


class PythonTarget:
    """Python over some array library: `functions` gives its names, `choice` its way to choose by a condition.

    Args:
        name: the target's.
        functions: what each function of `emit.code` is called there, or a template of its arguments in order, or of
            {all} of them.
        choice: a template of {condition}, {yes} and {no}.

    >>> from symntk.emit.code import Name, call, choose
    >>> plain = PythonTarget("math", {"sqrt": "math.sqrt"}, "({yes} if {condition} else {no})")
    >>> print(plain.expression(choose(Name("a") > 0, call("sqrt", Name("a")), 0)))
    (math.sqrt(a) if a > 0.0 else 0.0)
    """

    over = "sum({term} for {names} in ({rows}))"
    """How a sum over rows is written."""

    def __init__(self, name: str, functions: Mapping[str, str], choice: str) -> None:
        self.name, self.functions, self._choice = name, functions, choice

    def write_all(self, parts: Iterable[Definition | Constant]) -> str:
        """Definitions, and constants as assignments, in this order."""
        return "\n\n\n".join(self._constant(one) if isinstance(one, Constant) else self.write(one) for one in parts)

    def _constant(self, one: Constant) -> str:
        note = textwrap.wrap(one.note, 114, initial_indent="# ", subsequent_indent="# ")
        return "\n".join([*note, f"{one.name} = {self.expression(one.value)}"])

    def write(self, definition: Definition) -> str:
        """The definition as a function of this language."""
        lines = [f"def {definition.name}({', '.join(definition.arguments)}):"]
        if definition.doc:
            doc = f'"""{escaped(definition.doc)}"""'
            lines += textwrap.wrap(doc, 112, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
        lines += [f"    {line}" for line in self.body(definition)]
        return "\n".join(lines)

    def body(self, definition: Definition) -> list[str]:
        """The lines of the function, the last one returns the results."""
        lines = [f"{name} = {self.expression(one)}" if name else self.expression(one) for name, one in definition.lines]
        return [*lines, f"return {', '.join(self.expression(one) for one in definition.results)}"]

    def ending(self, code: str, maps: Sequence[Any]) -> str:  # noqa: ARG002  targets that have such code need it
        """What stands at the end of a module with these maps; here nothing."""
        return ""

    def expression(self, one: Node) -> str:
        """An expression of this language."""
        return self._text(one)[0]

    def _text(self, one: Node) -> tuple[str, int]:
        """The source and how strongly it binds."""
        match one:
            case Sum(terms):
                return self._sum(terms), _SUM
            case Product(factors):
                first, *rest = factors
                texts = [self._inside(first, _PRODUCT), *(self._inside(factor, _MINUS) for factor in rest)]
                return " * ".join(texts), _PRODUCT
            case Quotient(above, below):
                return f"{self._inside(above, _PRODUCT)} / {self._inside(below, _POWER)}", _PRODUCT
            case Negative(of):
                return f"-{self._inside(of, _PRODUCT)}", _MINUS
            case Power(base, exponent):
                text = str(int(exponent)) if exponent == int(exponent) else repr(exponent)
                return f"{self._inside(base, _ATOM)} ** {text if exponent > 0 else f'({text})'}", _POWER
            case Number(value) if value < 0.0:
                return self._atom(one), _MINUS
            case Call(sign, (left, right)) if sign in SIGNS:
                return f"{self._inside(left, _SUM)} {sign} {self._inside(right, _SUM)}", 0
        return self._atom(one), _ATOM

    def _atom(self, one: Node) -> str:
        """What needs no parentheses anywhere."""
        match one:
            case Name(name):
                return name
            case Number(value):
                return repr(value) if isfinite(value) else f'float("{value}")'
            case Call(function, arguments):
                return self._call(function, [self.expression(part) for part in arguments])
            case Choice(condition, yes, no):
                parts = {"condition": condition, "yes": yes, "no": no}
                return self._choice.format(**{key: self.expression(part) for key, part in parts.items()})
            case SumOver(names, rows, term):
                table = _wrapped([f"({', '.join(map(repr, row))})" for row in rows])
                return self.over.format(names=", ".join(names), rows=table, term=self.expression(term))
        raise TypeError(f"{one!r} is no node")

    def _inside(self, one: Node, least: int) -> str:
        """The source where something binds that needs at least this strength."""
        text, strength = self._text(one)
        return text if strength >= least else f"({text})"

    def _sum(self, terms: tuple[Node, ...]) -> str:
        text = self._inside(terms[0], _PRODUCT)
        for term in terms[1:]:
            sign, part = "+", term
            if isinstance(term, Negative):
                sign, part = "-", term.of
            elif isinstance(term, Number) and term.value < 0.0:
                sign, part = "-", Number(-term.value)
            text += f" {sign} {self._inside(part, _PRODUCT)}"
        return text

    def called(self, function: str) -> str | None:
        """What a function is called, or a template; None where there is none."""
        return function if function.startswith("_") else self.functions.get(function)

    def _call(self, function: str, arguments: list[str]) -> str:
        known = self.called(function)
        if known is None:
            raise SymntkError(f"code for {self.name}", f"it has no {function}", "another target")
        together = ", ".join(arguments)
        if len(together) > _LINE:
            together = _wrapped(arguments)
        return known.format(*arguments, all=together) if "{" in known else f"{known}({together})"


def escaped(text: str) -> str:
    """Text that may stand in a docstring."""
    return text.replace("\\", "\\\\")


def _wrapped(parts: Sequence[str]) -> str:
    """Arguments on lines of their own."""
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > _LINE or "\n" in lines[-1]:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{part},"
    return "\n        ".join(["", *lines]) + "\n    "
