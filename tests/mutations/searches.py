"""The part of the table that breaks the search: the partition into panels, its two witnesses, and the enclosures."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import sympy as sp

from tests.mutations.changes import Change, Mutation, Pair, of, rows, times

CENTRES = Pair("tanh(x - 1) + exp(-100*(x - 1/2)**2)", "1/(1 + exp(-x)) + erf(20*(x + 1/4))")
SPIKE = Pair("1/(1 + 100*Abs(x))**2", "1/(1 + exp(-x)) + tanh(3*x - 1)")
HIDDEN = Pair("exp(-10000*(exp(x) - 3)**2)", "tanh(x) + 1/(1 + x**2)")

SHAPE, PARTITION, BALLS = "symntk.emit.general_shape:", "symntk.emit.partition:", "symntk.language.balls."
PANELS = "tests.emit.test_partition:"
INTERPOLATED = (
    *(
        (f"{PANELS}test_polynomial_between_edges", (name,))
        for name in ("many centres", "superspike", "softplus", "log tail")
    ),
    (f"{PANELS}test_a_line_beyond_the_outermost_edges", ("tanh",)),
)
FOUND = tuple(
    (f"{PANELS}test_narrow_features_are_found_wherever_they_are", (text,))
    for text in ("exp(-10000*(exp(x) - 7)**2)", "1/cosh(50*(x - 300))**2")
)

WINDOWS = tuple(
    (f"tests.emit.test_windows:{name}", arguments)
    for name, arguments in (
        ("test_both_sides_of_a_dead_zone_count", ()),
        ("test_a_dead_zone_at_full_correlation", (0.02, 0.0008)),
        ("test_any_number_of_maxima", ()),
        ("test_windows_leave_out_nothing", ()),
    )
)


def balls(home: str, name: str) -> tuple[str, ...]:
    """All places of the room of enclosures where what `home` defines is known by its name."""
    original = getattr(import_module(BALLS + home), name)
    modules = (home, *(one for one in ("ball", "rules", "scaled", "enclosure") if one != home))
    found = [one for one in modules if getattr(import_module(BALLS + one), name, None) is original]
    return tuple(f"{BALLS}{one}:{name}" for one in found)


def enclosed(*heads: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The test that values at points of balls lie in the enclosures of these functions."""
    return tuple(("tests.language.test_balls:test_rules_hold_every_value", (head,)) for head in heads)


def _edges(change: Any) -> Change:
    """A partition with other edges."""
    return of(lambda found: replace(found, edges=tuple(change(np.array(found.edges)))))


def _near(place: float, count: int) -> Change:
    """Without the edges nearest to a place."""
    return _edges(lambda e: np.sort(np.delete(e, np.argsort(np.abs(e - place))[:count])))


def _radius(factor: float) -> Change:
    """A rule whose balls have another radius."""
    return of(lambda ball: ball._replace(radius=factor * ball.radius))


def _rule(head: Any, factor: float) -> Change:
    """The table of functions with the radius of one of them changed."""
    return lambda table: {**table, head: replace(table[head], ball=_radius(factor)(table[head].ball))}


def _no_errors(original: Any) -> Any:
    """Interpolants that are never found to be off."""

    def changed(*arguments: Any) -> Any:
        errors, sizes = original(*arguments)
        return np.zeros_like(errors), sizes

    return changed


def _largest_alone(original: Any) -> Any:
    """The interval that matters most in place of all that do."""

    def changed(cells: Any, norm: Any, budget: Any) -> Any:
        low, high = original(cells, norm, budget)
        height = np.where(low <= high, cells[2] - 0.25 * np.clip(0.0, cells[0], cells[1]) ** 2, -np.inf)
        other = np.arange(height.shape[1]) != np.argmax(height, axis=1)[:, None]
        return np.where(other, np.inf, low), np.where(other, -np.inf, high)

    return changed


def _merged(found: Any) -> Any:
    """The cells of a partition with two neighbours in the middle taken for one."""
    cells, worst = found
    here = len(cells) // 2
    cells.right[here] = cells.right[here + 1]
    return cells.take(np.delete(np.arange(len(cells)), here + 1)), worst


def _searches() -> list[Mutation]:
    heads = (sp.tanh, sp.erf, sp.exp, sp.sin)
    return [
        *rows(
            "partition, edges",
            CENTRES,
            f"{SHAPE}partition",
            those_at_a_centre_dropped=_near(0.5, 10),
            one_in_six_kept=_edges(lambda e: e[::6]),
            all_dropped=_edges(lambda e: e[:0]),
        ),
        *rows("partition, edges", SPIKE, f"{SHAPE}partition", those_at_a_break_dropped=_near(0.0, 15)),
        *rows(
            "partition, joined",
            CENTRES,
            f"{PARTITION}joint_defects",
            INTERPOLATED,
            whatever_the_interpolant=_no_errors,
        ),
        *rows(
            "partition, joined",
            CENTRES,
            f"{PARTITION}_joined",
            INTERPOLATED,
            one_edge_dropped=of(_merged),
            an_end_dropped=of(lambda found: (found[0].take(np.arange(len(found[0]) - 4)), found[1])),
        ),
        *rows(
            "partition, first witness",
            CENTRES,
            f"{PARTITION}defects",
            INTERPOLATED,
            never_off=_no_errors,
            a_millionth=of(lambda found: (1e-6 * found[0], found[1])),
            relative_to_more=of(lambda found: (found[0], 1e6 * found[1])),
        ),
        *rows(
            "partition, second witness",
            HIDDEN,
            f"{PARTITION}_suprema",
            FOUND,
            always_given=of(np.zeros_like),
            a_share=times(1e-250),
        ),
        *rows(
            "partition, second witness", HIDDEN, f"{PARTITION}_CENTRES", FOUND, at_the_middle_alone=lambda c: 0.0 * c
        ),
        *rows(
            "windows, what is reached",
            SPIKE,
            "symntk.emit.runtime.windows:_reached",
            WINDOWS,
            a_maximum_dropped=_largest_alone,
            one_side_dropped=of(lambda ends: (np.where(ends[0] < 0.0, np.inf, ends[0]), ends[1])),
            a_third_of_the_budget=lambda original: lambda cells, norm, budget: original(cells, norm, budget / 3.0),
        ),
        *rows(
            "windows, what is carried over",
            SPIKE,
            "symntk.emit.runtime.windows:_carried",
            WINDOWS,
            correlation_turned=lambda original: lambda *given: original(*given[:3], -given[3], given[4]),
            nothing_in_between=lambda original: lambda *given: original(*given[:4], 0.0 * given[4]),
            a_third_of_the_budget=lambda original: lambda *given: original(*given[:2], given[2] / 3.0, *given[3:]),
        ),
        *(
            one
            for head in heads
            for one in rows(
                "enclosures, functions",
                Pair(f"{head.__name__}(x)", "1"),
                "symntk.language.special.table:_TABLE",
                enclosed(head),
                **{f"{head.__name__}_radius_halved": _rule(head, 0.5)},
            )
        ),
        *rows(
            "enclosures, sums and products",
            Pair("1/cosh(x)", "1"),
            balls("ball", "product"),
            enclosed(sp.sech),
            radius_of_a_product_halved=_radius(0.5),
            first_radius_alone=lambda original: (
                lambda first, *rest: original(first, *(one._replace(radius=0.0 * one.radius) for one in rest))
            ),
        ),
        *rows(
            "enclosures, sums and products",
            Pair("cos(x)", "1"),
            balls("ball", "total"),
            enclosed(sp.cos),
            radius_of_a_sum_halved=_radius(0.5),
        ),
        *rows(
            "enclosures, poles and cuts",
            Pair("1/cosh(x)", "1"),
            balls("ball", "inverse"),
            enclosed(sp.sech),
            radius_of_an_inverse_halved=_radius(0.5),
            no_pole=lambda original: lambda w: original(w._replace(radius=0.5 * w.radius)),
        ),
        *rows(
            "enclosures, poles and cuts",
            Pair("tanh(x)", "1"),
            balls("rules", "_moebius"),
            enclosed(sp.tanh),
            radius_of_a_quotient_halved=_radius(0.5),
            pole_not_seen=lambda original: lambda t: original(t._replace(radius=np.minimum(t.radius, 0.1))),
        ),
        *rows(
            "enclosures, poles and cuts",
            Pair("sqrt(1 + x**2)", "1"),
            balls("ball", "to_cut"),
            (("tests.language.test_balls:test_poles_and_branch_points_are_seen", ()), *enclosed(sp.log, sp.asinh)),
            twice_as_far=times(2),
            nowhere=of(lambda distance: distance + np.inf),
        ),
    ]


SEARCHES = tuple(_searches())
