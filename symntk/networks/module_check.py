"""The module of a network, which may have been edited, beside the network that it was derived from.

As in `kernels.module_check`: the docstring holds the pairs of the layers, the scales and the parameters; the network
is made again and written again. Its Gram functions are compared with those of the network, its maps with those that
are written today.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from symntk.emit.compile import namespace
from symntk.emit.module import ORIGIN
from symntk.errors import SymntkError
from symntk.kernels.module_check import verify_module as verify_pair
from symntk.kernels.pair import derive_again, other_functions
from symntk.networks.export import LAYERS, NUMBERS
from symntk.networks.network import Network
from symntk.verify.files.compare import ModuleCheck, Values, answer, answer_of, compared
from symntk.verify.files.module import no_module, read_module
from symntk.verify.files.read import read_pair
from symntk.verify.points import edge_points, random_points

_INPUTS = np.array([[0.3, -1.2], [1.1, 0.4], [-0.6, 2.4], [0.5, 0.9], [0.0, 0.0]])  # the third is −2 times the first
_MOST_LAYERS = 1000


def verify_module(
    path: str | Path, *, run: bool = False, progress: Callable[[str, str], None] | None = None
) -> ModuleCheck:
    """Compare an exported module, of a pair or of a network, with what it was derived from.

    Args:
        path: the file.
        run: compare values also where the code is not what symntk writes; this runs the file's code.
        progress: called with the name of a function and what is compared next.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no exported module, or what it was derived from cannot be derived.
    """
    file = read_module(path)
    record = file.record(ORIGIN)
    if not isinstance(record, dict) or LAYERS not in record:
        found: ModuleCheck = verify_pair(path, run=run, progress=progress)
        return found
    show = progress or (lambda *_: None)
    net, numbers, differences = _network(record, file.asked)
    show("the text", "derived and written again")

    def values(space: dict[str, Any], own: dict[str, Any]) -> Iterator[Values]:
        for name in net.names:
            show(name, "Gram function")
            yield _grams(name, space, net, numbers)
            show(name, "map")
            yield _maps(name, space, own)

    return compared(file, net.source(target="numpy", **numbers), differences, values, namespace, run=run)


def _network(record: dict[str, Any], asked: str) -> tuple[Network, dict[str, float], list[str]]:
    """The network of a record, its parameters, and what functions are not what they were."""
    try:
        pairs = [read_pair(pair, "a layer") for pair in record[LAYERS]]
        scales = [[float(value) for value in record[key]] for key in ("weight_std", "bias_std")]
        numbers = {str(name): float(value) for name, value in dict(record[NUMBERS]).items()}
    except (SymntkError, KeyError, TypeError, ValueError) as error:
        raise no_module(asked, "the record of its network cannot be read") from error
    if not 0 < len(scales[0]) == len(scales[1]) <= _MOST_LAYERS or len(pairs) not in (1, len(scales[0]) - 1):
        raise no_module(asked, "the record of its network has layers without scales, or scales without layers")
    known: dict[str, Any] = {}
    for pair in pairs:
        text = json.dumps(pair, sort_keys=True)
        known[text] = known.get(text) or derive_again(pair, asked)
    layers = [known[json.dumps(pair, sort_keys=True)] for pair in pairs]
    differences = [line for pair, one in zip(pairs, layers, strict=True) for line in other_functions(pair, one)]
    kernels = layers[0] if len(layers) == 1 else layers
    net = Network(kernels, len(scales[0]), weight_std=scales[0], bias_std=scales[1])
    return net, numbers, list(dict.fromkeys(differences))


def _grams(name: str, space: dict[str, Any], net: Network, numbers: dict[str, float]) -> Values:
    """The Gram function at inputs, with themselves and with others, against the network."""
    for pair in ((_INPUTS[:1], _INPUTS[1:2]), (_INPUTS[:2], _INPUTS[2:4]), (_INPUTS,)):
        given = [np.array(one) for one in pair]
        expected = answer(lambda given=given: getattr(net, name)(*given, **numbers))  # type: ignore[misc]
        yield f"{name} at {len(given[0])} inputs", answer_of(space, name, *pair), expected


def _maps(name: str, space: dict[str, Any], own: dict[str, Any]) -> Values:
    """The map of the first layer's covariance at random points and at edges, against the code of today."""
    for point in [*random_points(Random(1), 3), *edge_points()]:
        law = point.law[:3]
        shown = ", ".join(f"{number:.6g}" for number in law)
        yield f"{name}_map({shown})", answer_of(space, f"{name}_map", *law), answer_of(own, f"{name}_map", *law)
