"""A Gaussian-elementary function as NumPy source, with the blocks that it is made of: knots, rates, deltas.

Parameters may be numbers that are known at run time only, so that edges are set there (`runtime/edges`).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symntk.emit.floats import FloatWriter
from symntk.language.pieces import compare, insert_sorted
from symntk.language.symbols import x
from symntk.language.terms import Delta, NormalForm, Step, Term

_SERIES = 40  # terms of a Taylor series; at |x|·rate ≤ 1, where rate² x² has half as many, the rest is below 1/20!


@dataclass(frozen=True)
class Shape:
    """Source of the regular part (None: there is none), and lists of source.

    Knots are (location, width) of steps and Gaussians, rates the complex β of pieces e^{βx}, deltas (weight, location).
    """

    body: str | None
    knots: list[str]
    rates: list[str]
    deltas: list[str]


def is_supported(form: NormalForm) -> bool:
    """Whether quadrature understands the function: no growing Gaussian and no derivative of a delta."""
    return not any(
        t.window.order if isinstance(t.window, Delta) else not t.quadratic.is_nonpositive for t in form.terms
    )


def shape(form: NormalForm, names: dict[sp.Symbol, str]) -> Shape:
    """The function's source and features; parameters print under `names`."""
    regular = [t for t in form.terms if not isinstance(t.window, Delta)]
    deltas = [t for t in form.terms if isinstance(t.window, Delta)]
    write = FloatWriter(names)
    knots: dict[str, None] = {}
    for t in regular:
        if isinstance(t.window, Step):
            knots[f"({write(t.window.threshold)}, {write(sp.sqrt(t.window.variance))})"] = None
        if t.quadratic != 0:
            centre, width = -sp.re(t.linear) / (2 * t.quadratic), 1 / sp.sqrt(-2 * t.quadratic)
            knots[f"({write(centre)}, {write(width)})"] = None
    rates: dict[str, None] = {}
    for t in regular:
        growth = sp.re(t.linear) if t.quadratic == 0 else sp.S.Zero  # with a Gaussian it moves the knot
        wave = sp.Abs(sp.im(t.linear))
        if growth != 0 or wave != 0:
            rates[write(growth) if wave == 0 else f"complex({write(growth)}, {write(wave)})"] = None
    return Shape(
        _body(regular, write) if regular else None,
        list(knots),
        list(rates),
        [f"({write(t.coefficient)}, {write(t.window.threshold)})" for t in deltas if t.window is not None],
    )


def _body(terms: list[Term], write: FloatWriter) -> str:
    """One expression per interval between hard steps, the soft steps added: nothing cancels far from the kinks."""
    breaks: list[sp.Expr] = []
    terms, centred = _centred(terms)
    for t in terms:
        if isinstance(t.window, Step) and t.window.variance == 0:
            insert_sorted(breaks, t.window.threshold)
    hard = {t.window.threshold for t in terms if isinstance(t.window, Step) and t.window.variance == 0}
    places = {threshold: _place(threshold, breaks) for threshold in hard}
    pieces = [_piece(terms, i, places) for i in range(len(breaks) + 1)]
    text = _piece_code(pieces[-1], write)
    for i in reversed(range(len(breaks))):
        left, right = (sp.Add(*(_real_part(t) for t in piece)).subs(x, breaks[i]) for piece in pieces[i : i + 2])
        at = write(breaks[i])
        middle = "" if left == right else f"np.where(x == {at}, {write((left + right) / 2)}, "
        text = f"np.where(x < {at}, {_piece_code(pieces[i], write)}, {middle}{text}{')' if middle else ''})"
    for t in terms:
        if isinstance(t.window, Step) and t.window.variance != 0:
            argument = t.window.side * (x - t.window.threshold) / sp.sqrt(t.window.variance)
            text += f" + {_soft_code(t, write(argument), write)}"
    for t in centred:
        if isinstance(t.window, Step):
            argument = t.window.side * (x - t.window.threshold) / sp.sqrt(2 * t.window.variance)
            text += f" + ({write(_real_part(t) / 2)}) * special.erf({write(argument)})"
    return f"{text} + 0.0 * x"


def _centred(terms: list[Term]) -> tuple[list[Term], list[Term]]:
    """The terms, and those soft steps whose sum with a term of minus half their size is one of erf(y) = 2Φ(√2 y) − 1.

    Written as steps they would cancel near their thresholds.
    """
    groups: dict[tuple[sp.Expr, ...], list[Term]] = {}
    for t in terms:
        if isinstance(t.window, Step) and t.window.variance != 0:
            groups.setdefault((sp.Integer(t.power), t.quadratic, t.linear), []).append(t)
    centred: list[Term] = []
    for t in terms:
        steps = groups.get((sp.Integer(t.power), t.quadratic, t.linear), [])
        if t.window is None and steps and sp.expand(2 * t.coefficient + sum(s.coefficient for s in steps)) == 0:
            centred += steps
            terms = [s for s in terms if s is not t and not any(s is step for step in steps)]
    return terms, centred


def _soft_code(t: Term, argument: str, write: FloatWriter) -> str:
    """Coefficient · x^k · (exponential · Φ), the exponential inside the scaled form where it is real."""
    exponent = t.quadratic * x**2 + t.linear * x
    if exponent != 0 and t.linear.is_real:
        return f"({write(t.coefficient * x**t.power)}) * _exp_normal_cdf({write(exponent)}, {argument})"
    return f"({write(_real_part(t))}) * special.ndtr({argument})"


def _place(threshold: sp.Expr, breaks: list[sp.Expr]) -> int:
    """The index of a threshold among the increasing breaks, by halving."""
    low, high = 0, len(breaks) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if compare(threshold, breaks[middle]) <= 0 else (middle + 1, high)
    return low


def _piece(terms: list[Term], index: int, places: dict[sp.Expr, int]) -> list[Term]:
    """The terms that are on in the interval before the break number `index`; `places` has the thresholds' numbers."""
    on = []
    for t in terms:
        w = t.window
        if isinstance(w, Step):
            if w.variance != 0:
                continue
            right = index > places[w.threshold]
            if right != (w.side > 0):
                continue
        on.append(t)
    return on


def _real_part(t: Term) -> sp.Expr:
    """The real part of a term; conjugate terms are both in the sum, so that real parts are all of it."""
    growth = t.quadratic * x**2 + sp.re(t.linear) * x
    if t.linear.is_real and t.coefficient.is_real is not False:
        return t.coefficient * x**t.power * sp.exp(growth)
    angle = sp.im(t.linear) * x
    wave = sp.re(t.coefficient) * sp.cos(angle) - sp.im(t.coefficient) * sp.sin(angle)
    return x**t.power * sp.exp(growth) * wave


def _piece_code(piece: list[Term], write: FloatWriter) -> str:
    """The sum of the terms; near 0 its Taylor series, where the terms cancel there as in e^x − 1 or 1 − cos x."""
    plain = write(sp.Add(*(_real_part(t) for t in piece)))
    if not any(t.linear != 0 or t.quadratic != 0 for t in piece) or any(_parameters(t) for t in piece):
        return plain
    coefficients = [sp.S.Zero] * (_SERIES + 8)
    for t in piece:
        for n, value in enumerate(_taylor(t, len(coefficients) - t.power)):
            coefficients[n + t.power] += value
    numbers = [complex(sp.N(value, 30)).real for value in coefficients]
    largest = max(abs(complex(sp.N(t.coefficient))) for t in piece)
    first = next((n for n, value in enumerate(numbers) if abs(value) > 1e-20 * largest), 0)
    if first <= min(t.power for t in piece):
        return plain
    rate = max(float(sp.Abs(t.linear) + sp.sqrt(sp.Abs(t.quadratic))) for t in piece)
    kept = numbers[first : first + _SERIES]
    factor, step = ("(x * x)", 2) if not any(kept[1::2]) else ("x", 1)
    series = "0.0"
    for value in reversed(kept[::step]):
        series = f"{value!r} + {factor} * ({series})" if series != "0.0" else repr(value)
    return f"np.where(np.abs(x) < {1.0 / rate!r}, x ** {first} * ({series}), {plain})"


def _taylor(t: Term, count: int) -> list[sp.Expr]:
    """Taylor coefficients of coefficient · exp(quadratic·x² + linear·x): (n+1) h' = linear·h + 2 quadratic·h''."""
    h = [t.coefficient]
    for n in range(count - 1):
        below = h[n - 1] if n else sp.S.Zero
        h.append(sp.expand((t.linear * h[n] + 2 * t.quadratic * below) / (n + 1)))
    return h


def _parameters(t: Term) -> bool:
    return bool(t.coefficient.free_symbols | t.linear.free_symbols | t.quadratic.free_symbols)
