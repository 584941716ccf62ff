"""The walk from text to code is short: counted by the interpreter's own profile, the same on every machine."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import symntk
from symntk import expectation
from symntk.kernels.function import as_function

PACKAGE = Path(symntk.__file__).parent
PARSERS = {("language/text/parser.py", "parse"), ("language/text/parser.py", "parse_call")}
DERIVE = {
    (str(path.relative_to(PACKAGE)), node.name)
    for path in (PACKAGE / "derive").rglob("*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef)
}
"""The functions of the room; methods of what it has handed over are no way back to it."""


def watched(run: Callable[[], object], note: Callable[[tuple[str, str], tuple[str, str], FrameType], None]) -> None:
    """`note` gets (file, function) of the caller in the package and of what it calls, and the frame."""
    stack: list[tuple[str, str]] = [("", "")]

    def profile(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event in ("call", "return") and path.is_relative_to(PACKAGE):
            if event == "call":
                here = (str(path.relative_to(PACKAGE)), frame.f_code.co_name)
                note(stack[-1], here, frame)
                stack.append(here)
            elif len(stack) > 1:
                stack.pop()

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(("f", "g"), [("relu", "erf"), ("x*exp(-x**2)", "Max(0, x - t)"), ("leaky_relu(0.2)", "gelu")])
def test_a_text_is_parsed_once(f: str, g: str) -> None:
    parsed: Counter[tuple[str, str]] = Counter()

    def note(_: tuple[str, str], here: tuple[str, str], frame: FrameType) -> None:
        if here in PARSERS:
            parsed[here[1], frame.f_locals["text"]] += 1

    as_function("tanh")  # whatever is read once for all texts
    watched(lambda: expectation(f, g), note)
    assert {text for function, text in parsed if function == "parse_call"} <= {f, g}
    assert set(parsed.values()) == {1}, parsed


@pytest.mark.parametrize(
    ("f", "g"),
    [
        ("relu", "erf"),
        ("gelu", "elu"),
        ("2*DiracDelta(x)", "1/(1 + x**2)"),
        ("2*DiracDelta(x)", "1/(1 + Abs(x)) + 3/(2 + Abs(x))**2"),
        ("atan(x)", "erf"),
        ("tanh", "tanh"),
    ],
)
def test_writing_a_map_does_not_go_back_to_the_derivation(f: str, g: str) -> None:
    """Functions of derive that emit calls for a map whose derivation is known: two at most."""
    E = expectation(f, g)
    assert E.method and list(E.derivation.walk())
    back: list[str] = []

    def note(caller: tuple[str, str], here: tuple[str, str], _: FrameType) -> None:
        if caller[0].startswith("emit") and here in DERIVE:
            back.append(f"{caller} calls {here}")

    watched(E.source, note)
    assert len(back) <= 2, back
