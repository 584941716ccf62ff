"""E[s(Y)] in closed form as NumPy source that keeps its digits: the body of a function of (mean, variance).

The steps of the derivation decide what is written. Poles on the half line, erfcx, the scaled Bessel functions and the
complex error function are stable by themselves; a sum that cancels where s is smooth gets a Gauss rule there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symntk.derive.line.derivation import LineDerivation
from symntk.derive.line.parts import Kind, Pole, Square, split
from symntk.derive.line.rules import (
    Elementary,
    Fold,
    FourierMixture,
    GammaMixture,
    LaplaceMixture,
    Linearity,
    LineStep,
    Moment,
    Parity,
    RealPart,
    SteinPole,
    SteinSquare,
    Unfold,
)
from symntk.emit.floats import FloatWriter
from symntk.errors import SymntkError
from symntk.language.general_form import GeneralForm, general_form
from symntk.language.symbols import mean_v, var_v, x

ROOT = sp.Symbol("root", positive=True)  # √(2 variance)
_HIGHEST = 16  # power of a pole for which the Gauss rule of the runtime is exact to rounding
# as SciPy scales them: code, argument, and the exponential taken out, which cancels against the formula's
_FUNCTIONS: dict[Any, Callable[..., tuple[str, sp.Expr, sp.Expr]]] = {
    sp.besselk: lambda n, w: (f"special.k{n}e({{}})", w, sp.exp(-w)),
    sp.erfc: lambda w: ("special.erfcx({})", w, sp.exp(-(w**2))),
    sp.expint: lambda n, w: (f"special.expn({n}, {{}})", w, sp.S.One),
}


def line_source(line: LineDerivation, names: Mapping[sp.Symbol, str]) -> str:
    """The body of a function of the arrays `mean` and `variance` that returns E[s(Y)], Y ~ N(mean, variance).

    Args:
        line: the derivation; one without means ignores `mean`, which must be 0.
        names: what each parameter is called in the code.

    Raises:
        SymntkError: a step for which there is no stable float64 code.
    """
    return "\n".join(_Writer(line, names).write())


@dataclass
class _Terms:
    """The closed form as code: terms, and what decides whether their sum may cancel."""

    lines: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    distances: list[str] = field(default_factory=list)
    cancels: bool = False
    overflows: bool = False
    weights: list[sp.Expr] = field(default_factory=list)


class _Writer:
    def __init__(self, line: LineDerivation, names: Mapping[sp.Symbol, str]) -> None:
        self.line, self.form = line, line.form
        self.float = FloatWriter({**names, x: "x", ROOT: "root", mean_v: "mean"})
        self.terms = _Terms()
        self.pole: tuple[sp.Expr, sp.Expr] | None = None

    def write(self) -> list[str]:
        """The lines of the body."""
        terms = self.terms
        self._add(self.line.root, sp.S.One)
        value = [*_def("value", "x"), f"    return {self._value()} + 0.0 * x", ""]
        closed = _def("closed", "mean, root")
        closed += [*(f"    {one}" for one in terms.lines), f"    return {' + '.join(terms.code or ['0.0'])}", ""]
        signs = {w.could_extract_minus_sign() for w in terms.weights}
        if not (terms.cancels or terms.overflows or len(signs) > 1) or not terms.distances:
            return [*value, *closed, "return _on_line(mean, variance, value, closed)"]
        if any(point != 0 for point in self.form.breaks):
            if terms.overflows:
                raise self._no_code("it has kinks away from the mean and powers of x² + A² together")
            return [*value, *closed, "return _on_line(mean, variance, value, closed)"]
        reach = terms.distances[0]
        for other in terms.distances[1:]:
            reach = f"np.minimum({reach}, {other})"
        smooth = [*_def("pair", "mean, x"), f"    return {self._pair()} + 0.0 * x", ""]
        smooth += [*_def("reach", "mean"), f"    return {reach}", ""]
        half = bool(self.form.breaks)
        return [*value, *closed, *smooth, f"return _on_line(mean, variance, value, closed, pair, reach, {half})"]

    def number(self, expr: sp.Expr) -> str:
        """An expression as source; roots by np.sqrt, and quotients where NumPy would take a slow negative power."""

        def is_slow(e: sp.Expr) -> bool:
            return bool(e.is_Pow and e.free_symbols and (2 * e.exp).is_integer and (e.exp < 0 or not e.exp.is_integer))

        def quick(e: sp.Expr) -> sp.Expr:
            base = e.base if e.base.is_Symbol else sp.Symbol(f"({self.float(e.base)})", positive=True)
            whole, half = divmod(abs(2 * e.exp), 2)
            power = base**whole
            if half:
                power *= sp.Symbol(f"np.sqrt({self.float(e.base)})", positive=True)
            return power if e.exp > 0 else sp.Symbol(f"(1.0 / ({self.float(power)}))", positive=True)

        return self.float(expr.replace(is_slow, quick))

    def _no_code(self, why: str) -> SymntkError:
        return SymntkError(f"float64 code for the mean of {self.form.regular(x)}", why, "quadrature")

    def _value(self) -> str:
        """The function itself; at a break the mean of both sides."""
        parts = [self.number(part) for part in self.form.parts]
        code = parts[-1]
        for point, left, right in zip(self.form.breaks[::-1], parts[-2::-1], parts[:0:-1], strict=True):
            place = self.number(point)
            middle = f"np.where(x == {place}, 0.5 * ({left} + {right}), {code})"
            code = f"np.where(x < {place}, {left}, {middle})"
        return code

    def _pair(self) -> str:
        """The sum s(mean + x) + s(mean − x), x > 0; without means the mean is 0, and so is the break, if any."""
        left, right = self.form.parts[0], self.form.parts[-1]
        if self.line.means:
            return f"{self.number(right.subs(x, mean_v + x))} + {self.number(left.subs(x, mean_v - x))}"
        total = right + left.subs(x, -x)
        return self.number(sp.factor(total) if total.is_rational_function(x) else total)

    def _add(self, step: LineStep, weight: sp.Expr) -> None:
        """The code of weight · step."""
        terms = self.terms
        if isinstance(step, Linearity | Fold | Unfold):
            for own, child in step.children:
                self._add(child, weight * own)
            return
        if isinstance(step, Parity):
            return
        terms.weights.append(weight)
        if isinstance(step, Elementary):
            terms.cancels = True
            code = self._elementary(step)
            terms.code.append(code if weight == 1 else f"{self.number(weight)} * ({code})")
        elif isinstance(step, RealPart):
            self._real_part(step, weight)
        elif isinstance(step, GammaMixture | SteinSquare):
            self._square(step, weight)
        elif isinstance(step, Moment):
            low = self.number(step.start or sp.S.Zero)
            terms.code.append(f"{self.number(weight)} * _piece_moment({self.number(step.order)}, {low}, np.inf, root)")
        elif isinstance(step, LaplaceMixture | SteinPole):
            self._pole(step, weight)
        else:
            raise self._no_code(f"the step {step.name} has no stable code")

    def _pole(self, step: LineStep, weight: sp.Expr) -> None:
        """Weight · E[(Y − p)^{−n} 1[Y > 0]], p < 0."""
        ((kind, scale),) = _kinds(step)
        if not isinstance(kind, Pole) or step.start != 0 or kind.order > _HIGHEST:
            raise self._no_code(f"{step.statement()} is of too high an order")
        distance = self.number(-kind.place)
        front = self.number(weight * scale * (-kind.place) ** (-kind.order))
        self.terms.distances.append(distance)
        self.terms.code.append(f"{front} * _half_line_pole({kind.order}, {distance} / root)")

    def _square(self, step: LineStep, weight: sp.Expr) -> None:
        """Weight · E of a power of Y² + A², from the step's own formula."""
        ((kind, _),) = _kinds(step)
        if isinstance(kind, Square):
            self.terms.distances.append(self.number(sp.sqrt(kind.square)))
            stable = isinstance(step, GammaMixture) and kind.order in (sp.Rational(1, 2), 1) and not kind.power
            self.terms.overflows |= bool(kind.power)
            self.terms.cancels |= not stable
        self.terms.code.append(self._formula(weight * step.value))

    def _formula(self, value: sp.Expr) -> str:
        """A formula with its special functions computed first, scaled, in terms of root."""
        value = value.subs(var_v, ROOT**2 / 2)
        known: dict[sp.Expr, sp.Expr] = {}
        for part in sorted(value.atoms(*_FUNCTIONS), key=sp.default_sort_key):
            name, argument, outside = _FUNCTIONS[part.func](*part.args)
            symbol = sp.Symbol(f"f{len(self.terms.lines)}", positive=True)
            self.terms.lines.append(f"{symbol} = {name.format(self._scaled(argument))}")
            known[part] = symbol * outside
        return self._scaled(sp.factor_terms(sp.expand(value.xreplace(known))))

    def _scaled(self, expr: sp.Expr) -> str:
        """A product with its numbers as one."""
        numbers, rest = expr.as_independent(*expr.free_symbols, as_Add=False)
        if numbers == 1:
            return self.number(rest)
        return f"{self.number(numbers)} * {self.number(rest * sp.Symbol('(1.0)'))}".replace("*(1.0)", "")

    def _real_part(self, step: RealPart, weight: sp.Expr) -> None:
        """Weight · Re w E[1/(Y − p)] = Re i√π w/root · W((p − mean)/root), W the complex error function."""
        ((kind, _),) = _kinds(step)
        ((own, child),) = step.children if len(step.children) == 1 else ((None, step),)
        if not isinstance(kind, Square) or own is None or not isinstance(child, FourierMixture):
            raise self._no_code(f"{step.statement()} has a pole of higher order")
        if self.pole not in (None, (kind.centre, kind.square)):
            raise self._no_code("it has several pairs of poles, which cancel far from them")
        self.pole = (kind.centre, kind.square)
        width = self.number(sp.sqrt(kind.square))
        offset = self.number(kind.centre - (mean_v if self.line.means else 0))
        self.terms.distances.append(f"np.maximum({width}, np.abs({offset}) / 6.0)")
        if "error = " not in "".join(self.terms.lines):
            self.terms.lines.append(f"error = special.wofz(({offset} + 1j * {width}) / root) / root")
        real, imaginary = (sp.sqrt(sp.pi) * sp.I * weight * own).as_real_imag()
        for part, name in ((real, "error.real"), (-imaginary, "error.imag")):
            if part != 0:
                self.terms.code.append(f"{self.number(part)} * {name}")

    def _elementary(self, step: Elementary) -> str:
        """Polynomials between breaks, for mean 0; a polynomial on the whole line for any mean."""
        form: GeneralForm = general_form(step.function, x)
        if form.deltas or not all(part.is_polynomial(x) for part in form.parts):
            raise self._no_code(f"{step.statement()} is written by the engine of closed forms in two dimensions only")
        if not form.breaks:
            return self.number(sp.expand(step.value.subs(var_v, ROOT**2 / 2)))
        if self.line.means:
            raise self._no_code("it has kinks, and a mean")
        ends = ["-np.inf", *map(self.number, form.breaks), "np.inf"]
        code = []
        for part, low, high in zip(form.parts, ends[:-1], ends[1:], strict=True):
            for (power,), coefficient in sp.Poly(part, x).terms():
                if coefficient != 0:
                    code.append(f"{self.number(coefficient)} * _piece_moment({power}, {low}, {high}, root)")
        return " + ".join(code) or "0.0"


def _def(name: str, arguments: str) -> list[str]:
    return [f"def {name}({arguments}):"]


def _kinds(step: LineStep) -> list[tuple[Kind, sp.Expr]]:
    """What the step's function is."""
    found = split(step.function, x)
    assert found is not None
    return list(found.kinds.items())
