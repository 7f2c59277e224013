"""Killed at random moments and started again, a study ends with the same tables. The whole of it: ``kills.py``."""

import importlib.util
from pathlib import Path

from tests.forked import COMMAND

KILLS = 3
LONGEST = 17
"""Seconds, about as long as a study takes on a quiet machine, of a process that need not import anything."""

_specification = importlib.util.spec_from_file_location("kills", Path(__file__).with_name("kills.py"))
kills = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(kills)


def test_numbers_are_compared_and_not_rounded_first():
    # 0.1234567895 lies on a half of the tenth digit: the two are rounded to different numbers.
    one, other = (
        [("a", 0.1234567895000001, 2), ("b", 0.0, 1)],
        [("b", 1e-17, 1), ("a", 0.1234567894999999, 2)],
    )
    assert kills.difference("t", one, other) == ""
    assert kills.difference("t", one, [("a", 0.12345679, 2), ("b", 0.0, 1)]).startswith(
        "t: 2 and 2 rows: ('a', 0.12"
    )
    assert kills.difference("t", one, one[:1]) == "t: 2 and 1 rows"
    assert kills.difference("t", [("a", 1)], [("a", None)]) == "t: 1 and 1 rows: ('a', 1) and ('a', None)"


def test_the_sample_survives_kills(finished, tmp_path, environment_of, start_program):
    home = tmp_path / "killed"
    said: list[str] = []

    def start(arguments, environment, errors):
        streams = (None, None, errors.fileno())
        return start_program(COMMAND, *arguments, env=environment, streams=streams, own_session=True)

    wrong = kills.survive(
        finished[0],
        home,
        "sample",
        environment_of(home),
        kills=KILLS,
        longest=LONGEST,
        seed=7,
        say=said.append,
        start=start,
    )
    assert wrong == []
    assert sum("kill " in words for words in said) == KILLS
