"""NumPy modules: formulas on arrays, and Gram matrices in tiles that stay in the processor's cache."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from symntk.emit.closure import helpers
from symntk.emit.code import Definition, SumOver, is_singular
from symntk.emit.expressions import node_of
from symntk.emit.fused import fused
from symntk.emit.layers import LAW, MEANS, LayerMap
from symntk.emit.library import functions, needed
from symntk.emit.standalone import GRAMS, kernels_doc
from symntk.emit.targets.base import PythonTarget, escaped
from symntk.emit.targets.numpy import NUMPY
from symntk.language.symbols import STATE

_NATIVE = {
    **{name: NUMPY.functions[name] for name in ("sqrt", "exp", "log", "cos", "sin", "abs", "atan2", "normal_cdf")},
    "expm1": "np.expm1",
    **{name: f"special.{name}" for name in ("erf", "erfc", "erfcx")},
}
_ENTRIES = ("var_u", "var_v", "cov")
_OVER = '''
def _over(term, rows):
    """The sum of a term over the rows of a table."""
    return sum(term(*row) for row in rows)
'''
_KERNELS = """
def kernels(x1, x2=None, *, get=({get}), {scales}{extra}):
{doc}
    if isinstance(depth, bool) or not isinstance(depth, int | np.integer) or depth < 1:
        raise ValueError(f"depth = {{depth!r}}: it counts weight layers. Try: an integer of at least 1")
    scales = _squared("weight_std", weight_std, depth), _squared("bias_std", bias_std, depth)
{checked}    return _kernels_of(x1, x2, get, *scales, [{maps}] * (depth - 1))
"""
_NETWORK = '''
_WEIGHT_STD = {weight_std!r}
_BIAS_STD = {bias_std!r}


def kernels(x1, x2=None, *, get=({get}), singular="raise"):
    """Gram matrices of several kernels of this network in one pass, in the order of `get`.

    x1 is (n1, features), x2 (n2, features) or None for x1; a result is (n1, n2), row = first argument, in float32 where
    all inputs are.

    Raises ValueError for inputs that are not two-dimensional, not of one width, or not finite, and for infinite
    entries, unless singular is "inf".
    """
    return _kernels_of(x1, x2, get, *_scales(), _layers(), singular != "inf")
'''


class NumpyModule(PythonTarget):
    """Modules that import NumPy, and SciPy's special functions where a formula has them."""

    slopes, shortcuts = False, True
    imports = "import numpy as np\nimport scipy.special as special"
    over = "_over(lambda {names}: {term}, ({rows}))"

    def __init__(self) -> None:
        lacking = {one: f"_{one}" for one in functions() if one not in _NATIVE}
        super().__init__("numpy", {**_NATIVE, **lacking}, "np.where({condition}, {yes}, {no})")

    def body(self, definition: Definition) -> list[str]:
        """The lines of a function; at full correlation those that are 0/0 take their limit, at an angle of 1e-16."""
        lines = super().body(definition)
        if set(LAW) <= set(definition.arguments) and is_singular(definition):
            lines = ["d = np.maximum(d, 1e-16 * np.sqrt(a * b))", "det = np.maximum(det, d * d)", *lines]
        return lines

    def library(self, calls: frozenset[str]) -> str:
        """What NumPy and SciPy lack."""
        found = [one.definition for one in needed(calls, _NATIVE)]
        sums = any(isinstance(one, SumOver) for definition in found for one in definition.nodes())
        return "\n\n\n".join([*([_OVER.strip("\n")] if sums else []), *map(self.write, found)])

    def tables(self, maps: Sequence[LayerMap]) -> str:
        """The function `_{name}` of each map that a table stands for; the tables are at the end."""
        return "\n\n\n".join(
            f"def _{one.name}(a, b, c, det, d):\n    return _stored_values({one.table.name}, a, b, c, d)"
            for one in maps
            if one.table is not None and not one.definitions
        )

    def map(self, layer: LayerMap) -> str:
        """The function that a user calls."""
        means = ["mean_u", "mean_v"] if layer.means else []
        rest = [*means, *layer.keywords]
        signature = [*_ENTRIES, *(f"{name}=0.0" for name in means), *(["*", *layer.keywords] if layer.keywords else [])]
        text = f"{layer.title}: {layer.text}." if len(layer.text) < 400 else f"{layer.title}."
        doc = textwrap.wrap(f'"""{escaped(text)}"""', 112, break_long_words=False)
        passed = [_whole(layer, f"_{layer.name}"), f"({', '.join(_ENTRIES)})"]
        conditions = self._conditions(layer)
        passed += [_tuple(rest)] if rest or conditions else []
        passed += [_tuple(conditions)] if conditions else []
        lines = [f"def {layer.name}({', '.join(signature)}):", *doc, f"return _of_laws({', '.join(passed)})"]
        return "\n".join([lines[0], *(f"    {line}" for line in lines[1:])])

    def _conditions(self, layer: LayerMap) -> list[str]:
        """Functions that are positive where the map is finite, and what is wrong elsewhere."""
        names = ["a", "b", "c", *(MEANS if layer.means else ()), *layer.arguments]
        state = dict(zip(STATE, ("a", "b", "c", *MEANS), strict=True))
        state |= dict(zip(layer.parameters, layer.arguments, strict=True))
        out = []
        for condition in layer.conditions:
            gap = self.expression(node_of(condition.gts - condition.lts, state))
            out.append(f"(lambda {', '.join(names)}: {gap}, 'the expectation is infinite, since not {condition},')")
        for symbol, name in zip(layer.parameters, layer.arguments, strict=True):
            if symbol.is_positive:
                out.append(f"(lambda {', '.join(names)}: {name}, '{symbol.name} is not positive')")
        return out

    def gram(self, layers: Mapping[str, LayerMap], scales: str) -> str:
        """The maps of a layer, a function for each kernel, and `kernels`."""
        grams = {name: layer for name, layer in layers.items() if name in GRAMS}
        needs = {name: tuple(dict.fromkeys((*grams["nngp"].keywords, *grams[name].keywords))) for name in grams}
        words = {s.name: s for layer in grams.values() for s in layer.parameters}
        maps, code = self.layer(grams)
        get = ", ".join(f'"{name}"' for name in grams) + ("," if len(grams) == 1 else "")
        made = f"_maps({', '.join(words)})"
        for name in grams:
            passed = ("depth", "weight_std", "bias_std", *needs[name])
            code.append(
                f'def {name}(x1, x2=None, *, {", ".join([scales, *needs[name]])}):\n    """{GRAMS[name]}"""\n'
                f'    return kernels(x1, x2, get="{name}", {", ".join(f"{word}={word}" for word in passed)})[0]'
            )
        checked = ""
        for word, symbol in words.items():
            asking = _tuple([f'"{name}"' for name in grams if word in needs[name]])
            checked += f'    {word} = _parameter("{word}", {word}, get, {asking}, {bool(symbol.is_positive)})\n'
        extra = "".join(f", {word}=None" for word in words)
        doc = kernels_doc(
            "It is in float32 where all inputs are.",
            "inputs that are not two-dimensional, not of one width, or not finite, and infinite kernels",
        )
        given = {"get": get, "scales": scales, "extra": extra, "doc": doc, "maps": made, "checked": checked}
        code.append(_KERNELS.strip("\n").format(**given))
        rows = "".join(f'        "{name}": {text},\n' for name, text in maps.items())
        code.append(f'def {made}:\n    """The maps of a hidden layer."""\n    return {{\n{rows}    }}')
        return "\n\n\n".join(code)

    def network(
        self,
        names: Sequence[str],
        hidden: Sequence[Mapping[str, LayerMap]],
        near: Sequence[Sequence[LayerMap]],
        weight_std: Sequence[float],
        bias_std: Sequence[float],
    ) -> list[str]:
        """The code of a network: a function for each kernel and its map of entries of Σ¹; layers may differ.

        Args:
            names: the kernels.
            hidden: each hidden layer's maps by kernel.
            near: E[f' f'], E[h h] and E[f h] with h(x) = x f'(x) of layers that follow nearly equal inputs.
            weight_std: the scales, one for each weight layer.
            bias_std: the same.
        """
        get = ", ".join(f'"{name}"' for name in names) + ("," if len(names) == 1 else "")
        code, rows, known = list[str](), list[str](), dict[tuple[str, ...], str]()
        for name in names:
            code.append(
                f'def {name}(x1, x2=None, *, singular="raise"):\n    """{GRAMS[name]}"""\n'
                f'    return kernels(x1, x2, get="{name}", singular=singular)[0]'
            )
            code.append(
                f'def {name}_map(var_u, var_v, cov):\n    """The same for entries of Σ¹, which broadcast."""\n'
                f'    return _of_laws(_network_map("{name}", *_scales(), _layers()), (var_u, var_v, cov))'
            )
        code.append(_NETWORK.strip("\n").format(weight_std=tuple(weight_std), bias_std=tuple(bias_std), get=get))
        code.append(
            'def _scales():\n    """The squares of the scales."""\n'
            "    return np.square(_WEIGHT_STD), np.square(_BIAS_STD)"
        )
        tiles = list[str]()
        for layer, follow in zip(hidden, near, strict=True):
            key = tuple(one.name for one in (*layer.values(), *follow))
            if key not in known:
                maps, made = self.layer(layer)
                tiles += made
                maps |= {"near": f"_nearly({', '.join(f'_{one.name}' for one in follow)})"} if follow else {}
                known[key] = "{" + ", ".join(f'"{name}": {text}' for name, text in maps.items()) + "}"
            rows.append(known[key])
        listed = "\n".join(f"        {row}," for row in rows)
        code += list(dict.fromkeys(tiles))
        code.append(f'def _layers():\n    """The maps of each hidden layer."""\n    return [\n{listed}\n    ]')
        return code

    def ending(self, code: str, maps: Sequence[LayerMap]) -> str:
        """The numerical helpers that the code needs, and the tables."""
        tables = {one.table.name: "\n".join(one.table.source()) for one in maps if one.table is not None}
        support = helpers("\n\n\n".join([code, *tables.values()]))
        return "\n\n\n".join(
            [f"# Numerical helpers, free to use under the terms of BSD-3-Clause\n\n\n{support}", *tables.values()]
        )

    def layer(self, maps: Mapping[str, LayerMap]) -> tuple[dict[str, str], list[str]]:
        """The maps of one hidden layer as `_Map`s by kernel, and the functions of tiles that they need."""
        code, out = list[str](), dict[str, str]()
        base = maps["nngp"]
        for name, layer in maps.items():
            gives, swapped = f'("{name}",)', name == "sg_ntk"
            if layer.table is not None:
                tile = f"_by_table({layer.table.name}, {not swapped})"
            else:
                parts = [layer] if name == "nngp" or base.table is not None else [base, layer]
                gives = f'("nngp", "{name}")' if len(parts) > 1 else gives
                made = [one.definitions[0] for one in parts]
                words = tuple(dict.fromkeys(word for one in parts for word in one.arguments))
                own = f"_{'_'.join(one.name for one in parts)}_tile"
                written = fused(own, made, words, len(made) - 1 if swapped else None)
                code.append(self.write(written))
                words = tuple(dict.fromkeys(word for one in parts for word in one.keywords))
                tile = f"_by_formula({_given(written.name, ('a', 'b', 'c'), words)})"
            passed = [_whole(layer, _given(f"_{layer.name}", LAW, layer.keywords)), tile, gives]
            passed += [repr(not swapped), repr(layer.diagonal if layer.divergent else "")]
            out[name] = f"_Map({', '.join(passed)})"
        return out, code


def _whole(layer: LayerMap, function: str) -> str:
    """The function of laws, which at full correlation is infinite where the map diverges."""
    return f"_unbounded({function})" if layer.divergent else function


def _given(function: str, arguments: Sequence[str], words: Sequence[str]) -> str:
    """The function with its last arguments given."""
    if not words:
        return function
    return f"lambda {', '.join(arguments)}: {function}({', '.join([*arguments, *words])})"


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


TARGET = NumpyModule()
