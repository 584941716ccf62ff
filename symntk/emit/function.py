"""A Gaussian-elementary function as NumPy source, with what quadrature must know of it: knots, rates, deltas."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from symntk.language.pieces import compare, insert_sorted
from symntk.language.symbols import x
from symntk.language.terms import Delta, NormalForm, Step, Term


@dataclass(frozen=True)
class Shape:
    """Source of the regular part (None: there is none), and lists of source of knots, rates and deltas."""

    body: str | None
    knots: list[str]
    rates: list[str]
    deltas: list[str]


def is_supported(form: NormalForm) -> bool:
    """Whether quadrature understands the function: no oscillation, no growing Gaussian, no derivative of a delta."""
    for t in form.terms:
        if isinstance(t.window, Delta):
            if t.window.order:
                return False
        elif not t.linear.is_real or not t.quadratic.is_nonpositive:
            return False
    return True


def shape(form: NormalForm, names: dict[sp.Symbol, str]) -> Shape:
    """The function's source and features; parameters print under `names`."""
    regular = [t for t in form.terms if not isinstance(t.window, Delta)]
    deltas = [t for t in form.terms if isinstance(t.window, Delta)]
    write = _Writer(names)
    knots: dict[str, None] = {}
    for t in regular:
        if isinstance(t.window, Step):
            knots[f"({write(t.window.threshold)}, {write(sp.sqrt(t.window.variance))})"] = None
        if t.quadratic != 0:
            centre, width = -t.linear / (2 * t.quadratic), 1 / sp.sqrt(-2 * t.quadratic)
            knots[f"({write(centre)}, {write(width)})"] = None
    rates = {"0.0": None} | {write(t.linear): None for t in regular if t.linear != 0 and t.quadratic == 0}
    return Shape(
        _body(regular, write) if regular else None,
        list(knots),
        list(rates),
        [f"({write(t.coefficient)}, {write(t.window.threshold)})" for t in deltas if t.window is not None],
    )


class _Writer:
    def __init__(self, names: dict[sp.Symbol, str]) -> None:
        self._names = {symbol: sp.Symbol(name) for symbol, name in names.items()}
        self._printer = _FloatPrinter({"fully_qualified_modules": False})

    def __call__(self, expr: sp.Expr) -> str:
        return str(self._printer.doprint(expr.xreplace(self._names)))


class _FloatPrinter(NumPyPrinter):  # type: ignore[misc]
    """Numbers as correctly rounded floats, functions as np.…"""

    _module = "np"

    def __init__(self, settings: dict[str, object]) -> None:
        super().__init__(settings)
        self._settings["fully_qualified_modules"] = True

    def _module_format(self, fqn: str, register: bool = True) -> str:
        return fqn.replace("numpy.", "np.").replace("math.", "np.")

    def _print_Rational(self, expr: sp.Rational) -> str:
        return repr(float(expr))

    def _print_Integer(self, expr: sp.Integer) -> str:
        return repr(float(expr))

    def _print_NumberSymbol(self, expr: sp.Expr) -> str:
        return repr(float(expr))

    def _print_Pow(self, expr: sp.Pow, rational: bool = False, sqrt: str = "numpy.sqrt") -> str:
        if expr.is_number:
            return f"({float(expr)!r})"
        if expr.exp.is_Integer and expr.exp > 0:
            return f"{self.parenthesize(expr.base, 100)} ** {int(expr.exp)}"
        return str(super()._print_Pow(expr, rational=rational, sqrt=sqrt))


def _body(terms: list[Term], write: _Writer) -> str:
    """One expression per interval between hard steps, the soft steps added: nothing cancels far from the kinks."""
    breaks: list[sp.Expr] = []
    for t in terms:
        if isinstance(t.window, Step) and t.window.variance == 0:
            insert_sorted(breaks, t.window.threshold)
    pieces = [_piece(terms, i, breaks) for i in range(len(breaks) + 1)]
    text = write(pieces[-1])
    for point, piece in zip(reversed(breaks), reversed(pieces[:-1]), strict=True):
        text = f"np.where(x < {write(point)}, {write(piece)}, {text})"
    soft = [t for t in terms if isinstance(t.window, Step) and t.window.variance != 0]
    for t in soft:
        assert isinstance(t.window, Step)
        factor = Term(t.coefficient, t.power, t.quadratic, t.linear).as_expr(x)
        argument = t.window.side * (x - t.window.threshold) / sp.sqrt(t.window.variance)
        text += f" + ({write(factor)}) * special.ndtr({write(argument)})"
    return f"{text} + 0.0 * x"


def _piece(terms: list[Term], index: int, breaks: list[sp.Expr]) -> sp.Expr:
    """The sum of the terms that are on in the interval between breaks[index − 1] and breaks[index]."""
    on = []
    for t in terms:
        w = t.window
        if isinstance(w, Step):
            if w.variance != 0:
                continue
            right = index > next(i for i, point in enumerate(breaks) if compare(point, w.threshold) == 0)
            if right != (w.side > 0):
                continue
        on.append(Term(t.coefficient, t.power, t.quadratic, t.linear).as_expr(x))
    return sp.Add(*on)
