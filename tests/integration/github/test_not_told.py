"""What an answer leaves away, or says of something else: unknown, and never zero, empty or gone."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dockml_dagster.clients.github import model, questions
from dockml_dagster.clients.github.store import git_blob_hash
from dockml_dagster.clients.http.errors import BrokenContentError, SettingError
from dockml_dagster.study.json_facts import Facts
from tests.integration.github.test_refused import frame_of
from tests.integration.github.visiting import FILES, contents, many, outcomes_of

SHA = "a" * 40


def raw(document: dict) -> bytes:
    """A body that the stand-in does not hold against GitHub's description."""
    return json.dumps(document).encode()


@pytest.mark.parametrize("what", ["commits", "releases"])
@pytest.mark.parametrize(
    "link", ['<{}?page=2>; rel="next"', '<{0}?page=2>; rel="next", <{0}?page=1>; rel="first"']
)
def test_a_list_whose_last_page_is_not_told_is_not_one_long(
    github, make_corpus, reply_of, tmp_path: Path, what: str, link: str
) -> None:
    """GitHub leaves the last page away where it cannot tell it; one item with more to follow is not one in all."""
    names = many(github, 2)

    def without_last(asked) -> None:
        if asked.path.endswith(f"/o/r1/{what}"):
            raise reply_of(200, b"[{}]", {"Link": link.format(f"{github.url}{asked.path}")})

    github.before = without_last
    corpus = make_corpus(token=None, frame=frame_of(tmp_path, names))
    corpus.visit()
    rows = [row for row in corpus.listing().rows["raw.candidates"] if row["name"] == "o/r1"]
    assert [row["excluded_because"] for row in rows if row["excluded_because"]] == [
        f"its {what} are not told"
    ]
    assert rows[-1][what] is None


@pytest.mark.parametrize(
    "tree",
    [
        [{"path": "Dockerfile", "mode": "100644", "type": "blob", "sha": None}],
        [{"path": None, "mode": "100644", "type": "blob", "sha": SHA}],
        [{"path": "README.md", "mode": "100644", "type": "blob", "sha": SHA}, None],
    ],
)
def test_an_entry_that_cannot_be_read_is_no_missing_dockerfile(
    github, make_corpus, reply_of, tree: list[object]
) -> None:
    names = many(github, 2)

    def odd(asked) -> None:
        if "/o/r1/git/trees/" in asked.path:
            raise reply_of(200, raw({"sha": SHA, "tree": tree, "truncated": False}))

    github.before = odd
    corpus = make_corpus()
    assert corpus.visit(names)["o/r1"].startswith("broken_content: a tree with")


@pytest.mark.parametrize("said", [{}, {"truncated": None}, {"truncated": True}])
def test_a_tree_is_whole_only_where_it_says_so(said: dict) -> None:
    facts = Facts({"sha": SHA, "tree": [{"path": "a", "mode": "100644", "sha": SHA}], **said})
    assert model.tree_of_rest(facts, "o/r").truncated
    assert not model.tree_of_rest(Facts({**facts.values, "truncated": False}), "o/r").truncated


@pytest.mark.parametrize("said", [{}, {"incomplete_results": None}])
def test_a_page_is_complete_only_where_it_says_so(github, make_client, reply_of, said: dict) -> None:
    def answer(asked) -> None:
        raise reply_of(200, raw({"total_count": 0, "items": [], **said}))

    github.before = answer
    assert questions.search_page(make_client(), "torch", 1).incomplete


def test_a_repository_without_its_default_branch_is_not_gone(github, make_corpus, reply_of) -> None:
    names = many(github, 2)

    def no_head(asked) -> None:
        if "/o/r1/git/trees/HEAD" in asked.path:
            raise reply_of(404, {"message": "Not Found"})

    github.before = no_head
    corpus = make_corpus()
    assert corpus.visit(names) == {"o/r1": "its default branch has no list of files"}
    assert outcomes_of(corpus.listing())["o/r1"] == ("failed", False)


def test_an_answer_that_cannot_be_read_is_not_gone(github, make_corpus, reply_of) -> None:
    names = many(github, 2)

    def odd(asked) -> None:
        if asked.path == "/repos/o/r1":
            raise reply_of(200, raw({"id": None, "full_name": "o/r1"}))

    github.before = odd
    corpus = make_corpus(token=None)
    assert "without id or name" in corpus.visit(names)["o/r1"]
    assert outcomes_of(corpus.listing())["o/r1"] == ("unreadable", False)


@pytest.mark.parametrize("token", ["yes", None])
@pytest.mark.parametrize("state", ["gone", "withheld"])
@pytest.mark.parametrize("count", [1, 40])
def test_a_repository_that_went_meanwhile_is_no_project_without_dockerfiles(
    github, make_corpus, token, state: str, count: int
) -> None:
    """Between its list of files and their contents. Nor does it cost a call a file; the next visit says what it is."""
    files = {f"docker/{number}.Dockerfile": b"FROM scratch\n# %d\n" % number for number in range(count)}
    repository = github.add("o/many", files)
    corpus = make_corpus(token=token)
    if token is None:
        github.budgets.anonymous["core"] = 2  # for it and its list, and not for its contents
    corpus.visit(["o/many"])
    repository.state = state
    github.budgets.anonymous["core"] = 10_000
    github.clock.sleep(3600)
    github.forget()
    for stage in ("dockerfiles", "manifests"):
        (outcome,) = corpus.collect(stage, "github/o/many").outcomes
        assert (outcome.status, outcome.retryable) == ("failed", True)
        assert outcome.reason.startswith(state)
    assert 1 <= len(github.asked) <= 2 * 3
    corpus.visit(["o/many"])
    (outcome,) = corpus.collect("dockerfiles", "github/o/many").outcomes
    assert outcome.status == "gone"


def test_a_file_that_is_refused_alone_costs_one_call_more(github, make_corpus, reply_of) -> None:
    names = {f"{number}.Dockerfile": b"FROM scratch\n# %d\n" % number for number in range(6)}
    github.add("o/r", names)

    def refuse(asked) -> None:
        if asked.path == "/graphql" and b"GitObjectID" in asked.body:
            raise reply_of(
                200, {"data": {"r0": None}, "errors": [{"type": "NOT_FOUND", "path": ["r0"], "message": "x"}]}
            )
        if "/git/blobs/" in asked.path and not asked.path.endswith(kept):
            raise reply_of(404, {"message": "Not Found"})

    corpus = make_corpus()
    corpus.visit(["o/r"])
    kept = git_blob_hash(names["2.Dockerfile"])
    github.before = refuse
    github.forget()
    found = corpus.collect("dockerfiles", "github/o/r")
    assert set(contents(found)) == {"2.Dockerfile"}
    assert outcomes_of(found)[""] == ("collected", False)
    assert [asked.path for asked in github.asked].count("/repos/o/r") == 1
    assert len(github.asked) == 1 + 6 + 1


@pytest.mark.parametrize("token", ["yes", None])
@pytest.mark.parametrize("body", [b"<html>Not here</html>", b"", {"error": "no route"}])
def test_a_server_that_is_no_api_has_no_repository_gone(github, make_corpus, reply_of, token, body) -> None:
    """As GitHub Enterprise Server answers beside ``/api/v3``; the one line names the setting."""

    def other_server(asked) -> None:
        raise reply_of(404, body)

    github.before = other_server
    corpus = make_corpus(token=token)
    for ask in (lambda: corpus.visit(["o/r"]), corpus.client.read_allowances):
        with pytest.raises(SettingError, match="DOCKML_GITHUB_API_URL"):
            ask()
    assert corpus.records.visited() is None
    assert corpus.records.repository("o/r") == (None, None, 0.0)


def test_a_tree_without_entries_is_against_the_protocol() -> None:
    with pytest.raises(BrokenContentError):
        model.tree_of_rest(Facts({"sha": SHA, "tree": None, "truncated": False}), "o/r")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{soon:%Y-%m-%d %H:%M:%S} UTC", True),
        ("{soon:%Y-%m-%d %H:%M:%S} +0000", True),
        ("2999-01-01 00:00:00 UTC", False),
        ("next year", False),
    ],
)
def test_a_token_that_soon_expires_is_said(github, make_corpus, reply_of, said: str, expected: bool) -> None:
    soon = datetime.fromtimestamp(github.clock.now(), UTC) + timedelta(hours=5)
    github.add("o/r", FILES)
    github.more_headers = {"GitHub-Authentication-Token-Expiration": said.format(soon=soon)}
    summary = make_corpus().cost((), ["o/r"]).summary
    assert (f"GITHUB_TOKEN expires on {soon:%Y-%m-%d at %H:%M} UTC" in summary) == expected
