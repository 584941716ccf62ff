"""Kernels: the expectations of one activation and its surrogate derivative, with export and verification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy as sp

from symntk.errors import FormulaError, SymntkError
from symntk.kernels.arguments import not_too_deep
from symntk.kernels.expectation import TOLERANCE, Expectation, refuse_early
from symntk.kernels.function import Function, as_function, check_where, shared
from symntk.language.names import resolve
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.language.text.parser import parse_call

if TYPE_CHECKING:  # a formula alone needs no code: what writes it is imported where it is used
    from symntk.emit.module import Module

NAMES = ("nngp", "ntk", "sg_ntk", "surrogate_ntk")
EQUATIONS = {
    "nngp": "E[σ(u) σ(v)]",
    "ntk": "E[σ'(u) σ'(v)]",
    "sg_ntk": "E[σ'(u) σ̃'(v)]",
    "surrogate_ntk": "E[σ̃'(u) σ̃'(v)]",
}


class Kernels:
    """The four layer maps of an activation σ with a surrogate derivative σ̃' (σ' where none is given).

    nngp is E[σ(u) σ(v)], ntk E[σ'(u) σ'(v)], sg_ntk E[σ'(u) σ̃'(v)], surrogate_ntk E[σ̃'(u) σ̃'(v)]. The true
    derivative is in the first argument (the test point), the surrogate in the second (the training point), so
    sg_ntk is not symmetric (Eilers, Memmesheimer & Goedeke 2024).
    """

    def __init__(
        self, activation: Function, surrogate_derivative: Function | None, surrogate_name: str, tol: float = TOLERANCE
    ) -> None:
        self.activation = activation
        self.surrogate_derivative = surrogate_derivative
        self.surrogate_name = surrogate_name
        self.tol = tol

    @cached_property
    def derivative(self) -> Function:
        """σ', distributional."""
        return self.activation.derivative

    @cached_property
    def nngp(self) -> Expectation:
        """E[σ(u) σ(v)]."""
        return Expectation(self.activation, self.activation, tol=self.tol)

    @cached_property
    def ntk(self) -> Expectation:
        """E[σ'(u) σ'(v)]."""
        return Expectation(self.derivative, self.derivative, tol=self.tol)

    @cached_property
    def sg_ntk(self) -> Expectation:
        """E[σ'(u) σ̃'(v)]."""
        return Expectation(self.derivative, self._surrogate("sg_ntk"), tol=self.tol)

    @cached_property
    def surrogate_ntk(self) -> Expectation:
        """E[σ̃'(u) σ̃'(v)]."""
        surrogate = self._surrogate("surrogate_ntk")
        return Expectation(surrogate, surrogate, tol=self.tol)

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels that exist for the pair; `absent` says why others do not."""
        asked = NAMES if self.surrogate_derivative is not None else NAMES[:2]
        return tuple(name for name in asked if name not in self.absent)

    @cached_property
    def absent(self) -> dict[str, str]:
        """Why a kernel of the derivative does not exist, by its name; empty for most activations.

        >>> derive("Abs(x)**(-0.3)").names, list(derive("Abs(x)**(-0.3)").absent)
        (('nngp',), ['ntk'])
        """
        reasons: dict[str, str] = {}
        for name in ("ntk", "sg_ntk"):
            if name == "sg_ntk" and self.surrogate_derivative is None:
                continue
            try:
                E = getattr(self, name)
                refuse_early(E.f, E.g)
            except SymntkError as error:
                reasons[name] = str(error)
        return reasons

    def items(self) -> tuple[tuple[str, Expectation], ...]:
        """Names and expectations of the kernels that exist."""
        return tuple((name, getattr(self, name)) for name in self.names)

    @not_too_deep
    def source(self, target: str = "numpy", *, variances: tuple[float, float] | None = None) -> str:
        """The standalone module as text; its docstring says what an independent quadrature made of each formula.

        Arguments are those of `export`.

        Raises:
            VerificationError: a formula and the quadrature differ.
        """
        from symntk.emit.module import docstring
        from symntk.emit.standalone import standalone, target_of
        from symntk.kernels.layers import layer_maps

        found, titles = target_of(target), {name: m.title for name, m in self.module.maps.items()}
        maps = layer_maps(dict(self.items()), titles, target=found, variances=variances)
        return standalone(found, docstring(self.module.of(maps)), maps)

    def export(self, path: str | Path, target: str = "numpy", *, variances: tuple[float, float] | None = None) -> Path:
        """Write the standalone module; it imports what the target is named after, and NumPy and SciPy for "numpy".

        Args:
            path: the file.
            target: "numpy", "numba", "jax", "torch" or "neural-tangents".
            variances: the least and the largest for which tables of maps without a closed form hold; if not given
                1e-3 and 1e3, or less where that takes too many numbers; symntk itself integrates at any.

        Raises:
            FormulaError: a target that is not offered, or a map that it cannot have.
            OSError: the file cannot be written; an existing file is replaced only when the text is complete.
        """
        text = self.source(target, variances=variances)
        path = Path(path)
        path.write_text(text, encoding="utf-8")
        return path

    @not_too_deep
    def verify(self, dps: int = 50, **options: Any) -> Any:
        """Check every kernel against the independent oracle and the identities it must obey."""
        from symntk.kernels.verification import verify_kernels

        return verify_kernels(self, dps=dps, **options)

    @cached_property
    def module(self) -> Module:
        """What the emit room needs to write these kernels as a module."""
        from symntk.emit.module import Module

        maps = {name: E.as_map(f"{name}_map", f"{EQUATIONS[name]}, {E}") for name, E in self.items()}
        from symntk.kernels.pair import pair_record
        from symntk.kernels.verification import export_certificate

        diagonals = {name: str(E.diagonal) for name, E in self.items()}
        divergent = frozenset(name for name, E in self.items() if E.diagonal.diverges)
        certificate, origin = export_certificate(self), json.dumps(pair_record(self))
        return Module(self.activation.name, self.surrogate_name, maps, diagonals, divergent, certificate, origin)

    def at(self, values: dict[sp.Symbol, sp.Expr]) -> Kernels:
        """The kernels with numbers for parameters."""
        if not values:
            return self
        surrogate = None if self.surrogate_derivative is None else self.surrogate_derivative.at(values)
        return Kernels(self.activation.at(values), surrogate, self.surrogate_name, self.tol)

    def _surrogate(self, kernel: str) -> Function:
        if self.surrogate_derivative is None:
            raise FormulaError(
                f"the {kernel} of {self.activation.name}", "no surrogate was given", 'derive(activation, "erf")'
            )
        return self.surrogate_derivative

    def __getstate__(self) -> dict[str, Any]:
        """What the kernels are of: a copy derives them again."""
        kept = ("activation", "surrogate_derivative", "surrogate_name", "tol")
        return {name: self.__dict__[name] for name in kept}

    def __repr__(self) -> str:
        surrogate = self.surrogate_name or "none"
        return f"<Kernels of {self.activation.name}, surrogate {surrogate}: {', '.join(self.names)}>"


@not_too_deep
def derive(
    activation: Any,
    surrogate: Any = None,
    *,
    surrogate_derivative: Any = None,
    tol: float = TOLERANCE,
    where: Mapping[str, str] | None = None,
) -> Kernels:
    """Derive the kernels of an activation and, if given, of its surrogate derivative.

    Args:
        activation: a registered name, a formula as text, or a SymPy expression in one symbol.
        surrogate: a name in the table of surrogates, whose entry holds the derivative, or the formula of a
            primitive, whose derivative is used.
        surrogate_derivative: a formula for the derivative itself, in place of `surrogate`.
        tol: the largest error relative to √(E f² · E g²) of what has no closed form; a looser one takes fewer terms.
        where: "real" or "positive" for parameters of texts; positive where nothing is said.

    Raises:
        FormulaError: the text is not in the language, both kinds of surrogate are given, or a function is not finite
            and real.

    >>> kernels = derive("sign", "erf")
    >>> print(kernels.sg_ntk.expression)
    2*sqrt(2)/(pi*sqrt(2*a*b + a - 2*c**2))
    """
    if surrogate is not None and surrogate_derivative is not None:
        raise FormulaError(
            f"the kernels of {activation}",
            "both a surrogate and a surrogate derivative are given",
            "one of them, and None for the other",
        )
    function = as_function(activation, ACTIVATIONS, SURROGATES, where=where)
    chosen, name = None, ""
    if surrogate_derivative is not None:
        chosen = as_function(surrogate_derivative, SURROGATES, ACTIVATIONS, where=where)
        name = chosen.name
    elif surrogate is not None:
        chosen, name = _surrogate_derivative(surrogate, where)
    check_where(where, function, *([] if chosen is None else [chosen]))
    kernels = Kernels(function, chosen, name, tol)
    for E in [kernels.nngp, *([] if chosen is None else [kernels.surrogate_ntk])]:
        refuse_early(E.f, E.g)
    _ = kernels.absent
    return kernels


def _surrogate_derivative(surrogate: Any, where: Mapping[str, str] | None) -> tuple[Function, str]:
    """A name in the table of surrogates stands for a derivative; anything else is a primitive."""
    if isinstance(surrogate, str) and _names_a_surrogate(surrogate):
        name = surrogate.strip()
        found = as_function(name, SURROGATES, where=where)
        return shared(Function(f"the surrogate derivative {name}", found.expression)), name
    primitive = as_function(surrogate, ACTIVATIONS, SURROGATES, where=where)
    return primitive.derivative, primitive.name


def _names_a_surrogate(text: str) -> bool:
    call = parse_call(text)
    return call is not None and resolve(call.name, SURROGATES) is not None
