"""Expectations of |y|^p, sign(y)|y|^p and y₊^p, y = x − s, by mpmath alone: Kummer's function, then quadrature.

    E|Y|^q = s^q 2^(q/2) Γ((1 + q)/2)/√π · ₁F₁(−q/2; 1/2; −μ²/2s²) for Y ~ N(μ, s²), likewise with the sign of Y.

The outer integral is over t = |x|^(1 + p), so that |x|^p dx is dt/(1 + p).
"""

from __future__ import annotations

from dataclasses import dataclass

from mpmath import mp


@dataclass(frozen=True)
class Power:
    """A power of the distance from a place: kind is "abs", "sign" or "plus"."""

    kind: str
    power: float
    place: float = 0.0

    @property
    def text(self) -> str:
        """In symntk's language."""
        y = f"(x - ({self.place!r}))"
        if self.kind == "plus":
            return f"Piecewise(({y}**({self.power!r}), {y} > 0), (0, True))"
        return f"{f'sign({y})*' if self.kind == 'sign' else ''}Abs({y})**({self.power!r})"

    def mean(self, mu, spread):
        """E of a normal variable's distance from the place, which has the mean μ."""
        q, r = mp.mpf(str(self.power)), -(mu**2) / (2 * spread**2)
        even = spread**q * 2 ** (q / 2) * mp.gamma((1 + q) / 2) / mp.sqrt(mp.pi) * mp.hyp1f1(-q / 2, 0.5, r)
        if self.kind == "abs":
            return even
        size = mu * spread ** (q - 1) * 2 ** ((q + 1) / 2) * mp.gamma(1 + q / 2) / mp.sqrt(mp.pi)
        odd = size * mp.hyp1f1((1 - q) / 2, 1.5, r)
        return odd if self.kind == "sign" else (even + odd) / 2

    def value(self, y):
        """At a distance y from the place."""
        if self.kind == "plus" and y < 0:
            return mp.zero
        return abs(y) ** mp.mpf(str(self.power)) * (mp.sign(y) if self.kind == "sign" else 1)


def power_mean(f: Power, a, m=0.0):
    """E f(u), u ~ N(m, a)."""
    with mp.workdps(25):
        return +f.mean(mp.mpf(m) - mp.mpf(f.place), mp.sqrt(a))


def power_pair(f: Power, g: Power, a, b, c, m1=0.0, m2=0.0):
    """E[f(u) g(v)], |ρ| < 1, to some 15 digits."""
    with mp.workdps(25):
        a, b, c = mp.mpf(a), mp.mpf(b), mp.mpf(c)
        first, second = mp.mpf(m1) - mp.mpf(f.place), mp.mpf(m2) - mp.mpf(g.place)
        slope, spread = c / a, mp.sqrt(b - c * c / a)
        scale = spread / abs(slope) if slope else mp.zero
        centre = first - second / slope if slope else mp.zero
        return _outer(f, lambda y: g.mean(second + slope * (y - first), spread), first, a, centre, scale)


def power_full(f: Power, g: Power, a, b, sense=1, m1=0.0, m2=0.0):
    """E[f(u) g(v)] at ρ = ±1, for places of f and g that are one, or far apart."""
    with mp.workdps(25):
        first, second = mp.mpf(m1) - mp.mpf(f.place), mp.mpf(m2) - mp.mpf(g.place)
        slope = sense * mp.sqrt(mp.mpf(b) / mp.mpf(a))
        together = second == slope * first
        p = mp.mpf(str(f.power)) + (mp.mpf(str(g.power)) if together else 0)

        def rest(y):
            if together:
                return g.value(slope * y) * abs(y) ** -mp.mpf(str(g.power))
            return g.value(second + slope * (y - first))

        centre = first - second / slope
        return _outer(f, rest, first, mp.mpf(a), centre, mp.zero, p)


def _outer(f: Power, inner, mean, a, centre, scale, p=None):
    """∫ f(y) inner(y) N(y; mean, a) dy; `inner` is like |y|^(p − power of f) next to 0, and changes around `centre`."""
    p = mp.mpf(str(f.power)) if p is None else p
    n, total, sigma = 1 / (1 + p), mp.zero, mp.sqrt(a)
    for side in (1, -1):
        if f.kind == "plus" and side < 0:
            continue
        top = max(mp.zero, side * mean) + 10 * sigma
        marks = [side * mean, sigma / 8, sigma, 3 * sigma, *(side * centre + k * scale for k in (-8, -2, 0, 2, 8))]
        ends = sorted({mp.zero, top, *(t for t in marks if 0 < t < top)})

        def integrand(t, side=side):
            y = side * t**n
            return inner(y) * mp.exp(-((y - mean) ** 2) / (2 * a))

        sign = -1 if f.kind == "sign" and side < 0 else 1
        total += sign * n * mp.quad(integrand, [end ** (1 + p) for end in ends])
    return total / mp.sqrt(2 * mp.pi * a)
