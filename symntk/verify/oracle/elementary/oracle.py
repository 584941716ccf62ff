"""An independent oracle for E[f(u) g(v)]: numbers from quadrature, not from the derivation.

    E[f(u) g(v)] = ∫ f(u) N(u; mean_u, var_u) E[g(v) | u] du

In one dimension, split where f has kinks, with the conditional expectation from `conditional`. Deltas are evaluated:
E[δ^(n)(u − t) h(u)] = (−1)^n d^n/dt^n [N(t) h(t)]. The digits that cancel are measured and added to the working
precision. The integral may exist where this oracle says it diverges: windows do not count, only the tilt condition.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symntk.errors import DivergenceError, DomainError, VerificationError
from symntk.language.forms.terms import Delta, NormalForm
from symntk.verify.oracle.elementary import layout
from symntk.verify.oracle.elementary.conditional import Deterministic, Feature, Inner, given_u
from symntk.verify.oracle.elementary.numeric import Branch, Numeric, Spike, numeric, settled
from symntk.verify.oracle.law import ASKED, Law, read_law
from symntk.verify.oracle.numbers import Number, mp
from symntk.verify.oracle.panels import gauss_legendre, integrate


def expectation_oracle(
    f: NormalForm,
    g: NormalForm,
    var_u: Any,
    var_v: Any,
    cov: Any,
    mean_u: Any = 0,
    mean_v: Any = 0,
    *,
    dps: int = 30,
) -> Number:
    """E[f(u) g(v)] by quadrature, as an mpmath number.

    Args:
        f: Gaussian-elementary function of u, its parameters replaced by numbers.
        g: the same for v.
        var_u: variance of u; this and the next four are scalars (int, float, str, mpmath or SymPy), taken as exact.
        var_v: variance of v.
        cov: covariance of u and v.
        mean_u: mean of u.
        mean_v: mean of v.
        dps: digits; the error is about 10^(−dps) · E|f(u) E[g(v)|u]| (hence relative to the value where the integrand
            is positive), or 10^(−dps) · √(E f² E g²) where the former cancels to nothing.

    Raises:
        DomainError: no covariance, a parameter without a value, or (DivergenceError) an expectation that is infinite.
        VerificationError: the quadrature did not converge.

    >>> import sympy as sp
    >>> from symntk.language.forms.terms import NormalForm, Step, Term
    >>> step = NormalForm((Term(sp.S.One, window=Step(sp.S.Zero)),))
    >>> print(mp.nstr(expectation_oracle(step, step, 1, 1, "1/2", dps=20), 19))
    0.3333333333333333333
    """
    law = read_law(var_u, var_v, cov, mean_u, mean_v, dps)
    asked = f"E[f(u) g(v)] at {', '.join(mp.nstr(x, 8) for x in (law.a, law.b, law.c, law.m1, law.m2))}"
    with mp.workdps(dps + 10):
        require_finite(numeric(f, dps + 10), numeric(g, dps + 10), law, asked)
        parts = [
            _smooth_part(f, g, law, dps),
            _spike_part(f, g, law, dps, asked),
            _spike_part(g, f, law.swapped(), dps, asked),
            _spikes_part(f, g, law, dps, asked),
        ]
        total = mp.fsum(parts)
    with mp.workdps(dps):
        return +total


def require_finite(f: Numeric, g: Numeric, law: Law, asked: str) -> None:
    """I − 2 Σ diag(α_u, α_v) positive definite for each pair of terms; a delta only needs the other's conditional."""

    def check(p: Number, q: Number, a: Number, b: Number, determinant: Number) -> None:
        half_trace = a * p + b * q
        if half_trace >= 1 or 1 - 2 * half_trace + 4 * determinant * p * q <= 0:
            text = f"diverges: exp({mp.nstr(p, 8)} u²) exp({mp.nstr(q, 8)} v²) under this covariance leaves no Gaussian"
            raise DivergenceError(asked, text, "variances with I − 2 Σ diag(α_u, α_v) positive definite")

    zero = mp.mpf(0)
    for p in f.pieces:
        for q in g.pieces:
            check(p.quadratic, q.quadratic, law.a, law.b, law.determinant)
    for spikes, pieces, variance in ((f.spikes, g.pieces, law.a), (g.spikes, f.pieces, law.b)):
        if spikes and variance == 0:
            raise DomainError(asked, "a delta of a variable whose variance is 0", "a positive variance")
        for piece in pieces if spikes else ():
            check(zero, piece.quadratic, zero, law.determinant / variance, zero)


def _smooth_part(f: NormalForm, g: NormalForm, law: Law, dps: int) -> Number:
    """E[f g] without the deltas: raise the working precision until what cancels is covered."""
    digits = dps + 8
    if not numeric(f, digits).pieces or not numeric(g, digits).pieces:
        return mp.mpf(0)
    if law.a == 0 or (law.b != 0 and _cost(g, f, digits) < _cost(f, g, digits)):
        f, g, law = g, f, law.swapped()
    against_norm = False
    while True:
        digits = 8 * math.ceil(digits / 8)
        with mp.workdps(digits):
            value, size, noise = _attempt(numeric(f, digits), numeric(g, digits), law.rounded(), digits, dps)
            if against_norm or size * mp.mpf(10) ** -dps >= noise:
                return value
            needed = digits + int(mp.ceil(mp.log10(noise / size))) + dps if size > 0 else 0
            if size <= 100 * noise or needed > 3 * dps + 80:
                against_norm, norm = True, _norm(f, g, law)
                if norm * mp.mpf(10) ** -dps >= noise:
                    return value
                needed = digits + int(mp.ceil(mp.log10(noise / norm))) + dps if norm > 0 else 0
        if needed > 15 * dps + 300 or needed == 0:
            raise VerificationError(ASKED, f"more than {needed - dps} digits cancel", "a less extreme mean or variance")
        digits = needed


def _norm(f: NormalForm, g: NormalForm, law: Law) -> Number:
    """√(E f² E g²) to a few digits, the scale of an expectation that cancels to nothing."""
    product = mp.mpf(1)
    for form, variance, mean in ((f, law.a, law.m1), (g, law.b, law.m2)):
        smooth = NormalForm(tuple(t for t in form.terms if not isinstance(t.window, Delta)))
        same = Law(variance, variance, variance, mean, mean, mp.mpf(0))
        require_finite(numeric(smooth, 15), numeric(smooth, 15), same, ASKED)
        product *= _smooth_part(smooth, smooth, same, 5)
    return mp.sqrt(product)


def _cost(f: NormalForm, g: NormalForm, digits: int) -> float:
    """A rough cost of a node with f outside: error functions count, those of a complex argument most."""
    outer = {p.ramp for p in numeric(f, digits).pieces if p.ramp is not None and p.ramp.variance > 0}
    inner = {(p.ramp, p.quadratic, p.linear) for p in numeric(g, digits).pieces if p.ramp is not None}
    return len(outer) + sum(1 if mp.im(linear) == 0 else 30 for _, _, linear in inner)


def _attempt(f: Numeric, g: Numeric, law: Law, digits: int, dps: int) -> tuple[Number, Number, Number]:
    """The integral, the integral of the absolute value, and what rounding may have done, at `digits` digits."""
    if law.a == 0:
        values = [Branch(settled(h.pieces, at, mp.mpf(0)))(at) for h, at in ((f, law.m1), (g, law.m2))]
        return values[0] * values[1], mp.mpf(0), mp.mpf(0)
    inner = given_u(law, g.pieces)
    places = _places(f, inner, law)
    cells, conditioning = [], inner.stiffness() + _stiffness(f, law)
    edges = [-mp.inf, *sorted({*f.kinks(), *inner.kinks}), mp.inf]
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        middle = _between(left, right)
        branch = Branch(settled(f.pieces, middle, mp.mpf(0)))
        if not branch.groups:
            continue
        points = layout.sample_points(float(left), float(right), places, digits)
        log_size = branch.log_size(points) - (points - float(law.m1)) ** 2 / (2 * float(law.a))
        near = inner.near(middle, mp.mpf(points[np.argmax(log_size)]))
        log_size += near.log_size(points) - float(mp.log(2 * mp.pi * law.a)) / 2
        cells.append((left, right, branch, near, points, log_size))
    peak = max((float(cell[5].max()) for cell in cells), default=-math.inf)
    if peak == -math.inf:
        return mp.mpf(0), mp.mpf(0), mp.mpf(0)
    total = mp.fsum(mp.exp(layout.log_integral(cell[4], cell[5])) for cell in cells)
    noise = total * (conditioning + 10 * digits) * mp.mpf(10) ** (1 - digits)
    cut = peak - digits * math.log(10) - 5
    nodes = 12 * digits // 10
    pieces = []
    for left, right, branch, near, points, log_size in cells:
        function = _integrand(branch, near, law)
        for low, high in layout.supports(points, log_size, cut):
            marks = [mp.mpf(x) for x in layout.cut_into_panels(low, high, places, nodes, digits)]
            # The floats at the ends of an interval stand for the kinks, which are known exactly.
            marks[0], marks[-1] = max(left, marks[0]), min(right, marks[-1])
            marks[0] = left if low == float(left) else marks[0]
            marks[-1] = right if high == float(right) else marks[-1]
            pieces += [(function, p, q) for p, q in zip(marks[:-1], marks[1:], strict=True)]
    goal = mp.mpf(10) ** -dps / 4
    value, size = integrate(pieces, gauss_legendre(nodes, digits), goal, noise)
    return value, size, noise


def _integrand(branch: Branch, near: Any, law: Law) -> Any:
    precision, constant = 1 / (2 * law.a), mp.log(2 * mp.pi * law.a) / 2
    return lambda u: branch(u, -precision * (u - law.m1) ** 2 - constant) * near(u)


def _between(left: Number, right: Number) -> Number:
    if mp.isinf(left):
        return mp.mpf(0) if mp.isinf(right) else right - 1 - abs(right)
    return left + 1 + abs(left) if mp.isinf(right) else (left + right) / 2


def _places(f: Numeric, inner: Inner, law: Law) -> layout.Places:
    """The Gaussians exp(…)·N(u) of each pair of terms, the soft steps of both functions, the fastest oscillation."""
    bells, waves = set(), [0.0]
    for alpha, beta in {(p.quadratic, p.linear) for p in f.pieces}:
        for factor in inner.factors():
            curvature = 1 / law.a - 2 * (alpha + factor.curvature)
            rate = beta + factor.rate + law.m1 / law.a
            bells.add(Feature(float(mp.re(rate) / curvature), float(1 / mp.sqrt(curvature))))
            waves.append(abs(float(mp.im(beta))) + abs(float(mp.im(factor.rate))))
    ramps = {p.ramp for p in f.pieces if p.ramp is not None and p.ramp.variance > 0}
    steps = [Feature(float(r.threshold), float(mp.sqrt(r.variance))) for r in ramps]
    return layout.Places(tuple(bells), (*steps, *set(inner.features())), max(waves))


def _stiffness(f: Numeric, law: Law) -> float:
    """How much larger than the numbers' rounding an exponent's or a step argument's may be."""
    ramps = {p.ramp for p in f.pieces if p.ramp is not None and p.ramp.variance > 0}
    parts = [abs(r.threshold) / mp.sqrt(r.variance) for r in ramps]
    reach = abs(law.m1) + 15 * mp.sqrt(law.a)
    parts += [abs(p.quadratic) * reach**2 + abs(p.linear) * reach for p in f.pieces]
    return float(max([abs(law.m1) / mp.sqrt(law.a), *parts]))


def _settle(function: Any, dps: int) -> Number:
    """Evaluate `function(digits)`, (value, scale), at rising precision until two values agree to dps digits.

    Two values that agree say nothing where all digits of the parts, of size `scale`, have cancelled in both.
    """
    digits = dps + 10
    before, _ = function(digits)
    while True:
        digits += 10 + dps // 3
        value, scale = function(digits)
        with mp.workdps(digits):
            error, goal = abs(value - before), mp.mpf(10) ** -dps
            covered = scale * mp.mpf(10) ** (5 - digits) <= goal * abs(value)
            if (covered and error <= goal * abs(value)) or (digits > 2 * dps + 60 and error <= goal * scale):
                return value
        if digits > 15 * dps + 300:
            raise VerificationError(ASKED, "a delta's derivatives cancel too many digits", "a less extreme covariance")
        before = value


def _spike_part(f: NormalForm, g: NormalForm, law: Law, dps: int, asked: str) -> Number:
    """E[f g] of the deltas in f and of g without its deltas."""
    if not numeric(f, dps).spikes or not numeric(g, dps).pieces:
        return mp.mpf(0)

    def evaluate(digits: int) -> tuple[Number, Number]:
        with mp.workdps(digits):
            here, inner = law.rounded(), given_u(law.rounded(), numeric(g, digits).pieces)
            width = 1 / mp.sqrt(here.a)
            if here.determinant:
                width += abs(here.slope) * mp.sqrt(here.a / here.determinant)
            value, scale = mp.mpf(0), mp.mpf(0)
            for spike in numeric(f, digits).spikes:
                value += _spike(spike, inner, here, asked)
                t = spike.threshold
                size = mp.exp(float(inner.near(t, t).log_size(np.array([float(t)]))[0]) + here.log_density(t))
                scale += abs(spike.coefficient) * size * width**spike.order
            return value, scale

    return _settle(evaluate, dps)


def _spike(spike: Spike, inner: Inner, law: Law, asked: str) -> Number:
    """One delta: coefficient · (−1)^n d^n/dt^n [N(t) h(t)]."""
    t, n = spike.threshold, spike.order
    branches = [inner.near(t, t)]
    if isinstance(inner, Deterministic) and n:
        gaps = [abs(k - t) for k in inner.kinks]
        near = inner.tolerance() / max(abs(inner.slope), mp.eps)
        step = min([1 / mp.mpf(2), *(gap / 2 for gap in gaps if gap > near)])
        branches = [inner.near(at, at) for at in (t - step, t + step)]

    def derivatives(h: Any) -> list[Number]:
        def weighted(x: Number) -> Number:
            return mp.exp(law.log_density(x)) * h(x)

        return [mp.diff(weighted, t, j) if j else weighted(t) for j in range(n + 1)] if n else [weighted(t)]

    values = [derivatives(branch) for branch in branches]
    for j in range(n):
        if abs(values[0][j] - values[-1][j]) > mp.sqrt(mp.eps) * max(abs(values[0][j]), abs(values[-1][j])):
            text = f"diverges: a derivative of a delta meets a jump at {mp.nstr(t, 8)} at full correlation"
            raise DivergenceError(asked, text, "|cov| < √(var_u var_v)")
    return spike.coefficient * (-1) ** n * mp.fsum(row[n] for row in values) / len(values)


def _spikes_part(f: NormalForm, g: NormalForm, law: Law, dps: int, asked: str) -> Number:
    """E[f g] of the deltas in both: the bivariate density and its derivatives."""
    if not numeric(f, dps).spikes or not numeric(g, dps).spikes:
        return mp.mpf(0)

    def evaluate(digits: int) -> tuple[Number, Number]:
        with mp.workdps(digits):
            here, value, scale = law.rounded(), mp.mpf(0), mp.mpf(0)
            for p in numeric(f, digits).spikes:
                for q in numeric(g, digits).spikes:
                    part = _two_spikes(p, q, here, asked)
                    value, scale = value + part, scale + abs(part)
            return value, scale + mp.ldexp(1, -8 * mp.prec)

    return _settle(evaluate, dps)


def _two_spikes(p: Spike, q: Spike, law: Law, asked: str) -> Number:
    variance = law.remainder

    def density(s: Number, t: Number) -> Number:
        distance = t - law.m2 - law.slope * (s - law.m1)
        return mp.exp(law.log_density(s) - distance**2 / (2 * variance)) / mp.sqrt(2 * mp.pi * variance)

    if variance == 0:
        distance = q.threshold - law.m2 - law.slope * (p.threshold - law.m1)
        if abs(distance) > mp.ldexp(1, 16 - mp.prec) * (abs(q.threshold) + abs(law.m2) + mp.sqrt(law.b)):
            return mp.mpf(0)
        text = f"diverges: a delta at u = {mp.nstr(p.threshold, 8)} meets a delta at v = {mp.nstr(q.threshold, 8)}"
        raise DivergenceError(asked, text + " at full correlation", "|cov| < √(var_u var_v)")
    order, at = (p.order, q.order), (p.threshold, q.threshold)
    value = mp.diff(density, at, order) if any(order) else density(*at)
    return p.coefficient * q.coefficient * (-1) ** sum(order) * value
