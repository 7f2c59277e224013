"""A visit to the projects that are named on the command line: only they are asked for, however large the frame."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

FILES = {"Dockerfile": b"FROM python:3.12\n", "README.md": b"# x\n"}


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus of the frame ``names.txt``, or of none; each has its own connection, as each process would."""

    def make(*, frame: str = "names.txt") -> Github:
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
            "DOCKML_GITHUB_FRAME": str(tmp_path / frame) if frame else "",
        })  # fmt: skip
        return Github(settings)

    return make


def test_only_the_named_are_asked_for(github, make_corpus, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    names = [f"o/r{number}" for number in range(30)]
    path.write_text("\n".join([*names, "o/never"]))
    for number, name in enumerate(names):
        github.add(name, {**FILES, "own.Dockerfile": b"FROM scratch\n# %d\n" % number})
    # Of a frame that was never visited, too.
    make_corpus().visit(["o/r7"])
    assert [asked.path for asked in github.asked if "/git/" in asked.path] == ["/repos/o/r7/git/trees/HEAD"]
    assert make_corpus().listing().projects == ["github/o/r7"]

    whole = make_corpus()
    whole.visit()
    before = whole.listing()
    assert before.projects == [f"github/{name}" for name in names]
    github.commit(github.repositories[3], FILES)
    github.commit(github.repositories[4], FILES)
    github.add("o/new", FILES)
    github.forget()
    corpus = make_corpus()
    assert corpus.visit(["O/R3", "o/new", "o/nowhere"]) == {"o/nowhere": "not there, or not for everybody"}
    asked = [(asked.path, asked.counted) for asked in github.asked]
    assert asked == [
        ("/repos/o/r3/git/trees/HEAD", True),
        ("/graphql", True),
        ("/repos/o/new/git/trees/HEAD", True),
    ]
    after = corpus.listing()
    assert after.projects == [*before.projects, "github/o/new"]
    kept = {
        name
        for name in before.projects
        if after.inputs["dockerfiles"][name] == before.inputs["dockerfiles"][name]
    }
    assert set(before.projects) - kept == {"github/o/r3"}
    said = {outcome.subject: outcome.status for outcome in after.outcomes}
    assert (said["o/never"], said["o/nowhere"]) == ("gone", "gone")

    # A name that leads to a project which is there already is no project of its own.
    github.repositories[5].old_names.append("old/r5")
    left_out = make_corpus().visit(["old/r5"])
    assert left_out == {"old/r5": "the same repository as o/r5"}

    # Who left the frame does not come back by the way.
    path.write_text("\n".join(names[:5]))
    corpus = make_corpus()
    corpus.visit(["o/r0"])
    assert corpus.listing().projects == [f"github/{name}" for name in [*names[:5], "o/new"]]


def test_names_are_kept_in_the_home(github, make_corpus) -> None:
    github.add("o/r", FILES)
    github.add("o/s", FILES)
    make_corpus(frame="").visit(["o/r"])
    corpus = make_corpus(frame="")
    corpus.visit(["o/s"])
    assert corpus.listing().projects == ["github/o/r", "github/o/s"]
    with pytest.raises(BadInputError, match="OWNER/NAME"):
        corpus.visit(["nonsense"])
