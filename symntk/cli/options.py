"""Options that several groups of commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["with_options"]


def with_options(command: Callable[..., None], options: list[Callable[..., Any]]) -> Callable[..., None]:
    """The command with the options, which help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command
