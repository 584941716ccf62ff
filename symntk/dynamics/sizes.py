"""How much memory and how many steps a run would take: asked before any of it is spent.

Both limits can be moved, for all that runs inside a `with` block:

>>> with allow(steps=10**10):
...     afford_steps("a run", 10**9)
>>> afford_steps("a run", 10**12)
Traceback (most recent call last):
...
symntk.errors.DomainError: a run: it takes 1e+12 steps, and at most 1e+07 are begun. Try: a shorter time or a longer \
step; or `with symntk.dynamics.allow(steps=1e+12):`
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from symntk.errors import DomainError

MOST_STEPS = 1e7
"""Steps of a theory, each of which takes some 0.1 ms to 10 ms."""
_UNKNOWN = 16e9  # bytes, where a system does not tell its memory


@dataclass(frozen=True)
class _Limits:
    memory: float | None = None
    steps: float | None = None


_DEFAULT = _Limits()
_LIMITS: ContextVar[_Limits] = ContextVar("limits", default=_DEFAULT)


@contextmanager
def allow(*, memory_gb: float | None = None, steps: float | None = None) -> Iterator[None]:
    """Inside the block, runs may take so many gigabytes and so many steps; None leaves a limit as it was.

    By default memory is limited by that of the machine, and steps by 1e7 in theory and 1e9 in simulations.

    Raises:
        DomainError: a limit that is no positive number.
    """
    for name, value in (("memory_gb", memory_gb), ("steps", steps)):
        if value is not None and not (isinstance(value, int | float) and value > 0):
            raise DomainError("limits of runs", f"{name} = {value!r}", "a positive number, or None")
    now = _LIMITS.get()
    memory = now.memory if memory_gb is None else 1e9 * memory_gb
    token = _LIMITS.set(_Limits(memory, now.steps if steps is None else float(steps)))
    try:
        yield
    finally:
        _LIMITS.reset(token)


def afford_steps(asked: str, steps: float, most: float = MOST_STEPS) -> None:
    """Refuse a run of too many steps.

    Raises:
        DomainError: with the number and the limit.
    """
    limit = _LIMITS.get().steps or most
    if not steps <= limit:
        advice = f"a shorter time or a longer step; or `with symntk.dynamics.allow(steps={_up(steps)}):`"
        raise DomainError(asked, f"it takes {steps:.3g} steps, and at most {limit:.3g} are begun", advice)


def afford_memory(asked: str, numbers: float, what: str, size: int = 8) -> None:
    """Refuse a run whose arrays do not fit into memory; `numbers` are of `size` bytes each, `what` names them.

    >>> afford_memory("a network", 4e14, "the couplings of 20000000 units", 4)
    Traceback (most recent call last):
    ...
    symntk.errors.DomainError: a network: the couplings of 20000000 units take 1.6e+06 GB, and at most ... GB are ...
    """
    limit = _LIMITS.get().memory or _machine()
    if not size * numbers <= limit:
        gigabytes = size * numbers / 1e9
        wrong = f"{what} take {gigabytes:.3g} GB, and at most {limit / 1e9:.3g} GB are used"
        advice = f"a smaller run; or, with room for it, `with symntk.dynamics.allow(memory_gb={_up(gigabytes)}):`"
        raise DomainError(asked, wrong, advice)


def _machine() -> float:
    """The machine's memory in bytes."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN


def _up(value: float) -> str:
    """Three digits, rounded up."""
    if not math.isfinite(value):
        return "inf"
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return f"{math.ceil(value / unit * (1.0 - 1e-9)) * unit:.3g}"
