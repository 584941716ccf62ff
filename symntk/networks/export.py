"""A standalone module with the kernels of one network: fixed depth, fixed scales, maps that differ between layers."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from symntk.emit.module import ABOUT, ORIGIN
from symntk.emit.targets.base import escaped
from symntk.errors import FormulaError
from symntk.kernels.expectation import Expectation
from symntk.kernels.kernels import Kernels
from symntk.kernels.layers import layer_map
from symntk.kernels.pair import pair_record
from symntk.kernels.tables import with_shortcut
from symntk.language.tables.registry import exact
from symntk.networks.composed import composed_formula, formula_size
from symntk.networks.layers import Plan
from symntk.version import VERSION

if TYPE_CHECKING:
    from symntk.emit.layers import LayerMap

LAYERS, NUMBERS = "layers", "parameters"
"""Keys of a network's record in its module's docstring."""
_LARGEST = 500  # nodes of a formula that a docstring shows


def network_source(plans: dict[str, Plan], numbers: dict[str, float], title: str, layers: Sequence[Kernels]) -> str:
    """The module as text: nngp(x1, x2=None) and nngp_map(var_u, var_v, cov) and so on for each plan's name.

    Args:
        plans: name -> plan, as `Network` makes them.
        numbers: a number for each free parameter; the module has no parameters.
        title: what its docstring calls the network.
        layers: what each hidden layer was derived from, which the docstring holds for `symntk verify --module`.

    Raises:
        FormulaError: a map has neither a closed form nor a table.
    """
    from symntk.emit.standalone import assembled
    from symntk.emit.targets.numpy_module import TARGET

    maps: dict[Expectation, LayerMap] = {}

    def written(E: Expectation) -> LayerMap:
        if E not in maps:
            values = {s: exact(numbers[s.name]) for s in E.parameters}
            one = Expectation(E.f.at(values), E.g.at(values), tol=E.tol) if values else E
            maps[E] = with_shortcut(one, layer_map(one, f"layer_map_{len(maps) + 1}", str(one)))
        return maps[E]

    hidden: list[dict[str, LayerMap]] = []
    near: list[tuple[LayerMap, ...]] = []
    kinds = next(iter(plans.values())).layers
    for index, one in enumerate(kinds):
        slopes = {name: plan.layers[index].slope for name, plan in plans.items()}
        hidden.append({name: written(E) for name, E in (slopes | {"nngp": one.cross}).items() if E is not None})
        # tables would not tell what nearly cancels, and the last layer hands nothing on
        follow = one.near is not None and one.most_near == inf and index + 1 < len(kinds)
        near.append(tuple(map(written, one.near or ())) if follow else ())
    any_plan = next(iter(plans.values()))
    text = _docstring(plans, numbers, title, layers)
    code = TARGET.network(list(plans), hidden, near, any_plan.weight_std, any_plan.bias_std)
    return assembled(TARGET, text, list(maps.values()), code)


def target_source(layers: Sequence[Kernels], plan: Plan, numbers: dict[str, float], title: str, target: str) -> str:
    """The module of a pair for another target, whose Gram functions have this network's depth and scales.

    Raises:
        FormulaError: the layers have different activations, or there is no hidden layer.
    """
    from symntk.emit.module import docstring
    from symntk.emit.standalone import standalone, target_of
    from symntk.kernels.layers import layer_maps

    found = target_of(target)
    if not layers or any(one is not layers[0] for one in layers):
        wrong = "its layers have different activations" if layers else "it has no hidden layer"
        raise FormulaError(f"code of {title} for {target}", wrong, 'target="numpy"')
    values = {s: exact(numbers[s.name]) for _, E in layers[0].items() for s in E.parameters}
    kernels = layers[0].at(values)
    module = kernels.module
    maps = layer_maps(dict(kernels.items()), {name: m.title for name, m in module.maps.items()}, target=found)
    scales = f"depth={len(layers) + 1}, weight_std={plan.weight_std!r}, bias_std={plan.bias_std!r}"
    return standalone(found, docstring(module.of(maps)), maps, scales)


def _docstring(plans: dict[str, Plan], numbers: dict[str, float], title: str, layers: Sequence[Kernels]) -> str:
    plan = next(iter(plans.values()))
    lines = [f'"""Kernels of {title}, derived and written by symntk {VERSION}.', ""]
    lines += textwrap.wrap(f"weight_std {plan.weight_std}, bias_std {plan.bias_std}, one for each weight layer.", 116)
    lines += [f"{name} = {value!r}" for name, value in numbers.items()]
    lines += ["", "a, b, c are the entries of the first layer's covariance, weight_std^2/n_0 <x, x'> + bias_std^2."]
    for name, one in plans.items():
        try:
            formula = composed_formula(one)
            shown = str(formula) if formula_size(formula) <= _LARGEST else "the recursion below; the formula is long"
        except FormulaError as error:
            shown = error.wrong
        lines += ["", f"{name}_map(var_u, var_v, cov):"]
        lines += textwrap.wrap(shown, 112, initial_indent="    ", subsequent_indent="    ")
        if one.divergent is not None:
            lines += textwrap.wrap(one.reason()[0], 112, initial_indent="    ", subsequent_indent="    ")
    lines += ["", *ABOUT, "", ORIGIN, _origin(plan, numbers, layers), '"""']
    return escaped("\n".join(lines))


def _origin(plan: Plan, numbers: dict[str, float], layers: Sequence[Kernels]) -> str:
    """The record of the network, one line of JSON; one pair where all layers have the same."""
    pairs = [pair_record(one) for one in layers]
    record = {
        LAYERS: pairs[:1] if all(pair == pairs[0] for pair in pairs) else pairs,
        "weight_std": list(plan.weight_std),
        "bias_std": list(plan.bias_std),
        NUMBERS: numbers,
    }
    return json.dumps(record, sort_keys=True)
