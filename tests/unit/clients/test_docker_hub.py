"""Docker Hub's web interface by a stand-in; shapes as in its reference (repository_info, paginated_tags)."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockml_dagster.clients import docker_hub
from dockml_dagster.clients.docker_hub import HOLDS, DockerHub
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    GoneError,
    LimitedError,
    TooLargeError,
    UnavailableError,
)
from dockml_dagster.study.image.reference import Repository

REPOSITORY = Repository.parse("owner/name")
IMAGE = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "size": 123,
    "digest": "sha256:" + "b" * 64,
    "status": "active",
    "last_pushed": "2024-05-01T10:00:00.123456Z",
    "last_pulled": "0001-01-01T00:00:00Z",
}
TAG = {
    "name": "1.0",
    "full_size": 456,
    "digest": "sha256:" + "a" * 64,
    "media_type": "application/vnd.oci.image.index.v1+json",
    "tag_status": "active",
    "last_updated": "2024-05-02T10:00:00Z",
    "tag_last_pushed": "2024-05-02T10:00:00Z",
    "tag_last_pulled": None,
    "images": [IMAGE],
}


@pytest.fixture
def hub(serve, make_http, reply, tmp_path: Path):
    def make(*pages: object, status: int = 200, headers: dict | None = None):
        def behave(asked):
            page = int(asked.query.get("page", 1))
            return reply(status, json.dumps(pages[page - 1]).encode(), headers or {})

        server = serve(behave)
        return DockerHub(make_http(server), tmp_path / server.host, server.url), server

    return make


def _page(*tags: object, count: int | None = None, more: bool = False) -> dict:
    return {
        "count": len(tags) if count is None else count,
        "next": "https://x/" if more else None,
        "results": list(tags),
    }


def test_repository(hub) -> None:
    record = {
        "pull_count": 7_000_000_000,
        "star_count": 3,
        "description": "Short",
        "is_private": False,
        "date_registered": "2019-01-01T00:00:00Z",
        "last_updated": None,
    }
    client, server = hub(record)
    found = client.repository(REPOSITORY)
    assert (found.pulls, found.stars, found.description, found.is_private) == (
        7_000_000_000,
        3,
        "Short",
        False,
    )
    assert found.registered_at == datetime(2019, 1, 1, tzinfo=UTC)
    assert (found.updated_at, found.full_description) == (None, None)
    assert server.asked[0].path == "/v2/namespaces/owner/repositories/name"


def test_tags(hub) -> None:
    client, server = hub(_page(TAG))
    found = client.tags(REPOSITORY, 100)
    assert (found.announced, found.complete, found.problem) == (1, True, None)
    (tag,) = found.tags
    assert (tag.name, tag.size, str(tag.digest), tag.status) == ("1.0", 456, TAG["digest"], "active")
    assert (tag.pushed_at, tag.pulled_at) == (datetime(2024, 5, 2, 10, tzinfo=UTC), None)
    (image,) = tag.images
    assert (str(image.platform), image.size, image.pulled_at) == ("linux/arm64", 123, None)
    assert server.asked[0].query == {"page_size": "100", "page": "1"}


def test_pages_end_where_the_service_says_and_repeat_nothing(hub) -> None:
    names = [[f"a{n}" for n in range(100)], ["a99", "b"], ["never asked for"]]
    pages = [_page(*({**TAG, "name": name} for name in page), more=at == 0) for at, page in enumerate(names)]
    client, server = hub(*pages)
    found = client.tags(REPOSITORY, 1000)
    assert [tag.name for tag in found.tags] == [*names[0], "b"]
    assert (len(server.asked), found.complete) == (2, True)


def test_no_more_than_asked_for(hub) -> None:
    client, server = hub(_page(*({**TAG, "name": f"t{n}"} for n in range(5)), count=12, more=True))
    found = client.tags(REPOSITORY, 3)
    assert (len(found.tags), found.announced, found.complete) == (3, 12, False)
    assert (len(server.asked), server.asked[0].query["page_size"]) == (1, "3")


def test_a_service_that_pages_for_ever_is_left(hub) -> None:
    client, server = hub(*[_page(TAG, more=True)] * 9)
    assert len(client.tags(REPOSITORY, 1000).tags) == 1
    assert len(server.asked) == 2


def test_a_service_with_one_new_tag_a_page_is_left(hub, monkeypatch) -> None:
    monkeypatch.setattr("dockml_dagster.clients.docker_hub.MOST_PAGES", 3)
    client, server = hub(*[_page({**TAG, "name": f"t{n}"}, more=True) for n in range(5)])
    found = client.tags(REPOSITORY, 1000)
    assert (len(found.tags), found.complete, len(server.asked)) == (3, False, 3)


def test_images_as_one_object(hub) -> None:
    client, _ = hub(_page({**TAG, "images": IMAGE}))
    assert len(client.tags(REPOSITORY, 100).tags[0].images) == 1


def test_wrong_types_read_as_absent(hub) -> None:
    broken = {
        "name": "x",
        "full_size": "big",
        "digest": "sha256:zz",
        "last_updated": "yesterday",
        "images": ["x", {}],
    }
    client, _ = hub(_page(broken, {"name": 3}, "x"))
    (tag,) = client.tags(REPOSITORY, 100).tags
    assert (tag.size, tag.digest, tag.updated_at, len(tag.images)) == (None, None, None, 1)


def test_nothing_is_not_the_same_as_nothing_listed(hub) -> None:
    client, _ = hub(_page())
    assert client.tags(REPOSITORY, 100).tags == ()
    client, _ = hub(_page(count=12))
    with pytest.raises(UnavailableError, match="announces tags"):
        client.tags(REPOSITORY, 100)
    client, _ = hub({"message": "x"})
    with pytest.raises(BrokenContentError):
        client.tags(REPOSITORY, 100)


def test_gone_and_limited(hub) -> None:
    client, _ = hub({"message": "object not found"}, status=404)
    with pytest.raises(GoneError, match="object not found"):
        client.repository(REPOSITORY)
    headers = {"X-RateLimit-Limit": "180", "X-RateLimit-Remaining": "0", "X-Retry-After": "99999999999"}
    client, server = hub({"detail": "Rate limit exceeded"}, status=429, headers=headers)
    with pytest.raises(LimitedError) as caught:
        client.repository(REPOSITORY)
    assert caught.value.retry_after == 7 * 86400
    assert client._http.budget.allowance("127.0.0.1").limit == 180
    assert len(server.asked) == 1


def test_other_registries_are_not_asked_for(hub) -> None:
    client, server = hub(_page())
    with pytest.raises(BrokenContentError, match="not on Docker Hub"):
        client.repository(Repository.parse("quay.io/a/b"))
    assert server.asked == []


def test_an_answer_holds_for_a_day_and_is_then_asked_for_by_its_etag(
    serve, make_http, reply, tmp_path
) -> None:
    def behave(asked):
        headers = {"ETag": '"one"'}
        if asked.headers.get("if-none-match") == '"one"':
            return reply(304, b"", headers)
        return reply(200, b'{"pull_count": 5}', headers)

    server, clock = serve(behave), [1_700_000_000.0]

    def ask():
        http = make_http(server)
        return DockerHub(http, tmp_path / "answers", server.url, now=lambda: clock[0]).repository(REPOSITORY)

    first = ask()
    clock[0] += HOLDS - 1
    assert ask() == first
    assert len(server.asked) == 1
    clock[0] += 2
    later = ask()
    assert later == replace(first, said_at=later.said_at)
    assert (later.said_at - first.said_at).total_seconds() == HOLDS + 1
    assert [asked.headers.get("if-none-match") for asked in server.asked] == [None, '"one"']
    assert ask() == later
    clock[0] = 0.0
    assert ask().pulls == 5
    assert len(server.asked) == 3, "a clock set back does not make an answer hold for years"


def test_what_was_said_before_stands_while_it_cannot_be_asked(serve, make_http, reply, tmp_path) -> None:
    answers = [
        reply(200, b'{"pull_count": 5}'),
        reply(429, b"{}", {"X-Retry-After": "99999999999"}),
        reply(404),
    ]
    server, clock = serve(lambda asked: answers.pop(0)), [1_700_000_000.0]

    def ask():
        clock[0] += 2 * HOLDS
        http = make_http(server)
        return DockerHub(http, tmp_path / "answers", server.url, now=lambda: clock[0]).repository(REPOSITORY)

    first, limited = ask(), ask()
    assert (limited.pulls, limited.said_at) == (5, first.said_at)
    assert isinstance(limited.problem, LimitedError)
    with pytest.raises(GoneError):
        ask()


def test_a_damaged_answer_is_asked_for_again(hub, tmp_path) -> None:
    client, server = hub({"pull_count": 5})
    assert client.repository(REPOSITORY).pulls == 5
    (kept,) = (tmp_path / server.host).iterdir()
    for damage in (
        b"",
        b"[]",
        b'{"body": "e30", "etag": 3, "at": "x"}',
        b'{"body": "W10=", "etag": "", "at": 9e9}',
    ):
        kept.write_bytes(damage)
        assert client.repository(REPOSITORY).pulls == 5
    assert len(server.asked) == 5


def test_a_page_that_is_too_large_is_refused(hub, monkeypatch) -> None:
    monkeypatch.setattr(docker_hub, "MAX_PAGE_BYTES", 2000)
    client, _ = hub(_page({**TAG, "name": "x" * 2000}))
    with pytest.raises(TooLargeError):
        client.tags(REPOSITORY, 10)
