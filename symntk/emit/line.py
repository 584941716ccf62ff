"""E[s(Y)] in closed form as code that keeps its digits: a function of (mean, variance).

The steps of the derivation decide what is written. Poles on the half line, erfcx, the scaled Bessel functions and the
complex error function are stable by themselves; a sum that cancels where s is smooth gets a Gauss rule there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import inf
from typing import Any

import sympy as sp

from symntk.derive.line.derivation import LineDerivation
from symntk.derive.line.parts import Pole, Square
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
from symntk.emit.code import Definition, Lines, Name, Node, Number, call, total
from symntk.emit.expressions import Translator, bound
from symntk.emit.stable_body import body_with
from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm, general_form
from symntk.language.symbols import mean_v, var_v, x

ROOT = sp.Symbol("root", positive=True)  # √(2 variance)
_ROOT = Name("root")
_HIGHEST = 16  # power of a pole for which the Gauss rule of the runtime is exact to rounding
# as SciPy scales them: code, argument, and the exponential taken out, which cancels against the formula's
_FUNCTIONS: dict[Any, Callable[..., tuple[str, sp.Expr, sp.Expr]]] = {
    sp.besselk: lambda n, w: (f"besselk{n}e", w, sp.exp(-w)),
    sp.erfc: lambda w: ("erfcx", w, sp.exp(-(w**2))),
    sp.expint: lambda n, w: (f"expint{n}", w, sp.S.One),
}


def line_code(name: str, line: LineDerivation, names: Mapping[sp.Symbol, str]) -> list[Definition]:
    """The function E[s(Y)], Y ~ N(mean, variance), of the arrays `mean` and `variance` and of parameters.

    Args:
        name: of the function, which is the last of the definitions; the others are what it calls.
        line: the derivation; one without means ignores `mean`, which must be 0.
        names: what each parameter is called in the code.

    Raises:
        SymntkError: a step for which there is no stable float64 code.
    """
    return _Writer(name, line, names).write()


@dataclass
class _Terms:
    """The closed form as code: terms, and what decides whether their sum may cancel."""

    code: list[Node] = field(default_factory=list)
    distances: list[Node] = field(default_factory=list)
    cancels: bool = False
    overflows: bool = False
    weights: list[sp.Expr] = field(default_factory=list)


class _Writer:
    def __init__(self, name: str, line: LineDerivation, names: Mapping[sp.Symbol, str]) -> None:
        self.name, self.line, self.form, self.names = name, line, line.form, names
        self.known: dict[sp.Symbol, Node] = {symbol: Name(one) for symbol, one in names.items()}
        self.known |= {x: Name("x"), ROOT: _ROOT, mean_v: Name("mean")}
        self.lines = Lines()
        self.number = Translator(self.known)
        self.terms = _Terms()
        self.pole: tuple[sp.Expr, sp.Expr] | None = None

    def write(self) -> list[Definition]:
        """The definitions."""
        terms = self.terms
        self._add(self.line.root, sp.S.One)
        code = [
            replace(body_with(self.form, self.names), name=f"{self.name}_value"),
            self._part("closed", ["mean", "root"], total(terms.code), self.lines),
        ]
        given: list[Node | str] = ["mean", "variance", *(bound(one.name, self.names) for one in code)]
        signs = {w.could_extract_minus_sign() for w in terms.weights}
        if (terms.cancels or terms.overflows or len(signs) > 1) and terms.distances:
            if all(point == 0 for point in self.form.breaks):
                smooth = [
                    self._part("pair", ["mean", "x"], self._pair()),
                    self._part("reach", ["mean"], reduce(lambda p, q: call("minimum", p, q), terms.distances)),
                ]
                given += [*(bound(one.name, self.names) for one in smooth), str(bool(self.form.breaks))]
                code += smooth
            elif terms.overflows:
                raise self._no_code("it has kinks away from the mean and powers of x² + A² together")
        doc = "E[s(Y)], Y ~ N(mean, variance)."
        result = call("_on_line", *given)
        return [*code, Definition(self.name, ("mean", "variance", *self.names.values()), (), (result,), doc)]

    def _part(self, label: str, arguments: list[str], result: Node, lines: Lines | None = None) -> Definition:
        name, given = f"{self.name}_{label}", [*arguments, *self.names.values()]
        return (lines or Lines()).definition(name, given, [result + 0 * Name(arguments[-1])])

    def _no_code(self, why: str) -> SymntkError:
        return SymntkError(f"float64 code for the mean of {self.form.regular(x)}", why, "quadrature")

    def _pair(self) -> Node:
        """The sum s(mean + x) + s(mean − x), x > 0; without means the mean is 0, and so is the break, if any."""
        left, right = self.form.parts[0], self.form.parts[-1]
        if self.line.means:
            return self.number(right.subs(x, mean_v + x)) + self.number(left.subs(x, mean_v - x))
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
            terms.code.append(self.number(weight) * self._elementary(step))
        elif isinstance(step, RealPart):
            self._real_part(step, weight)
        elif isinstance(step, GammaMixture | SteinSquare):
            self._square(step, weight)
        elif isinstance(step, Moment):
            ends = self.number(step.start or sp.S.Zero), Number(inf)
            terms.code.append(self.number(weight) * call("_piece_moment", self.number(step.order), *ends, _ROOT))
        elif isinstance(step, LaplaceMixture | SteinPole):
            self._pole(step, weight)
        else:
            raise self._no_code(f"the step {step.name} has no stable code")

    def _pole(self, step: LineStep, weight: sp.Expr) -> None:
        """Weight · E[(Y − p)^{−n} 1[Y > 0]], p < 0."""
        ((kind, scale),) = step.kinds
        if not isinstance(kind, Pole) or step.start != 0 or kind.order > _HIGHEST:
            raise self._no_code(f"{step.statement()} is of too high an order")
        distance = self.number(-kind.place)
        front = self.number(weight * scale * (-kind.place) ** (-kind.order))
        self.terms.distances.append(distance)
        self.terms.code.append(front * call("_half_line_pole", Name(str(kind.order)), distance / _ROOT))

    def _square(self, step: LineStep, weight: sp.Expr) -> None:
        """Weight · E of a power of Y² + A², from the step's own formula."""
        ((kind, _),) = step.kinds
        if isinstance(kind, Square):
            self.terms.distances.append(self.number(sp.sqrt(kind.square)))
            stable = isinstance(step, GammaMixture) and kind.order in (sp.Rational(1, 2), 1) and not kind.power
            self.terms.overflows |= bool(kind.power)
            self.terms.cancels |= not stable
        self.terms.code.append(self._formula(weight * step.value))

    def _formula(self, value: sp.Expr) -> Node:
        """A formula with its special functions computed first, scaled, in terms of root."""
        value = value.subs(var_v, ROOT**2 / 2)
        stand: dict[sp.Expr, sp.Expr] = {}
        for part in sorted(value.atoms(*_FUNCTIONS), key=sp.default_sort_key):
            name, argument, outside = _FUNCTIONS[part.func](*part.args)
            symbol = sp.Dummy(positive=True)
            self.known[symbol] = self.lines.name(call(name, self.number(argument)))
            stand[part] = symbol * outside
        return self.number(sp.factor_terms(sp.expand(value.xreplace(stand))))

    def _real_part(self, step: RealPart, weight: sp.Expr) -> None:
        """Weight · Re w E[1/(Y − p)] = Re i√π w/root · W((p − mean)/root), W the complex error function."""
        ((kind, _),) = step.kinds
        ((own, child),) = step.children if len(step.children) == 1 else ((None, step),)
        if not isinstance(kind, Square) or own is None or not isinstance(child, FourierMixture):
            raise self._no_code(f"{step.statement()} has a pole of higher order")
        if self.pole not in (None, (kind.centre, kind.square)):
            raise self._no_code("it has several pairs of poles, which cancel far from them")
        self.pole = (kind.centre, kind.square)
        width = self.number(sp.sqrt(kind.square))
        offset = self.number(kind.centre - (mean_v if self.line.means else 0))
        self.terms.distances.append(call("maximum", width, call("abs", offset) / 6))
        error = self.lines.name(call("wofz", (offset + Name("1j") * width) / _ROOT) / _ROOT)
        real, imaginary = (sp.sqrt(sp.pi) * sp.I * weight * own).as_real_imag()
        for part, name in ((real, "real"), (-imaginary, "imag")):
            if part != 0:
                self.terms.code.append(self.number(part) * call(name, error))

    def _elementary(self, step: Elementary) -> Node:
        """Polynomials between breaks, for mean 0; a polynomial on the whole line for any mean."""
        form: GeneralForm = general_form(step.function, x)
        if form.deltas or not all(part.is_polynomial(x) for part in form.parts):
            raise self._no_code(f"{step.statement()} is written by the engine of closed forms in two dimensions only")
        if not form.breaks:
            return self.number(sp.expand(step.value.subs(var_v, ROOT**2 / 2)))
        if self.line.means:
            raise self._no_code("it has kinks, and a mean")
        ends = [Number(-inf), *map(self.number, form.breaks), Number(inf)]
        code = []
        for part, low, high in zip(form.parts, ends[:-1], ends[1:], strict=True):
            for (power,), coefficient in sp.Poly(part, x).terms():
                if coefficient != 0:
                    moment = call("_piece_moment", Name(str(power)), low, high, _ROOT)
                    code.append(self.number(coefficient) * moment)
        return total(code)
