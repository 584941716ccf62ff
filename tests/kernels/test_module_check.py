"""An exported module is compared with what it was derived from; every edit is noticed, and none is run unasked."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from symntk import derive
from symntk.cli import main
from symntk.errors import FormulaError
from symntk.kernels.module_check import verify_module


@pytest.fixture(scope="module")
def source():
    return derive("sign", "erf").source()


@pytest.fixture
def path(source, tmp_path):
    target = tmp_path / "kernel.py"
    target.write_text(source, encoding="utf-8")
    return target


def edited(path, old, new, count=1):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


def test_a_module_as_it_was_written(path):
    found = verify_module(path)
    assert found.agrees and not found.remarks and found.values > 70
    assert "agrees with what it was derived from" in found.table()


@pytest.mark.parametrize("pair", [("leaky_relu(negative_slope=0.2)",), ("erf(m*x)",), ("tanh",)])
def test_parameters_and_functions_without_closed_forms(pair, tmp_path):
    found = verify_module(derive(*pair).export(tmp_path / "kernel.py"))
    assert found.agrees, found.differences


def test_layout_and_comments_do_not_count(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n\n\ndef ", "\n\n# a function\ndef ") + "# the end\n", encoding="utf-8")
    found = verify_module(path)
    assert found.agrees and "layout or comments only, first in line" in found.remarks[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("0.6366197723675814 * t0", "0.6366197723575814 * t0", "_nngp_map, which begins in line"),
        ("np.arctan2(c, d)", "np.arctan2(c, a)", "'t0 = np.arctan2(c, a)' was written as 't0 = np.arctan2(c, d)'"),
        ("def ntk_map(", "def ntk_maps(", "ntk_maps stands where ntk_map was written"),
        ("at full correlation", "at any correlation", "the docstring, which begins in line 1"),
        ("bias_std=0.0):", "bias_std=0.1):", "nngp, which begins in line"),
        ("import numpy as np", "import numpy as np, os", "`import numpy as np, os` stands where"),
        ("\n\n\ndef nngp_map", "\n\n\nprint(1)\n\n\ndef nngp_map", "`print(1)` stands where nngp_map was written"),
    ],
)
def test_edits_are_noticed_and_not_run(path, old, new, told, capsys):
    found = verify_module(edited(path, old, new))
    assert not found.agrees and told in found.differences[0] and found.values == 0
    assert "was not run" in found.remarks[-1] and capsys.readouterr().out == ""


def test_values_of_an_edited_module_where_that_is_asked_for(path):
    edited(path, "np.arctan2(c, d)", "1.1 * np.arctan2(c, d)", -1)
    told = " ".join(verify_module(path, run=True).differences)
    for part in ("nngp_map(", "nngp(x1, x2, depth=2) is", "ntk(x1, x2, depth=2) is", "and should be"):
        assert part in told
    assert "surrogate_ntk_map(" not in told
    edited(path, "def sg_ntk_map(", "def another(")
    assert any("no function sg_ntk_map" in line for line in verify_module(path, run=True).differences)
    edited(path, "import numpy as np", "import numpy as np\nraise OSError('no')")
    assert "it cannot be imported: OSError: no" in verify_module(path, run=True).differences


def test_what_is_added_or_cut_off(path, source):
    path.write_text(source + "\n\nnngp_map = None\n", encoding="utf-8")
    assert "`nngp_map = None` was added" in verify_module(path).differences[0]
    path.write_text(source[: source.rindex("\n\n\ndef ")], encoding="utf-8")
    assert "is missing at the end" in verify_module(path).differences[0]


def test_another_version_is_said(path):
    found = verify_module(edited(path, "written by symntk 0.1.0", "written by symntk 0.0.9"))
    assert not found.agrees and any("another version" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("def (", "Python cannot read it at line 1"),
        ("import numpy as np\n", "does not say which pair"),
        ("\x00", "Python cannot read it"),
        ("(" * 5000, "Python cannot read it"),
    ],
)
def test_what_is_no_exported_module(path, text, wrong):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormulaError, match=f"the module kernel.py: .*{wrong}.*symntk export"):
        verify_module(path)


def test_the_record_of_the_pair_is_data(path):
    edited(path, '"activation": "sign"', '"activation": "__import__(1)"')
    with pytest.raises(FormulaError):
        verify_module(path)
    edited(path, '"tol": 1e-10', '"tol": "x"')
    with pytest.raises(FormulaError, match="record of its pair"):
        verify_module(path)


def test_the_pair_of_another_module(path):
    edited(path, '"activation": "sign"', '"activation": "relu"')
    assert "the activation formula was sign(x)" in verify_module(path).differences[0]


def test_command_line(path):
    run = CliRunner().invoke
    done = run(main, ["verify", "--module", str(path)])
    assert done.exit_code == 0 and "agrees with what it was derived from" in done.output
    edited(path, "np.arctan2(c, d)", "np.arctan2(d, c)")
    done = run(main, ["verify", "--module", str(path), "--json"])
    assert done.exit_code == 1 and not json.loads(done.output)["agrees"]
    assert run(main, ["verify", "--module", str(path), "relu"]).exit_code == 2
    assert run(main, ["verify", "--module", "nowhere.py"]).exit_code == 2
