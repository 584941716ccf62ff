"""Closed forms that are printed in papers or coded in libraries, each with the two functions that it is said to be for.

They are typed here to be compared with, in a, b, c and the parameters, and used nowhere else. `EXPECTED` of a row says
how it relates to what is derived: everywhere equal, equal under a restriction, or different.

Sources: Williams 1997; Cho & Saul 2009 (arc-cosine kernels); Daniely et al. 2016; Louart et al. 2018; Pearce et al.
2019; Tsuchida et al. 2021 (ELU, GELU); Han et al. 2022 (Gabor); Eilers et al. 2024 (surrogate-gradient kernels);
google/neural-tangents, `neural_tangents/_src/stax/elementwise.py` at commit c17e770 of March 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symntk.language.special import bivariate_normal_cdf as Phi2
from symntk.language.special import normal_cdf as Phi
from symntk.language.symbols import cov as c
from symntk.language.symbols import var_u as a
from symntk.language.symbols import var_v as b
from symntk.language.symbols import x

NT = "neural-tangents"
EQUAL, RESTRICTED, DIFFERENT, NO_FUNCTION = "equal", "restricted", "different", "no function"


@dataclass(frozen=True)
class Published:
    """One formula.

    Attributes:
        name: of the row.
        source: paper or library.
        f, g: the functions of the first and the second argument; None where the source gives none.
        form: the printed formula of E[f(u) g(v)].
        expected: one of EQUAL, RESTRICTED, DIFFERENT, NO_FUNCTION.
        remark: what a reader of the formula should know.
        unit: whether it is stated for variances of 1 only.
        diagonal: whether it is stated for v = u only, in a.
        fails_at: a point (a, b, c) outside the restriction, where it is not the expectation.
    """

    name: str
    source: str
    f: sp.Expr | None
    g: sp.Expr | None
    form: sp.Expr
    expected: str = EQUAL
    remark: str = ""
    unit: bool = False
    diagonal: bool = False
    fails_at: tuple[str, str, str] | None = None


s = sp.sqrt(a * b)
r = c / s
pi = sp.pi
half = sp.Rational(1, 2)
theta = sp.acos(r)
D2 = (1 + a) * (1 + b) - c**2
D = sp.sqrt(D2)
gap = sp.sqrt(a * b - c**2)
m, m1, m2, p, q, w, gamma = sp.symbols("m mu nu p q w gamma", positive=True)
q0, q1, q2, q3, A, C = sp.symbols("q0 q1 q2 q3 A C", real=True)

relu = sp.Max(0, x)
gelu = x * (1 + sp.erf(x / sp.sqrt(2))) / 2
gelu_tanh = x * (1 + sp.tanh(sp.sqrt(2 / pi) * (x + sp.Rational("0.044715") * x**3))) / 2
elu = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))
gabor = sp.exp(-(x**2)) * sp.sin(x)


def both(name: str, source: str, f: sp.Expr, form: sp.Expr, **options: object) -> Published:
    """A row for one function in both arguments."""
    return Published(name, source, f, f, sp.sympify(form, strict=True), **options)  # type: ignore[arg-type]


def at_full_correlation(name: str, f: sp.Expr, form: sp.Expr) -> Published:
    """The separate formula that neural-tangents has for v = u."""
    return both(f"{name}, v = u", NT, f, form, diagonal=True)


# Williams, Cho & Saul, Louart et al., Daniely et al., Pearce et al., Tsuchida et al., Han et al., Eilers et al.


def arc_cosine(n: int) -> sp.Expr:
    """E[u₊ⁿ v₊ⁿ] = (ab)^{n/2} J_n(θ)/2π, J_n = (−1)ⁿ sin^{2n+1}θ (d/dθ / sin θ)ⁿ ((π − θ)/sin θ): Cho & Saul, eq. 4."""
    angle = sp.Symbol("theta")
    inner = (pi - angle) / sp.sin(angle)
    for _ in range(n):
        inner = sp.diff(inner, angle) / sp.sin(angle)
    return s**n / (2 * pi) * ((-1) ** n * sp.sin(angle) ** (2 * n + 1) * inner).subs(angle, theta)


J2 = 3 * sp.sin(theta) * sp.cos(theta) + (pi - theta) * (1 + 2 * sp.cos(theta) ** 2)
J3 = (
    4 * sp.sin(theta) ** 3
    + 15 * sp.sin(theta) * sp.cos(theta) ** 2
    + (pi - theta) * (9 * sp.sin(theta) ** 2 * sp.cos(theta) + 15 * sp.cos(theta) ** 3)
)
gabor_d = 2 * (a + b) + 4 * (a * b - c**2) + 1
gabor_n = a + b + 4 * (a * b - c**2) + 2 * c
gabor_nngp = sp.exp(-gabor_n / (2 * gabor_d)) * (sp.exp(2 * c / gabor_d) - 1) / (2 * sp.sqrt(gabor_d))
relu_relu = s / (2 * pi) * (sp.sqrt(1 - r**2) + r * sp.acos(-r))
gelu_nngp = ((c**2 + a * b * D2) / ((1 + a) * (1 + b) * D) + c * sp.atan(c / D)) / (2 * pi) + c / 4
gelu_ntk = (
    sp.Rational(1, 4) + sp.atan(c / D) / (2 * pi) + c / (2 * pi * D) * (1 / D2 + (1 - a * b) / ((1 + a) * (1 + b)) + 1)
)
edges = 1 / sp.sqrt(a), 1 / sp.sqrt(b)


def tilted(sa: int, sb: int, factor: int = 1) -> sp.Expr:
    """The mean of two exponentials that decay on half lines, in the published style."""
    h, k = -(factor * a + sa * sb * factor * c) / sp.sqrt(a), -(factor * b + sa * sb * factor * c) / sp.sqrt(b)
    return sp.exp(factor**2 * (a + b + 2 * sa * sb * c) / 2) * Phi2(h, k, sa * sb * r)


def relu_exp(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """E[relu(u) e^v H(−v)], by one integration by parts: the cross term of the ELU kernel."""
    h, k = c / sp.sqrt(first), -sp.sqrt(second)
    root = sp.sqrt(first * second - c**2)
    slope = sp.exp(-(c**2) / (2 * first)) / sp.sqrt(2 * pi)
    return sp.exp(second / 2) * (
        c * Phi2(h, k, -r)
        + sp.sqrt(first) * slope * Phi(-root / sp.sqrt(first))
        - c / sp.sqrt(2 * pi * second) * sp.exp(-second / 2) / 2
    )


elu_nngp = (
    relu_relu
    + relu_exp(a, b)
    + relu_exp(b, a)
    - (sp.sqrt(a) - c / sp.sqrt(b)) / (2 * sp.sqrt(2 * pi))
    - (sp.sqrt(b) - c / sp.sqrt(a)) / (2 * sp.sqrt(2 * pi))
    + tilted(1, 1)
    - sp.exp(a / 2) * Phi2(-sp.sqrt(a), -c / sp.sqrt(b), r)
    - sp.exp(b / 2) * Phi2(-sp.sqrt(b), -c / sp.sqrt(a), r)
    + sp.acos(-r) / (2 * pi)
)
slopes = p * sp.Max(x, 0) + q * sp.Max(-x, 0)
rect = sp.Heaviside(x + 1) - sp.Heaviside(x - 1)
soft = 2 * m / sp.sqrt(pi) * sp.exp(-(m**2) * x**2)
soft1, soft2 = soft.subs(m, m1), soft.subs(m, m2)
wide1, wide2 = 1 / (2 * m1**2), 1 / (2 * m2**2)

PAPERS = [
    both("t", "Louart 2018", x, c),
    both("relu", "Cho & Saul 2009", relu, relu_relu),
    both("abs", "Louart 2018", sp.Abs(x), 2 * s / pi * (r * sp.asin(r) + sp.sqrt(1 - r**2))),
    both(
        "two slopes",
        "Louart 2018",
        slopes,
        (p**2 + q**2) * c / 2 + s / (2 * pi) * (p + q) ** 2 * (sp.sqrt(1 - r**2) - r * sp.acos(r)),
    ),
    both("step", "Cho & Saul 2009", sp.Heaviside(x), half - sp.acos(r) / (2 * pi)),
    both("sign", "Louart 2018", sp.sign(x), 2 / pi * sp.asin(r)),
    both(
        "quadratic",
        "Louart 2018",
        q2 * x**2 + q1 * x + q0,
        q2**2 * (2 * c**2 + a * b) + q1**2 * c + q2 * q0 * (a + b) + q0**2,
    ),
    both("cos", "Louart 2018", sp.cos(x), sp.exp(-(a + b) / 2) * sp.cosh(c)),
    both("sin", "Louart 2018", sp.sin(x), sp.exp(-(a + b) / 2) * sp.sinh(c)),
    both("sin + cos", "Pearce 2019", sp.sin(x) + sp.cos(x), sp.exp(-(a + b) / 2 + c)),
    both("erf", "Williams 1997", sp.erf(x), 2 / pi * sp.asin(2 * c / sp.sqrt((1 + 2 * a) * (1 + 2 * b)))),
    both("rbf", "Williams 1997", sp.exp(-(x**2) / 2), 1 / sp.sqrt(D2)),
    both("relu^2", "Cho & Saul 2009", relu**2, s**2 / (2 * pi) * J2),
    both("relu^3", "Cho & Saul 2009", relu**3, s**3 / (2 * pi) * J3),
    both("exp", "Daniely 2016", sp.exp(x), sp.exp((a + b) / 2 + c)),
    both("GELU", "Tsuchida 2021; neural-tangents", gelu, gelu_nngp),
    both("GELU'", NT, sp.diff(gelu, x), gelu_ntk),
    both("Gabor", "Han 2022; neural-tangents", gabor, gabor_nngp),
    both("ELU", "Tsuchida 2021", elu, elu_nngp),
    both(
        "rect",
        "inclusion and exclusion",
        rect,
        Phi2(*edges, r) - Phi2(edges[0], -edges[1], r) - Phi2(-edges[0], edges[1], r) + Phi2(-edges[0], -edges[1], r),
    ),
    both(
        "Laplace",
        "four tilted quadrants",
        sp.exp(-2 * sp.Abs(x)),
        tilted(1, 1, 2) + tilted(1, -1, 2) + tilted(-1, 1, 2) + tilted(-1, -1, 2),
    ),
    Published(
        "sign erf",
        "Eilers 2024",
        sp.sign(x),
        sp.erf(x),
        2 / pi * sp.asin(sp.sqrt(2) * c / sp.sqrt(a * (1 + 2 * b))),
    ),
    Published("relu erf", "Stein's identity", relu, sp.erf(x), c / sp.sqrt(pi * (1 + 2 * b))),
    both(
        "erf_m",
        "Eilers 2024",
        sp.erf(m * x),
        2 / pi * sp.asin(c / sp.sqrt((1 / (2 * m**2) + a) * (1 / (2 * m**2) + b))),
    ),
    Published("erf_m1' erf_m2'", "Eilers 2024", soft1, soft2, 2 / pi / sp.sqrt((wide1 + a) * (wide2 + b) - c**2)),
    Published("sign' erf_m'", "Eilers 2024", 2 * sp.DiracDelta(x), soft2, 2 / pi / sp.sqrt(a * (wide2 + b) - c**2)),
    Published("erf_m' 1", "Eilers 2024", soft, sp.S.One, sp.sqrt(2 / pi) / sp.sqrt(1 / (2 * m**2) + a)),
    *(
        both(
            f"Hermite {n}",
            "Daniely 2016; neural-tangents",
            sp.Poly(sp.hermite_prob(n, x) / sp.sqrt(sp.factorial(n)), x).as_expr(),
            c**n,
            expected=EQUAL if n == 1 else RESTRICTED,
            unit=True,
            remark="" if n == 1 else "for variances of 1; neural-tangents warns, and applies it to any",
            fails_at=None if n == 1 else ("2", "1/2", "3/10"),
        )
        for n in (1, 2, 3, 4)
    ),
]

# google/neural-tangents


def nt_erf(factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """NNGP and NTK of erf(factor·x)."""
    u, v, k = a * factor**2, b * factor**2, c * factor**2
    root = sp.sqrt((1 + 2 * u) * (1 + 2 * v) - 4 * k**2)
    return 2 / pi * sp.atan(2 * k / root), factor**2 * 4 / pi / root


def nt_sin(phase: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """NNGP and NTK of A sin(w x + phase)."""
    first = sp.exp(w**2 * (c - (a + b) / 2))
    second = sp.exp(w**2 * (-c - (a + b) / 2)) * sp.cos(2 * phase)
    return A**2 / 2 * (first - second), A**2 / 2 * w**2 * (first + second)


def nt_slopes(low: sp.Expr, high: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """NNGP and NTK of low·min(x, 0) + high·max(x, 0)."""
    factor = (low - high) ** 2 / (2 * pi)
    slope = (low**2 + high**2) / 2 - factor * sp.acos(r)
    return factor * gap + slope * c, slope


def nt_monomial(n: int) -> sp.Expr:
    """NNGP of x^n."""
    ab = a * b
    return (
        sp.S.One,
        c,
        2 * c**2 + ab,
        6 * c**3 + 9 * c * ab,
        3 * (8 * c**4 + 3 * ab * (8 * c**2 + ab)),
        15 * c * (8 * c**4 + 5 * ab * (8 * c**2 + 3 * ab)),
    )[n]


def nt_monomial_ntk(n: int) -> sp.Expr:
    """NTK of x^n."""
    return n**2 * nt_monomial(n - 1) if n else sp.S.Zero


def nt_rectified(n: int) -> tuple[sp.Expr, sp.Expr]:
    """NNGP and NTK of x₊ⁿ, n > 0; the NTK by differentiation."""
    return arc_cosine(n), sp.diff(arc_cosine(n), c)


COEFFICIENTS = (q0, q1, q2, q3)


def nt_polynomial() -> tuple[sp.Expr, sp.Expr]:
    """NNGP and NTK of a cubic, by its Hermite coefficients at the two variances."""

    def part(variance: sp.Expr, k: int) -> sp.Expr:
        total = sp.S.Zero
        for i in range((3 - k) // 2 + 1):
            n = 2 * i + k
            weight = sp.factorial(n) / (2**i * sp.factorial(i) * sp.sqrt(sp.factorial(k)))
            total += COEFFICIENTS[n] * weight * sp.sqrt(variance) ** n
        return total

    products = [part(a, k) * part(b, k) for k in range(4)]
    nngp = sp.Add(*(products[k] * r**k for k in range(4)))
    return nngp, sp.Add(*(k * products[k] * r ** (k - 1) for k in range(1, 4))) / s


def rows_for(name: str, f: sp.Expr, kernels: tuple[sp.Expr, sp.Expr], **options: object) -> list[Published]:
    """NNGP and NTK of one layer."""
    return [both(name, NT, f, kernels[0], **options), both(f"{name}, NTK", NT, sp.diff(f, x), kernels[1], **options)]


sigmoid_scale = 1 / sp.Rational("2.4020563531719796")
erf_nngp, erf_ntk = nt_erf(w)
like_nngp, like_ntk = nt_erf(sigmoid_scale)
cubic = sp.Add(*(k * x**n for n, k in enumerate(COEFFICIENTS)))
low, high = sp.symbols("p q", positive=True)
ab_relu = low * sp.Min(x, 0) + high * sp.Max(x, 0)
decaying = (1 + 2 * w * a) * (1 + 2 * w * b) - 4 * w**2 * c**2
growing = (1 - 2 * w * a) * (1 - 2 * w * b) - 4 * w**2 * c**2
gabor_shared = 1 + 2 * (a + b) + 4 * (c**2 + a * b)
gabor_other = 4 * c * (4 * (a * b - c**2) + 3 * (a + b) + 2)
gabor_ntk = (
    sp.exp(-gabor_n / (2 * gabor_d))
    * (gabor_shared - gabor_other + sp.exp(2 * c / gabor_d) * (gabor_shared + gabor_other))
    / (2 * gabor_d ** sp.Rational(5, 2))
)
normalized = s * sp.exp(gamma * (r - 1))
step_ntk = "the NTK is set to zero; the derivative is a delta, and its NTK diverges at full correlation"

NEURAL_TANGENTS = [
    *rows_for("Erf(a, b, c)", A * sp.erf(w * x) + C, (A**2 * erf_nngp + C**2, A**2 * erf_ntk)),
    *rows_for("Sigmoid_like()", (sp.erf(sigmoid_scale * x) + 1) / 2, (like_nngp / 4 + sp.Rational(1, 4), like_ntk / 4)),
    both("Gabor(), NTK", NT, sp.diff(gabor, x), gabor_ntk),
    both(
        "Gelu(approximate=True)",
        NT,
        gelu_tanh,
        gelu_nngp,
        expected=DIFFERENT,
        remark="the finite network uses tanh, the kernel stays that of the exact GELU",
    ),
    *rows_for("Sin(a, b, c)", A * sp.sin(w * x + C), nt_sin(C)),
    *rows_for("Cos(a, b, c)", A * sp.cos(w * x + C), nt_sin(C + pi / 2)),
    *rows_for(
        "Rbf(gamma)",
        sp.sqrt(2) * sp.sin(sp.sqrt(2 * gamma) * x + pi / 4),
        (sp.exp(gamma * (2 * c - a - b)), 2 * gamma * sp.exp(gamma * (2 * c - a - b))),
    ),
    *rows_for("ABRelu(a, b)", ab_relu, nt_slopes(low, high)),
    *rows_for("Relu()", relu, nt_slopes(sp.S.Zero, sp.S.One)),
    *rows_for("LeakyRelu(alpha)", low * sp.Min(x, 0) + sp.Max(x, 0), nt_slopes(low, sp.S.One)),
    *rows_for("Abs()", sp.Abs(x), nt_slopes(-sp.S.One, sp.S.One)),
    both("Sign()", NT, sp.sign(x), 1 - 2 / pi * sp.acos(r)),
    both("Sign(), NTK", NT, 2 * sp.DiracDelta(x), sp.S.Zero, expected=DIFFERENT, remark=step_ntk),
    *rows_for(
        "Exp(a, b)",
        A * sp.exp(w * x),
        (A**2 * sp.exp(w**2 * ((a + b) / 2 + c)), A**2 * w**2 * sp.exp(w**2 * ((a + b) / 2 + c))),
    ),
    *rows_for(
        "Gaussian(a, b < 0)",
        A * sp.exp(-w * x**2),
        (A**2 / sp.sqrt(decaying), A**2 * 4 * w**2 * c / sp.sqrt(decaying) ** 3),
    ),
    *rows_for(
        "Gaussian(a, b > 0)",
        A * sp.exp(w * x**2),
        (A**2 / sp.sqrt(growing), A**2 * 4 * w**2 * c / sp.sqrt(growing) ** 3),
        expected=RESTRICTED,
        remark="for 2ab < 1 at both variances and a positive root; beyond, where the expectation is infinite, it "
        "still returns numbers",
        fails_at=("3", "3", "1"),
    ),
    Published(
        "ExpNormalized(gamma)",
        NT,
        None,
        None,
        normalized,
        NO_FUNCTION,
        "a kernel without an activation, so there is no expectation to derive; its NTK factor is its derivative by c",
    ),
    *(row for n in range(6) for row in rows_for(f"Monomial({n})", x**n, (nt_monomial(n), nt_monomial_ntk(n)))),
    both("RectifiedMonomial(0)", NT, sp.Heaviside(x), arc_cosine(0)),
    both("RectifiedMonomial(0), NTK", NT, sp.DiracDelta(x), sp.S.Zero, expected=DIFFERENT, remark=step_ntk),
    *(row for n in (1, 2, 3) for row in rows_for(f"RectifiedMonomial({n})", relu**n, nt_rectified(n))),
    *rows_for("Polynomial([q0, q1, q2, q3])", cubic, nt_polynomial()),
    at_full_correlation("Erf()", sp.erf(x), 2 / pi * sp.atan(a / sp.sqrt(a + sp.Rational(1, 4)))),
    at_full_correlation("Gabor()", gabor, (1 - sp.exp(-2 * a / (1 + 4 * a))) / (2 * sp.sqrt(1 + 4 * a))),
    at_full_correlation(
        "Gelu()",
        gelu,
        a * ((a / ((a + 1) * sp.sqrt(1 + 2 * a)) + sp.atan(a / sp.sqrt(1 + 2 * a)) / 2) / pi + sp.Rational(1, 4)),
    ),
    at_full_correlation("Sin()", A * sp.sin(w * x + C), A**2 / 2 * (1 - sp.exp(-2 * w**2 * a) * sp.cos(2 * C))),
    at_full_correlation("ABRelu()", ab_relu, (low**2 + high**2) / 2 * a),
    at_full_correlation("Exp()", sp.exp(w * x), sp.exp(2 * w**2 * a)),
    at_full_correlation("Gaussian()", sp.exp(-w * x**2), 1 / sp.sqrt(1 + 4 * w * a)),
    at_full_correlation("Monomial(4)", x**4, 105 * a**4),
    at_full_correlation("RectifiedMonomial(3)", relu**3, sp.Rational(15, 2) * a**3),
]

ROWS = {row.name if row.source != NT else f"{NT} {row.name}": row for row in (*PAPERS, *NEURAL_TANGENTS)}
NOT_COMPARED = (
    "Meronen 2020, Matérn activations: a flat, improper prior on the bias, so no expectation over (u, v)",
    "Simon 2022, kernels from Hermite coefficients: a series, not a closed form",
    "neural-tangents Elementwise: the user's own formula; ElementwiseNumerical: Gauss–Hermite quadrature",
)
"""What is published and is no formula of this kind."""
