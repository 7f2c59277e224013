"""git as it is started, and every question that is asked of a repository, on repositories made on the spot."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.clients import git, git_history, git_login
from dockml_dagster.clients.git import Blob, GitError
from dockml_dagster.clients.git_environment import environment
from dockml_dagster.clients.git_history import History

DAY = 86_400
FIRST = 1_600_000_000


def told(repository: Path, *arguments: str, at: int = FIRST, author: str = "a@example.org") -> str:
    """What git says, with a fixed clock and author."""
    own = {
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": author, "GIT_COMMITTER_NAME": "c",
        "GIT_COMMITTER_EMAIL": "c@example.org",
        "GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **own},
    )
    return done.stdout.strip()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A repository without a commit."""
    folder = tmp_path / "work"
    folder.mkdir()
    told(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def repository(empty: Path) -> Path:
    """Three commits of two authors, one of whom writes the address in two ways; a link, a program, two tags."""
    (empty / "a.txt").write_bytes(b"first\n")
    (empty / "run.sh").write_bytes(b"#!/bin/sh\n")
    (empty / "run.sh").chmod(0o755)
    (empty / "link").symlink_to("a.txt")
    told(empty, "add", "-A")
    told(empty, "commit", "-q", "-m", "1")
    told(empty, "tag", "one")
    (empty / "a.txt").write_bytes(b"second\n")
    told(empty, "commit", "-q", "-a", "-m", "2", at=FIRST - DAY, author="A@Example.org")
    (empty / "d").mkdir()
    (empty / "d" / "é.txt").write_bytes(b"")
    told(empty, "add", "-A")
    told(empty, "commit", "-q", "-m", "3", at=FIRST + DAY, author="b@example.org")
    told(empty, "tag", "-a", "two", "-m", "t")
    return empty


def oid(data: bytes) -> str:
    done = subprocess.run(["git", "hash-object", "--stdin"], input=data, check=True, capture_output=True)
    return done.stdout.decode().strip()


def history_of(folder: Path) -> History:
    return git_history.history(folder, git.head_commit(folder))


@pytest.mark.parametrize(
    ("url", "plain", "login"),
    [
        ("https://host/o/n.git", "https://host/o/n.git", ""),
        ("https://me:s%40cret@host:8443/o/n", "https://host:8443/o/n", "me:s@cret"),
        ("HTTP://me@host/p@th", "HTTP://host/p@th", "me"),
        ("https://a@b:c@host/x", "https://host/x", "a@b:c"),
        ("https://host/o@n", "https://host/o@n", ""),
        ("ssh://git@host/o/n", "ssh://git@host/o/n", ""),
        ("git@host:o/n", "git@host:o/n", ""),
    ],
)
def test_a_login_is_taken_out_of_an_address(url: str, plain: str, login: str) -> None:
    assert git_login.without_login(url) == (plain, login)


def test_a_login_reaches_its_server_alone() -> None:
    assert git_login.login_settings("https://host:1/o/n", "") == []
    assert git_login.login_settings("https://host:1/o/n", "me:pass") == [
        ("http.https://host:1/.extraHeader", "Authorization: Basic bWU6cGFzcw==")
    ]
    assert git_login.login_settings("http://host/o", "me") == [
        ("http.http://host/.extraHeader", "Authorization: Basic bWU6")
    ]


def test_the_environment_of_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"GIT_DIR": "/x", "GIT_SSH_COMMAND": "ssh -v", "GIT_SSL_CAINFO": "/ca"}.items():
        monkeypatch.setenv(name, value)
    here = environment(network=False, directory=tmp_path / "a")
    assert not {"GIT_DIR", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"} & here.keys()
    wanted = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    assert {name: here[name] for name in wanted} == wanted
    settings = {
        here[f"GIT_CONFIG_KEY_{n}"]: here[f"GIT_CONFIG_VALUE_{n}"]
        for n in range(int(here["GIT_CONFIG_COUNT"]))
    }
    assert settings["safe.directory"] == "*"
    assert (settings["core.hooksPath"], settings["diff.external"]) == ("/dev/null", "")
    asked = environment(network=True, directory=None, own=[("http.x", "y=z")])
    assert (asked["GIT_SSH_COMMAND"], asked["GIT_SSL_CAINFO"]) == ("ssh -v", "/ca")
    assert "GIT_DIR" not in asked
    assert asked["GIT_ALLOW_PROTOCOL"] == "file:https:http:ssh:git"
    assert not {"GIT_CEILING_DIRECTORIES", "GIT_NO_LAZY_FETCH", "GIT_CONFIG_NOSYSTEM"} & asked.keys()
    last = int(asked["GIT_CONFIG_COUNT"]) - 1
    assert (asked[f"GIT_CONFIG_KEY_{last}"], asked[f"GIT_CONFIG_VALUE_{last}"]) == ("http.x", "y=z")


def test_what_git_complains_of_is_one_line(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GitError, match=r"^Not a valid object name nothing$") as caught:
        git.run(["cat-file", "-p", "nothing"], directory=empty)
    assert not caught.value.retryable
    with pytest.raises(GitError) as caught:
        git.run(["ls-remote", str(tmp_path / "none")], network=True)
    assert caught.value.retryable
    assert str(caught.value)[:1].isalpha()
    with pytest.raises(GitError, match=r"^no reason given$"):
        git.run(["rev-parse", "--verify", "--quiet", "nothing"], directory=empty)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match=r"^git is not installed$") as caught:
        git.run(["version"])
    assert not caught.value.retryable


def test_git_is_ended_when_it_takes_too_long_or_says_too_much(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GitError, match=r"^git took longer than 0 s$") as caught:
        git.run(["-c", "alias.wait=!exec sleep 20 >/dev/null", "wait"], directory=repository, timeout=0.2)
    assert caught.value.retryable
    size = len(git.run(["log"], directory=repository))
    monkeypatch.setattr(git, "_MAX_OUTPUT", size)
    assert len(git.run(["log"], directory=repository)) == size
    monkeypatch.setattr(git, "_MAX_OUTPUT", size - 1)
    with pytest.raises(GitError, match=rf"^git gave more than {size - 1} bytes$"):
        git.run(["log"], directory=repository)


def test_the_first_records_of_many(repository: Path) -> None:
    names = ["ls-files", "-z"]
    assert list(git.records(names, repository, 9)) == [b"a.txt", "d/é.txt".encode(), b"link", b"run.sh"]
    assert list(git.records(names, repository, 2)) == [b"a.txt", "d/é.txt".encode()]
    assert list(git.records(names, repository, 0)) == []
    length = sum(len(name) + 1 for name in git.records(names, repository, 9))
    assert len(list(git.records(names, repository, 9, most_bytes=length))) == 4
    with pytest.raises(GitError, match=f"^git gave more than {length - 1} bytes, or a path"):
        list(git.records(names, repository, 9, most_bytes=length - 1))


def test_a_path_longer_than_anybody_reads(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_CHUNK", 3)
    with pytest.raises(GitError, match="a path of more than 3"):
        list(git.records(["ls-files", "-z"], repository, 9))


def test_nothing_is_asked_of_what_has_no_commit(empty: Path) -> None:
    assert git.head_commit(empty) is None
    assert history_of(empty) == History(0, 0, 0, None, None)
    assert git.origin(empty) is None
    assert git.index(empty, 9) == []


def test_the_head_and_its_history(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert git.head_commit(repository) == told(repository, "rev-parse", "HEAD")
    assert history_of(repository) == History(3, 2, 2, FIRST - DAY, FIRST + DAY)
    told(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    assert history_of(tmp_path / "shallow") == History(None, None, None, None, FIRST + DAY)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitError, match="not installed"):
        git.head_commit(repository)


def test_the_address_of_the_remote(repository: Path) -> None:
    told(repository, "remote", "add", "origin", "https://example.org/o/n.git")
    assert git.origin(repository) == "https://example.org/o/n.git"
    other = repository / "other"
    other.write_text('[remote "origin"]\n\turl = https://example.org/included\n')
    config = repository / ".git" / "config"
    config.write_text(f"[include]\n\tpath = {other}\n")
    assert git.origin(repository) is None, "what it includes is not followed"


@pytest.mark.parametrize("bare", [False, True])
def test_a_large_list_of_people_is_left_aside(
    repository: Path, monkeypatch: pytest.MonkeyPatch, bare: bool
) -> None:
    people = "<a@example.org> <b@example.org>\n"
    (repository / ".mailmap").write_text(people)
    told(repository, "add", "-A")
    told(repository, "commit", "-q", "-m", "4")
    asked = repository
    if bare:
        asked = repository.parent / "bare.git"
        told(repository, "clone", "-q", "--bare", str(repository), str(asked))
    monkeypatch.setattr(git_history, "_MOST_PEOPLE", len(people))
    assert history_of(asked).contributors == 1
    monkeypatch.setattr(git_history, "_MOST_PEOPLE", len(people) - 1)
    assert history_of(asked).contributors == 2


@pytest.mark.parametrize("setting", ["mailmap.file", "i18n.logOutputEncoding"])
def test_settings_of_the_repository_change_no_fact_of_its_history(repository: Path, setting: str) -> None:
    known = history_of(repository)
    (repository.parent / "people").write_text("<a@example.org> <b@example.org>\n")
    told(repository, "config", setting, {"mailmap.file": "../people"}.get(setting, "UTF-16"))
    assert history_of(repository) == known


def test_the_tree_of_the_newest_commit(repository: Path) -> None:
    first, second = (oid(b"second\n"), oid(b""))
    whole = [
        Blob("a.txt", "100644", first),
        Blob("d/é.txt", "100644", second),
        Blob("link", "120000", oid(b"a.txt")),
        Blob("run.sh", "100755", oid(b"#!/bin/sh\n")),
    ]
    assert git.tree(repository, 9) == whole
    assert git.tree(repository, 1) == whole[:1]
    assert [blob.path for blob in git.tree(repository, 9, len("a.txt"))] == ["a.txt", "d/é.txt"]
    assert git.tree(repository, 9, len("a.txt") - 1) == whole[:1]


def test_what_is_under_version_control_and_what_beside(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.log\n")
    (repository / "b.log").write_text("x")
    (repository / "c.txt").write_text("x")
    found = git.index(repository, 9)
    assert [(blob.path, blob.mode) for blob in found] == [
        (".gitignore", ""),
        ("a.txt", "100644"),
        ("c.txt", ""),
        ("d/é.txt", "100644"),
        ("link", "120000"),
        ("run.sh", "100755"),
    ]
    assert {blob.oid for blob in found if not blob.mode} == {""}
    assert next(blob.oid for blob in found if blob.path == "a.txt") == oid(b"second\n")
    assert [blob.path for blob in git.index(repository, 1)] == [".gitignore", "a.txt"]
    assert [blob.path for blob in git.index(repository, 9, 1)] == [".gitignore", "a.txt"]


def test_sizes_of_contents_that_are_there(repository: Path) -> None:
    text, nothing, absent = oid(b"second\n"), oid(b""), "0" * 40
    commit = told(repository, "rev-parse", "HEAD")
    assert git.sizes(repository, [text, nothing, absent, commit]) == {text: 7, nothing: 0}
    assert git.sizes(repository, []) == {}
    told(repository, "config", "remote.origin.promisor", "true")
    assert git.sizes(repository, [text, absent, commit]) == {text: 7}, (
        "a partial clone is asked for what it has"
    )


def test_contents_one_by_one(repository: Path) -> None:
    text, program = oid(b"second\n"), oid(b"#!/bin/sh\n")
    with git.blob_reader(repository) as reader:
        assert reader.read(text) == b"second\n"
        assert reader.read("0" * 40) is None
    with git.blob_reader(repository) as reader:
        assert reader.read(text, 6) is None
        assert reader.read(program, 10) == b"#!/bin/sh\n"
        assert reader.read(text, 7) == b"second\n"


def test_a_large_content_is_passed_over_piece_by_piece(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "_CHUNK", 2)
    with git.blob_reader(repository) as reader:
        assert reader.read(oid(b"second\n"), 1) is None
        assert reader.read(oid(b"")) == b""


def test_nothing_of_a_reader_is_left(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[subprocess.Popen[bytes]] = []
    real, empty = subprocess.Popen, oid(b"")

    def started(*arguments: Any, **more: Any) -> subprocess.Popen[bytes]:
        made.append(real(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(git.subprocess, "Popen", started)
    with git.blob_reader(repository) as reader:
        assert reader.read(empty) == b""
    (process,) = made
    assert process.stdin is not None
    assert process.stdout is not None
    assert (process.returncode, process.stdin.closed, process.stdout.closed) == (0, True, True)


@pytest.fixture
def served(repository: Path) -> Iterator[str]:
    """The address of the repository; whoever clones it may leave out contents."""
    told(repository, "config", "uploadpack.allowFilter", "true")
    told(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    yield f"file://{repository}"


def test_a_clone_without_contents_is_brought_up_to_date(
    repository: Path, served: str, tmp_path: Path
) -> None:
    target = tmp_path / "clone.git"
    git.clone(served, target)
    head = told(repository, "rev-parse", "HEAD")
    assert git.remote_head(served) == git.head_commit(target) == head
    text = oid(b"second\n")
    assert git.sizes(target, [text]) == {}
    git.fetch_blobs(target, [text], served)
    assert git.sizes(target, [text]) == {text: 7}
    with closing(git.records(["for-each-ref"], target, 9)) as refs:
        assert b"tags" not in b"".join(refs)
    (repository / "new").write_text("x")
    told(repository, "add", "-A")
    told(repository, "commit", "-q", "-m", "4", at=FIRST + 2 * DAY)
    git.update(target, served)
    assert git.head_commit(target) == git.remote_head(served) != head
    assert history_of(target).last == FIRST + 2 * DAY
    assert "new" in [blob.path for blob in git.tree(target, 99)]


def test_the_head_of_what_has_no_commit(empty: Path) -> None:
    assert git.remote_head(f"file://{empty}") == ""
