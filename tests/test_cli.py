"""The command line, as a user types it: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner, Result

import symntk
from symntk.cli import main, papers
from symntk.kernels.kernels import Kernels
from symntk.verify.certificate import Certificate, Check
from symntk.verify.suite import Verification


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def answer(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refusal(*arguments: str) -> dict[str, str]:
    """The three parts of an error's message."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    parts = dict(line.split(":", 1) for line in result.stderr.rstrip().split("\n"))
    assert list(parts) == ["asked", "wrong", "try"]
    assert all(text.strip() for text in parts.values())
    return parts


class TestDerive:
    def test_parameters_are_declared_real(self):
        text = answer("derive", "Heaviside(x - theta)", "--surrogate", "erf(s*x)", "--where", "theta=real")
        assert "bivariate_normal_cdf(-theta/sqrt(a)" in text and "parameters           s > 0, theta real" in text
        again = answer("derive", "erf(x - y)", "--where", "y = positive")
        assert "parameters           y > 0" in again
        for given in ("theta", "theta=complex", "x=real", "mu=real"):
            assert "where" in refusal("derive", "Heaviside(x - theta)", "--where", given)["asked"]
        assert "second variable" in refusal("derive", "Max(x, y)")["wrong"]

    def test_prints_functions_formulas_and_what_holds_at_full_correlation(self):
        text = answer("derive", "sign", "--surrogate", "erf")
        assert "σ̃'(x) = 2*exp(-x**2)/sqrt(pi)" in text
        assert "sg_ntk  E[σ'(u) σ̃'(v)] = 2*sqrt(2)/(pi*sqrt(2*a*b + a - 2*c**2))" in text
        assert "at full correlation  diverges like 2/(pi*sqrt(a*b - c**2))" in text
        assert text.count("closed form") == 4

    def test_without_a_surrogate_there_are_two_kernels(self):
        text = answer("derive", "relu")
        assert "nngp  E" in text
        assert "ntk  E" in text
        assert "sg_ntk" not in text

    def test_a_formula_and_a_derivative_of_ones_own(self):
        text = answer("derive", "x*erf(x)", "--surrogate-derivative", "exp(-k*x**2)")
        assert "σ̃'(x) = exp(-k*x**2)" in text
        assert "parameters           k > 0" in text

    def test_a_parameter_of_a_registered_name(self):
        assert "x/5" in answer("derive", "leaky_relu(negative_slope=0.2)")

    def test_conditions_are_shown(self):
        assert "2*a/3 < 1" in answer("derive", "exp(x**2/3)")

    def test_means(self):
        text = answer("derive", "exp", "--means")
        assert "exp(a/2 + b/2 + c + m1 + m2)" in text

    def test_steps(self):
        text = answer("derive", "sign", "-s", "erf", "--steps")
        assert "1  tilt  E[exp(-v**2)*DiracDelta(u)]" in text
        assert "condition: E[N(u; t, τ²) h]" in text

    def test_no_exponential_of_an_imaginary_number_in_a_sine(self):
        assert "= cos(x)" in answer("derive", "sin")

    @pytest.mark.parametrize("activation", ["sin", "hard_tanh", "x**2"])
    @pytest.mark.parametrize("style", [[], ["--latex"], ["--json"], ["--means"], ["--steps"]])
    def test_every_style_of_every_kind(self, activation: str, style: list[str]):
        assert answer("derive", activation, "--surrogate", "triangle", *style)

    def test_latex(self):
        lines = answer("derive", "sign", "--surrogate", "erf", "--latex").splitlines()
        assert lines[::2] == ["% nngp", "% ntk", "% sg_ntk", "% surrogate_ntk"]
        assert lines[5].startswith(r"\mathbb{E}[\sigma'(u)\,\tilde\sigma'(v)] = \frac{")


class TestJson:
    def test_expressions_are_those_of_the_library(self):
        data = json.loads(answer("derive", "sign", "--surrogate", "erf", "--json"))
        kernels = symntk.derive("sign", "erf")
        assert list(data["kernels"]) == list(kernels.names)
        a, b = sp.symbols("a b", positive=True)
        c = sp.Symbol("c", real=True)
        for name, E in kernels.items():
            read = sp.sympify(data["kernels"][name]["expression"], locals={"a": a, "b": b, "c": c})
            assert read == E.expression

    def test_keys(self):
        data = json.loads(answer("derive", "erf(m*x)", "--json", "--steps"))
        assert set(data) == {"symntk", "activation", "derivative", "surrogate", "means", "kernels"}
        entry = data["kernels"]["ntk"]
        assert set(entry) == {"expression", "latex", "method", "conditions", "diagonal", "parameters", "steps"}
        assert entry["parameters"] == ["m"]
        assert entry["diagonal"]["kind"] == "finite"
        assert data["surrogate"] is None

    def test_divergence(self):
        data = json.loads(answer("derive", "step", "--json"))
        assert data["kernels"]["ntk"]["diagonal"] == {
            "kind": "divergent",
            "limit": None,
            "rate": "1/(2*pi*sqrt(a*b - c**2))",
        }


class TestExport:
    def test_the_file_runs_where_symntk_is_not(self, tmp_path: Path):
        path = tmp_path / "sign_erf.py"
        answer("export", "sign", "--surrogate", "erf", "-o", str(path))
        code = (
            "import sys, json\n"
            f"sys.path[:0] = {[str(tmp_path), *packages()]!r}\n"
            "class No:\n"
            "    def find_spec(self, name, *_):\n"
            "        if name.split('.')[0] == 'symntk': raise ImportError(name)\n"
            "sys.meta_path.insert(0, No())\n"
            "import sign_erf\n"
            "print(json.dumps(float(sign_erf.sg_ntk_map(1.0, 2.0, 0.5))))\n"
            "gram = sign_erf.sg_ntk([[1.0, 2.0], [0.5, 1.0]], depth=3, weight_std=1.0, bias_std=0.1)\n"
            "print(json.dumps(gram.tolist()))\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        value, gram = map(json.loads, done.stdout.splitlines())
        assert value == pytest.approx(2 * np.sqrt(2) / (np.pi * np.sqrt(2 * 2 + 1 - 0.5)), rel=1e-15)
        assert np.array(gram).shape == (2, 2)

    def test_it_replaces_what_it_wrote(self, tmp_path: Path):
        path = tmp_path / "kernels.py"
        answer("export", "relu", "-o", str(path))
        before = path.read_text(encoding="utf-8")
        answer("export", "sign", "-o", str(path))
        assert path.read_text(encoding="utf-8") != before

    def test_to_the_terminal(self):
        assert "def nngp_map(" in answer("export", "relu", "-o", "-")

    def test_a_directory(self, tmp_path: Path):
        assert "directory" in refusal("export", "relu", "-o", str(tmp_path))["wrong"]

    def test_a_folder_that_is_not_there(self, tmp_path: Path):
        refused = refusal("export", "relu", "-o", str(tmp_path / "none" / "relu.py"))
        assert "relu.py" in refused["asked"]
        assert "No such file" in refused["wrong"]

    def test_the_variances_of_a_table(self, tmp_path: Path):
        path = tmp_path / "k.py"
        said = answer("export", "softplus", "-o", str(path), "--target", "numba", "--variances", "0.5", "2")
        assert "nngp_map, ntk_map" in said
        assert "a table for variances of 0 and from 0.5 to 2" in " ".join(path.read_text(encoding="utf-8").split())
        refused = refusal("export", "softplus", "-o", str(path), "--target", "numba", "--variances", "2", "0.5")
        assert "variances" in refused["try"]

    def test_an_unknown_target(self, tmp_path: Path):
        assert "numpy" in refusal("export", "relu", "-o", str(tmp_path / "k.py"), "--target", "cobol")["try"]
        assert not (tmp_path / "k.py").exists()


def packages() -> list[str]:
    """Where NumPy and SciPy are installed, for an interpreter that does not look there by itself."""
    return sorted({str(Path(np.__file__).parents[1])})


class TestVerify:
    def test_passes(self):
        text = answer("verify", "sign", "--surrogate", "erf", "--dps", "20", "--points", "1")
        assert "random points" in text
        assert "FAILED" not in text

    def test_json(self):
        data = json.loads(answer("verify", "exp", "--dps", "20", "--points", "1", "--json"))
        assert data["passed"] is True
        assert set(data["certificates"]) == {"nngp", "ntk"}

    def test_exit_status_where_a_check_fails(self, monkeypatch: pytest.MonkeyPatch):
        check = Check("random points", "made to fail", 3.0, 45.0, False, 1)
        failed = Verification({"nngp": Certificate("E[f(u) g(v)]", (check,), 50, "0")})
        monkeypatch.setattr(Kernels, "verify", lambda self, **_: failed)
        result = run("verify", "relu")
        assert result.exit_code == 1
        assert "FAILED" in result.stdout

    def test_a_wrong_formula_is_found(self, monkeypatch: pytest.MonkeyPatch):
        from symntk.kernels.solution import ClosedForm

        expression = cache(ClosedForm.expression.func)
        monkeypatch.setattr(ClosedForm, "expression", property(lambda self: expression(self) * sp.Rational(101, 100)))
        result = run("verify", "x", "--dps", "15", "--points", "1")
        assert result.exit_code == 1


class TestList:
    def test_both_tables(self):
        text = answer("list")
        for name in [*symntk.activations, *symntk.surrogates]:
            assert f" {name} " in text or f" {name}, " in text

    def test_what_is_derivable_is_marked(self):
        lines = answer("list", "activations").splitlines()
        assert any(line.startswith("* gelu ") for line in lines)
        assert any(line.startswith("  mish ") for line in lines)
        assert "surrogates" not in lines[0]

    def test_an_entry(self):
        text = answer("list", "surrogates", "triangle")
        assert "used by" in text
        assert "height = 1" in text

    def test_a_name_alone_is_looked_up_in_both(self):
        text = answer("list", "erf")
        assert "an activation of class 1" in text
        assert "a surrogate of class 1" in text

    def test_an_alias(self):
        assert answer("list", "heaviside").startswith("step")

    def test_an_unknown_name(self):
        assert "gelu" in refusal("list", "gellu")["try"]
        assert "activations" in refusal("list", "functions", "gelu")["try"]


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["derive", "gellu"], "gellu"),
            (["derive", "tan(x)"], "tan"),
            (["derive", "x +"], "x +"),
            (["derive", "__import__('os')"], "__import__"),
            (["derive", "1/sinh(x - 3)"], "sinh"),
            (["derive", "sign", "--surrogate", "err"], "err"),
            (["derive", "sign", "--surrogate", "erf", "--surrogate-derivative", "1"], "both"),
            (["derive", "leaky_relu(negative_slop=0.2)"], "negative_slop"),
            (["export", "tan(x)", "-o", "nothing.py"], "tan"),
            (["verify", "tan(x)"], "tan"),
        ],
    )
    def test_three_parts_and_status_2(self, arguments: list[str], named: str):
        parts = refusal(*arguments)
        assert named in parts["asked"] + parts["wrong"]

    def test_no_option_of_this_name(self):
        result = run("derive", "relu", "--surogate", "erf")
        assert result.exit_code == 2
        assert "--surrogate" in result.stderr

    def test_an_interruption_is_no_traceback(self):
        # a suite that a shell started in the background passes on that SIGINT is ignored
        code = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "sys.argv = ['symntk', 'verify', 'elu', '--dps', '200', '--points', '50']\n"
            "from symntk.cli import main; print('started', flush=True); main()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        assert process.returncode == 130
        assert "Traceback" not in stderr

    def test_a_reader_that_stops_reading(self):
        code = "import sys; sys.argv = ['symntk', 'list']; from symntk.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        process.stderr.close()
        process.wait()

    def test_a_terminal_that_has_no_greek(self):
        code = "import sys; sys.argv = ['symntk', 'derive', 'relu']; from symntk.cli import main; main()"
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        assert "nngp" in done.stdout


def test_version():
    assert answer("--version").strip() == f"symntk {symntk.__version__}"


@pytest.mark.parametrize("command", ["derive", "export", "verify", "list"])
def test_help(command: str):
    assert "Usage" in answer(command, "--help")


def test_commands_of_the_papers_say_how_to_install_them(monkeypatch):
    monkeypatch.setattr(papers, "find_spec", lambda name: None)
    group = type(main)("symntk")
    papers.add_papers(group, {"theorems": "Verify the theorems."})
    assert "theorems  Verify the theorems." in CliRunner().invoke(group, ["--help"]).output
    answered = CliRunner().invoke(group, ["theorems", "T2", "--activation", "relu"])
    assert answered.exit_code == 2
    assert "symntk_papers, which is not installed" in answered.stderr
    assert "pip install . ./papers" in answered.stderr
