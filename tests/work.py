"""How much work a function does, counted and not timed: the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable


class TooMuchError(Exception):
    """More calls than were allowed."""


def calls(function: Callable[[], object], most: int) -> int:
    """Calls of Python functions while `function` runs; TooMuchError as soon as they are more than `most`."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        if event == "call":
            count += 1
            if count > most:
                sys.setprofile(None)
                raise TooMuchError(f"more than {most} calls")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count
