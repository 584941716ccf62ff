"""Stopping between two steps: Ctrl-C asks, and a run answers once its state is one that can be kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """A run stopped because it was asked to; its checkpoint is written."""


@contextmanager
def interrupts(then: Callable[[], object] | None = None) -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, in place of an exception in the middle of a step; a second Ctrl-C does not wait.

    Args:
        then: what else the first Ctrl-C does.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return

    def ask(*_: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        if then is not None:
            then()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
