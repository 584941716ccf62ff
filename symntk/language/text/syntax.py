"""A formula's text as a syntax tree; characters, words, numbers, length and nesting are checked first.

Nothing is ever compiled to code or evaluated here.
"""

from __future__ import annotations

import ast
import keyword
import re

from symntk.errors import FormulaError

MAX_LENGTH = 8000
MAX_NESTING = 40
MAX_DIGITS = 40
MAX_NODES = 6000

_TOKEN = re.compile(
    r"(?P<space> +)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|"
    r"(?P<sign>\*\*|<=|>=|[-+*/(),<>&|~=])",
    re.ASCII,
)
_ADVICE = {
    "^": "** for powers",
    "[": "parentheses; indexing is not part of the language",
    "{": "parentheses",
    "!": "~ or Not for a negated condition",
    ".": "a decimal number with a digit next to the point; attributes are not part of the language",
    ":": "Piecewise((value, condition), ..., (value, True)) for cases",
    "%": "Mod(x, n)",
    "'": "a formula without quotes inside",
    '"': "a formula without quotes inside",
}


def read_tree(text: str) -> ast.expr:
    """The syntax tree of a formula.

    Errors: FormulaError that names the first thing that cannot be read, and where it is.

    >>> ast.unparse(read_tree("2*x + 1"))
    '2 * x + 1'
    """
    if not isinstance(text, str):
        raise FormulaError("a formula", f"it is of type {type(text).__name__}", "a string such as 'x*erf(x)'")
    if not text.strip(" "):
        raise FormulaError("a formula", "the text is empty", "a function of x such as 'Max(0, x)'")
    if len(text) > MAX_LENGTH:
        raise complain(text, f"it has {len(text)} characters, more than {MAX_LENGTH}", "a shorter formula")
    _check_words(text)
    try:
        tree = ast.parse(text.strip(" "), mode="eval").body
    except SyntaxError as error:
        at = (error.offset or 1) + len(text) - len(text.lstrip(" "))
        near = text[max(0, at - 8) : at + 8]
        raise complain(text, f"it is not a formula near {near!r} (character {at}): {error.msg}") from None
    except (ValueError, MemoryError, RecursionError):
        raise complain(text, "it is nested too deeply", "fewer levels") from None
    nodes = sum(1 for _ in ast.walk(tree))
    if nodes > MAX_NODES:
        raise complain(text, f"it has {nodes} parts, more than {MAX_NODES}", "a shorter formula")
    return tree


def complain(text: str, wrong: str, advice: str = "") -> FormulaError:
    """The error about a formula; characters outside ASCII are shown by their codes."""
    return FormulaError(f"the formula {ascii(text)}", wrong, advice)


def _check_words(text: str) -> None:
    """Every character belongs to a number, a name or an operator; parentheses match and are not too deep."""
    position, depth = 0, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            sign = text[position]
            where = f"{ascii(sign)} (character {position + 1}) is not part of the language"
            raise complain(text, where, _ADVICE.get(sign, ""))
        token = match.group()
        depth += (token == "(") - (token == ")")
        if depth > MAX_NESTING or depth < 0:
            wrong = "nested too deeply" if depth > 0 else "closed without being opened"
            raise complain(text, f"the parenthesis at character {position + 1} is {wrong}", "matching parentheses")
        _check_token(text, match)
        position = match.end()
    if depth:
        raise complain(text, f"{depth} parentheses are not closed", "matching parentheses")


def _check_token(text: str, match: re.Match[str]) -> None:
    token, place = match.group(), f"(character {match.start() + 1})"
    following = text[match.end() : match.end() + 1]
    if match.lastgroup == "name":
        if keyword.iskeyword(token) and token not in ("True", "False"):
            raise complain(text, f"the word {token!r} {place} is not part of the language", _WORDS.get(token, ""))
    elif match.lastgroup == "number":
        if re.match("[A-Za-z_]", following):
            raise complain(text, f"{token!r} {place} runs into {following!r}", f"{token}*{following}")
        if following == ".":
            raise complain(text, f"{token + following!r} {place} is not a number", "one decimal point")
        mantissa, _, exponent = token.lower().partition("e")
        if len(mantissa) > MAX_DIGITS or len(exponent) > 4 or abs(int(exponent or 0)) > MAX_DIGITS:
            raise complain(
                text, f"the number {token[:24]}… {place} is too large or too long", f"up to {MAX_DIGITS} digits"
            )


_WORDS = {
    "and": "(a) & (b), or And(a, b)",
    "or": "(a) | (b), or Or(a, b)",
    "not": "~(a), or Not(a)",
    "if": "Piecewise((value, condition), ..., (value, True))",
    "else": "Piecewise((value, condition), ..., (value, True))",
    "lambda": "the function of x itself, such as 'x**2'",
}
