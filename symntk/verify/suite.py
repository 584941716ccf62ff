"""The suite: every check that applies to a claim, in one order; and what all of them said of several claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symntk.verify.certificate import Certificate, Check
from symntk.verify.checks import existing_points, float_check, formula_check, independence_check
from symntk.verify.claim import Claim
from symntk.verify.clock import LIMIT, PART
from symntk.verify.enclosure.check import enclosure_check
from symntk.verify.existence import conditions_check
from symntk.verify.full import full_check
from symntk.verify.identities import exchange_check, heat_check, price_check
from symntk.verify.points import Law, Point, edge_points
from symntk.verify.stated import mixture_check, stated_check


class Suite:
    """The checks of one claim, none of them made, with the points at which they are made.

    Args:
        claim: what is verified.
        chosen: points; of an elementary claim those without a finite expectation are moved to smaller variances.
        dps: digits of oracle and identities.
    """

    def __init__(self, claim: Claim, chosen: Sequence[Point], dps: int) -> None:
        self.claim, self.dps = claim, dps
        self.tested = existing_points(claim, chosen, dps=dps) if claim.is_elementary else list(chosen)
        self.edges = edge_points(means=claim.means, waves=claim.has_waves)

    def __iter__(self) -> Iterator[tuple[str, Callable[[], Check]]]:
        """The name and the test of each check."""
        claim, tested, dps = self.claim, self.tested, self.dps
        laws: list[Law] = [point.law for point in tested]
        if claim.has_formula:
            yield "random points", lambda: formula_check("random points", claim, tested, dps=dps)
            yield "edge points", lambda: formula_check("edge points", claim, self.edges, dps=dps)
        else:
            yield "stated integral", lambda: stated_check(claim, laws[0])
            if claim.mixture is not None:
                yield "stated mixture", lambda: mixture_check(claim)
        yield "Price's theorem", lambda: price_check(claim, tested, dps=dps)
        yield "independence", lambda: independence_check(claim, tested, dps=dps)
        yield "exchange symmetry", lambda: exchange_check(claim, tested, dps=dps)
        yield "full correlation", lambda: full_check(claim, laws)
        yield "float64", lambda: float_check(claim, [*tested, *self.edges])
        yield "heat equations", lambda: heat_check(claim, tested, dps=dps)
        yield "where it exists", lambda: conditions_check(claim, laws)
        yield "rigorous enclosure", lambda: enclosure_check(claim, laws)


@dataclass(frozen=True)
class Verification:
    """Certificates by the name of the kernel.

    Attributes:
        certificates: what was checked of each kernel.
        pair: what names the pair, so that it can be derived again: activation, surrogate, its derivative, tol.
        dps, points, seed: as given.
        given: the parameters that were given, as text of rational numbers; the others were drawn.
        limit: seconds that all checks could take.
    """

    certificates: dict[str, Certificate]
    pair: dict[str, Any] = field(default_factory=dict)
    dps: int = 50
    points: int = 3
    seed: int = 0
    given: dict[str, str] = field(default_factory=dict)
    limit: float = LIMIT

    @property
    def passed(self) -> bool:
        """Whether no value is wrong, and of each expectation something was checked."""
        return bool(self.certificates) and all(c.passed for c in self.certificates.values())

    @property
    def failures(self) -> tuple[tuple[str, Check], ...]:
        """The checks that failed, with their kernels."""
        return tuple((n, c) for n, cert in self.certificates.items() for c in cert.checks if not c.passed)

    def table(self) -> str:
        """Plain text for a terminal."""
        made = [c for cert in self.certificates.values() for c in cert.checks if not c.is_skipped]
        parts = [f"{name}: {certificate.table()}" for name, certificate in self.certificates.items()]
        skipped = sum(len(cert.checks) for cert in self.certificates.values()) - len(made)
        summary = f"{sum(c.passed for c in made)} of {len(made)} checks passed"
        summary += f", {skipped} skipped" if skipped else ""
        summary += f" (time limits: {self.limit / PART:g} s for a check, {self.limit:g} s for all)"
        without = [name for name, certificate in self.certificates.items() if certificate.formula is None]
        if without:
            summary += f"\nno formula, so float64 code was tested, to 16 digits whatever dps says: {', '.join(without)}"
        return "\n\n".join([*parts, summary if not self.failures else f"FAILED: {summary}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {"passed": self.passed, "certificates": {n: c.to_dict() for n, c in self.certificates.items()}}

    def write(self, path: str | Path) -> Path:
        """Write the certificate as a file: JSON, which `symntk verify --replay` reads, or plain text for `.txt`.

        Raises:
            OSError: the file cannot be written.
        """
        from symntk.verify.files.write import write_certificate

        return write_certificate(self, Path(path))

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<Verification of {', '.join(self.certificates)}: {'passed' if self.passed else 'FAILED'}>"
