"""T2 and T4: no NTK for activations that tend to a jump; how it diverges with m, and next to the diagonal.

The constant of T2 for any family (derived here; for erf(m x) it is the paper's): let s be the limit, with jumps at t,
and P_t(y) = lim σ_m(t + y/m) the profile of a jump. With u ~ N(0, V) and u = t + y/m,

    E[σ_m'(u)²] ≈ m Σ_t κ_t φ_V(t),    κ_t = ∫ P_t'(y)² dy,    φ_V the density of N(0, V),

since u has density φ_V(t)/m in y and σ_m' = m P_t'. For σ(m x) there is one jump at 0, and P = σ. On the diagonal the
recursion Θ^{l+1} = Σ^{l+1} + Θ^l σ_w² E[σ_m'²] is led by its products, so that

    Θ_m^L(x, x) ≈ C m^{L−1},    C = V_1 Π_{l=1}^{L−1} σ_w² Σ_t κ_t φ_{V_l}(t),    V_{l+1} = σ_w² E[s(u)²] + σ_b².

The constant of T4: with δ_l = V_l − c_l, the slope map of s is about k_l (2 V_l δ_l)^p (k and p from the derivation),
and by Price's theorem δ_{l+1} = σ_w² k_l (2 V_l)^p δ_l^{p+1}/(p + 1).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from symntk.errors import SymntkError
from symntk.language.symbols import parameter, var_u, x
from symntk.verify.evaluate import evaluate
from symntk.verify.limits.behaviour import Behaviour, behaviour
from symntk.verify.limits.extrapolate import agreement
from symntk_papers.sgntk.setting import on_circle
from symntk_papers.sgntk.theorems.convergence import converges
from symntk_papers.sgntk.theorems.deep import Number, value
from symntk_papers.sgntk.theorems.hypotheses import bounded, jumps
from symntk_papers.sgntk.theorems.report import Finding, Hypothesis, attempted
from symntk_papers.sgntk.theorems.setting import Setting

Outcome = tuple[list[Hypothesis], Callable[[], list[Finding]]]
_PROFILE = 30  # m = 10^30 stands for the limit in the profile of a jump
_PROBES = ("0.31", "-0.77", "2.3", "-3.1")
"""y at which the slopes of a profile are compared; on one side of a kink they may be 0."""
_FAR = 2**50
"""|y| up to which a profile is integrated; beyond it σ_m is no longer next to its jump."""
_ANGLE = 1.0
_SLOPES = (64, 256, 1024, 4096, 16384)
_DISTANCE = sp.Symbol("|x − y|")
_EXPONENT, _CONSTANT, _RATE = 10.0, 20.0, 6.0
_NEAR = 0.1  # to −1, for an exponent from float64


def diverges(one: Setting) -> Outcome:
    """T2 for a family."""
    hypotheses = [jumps(one.family), bounded("the limit", one.family.limit)]
    if all(h.holds for h in hypotheses):
        hypotheses.append(_has_profile(one))

    def findings() -> list[Finding]:
        found = attempted("Θ_m(x, x) ~ C m^(L−1)", lambda: _diagonal(one))
        return [*found, *_off_diagonal(one), *attempted("regression with Θ_m", lambda: _regression(one))]

    return hypotheses, findings


def near_diagonal(one: Setting) -> Outcome:
    """T4 for the limit."""
    return [jumps(one.family)], lambda: _approaches(one)


def _profile(one: Setting, place: Number, m: Number) -> Callable[[Number], Number]:
    """P_t' at a finite m: ∂σ_m(t + y/m)/∂y."""
    slope = one.family.derivative_at
    return lambda y: slope(place + y / m, m) / m


def _places(one: Setting) -> list[Number]:
    return [mp.mpf(jump.place.evalf(mp.dps + 10)._to_mpmath(mp.prec)) for jump in one.family.jumps]


def _has_profile(one: Setting) -> Hypothesis:
    """σ_m(t + y/m) has a limit."""
    text = "each jump has a profile: σ_m(t + y/m) converges, with a derivative that is square integrable"
    if one.family.activation.derivative.general.deltas:
        return Hypothesis(text, False, "σ_m itself jumps")
    with mp.workdps(2 * _PROFILE + 30):
        for place in _places(one):
            pair = [_profile(one, place, mp.mpf(10) ** k) for k in (_PROFILE, _PROFILE + 10)]
            slopes = {y: [f(mp.mpf(y)) for f in pair] for y in _PROBES}
            wrong = [y for y, both in slopes.items() if agreement(*both) < 10]
            if wrong or not any(both[1] for both in slopes.values()):
                y = (wrong or _PROBES)[0]
                shown = ", ".join(mp.nstr(v, 4) for v in slopes[y])
                return Hypothesis(text, False, f"the width of the jump is not 1/m: at y = {y} the slopes are {shown}")
    return Hypothesis(text, True, f"at m = 1e{_PROFILE} and 1e{_PROFILE + 10} the slopes agree to 10 digits and more")


def roughness(one: Setting, place: Number) -> Number:
    """κ_t = ∫ P_t'(y)² dy, by quadrature at the working precision."""
    with mp.workdps(mp.dps + 2 * _PROFILE):
        m = mp.mpf(10) ** _PROFILE
        slope = _profile(one, place, m)
        kinks = []
        for point in one.family.activation.derivative.general.breaks:
            at = evaluate(point, {s: m for s in point.free_symbols}, dps=mp.dps) if point.free_symbols else None
            if at is not None and abs(at - place) * m < 10**6:
                kinks.append((at - place) * m)
        distances = (1, 4, 16, 2**8, 2**16, 2**32, _FAR)
        edges = sorted({mp.mpf(sign * k) for k in distances for sign in (1, -1)} | {mp.zero} | set(kinks))
        # each kink is an end: the slope is not smooth there
        total = mp.quad(lambda y: slope(y) ** 2, edges)
    return +total


def _constants(one: Setting, depth: int) -> list[Number]:
    """C for depth 1, 2, …: from the jumps' κ and the limit's variances, without the map E[σ_m' σ_m']."""
    weight, bias = one.scales
    variance = one.on_circle(mp.zero)[0]
    found, roughnesses = [variance], [(place, roughness(one, place)) for place in _places(one)]
    for _ in range(depth - 1):
        density = [k * mp.npdf(place, 0, mp.sqrt(variance)) for place, k in roughnesses]
        found.append(found[-1] * weight**2 * mp.fsum(density))
        variance = weight**2 * value(one.limit.nngp, variance, variance, variance) + bias**2
    return found


def _diagonal(one: Setting) -> list[Finding]:
    """Exponents L − 1 and constants."""
    grid = one.grid(one.kernels.nngp, one.kernels.ntk)
    depths = range(2, 7 if grid["dps"] == one.dps or one.full else 4)
    known: dict[Number, list[Number]] = {}

    def totals(m: Number) -> list[Number]:
        if m not in known:
            one.tell(f"T2: the diagonal at m = {mp.nstr(m, 3)}")
            entries = one.on_circle(mp.zero)
            known[m] = [layer.total for layer in one.deep(one.kernels, "ntk", max(depths), entries, **one.given(m))]
        return known[m]

    def at_depth(depth: int, m: Number) -> Number:
        return totals(m)[depth - 1]

    with mp.workdps(grid["dps"] + 10):
        claimed = _constants(one, max(depths))
        findings = _printed(one, claimed)
    required = _CONSTANT if one.is_closed and grid["dps"] == one.dps else 8.0
    for depth in depths:
        seen = behaviour(partial(at_depth, depth), parameter=one.family.parameter, **grid)
        findings.append(
            power(f"Θ_m(x, x) ~ C m^{depth - 1}, depth {depth}", seen, 1 - depth, claimed[depth - 1], required)
        )
    return findings


def printed_constant(depth: int, first: Number, weight_std: Number, bias_std: Number) -> Number:
    """The constant of T2 for erf(m x) as the paper prints it; `first` is σ_w² |x|²/n_0 + σ_b²."""
    gain = 2 * weight_std**2 / mp.pi
    return gain * mp.sqrt(first) * (gain / mp.sqrt(weight_std**2 + bias_std**2)) ** (depth - 2)


def _printed(one: Setting, claimed: list[Number]) -> list[Finding]:
    """The derived constants against the printed ones, where the family is the paper's."""
    if one.family.activation.expression != sp.erf(parameter("m") * x):
        return []
    first = one.on_circle(mp.zero)[0]
    digits = min(agreement(c, printed_constant(d, first, *one.scales)) for d, c in enumerate(claimed[1:], start=2))
    detail = f"depths 2 to {len(claimed)}; ∫σ'(y)² dy by quadrature"
    return [Finding.of_digits("the constants derived from ∫σ'² are the printed ones", digits, _CONSTANT, detail)]


def power(claim: str, seen: Behaviour, exponent: Number, constant: Number, required: float) -> Finding:
    """A finding about a power and its constant: the exponent to 10 digits, the constant to those required."""
    of_exponent = seen.agrees(exponent=exponent)
    digits = seen.agrees(exponent=exponent, coefficient=constant)
    detail = (
        f"C = {mp.nstr(constant, 15)} claimed, agrees to {digits:.1f} digits, the exponent to {of_exponent:.1f}; {seen}"
    )
    return of_two(claim, seen, (of_exponent, min(_EXPONENT, required)), (digits, required), detail)


def of_two(
    claim: str, seen: Behaviour, exponent: tuple[float, float], constant: tuple[float, float], detail: str
) -> Finding:
    """A finding about an exponent and a constant, for each the digits of agreement and those required.

    The digits are those of the constant where the exponent has its own, and of the exponent otherwise.
    """
    known = (seen.exponent_digits, seen.digits) if seen.found else (0.0, 0.0)
    first = Finding.of_digits(claim, *exponent, detail, known[0], "exponent")
    second = Finding.of_digits(claim, *constant, detail, known[1], "constant")
    # a constant that disagrees refutes, whatever is known of the exponent
    return second if first.passed or (first.verdict == "open" and second.verdict == "FAILED") else first


def _off_diagonal(one: Setting) -> list[Finding]:
    """Θ_m tends to that of the limit for two different inputs."""
    grid = one.grid(one.kernels.nngp, one.kernels.ntk)
    claim = f"Θ_m(x, x') → Θ_∞(x, x') at an angle of {_ANGLE:g}, depth"

    def check(depth: int) -> Finding:
        return converges(f"{claim} {depth}", one, "ntk", depth, _ANGLE, grid)

    return [found for depth in (2, 3) for found in attempted(f"{claim} {depth}", partial(check, depth))]


def _regression(one: Setting) -> list[Finding]:
    """Regression with Θ_m on four points of the circle: its predictions vanish like 1/m^{L−1}, and stay y_i at x_i."""
    depth, angles, labels = 3, ["0.3", "1.1", "2.9", "4.6"], [1, -1, 1, 2]
    if one.grid(one.kernels.nngp, one.kernels.ntk)["dps"] < one.dps:
        return [_regression_in_float(one)]
    with mp.workdps(one.dps + 10):
        places = [mp.mpf(angle) for angle in angles]
        y = mp.matrix(labels)

        def theta(m: Number, first: Number, second: Number) -> Number:
            entries = one.on_circle(abs(first - second))
            return one.deep(one.kernels, "ntk", depth, entries, **one.given(m))[-1].total

        known: dict[Number, Number] = {}

        def weights(m: Number) -> Number:
            if m not in known:
                one.tell(f"T2: regression at m = {mp.nstr(m, 3)}")
                known[m] = mp.lu_solve(mp.matrix([[theta(m, p, q) for q in places] for p in places]), y)
            return known[m]

        def predicted(m: Number, at: Number) -> Number:
            return mp.fdot((theta(m, at, q) for q in places), weights(m))

        limit = [one.deep(one.limit, "ntk", depth, one.on_circle(abs(2 - q)))[-1].total for q in places]
        claimed = mp.fdot(limit, labels) / _constants(one, depth)[-1]
        seen = behaviour(
            lambda m: predicted(m, mp.mpf(2)), parameter=one.family.parameter, **(one.grid() | {"points": 8})
        )
        found = [power("regression with Θ_m at a new input ~ C/m², depth 3", seen, 2, claimed, 12.0)]
        m = mp.mpf(10) ** 6
        worst = min(agreement(predicted(m, place), label) for place, label in zip(places, labels, strict=True))
    detail = "predictions at m = 1e6 against the four targets"
    return [*found, Finding.of_digits("regression with Θ_m is y_i at x_i", worst, _CONSTANT, detail)]


def _regression_in_float(one: Setting) -> Finding:
    """The same in float64, where the maps are dear: predictions at some m, the ratio of the last two."""
    x, y = on_circle(np.array([0.3, 1.1, 2.9, 4.6])), np.array([1.0, -1.0, 1.0, 2.0])
    test, net, sizes = on_circle(np.array([2.0])), one.network(one.kernels, 2), []
    for m in _SLOPES:
        one.tell(f"T2: regression at m = {m}")
        given: dict[str, Any] = {one.name: float(m)}
        gram = net.ntk(np.concatenate([x, test]), **given)
        sizes.append(float(abs(gram[4, :4] @ np.linalg.solve(gram[:4, :4], y))))
    before, slope = (float(v) for v in (np.diff(np.log(sizes)) / np.diff(np.log(_SLOPES)))[-2:])
    shown = ", ".join(f"{size:.4g}" for size in sizes)
    detail = f"at m = {', '.join(map(str, _SLOPES))} their sizes are {shown}; the last two fall like m^{slope:.3f}"
    settled = abs(slope - before) < _NEAR  # else the exponent is still on its way at these m
    missed = f"the exponent {slope:.3f} is {abs(slope + 1):.3f} > {_NEAR:g} from −1"
    if not settled:
        missed += f"; not settled, between the two m before it is {before:.3f}"
    claim = "regression with Θ_m at a new input tends to 0 like 1/m, depth 2"
    return Finding.judged(claim, {missed: abs(slope + 1) < _NEAR}, detail, settled)


def _approaches(one: Setting) -> list[Finding]:
    """The exponents and constants of Θ_∞ near the diagonal, on the unit circle."""
    cheap = one.grid(one.limit.nngp, one.limit.ntk)["dps"] == one.dps
    depths = range(2, (6 if one.full else 5) if cheap else 4)
    known: dict[Number, list[Number]] = {}

    def kernel(depth: int, distance: Number) -> Number:
        if distance not in known:
            one.tell(f"T4: at a distance of {mp.nstr(distance, 3)}")
            with mp.extradps(140 if cheap else 50):  # 1 − ρ is as small as the square of the distance
                entries = one.on_circle(2 * mp.asin(distance / 2))
                known[distance] = [layer.total for layer in one.deep(one.limit, "ntk", max(depths), entries)]
        return known[distance][depth - 1]

    # the terms of depth L fall like d^(2^(2 − L)), and the bivariate normal distribution is slow near full correlation
    steps = {"ratio": f"1/{2**2 ** (max(depths) - 2)}", "points": 24} if cheap else {"ratio": "1/16", "points": 8}
    grid: dict[str, Any] = {"dps": one.dps if cheap else 25, "start": "1/1000" if cheap else "1/1000000", **steps}

    def check(depth: int) -> Finding:
        return _approach(one, depth, behaviour(partial(kernel, depth), 0, parameter=_DISTANCE, **grid))

    return [
        found for depth in depths for found in attempted(f"Θ_∞ ~ K |x − y|^(−α), depth {depth}", partial(check, depth))
    ]


def _approach(one: Setting, depth: int, seen: Behaviour) -> Finding:
    """The exponent α and the constant K of one depth."""
    alpha = 2 - mp.mpf(2) ** (2 - depth)
    with mp.workdps(one.dps + 10):
        constant = _leading(one, depth)
    claim = f"Θ_∞ ~ K |x − y|^(−α) with α = 2 − 2^({2 - depth}), depth {depth}"
    by_exponent, by_constant = seen.agrees(exponent=-alpha), seen.agrees(exponent=-alpha, coefficient=constant)
    detail = f"K = {mp.nstr(constant, 15)} derived, to {by_constant:.1f} digits; {seen}"
    return of_two(claim, seen, (by_exponent, _RATE), (by_constant, _RATE), detail)


def _leading(one: Setting, depth: int) -> Number:
    """K from the derived behaviour at full correlation."""
    weight, bias = one.scales
    diagonal = one.limit.ntk.diagonal
    if diagonal.power is None:
        raise SymntkError("the constant next to the diagonal", f"the map there {diagonal}", "a limit that jumps")
    p = mp.mpf(diagonal.power.p) / diagonal.power.q
    variance = one.on_circle(mp.zero)[0]
    total, gap = variance, weight**2 / 4  # (σ_w²/n_0) d²/2 with n_0 = 2, at d = 1
    for _ in range(depth - 1):
        slope = evaluate(diagonal.coefficient, {var_u: variance}, dps=mp.dps) * (2 * variance * gap) ** p * weight**2
        total, gap = total * slope, slope * gap / (p + 1)
        variance = weight**2 * value(one.limit.nngp, variance, variance, variance) + bias**2
    return total
