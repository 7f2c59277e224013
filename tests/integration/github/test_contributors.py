"""Contributors: asked for only where it was set, once each, and unknown where GitHub does not tell."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from tests.integration.github.visiting import on_clock

FILES = {"Dockerfile": b"FROM python:3.12\n"}


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus that counts contributors, or does not; each has its own connection, as each process would."""

    def make(*, count: bool = True) -> Github:
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
            **({"DOCKML_GITHUB_CONTRIBUTORS": "1"} if count else {}),
        })  # fmt: skip
        return on_clock(Github(settings), github.clock)

    return make


def known(corpus: Github) -> dict[str, int | None]:
    return {row["name"]: row["contributors"] for row in corpus.listing().rows["raw.projects"]}


def test_off_by_default(github, make_corpus) -> None:
    github.add("o/r", FILES)
    corpus = make_corpus(count=False)
    corpus.visit(["o/r"])
    assert known(corpus) == {"o/r": None}
    assert github.counted(path="/contributors") == 0


def test_one_call_a_selected_project(github, make_corpus) -> None:
    for name, contributors in (("o/one", 1), ("o/many", 412), ("o/huge", None)):
        github.add(name, FILES).contributors = contributors
    github.add("o/empty", None)
    names = ["o/one", "o/many", "o/huge", "o/empty"]
    before = make_corpus(count=False)
    before.visit(names)
    unknown = before.fingerprint()
    github.forget()
    corpus = make_corpus()
    corpus.visit()
    assert [one.path for one in github.asked if "contributors" in one.path] == [
        "/repos/o/one/contributors",
        "/repos/o/many/contributors",
        "/repos/o/huge/contributors",
    ]
    assert github.counted() == 3
    assert corpus.fingerprint() != unknown
    assert known(corpus) == {"o/one": 1, "o/many": 412, "o/huge": None, "o/empty": None}
    said = {one.subject: (one.status, one.reason) for one in corpus.listing().outcomes}
    status, reason = said["contributors of o/huge"]
    assert status == "not_available"
    assert "too large to list" in reason
    assert len(said) == 1

    github.forget()
    make_corpus().visit()
    assert github.counted() == 0


def test_a_failure_excludes_nobody(github, make_corpus, reply_of) -> None:
    for name in ("o/r", "o/s"):
        github.add(name, FILES)

    def limit(asked) -> None:
        if "/contributors" in asked.path:
            raise reply_of(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0"})

    github.before = limit
    corpus = make_corpus()
    assert set(corpus.visit(["o/r", "o/s"])) == {"o/s"}
    listing = corpus.listing()
    assert listing.projects == ["github/o/r"]
    assert known(corpus) == {"o/r": None}
    assert any("contributors of o/r" in one.subject and one.retryable for one in listing.outcomes)

    github.before = lambda asked: None
    github.clock.sleep(4000)
    later = make_corpus()
    later.visit()
    assert known(later) == {"o/r": 3, "o/s": 3}
