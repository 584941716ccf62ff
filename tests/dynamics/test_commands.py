"""The commands of rate networks: numbers as the theory has them, and errors that say what is wrong."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from symntk.cli import main
from symntk.dynamics import Run, simulate
from symntk.dynamics.critical import critical_common
from symntk.dynamics.theory import Balanced


def invoke(*arguments: str):
    return CliRunner().invoke(main, ["dynamics", *arguments])


def answers(*arguments: str):
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_stationary():
    found, net = answers("stationary", "--N", "200"), Balanced(2.0, 200)
    assert found["chaotic"] is True
    assert found["lyapunov"] == net.stationary().lyapunov
    assert found["onset"] == pytest.approx(2**0.5, abs=1e-9)
    assert found["static_rate"] == net.static().rate
    text = invoke("stationary", "--N", "200").stdout
    assert f"lyapunov         {net.stationary().lyapunov:.8g}" in text


def test_classical_networks():
    found = answers("stationary", "--I0", "0", "--J0", "0", "--activation", "erf", "--g", "0.5")
    assert found["chaotic"] is False
    assert found["lyapunov"] == pytest.approx(0.5 * 2 / 3.141592653589793**0.5 - 1)  # g φ'(0) − 1


def test_lyapunov():
    common = answers("lyapunov", "--N", "100", "--common", "20", "--dt", "0.2")
    independent = answers("lyapunov", "--N", "100", "--independent", "8")
    none = answers("lyapunov", "--N", "100")
    assert common["lyapunov"] < 0 < none["lyapunov"]
    net = Balanced(2.0, 100)
    assert independent["lyapunov"] == pytest.approx(net.independent_stationary(8.0, 0.2, average="phase").lyapunov)
    assert none["lyapunov"] == net.stationary().lyapunov


def test_critical():
    found = answers("critical", "--N", "100", "--dt", "0.2")
    assert found["common"] == critical_common(Balanced(2.0, 100), 0.2, dt=0.2).amplitude
    assert found["independent"] < found["independent_gaussian"] < found["common"] < 1.5 * found["quasi_static"]


def test_simulate_and_resume(tmp_path):
    options = ["--N", "40", "--time", "4", "--burn", "2", "--realizations", "2", "--checkpoints", str(tmp_path)]
    found = answers("simulate", *options, "--common", "3", "--common", "9", "--independent", "2")
    assert [(row["input"], row["I_1"]) for row in found] == [("common", 3.0), ("common", 9.0), ("independent", 2.0)]
    run = simulate(40, 2.0, [3.0, 9.0], Run(steps=64, burn=32, realizations=2), progress=False)
    assert [row["lyapunov"] for row in found[:2]] == pytest.approx(run.lyapunov.mean(0).tolist(), rel=1e-4)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert "| 0 | none |" in invoke("simulate", "--N", "40", "--time", "4", "--burn", "2").stdout


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["stationary", "--g", "-1"], "g = -1.0"),
        (["stationary", "--I0", "-1"], "silent"),
        (["stationary", "--activation", "rleu"], "no entry of this name"),
        (["stationary", "--activation", "sign", "--I0", "0", "--J0", "0"], "infinite"),
        (["lyapunov", "--common", "1", "--independent", "1"], "not both"),
        (["lyapunov", "--common", "1", "--f", "0"], "frequency is 0"),
        (["lyapunov", "--common", "1", "--dt", "3"], "τ"),
        (["lyapunov", "--independent", "1", "--f", "-1"], "frequency is -1"),
        (["critical", "--f", "0"], "frequency is 0"),
        (["simulate", "--N", "0"], "N = 0"),
        (["simulate", "--dt", "0"], "step of 0"),
        (["simulate", "--J0", "-1", "--N", "10"], "excitatory"),
    ],
)
def test_what_is_impossible_is_said(arguments, wrong):
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert wrong in result.stderr
    assert result.stderr.startswith("asked: ")


def test_help_names_all():
    text = invoke("--help").stdout
    for name in ("stationary", "lyapunov", "critical", "simulate"):
        assert name in text
        assert invoke(name, "--help").exit_code == 0
    assert invoke("fig4").exit_code == 2
