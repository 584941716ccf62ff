"""The committed records are what the code derives today."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("regenerate", ROOT / "derivations" / "regenerate.py")
regenerate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(regenerate)


@pytest.mark.parametrize("pair", regenerate.pairs(), ids=lambda pair: "-".join(filter(None, pair)))
def test_the_record_is_derived_again(pair):
    path = regenerate.path_of(*pair)
    assert regenerate.recorded(path) == regenerate.derivation(*pair), "python derivations/regenerate.py writes it anew"
    assert "Certificate" in path.read_text(encoding="utf-8")


def test_every_record_has_a_pair():
    assert {p.name for p in (ROOT / "derivations").glob("*.txt")} == {
        regenerate.path_of(*pair).name for pair in regenerate.pairs()
    }
