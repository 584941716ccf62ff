"""Special functions that a target lacks, written once as definitions of a fixed cost.

They need nothing but √, exp, expm1, sin, cos, |·|, atan2, erf and erfc, and no value decides what is computed: where a
formula holds in part of the plane, its arguments are bounded elsewhere and a `Choice` takes what is right, so that all
of it runs on arrays, on graphics cards and under transformations. No intermediate value leaves the range of float32
unless the result does. Each comes with its derivatives, since a derivative of a quadrature or of a `Choice` is neither
accurate nor always a number.

Methods: erfcx is a polynomial in (x − 3)/(x + 3) (Shepherd, Laframboise 1981, Math. Comp. 36, 249); the bivariate
normal distribution function is `runtime.bivariate` with all of its integrals at once; Owen's T is its integral over
[0, 1], with Owen's reflection beyond (1956, Ann. Math. Statist. 27, 1075); erfi is an integral of positive values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from mpmath import mp

from symntk.emit.code import ZERO, Definition, Name, Node, Operand, SumOver, call, choose, node
from symntk.emit.polynomial import horner, interpolant
from symntk.language.special.legendre import legendre_rule

_FAR = 1e16  # beyond it nothing changes, and its square is a float32
_LEAST = 1e-30  # what is divided by is this at least
_ROOT_HALF, _PER_TURN = 0.5**0.5, 0.5 / 3.141592653589793
_DENSITY = 0.3989422804014327  # 1/√(2π)
_TWO_PER_ROOT_PI = 1.1283791670955126
_DIGITS = 30


@dataclass(frozen=True)
class Special:
    """A function and its derivatives, one definition for each argument, all of the same arguments."""

    definition: Definition
    slopes: tuple[Definition, ...] = ()


def needed(calls: Iterable[str], known: Mapping[str, str]) -> list[Special]:
    """The functions of the library that code with these calls needs and `known` lacks.

    Args:
        calls: functions that are called.
        known: what the target calls its functions; one that is called as its definition here is not known.

    >>> [one.definition.name for one in needed(["exp_normal_cdf"], {"erf": "erf", "exp": "exp"})]
    ['_erfcx', '_normal_cdf', '_exp_normal_cdf']
    """
    found: set[str] = set()

    def add(name: str) -> None:
        if name in found or name not in functions() or known.get(name, f"_{name}") != f"_{name}":
            return
        found.add(name)
        for other in functions()[name].definition.calls():
            add(other)

    for name in calls:
        add(name)
    return [special for name, special in functions().items() if name in found]


@cache
def functions() -> Mapping[str, Special]:
    """The library by name; the definition of `name` is called `_name`, its derivative by an argument `_name_by_…`."""
    p, h, k, c, d, x, a, q = (Name(name) for name in ("p", "h", "k", "c", "d", "x", "a", "q"))
    density = call("exp", -0.5 * h * h) * _DENSITY
    made = [
        _special(_erfcx(), 2.0 * x * call("erfcx", x) - _TWO_PER_ROOT_PI),
        _special(_function("normal_cdf", "h", 0.5 * call("erfc", -_ROOT_HALF * h)), density),
        _special(_exp_normal_cdf(), call("exp_normal_cdf", p, h), call("exp", p - 0.5 * h * h) * _DENSITY),
        _special(_exp_sinh(), call("exp_sinh", p, x), call("exp_cosh", p, x)),
        _special(_exp_cosh(), call("exp_cosh", p, x), call("exp_sinh", p, x)),
        *(_special(_density(kind), *_density_slopes(kind)) for kind in ("sinh", "cosh", "exp")),
        _special(_difference(), p, ZERO, -q, ZERO, Name("u"), -Name("c")),
        _special(_exp_erfi(), call("exp_erfi", p, x), _TWO_PER_ROOT_PI * call("exp", p + x * x)),
        _special(
            _owens_t(),
            -0.5 * density * call("erf", _ROOT_HALF * a * h),
            call("exp", -0.5 * h * h * (1.0 + a * a)) * _PER_TURN / (1.0 + a * a),
        ),
        *(_special(one) for one in (_owens_density(), _wedge_density(), _wedge_pair(), _wedge_integral())),
        *(_special(one) for one in (_edge_density(), _edge_integral(), _scaled_interval())),
        _special(
            _exp_bivariate(),
            call("exp_bivariate", p, h, k, c, d),
            call("bivariate_slope", p, h, k, c, d),
            call("bivariate_slope", p, k, h, c, d),
            call("bivariate_density", p, h, k, c, d) * d,
            -call("bivariate_density", p, h, k, c, d) * c,
        ),
        _special(_bivariate_slope()),
        _special(_bivariate_density()),
    ]
    made += [Special(slope) for one in made for slope in one.slopes]
    return {one.definition.name[1:]: one for one in made}


def _special(definition: Definition, *slopes: Node) -> Special:
    made = zip(definition.arguments, slopes, strict=bool(slopes))
    name, given = definition.name, definition.arguments
    return Special(definition, tuple(Definition(f"{name}_by_{by}", given, (), (one,)) for by, one in made))


class _Steps:
    """The lines of a definition, with names that say what they are."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Node]] = []

    def let(self, name: str, value: Operand) -> Name:
        """A line; its name."""
        self.lines.append((name, node(value)))
        return Name(name)

    def within(self, name: str, value: Operand, bound: float = _FAR) -> Name:
        """A line with the value, bounded on both sides; NaN stays."""
        free = self.let(f"{name}_free", value)
        return self.let(name, choose(free > bound, bound, choose(free < -bound, -bound, free)))

    def function(self, name: str, arguments: str, *results: Operand, doc: str = "") -> Definition:
        """The lines and the results as a function."""
        return Definition(f"_{name}", tuple(arguments.split()), tuple(self.lines), tuple(map(node, results)), doc)


def _function(name: str, arguments: str, result: Operand, doc: str = "") -> Definition:
    return _Steps().function(name, arguments, result, doc=doc)


def _larger(one: Operand, other: Operand) -> Node:
    """The larger one; `other` where it is no number."""
    return choose(node(one) > node(other), one, other)


def _erfcx() -> Definition:
    """exp(x²) erfc(x): (1 + 2x) erfcx(x) is smooth in t = (x − 3)/(x + 3), 2 exp(x²) less that of −x for x < 0."""
    s, x = _Steps(), Name("x")
    far = s.let("far", call("abs", x))
    t = s.let("t", 1.0 - 6.0 / (far + 3.0))
    value = s.let("value", horner(interpolant(_erfcx_of, 25), t) / (1.0 + 2.0 * far))
    return s.function("erfcx", "x", choose(x < 0.0, 2.0 * call("exp", x * x) - value, value))


def _erfcx_of(t: mp.mpf) -> mp.mpf:
    x = 3 * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


@cache
def _legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Nodes on (−1, 1) and weights of the Gauss–Legendre rule, rounded once."""
    rule = legendre_rule(count, 100)
    return tuple((float(x), float(w)) for x, w in zip(rule.nodes[::-1], rule.weights[::-1], strict=True))


def _exp_normal_cdf() -> Definition:
    s, p, h = _Steps(), Name("p"), Name("h")
    below = s.let("below", choose(h < 0.0, h, 0.0))
    cdf = s.let("cdf", choose(h < 0.0, 0.5 * call("erfcx", -_ROOT_HALF * below), call("normal_cdf", h)))
    # Half the exponent twice: at once it may overflow although the product with a small cdf does not.
    root = s.let("root", call("exp", 0.5 * (p - 0.5 * below * below)))
    return s.function("exp_normal_cdf", "p h", cdf * root * root, doc="exp(p) Φ(h).")


def _exp_sinh() -> Definition:
    s, p, x = _Steps(), Name("p"), Name("x")
    far = s.let("far", call("abs", x))
    value = s.let("value", -0.5 * call("exp", p + far) * call("expm1", -2.0 * far))
    return s.function("exp_sinh", "p x", choose(x < 0.0, -value, value), doc="exp(p) sinh(x).")


def _exp_cosh() -> Definition:
    s, p, x = _Steps(), Name("p"), Name("x")
    far = s.let("far", call("abs", x))
    value = 0.5 * call("exp", p + far) * (1.0 + call("exp", -2.0 * far))
    return s.function("exp_cosh", "p x", value, doc="exp(p) cosh(x).")


def _density(kind: str) -> Definition:
    """The exponent of a normal density without what cancels in it: (p√u − q√v)² + 2pq(√(uv) − |c|) over −2det."""
    s, p, q, u, v, c, det = _Steps(), *(Name(name) for name in ("p", "q", "u", "v", "c", "det"))
    left, right, far = s.let("s", call("sqrt", u)), s.let("t", call("sqrt", v)), s.let("far", call("abs", c))
    slope = s.let("slope", (p * p * u - q * q * v) / _larger(p * left + q * right, _LEAST))
    most = s.let("most", -0.5 * slope * (slope / det) - p * q / _larger(left * right + far, _LEAST))
    other = s.let("other", -2.0 * p * q * far / det)
    if kind == "sinh":
        odd = s.let("value", -0.5 * call("exp", most) * call("expm1", other))
        value: Node = choose(c < 0.0, -odd, odd)
    elif kind == "exp":
        value = call("exp", choose(c < 0.0, most + other, most))
    else:
        value = 0.5 * call("exp", most) * (1.0 + call("exp", other))
    return s.function(f"density_{kind}", "u v c det p q", value, doc=f"exp(-(p^2 u + q^2 v)/2det) {kind}(p q c/det).")


def _density_slopes(kind: str) -> list[Node]:
    """Derivatives by u, v, c, det, p and q."""
    p, q, u, v, c, det = (Name(name) for name in ("p", "q", "u", "v", "c", "det"))
    other = {"sinh": "cosh", "cosh": "sinh"}.get(kind, kind)
    even, odd = (call(f"density_{one}", u, v, c, det, p, q) for one in (kind, other))
    whole = (0.5 * (p * p * u + q * q * v) * even - p * q * c * odd) / (det * det)
    first, second, mixed = -0.5 * p * p / det * even, -0.5 * q * q / det * even, p * q / det * odd
    return [first, second, mixed, whole, (q * c * odd - p * u * even) / det, (p * c * odd - q * v * even) / det]


def _difference() -> Definition:
    """It is √u (p√u − q√v) + q (√(uv) − c), with √(uv) − c = det/(√(uv) + c): next to c = √(uv) no rounding tells."""
    s, p, q, u, v, c = _Steps(), *(Name(name) for name in "pquvc")
    left, right = s.let("s", call("sqrt", u)), s.let("t", call("sqrt", v))
    slope = s.let("slope", (p * p * u - q * q * v) / _larger(p * left + q * right, _LEAST))
    below = _larger(left * right + choose(c > 0.0, c, 1.0), _LEAST)
    near = left * slope + q * Name("det") / below
    doc = "p u - q c for variances u, v, a covariance c and det = u v - c^2, next to c = √(u v) by what is left."
    return s.function("difference", "u v c det p q", choose(c > 0.0, near, p * u - q * c), doc=doc)


def _exp_erfi() -> Definition:
    """exp(p + x²) 2/√π ∫ exp(−u(2x − u)) du over [0, x], up to where the integrand is e^−36."""
    s, p, x = _Steps(), Name("p"), Name("x")
    far = s.let("far", call("abs", x))
    beyond = s.let("beyond", choose(far > 6.0, far * far - 36.0, 0.0))
    half = s.let("half", 0.5 * choose(far > 6.0, 36.0 / (far + call("sqrt", beyond)), far))
    u = half * (1.0 + Name("y"))
    integral = s.let("integral", SumOver(("y", "w"), _legendre(36), Name("w") * call("exp", u * (u - 2.0 * far))))
    value = s.let("value", _TWO_PER_ROOT_PI * call("exp", p + far * far) * half * integral)
    return s.function("exp_erfi", "p x", choose(x < 0.0, -value, value), doc="exp(p) erfi(x).")


def _owens_t() -> Definition:
    """∫ exp(−h²(1 + y²)/2)/(1 + y²) dy/2π over [0, a], for a > 1 by T(ah, 1/a)."""
    s, h, a = _Steps(), Name("h"), Name("a")
    far = s.within("far", call("abs", h))
    steep = s.let("steep", call("abs", a))
    flat = s.let("flat", choose(steep > 1.0, 1.0 / _larger(steep, 1.0), steep))
    other = s.within("other", steep * far)
    place = s.let("place", choose(steep > 1.0, other, far))
    half = s.let("half", 0.5 * choose(place * flat > 8.5, 8.5 / _larger(place, 1.0), flat))
    t = half * (1.0 + Name("y"))
    term = Name("w") * call("owens_density", place, t)
    total = s.let("total", SumOver(("y", "w"), _legendre(24), term) * half * _PER_TURN)
    tail, other_tail = s.let("tail", call("normal_cdf", -far)), s.let("other_tail", call("normal_cdf", -other))
    reflected = 0.5 * (tail + other_tail) - tail * other_tail - total
    value = s.let("value", choose(steep > 1.0, reflected, total))
    return s.function("owens_t", "h a", choose(a < 0.0, -value, value), doc="Owen's T(h, a).")


def _owens_density() -> Definition:
    s, h, t = _Steps(), Name("h"), Name("t")
    square = s.let("square", 1.0 + t * t)
    return s.function("owens_density", "h t", call("exp", -0.5 * h * h * square) / square)


def _wedge_density() -> Definition:
    s, z = _Steps(), Name("z")
    z = s.let("x", choose(z < -1.0, -1.0, choose(z > 2.0, 2.0, z)))
    value = 1.0 - z * (1.0 / _DENSITY) * call("exp", 0.5 * z * z) * call("normal_cdf", -z)
    return s.function("wedge_density", "z", value)


def _wedge_integral() -> Definition:
    """∫ g(q cos t + a sin t) dt over [0, angle], g the `_wedge_density`, if −1 ≤ q cos t + a sin t ≤ 2 on the way.

    Nodes lie in pairs about the middle, and the sine of half an angle gives both its sine and its cosine.
    """
    s, a, q = _Steps(), Name("a"), Name("q")
    half = s.let("half", 0.5 * Name("angle"))
    cos, sin = s.let("cos", call("cos", half)), s.let("sin", call("sin", half))
    middle, slope = s.let("middle", q * cos + a * sin), s.let("slope", 2.0 * (a * cos - q * sin))
    sines = call("sin", 0.5 * half * Name("y"))
    term = Name("w") * call("wedge_pair", middle, slope, sines)
    rule = tuple(row for row in _legendre(18) if row[0] > 0.0)
    return s.function("wedge_integral", "a q angle", half * SumOver(("y", "w"), rule, term))


def _wedge_pair() -> Definition:
    s, sine = _Steps(), Name("sine")
    even = s.let("even", Name("middle") * (1.0 - 2.0 * sine * sine))
    odd = s.let("odd", Name("slope") * sine * call("sqrt", 1.0 - sine * sine))
    return s.function(
        "wedge_pair", "middle slope sine", call("wedge_density", even + odd) + call("wedge_density", even - odd)
    )


def _edge_integral() -> Definition:
    """∫ exp(−q u − u²/2) V(q + u) du over u > 0, 0 ≤ b ≤ a, q ≥ 0, q² + a² − b² ≥ 4; V as in `runtime.bivariate`."""
    s, a, b, q = _Steps(), Name("a"), Name("b"), Name("q")
    half = s.let("half", 36.0 / (q + call("sqrt", q * q + 72.0)))  # up to where the exponential is e^−36
    ratio = s.let("ratio", b / _larger(a, _LEAST))
    gap = s.let("gap", (a - b) * (a + b))
    term = Name("w") * call("edge_density", half * (1.0 + Name("y")), q, ratio, gap)
    integral = SumOver(("y", "w"), _legendre(26), term)
    return s.function("edge_integral", "a b q", integral * half * (a - b) * (1.0 + ratio))


def _edge_density() -> Definition:
    s, u, q = _Steps(), Name("u"), Name("q")
    x = s.let("x", q + u)
    y = s.let("y", call("sqrt", x * x + Name("gap")))
    value = call("exp", -u * (0.5 * u + q)) / ((Name("ratio") * x + y) * y)
    return s.function("edge_density", "u q ratio gap", value)


def _unit(s: _Steps) -> tuple[Name, Name]:
    """The pair (c, d) at length 1, (0, 1) where both are 0."""
    c, d = Name("c"), Name("d")
    size = s.let("size", _larger(call("abs", c), d))
    size = s.let("scale", choose(size > 0.0, size, 1.0))
    c, d = s.let("c1", c / size), s.let("d1", choose(size > Name("size"), 1.0, d / size))
    norm = s.let("norm", call("sqrt", c * c + d * d))
    return s.let("cosine", c / norm), s.let("sine", d / norm)


def _exp_bivariate() -> Definition:
    """The reduction to a wedge and its integrals as in `runtime.bivariate`, whose names these are; signs are ±1."""
    s = _Steps()
    c, d = _unit(s)
    h, k = (s.within(f"{name}1", Name(name) + 0.0 * c) for name in "hk")  # arrays also where one is a number
    far_h, far_k = s.let("far_h", call("abs", h)), s.let("far_k", call("abs", k))
    a = s.let("a", choose(far_h > far_k, far_h, far_k))
    b = s.let("b", choose(far_h > far_k, far_k, far_h))
    low = s.let("low", choose(h < k, -h, -k))
    # NaN where an argument is, and of the arguments' type
    zero = s.let("zero", 0.0 * (h + k))
    one = s.let("one", zero + 1.0)
    same = s.let("same", choose(h < 0.0, -one, one) * choose(k < 0.0, -one, one))
    rising = s.let("rising", choose(c < 0.0, -one, one))
    c = s.let("flat", call("abs", c))
    opposed, mixed = same * rising < 0.0, same + rising < 0.0
    # the wedge
    per_s = s.let("per_s", 1.0 / _larger(d, _LEAST))
    cot, tau = s.let("cot", c * per_s), s.let("tau", d / (1.0 + c))
    # c a/s − b/s as a difference of small terms: a − b is exact where they cancel
    lean = s.let("lean", (a - b) * per_s - a * tau)
    place = s.within("place", choose(opposed, b * per_s + a * cot, choose(mixed, lean, -lean)))
    p = s.within("apex", choose(opposed, a * per_s + b * cot, (a - b) * per_s + b * tau))
    # where the argument of the density stays between −1 and 2, and where little cancels in Φ(−a) less the rest
    slight = choose(mixed, choose(p < 2.0, choose(place >= -1.0, one, zero), zero), zero)
    small = s.let("near", choose(a * a + place * place < 4.0, one, slight)) > 0.0
    turn = s.let("turn", choose(place < choose(small, -one, zero), -one, one))
    q = s.let("q", turn * place)
    single = s.let("single", choose(mixed, turn, zero)) > 0.0
    angle = s.let("angle", call("atan2", d, turn * choose(opposed, one, choose(mixed, one, -one)) * c))
    wedge = s.let("wedge", call("wedge_integral", choose(small, a, 0.0), choose(small, q, 0.0), angle))
    first = s.let("first", call("edge_integral", a, choose(single, b, 0.0), choose(small, 2.0, q)))
    second = s.let("second", call("edge_integral", b, 0.0, choose(small, 2.0, p)))
    other = choose(single, 0.0, choose(mixed, second, turn * second))
    value = s.let("value", choose(small, wedge, first + other) * _PER_TURN)
    whole = 0.5 * call("erfcx", _ROOT_HALF * a) - call("exp", -0.5 * q * q) * value
    part, place = s.let("part", choose(turn < 0.0, whole, value)), s.let("foot", choose(turn < 0.0, 0.0, q))
    # what is added, and the sum relative to the exponential of its largest term
    upper = 0.5 * (call("erf", _ROOT_HALF * h) + call("erf", _ROOT_HALF * k))
    between = choose(low < a, call("scaled_interval", low, choose(low < a, a, low)), 0.0)
    tail = 0.5 * call("erfcx", _ROOT_HALF * choose(same < 0.0, low, 0.0))
    aside = s.let("aside", choose(rising > 0.0, tail, between))
    base = s.let("base", choose(same < 0.0, aside, choose(h < 0.0, 0.0, upper)))
    reach = s.let("reach", choose(base <= 0.0, a, choose(same < 0.0, low, 0.0)))
    square = place * place
    alone = s.let("alone", choose(base <= 0.0, square, 0.0))
    gap = (a - reach) * (a + reach) + choose(base <= 0.0, 0.0, square)
    rest = s.let("rest", part * call("exp", -0.5 * gap))
    total = s.let("total", choose(same - rising < -1.0, base - rest, base + rest))
    exponent = s.let("exponent", Name("p") - 0.5 * (reach * reach + alone))
    root = s.let("root", call("exp", 0.5 * exponent))
    return s.function("exp_bivariate", "p h k c d", total * root * root, doc=_BIVARIATE)


_BIVARIATE = "exp(p) P(X <= h, Y <= k) for standard normal X, Y with the correlation c/√(c² + d²), d >= 0."


def _scaled_interval() -> Definition:
    """exp(l²/2) (Φ(h) − Φ(l)), 0 ≤ l ≤ h; a short interval is integrated, since the values at its ends would cancel."""
    s, low, high = _Steps(), Name("low"), Name("high")
    half = s.let("half", 0.5 * (high - low))
    drop = s.let("drop", half * (high + low))
    u = half * (1.0 + Name("y"))
    short = SumOver(("y", "w"), _legendre(12), Name("w") * call("exp", -u * (low + 0.5 * u)))
    ends = [call("erfcx", _ROOT_HALF * one) for one in (low, high)]
    long = 0.5 * (ends[0] - call("exp", -drop) * ends[1])
    return s.function("scaled_interval", "low high", choose(drop < 1.0, short * half * _DENSITY, long))


def _bivariate_slope() -> Definition:
    """∂ of exp(p) Φ₂(h, k) by h: exp(p) φ(h) Φ((k − ρh)/s); at ρ = ±1 the mean of both sides."""
    s, p, h, k = _Steps(), Name("p"), Name("h"), Name("k")
    c, d = _unit(s)
    place = s.within("place", (k - c * h) / _larger(d, _LEAST))
    return s.function("bivariate_slope", "p h k c d", _DENSITY * call("exp_normal_cdf", p - 0.5 * h * h, place))


def _bivariate_density() -> Definition:
    """exp(p) times exp(−(h² − 2ρhk + k²)/(2s²))/(2π (c² + d²)): ∂ by c is d of it, ∂ by d −c."""
    s, p, h, k = _Steps(), Name("p"), Name("h"), Name("k")
    c, d = _unit(s)
    place = s.within("place", (k - c * h) / _larger(d, _LEAST))
    length = s.let("length", Name("norm") * Name("scale"))
    value = call("exp", p - 0.5 * (h * h + place * place)) * _PER_TURN / (length * length)
    return s.function("bivariate_density", "p h k c d", value)
