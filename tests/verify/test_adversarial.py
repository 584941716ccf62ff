"""The brute force of benchmarks/adversarial against values known otherwise, and some of its cases."""

from __future__ import annotations

import json
import math
from fractions import Fraction as F

import numpy as np
import pytest

import benchmarks.adversarial_reference as brute
from benchmarks.adversarial import cases_of, main, shown
from benchmarks.adversarial_draw import KINDS, ONE, Construction, Law, draw_construction, draw_law
from benchmarks.adversarial_terms import INNERS, composed, dead_zone, kinked, outer, power, preimages, soft, total, wave

INNER = {h.text: h for h in INNERS}


def narrow(k, h, t):
    return composed(outer("narrow", F(k)), INNER[h], F(t))


ZONE = dead_zone("tanh", F(1), F(1, 2), F(1, 2))
SUM = total([soft("tanh", F(1), F(1)), soft("gauss", F(10), F(1, 2)), soft("sigmoid", F(1), F(0))])
PARTNER = total([power(1), kinked("step", F(1), F(-40)), soft("tanh", F(1), F(0))])
KNOWN = [  # values of mpmath at 30 digits, or a formula
    (SUM, ONE, Law(1, 1, 0), 0.0118847639006367),
    (narrow(10**4, "exp(x)", 7), ONE, Law(1, 1, 0), 1.52106190595e-4),
    (narrow(10**7, "x*tanh(x)", "1.234"), ONE, Law(1, 1, 0), 1.42146092913e-4),
    (narrow(10**6, "sin(x)", "0.5"), PARTNER, Law(1, 2, 0.5), 1.067090683505e-3),
    (ZONE, ZONE, Law(0.002, 0.002, 0.0019), 1.81407204559e-34),
    (
        kinked("step", F(3), F(0)),
        kinked("step", F(2), F(0)),
        Law(2, 3, -1.5),
        0.25 + math.asin(-1.5 / 6**0.5) / math.tau,
    ),
    (kinked("step", F(3), F(0)), kinked("step", F(2), F(0)), Law(1, 1, 1 - 1e-9), 0.5 - math.acos(1 - 1e-9) / math.tau),
    (wave("damped", F(2), F(1)), ONE, Law(9, 1, 0), math.exp(4.5 - 18) * math.sin(1 - 18)),
    (soft("erf", F(1), F(0)), soft("erf", F(1), F(0)), Law(1, 1, -1), -2 / math.pi * math.asin(2 / 3)),
]


@pytest.mark.parametrize(("f", "g", "law", "right"), KNOWN, ids=lambda one: getattr(one, "text", None))
def test_the_brute_force_knows_known_values(f, g, law, right):
    value, uncertain, scale = brute.reference(Construction("", f, g, True), law)
    assert uncertain <= 1e-14 * scale
    assert value == pytest.approx(right, rel=1e-11)


@pytest.mark.parametrize("number", range(0, 24, 2))
def test_hermite_sums_and_ridges_agree(number, monkeypatch):
    rng = np.random.default_rng([3, number])
    construction = draw_construction(rng, KINDS[number % len(KINDS)])
    a, b, _, m1, m2 = vars(draw_law(rng, construction)).values()
    law = Law(a, b, float(rng.choice((-0.9, 0.9))) * math.sqrt(a * b), m1, m2)
    first, _, scale = brute.reference(construction, law)
    monkeypatch.setattr(brute, "HERMITE", 0.5)
    second = brute.reference(construction, law)[0]
    assert abs(first - second) <= 1e-14 * scale


def test_all_preimages_are_found():
    places = preimages(INNER["sin(x)"], np.array([0.5], dtype=np.longdouble), -7.0, 7.0)
    np.testing.assert_allclose(places, np.pi * np.array([-11, -7, 1, 5, 13]) / 6, rtol=1e-15)


def test_cases_repeat_and_none_is_wrong():
    rows = [row for number in range(3) for row in cases_of(1, number, "many", 4)]
    again = cases_of(1, 2, "many", 4)
    assert [row["law"] for row in rows[-4:]] == [row["law"] for row in again]
    assert [shown(row) for row in rows if row["status"] == "wrong"] == []


def test_an_interrupted_record_goes_on(tmp_path, monkeypatch, capsys):
    path = tmp_path / "record.jsonl"
    arguments = ["adversarial", "--cases", "4", "--laws", "2", "--kind", "product", "--record", str(path)]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == 0
    lines = path.read_text().splitlines()
    path.write_text(f"{lines[0]}\n{lines[1][:50]}")
    assert main() == 0
    after = path.read_text().splitlines()
    assert after[0] == lines[0]
    assert [json.loads(line)["number"] for line in (after[0], after[2])] == [0, 1]
    assert "| all | 4 | 0 |" in capsys.readouterr().out
