"""The corpus github when things go wrong: one bad project stops no other, and what is nobody's fault stops the visit."""

import pytest

from dockml_dagster.clients.http.errors import FetchError
from tests.integration.github.visiting import FILES, collected, many, outcomes_of


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
        (403, "Repository access blocked", ("forbidden", False)),
        (404, "Not Found", ("failed", False)),  # its metadata are there: it is not gone
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
