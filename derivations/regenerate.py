"""Write one record per derived pair: the kernels with proofs and special cases, and what the oracle made of them.

    python derivations/regenerate.py                  writes the records that are missing or have changed, and the index
    python derivations/regenerate.py --check          compares only, and fails where a file differs
    python derivations/regenerate.py --check --sample 0c5fa2 --count 8     the same for some, chosen by the text
    python derivations/regenerate.py --certify        asks the oracle again for every record

The pairs are every activation of the table alone, and sign, step and erf with every surrogate derivative, but for the
periodic exponential, which has infinitely many kinks. A certificate is kept while the formulas are those that it is
about. An interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tqdm import tqdm

import symntk
from symntk.report.record import TITLES, Record, parts_of, record
from symntk.report.record_certificate import certificate

FOLDER = Path(__file__).parent
INDEX = FOLDER / "README.md"
WITH_SURROGATES = ("sign", "step", "erf")
Pair = tuple[str, str | None]

HEAD = r"""# Derivations

One record per pair of an activation and a surrogate derivative, written by `python derivations/regenerate.py`; do not
edit. Each has the formulas of the kernels, their proofs, special cases, and what an independent quadrature made of
them.

## Notation

$`(u, v)`$ is normal with means 0 and $`a = \mathbb{E}\, u^2`$, $`b = \mathbb{E}\, v^2`$, $`c = \mathbb{E}\, u v`$, and
$`\rho = c/\sqrt{a b}`$. $`\sigma`$ is the activation, $`\sigma'`$ its derivative as a distribution, and
$`\tilde\sigma'`$ the surrogate derivative. $`H`$ is the Heaviside step with $`H(0) = 1/2`$, $`\delta`$ Dirac's delta,
$`\varphi`$ and $`\Phi`$ are density and distribution function of the standard normal law, $`N(x;\, t,\, \tau^2)`$ is
the density with mean $`t`$ and variance $`\tau^2`$, and $`\Phi_2(h, k;\, \rho)`$ the distribution function of two
standard normal variables of correlation $`\rho`$. $`\mathbb{E}_1`$, $`\mathbb{E}_2`$, … are means over other normal
laws of $`(u, v)`$, centred where no mean is stated; moments that do not matter are not stated. Numbers of more than
twelve digits are cut off; the text below a formula has them in full, in SymPy's notation, where `normal_cdf` is
$`\Phi`$ and `bivariate_normal_cdf` is $`\Phi_2`$.

## Moves

Functions are split into terms $`x^k e^{\alpha x^2 + \beta x} S(x)`$, where $`S`$ is 1, a delta, or a step
$`H(x - t)`$, also a soft one, $`\Phi((x - t)/\tau)`$. A pair of terms is closed by four moves:

**Tilt.** With $`A = \mathrm{diag}(\alpha, \gamma)`$, $`z = (u, v)`$ and its covariance $`\Sigma`$,

```math
\mathbb{E}\left[e^{\alpha u^2 + \gamma v^2 + w \cdot z}\, h(z)\right]
= \lvert I - 2 \Sigma A \rvert^{-1/2}\, e^{\frac{1}{2} w \cdot \tilde\Sigma w}\, \tilde{\mathbb{E}}[h(z)],
\qquad \tilde\Sigma = (\Sigma^{-1} - 2 A)^{-1},
```

where the new law has the covariance $`\tilde\Sigma`$ and the means $`\tilde\Sigma w`$. It exists while the eigenvalues
of $`I - 2 \Sigma A`$ are positive. Sines and cosines are pairs of exponentials with imaginary $`w`$, for which all
identities hold by analytic continuation.

**Condition.** A density is one of an observation, with noise $`\xi \sim N(0, \tau^2)`$ or, for a delta, without:

```math
\mathbb{E}\left[N(u;\, t,\, \tau^2)\, h(z)\right]
= N(t;\, 0,\, a + \tau^2)\, \mathbb{E}\left[h(z) \mid u + \xi = t\right].
```

**Stein.** Integration by parts lowers powers; the derivative of a step is a density $`N`$, or a delta:

```math
\mathbb{E}[u h] = a\, \mathbb{E}[\partial_u h] + c\, \mathbb{E}[\partial_v h].
```

**Base.** Steps of widths $`\tau_1, \tau_2`$ at $`t_1, t_2`$ leave a probability; with
$`A = a + \tau_1^2`$ and $`B = b + \tau_2^2`$,

```math
\mathbb{E}[S_1(u)\, S_2(v)] = \Phi_2\left(-\frac{t_1}{\sqrt{A}}, -\frac{t_2}{\sqrt{B}};\, \frac{c}{\sqrt{A B}}\right),
\qquad \Phi_2(0, 0;\, \rho) = \frac{1}{4} + \frac{\arcsin \rho}{2 \pi}.
```

With deltas on one side only one normal variable remains, and its mean may be closed by more rules: mixtures of
Gaussians, exponentials or waves, partial fractions, recurrences. The records state them where they are used.

## Without a closed form

**Series.** With the normalized Hermite polynomials $`h_k`$ and a standard normal $`z`$ (Mehler),

```math
\mathbb{E}[f(u)\, g(v)] = \sum_{k \ge 0} f_k\, g_k\, \rho^k, \qquad
f_k = \mathbb{E}[f(\sqrt{a}\, z)\, h_k(z)], \quad g_k = \mathbb{E}[g(\sqrt{b}\, z)\, h_k(z)],
```

and after $`K`$ terms the rest is at most

```math
\lvert\rho\rvert^K \sqrt{\mathbb{E} f^2 - \sum_{k<K} f_k^2}\, \sqrt{\mathbb{E} g^2 - \sum_{k<K} g_k^2}.
```

**Mixture.** $`1/(1 + e^{-x}) = \int \Phi(x/2s)\, dF(s)`$ with Kolmogorov's distribution $`F`$ (Stefanski 1991), for
which a Gauss rule in $`\log s`$ has a certified error on the whole line. Functions made of logistic ones are sums
$`\sum_j w_j f_{p_j}`$ of terms of the class; with sup norms $`\varepsilon_f, \varepsilon_g`$ of what is missing,

```math
\left\lvert \mathbb{E}[f g] - \sum_j \sum_k w_j w_k\, \mathbb{E}[f_{p_j} g_{q_k}] \right\rvert
\le \varepsilon_f \sqrt{\mathbb{E} g^2} + \varepsilon_g \sqrt{\mathbb{E} f^2} + \varepsilon_f\, \varepsilon_g.
```

**Panels.** Gauss rules on panels that are cut where the functions change; their measured errors are below
$`10^{-12} \sqrt{\mathbb{E} f^2\, \mathbb{E} g^2}`$, but not proven.

## Records
"""


def pairs() -> list[Pair]:
    """Activation and surrogate of every record."""
    alone: list[Pair] = [(name, None) for name in symntk.activations]
    surrogates = [name for name in symntk.surrogates if name != "periodic_exponential"]
    return alone + [(activation, name) for activation in WITH_SURROGATES for name in surrogates]


def path_of(activation: str, surrogate: str | None) -> Path:
    """Where the record of a pair lies."""
    return FOLDER / (f"{activation}.md" if surrogate is None else f"{activation}-{surrogate}.md")


def elsewhere(activation: str, surrogate: str | None) -> dict[str, tuple[str, str]]:
    """The kernels that another record proves and certifies, with its title and file."""
    if surrogate is None:
        return {}
    alone = path_of(activation, None).name
    found = {"nngp": (activation, alone), "ntk": (activation, alone)}
    if activation != WITH_SURROGATES[0]:
        first = path_of(WITH_SURROGATES[0], surrogate).name
        found["surrogate_ntk"] = (f"{WITH_SURROGATES[0]}, surrogate {surrogate}", first)
    return found


def derivation(activation: str, surrogate: str | None) -> Record:
    """The record, derived anew; what another record proves is not proved again."""
    return record(symntk.derive(activation, surrogate), elsewhere(activation, surrogate))


def recorded(path: Path) -> tuple[str, str, str]:
    """Formulas, certificate and digest that a file holds; empty where there is none."""
    return parts_of(path.read_text(encoding="utf-8")) if path.exists() else ("", "", "")


def index(methods: dict[Pair, dict[str, str]]) -> str:
    """The page that lists the records."""
    rows = ["| record | " + " | ".join(TITLES.values()) + " |", "|---" * (1 + len(TITLES)) + "|"]
    for pair, found in methods.items():
        name = pair[0] if pair[1] is None else f"{pair[0]}, {pair[1]}"
        cells = [found.get(kernel, "") for kernel in TITLES]
        rows.append(f"| [{name}]({path_of(*pair).name}) | " + " | ".join(cells) + " |")
    return HEAD + "\n" + "\n".join(rows) + "\n"


def sample(seed: str, count: int) -> list[Pair]:
    """Some of the pairs; the same for the same text."""
    return random.Random(seed).sample(pairs(), count)


def regenerate(pair: Pair, *, check: bool, certify: bool) -> tuple[Record, bool]:
    """The record of a pair, and whether its file differed; written unless `check`."""
    path, found = path_of(*pair), derivation(*pair)
    text, certified, digest = recorded(path)
    differs = text != found.formulas or digest != found.digest or not certified
    if not check and (differs or certify):
        if certify or digest != found.digest or not certified:
            certified = certificate(symntk.derive(*pair), elsewhere(*pair))
        path.write_text(found.page(certified), encoding="utf-8")
    return found, differs


def main() -> int:
    """Regenerate or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a file differs")
    parser.add_argument("--certify", action="store_true", help="compute every certificate anew")
    parser.add_argument("--sample", metavar="TEXT", help="only some of the records, which this text chooses")
    parser.add_argument("--count", type=int, default=8, help="how many of them")
    options = parser.parse_args()
    chosen = pairs() if options.sample is None else sample(options.sample, options.count)
    methods: dict[Pair, dict[str, str]] = {}
    changed = []
    for pair in tqdm(chosen, disable=None):
        found, differs = regenerate(pair, check=options.check, certify=options.certify)
        methods[pair] = found.methods
        changed += [path_of(*pair).name] if differs else []
    if options.sample is None:
        stale = {path.name for path in FOLDER.glob("*.md")} - {path_of(*pair).name for pair in chosen} - {INDEX.name}
        if stale and not options.check:
            for name in stale:
                (FOLDER / name).unlink()
        page = index(methods)
        if not INDEX.exists() or INDEX.read_text(encoding="utf-8") != page:
            changed.append(INDEX.name)
            if not options.check:
                INDEX.write_text(page, encoding="utf-8")
        changed += sorted(stale)
    done = "differ" if options.check else "written"
    shown = [*changed[:20], "…"] if len(changed) > 20 else changed
    print(f"{len(changed)} files of {len(chosen)} records {done}: {', '.join(shown) or 'none'}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
