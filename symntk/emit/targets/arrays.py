"""What targets over array libraries with gradients share: whole arrays, slopes that are written, one Gram recursion."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from symntk.emit.code import is_singular
from symntk.emit.differentiate import held
from symntk.emit.expressions import node_of
from symntk.emit.layers import MEANS, LayerMap
from symntk.emit.library import functions, needed
from symntk.emit.standalone import GRAMS, kernels_doc, with_slopes
from symntk.emit.targets.base import PythonTarget, escaped
from symntk.emit.targets.tabulated import tables_code, tabulated_code
from symntk.language.symbols import STATE

_CANCEL = ("exp_normal_cdf", "exp_bivariate", "exp_erfi")
"""Functions of which terms are added that may be large: what cancels then is not in float32."""
_ENTRIES = ("var_u", "var_v", "cov")


_ASKED = '''
def _asked(get, depth):
    """Refuse what is no depth, and kernels that are not here."""
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    for name in get:
        if name not in _MAPS:
            raise ValueError(f"get has {name!r}. Try: {', '.join(_MAPS)}")
'''


class Texts(NamedTuple):
    """The parts of a module that are the same for every pair."""

    support: str
    """Functions of arrays: `_numbers`, `_law`, which gives a determinant, and `_differentiable`."""
    gram: str
    """The recursion."""
    library: str
    """The name of the library, whose functions are called as NumPy's."""
    array: str
    """NumPy's x as an array of the library, with the type and the place of a."""


class ArrayTarget(PythonTarget):
    """A library of arrays with gradients.

    Args:
        name: the target's.
        native: what the library calls the functions that it has.
        choice: its way to choose by a condition, as in `PythonTarget`.
        imports: import lines.
        texts: the fixed parts.
    """

    slopes = shortcuts = True

    def __init__(self, name: str, native: Mapping[str, str], choice: str, imports: str, texts: Texts) -> None:
        self.native, self.imports, self.texts = native, imports, texts
        lacking = {one: f"_{one}" for one in functions() if one not in native}
        super().__init__(name, {**native, **lacking}, choice)

    def library(self, calls: frozenset[str]) -> str:
        """The fixed support and what the library lacks."""
        code = [self.write(one.definition) for one in needed(calls, self.native)]
        return "\n\n\n".join([self.texts.support.strip("\n"), *code])

    def tables(self, maps: Sequence[LayerMap]) -> str:
        """The tables that stand for maps, and the function `_{name}` of each."""
        tables = [one.table for one in maps if one.table is not None]
        code = tables_code(tables, self.texts.library, self.texts.array)
        return "\n\n\n".join([code, *map(tabulated_code, maps)])

    def map(self, layer: LayerMap) -> str:
        """The map with its derivatives, and the function of arrays that a user calls."""
        moving, fixed = ("a", "b", "c", *(MEANS if layer.means else ()), *layer.arguments), held(layer)
        slopes = [
            f"_{layer.name}_{by}" if by in layer.slopes else f"_{layer.name}_by_{by}" if by in layer.arguments else None
            for by in moving
        ]
        others = [f"_{layer.name}_by_{by}" if by in fixed and by in layer.slopes else None for by in moving]
        tables = ", ".join(f"({', '.join(map(str, one))})" for one in (slopes, others))
        definitions = [one for each in with_slopes(layer) for one in each.definitions]
        least = ", 1.0" if any(map(is_singular, definitions)) else ""
        least += ", unbounded=True" if least and layer.divergent else ""
        cancels = any(name in _CANCEL for one in definitions for name in one.calls())
        precise = ", precise=True" if cancels else ""
        rule = f"_{layer.name}_at = _differentiable(_{layer.name}, {tables}{least}{precise})"
        if layer.table is not None and layer.definitions:
            rule += f"\n_{layer.name}_quick = _differentiable(_{layer.name}_table, {tables})"
        return f"{rule}\n\n\n{self._public(layer, ('a', 'b', 'c', 'det', *moving[3:]))}"

    def _public(self, layer: LayerMap, moving: tuple[str, ...]) -> str:
        means = ["mean_u", "mean_v"] if layer.means else []
        signature = ", ".join(
            [*_ENTRIES, *(f"{name}=0.0" for name in means), *(["*", *layer.keywords] if layer.keywords else [])]
        )
        text = f"{layer.title}: {layer.text}." if len(layer.text) < 400 else f"{layer.title}."
        doc = textwrap.wrap(f'"""{escaped(text)}"""', 112, break_long_words=False)
        passed = [*_ENTRIES, *means, *layer.keywords]
        names = [*(name for name in moving if name != "det")]
        at = ", ".join(moving)
        lines = [*doc, f"{', '.join(names)} = _numbers({', '.join(passed)})", "det = _law(a, b, c)"]
        value = f"_{layer.name}_at({at})"
        state = dict(zip(STATE, ("a", "b", "c", "m1", "m2"), strict=True))
        state |= dict(zip(layer.parameters, layer.arguments, strict=True))
        for condition in layer.conditions:
            gap = self.expression(node_of(condition.gts - condition.lts, state))
            value = self._choice.format(condition=f"{gap} > 0.0", yes=value, no='float("inf")')
        return "\n".join([f"def {layer.name}({signature}):", *(f"    {line}" for line in [*lines, f"return {value}"])])

    def gram(self, layers: Mapping[str, LayerMap], scales: str) -> str:
        """The recursion, a function for each kernel, and `kernels`."""
        grams = [name for name in layers if name in GRAMS]
        keywords = list(dict.fromkeys(keyword for name in grams for keyword in layers[name].keywords))
        rows = [
            f'    "{name}": (_{layers[name].name}_at, ({_tuple(layers[name].keywords)}), {layers[name].divergent}),'
            for name in grams
        ]
        quick = [name for name in grams if layers[name].table and layers[name].definitions]
        quickly = ", ".join(f'"{name}": _{layers[name].name}_quick' for name in quick)
        table = "\n".join(["_MAPS = {", *rows, "}", f"_QUICK = {{{quickly}}}  # NaN beyond their tables"])
        extra = "".join(f", {keyword}" for keyword in keywords)
        passed = f"{{{', '.join(f'{keyword!r}: {keyword}' for keyword in keywords)}}}"
        shared = f"{scales}{extra}"
        code = [table, _ASKED.strip("\n"), self.texts.gram.strip("\n")]
        for name in grams:
            code.append(
                f'def {name}(x1, x2=None, *, {shared}):\n    """{GRAMS[name]}"""\n'
                f'    return _kernels(x1, x2, ("{name}",), depth, weight_std, bias_std, {passed})[0]'
            )
        get = ", ".join(f'"{name}"' for name in grams) + ("," if len(grams) == 1 else "")
        doc = kernels_doc(
            "Where a kernel is infinite the result is.", "inputs that are not two-dimensional or not of one width"
        )
        code.append(
            f"def kernels(x1, x2=None, *, get=({get}), {shared}):\n{doc}\n"
            f"    get = (get,) if isinstance(get, str) else tuple(get)\n"
            f"    return _kernels(x1, x2, get, depth, weight_std, bias_std, {passed})"
        )
        return "\n\n\n".join(code)


def _tuple(names: tuple[str, ...]) -> str:
    return "".join(f"{name!r}, " for name in names).rstrip()
