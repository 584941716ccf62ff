"""The speed benchmark runs, at a size that says nothing of speed: its tables, and that contestants agree."""

from benchmarks.speed.__main__ import main, reasons
from benchmarks.speed.gram import exponent


def rows(text):
    """Cells of the rows of all tables in a text, headings included."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_a_small_run(capsys):
    main("gram single lines --n 30 --rounds 1 --names erf --contestants numpy".split())
    text = capsys.readouterr().out
    assert "`python -m benchmarks.speed gram" in text.splitlines()[0]
    table = [row for row in rows(text) if row[0] == "erf"]
    gram = {row[1]: row for row in table if row[1].startswith("float")}
    assert float(gram["float64"][-1]) == 0.0
    assert 0.0 < float(gram["float32"][-1]) < 2e-6, "float32 differs from float64 by rounding, not more"
    assert all(float(row[3]) > 0.0 for row in gram.values())
    assert [row[1] for row in table if row[1] == "numpy"] == ["numpy"], "the lines of erf's module"
    assert ["erf, erf", "closed form"] in [row[:2] for row in rows(text)]


def test_who_is_missing_is_said_by_reason():
    assert reasons({"jax of erf": "none", "jax of relu": "none", "numba": "not installed"}) == (
        "jax of erf, jax of relu (none); numba (not installed)"
    )


def test_exponents():
    assert abs(exponent((10, 20, 40), [{"numpy": 3.0 * n**2} for n in (10, 20, 40)], "numpy") - 2.0) < 1e-12
