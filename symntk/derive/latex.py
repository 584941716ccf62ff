r"""Formulas as LaTeX that Markdown viewers set: displays in ```math blocks, inline formulas as $`…`$.

Only commands that MathJax and KaTeX know without packages are used. Sums begin with a positive term; a display that
is too wide is broken before its summands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from symntk.language.special.table import rows

WIDEST = 100
"""Letters, commands counted as one, that stand in one line of a display."""
_MOST_DIGITS = 12
"""Longer numbers are cut off, and end in dots."""
_BREAK = " \\\\\n&\\quad "
_NAMES = {
    "erfi": r"\mathrm{erfi}",
    "Ei": r"\mathrm{Ei}",
    "sign": r"\mathrm{sgn}",
    "Heaviside": "H",
    **{one.name: one.latex for one in rows() if one.latex},
}


class _Printer(LatexPrinter):  # type: ignore[misc]  # SymPy has no types
    """SymPy's printer with the names of the literature."""

    def __init__(self) -> None:
        super().__init__({"inv_trig_style": "full", "imaginary_unit": "i"})

    def _print_Add(self, expr: sp.Expr, order: Any = None) -> str:
        terms = sorted(self._as_ordered_terms(expr, order), key=lambda term: term.could_extract_minus_sign())
        out = self._print(terms[0])
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text = self._print(-term if negative else term)
            out += (" - " if negative else " + ") + (
                rf"\left({text}\right)" if self._needs_add_brackets(term) else text
            )
        return str(out)

    def _named(self, name: str, arguments: Any, exp: str | None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"{name}{power}\left({', '.join(self._print(arg) for arg in arguments)}\right)"

    def _print(self, expr: Any, **kwargs: Any) -> str:
        """Functions with a name of their own before all else, for some print themselves."""
        name = expr.func.__name__ if isinstance(expr, sp.Function) else ""
        if name in _NAMES:
            return self._named(_NAMES[name], expr.args[:1] if name == "Heaviside" else expr.args, kwargs.get("exp"))
        if name == "bivariate_normal_cdf":
            h, k, rho = (self._print(arg) for arg in expr.args)
            return rf"\Phi_2\left({h}, {k};\, {rho}\right)"
        if name == "N":  # the density of a normal law, at a place, with its mean and variance
            place, middle, variance = (self._print(arg) for arg in expr.args)
            return rf"N\left({place};\, {middle},\, {variance}\right)"
        return str(super()._print(expr, **kwargs))

    def _print_expint(self, expr: sp.Expr, exp: str | None = None) -> str:
        return self._named(f"E_{{{self._print(expr.args[0])}}}", expr.args[1:], exp)

    def _print_Abs(self, expr: sp.Expr, exp: str | None = None) -> str:
        text = rf"\left\lvert {self._print(expr.args[0])} \right\rvert"
        return text if exp is None else f"{text}^{{{exp}}}"

    def _print_re(self, expr: sp.Expr, exp: str | None = None) -> str:
        return self._named(r"\mathrm{Re}", expr.args, exp)


_PRINTER = _Printer()


def tex(expr: sp.Expr) -> str:
    r"""The expression as LaTeX.

    >>> a, c = sp.symbols("a c")
    >>> print(tex(sp.asin(c / (a + 1)) + sp.Heaviside(a - c**2, sp.S.Half)))
    H\left(a - c^{2}\right) + \arcsin{\left(\frac{c}{a + 1} \right)}
    """
    return str(_PRINTER.doprint(_cut(expr)))


def _cut(expr: sp.Expr) -> sp.Expr:
    """Numbers of many digits as symbols that show the first of them."""
    numbers = {n for n in expr.atoms(sp.Rational) if max(abs(n.p), n.q) >= 10**_MOST_DIGITS}
    return expr.xreplace({n: (1 if n > 0 else -1) * sp.Symbol(_digits(abs(n)), positive=True) for n in numbers})


def _digits(number: sp.Rational) -> str:
    mantissa, exponent = f"{float(number):.9e}".split("e")
    if -4 < int(exponent) < 10:
        return f"{{{float(number):.9g}\\ldots}}"
    return f"{{{mantissa.rstrip('0').rstrip('.')}\\ldots \\cdot 10^{{{int(exponent)}}}}}"


def inline(text: str) -> str:
    """Inline mathematics; the backticks keep underscores and asterisks from the Markdown reader."""
    return f"$`{text}`$"


def display(text: str) -> str:
    """A display of its own paragraph."""
    return f"```math\n{text}\n```"


def equation(left: str, *rights: str) -> str:
    """Left = right = … as a display, each right side in its own line where they do not fit into one.

    >>> print(equation("E", "1", "2"))
    ```math
    E = 1 = 2
    ```
    """
    sides = [part for part in rights if part]
    whole = " = ".join([left, *sides])
    if width(whole) <= WIDEST and r"\\" not in whole:
        return display(whole)
    lines = [rf"{left} &= {sides[0]}", *(f"&= {side}" for side in sides[1:])]
    return aligned(lines)


def aligned(lines: Iterable[str]) -> str:
    """A display of several lines."""
    return display("\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}")


def width(text: str) -> int:
    """About how many letters a formula is wide; a fraction is as wide as the wider of its parts, about half."""
    plain = re.sub(r"\\(left|right|mathrm|frac|sqrt|mathbb|quad)\b", "", text)
    return len(re.sub(r"\\[A-Za-z]+|[{}^_ ]", "", re.sub(r"\\[A-Za-z]+", "x", plain)))


def summed(expr: sp.Expr) -> str:
    r"""An expression as LaTeX; a sum, or a product with one, that is too wide for a line is broken for `aligned`.

    >>> x = sp.Symbol("x")
    >>> print(summed(x + 1))
    x + 1
    """
    whole = tex(expr)
    if width(whole) <= WIDEST:
        return whole
    if expr.is_Mul:
        inner = [arg for arg in expr.args if arg.is_Add]
        if not inner:
            return whole
        longest = max(inner, key=lambda arg: width(tex(arg)))
        front = tex(sp.Mul(*(arg for arg in expr.args if arg is not longest)))
        front = rf"\left({front}\right)" if " + " in front and not front.startswith(r"\frac") else front
        return rf"{front} \Bigl( {_lines(longest)} \Bigr)"
    return _lines(expr) if expr.is_Add else whole


def _lines(total: sp.Expr) -> str:
    terms = sorted(total.as_ordered_terms(), key=lambda term: term.could_extract_minus_sign())
    lines = [tex(terms[0])]
    for term in terms[1:]:
        negative = term.could_extract_minus_sign()
        text = tex(-term if negative else term)
        text = rf"\left({text}\right)" if (-term if negative else term).is_Add else text
        piece = (" - " if negative else " + ") + text
        if width(lines[-1] + piece) <= WIDEST:
            lines[-1] += piece
        else:
            lines.append(piece.strip())
    return _BREAK.join(lines)


def product(weight: sp.Expr, text: str) -> str:
    r"""A factor before a text; the text may be empty, for 1.

    >>> x = sp.Symbol("x")
    >>> print(product(x + 1, "E"), product(x, ""))
    \left(x + 1\right) E x
    """
    if not text or weight == 1:
        return text or tex(weight)
    front = tex(weight)
    return rf"\left({front}\right) {text}" if weight.is_Add else rf"{front}\, {text}"


def weighted(parts: Iterable[tuple[sp.Expr, str]]) -> str:
    """Σ weight · text, an empty text being 1; broken into lines where it is too wide."""
    lines = [""]
    for weight, text in parts:
        negative = weight.could_extract_minus_sign()
        piece = product(-weight if negative else weight, text)
        sign = "-" if negative else "+" if any(lines) else ""
        piece = f"{sign} {piece}".strip()
        if not lines[-1]:
            lines[-1] = piece
        elif width(lines[-1] + piece) <= WIDEST:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return _BREAK.join(lines)


def mean(*factors: str, index: str = "") -> str:
    """The expectation of a product, as LaTeX."""
    inside = r"\, ".join(factors)
    return rf"\mathbb{{E}}{index}\left[{inside}\right]"


def power_of_ten(number: float) -> str:
    r"""The least power of ten that is no less than a positive number: a bound that holds on every machine.

    >>> power_of_ten(2.03e-12), power_of_ten(1e-10)
    ('10^{-11}', '10^{-10}')
    """
    exponent = -40
    while 10.0**exponent * (1.0 + 1e-9) < number:
        exponent += 1
    return f"10^{{{exponent}}}"
