"""Certificates are written, read and repeated; a file that is not one is refused, whatever is in it."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from symntk import derive
from symntk.cli import main
from symntk.errors import FormulaError, SymntkError
from symntk.kernels.verification import replay
from symntk.verify.certificate import Check
from symntk.verify.checks import formula_check
from symntk.verify.files.read import FORMAT, digest, read_certificate


@pytest.fixture(scope="module")
def verification():
    return derive("x").verify(dps=12, points=1)


@pytest.fixture
def path(verification, tmp_path):
    return verification.write(tmp_path / "line.json")


def edited(path, edit, seal=True):
    """The file after edit(content), with a digest that fits again, as somebody who forges a certificate would do."""
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    if seal:
        content["digest"] = digest(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def changed(path, *keys, value, seal=True):
    def edit(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return edited(path, edit, seal)


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


def test_replay_agrees(path, verification):
    again = replay(path)
    assert again.agrees and not again.differences and not again.remarks
    assert again.verification.certificates["nngp"].laws == verification.certificates["nngp"].laws


def places(value, keys=()):
    """All places of a JSON value that hold no table or list, as tuples of keys."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*keys, key))
    else:
        yield keys, value


def test_any_edited_field_breaks_the_digest(path):
    original = path.read_text(encoding="utf-8")
    everywhere = list(places(json.loads(original)))
    assert len(everywhere) > 300
    for keys, value in everywhere[:: max(1, len(everywhere) // 60)]:
        path.write_text(original, encoding="utf-8")
        other = {str: f"{value} ", bool: not value, int: 11, float: 1.5, type(None): "x"}[type(value)]
        with pytest.raises(FormulaError, match="a certificate"):
            read_certificate(changed(path, *keys, value=other, seal=False))


def of(name, title):
    """The check of a kernel in a file's content."""
    return lambda content: next(c for c in content["kernels"][name]["checks"] if c["name"] == title)


def put(place, key, value):
    return lambda content: place(content).__setitem__(key, value)


def checks(content):
    return content["kernels"]["ntk"]["checks"]


@pytest.fixture
def as_before(monkeypatch, verification):
    """Checks that find today what they found then, at once."""
    found = verification.certificates
    monkeypatch.setattr("symntk.kernels.verification.verify_expectation", lambda E, *, subject, **_: found[subject])


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (put(of("nngp", "random points"), "digits", 900.0), "nngp: random points had 900.0 digits"),
        (put(of("nngp", "random points"), "digits", None), "nngp: random points had None digits"),
        (put(of("ntk", "edge points"), "required", 1.0), "ntk: edge points required 1.0 digits"),
        (put(of("ntk", "edge points"), "points", 400), "ntk: edge points had 400 points"),
        (put(of("ntk", "edge points"), "detail", "all is well"), "ntk: edge points said 'all is well'"),
        (put(of("ntk", "edge points"), "name", "corner points"), "the file lacks the check edge points"),
        (lambda c: checks(c).pop(3), "ntk: the file lacks the check independence"),
        (lambda c: checks(c).reverse(), "ntk: the checks are in another order"),
        (lambda c: c["kernels"].pop("ntk"), "the file has no ntk"),
        (lambda c: c["kernels"]["ntk"]["edge points"].pop(), "the edge points are not those"),
        (lambda c: c["kernels"]["ntk"]["edge points"][0].__setitem__(1, 1.5), "the edge points are not those"),
        (lambda c: c["kernels"]["ntk"]["edge points"][0].__setitem__(0, "junk"), "the edge points are not those"),
        (
            put(lambda c: c["kernels"]["nngp"], "points", [[0.5, 2.0, -0.25, 0.0, 0.0]]),
            "points are not those that seed 0",
        ),
        (put(lambda c: c["settings"], "seed", 1), "points are not those that seed 1"),
        (put(lambda c: c["settings"], "points", 2), "points are not those that seed 0"),
        (put(lambda c: c["settings"], "parameters", {"k": "3"}), "no kernel has the parameter k"),
        (put(lambda c: c["kernels"]["nngp"], "subject", "E[0]"), "the subject was E[0]"),
        (put(lambda c: c["kernels"]["nngp"], "formula", "a + b"), "the formula was a + b"),
        (put(lambda c: c["kernels"]["nngp"], "error bound", 1e-3), "the error bound was 0.001"),
        (put(lambda c: c["kernels"]["nngp"], "method", "magic"), "the method was magic"),
        (put(lambda c: c["kernels"]["nngp"], "conditions", ["a < 1"]), "the conditions were ['a < 1']"),
        (put(lambda c: c["kernels"]["ntk"], "diagonal", "finite: 2"), "the diagonal was finite: 2"),
        (put(lambda c: c["pair"], "activation formula", "x**3"), "the activation formula was x**3"),
    ],
)
def test_a_forged_certificate_with_a_digest_that_fits(path, edit, told, as_before):
    again = replay(edited(path, edit))
    assert not again.agrees and told in " ".join(again.differences)


LATE = "; 9 of 16 skipped, because the time limit of 2 s was reached"


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"points": 7, "digits": 16.0, "late": True}, {}, ""),
        ({}, {"points": 7, "digits": 16.0, "late": True}, ""),
        ({"points": 0, "digits": None, "required": None, "detail": "its time limit of 2 s was reached"}, {}, ""),
        ({}, {"points": 0, "digits": None, "required": None, "detail": "its time limit of 2 s was reached"}, ""),
        ({"points": 17, "late": True}, {}, "had 17 points"),
        ({"digits": 11.0, "late": True}, {}, "had 11.0 digits"),
        ({"required": 1.0, "late": True}, {}, "required 1.0"),
        ({"late": True, "detail": "all is well"}, {}, "said"),
        ({"digits": 900.0}, {"points": 7, "late": True}, "had 900.0 digits"),
        ({"points": 7}, {}, "had 7 points"),
    ],
)
def test_what_the_time_did_not_allow_is_compared_as_far_as_it_was(path, verification, monkeypatch, then, now, told):
    """Neither a machine that was slow then nor one that is slow now makes a difference, and the text is no excuse."""
    base = {"name": "edge points", "detail": "against the oracle", "digits": 14.0, "required": 10.0, "points": 16}
    always = {**base, "name": "independence", "passed": True}
    then, now = ({**base, "passed": True, **one} for one in (then, now))
    for one in (then, now):
        if one.pop("late", False):
            one["detail"] += LATE
    found = verification.certificates
    other = replace(found["ntk"], checks=(Check(**always), Check(**now)))
    monkeypatch.setattr(
        "symntk.kernels.verification.verify_expectation",
        lambda E, *, subject, **_: other if subject == "ntk" else found[subject],
    )
    again = replay(changed(path, "kernels", "ntk", "checks", value=[always, then]))
    if told:
        assert not again.agrees and told in " ".join(again.differences)
    else:
        assert not again.differences and any("was not made in full" in remark for remark in again.remarks)


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        (put(of("nngp", "random points"), "digits", 1e6), "digits are not from 0 to 1000"),
        (put(of("nngp", "random points"), "digits", -5), "digits are not from 0"),
        (put(of("nngp", "random points"), "required", -5), "required are not from 0"),
        (put(of("nngp", "random points"), "required", 900.0), "fewer digits than it requires"),
        (lambda c: checks(c).append(checks(c)[0]), "holds the check 'random points' twice"),
        (lambda c: c["kernels"]["ntk"]["edge points"].append("junk"), "no label with five numbers"),
        (lambda c: c["kernels"]["ntk"]["edge points"].append(["junk", 1.0]), "are not five numbers"),
        (lambda c: c["kernels"]["ntk"]["edge points"].append([]), "no label with five numbers"),
        (lambda c: c["kernels"]["ntk"].__setitem__("dps", 50), "settings and versions of the file"),
        (lambda c: c["kernels"]["ntk"].__setitem__("version", "9"), "settings and versions of the file"),
        (lambda c: c["kernels"]["ntk"].__setitem__("passed", False), "the verdict on ntk"),
        (lambda c: c.__setitem__("digest", "sha256:0"), "its digest"),
    ],
)
def test_records_that_contradict_themselves(path, edit, wrong):
    with pytest.raises(FormulaError, match=wrong):
        replay(edited(path, edit, seal="digest" not in wrong))


def test_parameters_that_were_given_and_drawn(tmp_path, monkeypatch):
    """Both are drawn or taken again as they were."""
    kernels = derive("erf(m*x)")
    monkeypatch.setattr("symntk.verify.suite.Suite.__iter__", lambda self: few(self))
    for given in ({}, {"m": 0.75}):
        again = replay(kernels.verify(dps=12, points=1, **given).write(tmp_path / "erf.json"))
        assert again.agrees, again.differences
    changed(tmp_path / "erf.json", "settings", "parameters", value={})
    assert "ntk: the parameters are not those" in " ".join(replay(tmp_path / "erf.json").differences)


def few(tests):
    yield "random points", lambda: formula_check("random points", tests.claim, tests.tested, dps=12)


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


def test_points_and_parameters_that_the_pair_cannot_have(tmp_path, monkeypatch):
    monkeypatch.setattr("symntk.verify.suite.Suite.__iter__", lambda self: few(self))
    path = derive("erf(m*x)").verify(dps=12, points=1).write(tmp_path / "erf.json")
    changed(path, "kernels", "nngp", "parameters", value={"m": "0"})
    changed(path, "kernels", "ntk", "points", value=[[1.0, 1.0, 0.5, 0.25, 0.0]])
    again = replay(path)
    assert not again.agrees and not again.verification.certificates
    assert [d.split(": ")[1] for d in again.differences] == [
        "the parameter m is positive, and not 0",
        "its variables have no means, as the points of the file have",
    ]


def test_a_file_without_points_or_checks(path):
    assert "nngp: the file has no points" in replay(changed(path, "kernels", "nngp", "points", value=[])).differences
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
