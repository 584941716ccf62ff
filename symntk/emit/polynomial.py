"""Polynomials that stand for smooth functions in code, made with 40 digits and rounded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpmath import mp

from symntk.emit.code import Node, Number

_DIGITS = 40
_UNSEEN = 1e-18


def interpolant(function: Callable[[mp.mpf], mp.mpf], count: int) -> list[float]:
    """Coefficients, the highest power first, of the interpolant of a function on [−1, 1] in `count` Chebyshev points.

    Leading ones that change no digit are left out.

    >>> interpolant(lambda t: 1 + t + 2 * t**2, 9)
    [2.0, 1.0, 1.0]
    """
    with mp.workdps(_DIGITS):
        angles = [mp.pi * (2 * i + 1) / (2 * count) for i in range(count)]
        values = [function(mp.cos(w)) for w in angles]
        last, now = [mp.mpf(0)] * count, [mp.mpf(1)] + [mp.mpf(0)] * (count - 1)
        out = [mp.mpf(0)] * count
        for j in range(count):
            weight = (2 if j else 1) * mp.fsum(v * mp.cos(j * w) for v, w in zip(values, angles, strict=True)) / count
            out = [have + weight * one for have, one in zip(out, now, strict=True)]
            double = [(2 if j else 1) * one for one in [mp.mpf(0), *now[:-1]]]
            last, now = now, [one - before for one, before in zip(double, last, strict=True)]
        out = out[::-1]
        size = mp.fsum(map(abs, out))
        while len(out) > 1 and abs(out[0]) < _UNSEEN * size:
            size -= abs(out.pop(0))
        return [float(one) for one in out]


def horner(coefficients: Sequence[float], t: Node) -> Node:
    """The polynomial with these coefficients, the highest power first."""
    value: Node = Number(coefficients[0])
    for one in coefficients[1:]:
        value = value * t + one
    return value
