"""A standalone module with the kernels of one network: fixed depth, fixed scales, maps that differ between layers."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Sequence
from functools import cache
from importlib import resources

from symntk.emit.gram import LayerCode
from symntk.emit.maps import AnyMap
from symntk.emit.module import ABOUT, ORIGIN, assemble, map_code
from symntk.emit.targets.base import escaped
from symntk.errors import FormulaError
from symntk.kernels.expectation import Expectation
from symntk.kernels.kernels import Kernels
from symntk.kernels.pair import pair_record
from symntk.language.tables.registry import exact
from symntk.networks.composed import composed_formula, formula_size
from symntk.networks.layers import Layer, Plan, with_numbers
from symntk.version import VERSION

LAYERS, NUMBERS = "layers", "parameters"
"""Keys of a network's record in its module's docstring."""
_LARGEST = 500  # nodes of a formula that a docstring shows
_WHAT = {
    "nngp": "the network's Gaussian process",
    "ntk": "the neural tangent kernel",
    "sg_ntk": "the surrogate-gradient NTK, true derivative at x1, surrogate derivative at x2",
}


def network_source(plans: dict[str, Plan], numbers: dict[str, float], title: str, layers: Sequence[Kernels]) -> str:
    """The module as text: nngp(x1, x2=None) and nngp_map(var_u, var_v, cov) and so on for each plan's name.

    Args:
        plans: name -> plan, as `Network` makes them.
        numbers: a number for each free parameter; the module has no parameters.
        title: what its docstring calls the network.
        layers: what each hidden layer was derived from, which the docstring holds for `symntk verify --module`.
    """
    writer = _Writer(numbers)
    kernels = [writer.kernel(name, plan) for name, plan in plans.items()]
    any_plan = next(iter(plans.values()))
    scales = f"_WEIGHT_STD = {any_plan.weight_std!r}\n_BIAS_STD = {any_plan.bias_std!r}"
    code = "\n\n\n".join([scales, *kernels, *writer.code, *writer.layers.functions.values(), _recursion()])
    return str(assemble(_docstring(plans, numbers, title, layers), code))


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
    return standalone(found, docstring(module), maps, scales)


class _Writer:
    """Writes each expectation once, under a name of its own."""

    def __init__(self, numbers: dict[str, float]) -> None:
        self.numbers = numbers
        self.code: list[str] = []
        self.layers = LayerCode()
        self.known: dict[Expectation, tuple[str, AnyMap, tuple[float, ...]]] = {}

    def written(self, E: Expectation) -> tuple[str, AnyMap, tuple[float, ...]]:
        """Name, map and parameters of an expectation."""
        if E not in self.known:
            name = f"layer_map_{len(self.known) + 1}"
            one = with_numbers(E, self.numbers)
            m = one.as_map(name, str(one))
            self.known[E] = name, m, tuple(self.numbers[s.name] for s in one.parameters)
            self.code.append(map_code(m))
        return self.known[E]

    def near(self, one: Layer) -> str:
        """The maps by which nearly equal inputs are followed, as an expression."""
        if one.near is None:
            return "None"
        return f"(lambda: ({', '.join(self.given(E) for E in one.near)}), float({str(one.most_near)!r}))"

    def layer(self, one: Layer) -> str:
        """The dictionary that the recursion reads."""
        maps = [self.written(E)[1] for E in (one.cross, one.slope) if E is not None]
        divergent = [False, one.divergent]
        listed = [self.layers.expression(m, maps[0], d, self.numbers) for m, d in zip(maps, divergent, strict=False)]
        rows = {
            "first": self.given(one.first),
            "second": self.given(one.second),
            "maps": f"[{', '.join(listed)}]",
            "equal": repr(one.equal),
            "near": self.near(one),
        }
        return "        {\n" + "".join(f'            "{key}": {value},\n' for key, value in rows.items()) + "        },"

    def given(self, E: Expectation) -> str:
        """The map (a, b, cov, det), as an expression."""
        name, _, values = self.written(E)
        if not values:
            return f"_{name}_given"
        return f"lambda a, b, c, det: _{name}_given(a, b, c, det, {', '.join(map(repr, values))})"

    def kernel(self, name: str, plan: Plan) -> str:
        """The Gram function and the function of Σ¹."""
        singular = plan.divergent is not None
        wrong, advice = plan.reason()
        call = f"_network_gram(x1, x2, _WEIGHT_STD, _BIAS_STD, _{name}_layers(), [{plan.kernel}])[0]"
        reason = f"{wrong}. Try: {advice}"
        finite = f"_network_finite(gram, x2 is None, {reason!r})"
        option, exception = (", *, singular='raise'", ", unless singular is 'inf'") if singular else ("", "")
        lines = [
            f"def {name}(x1, x2=None{option}):",
            f'    """Gram matrix of {_WHAT[name]}.',
            "",
            "    x1 is (n1, features), x2 (n2, features) or None for x1; the result is (n1, n2), row = first argument.",
            "",
            "    Raises ValueError for inputs that are not two-dimensional, not of one width, or not finite, and for",
            f"    infinite entries{exception}.",
            '    """',
            f"    gram = {call}",
            f"    return gram if singular == 'inf' else {finite}" if singular else f"    return {finite}",
            "",
            "",
            f"def {name}_map(var_u, var_v, cov):",
            '    """The same for entries of the first layer\'s covariance, which broadcast."""',
            f"    return _network_map(var_u, var_v, cov, _WEIGHT_STD, _BIAS_STD, _{name}_layers(), {plan.kernel})",
            "",
            "",
            f"def _{name}_layers():",
            f'    """The maps of each hidden layer of {name}."""',
            "    return [",
            *(self.layer(one) for one in plan.layers),
            "    ]",
        ]
        return "\n".join(lines)


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


@cache
def _recursion() -> str:
    """The functions of recursion.py as text."""
    text = resources.files("symntk.networks").joinpath("recursion.py").read_text(encoding="utf-8")
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    found = [ast.get_source_segment(text, node) for node in functions]
    return "\n\n\n".join(source for source in found if source)
