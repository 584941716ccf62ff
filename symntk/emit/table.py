"""A layer map as a table for targets that do not carry the reference code: what it is good for, and its source.

`emit.table_build` makes the numbers on the host, `runtime.stored` is their evaluation by NumPy, `runtime.stored_arrays`
that by other libraries. The numbers are packed: a module of some hundred lines holds the table of a map to 5e-11.
"""

from __future__ import annotations

import base64
import textwrap
import zlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from symntk.emit.runtime.stored import _Stored, _stored_values
from symntk.emit.table_build import Box, NoTable, Reference, build
from symntk.language.forms.general_form import GeneralForm, parity
from symntk.language.symbols import x

VARIANCES = (1e-3, 1e3)
"""The box of a table where nothing else is asked for."""
TOLERANCE = 5e-11
"""Of a table's error."""
THRESHOLD_REACH = 1.2
"""The largest |arcsin ρ| of maps of two functions that both have a break away from 0.

Two breaks s and t leave e^{−(s/√a − t/√b)²/2cos²θ}: at θ = ±π/2 the map is smooth in no variable where s/√a = ±t/√b.
"""
_WIDTH = 116
_DATA = 1000  # characters of numbers in a line


@dataclass(frozen=True, eq=False)
class Table:
    """The table, with what it is good for.

    `box` is where it holds, `error` the largest difference from the map, relative to the map's root mean square over
    θ, at laws that had no part in it.
    """

    stored: _Stored
    box: Box
    error: float

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return sum(part.size for _, part in _parts(self.stored))

    @cached_property
    def name(self) -> str:
        """Its name in modules, which its numbers determine."""
        return f"_table_{zlib.crc32(self.stored.core.tobytes()):08x}"

    @property
    def text(self) -> str:
        """What stands in place of a formula."""
        box, least = self.box, self.stored.least
        reach = f" and correlations up to {(1.0 - least * least) ** 0.5:.3g}" if least else ""
        return (
            f"a table for variances of 0 and from {box.low:g} to {box.high:g}{reach}, with an error of at most "
            f"{box.tolerance:g} of its root mean square over angles ({self.error:.1e} at laws that had no part in it)"
        )

    def scaled(self, factor: float) -> Table:
        """The table of `factor` times the map, itself for 1."""
        stored = self.stored
        if factor == 1.0:
            return self
        return replace(self, stored=stored._replace(core=factor * stored.core, tail=abs(factor) * stored.tail))

    def source(self) -> list[str]:
        """Lines of Python that make it under its name; they use `_Stored`, `_StoredSide`, `_stored_numbers`, and for a
        map that is symmetric `_stored_mirrored`, of `runtime.stored`.
        """
        stored, name = self.stored, self.name
        lines: list[str] = []
        for label, part in _parts(stored):
            lines += _literal(f"{name}_{label}", part)
        same = stored.u is stored.v
        for label, side in (("u", stored.u),) if same else (("u", stored.u), ("v", stored.v)):
            numbers = [f"{x!r}" for x in (side.low, side.high, side.power, side.middle)]
            rest = [f"({', '.join(map(repr, side.scale))})", f"{side.twin!r}", _number(side.at_zero)]
            text = f"{name}_{label} = _StoredSide({', '.join([*numbers, f'{name}_{label}_columns', *rest])})"
            lines += textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False)
        core = f"_stored_mirrored({name}_core)" if same else f"{name}_core.reshape{stored.core.shape}"
        inside = [f"{name}_u", f"{name}_{'u' if same else 'v'}", f"{stored.sharpness!r}", f"{stored.least!r}"]
        inside += [f"{name}_even", f"{name}_odd", core, f"{stored.tail!r}"]
        text = f"{name} = _Stored({', '.join(inside)})"
        return [*lines, *textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False)]

    def __call__(self, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Its values at flat arrays of laws, NaN outside of it."""
        return _stored_values(self.stored, a, b, c, d)


def table(reference: Reference, box: Box, *, symmetric: bool = False, sense: int = 0) -> Table:
    """The table of a map.

    A derivative by a at a fixed angle is the polynomials'; that by c is the map of f' and g' (Price's theorem), and
    that by a at fixed c is the first − c/2a times the second: near θ = ±π/2 no polynomial's derivative by θ serves.

    Args:
        reference: the map.
        box: where it is to hold, and how well.
        symmetric: whether f = g.
        sense: 1 for a map that is even in the covariance, −1 for an odd one, 0 else.

    Raises:
        NoTable: says why.

    >>> def erf_erf(a, b, c, det):
    ...     return 2 / np.pi * np.arctan2(2 * c, np.sqrt(1 + 2 * a + 2 * b + 4 * det))
    >>> found, one = table(erf_erf, Box(0.5, 2.0), symmetric=True, sense=-1), np.ones(1)
    >>> print(found(one, one, 0.6 * one, 0.8 * one).round(8), found.error < 5e-11, found.numbers < 1500)
    [0.26197976] True True
    """
    stored, error = build(reference, box, symmetric=symmetric, sense=sense)
    return Table(stored, box, error)


def table_of(
    f: GeneralForm,
    g: GeneralForm,
    reference: Reference,
    *,
    variances: tuple[float, float] = VARIANCES,
    tolerance: float = TOLERANCE,
    reach: float = THRESHOLD_REACH,
) -> Table:
    """The table of E[f(u) g(v)] by what the two functions are.

    Args:
        f: function of u, without parameters.
        g: function of v.
        reference: their map.
        variances: the least and the largest variance of u and of v.
        tolerance: of the error, relative to the root mean square of the map over θ.
        reach: the largest |arcsin ρ| where both functions have a break away from 0.

    Raises:
        NoTable: says why.
    """
    if f.deltas and g.deltas:
        raise NoTable("both functions have deltas: it is infinite, or not smooth, at full correlation")
    senses = parity(f, x), parity(g, x)
    if senses[0] * senses[1] < 0:
        raise NoTable("it is 0, since one function is odd and the other even")
    both = _has_thresholds(f) and _has_thresholds(g)
    box = Box(*variances, reach if both else 0.5 * np.pi, tolerance)
    return table(reference, box, symmetric=f == g, sense=senses[0] or senses[1])


def _has_thresholds(form: GeneralForm) -> bool:
    """Whether it has a break away from 0."""
    return any(point != 0 for point in (*form.breaks, *(delta.threshold for _, delta in form.deltas)))


def _parts(stored: _Stored) -> list[tuple[str, np.ndarray]]:
    """The matrices of a table by name, each once."""
    core = stored.core
    same = stored.u is stored.v
    flat = core[np.triu_indices(len(core))] if same else core.reshape(-1, core.shape[2])
    sides = [("u_columns", stored.u.columns)] + ([] if same else [("v_columns", stored.v.columns)])
    return [*sides, ("even", stored.even), ("odd", stored.odd), ("core", flat)]


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'


def _literal(name: str, values: np.ndarray) -> list[str]:
    """Lines that make a matrix under a name, by `_stored_numbers`."""
    if not values.size:
        return [f"{name} = np.zeros({values.shape})"]
    exponents, text = packed(values)
    head = f"{name} = _stored_numbers({values.shape[1]}, {tuple(exponents)},"
    out = textwrap.wrap(head, _WIDTH, subsequent_indent="    ", break_long_words=False)
    chunks = [text[start : start + _DATA] for start in range(0, len(text), _DATA)]
    return [*out, *(f'    "{chunk}"' for chunk in chunks[:-1]), f'    "{chunks[-1]}")']


def packed(values: np.ndarray) -> tuple[list[int], str]:
    """Exponents of the columns, and the integers that times those powers of two are the matrix, as text.

    >>> from symntk.emit.runtime.stored import _stored_numbers
    >>> values = np.array([[0.375, -3.0], [1.0, 0.0]])
    >>> exponents, text = packed(values)
    >>> print(exponents, _stored_numbers(2, exponents, text).tolist())
    [-3, 0] [[0.375, -3.0], [1.0, 0.0]]
    """
    mantissas, powers = np.frexp(values)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.where(whole == 0, 2000, np.frexp((whole & -whole).astype(np.float64))[1] - 1 + powers - 53)
    exponents = np.min(lowest, axis=0, initial=2000)
    exponents = np.where(exponents == 2000, 0, exponents)
    integers = np.ldexp(values, -exponents).astype(np.int64).reshape(-1)
    folded = (integers << 1) ^ (integers >> 63)
    planes = np.ascontiguousarray(folded.astype("<i8").view(np.uint8).reshape(-1, 8).T)
    return [int(x) for x in exponents], base64.b85encode(zlib.compress(planes.tobytes(), 9)).decode()
