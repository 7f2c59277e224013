"""The corpus github from names: what a visit costs, what it finds, and what every misfortune becomes."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.clients.errors import FetchError
from dockml_dagster.clients.github.store import git_blob_hash
from dockml_dagster.corpora.base import Collected, Listing, LiveCorpus
from dockml_dagster.corpora.github import Github
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

FILES = {
    "Dockerfile": b"FROM python:3.12\nRUN pip install torch\n",
    "README.md": b"# x\n",
    "docker/train.Dockerfile": b"FROM nvidia/cuda:12.4.0-base-ubuntu22.04\n",
    "docker-compose.yml": b"services:\n  a:\n    build: .\n",
    ".github/workflows/ci.yml": b"on: push\n",
    "requirements.txt": b"torch\n",
    "src/a.py": b"print()\n",
}


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus in a home of its own. Each has its own connection, as each process would."""

    def make(*, token: str | None = "yes", frame: str | None = None, home: str = "home") -> Github:
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / home),
            "DOCKML_GITHUB_API_URL": github.url,
            **({"GITHUB_TOKEN": github.token} if token == "yes" else {"GITHUB_TOKEN": token} if token else {}),
            **({"DOCKML_GITHUB_FRAME": frame} if frame else {}),
        })  # fmt: skip
        corpus = Github(settings)
        corpus.client._http._sleep = github.sleeps.append
        return corpus

    return make


def collected(corpus: Github) -> tuple[Listing, dict[str, Collected]]:
    listing = corpus.listing()
    return listing, {project: corpus.collect("dockerfiles", project) for project in listing.projects}


def contents(one: Collected) -> dict[str, bytes]:
    return {row["path"]: row["content"] for row in one.rows.get("raw.dockerfiles", ())}


def outcomes_of(one: Collected | Listing) -> dict[str, tuple[str, bool]]:
    return {outcome.subject: (outcome.status, outcome.retryable) for outcome in one.outcomes}


def many(github, count: int) -> list[str]:
    for number in range(count):
        own = {
            f"docs/page{number}.md": b"page %d" % number,
            "own.Dockerfile": b"FROM scratch\n# %d\n" % number,
        }
        github.add(f"o/r{number}", {**FILES, **own})
    return [f"o/r{number}" for number in range(count)]


def test_first_visit_second_visit_and_one_change(github, make_corpus) -> None:
    names = many(github, 30)
    corpus = make_corpus()
    assert isinstance(corpus, LiveCorpus)
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


def test_projects_in_every_kind_of_trouble(github, make_corpus, reply_of) -> None:
    """One bad project never stops the others, and each says what became of it."""
    github.add("o/good", FILES)
    github.add("o/empty", None)
    github.add("o/gone", FILES).state = "gone"
    github.add("new/name", FILES, topics=[]).old_names.append("old/name")
    github.add("o/withheld", FILES)
    github.add("o/broken", FILES)
    github.add("o/none", {"README.md": b"x"})

    def misbehave(asked) -> None:
        if "o/withheld/git" in asked.path:
            raise reply_of(451, {"message": "Repository access blocked", "block": {"reason": "dmca"}})
        if "o/broken/git" in asked.path:
            raise reply_of(200, b'{"sha": 7}')

    github.before = misbehave
    names = [
        "o/good",
        "o/empty",
        "o/gone",
        "old/name",
        "new/name",
        "o/withheld",
        "o/broken",
        "o/none",
        "o/never",
    ]
    corpus = make_corpus()
    left_out = corpus.visit(names)
    assert set(left_out) == {"o/gone", "new/name", "o/broken", "o/never"}
    assert "same repository" in left_out["new/name"]
    listing, found = collected(corpus)
    whole = {project: outcomes_of(one)[""] for project, one in found.items()}
    assert whole == {
        "github/o/good": ("collected", False),
        "github/o/empty": ("not_available", False),
        "github/old/name": ("collected", False),
        "github/o/withheld": ("gone", False),
        "github/o/none": ("not_available", False),
    }
    said = outcomes_of(listing)
    assert said["o/gone"] == said["o/never"] == ("gone", False)
    assert said["o/broken"] == ("failed", False)
    assert said["old/name"] == ("collected", False)
    renamed = next(row for row in listing.rows["raw.projects"] if row["project"] == "github/old/name")
    assert (renamed["name"], renamed["repository_id"]) == ("new/name", 1003)


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (403, "Repository access blocked", ("failed", False)),
        (404, "Not Found", ("gone", False)),
        (409, "Git Repository is empty.", ("not_available", False)),
        (422, "Validation Failed", ("failed", False)),
        (451, "Repository access blocked", ("gone", False)),
        (500, "Server Error", ("failed", True)),
        (503, "Service unavailable", ("failed", True)),
    ],
)
def test_what_is_refused_of_one_project_is_its_outcome(
    github, make_corpus, reply_of, status, message, said
) -> None:
    """Of its files; the others are read, and it is the project's own outcome or that of its place in the list."""
    for name in ("o/bad", "o/good"):
        github.add(name, FILES)

    def refuse(asked) -> None:
        if "o/bad/git" in asked.path:
            body = {"message": message, "documentation_url": "https://docs.github.com", "status": str(status)}
            raise reply_of(status, body)

    github.before = refuse
    corpus = make_corpus()
    corpus.visit(["o/bad", "o/good"])
    listing, found = collected(corpus)
    assert outcomes_of(found["github/o/good"])[""] == ("collected", False)
    of_project = outcomes_of(found["github/o/bad"]) if "github/o/bad" in found else {}
    assert of_project.get("", outcomes_of(listing).get("o/bad")) == said


def test_deleted_later_is_gone_and_keeps_its_metadata(github, make_corpus) -> None:
    repository = github.add("o/r", FILES)
    corpus = make_corpus()
    corpus.visit(["o/r"])
    first = corpus.listing()
    repository.state = "gone"
    corpus.visit()
    listing, found = collected(corpus)
    assert listing.inputs != first.inputs
    assert outcomes_of(found["github/o/r"]) == {"": ("gone", False)}
    assert listing.rows["raw.projects"][0]["stars"] == 10
    github.forget()
    corpus.visit()
    assert github.counted() == 0, "what is gone is not asked for at every visit"


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
    assert big["size_bytes"] == 90_000_000
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
    github.limits["core"] = 60
    names = many(github, 20)
    corpus = make_corpus(token=None)
    left_out = corpus.visit(names)
    listing, found = collected(corpus)
    done = [project for project, one in found.items() if outcomes_of(one)[""] == ("collected", False)]
    assert len(done) >= 5
    assert len(done) + len(left_out) == 20
    assert github.counted() <= 60
    assert all("run again after" in reason for reason in left_out.values())
    assert {
        subject: said for subject, said in outcomes_of(listing).items() if subject in left_out
    } == dict.fromkeys(left_out, ("failed", True))
    # What was left out of those that were read is said too.
    assert any("(files)" in outcomes_of(one) for one in found.values())

    # An hour later the rest follows, and nothing is asked for twice.
    github.used["core"] = 0
    seen = {asked.path for asked in github.asked if asked.status == 200}
    github.forget()
    later = make_corpus(token=None)
    later.client.now = lambda: time.time() + 4000
    later.visit()
    _, more = collected(later)
    assert len(more) > len(done)
    assert not {asked.path for asked in github.asked if asked.status == 200} & seen


@pytest.mark.parametrize("stop_at", [1, 3, 6, 11, 14])
def test_killed_and_started_again(github, make_corpus, tmp_path: Path, stop_at: int) -> None:
    """A process is killed while its n-th question is on the way; the next one asks for nothing that was answered."""
    names = many(github, 12)
    program = (
        "import sys\n"
        "from dockml_dagster.corpora.github import Github\n"
        "from dockml_dagster.settings import Settings\n"
        "corpus = Github(Settings.from_environment())\n"
        "corpus.visit(sys.argv[1:])\n"
        "for project in corpus.listing().projects: corpus.collect('dockerfiles', project)\n"
    )
    environment = {
        "PATH": os.environ["PATH"], "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url,
        "GITHUB_TOKEN": github.token,
    }  # fmt: skip
    process = None
    questions = 0

    def kill(asked) -> None:
        nonlocal questions
        questions += 1
        if questions == stop_at:
            process.send_signal(signal.SIGKILL)
            process.wait()

    github.before = kill
    process = subprocess.Popen([sys.executable, "-c", program, *names], env=environment, cwd=Path.cwd())
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


def test_a_refused_token_stops_the_visit_with_one_line(github, make_corpus) -> None:
    github.add("o/r", FILES)
    corpus = make_corpus(token="wrong-token-1234")
    with pytest.raises(FetchError) as caught:
        corpus.visit(["o/r"])
    assert "wrong-token-1234" not in str(caught.value)
    assert caught.value.status == 401


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("token", ["yes", None])
def test_a_server_that_is_down_stops_the_visit(github, make_corpus, reply_of, token, everything) -> None:
    names = many(github, 10)

    def down(asked) -> None:
        if everything or asked.path != "/graphql":
            raise reply_of(503, {"message": "Service unavailable"})

    github.before = down
    with pytest.raises(FetchError):
        make_corpus(token=token).visit(names)
    assert len([asked for asked in github.asked if asked.path != "/graphql"]) <= 12
    assert len(github.asked) <= 30


@pytest.mark.parametrize("token", ["yes", None])
def test_one_project_that_the_server_fails_on_stops_no_other(github, make_corpus, reply_of, token) -> None:
    names = many(github, 3)

    def fail(asked) -> None:
        if "/o/r1" in asked.path or (asked.path == "/graphql" and b'"r1"' in asked.body):
            raise reply_of(502, {"message": "Server Error"})

    github.before = fail
    corpus = make_corpus(token=token)
    left_out = corpus.visit(names)
    assert set(left_out) == {"o/r1"}
    listing = corpus.listing()
    assert listing.projects == ["github/o/r0", "github/o/r2"]
    assert outcomes_of(listing)["o/r1"] == ("failed", True)


def test_one_failure_now_keeps_what_was_known(github, make_corpus, reply_of) -> None:
    github.add("o/r", FILES)
    github.add("o/s", FILES)
    corpus = make_corpus()
    corpus.visit(["o/r", "o/s"])
    before = corpus.listing().inputs

    def fail(asked) -> None:
        if "o/r/git" in asked.path:
            raise reply_of(502, {"message": "Server Error"})

    github.before = fail
    corpus.visit()
    listing = corpus.listing()
    assert listing.inputs == before
    assert outcomes_of(listing)["o/r"] == ("failed", True)


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
