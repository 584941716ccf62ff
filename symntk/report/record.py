"""The record of a pair of functions: kernels, proofs, special cases and certificate as one Markdown page.

Comes in: a `Kernels`. Goes out: the text of a page that a Markdown viewer with mathematics sets, and the row that the
index has for it. Nothing in it depends on the machine: measured digits are stated as the bound that they keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from symntk.derive.latex import WIDEST, aligned, equation, inline, mean, power_of_ten, summed, tex, width
from symntk.kernels.expectation import Expectation
from symntk.kernels.kernels import Kernels
from symntk.report.record_limits import limits

CERTIFICATE = "## Certificate"
_SIGMA, _PRIME, _SURROGATE = r"\sigma", r"\sigma'", r"\tilde\sigma'"
_SIDES = {
    "nngp": (_SIGMA, _SIGMA),
    "ntk": (_PRIME, _PRIME),
    "sg_ntk": (_PRIME, _SURROGATE),
    "surrogate_ntk": (_SURROGATE, _SURROGATE),
}
TITLES = {"nngp": "NNGP", "ntk": "NTK", "sg_ntk": "SG-NTK", "surrogate_ntk": "Surrogate NTK"}


@dataclass(frozen=True)
class Record:
    """A page.

    Attributes:
        title: the pair, as the index names it.
        formulas: the page above its certificate.
        digest: of what is certified: functions, formulas, methods and bounds, not the words around them.
        answers: of each kernel, by its name: divergent where it is infinite at full correlation, else closed,
            one-dimensional or numerical.
    """

    title: str
    formulas: str
    digest: str
    answers: dict[str, str]

    def page(self, certificate: str) -> str:
        """The whole text, with what `record_certificate.certificate` returned."""
        return f"{self.formulas}\n{CERTIFICATE}\n\n{certificate}\n\nFormulas: `{self.digest}`\n"


def record(kernels: Kernels, proved_in: Mapping[str, tuple[str, str]] | None = None) -> Record:
    """The record of a pair.

    Args:
        kernels: what `derive` returned.
        proved_in: title and file of another record, for each kernel whose proof is there.

    >>> from symntk import derive
    >>> page = record(derive("sign"))
    >>> page.title, page.answers
    ('sign', {'nngp': 'closed', 'ntk': 'divergent'})
    """
    name = kernels.activation.name
    title = f"{name}, surrogate {kernels.surrogate_name}" if kernels.surrogate_name else name
    parts = [f"# {title}", _functions(kernels)]
    for kernel, E in kernels.items():
        parts.append(_section(kernel, E, (proved_in or {}).get(kernel)))
    answers = {kernel: _answer(E) for kernel, E in kernels.items()}
    return Record(title, "\n\n".join(parts) + "\n", _digest(kernels), answers)


def _answer(E: Expectation) -> str:
    """What kind of answer a kernel has; that it is infinite at full correlation says more than how it is written."""
    if E.diagonal.diverges:
        return "divergent"
    return {"closed form": "closed", "one-dimensional": "one-dimensional"}.get(E.method, "numerical")


def parts_of(page: str) -> tuple[str, str, str]:
    """Formulas, certificate and digest of a page that `Record.page` wrote; empty where there are none."""
    formulas, _, rest = page.partition(f"\n{CERTIFICATE}\n\n")
    found, _, digest = rest.rpartition("\n\nFormulas: `")
    return formulas, found, digest.rstrip("`\n")


def _digest(kernels: Kernels) -> str:
    """A short hash of what the certificate is about."""
    lines = []
    for kernel, E in kernels.items():
        expression = E.expression if E.expression is not None else f"{E.method}, {power_of_ten(E.error_bound)}"
        lines.append(f"{kernel}: {E.f.expression}; {E.g.expression}; {expression}; {E.conditions}; {E.diagonal}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _functions(kernels: Kernels) -> str:
    rows = [(_SIGMA, kernels.activation.expression), (_PRIME, kernels.derivative.expression)]
    if kernels.surrogate_derivative is not None:
        rows.append((_SURROGATE, kernels.surrogate_derivative.expression))
    lines = [rf"{name}(x) &= {_function(expr)}" for name, expr in rows]
    parameters = sorted({s for _, E in kernels.items() for s in E.parameters}, key=lambda s: s.name)
    notes = [r"$`(u, v)`$ is normal with means 0, $`a = \mathbb{E}\, u^2`$, $`b = \mathbb{E}\, v^2`$, "]
    notes.append(r"$`c = \mathbb{E}\, u v`$.")
    if parameters:
        notes.append(f" Parameters: {', '.join(inline(tex(s)) for s in parameters)}.")
    return f"{aligned(lines)}\n\n{''.join(notes).strip()} [Notation](../NOTATION.md), [moves](../MOVES.md)."


def _function(expr: sp.Expr) -> str:
    """A function of x; exponentials of imaginary arguments, which come in conjugate pairs, as sines and cosines."""
    return tex(sp.expand(expr.as_real_imag()[0]) if expr.has(sp.I) else expr)


def _section(kernel: str, E: Expectation, elsewhere: tuple[str, str] | None) -> str:
    f, g = (f"{name}({variable})" for name, variable in zip(_SIDES[kernel], "uv", strict=True))
    exists = " and ".join(inline(tex(condition)) for condition in E.conditions)
    facts = [f"- Method: {E.method}."]
    parts = [f"## {TITLES[kernel]}"]
    if E.expression is not None:
        parts += [equation(mean(f, g), summed(E.expression)), f"```\n{E.expression}\n```"]
        if E.error_bound:
            facts.append(f"- In float64 a quadrature stands for it; its error is at most {_bound(E)}.")
    else:
        integral = tex(E.integral)
        if E.method == "one-dimensional" and width(integral) <= 4 * WIDEST:
            parts += [equation(mean(f, g), integral), f"```\n{E.integral}\n```"]
        facts.append(f"- No closed form; the error is at most {_bound(E)}.")
    facts.append(f"- Exists {f'where {exists}' if exists else 'always'}.")
    parts.append("\n".join([*facts, *limits(E)]))
    if elsewhere is not None:
        heading = "Proof" if E.expression is not None else "Steps"
        parts.append(f"{heading}: in the record of [{elsewhere[0]}]({elsewhere[1]}).")
    else:
        heading = "### Proof" if E.expression is not None else "### Steps"
        parts += [heading, *E.derivation.proof(f, g)]
    return "\n\n".join(parts)


def _bound(E: Expectation) -> str:
    norms = r"\sqrt{\mathbb{E} f(u)^2\, \mathbb{E} g(v)^2}"
    return inline(rf"{power_of_ten(E.error_bound)} {norms}")
