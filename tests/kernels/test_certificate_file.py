"""Certificates are written, read and repeated; a file that is not one is refused, whatever is in it."""

import json

import pytest
from click.testing import CliRunner

from symntk import derive
from symntk.cli import main
from symntk.errors import FormulaError, SymntkError
from symntk.kernels.certificate_file import FORMAT, read_certificate, replay


@pytest.fixture(scope="module")
def verification():
    return derive("x").verify(dps=12, points=1)


@pytest.fixture
def path(verification, tmp_path):
    return verification.write(tmp_path / "line.json")


def changed(path, *keys, value):
    content = json.loads(path.read_text(encoding="utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_what_is_written(path, verification):
    content = read_certificate(path)
    assert content["format"] == FORMAT and content["passed"]
    assert set(content["kernels"]) == {"nngp", "ntk"} and content["settings"]["seed"] == 0
    assert {"symntk", "sympy", "mpmath"} <= set(content["versions"])
    assert content["kernels"]["nngp"]["points"] == [tuple(law) for law in verification.certificates["nngp"].laws]
    assert len(path.read_text(encoding="utf-8")) < 15_000


def test_a_text_to_read(verification, tmp_path):
    text = verification.write(tmp_path / "line.txt").read_text(encoding="utf-8")
    assert "heat equations" in text and "points (var_u" in text and "sympy" in text and "seed 0" in text


@pytest.mark.parametrize(("name", "wrong"), [("cert.yaml", ".yaml is not written"), ("cert", "it has no ending")])
def test_other_endings_are_refused_before_the_work(name, wrong, verification, tmp_path, monkeypatch):
    with pytest.raises(SymntkError, match=rf"{wrong}.*Try: cert\.json, or cert\.txt"):
        verification.write(tmp_path / name)
    monkeypatch.setattr("symntk.cli._derive", lambda *_: pytest.fail("derived"))
    done = CliRunner().invoke(main, ["verify", "relu", "-o", str(tmp_path / name)])
    assert done.exit_code == 2 and wrong in done.output and not (tmp_path / name).exists()


def test_a_verification_of_nothing_says_both_ways():
    done = CliRunner().invoke(main, ["verify"])
    assert done.exit_code == 2 and "try:   symntk verify sign --surrogate erf, or" in done.output


def test_replay_agrees_at_the_points_of_the_file(path):
    law = [0.5, 2.0, -0.25, 0.0, 0.0]
    again = replay(changed(path, "kernels", "nngp", "points", value=[law]))
    assert again.agrees and not again.differences
    assert again.verification.certificates["nngp"].laws == (tuple(law),)


def test_replay_notices_what_is_not_as_it_was(path):
    changed(path, "kernels", "nngp", "formula", value="a + b")
    changed(path, "kernels", "ntk", "diagonal", value="finite: 2")
    changed(path, "kernels", "ntk", "checks", value=read_certificate(path)["kernels"]["ntk"]["checks"][:3])
    again = replay(changed(path, "pair", "activation formula", value="x**3"))
    assert not again.agrees and len(again.differences) == 3
    told = " ".join(again.differences)
    for part in ("the formula was a + b", "the diagonal was finite: 2", "the activation formula was x**3"):
        assert part in told


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("format",), "symntk certificate 99"),
        (("settings", "dps"), 10**9),
        (("settings", "points"), True),
        (("kernels", "nngp", "points"), [[1.0, 1.0, 2.0, 0.0, 0.0]]),
        (("kernels", "nngp", "points"), [[1.0, 1.0]]),
        (("kernels", "nngp", "parameters"), {"k": "__import__('os')"}),
        (("kernels", "nngp", "parameters"), {"k": "1/0"}),
        (("kernels",), {"nngp": {}}),
        (("kernels",), []),
        (("pair", "activation"), 3),
        (("pair", "extra"), "x"),
        (("pair", "tol"), -1.0),
        (("pair", "tol"), 10**400),
        (("kernels", "nngp", "error bound"), -(10**400)),
        (("kernels", "nngp", "points"), [[1e-320, 1e-320, 0.0, 0.0, 0.0]]),
        (("kernels", "nngp", "points"), [[1.0, float("nan"), 0.0, 0.0, 0.0]]),
        (("kernels", "nngp", "parameters"), {"k": "1/00"}),
        (("kernels", "nngp", "parameters"), {"k": "9" * 60}),
        (("kernels", "nngp", "checks"), [{"passed": True}]),
        (("passed",), False),
    ],
)
def test_a_file_that_is_no_certificate_is_refused(path, keys, value):
    with pytest.raises(FormulaError, match="a certificate"):
        replay(changed(path, *keys, value=value))


def test_points_and_parameters_that_the_pair_cannot_have(tmp_path):
    path = derive("erf(m*x)").verify(dps=12, points=1).write(tmp_path / "erf.json")
    changed(path, "kernels", "nngp", "parameters", value={"m": "0"})
    changed(path, "kernels", "ntk", "points", value=[[1.0, 1.0, 0.5, 0.25, 0.0]])
    again = replay(path)
    assert not again.agrees and not again.verification.certificates
    assert [d.split(": ")[1] for d in again.differences] == [
        "the parameter m is positive, and not 0",
        "its variables have no means, as the points of the file have",
    ]


def test_a_file_without_verdicts_or_kernels(path):
    content = read_certificate(path)
    del content["kernels"]["ntk"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "the file has no ntk" in replay(path).remarks
    assert replay(changed(path, "kernels", "nngp", "points", value=[])).differences == ("nngp: the file has no points",)
    with pytest.raises(FormulaError, match="not that of its checks"):
        read_certificate(changed(path, "kernels", "nngp", "checks", value=[]))


def test_what_a_file_says_does_not_steer_the_terminal(path):
    told = replay(changed(path, "kernels", "nngp", "formula", value="\x1b[2J" + "y" * 5000)).table()
    assert "\x1b" not in told and "\\x1b[2Jyyy" in told and len(told) < 6000


def test_formulas_in_a_file_are_parsed_and_not_run(path):
    with pytest.raises(FormulaError):
        replay(changed(path, "pair", "activation", value="__import__('os').system('false')"))
    path.write_text("{" * 10_000, encoding="utf-8")
    with pytest.raises(FormulaError, match="not JSON"):
        replay(path)


def test_command_line(tmp_path):
    run = CliRunner().invoke
    file = tmp_path / "c.json"
    done = run(main, ["verify", "x", "--dps", "10", "--points", "1", "-o", str(file)])
    assert done.exit_code == 0 and "20 of 20" in done.output
    done = run(main, ["verify", "--replay", str(file)])
    assert done.exit_code == 0 and "agrees with the file" in done.output
    assert run(main, ["verify"]).exit_code == 2
    assert run(main, ["verify", "x", "--replay", str(file)]).exit_code == 2
