"""Ten thousand hostile or broken formula strings: none runs anything or takes a second, each error names the trouble.

    python benchmarks/hostile_strings.py --count 10000

Comes in: a function of one string, `symntk.expectation` or the parser alone. Goes out: a table by kind of string.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import symntk
from symntk.errors import SymntkError
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.language.text.parser import parse
from symntk.language.text.syntax import MAX_LENGTH
from symntk.language.text.vocabulary import functions, known_words

LIMIT = 1.0
CANARY = "symntk_canary"
VALID = sorted({e.formula for e in [*ACTIVATIONS.values(), *SURROGATES.values()] if isinstance(e.formula, str)})


@dataclass(frozen=True)
class Case:
    """One string; `names` must occur in the error's message; `may_pass` where chance may have made it a formula."""

    kind: str
    text: str
    names: str = ""
    may_pass: bool = False


def injections(rng: random.Random) -> Case:
    attack = rng.choice(
        [
            f"__import__('os').system('touch {CANARY}')",
            f"open('{CANARY}', 'w')",
            f"exec('{CANARY} = 1')",
            f'eval(\'__import__("os").mkdir("{CANARY}")\')',
            "().__class__.__bases__[0].__subclasses__()",
            "x.__class__.__mro__[1]",
            "x.subs(x, 1)",
            "erf.__globals__",
            "(lambda: 0)()",
            "lambda x: x",
            "[y for y in (1, 2)]",
            "{x: 1}",
            "{x}",
            "f'{x}'",
            "'{0.__class__}'",
            '"%s"',
            "b'x'",
            "(y := 2)",
            "globals()",
            "getattr(x, 1)",
            "compile(x)",
            "print(x)",
            "__builtins__",
            "sympify(x)",
            "S(x)",
            "Lambda(x, x)",
            "Function(x)",
            "Symbol(x)",
            "x if x else 1",
            "await x",
            "yield",
            "*x",
            "**x",
            "x; import os",
            "import os",
            "x\nimport os",
            "@x",
            "x # comment",
            "x\\\n",
            "`x`",
            "$x",
            "x!",
            "x?",
            "erf(x, evaluate=False)",
            "exp(x=1)",
            "x[0]",
            "x -> x",
            "not x",
            "x is x",
            "x in (x, 1)",
            "x == 1",
            "x != 1",
            "None",
            "...",
            "del x",
            "assert x",
        ]
    )
    return Case("injection", _hosted(rng, attack))


def unicode_tricks(rng: random.Random) -> Case:
    text = rng.choice(VALID)
    sign = rng.choice(["х", "ｘ", "𝑥", "\u200b", "\u202e", "\u0301", "\ud800", "\x00", "\x1b", "\x7f", "\t", "\n"])
    sign = rng.choice([sign, sign, "\udfff", "é", "×", "−", "²", "√", "∞", "١", "＊", "\u2028", "\ufeff", "\U0010ffff"])
    at = rng.randrange(len(text) + 1)
    return Case("unicode and control characters", text[:at] + sign + text[at:], ascii(sign))


def nesting(rng: random.Random) -> Case:
    depth = rng.randrange(60, 900)
    text = rng.choice(
        [
            lambda n: "(" * n + "x" + ")" * n,
            lambda n: "-" * n + "x",
            lambda n: "~" * n + "x",
            lambda n: "x" + "**x" * n,
            lambda n: "2" + "**2" * n,
            lambda n: "sin(" * n + "x" + ")" * n,
            lambda n: "Abs(1 - " * n + "x" + ")" * n,
            lambda n: "exp(" * (n // 20 + 3) + "x" + ")" * (n // 20 + 3),
            lambda n: "Max(x, " * (n // 8 + 7) + "1" + ")" * (n // 8 + 7),
            lambda n: "Piecewise((" * (n // 9 + 13) + "x" + ", x > 0), (0, True))" * (n // 9 + 13),
            lambda n: "[" * n,
            lambda n: "((" * n + "x",
            lambda n: "x(" * n + ")" * n,
            lambda n: "+".join(["x"] * (n + 3000)),
        ]
    )(depth)
    return Case("nesting", text)


def numbers(rng: random.Random) -> Case:
    digits = "9" * rng.randrange(41, 1500)
    text = rng.choice(
        [
            f"x*{digits}",
            f"x + 0.{digits}",
            f"1e{rng.randrange(60, 10**6)}*x",
            f"x**{rng.randrange(65, 10**9)}",
            f"(x + 1)**{rng.randrange(65, 10**6)}",
            f"{rng.randrange(2, 10)}**{rng.randrange(2, 9)}**{rng.randrange(7, 99)}**x",
            f"(({rng.randrange(10**9, 10**30)}**64)**64)**64*x",
            "((x**8)**8)**8",
            "((x + k + l + m + n + 1)**40)*x",
            f"x + exp({rng.randrange(10**5, 10**9)})",
            f"x + exp(exp({rng.randrange(10, 10**4)}))",
            "exp(exp(exp(x)))",
            f"x + exp({10**9}*log(3))",
            "exp(64*log(exp(64*log(x))))",
            f"sin(10**{rng.randrange(10, 60)})*x",
            f"x**(1/{rng.randrange(13, 10**9)})",
            f"x**0.{rng.randrange(1001, 9999)}1",
            f"floor(10**{rng.randrange(10, 60)}*pi)*x",
            "sqrt(2 + sqrt(2 + sqrt(2)))*x",
            "x*(sqrt(2) + sqrt(3) + sqrt(5) + sqrt(7) + sqrt(11))",
            "x/0",
            "x/(1 - 1)",
            "log(0)*x",
            "sqrt(-1)*x",
            "tan(pi/2) + x",
            "x + 0**(-1)",
            "Mod(x, 0)",
            "1_000*x",
            "0x1f*x",
            "1j*x",
            "007*x",
            "1.2.3*x",
            "2x",
            "x + 1e",
        ]
    )
    return Case("numbers and towers", text)


def long_strings(rng: random.Random) -> Case:
    unit = rng.choice(["x+", "(x)*", "erf(x)+", "1", " ", "Max(0,x)*", "'", "x\n", "\x00", "("])
    text = unit * (rng.randrange(MAX_LENGTH + 1, 40_000) // len(unit) + 1)
    return Case("long", text, names="characters" if unit != " " else "empty")


def unknown_functions(rng: random.Random) -> Case:
    name = rng.choice(known_words())
    at = rng.randrange(len(name))
    typo = name[:at] + rng.choice("qzjk") + name[at:]
    name = rng.choice([typo, name.swapcase(), name + name, "my" + name, name[::-1]])
    if name in known_words():
        name += "q"
    return Case("unknown functions", _hosted(rng, f"{name}(x)"), repr(name))


def arity(rng: random.Random) -> Case:
    name = rng.choice(sorted(functions()))
    wrong = [n for n in range(9) if not functions()[name].fewest <= n <= functions()[name].most]
    arguments = ", ".join(["x"] * rng.choice(wrong))
    return Case("wrong arity", _hosted(rng, f"{name}({arguments})"), repr(name))


def syntax(rng: random.Random) -> Case:
    text = rng.choice([text for text in VALID if "(" in text])
    places = [i for i, sign in enumerate(text) if sign in "()"]
    at = rng.choice(places)
    broken = [
        text[:at] + text[at + 1 :],
        text[:at] + "((" + text[at:],
        text + rng.choice([" +", " *", " **", " )", ",", " x", " 2", " &", " <", " erf", " =", " = 1"]),
        rng.choice(["*", "/ ", ")", ",", "<", "= ", "& ", "**"]) + text,
        text.replace("(", "(,", 1),
        text.replace("x", "x x", 1),
        text.replace("x", "x */ 2", 1),
    ]
    return Case("broken syntax", rng.choice(broken))


def names(rng: random.Random) -> Case:
    builtin = ["eval", "exec", "open", "max", "min", "abs", "sum", "print", "input", "id", "type", "vars", "dir"]
    reserved = ["var_u", "var_v", "cov", "mean_u", "mean_v", "I", "oo", "zoo", "nan", "inf", "None"]
    hidden = ["_", "__", "_x", "__import__", "__class__", "__builtins__", "y" * rng.randrange(33, 900)]
    bare = ["erf", "Max", "Piecewise", "And", "sin", "lambda", "class", "async", "True", "true"]
    name = rng.choice([*builtin, *reserved, *hidden, *bare])
    return Case("names", rng.choice([name, f"{name}*x", f"x + {name}", f"erf({name}*x)"]), name[:20])


def conditions(rng: random.Random) -> Case:
    text = rng.choice(
        [
            "Piecewise((x, x > 0))",
            "Piecewise()",
            "Piecewise(x)",
            "Piecewise((x, x > 0, 1), (0, True))",
            "Piecewise((x, x), (0, True))",
            "Piecewise((x, 1), (0, True))",
            "Piecewise((x, x > 0), (0, False))",
            "Piecewise((x, x > 0), 0)",
            "Piecewise((x, x == 0), (0, True))",
            "Piecewise((x, x > 0 & x < 1), (0, True))",
            "Piecewise((x, DiracDelta(x) > 0), (0, True))",
            "Piecewise((x, x**90 > 0), (0, True))",
            "Piecewise((x, exp(exp(exp(x))) > 1), (0, True))",
            "Piecewise((x, ~x), (0, True))",
            "Piecewise((x, And(x)), (0, True))",
            "Piecewise((x, Not(x > 0, x < 1)), (0, True))",
            "Piecewise((x > 0, True))",
            "Piecewise((x, x and 1), (0, True))",
            "Piecewise(*((x, True),))",
            "Piecewise([(x, True)])",
            "Piecewise((x, x > (x > 0)), (0, True))",
            "Piecewise(" + "".join(f"(x, x > {i}), " for i in range(rng.randrange(13, 90))) + "(0, True))",
            "And(x > 0, x < 1)",
            "x > 0",
            "(x > 0) & (x < 1)",
            "(x, 1)",
            "x,",
            "~x",
            "x & 1",
            "x | 1",
        ]
    )
    return Case("conditions", text)


def mutations(rng: random.Random) -> Case:
    text = list(rng.choice(VALID))
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        step = rng.randrange(4)
        if step == 0 and len(text) > 1:
            del text[at]
        elif step == 1:
            text.insert(at, rng.choice("x0123456789.+-*/()<>&|~,=^%!'\"[]{}:;@#$_ eE"))
        elif step == 2:
            text[at] = rng.choice("x0123456789.+-*/()<>,")
        else:
            piece = text[at : at + rng.randrange(1, 30)]
            text[rng.randrange(len(text)) : 0] = piece
    return Case("mutations of valid formulas", "".join(text), may_pass=True)


def heavy(rng: random.Random) -> Case:
    return Case("random formulas", _formula(rng, rng.randrange(2, 7)), may_pass=True)


def _formula(rng: random.Random, depth: int) -> str:
    """A formula of the grammar, whose trouble, if any, is its size or its values."""
    if depth == 0:
        return rng.choice(["x", "x", "k", "t", "pi", "E", "2", "0.1", "7/3", "1e30", "123456789", "64"])
    inner = [_formula(rng, depth - 1) for _ in range(3)]
    kind = rng.randrange(8)
    if kind < 3:
        return f"({inner[0]} {rng.choice('+-*/')} {inner[1]})"
    if kind == 3:
        return f"({inner[0]})**{rng.choice(['2', '3', '8', '-1', '64', '0.5', '(1/3)', 'k', inner[1]])}"
    if kind == 4:
        return f"{rng.choice(['Max', 'Min'])}({', '.join(inner[: rng.randrange(2, 4)])})"
    if kind == 5:
        side = rng.choice(["x", "Abs(x)", "x**2", "x + k", "2*x - t"])
        join = rng.choice(["{0} > {1}", "({0} > k) & ({0} < {1})", "({0} <= -1) | ({0} > 2)", "-k < {0} < {1}"])
        return f"Piecewise(({inner[0]}, {join.format(side, rng.choice(['1', 'k', 't', '0']))}), ({inner[1]}, True))"
    if kind == 6:
        return f"Mod({inner[0]}, {rng.choice(['1', 'k', '2*pi'])})"
    name = rng.choice([name for name, f in sorted(functions().items()) if f.fewest == 1])
    return f"{name}({inner[0]})"


def _hosted(rng: random.Random, piece: str) -> str:
    """The piece alone or inside an innocent formula."""
    host = rng.choice(["{}", "x*{}", "{} + x", "erf({})", "Max(0, {})", "Piecewise(({}, x > 0), (0, True))"])
    return host.format(piece)


KINDS: tuple[Callable[[random.Random], Case], ...] = (
    injections,
    unicode_tricks,
    nesting,
    numbers,
    long_strings,
    unknown_functions,
    arity,
    syntax,
    names,
    conditions,
    mutations,
    heavy,
)


def cases(number: int, seed: int = 0) -> Iterator[Case]:
    """The strings, the same ones for the same seed, all kinds in turn."""
    rng = random.Random(seed)
    for i in range(number):
        yield KINDS[i % len(KINDS)](rng)


_watching = False
_seen: list[str] = []
_WATCHED = ("exec", "import", "open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "code.", "pickle.")


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or not event.startswith(_WATCHED):
        return
    # SymPy imports parts of itself when first used, and builds its monomial arithmetic from fixed templates.
    trusted = event == "import" and str(arguments[0]).startswith(("sympy.", "mpmath.", "symntk."))
    frame = sys._getframe()
    while frame is not None and not trusted:
        trusted = frame.f_code.co_name == "_find_and_load" or frame.f_globals["__name__"] == "sympy.polys.monomials"
        frame = frame.f_back  # type: ignore[assignment]
    if not trusted:
        _seen.append(f"{event} {arguments!r}"[:200])


@contextmanager
def watched() -> Iterator[list[str]]:
    """What Python executes, imports or opens inside the block (an audit hook can not be removed, only silenced)."""
    global _watching
    if not getattr(sys, "_symntk_hook", False):
        sys.addaudithook(_hook)
        sys._symntk_hook = True  # type: ignore[attr-defined]
    _seen.clear()
    _watching = True
    try:
        yield _seen
    finally:
        _watching = False


@dataclass
class Tally:
    """What happened to the strings of one kind."""

    count: int = 0
    refused: int = 0
    worst: float = 0.0
    worst_text: str = ""
    failures: list[str] = field(default_factory=list)


def trial(case: Case, target: Callable[[str], Any], tally: Tally) -> None:
    """Give one string to the target and note what is wrong with its answer."""
    trouble, error = "", None
    with watched() as seen:
        start = time.thread_time()
        try:
            target(case.text)
        except SymntkError as found:
            error = found
        except BaseException as found:
            trouble = f"{type(found).__name__} instead of an error for people"
        spent = time.thread_time() - start
    tally.count += 1
    tally.refused += error is not None
    if spent > tally.worst:
        tally.worst, tally.worst_text = spent, case.text
    if seen:
        trouble = f"it ran {seen[0]}"
    elif spent > LIMIT:
        trouble = f"it took {spent:.1f} s"
    elif error is None and not case.may_pass and case.text not in {**ACTIVATIONS, **SURROGATES}:
        trouble = trouble or "it was read as a formula"
    elif error is not None and (not error.wrong or len(str(error)) > 1000 or case.names not in str(error)):
        trouble = f"the message does not name {case.names}: {error}"
    if trouble:
        tally.failures.append(f"{ascii(case.text[:120])}: {trouble}")


def run(number: int, seed: int = 0, target: Callable[[str], Any] = parse) -> dict[str, Tally]:
    """All strings through the target; kind -> tally."""
    for text in VALID:  # what SymPy imports on first use; another target may refuse some of them
        with suppress(SymntkError):
            target(text)
    tallies: dict[str, Tally] = {}
    for case in cases(number, seed):
        trial(case, target, tallies.setdefault(case.kind, Tally()))
    return tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parse-only", action="store_true", help="the parser alone, not symntk.expectation")
    options = parser.parse_args()
    tallies = run(options.count, options.seed, parse if options.parse_only else symntk.expectation)
    print(f"{'kind':32s} {'strings':>8s} {'refused':>8s} {'failures':>8s} {'worst s':>8s}  slowest string")
    for kind, tally in tallies.items():
        row = f"{kind:32s} {tally.count:8d} {tally.refused:8d} {len(tally.failures):8d} {tally.worst:8.3f}"
        print(f"{row}  {ascii(tally.worst_text[:60])}")
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    print("\n".join(failures[:40]))
    print(f"{sum(t.count for t in tallies.values())} strings, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
