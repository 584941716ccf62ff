"""Inputs in time as a user gives them: arrays (n, time, features), masked ones, lists of sequences of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symntk.errors import DomainError
from symntk.kernels.arguments import real_array

_ADVICE = "an array (n, time, features), or a list of arrays (time, features), for one input x[None]"


@dataclass(frozen=True, eq=False)
class Sequences:
    """Checked inputs: the steps that are there, moved to the front; zeros follow, which no output sees.

    Attributes:
        values: (n, T, features), float64.
        steps: (n, T), which of the given steps each is; −1 for what follows the last.
        total: how many steps were given, those that are masked included.
        narrow: whether results are to be float32.
    """

    values: np.ndarray
    steps: np.ndarray
    total: int
    narrow: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> np.ndarray:
        """How many steps each input has, (n,)."""
        return np.asarray(np.count_nonzero(self.steps >= 0, axis=1))

    def weights(self, readout: str | tuple[float, ...], asked: str) -> np.ndarray:
        """κ of each step, (n, T): 1 at the last one, 1/length at each, or given for each step.

        Raises:
            DomainError: as many weights as steps are not given, or an input of another length has no output.
        """
        there = self.steps >= 0
        if readout == "mean":
            return np.asarray(there / self.lengths[:, None])
        if readout == "last":
            return np.asarray(np.arange(self.steps.shape[1]) == self.lengths[:, None] - 1, dtype=np.float64)
        given = np.ones(self.total) if isinstance(readout, str) else np.array(readout)
        if len(given) != self.total:
            wrong = f"{len(given)} readout weights for {self.total} steps"
            raise DomainError(asked, wrong, "one weight for each step, or readout='mean' or 'last'")
        return np.where(there, given[self.steps], 0.0)


def read(name: str, given: Any, asked: str) -> Sequences:
    """Inputs of a user, called `name`.

    A step of a masked array is missing where all of its features are masked: the sequence goes on with the next one,
    as if it had not been given. Sequences of a list may have any lengths.

    Raises:
        DomainError: other shapes, text, numbers that are not finite, a step masked in part, or no step at all.

    >>> found = read("x", [[[1.0], [2.0]], [[3.0]]], "an example")
    >>> found.values[:, :, 0].tolist(), found.lengths.tolist()
    ([[1.0, 2.0], [3.0, 0.0]], [2, 1])
    """
    masked = isinstance(given, np.ma.MaskedArray)
    there: np.ndarray | None = None
    narrow = getattr(given, "dtype", None) in (np.float16, np.float32)
    if isinstance(given, list | tuple):
        given, there = _joined(name, given, asked)
    elif masked and given.ndim == 3:
        there = np.asarray(np.any(~np.ma.getmaskarray(given), axis=-1))
    values = _numbers(name, np.ma.getdata(given) if masked else given, asked)
    if values.ndim != 3:
        raise DomainError(asked, f"{name} has shape {values.shape}", _ADVICE)
    there = np.ones(values.shape[:2], dtype=bool) if there is None else np.asarray(there)
    if masked and np.any(np.ma.getmaskarray(given) & there[..., None]):
        raise DomainError(asked, f"{name} has steps of which some features are masked", "a mask of whole steps")
    values = np.where(there[..., None], values, 0.0)
    bad = ~np.isfinite(values)
    if np.any(bad):
        i, t, k = (int(index) for index in np.argwhere(bad)[0])
        wrong = f"{name} is {values[i, t, k]} at input {i}, step {t}, feature {k}"
        raise DomainError(asked, wrong, "finite inputs; steps that are missing as a masked array, np.ma.array")
    empty = np.flatnonzero(~there.any(axis=1))
    if empty.size:
        raise DomainError(asked, f"{name}[{int(empty[0])}] has no step", "sequences of at least one step")
    if there.all():
        steps = np.broadcast_to(np.arange(values.shape[1]), values.shape[:2])
        return Sequences(values, steps, values.shape[1], narrow)
    order = np.argsort(~there, axis=1, kind="stable")
    kept = np.take_along_axis(there, order, axis=1)
    most = int(kept.sum(axis=1).max())
    values = np.take_along_axis(values, order[..., None], axis=1)[:, :most]
    steps = np.where(kept, order, -1)[:, :most]
    return Sequences(np.ascontiguousarray(values), steps, there.shape[1], narrow)


def read_both(x1: Any, x2: Any, asked: str) -> tuple[Sequences, Sequences | None]:
    """The two arguments of a kernel, of one width; the second may be None."""
    first, second = read("x1", x1, asked), None if x2 is None else read("x2", x2, asked)
    if second is not None and first.values.shape[2] != second.values.shape[2]:
        widths = f"x1 has {first.values.shape[2]} features and x2 {second.values.shape[2]}"
        raise DomainError(asked, widths, "inputs of one width")
    return first, second


def _joined(name: str, given: Sequence[Any], asked: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of any lengths as one array, and which of its steps are there."""
    parts = [_numbers(f"{name}[{index}]", one, asked) for index, one in enumerate(given)]
    if not parts or any(part.ndim != 2 for part in parts) or len({part.shape[1] for part in parts}) > 1:
        shapes = ", ".join(dict.fromkeys(str(part.shape) for part in parts)) or "none"
        raise DomainError(
            asked, f"{name} is a list of arrays of shape {shapes}", "arrays (time, features) of one width"
        )
    longest = max(len(part) for part in parts)
    values = np.zeros((len(parts), longest, parts[0].shape[1]))
    there = np.zeros((len(parts), longest), dtype=bool)
    for row, part in enumerate(parts):
        values[row, : len(part)], there[row, : len(part)] = part, True
    return values, there


def _numbers(name: str, given: Any, asked: str) -> np.ndarray:
    try:
        return np.asarray(real_array(given, name))
    except ValueError as error:
        raise DomainError(asked, str(error)) from error


def prefixes(first: Sequences, second: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """A number for each input and step, the same for inputs that are equal up to this step: (n1, T), (n2, T).

    >>> a, b = (read("x", np.array(one)[..., None], "an example") for one in ([[1.0, 2.0]], [[1.0, 3.0], [0.0, 2.0]]))
    >>> x, y = prefixes(a, b)
    >>> (x == y).tolist()
    [[True, False], [False, False]]
    """
    count, most = len(first), max(first.values.shape[1], second.values.shape[1])
    out = np.empty((count + len(second), most), dtype=np.int64)
    labels = np.zeros(len(out), dtype=np.int64)
    for t in range(most):
        here = np.zeros((len(out), first.values.shape[2] + 1))
        here[:, 0] = labels
        for part, rows in ((first, slice(0, count)), (second, slice(count, None))):
            if t < part.values.shape[1]:
                here[rows, 1:] = part.values[:, t] + 0.0  # −0 becomes 0
        labels = np.unique(here, axis=0, return_inverse=True)[1].reshape(-1)
        out[:, t] = labels
    return out[:count], out[count:]
