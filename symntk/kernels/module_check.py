"""An exported module compared with what it was derived from: the pair that its docstring names, derived again.

The values of all maps and Gram functions are compared with the oracle-checked formulas at random and edge points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from symntk.emit.compile import namespace
from symntk.emit.module import ORIGIN
from symntk.errors import SymntkError
from symntk.kernels.pair import derive_again, other_functions
from symntk.verify.files.compare import Values, answer, answer_of, compared
from symntk.verify.files.module import ModuleFile, no_module, read_module
from symntk.verify.files.read import read_pair
from symntk.verify.points import edge_points, parameter_values, random_points

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation
    from symntk.kernels.kernels import Kernels

_SCALES: dict[str, float] = {"weight_std": 1.3, "bias_std": 0.4}
_INPUTS = np.array([[0.3, -1.2], [1.1, 0.4], [-0.6, 2.4], [0.5, 0.9], [0.0, 0.0]])  # the third is −2 times the first
_GRAMS = {"nngp": None, "ntk": "ntk", "sg_ntk": "sg_ntk"}


def verify_module(path: str | Path, *, run: bool = False, progress: Callable[[str, str], None] | None = None) -> Any:
    """Compare an exported module with what it was derived from.

    Args:
        path: the file.
        run: compare values also where the code is not what symntk writes; this runs the file's code.
        progress: called with the name of a function and what is compared next.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no exported module, or its pair cannot be derived.
    """
    file = read_module(path)
    show = progress or (lambda *_: None)
    pair = _pair(file)
    kernels = derive_again(pair, file.asked)
    show("the text", "derived and written again")

    def values(space: dict[str, Any], own: dict[str, Any]) -> Iterator[Values]:
        names = {s: parameter_values([s], {}, Random(0))[s] for _, E in kernels.items() for s in E.parameters}
        numbers = {symbol.name: float(value) for symbol, value in names.items()}
        for name, compare in (("maps", _map_values), ("Gram functions", _gram_values)):
            for kernel, _ in kernels.items():
                show(kernel, name)
                yield compare(kernel, space, own, kernels, numbers)

    return compared(file, kernels.source(), other_functions(pair, kernels), values, namespace, run=run)


def _pair(file: ModuleFile) -> dict[str, Any]:
    """The record of the pair that the docstring holds."""
    record = file.record(ORIGIN)
    try:
        found: dict[str, Any] = read_pair(record, "the pair")
    except SymntkError as error:
        raise no_module(file.asked, "the record of its pair cannot be read") from error
    return found


def _map_values(name: str, space: dict[str, Any], own: dict[str, Any], kernels: Kernels, numbers: Any) -> Values:
    """Each map at random points against mpmath, and at edges against the code that is written today."""
    E: Expectation = getattr(kernels, name)
    given = {s.name: numbers[s.name] for s in E.parameters}
    map_name = f"{name}_map"
    for point in random_points(Random(1), 3):
        law = point.law[:3]
        yield _call(map_name, law), answer_of(space, map_name, *law, **given), _reference(E, law, given)
    for point in edge_points():
        law = point.law[:3]
        expected = answer_of(own, map_name, *law, **given)
        yield _call(map_name, law), answer_of(space, map_name, *law, **given), expected


def _reference(E: Expectation, law: tuple[float, ...], given: dict[str, float]) -> Any:
    return answer(lambda: float(E.evalf(*law, dps=20, **given)))


def _gram_values(name: str, space: dict[str, Any], own: dict[str, Any], kernels: Kernels, numbers: Any) -> Values:
    """The Gram functions: two layers against mpmath, and deeper ones against the code that is written today."""
    if name not in _GRAMS:
        return
    E: Expectation = getattr(kernels, name)
    used = {s.name: numbers[s.name] for one in (kernels.nngp, E) for s in one.parameters}
    x, others = _INPUTS[:1], _INPUTS[1:2]
    expected = answer(lambda: [[_two_layers(name, kernels, x[0], others[0], numbers)]])
    found = answer_of(space, name, x, others, depth=2, **_SCALES, **used)
    yield f"{name}(x1, x2, depth=2)", found, expected
    for depth in (1, 3):
        for options in (_SCALES, {"weight_std": [1.1] * depth, "bias_std": [0.0] * depth}):
            for pair in ((_INPUTS,), (_INPUTS[:2], _INPUTS[2:4])):
                arguments = {"depth": depth, **options, **used}
                asked = f"{name} at depth {depth}"
                yield asked, answer_of(space, name, *pair, **arguments), answer_of(own, name, *pair, **arguments)


def _two_layers(name: str, kernels: Kernels, x: Any, other: Any, numbers: dict[str, float]) -> float:
    """The kernel of two weight layers for two inputs, by the recursion with mpmath's numbers."""
    weight, bias = _SCALES["weight_std"] ** 2, _SCALES["bias_std"] ** 2
    law = [weight * float(p @ q) / len(x) + bias for p, q in ((x, x), (other, other), (x, other))]

    def value(E: Expectation) -> float:
        return float(E.evalf(*law, dps=20, **{s.name: numbers[s.name] for s in E.parameters}))

    following = weight * value(kernels.nngp) + bias
    slope = _GRAMS[name]
    return following if slope is None else following + law[2] * weight * value(getattr(kernels, slope))


def _call(name: str, law: tuple[float, ...]) -> str:
    return f"{name}({', '.join(f'{number:.6g}' for number in law)})"
