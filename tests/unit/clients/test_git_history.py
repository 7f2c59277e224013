"""Commits of real git repositories, made here."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.clients import git_history
from dockml_dagster.clients.git import GitError, blob_reader
from dockml_dagster.clients.git_history import commits, is_ancestor, is_shallow, tree_of
from dockml_dagster.study.rebuilds.rows import year_of

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """``git(…)`` in an empty repository at ``tmp_path / "r"``."""
    folder = tmp_path / "r"
    folder.mkdir()
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_COMMITTER_DATE": "1600000000 +0000",
    }  # fmt: skip

    def call(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env={**os.environ, **own}
        )
        return done.stdout.decode().strip()

    call("init", "--quiet", "--initial-branch", "main")
    return call


def put(tmp_path: Path, **files: str) -> None:
    for name, text in files.items():
        (tmp_path / "r" / name).write_text(text)


def commit(git: Git) -> str:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "m")
    return git("rev-parse", "HEAD")


def test_what_each_commit_did(git: Git, tmp_path: Path) -> None:
    put(tmp_path, a="1", b="2")
    first = commit(git)
    empty = commit(git)
    (tmp_path / "r" / "a").rename(tmp_path / "r" / "c\nd")
    put(tmp_path, b="3")
    (tmp_path / "r" / "b").chmod(0o755)
    last = commit(git)
    walked = list(commits(tmp_path / "r"))
    assert [one.oid for one in walked] == [first, empty, last]
    assert walked[0].time == 1600000000
    assert [change.path for change in walked[0].changes] == ["a", "b"]
    assert walked[1].changes == ()
    told = {change.path: (change.mode, bool(change.oid)) for change in walked[2].changes}
    assert told == {"a": ("", False), "b": ("100755", True), "c\nd": ("100644", True)}
    # Nothing is detected as a rename, and what is told adds up to the tree.
    tree = {}
    for one in walked:
        for change in one.changes:
            tree[change.path] = change
    assert {change for change in tree.values() if change.mode} == set(tree_of(tmp_path / "r", last))


def test_a_merge_is_what_its_first_parent_sees(git: Git, tmp_path: Path) -> None:
    put(tmp_path, a="1")
    commit(git)
    git("switch", "--quiet", "--create", "side")
    put(tmp_path, b="1")
    side = commit(git)
    git("switch", "--quiet", "main")
    put(tmp_path, c="1")
    commit(git)
    git("merge", "--quiet", "--no-ff", "--message", "m", "side")
    walked = list(commits(tmp_path / "r"))
    assert side not in [one.oid for one in walked]
    assert [[change.path for change in one.changes] for one in walked] == [["a"], ["c"], ["b"]]


def test_only_what_came_after_a_commit(git: Git, tmp_path: Path) -> None:
    oids = []
    for text in "123":
        put(tmp_path, a=text)
        oids.append(commit(git))
    assert [one.oid for one in commits(tmp_path / "r", since=oids[0])] == oids[1:]
    assert is_ancestor(tmp_path / "r", oids[0])
    git("checkout", "--quiet", "--orphan", "other")
    put(tmp_path, a="4")
    commit(git)
    assert not is_ancestor(tmp_path / "r", oids[0])
    assert not is_ancestor(tmp_path / "r", "HEAD")
    assert not is_ancestor(tmp_path / "r", "0" * 40)


def test_a_commit_of_too_many_paths_is_censored(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, a="1", b="1", c="1")
    commit(git)
    put(tmp_path, a="2")
    commit(git)
    monkeypatch.setattr(git_history, "MOST_PATHS", 2)
    assert [(one.censored, len(one.changes)) for one in commits(tmp_path / "r")] == [(True, 0), (False, 1)]
    with pytest.raises(GitError, match="more than 2 files"):
        tree_of(tmp_path / "r", "HEAD")


def test_no_more_commits_or_bytes_than_are_read(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in "123":
        put(tmp_path, a=text)
        commit(git)
    monkeypatch.setattr(git_history, "MOST_COMMITS", 2)
    with pytest.raises(GitError, match="more than 2 commits"):
        list(commits(tmp_path / "r"))
    monkeypatch.undo()
    monkeypatch.setattr(git_history, "MOST_BYTES", 100)
    with pytest.raises(GitError, match="more than 100 bytes"):
        list(commits(tmp_path / "r"))


def test_a_shallow_clone_has_no_history(git: Git, tmp_path: Path) -> None:
    for text in "12":
        put(tmp_path, a=text)
        commit(git)
    assert not is_shallow(tmp_path / "r")
    git("clone", "--quiet", "--depth", "1", f"file://{tmp_path / 'r'}", str(tmp_path / "s"))
    assert is_shallow(tmp_path / "s")


def test_a_blob_larger_than_asked_for_is_left_out(git: Git, tmp_path: Path) -> None:
    put(tmp_path, a="x" * 200_000, b="y")
    commit(git)
    ids = {change.path: change.oid for change in tree_of(tmp_path / "r", "HEAD")}
    with blob_reader(tmp_path / "r") as blobs:
        assert blobs.read(ids["a"], 199_999) is None
        assert blobs.read(ids["b"], 10) == b"y"
        assert blobs.read(ids["a"], 200_000) == b"x" * 200_000


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("-5 +0000", None),
        ("soon", None),
        ("9" * 20 + " +0000", 10**20 - 1),
        ("9" * 5000 + " +0000", None),
        ("7 +9999", 7),
    ],
)
def test_a_commit_may_say_any_time(git: Git, tmp_path: Path, said: str, time: int | None) -> None:
    put(tmp_path, a="1")
    made = git("cat-file", "commit", commit(git)).replace("1600000000 +0000", said)
    (tmp_path / "made").write_text(made + "\n")
    oid = git("hash-object", "-w", "-t", "commit", "--literally", str(tmp_path / "made"))
    (tmp_path / "r/.git/refs/heads/main").write_text(oid + "\n")
    (walked,) = commits(tmp_path / "r")
    assert (walked.oid, walked.time) == (oid, time)
    assert year_of(walked.time) == (1970 if time == 7 else None)


def test_what_an_id_names_is_read_whatever_stands_in_its_place(git: Git, tmp_path: Path) -> None:
    put(tmp_path, a="1")
    first = commit(git)
    put(tmp_path, a="2", b="3")
    second = commit(git)
    git("replace", second, first)
    assert {one.path for one in tree_of(tmp_path / "r", second)} == {"a", "b"}
    (tmp_path / "r/.git/info/grafts").write_text(f"{first} {second}\n{second} {first}\n")
    assert [one.oid for one in commits(tmp_path / "r")] == [first, second]
