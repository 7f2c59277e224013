"""Killed at random moments and started again, a study ends with the same tables. The whole of it: ``kills.py``."""

import importlib.util
from pathlib import Path

KILLS = 3

_specification = importlib.util.spec_from_file_location("kills", Path(__file__).with_name("kills.py"))
kills = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(kills)


def test_the_sample_survives_kills(finished, tmp_path, environment_of):
    home = tmp_path / "killed"
    said: list[str] = []
    wrong = kills.survive(
        finished[0], home, "sample", environment_of(home), kills=KILLS, longest=20, seed=7, say=said.append
    )
    assert wrong == []
    assert sum("kill " in words for words in said) == KILLS
