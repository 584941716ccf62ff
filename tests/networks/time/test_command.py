"""`symntk time`."""

import numpy as np
import pytest
from click.testing import CliRunner

import symntk
from symntk.cli import main

NET = ["step", "-s", "erf", "--threshold", "0.4", "--leak", "0.5"]


def run(*arguments):
    return CliRunner().invoke(main, ["time", *map(str, arguments)])


def test_gram_matrices_of_a_file(tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    net = symntk.TimeNetwork(symntk.derive("step", "erf"), threshold=0.4, leak=0.5)
    np.save(tmp_path / "x.npy", x)
    done = run(*NET, tmp_path / "x.npy", "-o", tmp_path / "gram.npy")
    assert done.exit_code == 0, done.output
    assert "3 × 3" in done.output
    assert np.all(np.load(tmp_path / "gram.npy") == net.sg_ntk(x))
    x[0, 2:] = np.nan
    np.save(tmp_path / "x.npy", x)
    printed = run(*NET, tmp_path / "x.npy", "--kernel", "nngp").output
    assert f"{net.nngp([x[0, :2], x[1], x[2]])[0, 1]:.6f}" in printed


def test_the_long_run():
    assert "χ inf a step: small differences grow: inputs are told apart for ever" in run(*NET).output
    assert "χ 0.25 a step: a difference falls by e in 1.4 steps" in run(*NET, "--recurrent-std", 0).output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([*NET, "-o", "gram.npy"], "there are no inputs"),
        ([*NET, "missing.npy"], "the file missing.npy"),
        ([*NET, "--leak", "2"], "a number from 0 to 1"),
        (["tanh", "--reset", "zero"], "is smooth and has no threshold"),
    ],
    ids=["no inputs", "no file", "a leak", "a reset"],
)
def test_refusals(arguments, text):
    done = run(*arguments)
    assert done.exit_code == 2
    assert text in done.output
