"""The tables of activations and surrogates for a terminal: all entries in lines, or one entry with who uses it."""

from __future__ import annotations

from collections.abc import Mapping

from symntk.errors import UnknownNameError
from symntk.language.tables.registry import Entry, Parameter, Use
from symntk.language.text.vocabulary import closest

_FORMULA = 76


def table_text(title: str, entries: Mapping[str, Entry]) -> str:
    """One line per entry: a mark where all kernels are closed, names, class, parameters with defaults, formula.

    >>> from symntk.language.tables.registry import entry, table
    >>> print(table_text("bumps", table(entry("bump", "exp(-k*x**2)", k=1))))
    bumps (1; * all kernels closed)
    * bump  class 1   k=1  exp(-k*x**2)
    """
    rows = [(", ".join((e.name, *e.aliases)), e.gaussian_class, _parameters(e), _formula(e)) for e in entries.values()]
    names, parameters = (max(len(row[i]) for row in rows) for i in (0, 2))
    lines = [f"{title} ({len(rows)}; * all kernels closed)"]
    for name, group, given, formula in rows:
        shown = formula if len(formula) <= _FORMULA else f"{formula[: _FORMULA - 2]} …"
        mark = "*" if group == "1" else " "
        lines.append(f"{mark} {name:<{names}}  class {group:<2}  {given:<{parameters}}  {shown}".rstrip())
    return "\n".join(lines)


def entry_text(kind: str, entry: Entry) -> str:
    """All that a table knows of an entry.

    >>> from symntk.language.tables.registry import Use, entry
    >>> print(entry_text("activation", entry("bump", "exp(-k*x**2)", Use("lib", "Bump", {"k": 2}), k=1)))
    bump, an activation of class 1: Gaussian-elementary, with closed forms
      formula     exp(-k*x**2)
      parameters  k = 1, positive
      used by     lib: Bump(k=2)
    """
    group = entry.gaussian_class
    article = "an" if kind[0] in "aeiou" else "a"
    rows = [
        ("formula", [_formula(entry)]),
        ("parameters", [_parameter(p) for p in entry.parameters]),
        ("also called", [", ".join(entry.aliases)] if entry.aliases else []),
        ("used by", [_use(use) for use in entry.used_by]),
        ("source", [entry.source] if entry.source else []),
        ("note", [entry.notes] if entry.notes else []),
    ]
    shown = [(key, lines) for key, lines in rows if lines]
    width = max(len(key) for key, _ in shown)
    text = [f"{entry.name}, {article} {kind} of class {group}: {_CLASSES[group]}"]
    for key, lines in shown:
        text += [f"  {key if i == 0 else '':<{width}}  {line}" for i, line in enumerate(lines)]
    return "\n".join(text)


def legend() -> str:
    """What the classes are, a line each."""
    return "\n".join(f"class {group:<2}  {text}" for group, text in _CLASSES.items())


_CLASSES = {
    "1": "Gaussian-elementary, with closed forms",
    "2": "closed forms in one dimension, so with sign or step as the activation; quadrature with a bound else",
    "2'": "closed forms in one dimension, with Bessel functions; quadrature with a bound else",
    "3": "no closed form; quadrature with a bound",
}


def found(name: str, tables: Mapping[str, Mapping[str, Entry]]) -> list[tuple[str, Entry]]:
    """The entries of this name or alias, one per table that has it.

    Raises:
        UnknownNameError: no table has it; names those that are most alike.

    >>> from symntk.language.tables.registry import entry, table
    >>> [kind for kind, _ in found("line", {"activation": table(entry("line", "x")), "surrogate": {}})]
    ['activation']
    """
    held = {
        kind: {alias: e for e in table.values() for alias in (e.name, *e.aliases)} for kind, table in tables.items()
    }
    entries = [(kind, names[name]) for kind, names in held.items() if name in names]
    if not entries:
        alike = closest(name.lower(), {key for names in held.values() for key in names})
        advice = " or ".join(alike) or "symntk list, which shows all names"
        raise UnknownNameError(f"the name {name[:40]!a}", "no table has an entry of this name", advice)
    return entries


def _formula(entry: Entry) -> str:
    return entry.formula if isinstance(entry.formula, str) else str(entry.general())


def _parameters(entry: Entry) -> str:
    return ", ".join(p.name if p.default is None else f"{p.name}={_number(p.default)}" for p in entry.parameters)


def _parameter(p: Parameter) -> str:
    domain = "integer, positive" if p.domain == "integer" else p.domain
    return f"{p.name}, {domain}, no default" if p.default is None else f"{p.name} = {_number(p.default)}, {domain}"


def _number(value: object) -> str:
    """A default as a library writes it: 0.01 rather than 1/100."""
    rational = getattr(value, "is_Rational", False) and not getattr(value, "is_Integer", False)
    return f"{float(value):.10g}" if rational else str(value)  # type: ignore[arg-type]


def _use(use: Use) -> str:
    given = ", ".join(f"{key}={value}" for key, value in use.defaults.items())
    return f"{use.library}: {use.name}" + (f"({given})" if given else "") + (f"; {use.note}" if use.note else "")
