"""Every form in which GitHub says that it is asked too much, and what becomes of the questions.

Sources: see ``service``. A form is status, headers and body; what is right is how long is waited for, and that nobody asks
meanwhile.
"""

import pytest

from dockml_dagster.clients.github import blobs, questions, repositories
from dockml_dagster.clients.http.errors import LimitedError, UnavailableError
from tests.integration.github.service import SECONDARY, TOO_EXPENSIVE
from tests.integration.github.visiting import FILES, many

FORMS = {
    "403 and a text": (403, {}, {"message": SECONDARY}),
    "429 and a text": (429, {}, {"message": SECONDARY}),
    "429 and a page": (429, {}, b"<html>Whoa there!</html>"),
    "429 and nothing": (429, {}, b""),
    "403 of abuse": (403, {}, {"message": "You have triggered an abuse detection mechanism."}),
    "200 and a text": (200, {}, {"message": SECONDARY}),
    "200 and an error": (200, {}, {"errors": [{"message": SECONDARY}]}),
    "200, data and an error": (
        200,
        {},
        {"data": {"r0": None}, "errors": [{"message": SECONDARY, "path": ["r0"]}]},
    ),
}


def refusing(github, reply_of, form: str, *, times: int = 10**9) -> None:
    """Answer the next questions so, on the interface where that form is used."""
    status, headers, body = FORMS[form]
    left = [times]

    def refuse(asked) -> None:
        if (asked.path == "/graphql" or status != 200) and left[0] > 0:
            left[0] -= 1
            raise reply_of(status, body, dict(headers))

    github.before = refuse


@pytest.mark.parametrize("form", FORMS)
def test_a_limit_without_a_time_is_a_minute_once_and_then_longer(
    github, make_client, reply_of, form: str
) -> None:
    """Also for who asks next, and in the next process; the first answer ends it."""
    github.add("o/r", FILES)
    refusing(github, reply_of, form)
    waits = []
    for _ in range(4):
        with pytest.raises(LimitedError) as caught:
            repositories.repositories(make_client(), ["o/r"])
        waits.append(round(caught.value.retry_after))
        before = len(github.asked)
        with pytest.raises(LimitedError):
            make_client().get("/repos/o/r")
        assert len(github.asked) == before, "nothing is asked while GitHub wants to be left alone"
        github.clock.sleep(caught.value.retry_after)
    assert [round(one) for one in github.sleeps if one < 61] == [60]
    assert waits == [120, 240, 480, 960]
    assert len(github.asked) == 5

    github.before = lambda asked: None
    assert not isinstance(repositories.repositories(make_client(), ["o/r"])["o/r"], Exception)
    refusing(github, reply_of, form, times=1)
    repositories.repositories(make_client(), ["o/r"])
    assert round(github.sleeps[-1]) == 60, "after an answer a limit is a first one again"


def test_a_stated_time_is_obeyed(github, make_client, reply_of) -> None:
    github.add("o/r", FILES)
    refusals = iter([reply_of(429, {"message": SECONDARY}, {"Retry-After": "7"})])

    def refuse(asked) -> None:
        if (reply := next(refusals, None)) is not None:
            raise reply

    github.before = refuse
    make_client().get("/repos/o/r")
    assert [round(one) for one in github.sleeps] == [7]


@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_budget_is_of_one_resource(github, make_client, reply_of, status: int) -> None:
    """The hour's limit of one interface stops no other; who asks it again waits for its reset."""
    github.add("o/r", FILES)
    reset = str(int(github.clock.now() + 1800))

    def refuse(asked) -> None:
        if asked.resource == "core":
            headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            raise reply_of(status, {"message": "API rate limit exceeded for user ID 1."}, headers)

    github.before = refuse
    client = make_client()
    with pytest.raises(LimitedError) as caught:
        client.get("/repos/o/r")
    assert 1790 < caught.value.retry_after < 1801
    assert not isinstance(repositories.repositories(client, ["o/r"])["o/r"], Exception)
    asked = len(github.asked)
    with pytest.raises(LimitedError):
        make_client().get("/repos/o/r")
    assert len(github.asked) == asked


def test_a_server_without_limits_has_no_budgets(github, make_client) -> None:
    """As GitHub Enterprise Server by default: 404 to the question about limits, and no headers."""
    github.budgets.limits = None
    github.add("o/r", FILES)
    client = make_client()
    assert client.read_allowances() == {}
    questions.tree(client, "o/r")
    assert client.allowance("core") is None


@pytest.mark.parametrize("at_once", [200, 30])
def test_contents_that_were_not_answered_are_asked_for_again_in_smaller_batches(
    github, make_client, at_once: int
) -> None:
    files = {f"f{number}": b"%d" % number for number in range(800)}
    github.add("o/r", files)
    client = make_client()
    tree, _, _ = questions.tree(client, "o/r")
    sizes = {entry.sha: entry.size or 0 for entry in tree.entries}
    github.answers_at_once = at_once
    github.forget()
    assert blobs.store_blobs(client, [blobs.Wanted("o/r", sizes)]) == []
    assert client.store.missing_blobs(list(sizes)) == []
    assert {asked.path for asked in github.asked} == {"/graphql"}, "no call for a single content"
    assert len(github.asked) <= 2.5 * 800 / at_once


def test_a_partial_answer_is_no_fact(github, make_client) -> None:
    """A field that is null with an error voids its repository: asked again with fewer others, in the end alone."""
    names = many(github, 12)
    github.answers_at_once = 5
    client = make_client()
    found = repositories.repositories(client, names)
    assert {one.commits for one in found.values()} == {150}
    assert {asked.path for asked in github.asked} == {"/graphql"}
    assert repositories.batch_size(client).now < 12


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data["r0"].update(defaultBranchRef=None),
        lambda data: data["r0"]["defaultBranchRef"].update(target=None),
        lambda data: data["r0"].update(releases=None),
    ],
)
@pytest.mark.parametrize("path", [None, [], ["r0"], ["r0", "x", 0, "y"]])
def test_a_null_is_unknown_and_never_zero(github, make_client, monkeypatch, spoil, path) -> None:
    """Wherever the error says that it is, and also where no error says anything."""
    names = many(github, 3)
    answer = github._graphql

    def spoiled(asked) -> object:
        document = answer(asked)
        if isinstance(document, dict) and document["data"].get("r0"):
            spoil(document["data"])
            if path is not None:
                document["errors"] = [
                    {"message": TOO_EXPENSIVE, "type": "RESOURCE_LIMITS_EXCEEDED", "path": path}
                ]
        return document

    monkeypatch.setattr(github, "_graphql", spoiled)
    found = repositories.repositories(make_client(), names)
    assert all(one.commits in {150, None} and one.releases in {2, None} for one in found.values())


def test_an_empty_repository_has_no_commit_and_that_is_known(github, make_client) -> None:
    github.add("o/empty", None)
    assert repositories.repositories(make_client(), ["o/empty"])["o/empty"].commits == 0


@pytest.mark.parametrize("status", [502, 504, 200])
def test_an_outage_is_met_with_a_handful_of_calls(github, make_client, reply_of, status: int) -> None:
    """And what was learnt in it is forgotten in a few calls."""
    files = {f"f{number}": b"%d" % number for number in range(1200)}
    github.add("o/r", files)
    client = make_client()
    tree, _, _ = questions.tree(client, "o/r")
    sizes = {entry.sha: entry.size or 0 for entry in tree.entries}
    github.forget()

    def down(asked) -> None:
        raise reply_of(status, {"message": "Something went wrong while executing your query."})

    github.before = down
    with pytest.raises(UnavailableError):
        blobs.store_blobs(client, [blobs.Wanted("o/r", sizes)])
    assert len(github.asked) <= 8
    github.forget()
    with pytest.raises(UnavailableError):
        blobs.store_blobs(client, [blobs.Wanted("o/r", sizes)])
    assert len(github.asked) <= 4

    github.before = lambda asked: None
    assert blobs.store_blobs(client, [blobs.Wanted("o/r", sizes)]) == []
    assert blobs.batch_size(client).now > 300


def test_one_content_too_heavy_for_a_query_stops_no_other(github, make_client, reply_of) -> None:
    files = {f"f{number}": b"%d" % number for number in range(300)}
    github.add("o/r", files)
    client = make_client()
    tree, _, _ = questions.tree(client, "o/r")
    sizes = {entry.sha: entry.size or 0 for entry in tree.entries}
    odd = tree.entries[120].sha.encode()

    def fail(asked) -> None:
        if asked.path == "/graphql" and odd in asked.body:
            raise reply_of(502, {"message": "Server Error"})

    github.before = fail
    left = blobs.store_blobs(client, [blobs.Wanted("o/r", sizes)])
    assert odd.decode() in left
    assert len(left) <= blobs.FEWEST_BLOBS_A_CALL
    assert sorted(client.store.missing_blobs(list(sizes))) == sorted(left)
