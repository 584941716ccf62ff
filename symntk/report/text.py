"""Kernels for people and programs: as text for a terminal, as LaTeX, and as a dictionary for JSON.

In goes a `Kernels`; out come strings. Formulas are in SymPy's notation, so that they can be copied into a program.
"""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from symntk.derive.diagonal import Diagonal
from symntk.errors import TooLongError
from symntk.kernels.expectation import Expectation
from symntk.kernels.kernels import Kernels
from symntk.version import VERSION

_ARGUMENTS = {
    "nngp": ("σ(u)", "σ(v)"),
    "ntk": ("σ'(u)", "σ'(v)"),
    "sg_ntk": ("σ'(u)", "σ̃'(v)"),
    "surrogate_ntk": ("σ̃'(u)", "σ̃'(v)"),
}
_LATEX = {"σ": r"\sigma", "σ'": r"\sigma'", "σ̃'": r"\tilde\sigma'"}
_WIDTH = 110
_LONGEST = 160
_MOST_DELTAS, _FEW_DELTAS = 8, 3
_LONGEST_FUNCTION = 600
CENTRED = "(u, v) is normal with means 0; a = E[u²], b = E[v²], c = E[uv]"
WITH_MEANS = "(u, v) is normal with means m1, m2; a = var u, b = var v, c = cov(u, v)"


def expectations(kernels: Kernels, *, means: bool = False) -> dict[str, Expectation]:
    """The kernels that exist for the pair, by name; with `means`, for u and v that have means m1 and m2.

    >>> from symntk import derive
    >>> print(expectations(derive("exp(x)"), means=True)["ntk"].expression)
    exp(a/2 + b/2 + c + m1 + m2)
    """
    return {name: Expectation(E.f, E.g, means=True) if means else E for name, E in kernels.items()}


def kernels_text(kernels: Kernels, *, means: bool = False, steps: bool = False) -> str:
    """Functions, then for each kernel its equation, method, conditions and behaviour at full correlation.

    >>> from symntk import derive
    >>> print(kernels_text(derive("sign")).partition("correlation  1")[2].strip())
    ntk  E[σ'(u) σ'(v)] = 2/(pi*sqrt(a*b - c**2))
      method               closed form
      exists               always
      at full correlation  diverges like 2/(pi*sqrt(a*b - c**2))
    """
    blocks = [_functions(kernels), WITH_MEANS if means else CENTRED]
    for name, E in expectations(kernels, means=means).items():
        blocks.append(_kernel(name, E))
        if steps:
            blocks.append("\n".join(f"  {line}".rstrip() for line in ["steps", *str(E.derivation).split("\n")]))
    blocks += [f"{name}  not derived: {reason}" for name, reason in kernels.absent.items()]
    return "\n\n".join([*blocks, *_reach(kernels), *_notes(kernels)])


def kernels_latex(kernels: Kernels, *, means: bool = False) -> str:
    r"""One equation per kernel, each below a comment with its name.

    >>> from symntk import derive
    >>> print(kernels_latex(derive("x**2/2"), means=False).splitlines()[3])
    \mathbb{E}[\sigma'(u)\,\sigma'(v)] = c
    """
    lines = []
    for name, E in expectations(kernels, means=means).items():
        left, right = (_LATEX[part[:-3]] + part[-3:] for part in _ARGUMENTS[name])
        lines += [f"% {name}", rf"\mathbb{{E}}[{left}\,{right}] = {E.latex()}"]
    return "\n".join(lines)


def kernels_dict(kernels: Kernels, *, means: bool = False, steps: bool = False) -> dict[str, Any]:
    """All that `kernels_text` says, in plain types with stable keys.

    >>> from symntk import derive
    >>> kernels_dict(derive("sign"))["kernels"]["ntk"]["diagonal"]
    {'kind': 'divergent', 'limit': None, 'rate': '2/(pi*sqrt(a*b - c**2))'}
    """
    surrogate = kernels.surrogate_derivative
    return {
        "symntk": VERSION,
        "activation": {"name": kernels.activation.name, "formula": _formula(kernels.activation.expression)},
        "derivative": _formula(kernels.derivative.expression),
        "surrogate": None
        if surrogate is None
        else {"name": kernels.surrogate_name, "derivative": _formula(surrogate.expression)},
        "means": means,
        "kernels": {name: _entry(E, steps) for name, E in expectations(kernels, means=means).items()},
    }


def _entry(E: Expectation, steps: bool) -> dict[str, Any]:
    diagonal = E.diagonal
    kind = "finite" if diagonal.is_finite else "divergent" if diagonal.diverges else "unknown"
    out: dict[str, Any] = {
        "expression": _optional(E.expression),
        "latex": E.latex(),
        "method": E.method,
        "conditions": [str(condition) for condition in E.conditions],
        "diagonal": {"kind": kind, "limit": _optional(diagonal.limit), "rate": _optional(diagonal.rate)},
        "parameters": [symbol.name for symbol in E.parameters],
    }
    if E.expression is None:
        out |= {"integral": str(E.integral), "terms": E.terms, "error_bound": E.error_bound}
    if E.derivation.unknown is not None:
        out["unknown"] = {"term": E.derivation.unknown.term, "rules_tried": dict(E.derivation.unknown.rules_tried)}
    return out | {"steps": str(E.derivation).split("\n")} if steps else out


def _optional(expr: sp.Expr | None) -> str | None:
    return None if expr is None else str(expr)


def _functions(kernels: Kernels) -> str:
    rows = [
        ("σ(x)  ", _shown(kernels.activation.expression), f"the activation {kernels.activation.name}"),
        ("σ'(x) ", _shown(kernels.derivative.expression), "its derivative"),
    ]
    if kernels.surrogate_derivative is not None:
        formula = _shown(kernels.surrogate_derivative.expression)
        rows.append(("σ̃'(x) ", formula, f"the surrogate derivative, {_surrogate(kernels)}"))
    width = min(60, max(len(formula) for _, formula, _ in rows))
    return "\n".join(f"{name}= {formula:<{width}}   {what}" for name, formula, what in rows)


def _surrogate(kernels: Kernels) -> str:
    """Its name; a primitive's is told from that of a derivative."""
    name, derivative = kernels.surrogate_name, kernels.surrogate_derivative
    return f"that of {name}" if derivative is not None and derivative.name.endswith("'") else name


def _notes(kernels: Kernels) -> list[str]:
    """What a person may have meant otherwise."""
    primitive = _surrogate(kernels).startswith("that of ")
    if not primitive or kernels.sg_ntk.expression != 0:
        return []
    text = "note: the sg_ntk is 0, for the surrogate was taken as a primitive and its derivative used;\n"
    return [text + f"      if it is the surrogate derivative itself: --surrogate-derivative {kernels.surrogate_name!r}"]


def _formula(expr: sp.Expr) -> str:
    """A function of x; exponentials of imaginary arguments, which come in conjugate pairs, as sines and cosines."""
    return str(sp.expand(expr.as_real_imag()[0]) if expr.has(sp.I) else expr)


def _shown(expr: sp.Expr) -> str:
    """A formula to be read: of many deltas those next to 0, of a long formula its beginning.

    >>> x = sp.Symbol("x", real=True)
    >>> _shown(sp.Add(*(sp.DiracDelta(x - k) for k in range(-9, 10))))
    'DiracDelta(x) + DiracDelta(x - 1) + DiracDelta(x + 1) + … 16 more deltas'
    """
    deltas = [term for term in sp.Add.make_args(expr) if term.has(sp.DiracDelta)]
    if len(deltas) > _MOST_DELTAS:
        few = sorted(deltas, key=lambda term: (_distance(term), sp.default_sort_key(term)))[:_FEW_DELTAS]
        rest = expr - sp.Add(*deltas)
        parts = [*([] if rest == 0 else [_shown(rest)]), *map(_formula, few)]
        return " + ".join([*parts, f"… {len(deltas) - len(few)} more deltas"]).replace("+ -", "- ")
    text = _formula(expr)
    return text if len(text) <= _LONGEST_FUNCTION else f"{text[: _LONGEST_FUNCTION - 60]} … ({len(text)} characters)"


def _distance(term: sp.Expr) -> float:
    """How far from 0 a delta is; inf where that depends on parameters."""
    inside = next(iter(term.atoms(sp.DiracDelta))).args[0]
    line = inside.as_poly(*inside.free_symbols) if len(inside.free_symbols) == 1 else None
    return abs(float(line.nth(0) / line.LC())) if line is not None and line.degree() == 1 else math.inf


def _reach(kernels: Kernels) -> list[str]:
    """How far functions of infinitely many kinks are told apart."""
    functions = [kernels.activation, kernels.derivative, kernels.surrogate_derivative]
    reach = min(one.general.reach for one in functions if one is not None)
    if math.isinf(reach):
        return []
    return [f"note: there are many kinks, known for |x| < {reach:.6g}; a law that reaches beyond that is refused"]


def _kernel(name: str, E: Expectation) -> str:
    left, right = _ARGUMENTS[name]
    head = f"{name}  E[{left} {right}] = "
    closed = E.expression is not None
    rows = {
        "method": E.method if closed else f"{E.method}: {E.terms}",
        **({} if closed else {"error": f"at most {E.error_bound:g} √(E f² · E g²)"}),
        **({} if E.derivation.unknown is None else {"no closed form": "; ".join(E.derivation.unknown.reasons)}),
        "exists": " and ".join(str(condition) for condition in E.conditions) or "always",
        "at full correlation": _diagonal(E),
    }
    if E.parameters:
        rows["parameters"] = ", ".join(symbol.name + _domain(symbol) for symbol in E.parameters)
    width = max(map(len, rows))
    return "\n".join(
        [
            head + wrapped(_right_side(E), len(head), 6),
            *(f"  {key:<{width}}  {text}" for key, text in rows.items()),
        ]
    )


def _right_side(E: Expectation) -> str:
    """The closed form, or the integral that remains where it is short enough to be read."""
    if E.expression is not None:
        return str(E.expression)
    if E.method != "one-dimensional":
        return "no closed form"
    try:
        text = str(E.integral)
    except TooLongError:
        return "no closed form"
    return text if len(text) <= _LONGEST else "no closed form"


def _diagonal(E: Expectation) -> str:
    if E.diagonal.limit is None:
        return _few_terms(E.diagonal)
    if E.diagonal.limit.has(sp.Integral):
        return "finite, one integral"
    return wrapped(str(E.diagonal.limit), 23, 23)


def _few_terms(diagonal: Diagonal) -> str:
    """A rate of divergence, of many summands the largest where the variance is 1."""
    terms = sp.Add.make_args(sp.sympify(diagonal.coefficient, strict=True)) if diagonal.diverges else ()
    if len(terms) <= _MOST_DELTAS:
        return str(diagonal)
    sizes = {term: abs(complex(term.subs({s: 1 for s in term.free_symbols}))) for term in terms}
    few = sorted(terms, key=lambda term: (-sizes[term], sp.default_sort_key(term)))[:_FEW_DELTAS]
    text = str(Diagonal(None, sp.Add(*few), diagonal.power))
    return f"{text}, and {len(terms) - len(few)} more terms in the sum"


def _domain(symbol: sp.Symbol) -> str:
    return " > 0" if symbol.is_positive else " real" if symbol.is_real else ""


def wrapped(formula: str, column: int, indent: int) -> str:
    """A formula that does not fit into its line from `column` on, broken before + and − outside of all parentheses.

    >>> print(wrapped("a + b*(c - d) - e", 105, 2))
    a
      + b*(c - d)
      - e
    """
    if column + len(formula) <= _WIDTH:
        return formula
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(formula):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and formula[i : i + 3] in (" + ", " - "):
            parts.append(formula[start:i])
            start = i + 1
    return ("\n" + " " * indent).join([*parts, formula[start:]])
