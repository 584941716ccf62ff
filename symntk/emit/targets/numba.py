"""Numba: maps as compiled loops, and Gram matrices in one pass over blocks that stay in the processor's cache.

The code is written once for float64 and float32: `real` is the type of a function's arguments, and numbers are of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import cache

from symntk.emit.closure import helpers
from symntk.emit.code import Call, Choice, Definition, Name, Node, Number, SumOver, children, is_singular, walk
from symntk.emit.cost import is_costly
from symntk.emit.layers import LAW, LayerMap
from symntk.emit.library import functions, needed
from symntk.emit.module import requirements
from symntk.emit.standalone import GRAMS, kernels_doc
from symntk.emit.targets import numba_tables, numba_text
from symntk.emit.targets.base import PythonTarget, escaped
from symntk.emit.targets.numba_text import LIBRARY, recursion
from symntk.emit.targets.numpy import NUMPY

_LARGE = 150  # nodes of a function that is called rather than made part of what calls it
_MATH = ("sqrt", "exp", "expm1", "log", "sin", "cos", "erf", "erfc")


@cache
def _names() -> dict[str, str]:
    """What each function of `emit.code` is called."""
    return (
        {name: f"_{name}" for name in (*functions(), "atan2")}
        | {name: f"math.{name}" for name in _MATH}
        | {"abs": "abs"}
    )


class NumbaTarget:
    """Functions of scalars, compiled, and loops over arrays.

    >>> from symntk.emit.code import Name, call
    >>> print(TARGET.write(Definition("f", ("a", "b"), (), (call("sqrt", Name("a") + 1) * Name("b") ** 2,))))
    @_inline
    def f(a, b):
        real = type(a)
        return math.sqrt(a + real(1.0)) * b ** 2
    """

    name, slopes, shortcuts = "numba", False, True
    imports = "import math\nimport sys\n\nimport numba\nimport numpy as np\nfrom numba.extending import intrinsic"

    def write(self, definition: Definition) -> str:
        """The definition as a function of scalars."""
        return _Scalars(definition).write(definition)

    def library(self, calls: frozenset[str]) -> str:
        """The arctangent, what Numba lacks of the functions called, and what checks arguments."""
        lacking = [self.write(one.definition) for one in needed(calls, _names())]
        return "\n\n\n".join([LIBRARY.strip("\n"), helpers(LIBRARY), *lacking])

    def map(self, layer: LayerMap) -> str:
        """The function of arrays that a user calls, and the loop over entries that it calls."""
        rest = [*(("m1", "m2") if layer.means else ()), *layer.arguments]
        many = [
            "@_compiled",
            f"def _{layer.name}_many({', '.join(['a', 'b', 'c', *rest])}, out):",
            "    for i in range(out.size):",
            "        det = _determinant(a[i], b[i], c[i])",
            f"        rest = ({''.join(f'{one}[i], ' for one in rest)})",
            f"        out[i] = {_whole(layer)}(a[i], b[i], c[i], det, math.sqrt(det), *rest)",
        ]
        means = ("mean_u", "mean_v") if layer.means else ()
        keywords = ["*", *layer.keywords] if layer.keywords else []
        head = ", ".join(["var_u, var_v, cov", *(f"{name}=0.0" for name in means), *keywords])
        text = f'"""{escaped(layer.title)}: {escaped(layer.text)}."""'
        lines = [
            f"def {layer.name}({head}):",
            *textwrap.wrap(text, 116, initial_indent="    ", subsequent_indent="    ", break_long_words=False),
            *(f"    {NUMPY.expression(one)}" for one in requirements(layer.conditions, layer.parameters)),
            f"    law = ({', '.join(('var_u, var_v, cov', *means))})",
            f"    return _evaluated(_{layer.name}_many, law, {_tuple(layer.keywords)})",
        ]
        code = [
            *(["", "", *_UNBOUNDED.format(name=layer.name).splitlines()] if _is_unbounded(layer) else []),
            "",
            "",
            *many,
        ]
        return "\n".join([*lines, *(code if layer.definitions else [])])

    def tables(self, maps: Sequence[LayerMap]) -> str:
        """The tables, and the loop over entries of each map that has one."""
        return numba_tables.tables_code(maps)

    def ending(self, code: str, maps: Sequence[LayerMap]) -> str:  # noqa: ARG002  other targets need it
        """Nothing: what code calls stands before it is compiled."""
        return ""

    def gram(self, layers: Mapping[str, LayerMap], scales: str) -> str:
        """The Gram functions of nngp, ntk and sg_ntk, and `kernels`."""
        kept = {name: layer for name, layer in layers.items() if name in GRAMS}
        keywords = list(dict.fromkeys(word for layer in kept.values() for word in layer.keywords))
        extra = "".join(f", {word}" for word in keywords)
        given = _tuple(keywords)
        divergences = {name: layer.diagonal for name, layer in kept.items() if layer.divergent and name != "nngp"}
        stored = any(layer.table for layer in kept.values())
        parts = [f"_KERNELS = {tuple(kept)}\n_DIVERGENCES = {divergences}"]
        parts += [self._slots(name, kept.get(name), keywords) for name in GRAMS]
        doc = kernels_doc(
            "It is in float32 where all inputs are.",
            "inputs that are not two-dimensional, not of one width, or not finite, and infinite kernels",
        )
        parts.append(
            f'def kernels(x1, x2=None, *, get=("nngp", "ntk"), {scales}{extra}):\n'
            f"{doc}\n"
            f"    return _matrices(x1, x2, get, depth, weight_std, bias_std, {given})"
        )
        for name in kept:
            parts.append(
                f'def {name}(x1, x2=None, *, {scales}{extra}):\n    """{GRAMS[name]}"""\n'
                f'    return _matrices(x1, x2, "{name}", depth, weight_std, bias_std, {given})[0]'
            )
        own = numba_text.OWN if kept["nngp"].definitions else numba_tables.OWN
        if stored:
            code = [*numba_tables.recursion(kept), own]
        else:
            code = [recursion(), numba_text.NO_FACTORS, own]
        code = [one.strip("\n") for one in code]
        known = helpers(f"{LIBRARY}\n{numba_tables.readers(kept.values())}").split("\n\n\n")
        more = [block for block in helpers("\n\n".join(code)).split("\n\n\n") if block not in known]
        return "\n\n\n".join([*parts, *code, *more])

    def _slots(self, name: str, layer: LayerMap | None, keywords: list[str]) -> str:
        """What the recursion calls for a kernel's map, with all parameters as a tuple; first where no variance is 0."""
        if layer is None:
            return f"_{name} = _certain_{name} = _determinant  # there is no such kernel here"
        given = [f"real(law[{keywords.index(word)}])" for word in layer.keywords]

        def slot(slot_name: str, own: Sequence[Definition], function: str = "") -> str:
            value = f"{function or own[0].name}({', '.join([*LAW, *given])})" if own else "stored"
            real = ["    real = type(a)"] if own and given else []
            head = f"def {slot_name}({', '.join(LAW)}, law, stored):"
            return "\n".join(["@_inline", head, *real, f"    return {value}"])

        usual, last = () if layer.table else layer.definitions[:1], layer.definitions[-1:]
        apart = usual != last or _is_unbounded(layer)
        certain = slot(f"_certain_{name}", last, _whole(layer)) if apart else f"_certain_{name} = _{name}"
        parts = [slot(f"_{name}", usual), certain]
        return "\n\n\n".join(parts)


_UNBOUNDED = """@_inline
def _{name}_unbounded(a, b, c, det, d, *rest):
    # what is 0/0 at full correlation is infinite where it still grows at an angle of 1e-16
    value = _{name}(a, b, c, det, d, *rest)
    if det == 0.0:
        angle = type(a)(1e-15) * math.sqrt(a * b)
        if abs(value) > 5.0 * abs(_{name}(a, b, c, angle * angle, angle, *rest)):
            return math.copysign(type(a)(math.inf), value)
    return value"""


def _is_unbounded(layer: LayerMap) -> bool:
    """Whether its formula is 0/0 where it may be infinite."""
    return layer.divergent and any(map(is_singular, layer.definitions))


def _whole(layer: LayerMap) -> str:
    """What is called for any law."""
    return f"_{layer.name}_unbounded" if _is_unbounded(layer) else f"_{layer.name}"


class _Scalars(PythonTarget):
    """Writes one definition; sums over nodes become loops ahead of the line that has them."""

    def __init__(self, definition: Definition) -> None:
        super().__init__("numba", _names(), "({yes} if {condition} else {no})")
        self._later = _used_in_one_case(definition)
        sums = [one for one in definition.nodes() if isinstance(one, SumOver)]
        self._sums = {one: f"sum{i}" for i, one in enumerate(dict.fromkeys(sums))}

    def write(self, definition: Definition) -> str:
        """The definition, compiled; what is short becomes part of what calls it."""
        most = _LARGE if definition.name[1:] not in functions() else _LARGE // 5
        large = self._sums or is_costly(definition) or sum(1 for _ in definition.nodes()) > most
        return f"{'@_compiled' if large else '@_inline'}\n{super().write(definition)}"

    def body(self, definition: Definition) -> list[str]:
        """The lines of the function."""
        lines, done = [f"real = type({definition.arguments[0]})"], set[str]()
        if {"a", "b", "det", "d"} <= set(definition.arguments) and is_singular(definition):
            # at full correlation the limit, at an angle that no digit of the result can tell from 0
            lines += ["d = max(d, real(1e-16) * math.sqrt(a * b))", "det = max(det, d * d)"]
        parts = [(f"{name} = ", [one]) for name, one in definition.lines if name not in self._later]
        for head, nodes in [*parts, ("return ", list(definition.results))]:
            for one in (inner for node in nodes for inner in walk(node)):
                if isinstance(one, SumOver) and self._sums[one] not in done:
                    done.add(self._sums[one])
                    lines += self._loop(one)
            lines.append(head + ", ".join(self.expression(node) for node in nodes))
        return lines

    def _loop(self, one: SumOver) -> list[str]:
        total, wide = self._sums[one], [f"{name}_64" for name in one.names]
        rows = ", ".join(f"({', '.join(map(repr, row))})" for row in one.rows)
        return [
            f"{total} = real(0.0)",
            f"for {', '.join(wide)} in (",
            *textwrap.wrap(rows, 104, initial_indent="    ", subsequent_indent="    "),
            "):",
            f"    {', '.join(one.names)} = {', '.join(f'real({name})' for name in wide)}",
            f"    {total} += {self.expression(one.term)}",
        ]

    def _atom(self, one: Node) -> str:
        match one:
            case SumOver():
                return self._sums[one]
            case Name(name) if name in self._later:
                return f"({self.expression(self._later[name])})"
            case Number(value):
                return f"real({value!r})" if abs(value) < float("inf") else f"real({'-' * (value < 0)}math.inf)"
        return super()._atom(one)


def _used_in_one_case(definition: Definition) -> dict[str, Node]:
    """Lines that call functions and are needed once, where a choice takes one case: they are computed in that case."""
    uses: dict[str, int] = {}
    cases: set[str] = set()

    def count(one: Node, in_case: bool) -> None:
        if isinstance(one, Name):
            uses[one.name] = uses.get(one.name, 0) + 1
            cases.update([one.name] if in_case else [])
        for part in children(one):
            count(part, in_case or (isinstance(one, Choice) and part is not one.condition))

    for one in (*(one for _, one in definition.lines), *definition.results):
        count(one, in_case=False)
    once = {name: one for name, one in definition.lines if uses.get(name) == 1 and name in cases}
    return {name: one for name, one in once.items() if _takes_time(one)}


def _takes_time(one: Node) -> bool:
    parts = list(walk(one))
    called = any(isinstance(part, Call) and part.function not in ("sqrt", "abs") for part in parts)
    return called and not any(isinstance(part, SumOver) for part in parts)


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


TARGET = NumbaTarget()
