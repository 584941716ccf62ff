"""How functions of the derivation are broken: the changes that `tests.mutations.table` applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from scipy import special

from symntk.derive.diagonal import Diagonal
from symntk.derive.moves.value import ONE, Key, Value, add, from_terms, single
from symntk.emit.closure import helpers

Change = Callable[[Any], Any]
"""From the original function to the broken one."""


class StaleError(Exception):
    """A mutation of text that is not there: what it broke has changed, and so must the mutation."""


@dataclass(frozen=True)
class Pair:
    """E[f(u) g(v)]."""

    f: str
    g: str
    means: bool = False


@dataclass(frozen=True)
class Mutation:
    """One way to break one rule; `places` are "module:Class.name" of what is replaced.

    `tests` are those of the repository that are asked in place of the certificate: "module:function" and arguments.
    """

    rule: str
    name: str
    pair: Pair
    places: tuple[str, ...]
    change: Change
    tests: tuple[tuple[str, tuple[Any, ...]], ...] = ()


# changes of what a function returns


def times(factor: Any) -> Change:
    """A formula, or a number, times a factor."""
    return lambda original: lambda *a, **k: factor * original(*a, **k)


def of(change: Callable[[Any], Any]) -> Change:
    """What a function returns, changed."""
    return lambda original: lambda *a, **k: change(original(*a, **k))


def always(value: Any) -> Change:
    """A function that returns one value."""
    return lambda original: lambda *a, **k: value


def step_times(factor: Any) -> Change:
    """A step's value times a number."""

    def change(original: Any) -> Any:
        return lambda self: add(self.surds, [(self.surds.algebra.element(sp.sympify(factor)), original(self))])

    return change


def front_times(factor: Any) -> Change:
    """The factor that a step leaves before another expectation times a number."""

    def change(original: Any) -> Any:
        def changed(self: Any) -> Any:
            surd, exponent = original(self)
            return surd._replace(element=surd.element * self.algebra.element(sp.sympify(factor))), exponent

        return changed

    return change


def step_plus(shift: Any) -> Change:
    """A step's value plus a number."""

    def change(original: Any) -> Any:
        def changed(self: Any) -> Value:
            one, other = self.surds.algebra.one, self.surds.algebra.element(sp.sympify(shift))
            return add(self.surds, [(one, original(self)), (other, single(self.surds))])

        return changed

    return change


def with_field(**fields: Callable[[Any], Any]) -> Change:
    """A step evaluated with some of its fields changed; each is a function of the step."""
    return lambda original: lambda self: original(replace(self, **{k: f(self) for k, f in fields.items()}))


def last_child(change: Callable[[Any], Any]) -> Change:
    """The weight of the last child changed, before the step is evaluated."""

    def children(self: Any) -> Any:
        *first, (weight, child) = self.children
        return (*first, (change(weight), child))

    return with_field(children=children)


def without_last_child(original: Any) -> Any:
    """The last child forgotten."""
    return with_field(children=lambda self: self.children[:-1])(original)


def law(**entries: Callable[[Any], Any]) -> Change:
    """A Gaussian made with some entries changed; each is a function of the right law."""

    def change(original: Any) -> Any:
        def changed(*values: Any) -> Any:
            right = original(*values)
            return right._replace(**{name: f(right) for name, f in entries.items()})

        return changed

    return change


def observed(**entries: Callable[[Any], Any]) -> Change:
    """The law that an observation leaves, with some entries changed."""
    return of(lambda found: (found[0]._replace(**{name: f(found[0]) for name, f in entries.items()}), *found[1:]))


def terms(change: Callable[[Key, Any], tuple[Key, Any]]) -> Change:
    """Each term of a value changed."""
    return of(lambda value: from_terms(value.surds, [change(key, c) for key, c in value]))


def phase(old: str, new: str) -> Callable[[Key, Any], tuple[Key, Any]]:
    """One kind of phase in place of another."""

    def change(key: Key, c: Any) -> tuple[Key, Any]:
        if key.phase is None or key.phase.kind != old:
            return key, c
        return key._replace(phase=key.phase._replace(kind=new)), c

    return change


def phase_times(kind: str, factor: int) -> Callable[[Key, Any], tuple[Key, Any]]:
    """The terms with one kind of phase times a factor."""
    return lambda key, c: (key, factor * c if key.phase is not None and key.phase.kind == kind else c)


def angle_times(factor: int) -> Callable[[Key, Any], tuple[Key, Any]]:
    """The terms with an arcsine times a factor."""
    return lambda key, c: (key, factor * c if key.base.kind == "asin" else c)


def no_constant(key: Key, c: Any) -> tuple[Key, Any]:
    """Constant terms dropped."""
    return key, 0 * c if key.base == ONE and not key.exponent else c


def _written(code: str) -> dict[str, Any]:
    """The helpers that code uses, from their source as it is now."""
    names: dict[str, Any] = {"np": np, "special": special}
    exec(compile(f"from __future__ import annotations\n{helpers(code)}", "<helpers>", "exec"), names)
    return names


HELPERS = ("symntk.emit.closure:_definitions", "symntk.emit.compile:runtime_names")
"""Where the source of numerical helpers is read, and where the host takes the helpers themselves."""


def text(old: str, new: str) -> Change:
    """The source of a numerical helper with one place changed, for `HELPERS`: the host runs what is written."""

    def change(original: Any) -> Any:
        if original.__name__ == "runtime_names":
            return _written

        def changed() -> Any:
            found = {}
            hits = 0
            for name, one in original().items():
                hits += old in one.text
                found[name] = one._replace(text=one.text.replace(old, new, 1)) if old in one.text else one
            if hits != 1:
                raise StaleError(f"{old!r} occurs in {hits} helpers")
            return found

        return changed

    return change


def boundary(factor: Any) -> Change:
    """Inequalities with their left side times a factor."""
    return of(lambda found: tuple(c.func(factor * c.lhs, c.rhs) for c in found))


def diagonal(**fields: Callable[[Diagonal], Any]) -> Change:
    """A statement about full correlation with some fields changed."""
    return of(lambda found: replace(found, **{name: f(found) for name, f in fields.items()}))


def line_last(change: Callable[[Any], Any]) -> Change:
    """The coefficient of one leaf of a linear step changed."""

    def changed(original: Any) -> Any:
        def leaves(self: Any) -> Any:
            found = dict(original(self))
            last = list(found)[-1]
            found[last] = change(found[last])
            return {leaf: c for leaf, c in found.items() if c != 0}

        return leaves

    return changed


def split_kinds(change: Callable[[Any, Any], tuple[Any, Any]]) -> Change:
    """The parts of a function on a line, changed."""

    def changed(found: Any) -> Any:
        if found is None:
            return None
        return found._replace(kinds=dict(change(kind, c) for kind, c in found.kinds.items()))

    return of(changed)


def alternating() -> Change:
    """A parity that is odd and even in turns."""

    def change(original: Any) -> Any:
        seen: list[int] = []

        def changed(*_: Any, **__: Any) -> int:
            seen.append(1)
            return 1 if len(seen) % 2 else -1

        return changed

    return change


def only(kind: str, change: Callable[[Any], Any]) -> Change:
    """`line_last` for one class of steps."""

    def changed(original: Any) -> Any:
        broken = line_last(change)(original)
        return lambda self: broken(self) if type(self).__name__ == kind else original(self)

    return changed


def doubled(factor: Any) -> Change:
    """The derivation of a multiple of f."""

    def change(original: Any) -> Any:
        def changed(f: Any, g: Any, **options: Any) -> Any:
            scaled = replace(f, terms=tuple(replace(t, coefficient=factor * t.coefficient) for t in f.terms))
            return original(scaled, g, **options)

        return changed

    return change


def squared() -> Change:
    """The derivation of x·f."""

    def change(original: Any) -> Any:
        def changed(f: Any, g: Any, **options: Any) -> Any:
            lifted = replace(f, terms=tuple(replace(t, power=t.power + 1) for t in f.terms))
            return original(lifted, g, **options)

        return changed

    return change


DERIVE = "symntk.derive."


def rows(
    rule: str,
    pair: Pair,
    place: str | tuple[str, ...],
    tests: tuple[tuple[str, tuple[Any, ...]], ...] = (),
    **changes: Change,
) -> list[Mutation]:
    """Mutations of one function; the keywords name them."""
    places = tuple(_full(p) for p in ((place,) if isinstance(place, str) else place))
    return [Mutation(rule, name.replace("_", " "), pair, places, c, tests) for name, c in changes.items()]


def _full(place: str) -> str:
    return place if place.startswith("symntk.") else DERIVE + place
