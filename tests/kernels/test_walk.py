"""The walk from text to code is short: counted by the interpreter's own profile, the same on every machine."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import symntk
from symntk import expectation

Place = tuple[str, str]
"""A file, relative to the package, and a function in it."""
PACKAGE = Path(symntk.__file__).parent
PARSERS = {("language/text/parser.py", "parse"), ("language/text/parser.py", "parse_call")}
DERIVE = {
    (str(path.relative_to(PACKAGE)), node.name)
    for path in (PACKAGE / "derive").rglob("*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef)
}
"""The functions of the room; methods of what it has handed over are no way back to it."""


def watched(run: Callable[[], object], note: Callable[[Place, Place, FrameType], None]) -> None:
    """`note` gets the caller in the package and what it calls, and the frame."""
    stack: list[Place] = [("", "")]
    places: dict[CodeType, Place | None] = {}

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if code not in places:
            inside = code.co_filename.startswith(f"{PACKAGE}/")
            places[code] = (code.co_filename.removeprefix(f"{PACKAGE}/"), code.co_name) if inside else None
        here = places[code]
        if here is None:
            return
        if event == "call":
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


@pytest.mark.parametrize(
    ("f", "g"), [("x*exp(-0.731*x**2)", "Max(0, x - t)/1.37"), ("leaky_relu(0.2137)", "erf(1.73*x)"), ("relu", "erf")]
)
def test_a_text_is_parsed_once(f: str, g: str) -> None:
    parsed: Counter[Place] = Counter()

    def note(_: Place, here: Place, frame: FrameType) -> None:
        if here in PARSERS:
            parsed[here[1], frame.f_locals["text"]] += 1

    watched(lambda: expectation(f, g), note)
    read = {text for function, text in parsed if function == "parse_call"}
    assert read == {f, g} or (f, g) == ("relu", "erf")  # which another test may have read before
    assert max(parsed.values(), default=1) == 1, parsed


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

    def note(caller: Place, here: Place, _: FrameType) -> None:
        if caller[0].startswith("emit") and here in DERIVE:
            back.append(f"{caller} calls {here}")

    watched(E.source, note)
    assert len(back) <= 2, back
