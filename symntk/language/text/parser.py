"""A formula's text as a SymPy expression, by a whitelist: text is data, and nothing in it is ever executed.

    parse("Piecewise((x, x > 0), (exp(x) - 1, True))")

The language: the variable x, parameters (any other name, positive), decimal numbers (exact), pi, E, + - * / **, the
functions of `vocabulary`, entries of tables where these are given, and Piecewise with conditions made of < <= > >=
joined by & | ~. Sizes are bounded by `bounds`, so that every text takes a fraction of a second.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import sympy as sp

from symntk.errors import FormulaError, SymntkError
from symntk.language import symbols
from symntk.language.forms.pieces import resolve
from symntk.language.text import bounds
from symntk.language.text.bounds import Part
from symntk.language.text.syntax import MAX_LENGTH, complain, read_tree
from symntk.language.text.vocabulary import (
    BOOLEANS,
    CONNECTIVES,
    CONSTANTS,
    NOT_IN_CONDITIONS,
    functions,
    is_forbidden,
    known_words,
    suggestion,
)

_COMPARISONS = {ast.Lt: sp.StrictLessThan, ast.LtE: sp.LessThan, ast.Gt: sp.StrictGreaterThan, ast.GtE: sp.GreaterThan}
_CALL = re.compile(r" *([A-Za-z][A-Za-z0-9_]{0,31}) *(\((.*)\))? *", re.ASCII)


@dataclass(frozen=True)
class Call:
    """A name with values of its parameters, as in `fast_sigmoid(slope=25)`."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    positional: tuple[Any, ...] = ()


class Named(Protocol):
    """What a table's name stands for, as a function in a formula."""

    @property
    def formula(self) -> Any:
        """The text in x and the parameters, or what builds an expression in x from values."""

    def given(self, values: Mapping[str, Any], positional: tuple[Any, ...]) -> dict[str, Any]:
        """Every parameter's value; positional values are those without a name."""


class Names(Protocol):
    """What names besides the language's own stand for as functions."""

    def __call__(self, name: str) -> Named | None:
        """The function of this name; None where there is none."""

    def words(self) -> Iterable[str]:
        """The names, for suggestions."""


def parse(text: str, domains: Mapping[str, str] | None = None, names: Names | None = None) -> Any:
    """The SymPy expression that a formula's text says; x is `symbols.x`, other names are parameters.

    Parameters are positive unless `domains` says "real" or "integer" for their names. `names` says what other names
    stand for as functions.

    Errors: FormulaError that names the part outside the language, or the bound that is exceeded.

    >>> parse("Max(0, 1 - Abs(x/2))")
    Max(0, 1 - Abs(x)/2)
    >>> parse("0.1*x")
    x/10
    >>> parse("x.__class__")
    Traceback (most recent call last):
    ...
    symntk.errors.FormulaError: the formula 'x.__class__': '.' (character 2) is not part of the language. Try: a decimal number with a digit next to the point; attributes are not part of the language
    """  # noqa: E501  the message is one line
    return _Reader(text, domains or {}, names).read(read_tree(text))


def parse_call(text: str, domains: Mapping[str, str] | None = None) -> Call | None:
    """The name and the parameters' values where the text is `name` or `name(parameter=value, ...)`; otherwise None.

    Values are numbers or formulas without x; where all are numbers they may be without names, unless the name is a
    function of the language.

    >>> parse_call("fast_sigmoid(slope=2.5)")
    Call(name='fast_sigmoid', values={'slope': 5/2}, positional=())
    >>> parse_call("erf(x)") is None
    True
    """
    plain = isinstance(text, str) and len(text) <= MAX_LENGTH and text.isascii() and text.isprintable()
    match = _CALL.fullmatch(text) if plain else None
    if match is None:
        return None
    pieces = _split(match[3] or "")
    if pieces is None:
        return None
    if pieces and not any("=" in re.sub("[<>]=", "", piece) for piece in pieces):
        numbers = None if match[1] in (*functions(), *CONNECTIVES, "Piecewise") else _numbers(pieces)
        return None if numbers is None else Call(match[1], {}, numbers)
    if match[2] is not None and not pieces or pieces and re.search(r"\bx\b", pieces[0].partition("=")[0]):
        return None
    values: dict[str, Any] = {}
    for piece in pieces:
        name, sign, value = (part.strip(" ") for part in piece.partition("="))
        if not sign or not name.isidentifier():
            raise complain(text, f"{piece.strip(' ')!a} is not of the form parameter=value", f"{match[1]}(name=2)")
        if name in values:
            raise complain(text, f"the parameter {name!a} is given twice", "one value for each")
        values[name] = parse(value, domains)
        if values[name].has(symbols.x):
            raise complain(text, f"the parameter {name!a} depends on x", "a number, or a formula of parameters")
    return Call(match[1], values)


def _numbers(pieces: list[str]) -> tuple[Any, ...] | None:
    """The pieces as numbers; None where one is none."""
    try:
        values = tuple(parse(piece) for piece in pieces)
    except FormulaError:
        return None
    return None if any(value.free_symbols for value in values) else values


def _split(arguments: str) -> list[str] | None:
    """The pieces between the commas that no parenthesis encloses; None where the parentheses do not match."""
    pieces, depth = [""], 0
    for sign in arguments:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return None
        if sign == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += sign
    return pieces if arguments.strip(" ") else []


class _Reader:
    """One pass over the tree of one text; each method returns a part with its measures."""

    def __init__(self, text: str, domains: Mapping[str, str], names: Names | None) -> None:
        self.domains, self.names = domains, names
        self.text, self.source = text, text.strip(" ") if isinstance(text, str) else ""
        self.budget = bounds.Budget(text)
        self.depth = 0
        self.bound: dict[str, Part] = {symbols.x.name: Part(symbols.x, power=1)}

    def read(self, tree: ast.expr) -> Any:
        try:
            return self.value(tree).expr
        except (RecursionError, MemoryError, OverflowError):
            raise complain(self.text, "it is too large to build", "a shorter formula") from None
        except FormulaError:
            raise
        except (TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
            raise complain(self.text, f"it cannot be built: {error}", "a simpler formula") from None

    def value(self, node: ast.expr) -> Part:
        """A number-valued part."""
        self.depth += 1
        if self.depth > bounds.MAX_DEPTH:
            raise self.error(node, "is nested too deeply", "fewer levels")
        match node:
            case ast.Constant():
                part = self.number(node)
            case ast.Name():
                part = self.name(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                inner = self.value(node.operand)
                part = inner.map(-inner.expr) if isinstance(node.op, ast.USub) else inner
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                part = self.chain(node)
            case ast.BinOp(op=ast.Pow()):
                part = self.power(node)
            case ast.Call():
                part = self.call(node)
            case ast.Compare() | ast.BinOp(op=ast.BitAnd() | ast.BitOr()) | ast.UnaryOp():
                raise self.error(node, "is a condition where a number is needed", "Piecewise((value, condition), ...)")
            case ast.Tuple():
                raise self.error(
                    node, "is a tuple outside Piecewise", "Piecewise((value, condition), ..., (value, True))"
                )
            case _:
                raise self.error(node, "is not part of the language")
        self.depth -= 1
        return self.budget.checked(part, self.show(node))

    def number(self, node: ast.Constant) -> Part:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.error(node, "is not a number")
        return Part(sp.Rational(self.show(node)))

    def name(self, node: ast.Name) -> Part:
        if node.id in self.bound:
            return self.bound[node.id]
        if node.id in CONSTANTS:
            return Part(CONSTANTS[node.id])
        if node.id in functions() or node.id in CONNECTIVES or node.id == "Piecewise":
            raise self.error(node, "is a function without arguments", f"{node.id}(x)")
        if node.id in symbols.RESERVED:
            wrong = "stands for an entry of the covariance or for a mean"
            raise self.error(node, wrong, f"a parameter name other than {', '.join(sorted(symbols.RESERVED))}")
        if node.id in BOOLEANS or is_forbidden(node.id) or len(node.id) > 32:
            raise self.error(node, "is not a name for a parameter", "another name, such as alpha")
        if self.names is not None and self.names(node.id) is not None:
            raise self.error(node, "is a name of the table, not a parameter", f"{node.id}(x)")
        return Part(symbols.parameter(node.id, self.domains.get(node.id, "positive")), power=1)

    def chain(self, node: ast.expr) -> Part:
        """A sum or a product of any length, without recursion along it."""
        additive = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
        kinds = (ast.Add, ast.Sub) if additive else (ast.Mult, ast.Div)
        parts: list[Part] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
            right = self.value(node.right)
            if isinstance(node.op, ast.Sub):
                right = right.map(-right.expr)
            elif isinstance(node.op, ast.Div):
                if right.expr.is_zero:
                    raise self.error(node, "divides by zero")
                right = right.map(1 / right.expr)
            parts.append(right)
            node = node.left
        parts.append(self.value(node))
        return bounds.total(parts[::-1]) if additive else bounds.product(parts[::-1])

    def power(self, node: ast.BinOp) -> Part:
        base, exponent = self.value(node.left), self.value(node.right)
        return self.budget.power(base, exponent, self.show(node))

    def call(self, node: ast.Call) -> Part:
        name = self.called(node)
        if name == "Piecewise":
            return self.piecewise(node)
        if name in CONNECTIVES:
            raise self.error(node, "is a condition where a number is needed", "Piecewise((value, condition), ...)")
        if name not in functions():
            named = None if self.names is None else self.names(name)
            if named is not None:
                return self.applied(node, name, named)
            words = () if self.names is None else self.names.words()
            wrong = f"{name!r} (character {node.col_offset + 1}) is not known"
            raise complain(self.text, wrong, suggestion(name, words))
        self.unnamed(node, name)
        function = functions()[name]
        self.arity(node, name, function.fewest, function.most)
        return self.budget.call(name, function, [self.value(argument) for argument in node.args], self.show(node))

    def applied(self, node: ast.Call, name: str, named: Named) -> Part:
        """An entry of a table as a function: its formula, read with the argument for x and values for parameters."""
        if not node.args:
            raise self.error(node, "is a function without arguments", f"{name}(x)")
        with self.budget.application(self.show(node)):
            argument = self.value(node.args[0])
        values: dict[str, Any] = {}
        for one in node.keywords:
            if one.arg is None or one.arg in values:
                raise self.error(node, "gives a parameter twice, or without a name", f"{name}(x, parameter=2)")
            values[one.arg] = self.constant(one.value)
        settings = named.given(values, tuple(self.constant(one) for one in node.args[1:]))
        if not isinstance(named.formula, str):
            built = sp.sympify(named.formula(**settings), strict=True)
            degree = bounds.MAX_EXPONENT // 4  # of what is built, at most
            return Part(
                built.xreplace({symbols.x: argument.expr}), degree * argument.power, argument.height + 1, degree
            )
        inner = _Reader(named.formula, {}, None)
        inner.budget = self.budget
        inner.bound = {n: Part(e, power=int(bool(e.free_symbols))) for n, e in settings.items()}
        inner.bound[symbols.x.name] = argument
        try:
            return inner.value(read_tree(named.formula))
        except FormulaError as error:
            raise self.error(node, f"is {named.formula}, where {error.wrong}", error.advice) from None

    def constant(self, node: ast.expr) -> Any:
        """The value of a parameter: a formula without x."""
        value = self.value(node).expr
        if value.has(symbols.x):
            raise self.error(node, "is the value of a parameter and depends on x", "a number")
        return value

    def called(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name):
            raise self.error(node.func, "is called but is no function", f"2*(x), or one of {', '.join(known_words())}")
        return node.func.id

    def unnamed(self, node: ast.Call, name: str) -> None:
        """Functions of the language have no named arguments."""
        if node.keywords:
            raise self.error(node, f"has a named argument ({node.keywords[0].arg!r})", f"{name}(x)")

    def arity(self, node: ast.Call, name: str, fewest: int, most: int) -> None:
        if not fewest <= len(node.args) <= most:
            needed = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            wrong = f"{name!r} (character {node.col_offset + 1}) has {len(node.args)} arguments, not {needed}"
            raise complain(self.text, wrong, f"{name} with {needed}")

    def piecewise(self, node: ast.Call) -> Part:
        self.unnamed(node, "Piecewise")
        self.arity(node, "Piecewise", 1, bounds.MAX_BRANCHES)
        parts, pairs = [], []
        for branch in node.args:
            if not isinstance(branch, ast.Tuple) or len(branch.elts) != 2:
                raise self.error(branch, "is not a branch", "Piecewise((value, condition), ..., (value, True))")
            parts.append(self.value(branch.elts[0]))
            pairs.append((parts[-1].expr, self.condition(branch.elts[1])))
        if pairs[-1][1] is not sp.true and sp.Or(*(condition for _, condition in pairs)) is not sp.true:
            try:
                resolve(sp.Piecewise(*((sp.S.One, one) for _, one in pairs), evaluate=False), symbols.x)
            except SymntkError as error:
                wrong = f"does not say what it is elsewhere ({error.wrong})"
                raise self.error(node, wrong, "(value, True) as the last branch") from None
        return self.budget.piecewise(pairs, parts, self.show(node))

    def condition(self, node: ast.expr) -> Any:
        """A truth-valued part."""
        self.depth += 1
        if self.depth > bounds.MAX_DEPTH:
            raise self.error(node, "is nested too deeply", "fewer levels")
        match node:
            case ast.Constant(value=bool()):
                found = BOOLEANS[str(node.value)]
            case ast.Name() if node.id in BOOLEANS:
                found = BOOLEANS[node.id]
            case ast.Compare():
                found = self.comparison(node)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                join = sp.And if isinstance(node.op, ast.BitAnd) else sp.Or
                found = join(self.condition(node.left), self.condition(node.right))
            case ast.UnaryOp(op=ast.Invert()):
                found = sp.Not(self.condition(node.operand))
            case ast.Call(func=ast.Name()) if self.called(node) in CONNECTIVES:
                name = self.called(node)
                self.unnamed(node, name)
                self.arity(node, name, 1, 1 if name == "Not" else 6)
                found = CONNECTIVES[name](*(self.condition(argument) for argument in node.args))
            case _:
                raise self.error(node, "is not a condition", "x > 0, joined as (x > 0) & (x < 1)")
        self.depth -= 1
        return found

    def comparison(self, node: ast.Compare) -> Any:
        sides = [node.left, *node.comparators]
        for side in sides:
            for part in ast.walk(side):
                if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitAnd | ast.BitOr):
                    raise self.error(node, "joins conditions without parentheses", "(x > 0) & (x < 1)")
                if isinstance(part, ast.Call) and self.called(part) in NOT_IN_CONDITIONS:
                    raise self.error(part, "is no function inside a condition", "a comparison such as x > 1")
        parts = [self.budget.side(self.value(side), self.show(side)) for side in sides]
        found = []
        for low, op, high in zip(parts[:-1], node.ops, parts[1:], strict=True):
            if type(op) not in _COMPARISONS:
                raise self.error(node, "compares by something else than < <= > >=", "two inequalities")
            found.append(_COMPARISONS[type(op)](low.expr, high.expr))
        return sp.And(*found)

    def show(self, node: ast.expr) -> str:
        """The piece of the text that a node was read from."""
        return self.source[node.col_offset : node.end_col_offset]

    def error(self, node: ast.expr, wrong: str, advice: str = "") -> FormulaError:
        piece = self.show(node)
        shown = piece if len(piece) <= 60 else f"{piece[:50]}…"
        return complain(self.text, f"{shown!r} (character {node.col_offset + 1}) {wrong}", advice)
