"""What a name in a formula stands for: an entry of a table, by its own name, in other spelling, or as a library has it.

A text is a name, a name with values of its parameters, or a formula in which entries are functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symntk.errors import FormulaError, UnknownNameError
from symntk.language import symbols
from symntk.language.tables.registry import Entry
from symntk.language.text.parser import parse, parse_call
from symntk.language.text.vocabulary import CONSTANTS, closest


@dataclass(frozen=True)
class Named:
    """What a name stands for: an entry, with the values that the library gives its parameters."""

    entry: Entry
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def formula(self) -> Any:
        """The entry's text, or what builds its expression."""
        return self.entry.formula

    def given(self, values: Mapping[str, Any], positional: tuple[Any, ...] = ()) -> dict[str, Any]:
        """Every parameter's value; what is given goes before what the library has.

        The value of an only parameter needs no name.

        Errors: FormulaError that says how values are given, or what is wrong with one.

        >>> from symntk.language.tables.registry import entry
        >>> Named(entry("bump", "exp(-k*x**2)", k=1)).given({}, (2,))
        {'k': 2}
        """
        names = [p.name for p in self.entry.parameters]
        if not positional:
            return self.entry.settings({**self.defaults, **values})
        if len(positional) == 1 == len(names) and not values:
            return self.entry.settings({names[0]: positional[0]})
        name, shown = self.entry.name, ", ".join(str(value) for value in positional)[:60]
        asked = f"the function {name} with the values {shown}" if positional[1:] else f"{name} with the value {shown}"
        if not names:
            raise FormulaError(asked, "it has no parameters", f"{name}(x), or {name}({positional[0]}*x) for a formula")
        wrong = "it has one parameter" if len(names) == 1 else f"it has {len(names)} parameters, so values need names"
        chosen = positional if len(positional) == len(names) else [p.default for p in self.entry.parameters]
        named = ", ".join(f"{one}={1 if value is None else value}" for one, value in zip(names, chosen, strict=True))
        raise FormulaError(asked, wrong, f"{name}({named})")

    def expression(self, *positional: Any, **values: Any) -> Any:
        """The entry's expression in x."""
        return self.entry.expression(**self.given(values, positional))


@dataclass(frozen=True)
class Tables:
    """Tables as the names of functions in a formula; the first that knows a name is meant."""

    tables: tuple[Mapping[str, Entry], ...]

    def __call__(self, name: str) -> Named | None:
        """What the name stands for."""
        return resolve(name, *self.tables)

    def words(self) -> set[str]:
        """All names and aliases."""
        return {one for entries in self.tables for e in entries.values() for one in (e.name, *e.aliases)}


def resolve(name: str, *tables: Mapping[str, Entry]) -> Named | None:
    """What a name stands for; None where no table knows it.

    A name or alias of a table as it is written, in the tables' order; then in each table the name in other spelling
    (ReLU, LeakyReLU, hard-tanh's Hardtanh) or as a library spells it (PReLU, with that library's defaults).

    Errors: UnknownNameError where a table and a library mean different functions by one spelling.

    >>> from symntk.language.tables.registry import Use, entry, table
    >>> t = table(entry("leaky", "Max(x, k*x)", Use("torch.nn", "PReLU", {"k": 0.25}), k=0.01))
    >>> resolve("Leaky", t).expression(), resolve("PReLU", t).expression()
    (Max(x/100, x), Max(x/4, x))
    """
    for entries in tables:
        if name in entries:
            return Named(entries[name])
    for entries in tables:
        aliased = [e for e in entries.values() if name in e.aliases]
        if aliased:
            return Named(aliased[0])
    for entries in tables:
        found = _other_spellings(name, entries)
        if len(found) > 1:
            listed = " or ".join(dict.fromkeys(_written(one) for one in found))
            wrong = "libraries mean different functions by this spelling"
            raise UnknownNameError(f"the name {name[:40]!a}", wrong, listed)
        if found:
            return found[0]
    return None


def _other_spellings(name: str, entries: Mapping[str, Entry]) -> list[Named]:
    """All functions that the name may mean when case and underscores do not count, or as a library's spelling."""
    plain = _plain(name)
    found = [Named(e) for e in entries.values() if plain in {_plain(one) for one in (e.name, *e.aliases)}]
    used = [(e, use) for e in entries.values() for use in e.used_by if use.name == name]
    # a note marks a use that is not what the name alone says, such as GELU with approximate="tanh"
    listed = [one for one in used if not one[1].note] or ([] if found else used)
    for e, use in listed:
        if e.expression(**use.defaults) not in [one.expression() for one in found]:
            found.append(Named(e, use.defaults))
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _written(one: Named) -> str:
    given = ", ".join(f"{key}={value}" for key, value in one.defaults.items())
    return one.entry.name + (f"({given})" if given else "")


def find(name: str, *tables: Mapping[str, Entry]) -> Named:
    """What a name stands for, as `resolve` says.

    Errors: UnknownNameError with the names that are most alike.

    >>> from symntk.language.tables.registry import entry, table
    >>> find("lin", table(entry("line", "x")))
    Traceback (most recent call last):
    ...
    symntk.errors.UnknownNameError: the name 'lin': the table has no entry of this name. Try: line
    """
    found = resolve(name, *tables)
    if found is not None:
        return found
    alike = (
        " or ".join(closest(name.lower(), Tables(tables).words()))
        or "a name that `symntk list` shows, or a formula in x"
    )
    raise UnknownNameError(f"the name {name[:40]!a}", "the table has no entry of this name", alike)


def lookup(text: str, *tables: Mapping[str, Entry], domains: Mapping[str, str] | None = None) -> Any:
    """The expression where the text is a table's name, or a name with values of its parameters; None for a formula.

    The value of an only parameter needs no name: leaky_relu(0.2).

    Errors: UnknownNameError where it is a name that the table does not have.

    >>> from symntk.language.tables.registry import entry, table
    >>> lookup("bump(k=2)", table(entry("bump", "exp(-k*x**2)", k=1)))
    exp(-2*x**2)
    >>> lookup("bump(2)", table(entry("bump", "exp(-k*x**2)", k=1)))
    exp(-2*x**2)
    >>> lookup("2*x", {}) is None
    True
    """
    try:
        call = parse_call(text, domains)
    except FormulaError:
        _refuse_unknown_parameters(text, tables)
        raise
    if call is None or call.name in (symbols.x.name, *CONSTANTS):
        return None
    return find(call.name, *tables).expression(*call.positional, **call.values)


def _refuse_unknown_parameters(text: str, tables: tuple[Mapping[str, Entry], ...]) -> None:
    """A value that cannot be read is not the trouble where the entry has no such parameter."""
    name, _, given = text.partition("(")
    named = resolve(name.strip(" "), *tables)
    if named is not None:
        known = {p.name for p in named.entry.parameters}
        for keyword in re.findall(r"([A-Za-z]\w*) *=(?!=)", given):
            if keyword not in known:
                named.entry.settings({keyword: 1})


def read(text: str, *tables: Mapping[str, Entry], domains: Mapping[str, str] | None = None) -> Any:
    """The expression that a text says: a table's entry, or else a formula, in which entries are functions, too.

    Errors: FormulaError for both, also where a formula uses a table's name as if it were a parameter.

    >>> from symntk.language.tables.registry import entry, table
    >>> bumps = table(entry("bump", "exp(-k*x**2)", k=1))
    >>> read("bump", bumps)
    exp(-x**2)
    >>> read("x*bump(2*x) + bump(x, k=3)", bumps)
    x*exp(-4*x**2) + exp(-3*x**2)
    """
    found = lookup(text, *tables, domains=domains)
    if found is not None:
        return found
    return parse(text, domains, Tables(tables))
