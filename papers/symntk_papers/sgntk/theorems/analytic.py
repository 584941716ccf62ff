"""T1 and T5: the maps of σ_m as formulas, and the surrogate-gradient NTK of a function with jumps, which exists."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp
from mpmath import mp

from symntk import Expectation
from symntk.language.forms.general_form import GeneralForm
from symntk.language.symbols import cov, parameter, var_u, var_v
from symntk.language.tables.registry import exact
from symntk.verify.evaluate import evaluate
from symntk.verify.limits.extrapolate import agreement
from symntk.verify.limits.symbolic import within
from symntk.verify.oracle.general.oracle import oracle_to_scale
from symntk_papers.sgntk.theorems.convergence import converges
from symntk_papers.sgntk.theorems.deep import Number, is_closed
from symntk_papers.sgntk.theorems.divergence import Outcome
from symntk_papers.sgntk.theorems.hypotheses import bounded, finite_jumps, jumps
from symntk_papers.sgntk.theorems.report import Finding, Hypothesis, attempted
from symntk_papers.sgntk.theorems.setting import Setting

SURROGATES = ("erf", "straight_through", "triangle", "fast_sigmoid", "arctan", "sigmoid")
"""Those that T5 takes where none is named: closed, and with one integral that remains."""
_ANGLES = (0.0, 1.0)
_ORACLE = 20.0
_SECONDS = 20.0
_ONE = GeneralForm((), (sp.S.One,))


def printed_erf() -> dict[str, sp.Expr]:
    """The right-hand sides of T1 as the paper prints them, to compare what was derived with."""
    m = parameter("m")
    a, b = (v + 1 / (2 * m**2) for v in (var_u, var_v))
    root = sp.sqrt(a * b)
    return {"nngp": 2 / sp.pi * sp.asin(cov / root), "ntk": 2 / sp.pi / sp.sqrt(a * b - cov**2)}


def printed_surrogate() -> sp.Expr:
    """The SG-NTK map of sign with erf' in T5, as printed."""
    return 2 / sp.pi / sp.sqrt(var_u * var_v - cov**2 + var_u / 2)


def formulas(one: Setting) -> Outcome:
    """T1 for a family."""
    has_parameter = one.family.parameter is not None
    hypotheses = [
        Hypothesis(
            "σ_m is a family", has_parameter, f"its parameter is {one.name}" if has_parameter else "no parameter"
        ),
        Hypothesis(
            "σ_m has a derivative without deltas",
            not one.family.activation.derivative.general.deltas,
            "read off its distributional derivative",
        ),
    ]
    return hypotheses, lambda: _formulas(one)


def _formulas(one: Setting) -> list[Finding]:
    found = []
    is_erf = one.family.activation.expression == sp.erf(parameter("m") * sp.Symbol("x", real=True))
    for name, written in printed_erf().items():
        E: Expectation = getattr(one.kernels, name)
        if is_erf and E.expression is not None:
            found += [_symbolically(name, E.expression, written), _at_points(one, name, E, written)]
        one.tell(f"T1: {name} against quadrature")
        found += attempted(f"{name} of σ_m against quadrature", partial(_against_quadrature, one, name, E))
    return found


def _symbolically(name: str, derived: sp.Expr, written: sp.Expr) -> Finding:
    """Both vanish together at c = 0, and so does the derivative of their difference, for symbolic m."""

    def calculation() -> bool:
        difference = derived - written
        whole = sp.simplify(difference) == 0
        return bool(whole or (sp.simplify(sp.diff(difference, cov)) == 0 and sp.simplify(difference.subs(cov, 0)) == 0))

    claim = f"{name}: the derived formula is the printed one, symbolically"
    if within(_SECONDS, calculation):
        return Finding(claim, True, f"the difference and its derivative in c cancel to 0 for symbolic m: {derived}")
    # what SymPy does not show may be so all the same: the numbers of the next finding refute it where it is not
    return Finding(claim, False, str(derived), decided=False, criterion="SymPy did not show it")


def _points(one: Setting, count: int) -> list[tuple[sp.Expr, ...]]:
    """Random a, b, c and m as exact numbers, m from 1/10 to 1000."""
    rng = one.rng(1)
    out = []
    for _ in range(count):
        a, b = (exact(round(float(v), 6)) for v in 10 ** rng.uniform(-1, 1, 2))
        c = exact(round(float(rng.uniform(-0.95, 0.95) * sp.sqrt(a * b)), 6))
        out.append((a, b, c, exact(round(float(10 ** rng.uniform(-1, 3)), 4))))
    return out


def _at_points(one: Setting, name: str, E: Expectation, written: sp.Expr) -> Finding:
    digits = []
    for a, b, c, m in _points(one, 20):
        with mp.workdps(one.dps):
            value = E.evalf(a, b, c, dps=one.dps, m=m)
            known = evaluate(written, {var_u: a, var_v: b, cov: c, parameter("m"): m}, dps=one.dps)
            digits.append(agreement(value, known))
    claim = f"{name}: the derived formula is the printed one, numerically"
    return Finding.of_digits(claim, min(digits), one.dps - 3.0, "20 random points, m from 0.1 to 1000")


def _against_quadrature(one: Setting, name: str, E: Expectation) -> Finding:
    """The derived map against quadrature, which knows nothing of it."""
    closed, digits = is_closed(E), []
    dps = min(one.dps, 25) if closed else 13
    for a, b, c, m in _points(one, 4 if closed else 2):
        number = {one.family.parameter: m}
        forms = E.f.at(number).general, E.g.at(number).general
        with mp.workdps(dps + 5):
            value = (
                E.evalf(a, b, c, dps=dps, **{one.name: m}) if closed else mp.mpf(float(_in_double(E, one, a, b, c, m)))
            )
            digits.append(agreement(value, oracle_to_scale(*forms, (a, b, c, 0, 0), dps)))
    what = "the closed form" if closed else f"the float64 map ({E.method}, error bound {E.error_bound:g})"
    detail = f"{what} against adaptive quadrature at {len(digits)} random points"
    return Finding.of_digits(f"{name} of σ_m", min(digits), dps - 5.0 if closed else 8.0, detail)


def _in_double(E: Expectation, one: Setting, a: Any, b: Any, c: Any, m: Any) -> Any:
    return E(float(a), float(b), float(c), **{one.name: float(m)})


def surrogate_kernel(one: Setting) -> Outcome:
    """T5 for a family, with the surrogate that was named or with several."""
    named = one.surrogate is not None or one.surrogate_derivative is not None
    all_of_them = [one] if named else [one.with_surrogate(name) for name in SURROGATES]
    hypotheses = [jumps(one.family)]
    for each in all_of_them:
        function = each.surrogate_function
        label = f"the surrogate derivative {each.surrogate_name}"
        hypotheses += [bounded(label, function), finite_jumps(label, function)]
    return hypotheses, lambda: [finding for each in all_of_them for finding in _surrogate(each)]


def _surrogate(one: Setting) -> list[Finding]:
    """The limit map exists and is the conditional form; the deep kernel of σ_m tends to it."""
    E = one.limit.sg_ntk
    finite = E.diagonal.is_finite
    found = [Finding(f"{one.surrogate_name}: the map is finite at full correlation", finite, str(E.diagonal))]
    if not finite:
        return found
    one.tell(f"T5: {one.surrogate_name}, the conditional form")
    found += attempted(f"{one.surrogate_name}: the map is the conditional form", lambda: _conditional(one, E))
    if one.family.limit.expression == sp.sign(sp.Symbol("x", real=True)) and one.surrogate_name == "erf":
        found.append(_is_printed(E))
    for angle in _ANGLES:
        found += _converges(one, angle)
    return found


def _is_printed(E: Expectation) -> Finding:
    """The SG-NTK map of sign with erf' is that of the paper: by SymPy, and at a point where it does not show it."""
    claim, detail = "erf: the derived map is the printed one", f"symbolically: {E.expression}"
    if within(_SECONDS, lambda: bool(sp.simplify(E.expression - printed_surrogate()) == 0)):
        return Finding(claim, True, detail)
    point = {var_u: sp.Rational(4, 3), var_v: sp.Rational(3, 4), cov: sp.Rational(-2, 5)}
    with mp.workdps(40):
        digits = agreement(*(evaluate(one, point, dps=40) for one in (E.expression, printed_surrogate())))
    criterion = f"SymPy did not show it; at a point they agree to {digits:.1f} digits"
    return Finding(claim, False, detail, decided=digits < _ORACLE, criterion=criterion)


def _conditional(one: Setting, E: Expectation) -> Finding:
    """Σ_t J_t φ_a(t) E[s(Y)], Y ~ N(ct/a, b − c²/a), by one-dimensional quadrature, and the smooth part by its own."""
    dps, digits = 25, []
    function = E.g.general
    rest = GeneralForm(E.f.general.breaks, E.f.general.parts)
    with mp.workdps(dps + 10):
        for a, b, c in (("1", "2", "1/2"), ("1/3", "3/4", "-2/5"), ("1", "1", "1")):
            va, vb, vc = (mp.mpf(sp.Rational(v).p) / sp.Rational(v).q for v in (a, b, c))
            total = oracle_to_scale(rest, function, (va, vb, vc, 0, 0), dps) if rest.has_regular_part else mp.zero
            for jump in one.family.jumps:
                t = mp.mpf(jump.place.evalf(40)._to_mpmath(mp.prec))
                weight = mp.mpf(jump.height.evalf(40)._to_mpmath(mp.prec)) * mp.npdf(t, 0, mp.sqrt(va))
                total += weight * _mean(function, vc * t / va, max(vb - vc**2 / va, mp.zero), dps)
            digits.append(agreement(E.evalf(va, vb, vc, dps=dps), total))
    claim = f"{one.surrogate_name}: E[σ'(u) s(v)] = Σ_t J_t φ_a(t) E[s(Y)], Y ~ N(ct/a, b − c²/a)"
    detail = "the derived map against quadrature over Y at three points, one of them at full correlation"
    return Finding.of_digits(claim, min(digits), _ORACLE, detail)


def _mean(function: GeneralForm, mean: Number, variance: Number, dps: int) -> Number:
    if variance == 0:
        from symntk.verify.oracle.general.functions import Function as Numbers

        return Numbers(function).number(mean)
    return oracle_to_scale(function, _ONE, (variance, 1, 0, mean, 0), dps)


def _converges(one: Setting, angle: float) -> list[Finding]:
    """I_{σ_m} → I_s on the circle, with its rate in m."""
    where = "on the diagonal" if angle == 0 else f"at an angle of {angle:g}"
    depth = 3 if one.full or not one.is_closed or is_closed(one.kernels.sg_ntk) else 2
    claim = f"{one.surrogate_name}: I_m → I_∞ {where}, depth {depth}"
    grid = _grid(one, one.kernels.sg_ntk, angle)
    return attempted(claim, lambda: converges(claim, one, "sg_ntk", depth, angle, grid))


def _grid(one: Setting, slope: Expectation, angle: float) -> dict[str, Any]:
    """The grid for the maps of σ_m; with a slope map that is one integral, few m, and larger ones on the diagonal."""
    grid = one.grid(one.kernels.nngp)
    if is_closed(slope):
        return grid
    own: dict[str, Any] = {"start": "1/1000", "ratio": "1/4", "points": 8}
    if angle == 0 and all(jump.place == 0 for jump in one.family.jumps):
        own |= {"start": "1/100000", "ratio": "1/16"}
    elif angle == 0:
        # a layer of width 1/m away from 0 is laid out in float64, to m = 5e7 or so: more points in place of larger m
        own |= {"ratio": "1/3", "points": 11}
    return {"dps": min(one.dps, 42), **own}
