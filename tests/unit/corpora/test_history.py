"""A history walked in parts gives the rows of one walk, or is walked anew; what cannot be walked says why.

Here: the joining with git and the state between two walks. Not here: the rules (``unit/study/rebuilds``).
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.clients.git import GitError
from dockml_dagster.corpora import history
from dockml_dagster.corpora.history import HistoryRows, history_rows

COMMITS: list[dict[str, str]] = [
    {"readme": "x"},
    {"docker/Dockerfile": "FROM b\nCOPY . /app\nRUN pip install numpy\n", ".dockerignore": ".git\n", "docker/a": "1"},
    {"docker/a": "2"},
    {"docker/a": "1"},
    {"docker/Dockerfile": "FROM b:2\nCOPY . /app\nRUN pip install numpy\n"},
    {"docker/a": "3"},
]  # fmt: skip


def git(folder: Path, *arguments: str, at: int = 0) -> str:
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_COMMITTER_DATE": f"{2000 + at}-06-01T00:00:00Z",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env={**os.environ, **own}
    )
    return done.stdout.decode().strip()


def commit(folder: Path, files: dict[str, str], at: int) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "m", at=at)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    for at, files in enumerate(COMMITS):
        commit(tmp_path, files, at)
    return tmp_path


def joined(first: HistoryRows, later: HistoryRows) -> dict[str, Any]:
    texts = {row["sha256"]: row["content"] for row in (*first.texts, *later.texts)}
    return {**seen(later), "rebuilds": [*first.rebuilds, *later.rebuilds], "changes": [*first.changes, *later.changes],
            "texts": texts}  # fmt: skip


def seen(rows: HistoryRows) -> dict[str, Any]:
    return {
        "rebuilds": list(rows.rebuilds), "changes": list(rows.changes), "years": rows.years, "moves": rows.moves,
        "commits": rows.commits, "state": rows.state, "texts": {row["sha256"]: row["content"] for row in rows.texts},
    }  # fmt: skip


def test_what_is_told_of_a_history(repository: Path) -> None:
    rows = history_rows(repository, git(repository, "rev-parse", "HEAD"))
    assert [(row["committed_at"].year, row["causes"], row["missed_new"]) for row in rows.rebuilds] == [
        (2002, ["context", "earlier"], 2), (2003, ["context", "earlier"], 0), (2004, ["base", "context", "earlier"], 2),
        (2005, ["context", "earlier"], 2),
    ]  # fmt: skip
    assert [(row["run_missed"], row["run_missed_installing"], row["run_avoidable"]) for row in rows.rebuilds] == [
        (1, 1, 1), (1, 1, 1), (1, 1, 0), (1, 1, 1),
    ]  # fmt: skip
    assert [(row["event"], row["keywords_added"]) for row in rows.changes] == [
        ("added", ["COPY", "FROM", "RUN"]), ("changed", ["FROM"]),
    ]  # fmt: skip
    assert [(row["year"], row["commits"], row["commits_since_first"]) for row in rows.years] == [
        (2000, 1, 0), *((year, 1, 1) for year in range(2001, 2006)),
    ]  # fmt: skip
    assert [(row["line"], row["above_line"], row["saved"], row["run_missed"]) for row in rows.moves] == [
        (3, 2, 3, 4)
    ]
    assert {row["sha256"] for row in rows.texts} == {row["sha256"] for row in rows.changes}


@pytest.mark.parametrize("end", range(len(COMMITS)))
def test_a_walk_that_goes_on_gives_the_rows_of_one(repository: Path, end: int) -> None:
    every = git(repository, "rev-list", "--reverse", "HEAD").split()
    whole = history_rows(repository, every[-1])
    first = history_rows(repository, every[end])
    assert first.state is not None
    later = history_rows(repository, every[-1], (every[end], first.state))
    assert later.goes_on
    assert joined(first, later) == seen(whole)


def test_another_branch_and_another_context_are_walked_anew(repository: Path) -> None:
    last = git(repository, "rev-parse", "HEAD")
    first = history_rows(repository, last)
    assert first.state is not None
    told = commit(repository, {"build.sh": "docker build -f docker/Dockerfile .\n"}, 7)
    again = history_rows(repository, told, (last, first.state))
    assert not again.goes_on, "a file says another context than the one found"
    assert seen(again) == seen(history_rows(repository, told))
    git(repository, "checkout", "--quiet", "-b", "other", "HEAD~3")
    other = commit(repository, {"docker/a": "9"}, 8)
    assert not history_rows(repository, other, (last, first.state)).goes_on


def test_what_cannot_be_walked_says_why(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    last = git(repository, "rev-parse", "HEAD")
    clone = tmp_path_factory.mktemp("c") / "clone"
    git(repository, "clone", "--quiet", "--depth", "1", f"file://{repository}", str(clone))
    with pytest.raises(GitError, match="a shallow clone has no history"):
        history_rows(clone, last)
    with pytest.raises(GitError):
        history_rows(repository, "0" * 40)


def test_a_censored_commit_counts_and_no_more(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = history.commits

    def cut(*arguments: Any, **more: Any) -> Any:
        for at, one in enumerate(real(*arguments, **more)):
            yield history.Commit(one.oid, one.time, (), censored=True) if at == 2 else one

    monkeypatch.setattr(history, "commits", cut)
    rows = history_rows(repository, git(repository, "rev-parse", "HEAD"))
    assert (rows.commits, rows.censored, len(rows.rebuilds)) == (6, 1, 3)
    assert [row["commits_since_first"] for row in rows.years] == [0, 1, 0, 1, 1, 1]
