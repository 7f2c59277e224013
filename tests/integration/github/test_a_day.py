"""A day at GitHub with 150 projects: limits, an outage, a new token, projects that move and go, two kills.

The tables at its end are those of a day on which nothing happened, and nothing was paid for twice.
"""

import collections
import itertools
import os
import pickle
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from tests.integration.github import stand_in
from tests.integration.github.day import tables
from tests.integration.github.service import SECONDARY
from tests.integration.github.visiting import FILES, on_clock

PROJECTS = 150
VISITING = "from tests.integration.github.day import main; main()"
FRAME = """
title = "a day"
[[cohort]]
name = "ml"
names = [{names}]
[cohort.criteria]
minimum_commits = 100
minimum_releases = 1
dockerfile = true
"""


@pytest.fixture
def crowd(graphql_schema, tmp_path: Path) -> Iterator[stand_in.FakeGithub]:
    """A GitHub with many projects, some of which do not pass. Thirty of them are of their own, the rest their clones."""
    server = stand_in.FakeGithub(
        tmp_path / "repositories", None, graphql_schema[0], token="first-token-0123456789"
    )
    for number in range(30):
        own = {"docs.md": b"page %d" % number}
        own |= {} if number % 7 == 6 else {**FILES, "own.Dockerfile": b"FROM scratch\n# %d\n" % number}
        server.add(f"o/r{number}", own, commits=50 if number % 10 == 3 else 150)
    for number in range(30, PROJECTS):
        alike = server.repositories[number % 30]
        clone = server.add_clone(f"o/r{number}", alike.git, commits=alike.commits, releases=number % 11)
        clone.contents = alike.contents
    yield server
    server.stop()
    assert server.violations == []


def things_happen(server: stand_in.FakeGithub) -> None:
    """Late in the list, so that nobody asked for them yet."""
    moved, deleted, hidden = server.repositories[141], server.repositories[142], server.repositories[144]
    moved.old_names.append(moved.name.lower())
    moved.name = "elsewhere/moved"
    deleted.state, hidden.state = "gone", "private"


def test_a_day_of_troubles_ends_as_a_day_without(crowd, start_program, tmp_path: Path) -> None:
    frame = tmp_path / "frame.toml"
    frame.write_text(FRAME.format(names=", ".join(f'"o/r{number}"' for number in range(PROJECTS))))
    result = tmp_path / "tables"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKML_HOME": str(tmp_path / "troubled"),
        "DOCKML_GITHUB_API_URL": crowd.url, "DOCKML_GITHUB_FRAME": str(frame),
    }  # fmt: skip
    crowd.budgets.limits["core"] = 50
    crowd.answers_at_once = 20
    killed, process = [], None
    questions = itertools.count()

    def trouble(asked: stand_in.Asked) -> None:
        number = next(questions)
        if number in {9, 125}:
            killed.append(number)
            process.send_signal(signal.SIGKILL)
            process.wait()
        elif number == 30:
            raise stand_in.Reply(429, {"message": SECONDARY})
        elif number == 45:
            crowd.out_until = crowd.clock.now() + 1200
        elif number == 65:
            crowd.token = "second-token-9876543210"
            things_happen(crowd)

    crowd.before = trouble
    starts = 0
    while not result.exists():
        starts += 1
        assert starts < 6
        with tempfile.TemporaryFile("w+") as errors:
            process = start_program(
                VISITING,
                str(tmp_path / "clock"),
                str(result),
                env={**environment, "GITHUB_TOKEN": crowd.token},
                streams=(None, None, errors.fileno()),
            )
            process.wait(300)
            errors.seek(0)
            said = errors.read()
        assert process.returncode in {0, -signal.SIGKILL} or "GITHUB_TOKEN" in said, said
    crowd.before = lambda asked: None
    assert killed == [9, 125]

    assert sum(one.status == 502 for one in crowd.asked) > 3
    assert sum(crowd.budgets.opened[who, "core"] for who in {one.who for one in crowd.asked}) >= 4, (
        "three hours' limits"
    )
    paid = collections.Counter((one.who, one.path, one.body) for one in crowd.asked if one.status == 200)
    # Who was killed did not hear the answer to what was on its way.
    twice = [question for question, times in paid.items() if times > 1 and question[1] != "/rate_limit"]
    assert len(twice) <= len(killed)
    assert max(paid.values()) <= 2

    crowd.budgets.limits["core"] = 5_000
    crowd.answers_at_once = None
    settings = Settings.from_environment({
        **environment, "DOCKML_HOME": str(tmp_path / "calm"), "GITHUB_TOKEN": crowd.token,
    })  # fmt: skip
    calm = on_clock(Github(settings), crowd.clock)
    calm.visit()
    expected, delayed = tables(calm)
    assert delayed.failed == 0
    found = pickle.loads(result.read_bytes())
    for table, rows in expected.items():
        assert _ordered(found[table]) == _ordered(rows), table
    assert len(expected["raw.candidates"]) > PROJECTS
    said = {subject: (status, reason) for _, subject, status, reason, _ in expected["raw.outcomes"]}
    assert said["o/r142"][0] == said["o/r144"][0] == "gone"


def _ordered(rows: list) -> list[str]:
    return sorted(repr(sorted(row.items()) if isinstance(row, dict) else row) for row in rows)
