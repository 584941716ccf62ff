"""The one assembler of modules for targets other than the host's NumPy.

Stages: `emit.formula` makes a `Definition` of a derived value, `emit.layers` a `LayerMap` of it, with what holds at a
variance of 0 and with its slopes; a target writes the definitions, the functions that a user calls and the recursion of
Gram matrices; here they become one file, which imports the target's library only.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Protocol

from symntk.emit.code import Definition
from symntk.emit.differentiate import partials
from symntk.emit.formula import refuse_names
from symntk.emit.layers import LayerMap
from symntk.errors import FormulaError

TARGETS = {
    "numpy": "symntk.emit.targets.numpy_module",
    "jax": "symntk.emit.targets.jax",
    "neural-tangents": "symntk.emit.targets.neural_tangents",
    "numba": "symntk.emit.targets.numba",
    "torch": "symntk.emit.targets.torch",
}
"""Where the value TARGET of each is; a target is a file of its own."""
TABLE_IMPORTS = ("import base64", "import zlib", "from typing import NamedTuple", "import numpy as np")
"""What unpacks the numbers of tables."""
GRAMS = {
    "nngp": "Gram matrix of the network's Gaussian process; arguments and errors are those of `kernels`.",
    "ntk": "Gram matrix of the neural tangent kernel; arguments and errors are those of `kernels`.",
    "sg_ntk": "Gram matrix of the surrogate-gradient NTK, true derivative at x1; arguments as in `kernels`.",
}
"""Kernels that have Gram functions, and what these say of themselves."""
SCALES = "depth, weight_std=1.0, bias_std=0.0"
"""Their arguments besides the inputs."""


class ModuleTarget(Protocol):
    """A target that writes whole modules.

    `slopes` says that it takes the maps' derivatives, `shortcuts` that its Gram matrices take tables where these cost
    less than a formula; `imports` are its import lines.
    """

    name: str
    slopes: bool
    shortcuts: bool
    imports: str

    def write(self, definition: Definition) -> str:
        """A definition as source."""

    def library(self, calls: frozenset[str]) -> str:
        """What the functions of these names need beside the imports, as source; empty where nothing."""

    def map(self, layer: LayerMap) -> str:
        """The function that a user calls, `{name}(var_u, var_v, cov, …)`, and what the definitions need around them."""

    def tables(self, maps: Sequence[LayerMap]) -> str:
        """The tables that stand for maps, and the function `_{name}` of each."""

    def ending(self, code: str, maps: Sequence[LayerMap]) -> str:
        """What stands at the end: what the code calls that is the same in all modules, tables, or nothing."""

    def gram(self, layers: Mapping[str, LayerMap], scales: str) -> str:
        """Gram functions of the kernels among the keys, and `kernels`, which has several in one pass.

        `scales` are their arguments depth, weight_std and bias_std, with the values that they have by themselves.
        """


def target_of(name: str) -> ModuleTarget:
    """The target of a name.

    Raises:
        FormulaError: there is none.
    """
    if name not in TARGETS:
        raise FormulaError(f"code for the target {str(name)!r}", "it is not offered", ", ".join(TARGETS))
    found: ModuleTarget = importlib.import_module(TARGETS[name]).TARGET
    return found


def standalone(target: ModuleTarget, docstring: str, layers: Mapping[str, LayerMap], scales: str = SCALES) -> str:
    """The module's text: docstring, imports, library, maps, Gram functions."""
    code = [target.map(layer) for layer in layers.values()]
    if any(name in GRAMS for name in layers):
        code.append(target.gram(layers, scales))
    return assembled(target, docstring, list(layers.values()), code)


def kernels_doc(result: str, refused: str) -> str:
    """The docstring of `kernels`, indented; `result` is a sentence about its results, `refused` what it refuses."""
    parts = [
        f"x1 is (n1, features), x2 (n2, features) or None for x1; a result is (n1, n2), row = first argument. {result} "
        "depth counts weight layers; weights and biases are N(0, 1) in the NTK parametrization, scaled by weight_std "
        "and bias_std, each one number or one for each weight layer.",
        f"Raises ValueError for {refused}.",
    ]
    first = "Gram matrices of several kernels of one network in one pass, in the order of `get`."
    text = "\n\n".join([first, *(textwrap.fill(part, 116) for part in parts)])
    return textwrap.indent(f'"""{text}\n"""', "    ")


def assembled(target: ModuleTarget, docstring: str, layers: Sequence[LayerMap], code: Sequence[str]) -> str:
    """The text of a module with these maps, and code that uses them."""
    for layer in layers:
        refuse_names(layer.title, layer.parameters)
    maps = [one for layer in layers for one in with_slopes(layer)]
    definitions = {definition.name: definition for one in maps for definition in one.definitions}
    if target.slopes:
        definitions |= {one.name: one for layer in layers for one in partials(layer)}
    calls = frozenset(name for one in definitions.values() for name in one.calls()) - definitions.keys()
    tabulated = [one for one in maps if one.table is not None]
    if tabulated and not hasattr(target, "tables"):
        asked = f"code of {tabulated[0].title} for {target.name}"
        raise FormulaError(asked, "it has no closed form, and the target takes no tables", 'target="numpy"')
    parts = [
        target.library(calls),
        *([target.tables(tabulated)] if tabulated else []),
        *map(target.write, definitions.values()),
        *code,
    ]
    parts.append(target.ending("\n\n\n".join(parts), maps))
    body = "\n\n\n".join(part.strip("\n") for part in parts if part.strip())
    given = target.imports.splitlines()
    lines = [*(line for line in TABLE_IMPORTS if tabulated and line not in given), *given]
    imports = "\n".join(line for line in lines if " as " not in line or f"{line.split(' as ')[1]}." in body)
    return f"{docstring}\n\nfrom __future__ import annotations\n\n{imports}\n\n\n{body}\n"


def with_slopes(layer: LayerMap) -> list[LayerMap]:
    """A map and all its slopes, those first that others call."""
    return [*(one for slope in layer.slopes.values() for one in with_slopes(slope)), layer]
