"""A derived value as straight-line Python source.

The same lines run on arrays (np.sqrt, …) or on numbers that carry a bound of their rounding error (_t_sqrt, …):
only the names of the functions differ.
"""

from __future__ import annotations

import sympy as sp

from symntk.derive.algebra import Element
from symntk.derive.publish import with_acos
from symntk.derive.value import Base, Key, Phase, Surd, Value, balance
from symntk.emit.stable import StablePrinter
from symntk.errors import SymntkError
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

PLAIN = {
    "sqrt": "np.sqrt",
    "exp": "np.exp",
    "cos": "np.cos",
    "sin": "np.sin",
    "atan2": "np.arctan2",
    "normal_cdf": "special.ndtr",
    "exp_sinh": "_exp_sinh",
    "exp_cosh": "_exp_cosh",
    "exp_normal_cdf": "_exp_normal_cdf",
    "exp_bivariate": "_exp_bivariate",
    "exp_erfi": "_exp_erfi",
    "exp_complex_normal_cdf": "_exp_complex_normal_cdf",
}
TRACKED = {name: f"_t_{name}" for name in PLAIN}

STATE = {var_u: "a", var_v: "b", cov: "c", mean_u: "m1", mean_v: "m2"}


def parameter_names(symbols: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, str]:
    """Names of parameters inside the code, apart from every other name there."""
    return {s: f"k_{s.name}" for s in symbols}


class FormulaWriter:
    """Writes one value; repeated parts are computed once."""

    def __init__(self, value: Value, parameters: tuple[sp.Symbol, ...], functions: dict[str, str]) -> None:
        self.value = value
        self.functions = functions
        self.printer = StablePrinter(value.algebra, STATE | parameter_names(parameters))
        self.lines: list[str] = []
        self._named: dict[str, str] = {}

    def write(self) -> list[str]:
        """The lines of the function's body; the last one returns the value."""
        groups: dict[tuple[Element, Phase | None, Base], list[Surd]] = {}
        for exponent, phase, terms in _merged(self.value):
            for key, coefficient in terms:
                surd = Surd(coefficient, key.number, key.radicand)
                groups.setdefault((exponent, phase, key.base), []).append(surd)
        parts = [self._term(*place, surds) for place, surds in groups.items()]
        total = " + ".join(parts).replace(" + -", " - ") if parts else "0.0 * a"
        return [*self.lines, f"return {total}"]

    def name(self, code: str) -> str:
        """A name for a piece of code that may be needed again."""
        if code.isidentifier():
            return code
        found = self._named.get(code)
        if found is None:
            found = self._named[code] = f"t{len(self._named)}"
            self.lines.append(f"{found} = {code}")
        return found

    def call(self, function: str, *arguments: str) -> str:
        """A call of one of the functions of the dialect, computed once."""
        return self.name(f"{self.functions[function]}({', '.join(_bare(a) for a in arguments)})")

    def _term(self, exponent: Element, phase: Phase | None, base: Base, surds: list[Surd]) -> str:
        if self._is_complex(exponent, base, surds):
            return self._complex_term(exponent, base, surds)
        weight = " + ".join(self.surd(s) for s in surds)
        weight = f"({weight})" if len(surds) > 1 else weight
        function = self._function(exponent, phase, base)
        if function is None:
            return weight
        return function if weight == "1.0" else f"{weight} * {function}"

    def _is_complex(self, exponent: Element, base: Base, surds: list[Surd]) -> bool:
        algebra = self.value.algebra
        parts = [exponent, *(s.element for s in (*base.arguments, *surds))]
        return algebra.is_complex and any(algebra.split_complex(part)[1] for part in parts)

    def _complex_term(self, exponent: Element, base: Base, surds: list[Surd]) -> str:
        """The real part of weight · exp(q) · Φ(h); the conjugate term adds the rest."""
        if base.kind != "Phi":
            raise SymntkError(
                "float64 code for this expectation",
                "it holds a bivariate normal distribution function of complex arguments",
                "evalf, which computes it with mpmath",
            )
        split = self.value.algebra.split_complex
        power = [self.printer.element(part) for part in split(exponent)]
        h = base.arguments[0]
        place = [self.surd(h._replace(element=part)) for part in split(h.element)]
        core = self.call("exp_complex_normal_cdf", *power, *place)
        parts = []
        for surd in surds:
            real, imag = split(surd.element)
            parts += [f"{self.surd(surd._replace(element=real))} * {core}.real"] if real else []
            parts += [f"{self.surd(surd._replace(element=-imag))} * {core}.imag"] if imag else []
        return " + ".join(parts)

    def _function(self, exponent: Element, phase: Phase | None, base: Base) -> str | None:
        power = self.printer.element(exponent) if exponent else ""
        arguments = [self.surd(s) for s in base.arguments[:2]] if base.kind in ("Phi", "Phi2", "erfi") else []
        if base.kind == "Phi":
            core = self.call("exp_normal_cdf", power, *arguments) if power else self.call("normal_cdf", *arguments)
            return self._with_phase(core, phase)
        if base.kind == "Phi2":
            pair = self._pair(base.arguments[2])
            return self._with_phase(self.call("exp_bivariate", power or "0.0", *arguments, *pair), phase)
        if base.kind == "erfi":
            return self._with_phase(self.call("exp_erfi", power or "0.0", *arguments), phase)
        angle = self._angle(base)
        if phase is not None and phase.kind in ("sinh", "cosh"):
            front = self.call(f"exp_{phase.kind}", power or "0.0", self.printer.element(phase.argument))
        else:
            front = self._with_phase(self.call("exp", power) if power else "", phase)
        return " * ".join(part for part in (front, angle) if part) or None

    def _with_phase(self, core: str, phase: Phase | None) -> str:
        if phase is None:
            return core
        turn = self.call(phase.kind, self.printer.element(phase.argument))
        return f"{core} * {turn}" if core else turn

    def _angle(self, base: Base) -> str:
        """Asin and acos as angles of a pair (cosine, sine), which keeps their digits near ±1."""
        if base.kind == "one":
            return ""
        cosine, sine = self._pair(base.arguments[0])
        return self.call("atan2", cosine, sine) if base.kind == "asin" else self.call("atan2", sine, cosine)

    def _pair(self, rho: Surd) -> tuple[str, str]:
        """(ρ·s, √(1 − ρ²)·s) for some s > 0."""
        field = self.value.algebra.field
        above, below = rho.element.numer, rho.radicand.numer * rho.element.denom**2
        square = rho.number**2
        gap = field(below) - self.value.algebra.element(square) * field(above) ** 2
        cosine = self.printer.ratio(rho.number, field(above))
        # the denominator of `square` is a number: √ of it scales the sine
        sine = self.printer.ratio(sp.S.One, gap)
        return self.name(cosine), "d" if sine == "det" else self.call("sqrt", sine)

    def surd(self, surd: Surd) -> str:
        """Number · element / √radicand; √radicand in the numerator where the radicand divides it."""
        field, element = self.value.algebra.field, surd.element
        content, factors = self.value.algebra.positive_factors(surd.radicand.numer)
        numer, up, below = balance(element.numer, [factor for factor, _ in factors])
        scale = surd.number / sp.sqrt(sp.Rational(content.numerator, content.denominator))
        above, under = (" * ".join(self.root(f) for f in part) for part in (up, below))
        under = f"({under})" if len(below) > 1 else under
        out = self.printer.ratio(scale, field(numer) / field(element.denom), above, under)
        return self.name(out) if " / " in out else out

    def root(self, factor: object) -> str:
        """The square root of a factor; √det is known to the caller."""
        text = self.printer.poly(factor)
        return "d" if text == "det" else self.call("sqrt", text)


def _bare(code: str) -> str:
    """Without a pair of parentheses around the whole."""
    if not code.startswith("("):
        return code
    depth = 0
    for i, sign in enumerate(code):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return code[1:-1] if i == len(code) - 1 else code
    return code


def _merged(value: Value) -> list[tuple[Element, Phase | None, list[tuple[Key, Element]]]]:
    """Terms by exponent and phase, constants merged with arcsines where they are arccosines."""
    return [(exponent, phase, with_acos(terms)) for (exponent, phase), terms in value.by_front().items()]


def count_terms(value: Value) -> int:
    """The number of terms that are added up, constants merged with arcsines."""
    return sum(len(terms) for _, _, terms in _merged(value))
