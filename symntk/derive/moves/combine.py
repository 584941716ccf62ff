"""From raw basis terms to those a person would write.

Φ2(0, 0; ρ) becomes 1/4 + asin(ρ)/2π, Φ(0) becomes 1/2; conjugate exponentials become cos and sin, and pairs
e^{X+Y} ± e^{X−Y} become cosh and sinh (which is also what keeps digits in float64).
"""

from __future__ import annotations

import sympy as sp

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.value import ONE, TWO_PI, Base, Key, Phase, Surd, Surds, Value, from_terms

Terms = dict[Key, Element]
Group = dict[tuple[sp.Expr, Element, Base], Element]


def combine(value: Value) -> Value:
    """Apply the rewritings in order."""
    value = _expand_special(value)
    if value.algebra.is_complex:
        value = _pair_conjugates(value)
    return _pair_hyperbolic(value)


def _expand_special(value: Value) -> Value:
    """Basis functions at zero arguments, and Φ at imaginary ones."""
    surds, out = value.surds, []
    for key, coefficient in value:
        kind, arguments = key.base
        if kind == "Phi2" and not arguments[0].element and not arguments[1].element:
            rho = arguments[2]
            negative = _leads_negative(rho.element)
            angle = Surd(-rho.element, rho.number, rho.radicand) if negative else rho
            weight = surds.surd(coefficient * (-1 if negative else 1), key.number / TWO_PI, key.radicand)
            out.append((key._replace(base=ONE), coefficient / 4))
            out.append((key._replace(number=weight.number, base=Base("asin", (angle,))), weight.element))
        elif kind == "Phi" and not arguments[0].element:
            out.append((key._replace(base=ONE), coefficient / 2))
        elif kind == "Phi" and value.algebra.is_complex:
            out += _imaginary_phi(surds, key, coefficient)
        else:
            out.append((key, coefficient))
    return from_terms(surds, out)


def _imaginary_phi(surds: Surds, key: Key, coefficient: Element) -> list[tuple[Key, Element]]:
    """Φ(iy) = 1/2 + i erfi(y/√2)/2."""
    algebra = surds.algebra
    h = key.base.arguments[0]
    real, imag = algebra.split_complex(h.element)
    if real or not imag:
        return [(key, coefficient)]
    negative = _leads_negative(imag)
    y = surds.surd(-imag if negative else imag, h.number / sp.sqrt(2), h.radicand)
    weight = algebra.reduce(coefficient * algebra.i * (-1 if negative else 1) / 2)
    return [(key._replace(base=ONE), coefficient / 2), (key._replace(base=Base("erfi", (y,))), weight)]


def _leads_negative(element: Element) -> bool:
    return bool(element) and element.numer.LC < 0


def _group(terms: list[tuple[Key, Element]]) -> Group:
    return {(key.number, key.radicand, key.base): coefficient for key, coefficient in terms}


def _flatten(surds: Surds, groups: list[tuple[Element, Phase | None, Group]]) -> Value:
    return from_terms(
        surds,
        [
            (Key(number, radicand, exponent, phase, base), coefficient)
            for exponent, phase, group in groups
            for (number, radicand, base), coefficient in group.items()
        ],
    )


def _pair_conjugates(value: Value) -> Value:
    """Joins w e^{p+iq} + w̄ e^{p−iq} = 2 e^p (Re w cos q − Im w sin q), for terms whose basis function is real."""
    algebra, surds = value.algebra, value.surds
    out: list[tuple[Key, Element]] = []
    for key, coefficient in value:
        if any(algebra.split_complex(s.element)[1] for s in key.base.arguments):
            out.append((key, coefficient))
            continue
        real, imag = algebra.split_complex(key.exponent)
        weight, other = algebra.split_complex(coefficient)
        if not imag:
            # the conjugate term is the same term: imaginary parts have cancelled in the sum
            out.append((key, weight))
            continue
        flip = _leads_negative(imag)
        angle = -imag if flip else imag
        out.append((key._replace(exponent=real, phase=Phase("cos", angle)), weight))
        out.append((key._replace(exponent=real, phase=Phase("sin", angle)), other if flip else -other))
    return from_terms(surds, out)


def _pair_hyperbolic(value: Value) -> Value:
    """S (e^p + e^q) = 2 S e^{(p+q)/2} cosh((p−q)/2), and with a minus sign sinh."""
    surds = value.surds
    plain: list[tuple[Element, Group]] = []
    done: list[tuple[Element, Phase | None, Group]] = []
    for (exponent, phase), terms in value.by_front().items():
        group = _group(terms)
        if phase is None and all(base == ONE for _, _, base in group):
            plain.append((exponent, group))
        else:
            done.append((exponent, phase, group))
    while plain:
        exponent, group = plain.pop(0)
        partner = next(
            (i for i, (other, g) in enumerate(plain) if _ratio(group, g) and _worth_pairing(exponent, other)), None
        )
        if partner is None:
            done.append((exponent, None, group))
            continue
        other, matched = plain.pop(partner)
        sign = _ratio(group, matched)
        gap = (exponent - other) / 2
        flip = _leads_negative(gap)
        factor = -2 if flip and sign < 0 else 2
        phase = Phase("cosh" if sign > 0 else "sinh", -gap if flip else gap)
        done.append(((exponent + other) / 2, phase, {k: factor * v for k, v in group.items()}))
    return _flatten(surds, done)


def _ratio(p: Group, q: Group) -> int:
    """1 if the groups are equal, −1 if opposite, else 0."""
    if p.keys() != q.keys():
        return 0
    if all(q[k] == v for k, v in p.items()):
        return 1
    return -1 if all(q[k] == -v for k, v in p.items()) else 0


def _worth_pairing(p: Element, q: Element) -> bool:
    """Pair exponents that differ by the sign of their odd part in the covariance or the means only."""
    mean, gap = p + q, p - q
    return bool(gap) and len(mean.numer) + len(gap.numer) <= len(p.numer) + len(q.numer)
