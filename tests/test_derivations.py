"""The committed records are what the code derives today, and a Markdown viewer can set them.

All of them are compared by `python derivations/regenerate.py --check`; here is a sample that the code itself draws: it
is the same wherever the same code is tested, and another after each change. SYMNTK_RECORDS=text takes another sample.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "derivations"
spec = importlib.util.spec_from_file_location("regenerate", FOLDER / "regenerate.py")
regenerate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(regenerate)

COUNT = 8
COMMANDS = set(
    """
    Bigl Bigr Gamma Phi Sigma aligned alpha approx arccos arcsin arctan atan begin beta bigl bigr cases cdot cos cosh
    cot delta displaystyle end exp frac gamma ge geq gt i iint in infty int isin ldots le left leq limits ln log lt
    lvert mathbb mathrm max mid min omega operatorname partial pi qquad quad rho right rvert sigma sim sin sinh
    sqrt sum tan tanh tau text textstyle tilde to varepsilon varphi vee wedge xi
    """.split()
)


def chosen_text() -> str:
    """What draws the sample: a digest of the package's source, which stands for the commit where there is no git."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "symntk").rglob("*.py")):
        digest.update(path.read_bytes())
    return os.environ.get("SYMNTK_RECORDS") or digest.hexdigest()[:12]


@pytest.mark.parametrize("number", range(COUNT))
def test_a_record_is_derived_again(number):
    text = chosen_text()
    pair = regenerate.sample(text, COUNT)[number]
    print(f"sample {text}: {pair}")
    found = regenerate.derivation(*pair)
    formulas, certificate, digest = regenerate.recorded(regenerate.path_of(*pair))
    again = f"SYMNTK_RECORDS={text}, {pair}: python derivations/regenerate.py writes it anew"
    assert formulas == found.formulas, again
    assert digest == found.digest, again
    assert "≥" in certificate


def test_no_certificate_has_failed():
    for pair in regenerate.pairs():
        certificate = regenerate.recorded(regenerate.path_of(*pair))[1]
        assert "| float64 | ≥" in certificate, pair
        assert "FAILED" not in certificate, pair


def test_the_sample_changes_and_repeats():
    texts = [f"{number:012x}" for number in range(31)]
    samples = [regenerate.sample(text, COUNT) for text in texts]
    assert samples == [regenerate.sample(text, COUNT) for text in texts]
    assert len({pair for found in samples for pair in found}) > 2 * len(regenerate.pairs()) / 3


def test_every_record_has_a_pair_and_a_row():
    names = {regenerate.shown(*pair) for pair in regenerate.pairs()}
    assert {p.relative_to(FOLDER).as_posix() for p in FOLDER.glob("*/*.md")} == names
    assert {p.name for p in FOLDER.glob("*.md")} == {"README.md", "NOTATION.md", "MOVES.md"}
    linked = re.findall(r"\]\(([^)]*\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert set(linked) == names | {"NOTATION.md", "MOVES.md"}


def test_every_link_leads_somewhere():
    for path in FOLDER.rglob("*.md"):
        for link in re.findall(r"\]\(([^):]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link.partition("#")[0]).exists(), f"{path}: {link}"


def test_the_index_names_each_kernel_once_with_its_answer():
    answers = {("sign", "erf"): regenerate.derivation("sign", "erf").answers, ("tanh", None): {"nngp": "numerical"}}
    page = regenerate.index(answers)
    row = "| [sign, erf](sign/erf.md) |"
    assert page.count(row) == 2
    closed, divergent = (page.index(f"## {regenerate.ANSWERS[one]}") for one in ("closed", "divergent"))
    assert closed < page.index(f"{row} NNGP, SG-NTK, Surrogate NTK |") < divergent < page.index(f"{row} NTK |")
    assert "| [tanh](tanh/README.md) | NNGP |" in page


def test_a_changed_formula_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(regenerate, "FOLDER", tmp_path)
    monkeypatch.setattr(regenerate, "certificate", lambda kernels, elsewhere: "≥ 1")
    pair = ("step", None)
    _, differs = regenerate.regenerate(pair, check=False, certify=False)
    path = regenerate.path_of(*pair)
    assert differs
    assert path.exists()
    assert not regenerate.regenerate(pair, check=True, certify=False)[1]
    path.write_text(path.read_text(encoding="utf-8").replace("4", "5", 1), encoding="utf-8")
    assert regenerate.regenerate(pair, check=True, certify=False)[1]


def test_a_certificate_is_kept_while_the_formulas_are_the_same(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(regenerate, "FOLDER", tmp_path)
    monkeypatch.setattr(regenerate, "certificate", lambda kernels, elsewhere: asked.append(kernels) or "≥ 1")
    pair = ("step", None)
    regenerate.regenerate(pair, check=False, certify=False)
    path = regenerate.path_of(*pair)
    path.write_text(path.read_text(encoding="utf-8").replace("Method", "Way"), encoding="utf-8")
    regenerate.regenerate(pair, check=False, certify=False)
    assert len(asked) == 1
    assert "Way" not in path.read_text(encoding="utf-8")
    regenerate.regenerate(pair, check=False, certify=True)
    assert len(asked) == 2


def formulas_in(page: str) -> list[str]:
    return re.findall(r"```math\n(.*?)\n```", page, re.S) + re.findall(r"\$`(.*?)`\$", page)


def fault(formula: str) -> str:
    """What a viewer would stumble over; empty where there is nothing."""
    formula = formula.replace(r"\\", " ")  # the end of a line
    unknown = set(re.findall(r"\\([A-Za-z]+)", formula)) - COMMANDS
    depth = 0
    for mark in re.findall(r"(?<!\\)[{}]", formula):
        depth += 1 if mark == "{" else -1
        if depth < 0:
            return "a brace is closed that is not open"
    if unknown:
        return f"unknown commands {sorted(unknown)}"
    if depth:
        return "a brace stays open"
    if len(re.findall(r"\\left(?![a-z])", formula)) != len(re.findall(r"\\right(?![a-z])", formula)):
        return "left and right differ in number"
    if sorted(re.findall(r"\\begin\{(\w+)\}", formula)) != sorted(re.findall(r"\\end\{(\w+)\}", formula)):
        return "environments are not closed"
    if "&" in formula and r"\begin" not in formula:
        return "an ampersand outside of all environments"
    return "a symbol without a command" if re.search(r"[^\x00-\x7F]", formula) else ""


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\frac{1}{2", "a brace stays open"),
        (r"a}{", "a brace is closed that is not open"),
        (r"\frac{1}{2}\left(x", "left and right differ in number"),
        (r"\foo", "unknown commands ['foo']"),
        ("σ", "a symbol without a command"),
        ("a &= b", "an ampersand outside of all environments"),
        (r"\begin{aligned}a\end{cases}", "environments are not closed"),
        (r"\left(\frac{a}{b}\right)", ""),
    ],
)
def test_faults_are_seen(formula, expected):
    assert fault(formula) == expected


def test_the_mathematics_of_all_records_can_be_set():
    for path in FOLDER.rglob("*.md"):
        if path.name == "README.md" and path.parent == FOLDER:
            continue
        page = path.read_text(encoding="utf-8")
        found = formulas_in(page)
        assert found
        assert page.count("```") % 2 == 0
        for formula in found:
            assert not fault(formula), f"{path.name}: {fault(formula)} in {formula}"
        for line in page.splitlines():
            assert not (line.startswith("|") and "$" in line), f"{path.name}: mathematics in a table"


def test_records_are_short():
    sizes = {str(path): path.stat().st_size for path in FOLDER.glob("*/*.md")}
    assert sum(size > 20_000 for size in sizes.values()) <= 4, sorted(sizes, key=sizes.get)[-6:]
    assert max(sizes.values()) < 32_000
