"""The module of a network is compared with the network that it was derived from."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from symntk import Network, derive
from symntk.cli import main
from symntk.errors import FormulaError
from symntk.networks.module_check import verify_module

NETWORKS = {
    "one pair": (lambda: Network(derive("relu"), 3, weight_std=1.2, bias_std=0.3), {}),
    "two pairs, a parameter": (lambda: Network([derive("erf(m*x)"), derive("sign", "erf")], 3), {"m": 1.5}),
    "no activation": (lambda: Network(derive("relu"), 1), {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_as_it_was_written(tmp_path, name):
    made, numbers = NETWORKS[name]
    found = verify_module(made().export(tmp_path / "net.py", **numbers))
    assert found.agrees and not found.remarks and found.values > 40


@pytest.fixture
def path(tmp_path):
    return NETWORKS["one pair"][0]().export(tmp_path / "net.py")


def test_an_edit_is_found_and_its_code_is_not_run_unasked(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("_WEIGHT_STD = (1.2,", "_WEIGHT_STD = (1.3,"), encoding="utf-8")
    found = verify_module(path)
    assert not found.agrees and found.values == 0 and "1.3" in found.differences[0]
    ran = verify_module(path, run=True)
    assert ran.values > 10 and any("and should be" in line for line in ran.differences)


def test_the_command(path):
    result = CliRunner().invoke(main, ["verify", "--module", str(path)])
    assert result.exit_code == 0 and "agrees with what it was derived from" in result.output


def test_the_module_of_a_pair_is_taken_too(tmp_path):
    target = tmp_path / "kernel.py"
    target.write_text(derive("relu").source(), encoding="utf-8")
    assert verify_module(target).agrees


@pytest.mark.parametrize(("old", "new"), [('"weight_std": [1.2, 1.2, 1.2]', '"weight_std": [1.2]'), ('"tol"', '"lot"')])
def test_a_record_that_is_none_is_refused(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FormulaError, match="record of its network"):
        verify_module(path)
