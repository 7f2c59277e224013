"""A search made again: who is new, who is not found any more and why, who was renamed, and what that costs."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from tests.integration.github.visiting import on_clock

FILES = {"Dockerfile": b"FROM python:3.12\n", "README.md": b"# x\n"}
DAY = 86_400.0
FRAME = """
title = "a test"
search_days = 3
[[cohort]]
name = "ml"
keywords = ["machine-learning"]
[cohort.criteria]
minimum_stars = 2
minimum_commits = 100
dockerfile = true
"""


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus of FRAME as it is so many days from now; each has its own connection, as each process would."""

    def make(days: float = 0.0) -> Github:
        frame = tmp_path / "frame.toml"
        frame.write_text(FRAME)
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url,
            "GITHUB_TOKEN": github.token, "DOCKML_GITHUB_FRAME": str(frame),
        })  # fmt: skip
        corpus = on_clock(Github(settings), github.clock)
        corpus.client.now = lambda: time.time() + days * DAY
        return corpus

    return make


@pytest.fixture
def search_finds(github) -> Callable[..., None]:
    """Makes the search find these repositories, and no other."""

    def finds(*repositories: object) -> None:
        github.search = lambda query: {
            "total_count": len(repositories),
            "incomplete_results": False,
            "items": list(repositories),
        }

    return finds


def asked(github) -> list[tuple[str, int]]:
    return [(one.path, one.status) for one in github.asked]


def test_a_second_round(github, make_corpus, search_finds) -> None:
    stays = github.add("o/stays", FILES)
    moved = github.add("o/moved", FILES)
    deleted = github.add("o/deleted", FILES)
    faded = github.add("o/faded", FILES)
    small = github.add("o/small", FILES, commits=3)
    search_finds(stays, moved, deleted, faded, small)
    first = make_corpus()
    first.visit()
    listing = first.listing()
    assert listing.projects == ["github/o/stays", "github/o/moved", "github/o/deleted", "github/o/faded"]
    for project in listing.projects:
        first.collect("dockerfiles", project)
    rounds = {(row["search_round"], row["name"]) for row in listing.rows["raw.candidates"]}
    assert rounds == {(1, f"o/{name}") for name in ("stays", "moved", "deleted", "faded", "small")}

    # While the search is fresh it is not made again.
    github.forget()
    make_corpus(days=2).visit()
    assert all(status == 304 for _, status in asked(github))

    moved.name, moved.old_names = "p/elsewhere", ["o/moved"]
    deleted.state = "gone"
    faded.fields["stargazers_count"] = 1
    new = github.add("o/new", FILES)
    search_finds(new, moved, stays)
    github.forget()
    second = make_corpus(days=4)
    second.visit()
    # Who is new costs its metadata and its files; what became of the two that left, one call for both. The list of files of
    # the one that was renamed is another answer, because it has its repository's name in it.
    assert asked(github) == [
        ("/search/repositories", 200),
        ("/graphql", 200),
        ("/graphql", 200),
        ("/repos/o/new/git/trees/HEAD", 200),
        ("/repos/o/moved/git/trees/HEAD", 301),
        ("/repositories/1001/git/trees/HEAD", 200),
        ("/repos/o/stays/git/trees/HEAD", 304),
    ]
    listing = second.listing()
    # A project keeps its name here, whatever its repository is called now.
    assert listing.projects == ["github/o/new", "github/o/moved", "github/o/stays"]
    present = {row["project"]: (row["name"], row["repository_id"]) for row in listing.rows["raw.projects"]}
    assert present["github/o/moved"] == ("p/elsewhere", 1001)
    days = {row["searched_on"] for row in listing.rows["raw.candidates"]}
    assert {row["search_round"] for row in listing.rows["raw.candidates"]} == {2}
    assert len(days) == 1
    day = days.pop()
    said = {one.subject: (one.status, one.reason) for one in listing.outcomes}
    assert said == {
        "o/moved": ("collected", "renamed to p/elsewhere"),
        "o/deleted": (
            "gone",
            f"no longer found by the search of {day}: not there, or not for everybody",
        ),
        "o/faded": ("not_selected", f"no longer found by the search of {day}: 1 stars, fewer than 2"),
        "o/small": ("not_selected", f"no longer found by the search of {day}"),
    }

    # Who comes back is as before, and known; who is still away stays so with the first reason.
    faded.fields["stargazers_count"] = 12
    search_finds(new, moved, stays, faded)
    github.forget()
    third = make_corpus(days=8)
    third.visit()
    listing = third.listing()
    assert "github/o/faded" in listing.projects
    left = {one.subject: one.reason for one in listing.outcomes if "no longer" in (one.reason or "")}
    assert set(left) == {"o/deleted", "o/small"}
    assert all(str(day) in reason for reason in left.values())
    assert {row["search_round"] for row in listing.rows["raw.candidates"]} == {3}


def test_a_name_that_is_another_repositorys_now(github, make_corpus, search_finds) -> None:
    old = github.add("o/name", FILES)
    search_finds(old)
    make_corpus().visit()
    old.name = "o/renamed"
    taken = github.add("o/name", FILES)
    search_finds(old, taken)
    corpus = make_corpus(days=4)
    corpus.visit()
    numbers = {row["project"]: row["repository_id"] for row in corpus.listing().rows["raw.projects"]}
    assert numbers == {"github/o/renamed": 1000, "github/o/name": 1001}


def test_a_round_that_a_limit_stops(github, make_corpus, search_finds, reply_of) -> None:
    """Nobody is left out for a search that did not end, and it goes on under its own day."""
    repositories = [github.add(f"o/r{number}", FILES) for number in range(3)]
    search_finds(*repositories)
    make_corpus().visit()
    search_finds(*repositories[:2])

    def limit(one) -> None:
        if one.path == "/search/repositories":
            raise reply_of(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0"})

    github.before = limit
    corpus = make_corpus(days=4)
    corpus.visit()
    listing = corpus.listing()
    assert len(listing.projects) == 3
    assert {row["search_round"] for row in listing.rows["raw.candidates"]} == {1}
    assert any("limit at the search" in one.subject and one.retryable for one in listing.outcomes)

    github.before = lambda one: None
    corpus = make_corpus(days=5)
    corpus.visit()
    listing = corpus.listing()
    assert listing.projects == ["github/o/r0", "github/o/r1"]
    begun = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 4 * DAY))
    assert {str(row["searched_on"]) for row in listing.rows["raw.candidates"]} == {begun}


@pytest.mark.parametrize("refused", [True, False])
def test_nobody_leaves_by_a_search_that_did_not_give_everything(
    github, make_corpus, search_finds, reply_of, refused: bool
) -> None:
    repositories = [github.add(f"o/r{number}", FILES) for number in range(3)]
    search_finds(*repositories)
    make_corpus().visit()
    if refused:

        def refuse(one) -> None:
            if one.path == "/search/repositories":
                raise reply_of(
                    422, {"message": "Validation Failed", "documentation_url": "https://docs.github.com"}
                )

        github.before = refuse
    else:
        github.search = lambda query: {
            "total_count": 3,
            "incomplete_results": True,
            "items": repositories[:1],
        }
    corpus = make_corpus(days=4)
    corpus.visit()
    listing = corpus.listing()
    assert listing.projects == ["github/o/r0", "github/o/r1", "github/o/r2"]
    assert not any("no longer" in (one.reason or "") for one in listing.outcomes)
    assert {row["search_round"] for row in listing.rows["raw.candidates"]} == {2}


def test_one_that_left_can_be_named(github, make_corpus, search_finds) -> None:
    repositories = [github.add(f"o/r{number}", FILES) for number in range(2)]
    search_finds(*repositories)
    make_corpus().visit()
    search_finds(repositories[0])
    corpus = make_corpus(days=4)
    corpus.visit()
    assert corpus.listing().projects == ["github/o/r0"]
    assert corpus.visit(["o/r1"]) == {}
    assert corpus.listing().projects == ["github/o/r0", "github/o/r1"]
    # Found again, it is there once.
    search_finds(*repositories)
    corpus = make_corpus(days=8)
    corpus.visit()
    assert corpus.listing().projects == ["github/o/r0", "github/o/r1"]
