"""The GitHub client against the stand-in: what is counted, what is free, and what every refusal becomes."""

import json
import time
from pathlib import Path

import pytest

from dockml_dagster.clients.github import blobs, questions, repositories
from dockml_dagster.clients.github.errors import EmptyRepositoryError, InvalidQuestionError, WithheldError
from dockml_dagster.clients.github.model import Repository, is_name, repository_of_rest, tree_of_rest
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import git_blob_hash
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    LimitedError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)
from dockml_dagster.study.json_facts import Facts

FILES = {"Dockerfile": b"FROM python:3.12\n", "src/app.py": b"print()\n"}


def test_the_contract_is_githubs_own(fetched, rest_contract, graphql_schema) -> None:
    """Skipped, with a reason, where npm cannot fetch GitHub's description; then nothing else here is checked against it."""
    fetched("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
    fetched("@octokit/graphql-schema@15.26.1", "package/schema.graphql")
    assert rest_contract is not None
    assert graphql_schema[1]
    with pytest.raises(AssertionError, match="no parameter"):
        rest_contract.check_question("GET", "/search/repositories", {"q": "x", "perpage": "5"})
    with pytest.raises(AssertionError, match="truncated"):
        rest_contract.check_answer(
            "GET", "/repos/a/b/git/trees/HEAD", 200, {"sha": "x", "tree": [], "truncated": "no"}
        )


def test_queries_are_valid_on_githubs_schema(graphql_schema) -> None:
    from graphql import parse, validate

    for text in (repositories.repositories_query(3), blobs.blobs_query([2, 1])):
        assert validate(graphql_schema[0], parse(text)) == []
    assert validate(
        graphql_schema[0], parse(repositories.repositories_query(1).replace("forkCount", "forks9"))
    )


def test_recorded_answers_are_read(fetched) -> None:
    folder = fetched("@octokit/fixtures@23.1.2", "package/scenarios/api.github.com")
    read = 0
    for path in sorted(folder.glob("*/normalized-fixture.json")):
        for exchange in json.loads(path.read_text(encoding="utf-8")):
            answer = exchange["response"]
            if isinstance(answer, dict) and "full_name" in answer:
                found = repository_of_rest(Facts(answer), path.parent.name)
                assert found.name == answer["full_name"]
                assert found.stars == answer["stargazers_count"]
                read += 1
    assert read >= 2


@pytest.mark.parametrize("token", [True, False])
def test_metadata(github, make_client, token: bool) -> None:
    github.add("A/one", FILES, topics=["ml", "vision"], language="Python", stargazers_count=7, commits=321)
    client = make_client() if token else make_client(token=None)
    found = repositories.repositories(client, ["a/one", "a/none"])
    one = found["a/one"]
    assert isinstance(one, Repository)
    assert (one.id, one.name, one.stars, one.topics) == (1000, "A/one", 7, ("ml", "vision"))
    assert one.commits == (321 if token else None)
    assert isinstance(found["a/none"], GoneError)
    assert Repository.from_document(json.loads(json.dumps(one.as_document()))) == one


def test_fifty_repositories_are_one_call(github, make_client) -> None:
    for number in range(60):
        github.add(f"o/r{number}", FILES if number < 2 else None)
    found = repositories.repositories(make_client(), [f"o/r{number}" for number in range(60)])
    assert [one.name for one in found.values()] == [f"o/r{number}" for number in range(60)]
    assert github.counted() == 2
    assert found["o/r59"].commits == 0


def test_a_query_too_heavy_is_asked_in_halves(github, make_client) -> None:
    for number in range(6):
        github.add(f"o/r{number}", FILES)
    github.graphql_capacity = 4
    found = repositories.repositories(make_client(), [f"o/r{number}" for number in range(6)])
    assert all(isinstance(one, Repository) for one in found.values())


def test_an_unchanged_tree_is_free(github, make_client) -> None:
    repository = github.add("a/one", {**FILES, "tool.sh": b"x", "link": ("symlink", "Dockerfile")})
    client = make_client()
    first, reply, _ = questions.tree(client, "a/one")
    assert reply.changed
    assert {e.path: e.kind for e in first.entries} == {
        "Dockerfile": "file", "link": "symlink", "src": "directory", "src/app.py": "file", "tool.sh": "file",
    }  # fmt: skip
    again, reply, _ = questions.tree(make_client(), "a/one")
    assert (again, reply.changed) == (first, False)
    assert github.counted() == 1
    github.commit(repository, {"Dockerfile": b"FROM alpine\n"})
    changed, reply, _ = questions.tree(client, "a/one")
    assert reply.changed
    assert [entry.path for entry in changed.entries] == ["Dockerfile"]


def test_a_truncated_tree_is_read_by_directories(github, make_client) -> None:
    github.add("a/big", {f"{d}/{e}/f{i}": b"x" for d in "ab" for e in "cd" for i in range(4)})
    github.truncate_at = 5
    client = make_client()
    tree, _, unlisted = questions.tree(client, "a/big")
    assert (len([e for e in tree.entries if e.kind == "file"]), unlisted, tree.truncated) == (16, 0, False)
    github.forget()
    questions.tree(client, "a/big")
    assert github.counted() == 0


def test_a_directory_that_cannot_be_listed_is_said(github, make_client) -> None:
    github.add("a/flat", {f"d/f{i}": b"x" for i in range(9)})
    github.truncate_at = 5
    tree, _, unlisted = questions.tree(make_client(), "a/flat")
    assert (unlisted, tree.truncated) == (1, True)


def test_contents_come_in_batches_and_never_twice(github, make_client) -> None:
    exact = {"a": b"x" * 10, "b": "é\n".encode(), "same": b"x" * 10}
    odd = {"latin": b"\xe9\xff", "binary": b"a\0b"}
    github.add("a/one", {**exact, **odd})
    client = make_client()
    tree, _, _ = questions.tree(client, "a/one")
    sizes = {entry.sha: entry.size for entry in tree.entries}
    github.forget()
    left = blobs.store_blobs(client, [blobs.Wanted("a/one", sizes), blobs.Wanted("a/one", sizes)])
    assert github.counted() == 1
    assert sorted(left) == sorted(git_blob_hash(content) for content in odd.values())
    for content in odd.values():
        assert client.blob("a/one", git_blob_hash(content), 100) == content
    assert client.store.missing_blobs(list(sizes)) == []
    assert client.blob("a/one", git_blob_hash(b"x" * 10), 100) == b"x" * 10
    assert github.counted() == 3


def test_too_many_contents_at_once_are_fewer_next_time(github, make_client) -> None:
    files = {f"f{number}": b"%d" % number for number in range(240)}
    github.add("a/one", files)
    client = make_client()
    github.graphql_capacity = 150
    assert (
        blobs.store_blobs(client, [blobs.Wanted("a/one", {git_blob_hash(c): 3 for c in files.values()})])
        == []
    )
    # Half of 240 worked, and a little more is tried next.
    assert blobs.batch_size(make_client()).now == 120 + blobs.FEWEST_BLOBS_A_CALL
    assert client.store.missing_blobs([git_blob_hash(content) for content in files.values()]) == []


def test_a_content_over_the_cap_is_not_read(github, make_client) -> None:
    github.add("a/one", {"Dockerfile": b"x" * 5000})
    with pytest.raises(TooLargeError):
        make_client().blob("a/one", git_blob_hash(b"x" * 5000), 4999)


def test_a_content_that_is_not_its_name_is_not_kept(github, make_client) -> None:
    github.add("a/one", FILES)
    sha = git_blob_hash(FILES["Dockerfile"])
    github._content = lambda repository, wanted: b"FROM evil\n"
    client = make_client()
    with pytest.raises(BrokenContentError):
        client.blob("a/one", sha, 1000)
    assert blobs.store_blobs(client, [blobs.Wanted("a/one", {sha: 10})]) == [sha]
    assert client.store.blob(sha) is None


def test_renamed_is_followed_and_seen(github, make_client) -> None:
    github.add("new/name", FILES, topics=[]).old_names.append("old/name")
    client = make_client()
    _, reply, _ = questions.tree(client, "old/name")
    assert "/repositories/1000/" in reply.final
    assert repositories.repositories(client, ["old/name"])["old/name"].name == "new/name"
    _, again, _ = questions.tree(client, "old/name")
    assert not again.changed


REFUSALS = [
    (401, {}, "Bad credentials", UnauthorizedError, False),
    (403, {}, "Repository access blocked", ForbiddenError, False),
    (403, {"X-RateLimit-Remaining": "0"}, "API rate limit exceeded", LimitedError, True),
    (403, {"Retry-After": "900"}, "You have exceeded a secondary rate limit", LimitedError, True),
    (403, {}, "You have exceeded a secondary rate limit.", LimitedError, True),
    (429, {"Retry-After": "700"}, "Too many requests", LimitedError, True),
    (404, {}, "Not Found", GoneError, False),
    (409, {}, "Git Repository is empty.", EmptyRepositoryError, False),
    (422, {}, "Validation Failed", InvalidQuestionError, False),
    (451, {}, "Repository access blocked", WithheldError, False),
    (500, {}, "oops", UnavailableError, True),
    (502, {}, "Server Error", UnavailableError, True),
    (503, {}, "Service unavailable", UnavailableError, True),
]


@pytest.mark.parametrize(("status", "headers", "message", "kind", "retryable"), REFUSALS)
def test_every_refusal_is_typed(
    github, make_client, reply_of, status, headers, message, kind, retryable
) -> None:
    body = {"message": message, "documentation_url": "https://docs.github.com", "status": str(status)}

    def refuse(asked) -> None:
        raise reply_of(status, body, dict(headers))

    github.before = refuse
    with pytest.raises(FetchError) as caught:
        make_client().get("/repos/a/one")
    assert type(caught.value) is kind or isinstance(caught.value, kind)
    assert caught.value.retryable is retryable
    assert caught.value.status == status


def test_a_secondary_limit_without_a_time_waits_a_minute(github, make_client, reply_of) -> None:
    github.add("a/one", FILES)
    refusals = iter([True, False])

    def refuse_once(asked) -> None:
        if next(refusals, False):
            raise reply_of(403, {"message": "You have exceeded a secondary rate limit."})

    github.before = refuse_once
    questions.tree(make_client(), "a/one")
    assert len(github.sleeps) == 1
    assert github.sleeps[0] == pytest.approx(60, abs=0.5)


def test_a_search_limit_is_waited_for_and_the_hours_is_not(github, make_client) -> None:
    github.budgets.limits["search"] = 2
    client = make_client()
    for page in range(1, 4):
        questions.search_page(client, "x", page)
    assert 50 < github.sleeps[-1] < 63
    github.budgets.limits["core"], github.budgets.seconds["core"] = 1, 3000.0
    github.add("a/one", FILES)
    questions.tree(client, "a/one")
    github.forget()
    with pytest.raises(LimitedError) as caught:
        client.get("/repos/a/one")
    assert 2900 < caught.value.retry_after < 3010
    with pytest.raises(LimitedError):
        make_client().get("/repos/a/one")
    assert github.asked == [], "a budget known to be used up is not asked for, by another process neither"


def test_graphql_limit_comes_with_status_200(github, make_client, reply_of) -> None:
    def limit(asked) -> None:
        raise reply_of(
            200, {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
        )

    github.before = limit
    with pytest.raises(LimitedError):
        repositories.repositories(make_client(), ["a/b"])


def test_timeouts_are_unavailable(github, make_client) -> None:
    github.before = lambda asked: time.sleep(1.5)
    client = make_client()
    object.__setattr__(client._http.settings, "read_seconds", 0.3)
    object.__setattr__(client._http.settings.retry, "attempts", 1)
    try:
        with pytest.raises(UnavailableError):
            client.get("/repos/a/one")
    finally:
        object.__setattr__(client._http.settings.retry, "attempts", 4)


def test_budgets_are_free_to_read(github, make_client) -> None:
    stated = make_client().read_allowances()
    assert stated["core"].limit == 5000
    assert stated["search"].remaining == 30
    assert github.counted() == 0


def test_token_goes_nowhere_else(github, make_client, reply_of, tmp_path: Path) -> None:
    """Not into errors, the store, texts of settings, or a redirect to another origin."""
    elsewhere = []

    def misbehave(asked) -> None:
        if asked.headers.get("host", "").startswith("localhost"):
            elsewhere.append(asked.headers)
        if asked.path == "/repos/a/away":
            raise reply_of(
                302, b"", {"Location": github.url.replace("127.0.0.1", "localhost") + "/repos/a/there"}
            )
        raise reply_of(403, {"message": f"you sent {asked.headers.get('authorization')}"})

    github.before = misbehave
    client = make_client()
    with pytest.raises(FetchError) as caught:
        client.get("/repos/a/one")
    assert github.token not in str(caught.value)
    with pytest.raises(FetchError):
        client.get("/repos/a/away")
    assert all("authorization" not in headers for headers in elsewhere)
    assert github.token not in repr(client.settings)
    assert github.token.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("answers*"))


def test_enterprise_addresses() -> None:
    enterprise = GithubSettings.of("https://git.example.com/api/v3/", "t")
    assert enterprise.graphql == "https://git.example.com/api/graphql"
    assert enterprise.host == "git.example.com"
    assert GithubSettings.of(None, None).graphql == "https://api.github.com/graphql"
    for wrong in ("ftp://x", "nonsense", "https://user:secret@example.com"):
        with pytest.raises(FetchError) as caught:
            GithubSettings.of(wrong, None)
        assert "\n" not in str(caught.value)
    with pytest.raises(FetchError) as caught:
        GithubSettings.of(None, "a b\n")
    assert "a b" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a/b", True),
        ("a-1/b.c_d", True),
        ("a", False),
        ("a/b/c", False),
        ("a/..", False),
        ("a/b?x", False),
        ("", False),
    ],
)
def test_names(name: str, good: bool) -> None:
    assert is_name(name) is good


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"id": "x"}', b'{"sha": 1, "tree": {}}', b"{" * 5000, b"\xff"]
)
def test_broken_answers_are_typed(github, make_client, reply_of, body: bytes) -> None:
    def broken(asked) -> None:
        raise reply_of(200, body)

    github.before = broken
    client = make_client()
    for ask in (lambda: questions.tree(client, "a/b"), lambda: questions.search_page(client, "x", 1)):
        with pytest.raises(FetchError):
            ask()
    found = repositories.repositories(make_client(token=None, store="other"), ["a/b"])
    assert isinstance(found["a/b"], FetchError)


@pytest.mark.parametrize("entry", [7, {}, {"path": "x", "sha": "../../etc"}])
def test_a_tree_with_a_hostile_entry_is_no_list_of_files(entry: object) -> None:
    with pytest.raises(BrokenContentError):
        tree_of_rest(Facts({"sha": "a" * 40, "truncated": False, "tree": [entry]}), "a/b")
