"""Refusals: of the token alone, of everybody, of one question about one repository; and what a user reads of them."""

from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import FetchError, ForbiddenError
from dockml_dagster.corpora.base import Unasked
from tests.integration.github.service import ALLOW_LIST
from tests.integration.github.visiting import FILES, collected, contents, many, outcomes_of

CRITERIA = """
title = "t"
[[cohort]]
name = "ml"
names = [{names}]
[cohort.criteria]
minimum_commits = 100
minimum_releases = 1
"""


def frame_of(tmp_path: Path, names: list[str]) -> str:
    path = tmp_path / "frame.toml"
    path.write_text(CRITERIA.format(names=", ".join(f'"{name}"' for name in names)))
    return str(path)


def test_a_public_repository_that_refuses_tokens_is_read_without(github, make_corpus, tmp_path: Path) -> None:
    """Its metadata, numbers, files and contents; the token is tried once, and for nobody else left out."""
    github.add("open/shut", FILES).state = "allow list"
    github.add("o/other", FILES)
    corpus = make_corpus(frame=frame_of(tmp_path, ["open/shut", "o/other"]))
    corpus.visit()
    listing, found = collected(corpus)
    assert listing.projects == ["github/open/shut", "github/o/other"]
    assert set(contents(found["github/open/shut"])) == {"Dockerfile", "docker/train.Dockerfile"}
    assert [row["commits"] for row in listing.rows["raw.projects"]] == [150, 150]
    refused = [one for one in github.asked if one.status == 403]
    assert [one.path for one in refused] == ["/repos/open/shut"]
    assert all(one.path.startswith("/repos/open/shut") for one in github.asked if one.who is None)


@pytest.mark.parametrize(
    "said",
    [
        "Resource protected by organization SAML enforcement. You must grant your token access to this organization.",
        "`open` forbids access via a personal access token (classic). Please use a GitHub App or a fine-grained token.",
        "The 'open' organization forbids access via a fine-grained personal access token if its lifetime is over 366 days.",
        "Resource not accessible by personal access token",
    ],
)
def test_rules_for_tokens_refuse_no_public_repository(github, make_corpus, reply_of, said: str) -> None:
    """Single sign-on comes with ``X-GitHub-SSO``; it says where a person would log in."""
    for name in ("open/ruled", "o/other"):
        github.add(name, FILES)

    def refuse(asked) -> None:
        if asked.path == "/graphql" and b'"ruled"' in asked.body:
            error = {
                "type": "FORBIDDEN",
                "path": ["r0"],
                "message": said,
                "extensions": {"saml_failure": True},
            }
            raise reply_of(200, {"data": {"r0": None}, "errors": [error]})
        if asked.who and asked.path.startswith("/repos/open/ruled"):
            raise reply_of(
                403, {"message": said}, {"X-GitHub-SSO": "required; url=https://github.com/orgs/open/sso"}
            )

    github.before = refuse
    corpus = make_corpus()
    assert corpus.visit(["open/ruled", "o/other"]) == {}
    listing, found = collected(corpus)
    assert listing.projects == ["github/open/ruled", "github/o/other"]
    assert set(contents(found["github/open/ruled"])) == {"Dockerfile", "docker/train.Dockerfile"}


def test_what_is_refused_without_a_token_too_is_forbidden_with_the_sentence(
    github, make_corpus, reply_of
) -> None:
    said = ALLOW_LIST.format(owner="shut")
    github.add("shut/private", FILES)
    github.add("o/other", FILES)

    def refuse(asked) -> None:
        if asked.path == "/graphql" and b'"shut"' in asked.body:
            errors = [{"type": "FORBIDDEN", "path": ["r0"], "message": said}]
            raise reply_of(200, {"data": {"r0": None}, "errors": errors})
        if "/shut/" in asked.path:
            raise reply_of(403, {"message": said}) if asked.who else reply_of(404, {"message": "Not Found"})

    github.before = refuse
    corpus = make_corpus()
    left_out = corpus.visit(["shut/private", "o/other"])
    assert said[:100] in left_out["shut/private"]
    listing, _ = collected(corpus)
    assert listing.projects == ["github/o/other"]
    (one,) = [one for one in listing.outcomes if one.subject == "shut/private"]
    assert (one.status, one.retryable) == ("forbidden", False)
    assert one.reason.startswith("forbidden: ")


def test_the_small_budget_without_a_token_stops_only_who_needs_it(github, make_corpus) -> None:
    github.budgets.anonymous["core"] = 1
    for name in ("shut/a", "shut/b"):
        github.add(name, FILES).state = "allow list"
    github.add("o/other", FILES)
    corpus = make_corpus()
    left_out = corpus.visit(["shut/a", "shut/b", "o/other"])
    assert set(left_out) == {"shut/a", "shut/b"}
    assert corpus.listing().projects == ["github/o/other"]
    unasked = corpus.unasked()
    assert isinstance(unasked, Unasked)
    assert unasked.candidates == 2
    assert unasked.retry_at > github.clock.now()


@pytest.mark.parametrize("what", ["commits", "releases"])
@pytest.mark.parametrize("status", [403, 404, 451, 500, 200])
def test_one_odd_repository_ends_no_visit_without_a_token(
    github, make_corpus, reply_of, tmp_path: Path, status: int, what: str
) -> None:
    """A final refusal of a number leaves it out, with the reason; a failure leaves it open. Neither lets it pass."""
    names = many(github, 3)

    def odd(asked) -> None:
        if asked.path.endswith(f"/o/r1/{what}"):
            raise reply_of(status, b'"odd"' if status == 200 else {"message": "odd"})

    github.before = odd
    corpus = make_corpus(token=None, frame=frame_of(tmp_path, names))
    corpus.visit()
    listing = corpus.listing()
    assert listing.projects == ["github/o/r0", "github/o/r2"]
    (row,) = [
        row for row in listing.rows["raw.candidates"]
        if row["name"] == "o/r1" and (row["excluded_because"] or row["not_asked_because"])
    ]  # fmt: skip
    assert (row["not_asked_because"] is not None) == (status == 500)
    assert row["stars"] == (10 if status != 500 else None)


@pytest.mark.parametrize("token", ["yes", None])
def test_an_odd_answer_of_a_batch_ends_no_visit(github, make_corpus, monkeypatch, token) -> None:
    """A repository without a number, as no server should answer, and one that answers nothing of itself."""
    names = many(github, 4)
    answer, metadata = github._graphql_repository, github._metadata

    def odd(repository) -> dict:
        return {**answer(repository), **({"databaseId": None} if repository.name == "o/r1" else {})}

    def odd_rest(repository, schema="full-repository") -> dict:
        found = metadata(repository, schema)
        return {**found, "id": None} if repository.name == "o/r1" and token is None else found

    monkeypatch.setattr(github, "_graphql_repository", odd)
    monkeypatch.setattr(github, "_metadata", odd_rest)
    corpus = make_corpus(token=token)
    corpus.visit(names)
    assert {"github/o/r0", "github/o/r2", "github/o/r3"} <= set(corpus.listing().projects)
    github.violations.clear()  # the stand-in notices that its own answer is against the description


@pytest.mark.parametrize(
    ("token", "status", "message", "words"),
    [
        ("stale-token-0123", 401, "Bad credentials", ("GITHUB_TOKEN", "expired")),
        (None, 401, "Requires authentication", ("set GITHUB_TOKEN",)),
    ],
)
def test_a_login_that_is_refused_names_its_setting(
    github, make_corpus, reply_of, token, status, message, words
) -> None:
    def refuse(asked) -> None:
        raise reply_of(status, {"message": message})

    github.before = refuse
    for ask in (lambda corpus: corpus.visit(["o/r"]), lambda corpus: corpus.client.read_allowances()):
        with pytest.raises(FetchError) as caught:
            ask(make_corpus(token=token))
        said = str(caught.value)
        assert all(word in said for word in (*words, message))
        assert "\n" not in said
        assert not token or token not in said


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DOCKML_GITHUB_API_URL", "https://no-such-host.invalid", "no address found for this name"),
        ("HTTPS_PROXY", "http://127.0.0.1:9", "HTTPS_PROXY"),
    ],
)
def test_no_network_and_no_proxy_are_one_line(make_client, monkeypatch, variable, value, words) -> None:
    monkeypatch.setenv(variable, value)
    api = value if variable == "DOCKML_GITHUB_API_URL" else "https://api.example.com"
    with pytest.raises(FetchError) as caught:
        make_client(api=api).read_allowances()
    assert words in str(caught.value)
    assert "HTTPS_PROXY" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_refused_to_everybody_is_not_asked_for_twice(github, make_client) -> None:
    github.add("o/huge", FILES).contributors = None
    with pytest.raises(ForbiddenError):
        make_client().get("/repos/o/huge/contributors", {"per_page": 1})
    assert len(github.asked) == 1


def test_the_outcome_of_a_file_list_that_is_refused(github, make_corpus, reply_of) -> None:
    names = many(github, 2)

    def refuse(asked) -> None:
        if "/o/r0/git/trees" in asked.path:
            raise reply_of(403, {"message": "Resource not accessible by personal access token"})

    github.before = refuse
    corpus = make_corpus()
    corpus.visit(names)
    said = outcomes_of(corpus.listing())
    assert said["o/r0"] == ("forbidden", False)
