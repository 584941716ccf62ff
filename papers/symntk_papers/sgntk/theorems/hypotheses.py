"""Conditions of the theorems, checked for the functions given: a limit that jumps, bounded, Lipschitz, no deltas.

That a function is bounded is read off its values on a grid to |x| = 10^8 and beside its breakpoints; that it jumps, off
its distributional derivative, which is exact.
"""

from __future__ import annotations

import sympy as sp
from mpmath import mp

from symntk.kernels.function import Function
from symntk.verify.oracle.general.functions import Function as Numbers
from symntk_papers.sgntk.theorems.family import Family, Number
from symntk_papers.sgntk.theorems.report import Hypothesis

_BOUNDED_GROWTH = 1.5  # a logarithm grows by 2 from 10^4 to 10^8


def jumps(one: Family) -> Hypothesis:
    """The family tends to a function with jumps."""
    shown = ", ".join(f"{jump.height} at {jump.place}" for jump in one.jumps)
    tends = f"σ_m = {one.activation.name} → {one.limit.expression}"
    if one.jumps:
        return Hypothesis("the limit of the activations jumps, finitely often", True, f"{tends}: {shown} ({one.how})")
    how = f"{tends} is continuous, so its NTK exists ({one.how})"
    return Hypothesis("the limit of the activations jumps, finitely often", False, how)


def bounded(name: str, function: Function) -> Hypothesis:
    """A function is bounded."""
    grows, largest = _growth(function)
    text = f"{name} is bounded"
    if function.general.deltas:
        return Hypothesis(text, False, "it holds a delta")
    if grows > _BOUNDED_GROWTH:
        return Hypothesis(text, False, f"its largest value grows {mp.nstr(grows, 3)}-fold from |x| ≤ 10^4 to 10^8")
    return Hypothesis(text, True, f"|{name}| ≤ {mp.nstr(largest, 5)} on a grid to |x| = 10^8")


def finite_jumps(name: str, function: Function) -> Hypothesis:
    """A function has finitely many jumps and no deltas."""
    form = function.general
    text = f"{name} is a function with finitely many jumps"
    if form.deltas:
        return Hypothesis(text, False, "it holds a delta")
    count = len(function.derivative.general.deltas)
    return Hypothesis(text, True, "continuous" if not count else f"{count} jump{'s' * (count > 1)}")


def lipschitz(name: str, function: Function) -> Hypothesis:
    """A function is Lipschitz: continuous, with a bounded derivative."""
    text = f"{name} is Lipschitz"
    if function.general.deltas:
        return Hypothesis(text, False, "it holds a delta")
    slope = function.derivative
    if slope.general.deltas:
        return Hypothesis(text, False, f"it jumps at {slope.general.deltas[0][1].threshold}")
    inner = bounded(f"({name})'", slope)
    return Hypothesis(text, inner.holds, inner.how)


def grows_slowly(name: str, function: Function) -> Hypothesis:
    """A function grows at most linearly."""
    grows, _ = _growth(function, power=1)
    text = f"{name} grows at most linearly"
    return Hypothesis(text, grows <= _BOUNDED_GROWTH, "on a grid to |x| = 10^8")


def _growth(function: Function, power: int = 0) -> tuple[Number, Number]:
    """Largest |f|/(1 + |x|)^power on |x| ≤ 10^8 over that on |x| ≤ 10^4; and the largest."""
    form = function.general
    if not form.has_regular_part:
        return mp.one, mp.zero
    numbers = Numbers(type(form)(form.breaks, form.parts))
    points = [sign * mp.mpf(10) ** (mp.mpf(k) / 4) for k in range(-16, 33) for sign in (1, -1)]
    for point in numbers.breaks(30):
        points += [point + sign * (1 + abs(point)) * mp.mpf(10) ** -9 for sign in (1, -1)]
    near, far = mp.zero, mp.zero
    with mp.workdps(20):
        for point in points:
            size = abs(numbers.number(point)) / (1 + abs(point)) ** power
            far = max(far, size)
            near = max(near, size) if abs(point) <= 10**4 else near
    return (far / near if near else sp.oo if far else mp.one), far
