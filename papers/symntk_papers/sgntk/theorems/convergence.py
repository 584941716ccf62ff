"""A deep kernel of σ_m against that of the limit, as m → ∞: what T2 claims off the diagonal, and T5 everywhere."""

from __future__ import annotations

from typing import Any

from mpmath import mp

from symntk.verify.limits.behaviour import behaviour
from symntk_papers.sgntk.theorems.deep import Number
from symntk_papers.sgntk.theorems.report import Finding
from symntk_papers.sgntk.theorems.setting import IN_FLOAT, Setting


def converges(claim: str, one: Setting, kernel: str, depth: int, angle: float, grid: dict[str, Any]) -> Finding:
    """Whether "ntk" or "sg_ntk" of (0, 1) and the input at an angle tends to that of the limit, and how fast.

    In mpmath on the grid given; where the maps have no closed forms, in float64, to few digits.
    """
    one.tell(claim)
    if not one.is_closed:
        claimed = mp.mpf(one.in_float(kernel, depth, angle, None))
        seen = behaviour(
            lambda m: mp.mpf(one.in_float(kernel, depth, angle, m)), parameter=one.family.parameter, **IN_FLOAT
        )
        required = 3.0
    else:
        with mp.workdps(grid["dps"] + 10):
            entries = one.on_circle(mp.mpf(angle))
            claimed = one.deep(one.limit, kernel, depth, entries)[-1].total

        def at(m: Number) -> Number:
            return one.deep(one.kernels, kernel, depth, entries, **one.given(m))[-1].total

        seen = behaviour(at, parameter=one.family.parameter, **grid)
        required = min(30.0, grid["dps"] - 10.0)
    digits = seen.agrees(coefficient=claimed)
    known = seen.digits if seen.found else 0.0
    return Finding.of_digits(claim, digits, required, f"limit {mp.nstr(claimed, 15)}; {seen}", known, "limit")
