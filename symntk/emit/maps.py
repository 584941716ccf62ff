"""The layer maps that are written: closed forms, deltas against a closed mean, and what has no closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import sympy as sp

from symntk.derive.moves.value import Value
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import ONE, NormalForm

if TYPE_CHECKING:  # most maps need neither
    from symntk.derive.line.dirac import DiracDerivation
    from symntk.derive.mixture.mixture import MixtureDerivation


@dataclass(frozen=True, eq=False)
class Map:
    """One layer map to be written: E[f(u) g(v)] with its derived value, and `margins`, E[f(v)] and E[g(v)]."""

    name: str
    f: NormalForm
    g: NormalForm
    value: Value
    expression: sp.Expr
    margins: Mapping[NormalForm, Value]
    conditions: tuple[sp.Basic, ...]
    parameters: tuple[sp.Symbol, ...]
    means: bool
    title: str
    points: tuple[GeneralForm, GeneralForm]

    @property
    def text(self) -> str:
        """The formula."""
        return str(self.expression)

    def margin(self, name: str, one: NormalForm, general: GeneralForm) -> Map:
        """The mean over one variable, E[1·h(v)], of a side `one`, which is `general` in its other form."""
        points = GeneralForm((), (sp.S.One,), ()), general
        return replace(self, name=name, f=ONE, g=one, value=self.margins[one], points=points)


@dataclass(frozen=True, eq=False)
class DiracMap:
    """One layer map to be written: Σ w·N(t; m1, a)·E[g(Y)]."""

    name: str
    derivation: DiracDerivation
    parameters: tuple[sp.Symbol, ...]
    title: str
    conditions: tuple[sp.Basic, ...] = ()

    @property
    def means(self) -> bool:
        """Whether u and v have means."""
        return self.derivation.means

    @property
    def text(self) -> str:
        """The formula."""
        return str(self.derivation.expression)


@dataclass(frozen=True, eq=False)
class GeneralMap:
    """One layer map to be written that has no closed form.

    `inner` is E[h(Y)], Y ~ N(m1, a), in closed form, of the side `inner_side` ("f" or "g") that has one, or None; `fit`
    finds a mixture, where there may be one. That takes a while, and few entries need it.
    """

    name: str
    f: GeneralForm
    g: GeneralForm
    means: bool
    title: str
    tolerance: float
    inner: Value | None = None
    inner_side: str = ""
    fit: Callable[[], MixtureDerivation | None] | None = None
    conditions: tuple[sp.Basic, ...] = ()
    parameters: tuple[sp.Symbol, ...] = ()

    @property
    def mixes(self) -> bool:
        """Whether both functions are such that a mixture is looked for."""
        return self.fit is not None

    @property
    def mixture(self) -> MixtureDerivation | None:
        """The mixture, found where it is asked for."""
        return None if self.fit is None else self.fit()

    @property
    def text(self) -> str:
        """What stands in place of a formula."""
        how = {
            "f": "one integral over v of g(v)·E[f(u) | v], the latter in closed form",
            "g": "one integral over u of f(u)·E[g(v) | u], the latter in closed form",
            "": "two integrals, cut where the functions change",
        }[self.inner_side]
        if self.mixture is not None:
            how = "a sum over the nodes of a mixture where that is proven to be accurate, or two integrals"
        return f"a Hermite series where its Parseval tail is small, elsewhere {how}"


AnyMap: TypeAlias = Map | DiracMap | GeneralMap
