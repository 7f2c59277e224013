"""The corpus github from names: what a visit costs, what it finds, and what every misfortune becomes."""

import dataclasses
import os
import signal
import threading
from pathlib import Path

import pytest

from dockml_dagster.clients.github.store import git_blob_hash
from dockml_dagster.corpora.base import Unasked
from dockml_dagster.errors import BadInputError
from tests.integration.github.visiting import FILES, collected, contents, many, outcomes_of


def test_first_visit_second_visit_and_one_change(github, make_corpus) -> None:
    names = many(github, 30)
    corpus = make_corpus()
    assert corpus.is_visited
    assert corpus.visit(names) == {}
    listing, first = collected(corpus)
    assert len(listing.projects) == 30
    assert contents(first["github/o/r7"]) == {
        "Dockerfile": FILES["Dockerfile"],
        "docker/train.Dockerfile": FILES["docker/train.Dockerfile"],
        "own.Dockerfile": b"FROM scratch\n# 7\n",
    }
    # "First visit: at most 1.1 counted calls a project beyond the search."
    assert github.counted() <= 1.1 * 30
    before = corpus.fingerprint()

    github.forget()
    again = make_corpus()
    again.visit()
    listing_again, second = collected(again)
    assert {asked.status for asked in github.asked} == {304}
    assert len(github.asked) == 30
    assert again.fingerprint() == before
    assert (listing_again.inputs, listing_again.rows) == (listing.inputs, listing.rows)
    assert second == first

    github.forget()
    github.commit(github.repositories[7], {"Dockerfile": b"FROM alpine:3\n"})
    third = make_corpus()
    third.visit()
    listing_now, now = collected(third)
    changed = {
        p
        for p in listing.projects
        if listing.inputs["dockerfiles"][p] != listing_now.inputs["dockerfiles"][p]
    }
    assert changed == {"github/o/r7"}
    assert {project for project in now if now[project] != first[project]} == {"github/o/r7"}
    assert contents(now["github/o/r7"]) == {"Dockerfile": b"FROM alpine:3\n"}
    assert github.counted() == 2


def test_rows(github, make_corpus) -> None:
    github.add("Big/One", FILES, topics=["ml"], language="Python", description="d", commits=500)
    corpus = make_corpus()
    corpus.visit(["big/one"])
    listing, found = collected(corpus)
    row = listing.rows["raw.projects"][0]
    assert (row["project"], row["name"], row["owner"]) == ("github/big/one", "Big/One", "Big")
    assert (row["cohort"], row["repository_id"], row["commits"], row["topics"]) == ("ml", 1000, 500, ["ml"])
    assert len(row["tree_sha"]) == 40
    steps = [candidate["step_number"] for candidate in listing.rows["raw.candidates"]]
    assert steps == sorted(steps)
    assert listing.rows["raw.candidates"][-1]["excluded_because"] is None
    files = {row["path"]: row for row in found["github/big/one"].rows["raw.repository_files"]}
    assert set(files) == set(FILES)
    assert files["docker-compose.yml"]["content"] == FILES["docker-compose.yml"]
    assert files["src/a.py"]["content"] is None


def test_odd_files(github, make_corpus) -> None:
    odd = {
        "Dockerfile": b"FROM scratch\n",
        "big/Dockerfile": b"#" * 90_000_000,
        "link/Dockerfile": ("symlink", "../Dockerfile"),
        "sub": ("submodule", "a" * 40),
        "lfs/Dockerfile": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "latin/Dockerfile": b"FROM scratch\n# \xe9\xff\n",
        "caf\udce9/Dockerfile": b"FROM scratch\n# odd path\n",
        "dir with space/Dockerfile": b"",
    }
    github.add("o/odd", odd)
    corpus = make_corpus()
    corpus.visit(["o/odd"])
    _, found = collected(corpus)
    one = found["github/o/odd"]
    said = outcomes_of(one)
    assert said["file list"] == ("collected", False)
    assert said["big/Dockerfile"] == ("unreadable", False)
    assert said["link/Dockerfile"] == ("not_selected", False)
    assert said["sub"] == ("not_available", False)
    assert said["lfs/Dockerfile"] == ("unreadable", False)
    assert said["caf\ufffd/Dockerfile"] == ("unreadable", False)
    read = contents(one)
    assert read["latin/Dockerfile"] == odd["latin/Dockerfile"]
    assert read["caf\ufffd/Dockerfile"] == odd["caf\udce9/Dockerfile"]
    assert "big/Dockerfile" not in read
    assert "lfs/Dockerfile" not in read
    big = next(row for row in one.rows["raw.repository_files"] if row["path"] == "big/Dockerfile")
    assert big["bytes"] == 90_000_000
    asked_for = {asked.path.rsplit("/", 1)[-1] for asked in github.asked if "/git/blobs/" in asked.path}
    assert asked_for == {git_blob_hash(odd["latin/Dockerfile"])}


def test_a_list_that_is_not_whole_says_so(github, make_corpus) -> None:
    """What depends on an absent file (`.dockerignore`) is unknown then."""
    github.truncate_at = 5
    github.add("o/wide", {"Dockerfile": b"FROM a\n", **{f"data/{number}": b"x" for number in range(9)}})
    corpus = make_corpus()
    corpus.visit(["o/wide"])
    said = outcomes_of(corpus.collect("dockerfiles", "github/o/wide"))
    assert said["file list"] == ("unreadable", False)
    assert said[""] == ("collected", False)


def test_without_a_token_a_small_study_fits_into_sixty_calls(github, make_corpus) -> None:
    names = many(github, 20)
    corpus = make_corpus(token=None)
    left_out = corpus.visit(names)
    listing, found = collected(corpus)
    done = [project for project, one in found.items() if outcomes_of(one)[""] == ("collected", False)]
    assert len(done) >= 5
    assert len(done) + len(left_out) == 20
    assert github.counted() <= 60
    assert set(left_out.values()) == {"not asked yet: the core budget of 60 an hour is used up"}
    (limit,) = [one for one in listing.outcomes if one.stage == "repo_list"]
    assert (limit.status, limit.retryable) == ("failed", True)
    assert 3500 < limit.retry_at - github.clock.now() < 3610
    assert corpus.unasked() == Unasked(
        len(left_out), 0, 0, "the core budget of 60 an hour is used up", limit.retry_at
    )
    excluded = [row for row in listing.rows["raw.candidates"] if row["excluded_because"] is not None]
    assert excluded == [], "who was not asked is not excluded"
    # What was left out of those that were read is said too.
    assert any("(files)" in outcomes_of(one) for one in found.values())

    # An hour later the rest follows, and nothing is asked for twice.
    github.clock.sleep(4000)
    paid = [asked.path for asked in github.asked if asked.status == 200]
    github.forget()
    later = make_corpus(token=None)
    later.visit()
    _, more = collected(later)
    assert len(more) > len(done)
    again = {asked.path for asked in github.asked if asked.status == 200}
    assert not again & set(paid)
    # Without a token an unchanged list of files is counted too.
    assert sum(asked.status == 304 and asked.counted for asked in github.asked) == len(done)


@pytest.mark.parametrize("stop_at", [1, 3, 6, 11, 14])
def test_killed_and_started_again(github, make_corpus, start_program, tmp_path: Path, stop_at: int) -> None:
    """A process is killed while its n-th question is on the way; the next one asks for nothing that was answered."""
    names = many(github, 12)
    program = (
        "import sys\n"
        "from dockml_dagster.corpora.github.corpus import Github\n"
        "from dockml_dagster.settings import Settings\n"
        "corpus = Github(Settings.from_environment())\n"
        "corpus.visit(sys.argv[1:])\n"
        "for project in corpus.listing().projects: corpus.collect('dockerfiles', project)\n"
    )
    environment = {
        "PATH": os.environ["PATH"], "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": github.token,
    }  # fmt: skip
    process, started = None, threading.Event()
    questions = 0

    def kill(asked) -> None:
        nonlocal questions
        questions += 1
        if questions == stop_at:
            started.wait(60)
            process.send_signal(signal.SIGKILL)
            process.wait()

    github.before = kill
    process = start_program(program, *names, env=environment)
    started.set()
    process.wait(60)
    github.before = lambda asked: None
    # The question that was on its way when its asker died could not be kept.
    paid = [(a.method, a.path, a.body) for a in github.asked if a.status == 200][:-1]
    github.forget()
    corpus = make_corpus()
    corpus.visit(names)
    _, found = collected(corpus)
    asked = [(a.method, a.path, a.body) for a in github.asked if a.status == 200]
    assert not set(paid) & set(asked)
    assert len(found) == 12
    assert all(outcomes_of(one)[""] == ("collected", False) for one in found.values())


def test_nothing_to_study_is_said(make_corpus) -> None:
    with pytest.raises(BadInputError, match="ease2022"):
        make_corpus().visit()


def test_a_file_of_names(github, make_corpus, tmp_path: Path) -> None:
    github.add("o/r", FILES)
    path = tmp_path / "names.txt"
    path.write_text("# mine\nhttps://github.com/o/r\n\no/r  # twice\n")
    corpus = make_corpus(frame=str(path))
    corpus.visit()
    assert corpus.listing().projects == ["github/o/r"]
    path.write_text("o/r\nwhat is this\n")
    with pytest.raises(BadInputError, match="line 2"):
        corpus.visit()


def test_token_is_in_no_row_and_no_file(github, make_corpus, tmp_path: Path) -> None:
    github.add("o/r", FILES)
    corpus = make_corpus()
    corpus.visit(["o/r"])
    listing, found = collected(corpus)
    assert github.token not in repr((listing, found, dataclasses.asdict(listing)))
    assert github.token not in repr(corpus._settings)
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or github.token.encode() not in path.read_bytes()
