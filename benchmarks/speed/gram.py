"""Gram matrices: seconds beside others, threads, memory, growth with n and depth, every pair of the tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import numpy as np
from tqdm import tqdm

import symntk
from benchmarks.peers.process import alternate, results, started
from benchmarks.speed.contestants import FUSED, THEIRS, Field, asked, title
from symntk.runs.tables import Table

PAIRS = (("erf", None), ("relu", None), ("gelu", None), ("sign", "erf"))
SLOW = (("step", "fast_sigmoid"), ("elu", None), ("hard_tanh", "triangle"), ("tanh", None), ("mish", None))
PARTNERS = ("erf", "step", "hard_tanh")
"""The activations with which each surrogate is measured."""
COMPARED = 300
"""Inputs on which contestants' matrices are compared."""


def ratios(field: Field, pairs: Iterable[tuple[str, str | None]], n: int, rounds: int) -> Table:
    """Core seconds of both kernels of each pair, and what the others take over them."""
    rows = []
    for activation, surrogate in tqdm([*pairs], leave=False):
        commands = {
            (name, precision): command
            for precision in ("64", "32")
            for name, command in field.contestants(activation, surrogate, precision).items()
        }
        ask = asked(surrogate)
        with started(commands, field.folder) as workers:
            apart = differences(
                {key: results(w, field.folder, inputs=field.inputs(COMPARED), ask=ask) for key, w in workers.items()},
                ask["get"],
            )
            seconds = alternate(workers, rounds, inputs=field.inputs(n), ask=ask)
        for (name, precision), own in seconds.items():
            over = [seconds.get((other, precision), np.nan) / own for other in (THEIRS, FUSED)]
            over.append(seconds.get((name, "64"), np.nan) / own)
            row = (title(activation, surrogate), f"float{precision}", name, own, *over, apart[name, precision])
            rows.append(tuple(known(value) for value in row))
    heads = ("pair", "precision", "contestant", "core s", "neural-tangents ÷ it", "fused ÷ it", "float64 ÷ it", "apart")
    return Table(heads, rows)


def known(value):
    """A cell: nothing where a number is not known."""
    return "" if isinstance(value, float) and np.isnan(value) else value


def differences(matrices, get) -> dict:
    """Largest |K − R|/√(R_ii R_jj) of each contestant's matrices from those of the reference R, off the diagonal.

    The reference is numpy's in float64, else the first one's. Kernels that are not symmetric have their own diagonal.
    """
    reference = matrices.get(("numpy", "64"), next(iter(matrices.values()), None))
    apart = {}
    for key, found in matrices.items():
        worst = 0.0
        for name in get:
            root = np.sqrt(np.diagonal(reference[name]))
            error = np.abs(found[name].astype(np.float64) - reference[name]) / root / root[:, None]
            worst = max(worst, float(error.max()))
        apart[key] = worst
    return apart


def threads(field: Field, pairs: Iterable[tuple[str, str | None]], n: int, rounds: int, count: int) -> Table:
    """Wall seconds on one core and on several, which must be idle, in the same rounds."""
    rows = []
    for activation, surrogate in tqdm([*pairs], leave=False):
        commands = field.contestants(activation, surrogate, "64")
        place, ask = field.inputs(n), asked(surrogate)
        with started(commands, field.folder) as few, started(commands, field.folder, count) as many:
            both = {(name, 1): worker for name, worker in few.items()}
            both |= {(name, count): worker for name, worker in many.items()}
            wall = alternate(both, rounds, "wall", inputs=place, ask=ask)
        rows += [
            (title(activation, surrogate), name, wall[name, 1], wall[name, count], wall[name, 1] / wall[name, count])
            for name in commands
        ]
    return Table(("pair", "contestant", "wall s, 1 thread", f"wall s, {count} threads", "ratio"), rows)


def memory(field: Field, pairs: Iterable[tuple[str, str | None]], sizes: Iterable[int]) -> Table:
    """Peak resident bytes above the result, in processes that give back what is free."""
    rows = []
    for activation, surrogate in tqdm([*pairs], leave=False):
        for name, command in field.contestants(activation, surrogate, "64").items():
            for n in sizes:
                with started({name: command}, field.folder, MALLOC_MMAP_THRESHOLD_="65536") as workers:
                    found = workers[name].ask(do="memory", inputs=field.inputs(n), ask=asked(surrogate))
                above = (found["bytes"] - found["result"]) / 1e6
                rows.append((title(activation, surrogate), name, n, found["result"] / 1e6, above))
    return Table(("pair", "contestant", "n", "result, MB", "above it, MB"), rows)


def growth(field: Field, pairs: Iterable[tuple[str, str | None]], n: int, rounds: int) -> Table:
    """Exponents of the cost in n (n/4 to n) and in the number of hidden layers (4 to 16, n/2 inputs)."""
    sizes, layers = (n // 4, n // 2, n), (4, 8, 16)
    rows = []
    for activation, surrogate in tqdm([*pairs], leave=False):
        commands = field.contestants(activation, surrogate, "64")
        with started(commands, field.folder) as workers:
            by_size = [alternate(workers, rounds, inputs=field.inputs(m), ask=asked(surrogate)) for m in sizes]
            by_depth = [
                alternate(workers, rounds, inputs=field.inputs(n // 2), ask=asked(surrogate, depth=count + 1))
                for count in layers
            ]
        rows += [
            (title(activation, surrogate), name, exponent(sizes, by_size, name), exponent(layers, by_depth, name))
            for name in commands
        ]
    return Table(("pair", "contestant", "exponent in n", "exponent in layers"), rows)


def exponent(sizes, costs, name) -> float:
    """Slope of log cost over log size."""
    return float(np.polyfit(np.log(sizes), np.log([cost[name] for cost in costs]), 1)[0])


def every(field: Field, n: int, rounds: int, names: Iterable[str] = ()) -> Table:
    """Seconds of every activation alone and of every surrogate with the partners, by target and precision.

    names restricts the pairs to those in which one of them occurs.
    """
    pairs = [(name, None) for name in symntk.activations]
    pairs += [(partner, name) for partner in PARTNERS for name in symntk.surrogates]
    wanted = set(names)
    rows = []
    for activation, surrogate in tqdm([pair for pair in pairs if not wanted or wanted & set(pair)], leave=False):
        for precision in ("64", "32"):
            try:
                with started(field.modules(activation, surrogate, precision), field.folder) as workers:
                    spent = alternate(workers, rounds, inputs=field.inputs(n), ask=asked(surrogate))
            except SystemExit as error:
                spent = {"": np.nan}
                field.missing[title(activation, surrogate)] = str(error).splitlines()[-1]
            rows += [(title(activation, surrogate), f"float{precision}", *item) for item in spent.items()]
    return Table(
        ("pair", "precision", "target", "core s"), sorted(rows, key=lambda row: -np.nan_to_num(row[3], nan=1e9))
    )


def surrogate_beside_true(field: Field, pairs: Iterable[tuple[str, str | None]], n: int, rounds: int) -> Table:
    """Core seconds of sg_ntk over those of ntk, each with nngp, where both exist."""
    rows = []
    for activation, surrogate in tqdm([pair for pair in pairs if pair[1]], leave=False):
        with started(field.modules(activation, surrogate, "64"), field.folder) as workers:
            spent = {name: [] for name in workers}
            for counted in [False] + [True] * rounds:
                for name, worker in workers.items():
                    both = [
                        worker.ask(do="time", inputs=field.inputs(n), ask=asked(None) | {"get": ["nngp", kernel]})
                        for kernel in ("ntk", "sg_ntk")
                    ]
                    if counted:
                        spent[name].append([one["seconds"] for one in both])
        for name, costs in spent.items():
            true, other = (statistics.median(column) for column in zip(*costs, strict=True))
            rows.append((title(activation, surrogate), name, true, other, other / true))
    return Table(("pair", "target", "nngp and ntk, s", "nngp and sg_ntk, s", "ratio"), rows)
