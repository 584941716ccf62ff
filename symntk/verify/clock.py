"""The time that checks may take: a limit for all, a share of it for each, and what is skipped says why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from symntk.errors import DomainError, SymntkError
from symntk.verify.certificate import Check
from symntk.verify.timing import LATE, OutOfTime, time_limit

LIMIT = 100.0
"""Seconds for all checks of one verification."""
PART = 5
"""Of the limit, for one check."""
_SHARES = 4  # how many equal shares of what is left one check may take
_LEAST = 0.5


class Clock:
    """The time that is left for a number of checks.

    Args:
        limit: seconds for all of them.
        expected: how many checks there will be, about.

    >>> clock = Clock(10.0, expected=1)
    >>> print(clock.made("a check", lambda: Check("a check", "it held", None, None, True, 1)).verdict)
    ok
    >>> def wrong() -> Check:
    ...     raise SymntkError("a value", "there is no quadrature for it", "another function")
    >>> clock.made("another", wrong).verdict, clock.made("another", wrong).detail
    ('skipped', 'there is no quadrature for it')
    """

    def __init__(self, limit: float, expected: int = 10) -> None:
        if not limit > 0:
            raise DomainError(f"a verification in {limit:g} seconds", "that is no time", f"limit={LIMIT:g}")
        self.limit, self.left, self.expected = limit, limit, expected

    @property
    def share(self) -> float:
        """What the next check may take: a fifth of all, but no more than four shares of what is left."""
        return max(_LEAST, min(self.limit / PART, self.left, _SHARES * self.left / max(1, self.expected)))

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Time that is spent beside checks."""
        start = time.monotonic()
        yield
        self.left -= time.monotonic() - start

    def made(self, name: str, check: Callable[[], Check]) -> Check:
        """The check, or one that says why it was skipped."""
        if self.left <= 0:
            return Check.skipped(name, f"the {LATE} {self.limit:g} s for all checks was reached")
        start, share = time.monotonic(), self.share
        try:
            with time_limit(share) as limit:
                found = check()
        except OutOfTime:
            return Check.skipped(name, f"its {LATE} {share:.2g} s was reached")
        except SymntkError as error:
            return Check.skipped(name, error.wrong)
        except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError) as error:
            return Check.skipped(name, f"it broke with {type(error).__name__}: {error}")
        finally:
            self.left -= time.monotonic() - start
            self.expected = max(1, self.expected - 1)
        if not limit.left_out:
            return found
        text = f"{limit.left_out} of {limit.items} skipped, because the {LATE} {share:.2g} s was reached"
        return replace(found, detail=f"{found.detail}; {text}")
