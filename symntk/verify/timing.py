"""A time limit for work that does not ask for the time: it is interrupted, and what it changed globally is put back."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np
from mpmath import mp

LATE = "time limit of"
"""What says in a check's detail that there was not enough time."""
T = TypeVar("T")
_SOFT = 0.7


class OutOfTime(BaseException):
    """The limit was reached; no `Exception`, so that nothing takes it for a failure of its own."""


class Limit:
    """One time limit, for the thread that makes it.

    Attributes:
        seconds: how long it is.
        soft_end: the time from which on nothing new is begun.
        left_out, items: how many items `timely` left out, of how many.
    """

    def __init__(self, seconds: float, soft_end: float) -> None:
        self.seconds, self.soft_end = seconds, soft_end
        self.left_out = self.items = self.held = 0
        self.is_over = self.was_raised = False
        self.is_open = True
        self.lock = threading.Lock()
        self.thread = ctypes.c_ulong(threading.get_ident())

    def interrupt(self) -> None:
        """Raise `OutOfTime` in the thread, if it may be interrupted; called by the timer."""
        with self.lock:
            self.is_over = True
            if self.is_open and not self.held:
                self.was_raised = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self.thread, ctypes.py_object(OutOfTime))

    def close(self, arrived: bool) -> None:
        """Nothing is raised from now on, nor what is on its way."""
        with self.lock:
            self.is_open = False
            if self.was_raised and not arrived:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self.thread, None)


_CURRENT: ContextVar[Limit | None] = ContextVar("limit", default=None)


@contextmanager
def time_limit(seconds: float) -> Iterator[Limit]:
    """Inside, `OutOfTime` is raised after this many seconds, in this thread, between two steps of Python.

    A single call of a library is not interrupted. Afterwards mpmath's precision, NumPy's error state and Python's
    recursion limit are what they were.

    >>> try:
    ...     with time_limit(0.05):
    ...         while True:
    ...             pass
    ... except OutOfTime:
    ...     print("interrupted")
    interrupted
    """
    limit = Limit(seconds, time.monotonic() + _SOFT * seconds)
    precision, errors, depth = mp.prec, np.geterr(), sys.getrecursionlimit()
    timer = threading.Timer(seconds, limit.interrupt)
    timer.daemon = True
    timer.start()
    token = _CURRENT.set(limit)
    arrived = False
    try:
        try:
            yield limit
        except OutOfTime:
            arrived = True
            raise
    finally:
        limit.close(arrived)
        timer.cancel()
        _CURRENT.reset(token)
        mp.prec = precision
        np.seterr(**errors)
        sys.setrecursionlimit(depth)


@contextmanager
def uninterrupted() -> Iterator[Callable[[], bool]]:
    """Inside, nothing is interrupted, as libraries ask that call back; what it gives says whether the time is over.

    `OutOfTime` is raised at the end, if the limit was reached meanwhile.
    """
    limit = _CURRENT.get()
    if limit is None:
        yield lambda: False
        return
    with limit.lock:
        limit.held += 1
    try:
        yield lambda: limit.is_over
    finally:
        with limit.lock:
            limit.held -= 1
    if limit.is_over and not limit.was_raised:
        limit.was_raised = True
        raise OutOfTime


def late() -> str:
    """Why what is left of a check is skipped, once `OutOfTime` has come."""
    limit = _CURRENT.get()
    return f"the {LATE} {limit.seconds:.2g} s was reached" if limit is not None else "there was no time left"


def timely(items: Iterable[T]) -> Iterator[T]:
    """The items one after another, the first in any case, until most of the time limit that holds now is used up.

    >>> with time_limit(10.0) as limit:
    ...     list(timely("abc")), limit.left_out
    (['a', 'b', 'c'], 0)
    """
    every, limit = list(items), _CURRENT.get()
    for index, item in enumerate(every):
        if index and limit is not None and time.monotonic() > limit.soft_end:
            limit.left_out += len(every) - index
            limit.items += len(every)
            return
        yield item
