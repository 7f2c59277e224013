"""What Docker Hub says of a project's images, as rows and outcomes: counted at a stand-in, offline."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.corpora.base import Collected, Outcome
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.corpora.images.docker_hub import MOST_DESCRIPTION, MOST_TAGS
from dockml_dagster.settings import Settings
from tests.stand_ins import Reply, StandIn

LATER = {"X-RateLimit-Limit": "180", "X-RateLimit-Remaining": "0", "X-Retry-After": "99999999999"}
IMAGE = {"architecture": "arm64", "os": "linux", "variant": "v8", "size": 7, "digest": "sha256:" + "b" * 64}
TAG = {
    "name": "latest",
    "full_size": 9,
    "status": "active",
    "last_updated": "2026-05-02T10:00:00Z",
    "tag_last_pushed": "2026-05-02T10:00:00.5Z",
    "tag_last_pulled": "2026-05-03T10:00:00Z",
    "images": [IMAGE, {**IMAGE, "os": "unknown", "architecture": "unknown", "variant": None}],
}


@pytest.fixture
def registry(serve_registry) -> StandIn:
    """Docker Hub's registry with an image of each of three names."""
    return serve_registry("acme/app", "acme/other", "library/redis")


@pytest.fixture
def collection(hub, registry, tmp_path: Path) -> Callable[..., ImageCollection]:
    """One visit's collection; all are of one home. ``registries``: the setting, if not both stand-ins."""

    def make(registries: str | None = None) -> ImageCollection:
        both = f"docker.io={registry.url} hub.docker.com={hub[1].url}"
        environment = {
            "DOCKML_HOME": str(tmp_path / "home"),
            "DOCKER_CONFIG": str(tmp_path / "none"),
            "DOCKML_CONTACT": "mailto:tests@example.com",
            "DOCKML_REGISTRIES": registries or both,
        }
        return ImageCollection("github", Settings.from_environment(environment))

    return make


def collect(collection: ImageCollection, *references: str) -> Collected:
    return collection.manifests("github/o/p", [NamedImage(one, "README.md") for one in references])


def whole(found: Collected) -> Outcome:
    return found.outcomes[-1]


def said(found: Collected) -> dict[str, tuple[str, str | None, bool]]:
    return {
        one.subject.removeprefix("hub.docker.com/"): (one.status, one.reason, one.retryable)
        for one in found.outcomes
        if one.subject.startswith("hub.docker.com/")
    }


def age_answers(home: Path) -> None:
    """Make everything that was answered more than a day old."""
    for path in (home / "cache" / "docker_hub").iterdir():
        kept = json.loads(path.read_text())
        path.write_text(json.dumps({**kept, "at": kept["at"] - 90_000}))


def test_two_requests_a_repository_whoever_names_it(hub, registry, collection) -> None:
    fake, server = hub
    fake.add(
        "acme/app",
        tags=(TAG, {"name": "bare", "images": []}),
        pull_count=7_000_000_000,
        star_count=3,
        description="Short",
        full_description="Long",
        date_registered="2019-01-01T00:00:00Z",
    )
    found = collect(collection(), "acme/app:latest", "index.docker.io/acme/app", "acme/app")
    assert [(asked.path, asked.query) for asked in server.asked] == [
        ("/v2/namespaces/acme/repositories/app", {}),
        ("/v2/namespaces/acme/repositories/app/tags", {"page_size": "100", "page": "1"}),
    ]
    assert server.asked[0].headers["user-agent"].endswith("(+mailto:tests@example.com)")
    assert "authorization" not in server.asked[0].headers
    (row,) = found.rows["raw.hub_repositories"]
    assert (row["project"], row["corpus"], row["repository"], row["source"]) == (
        "github/o/p", "github", "docker.io/acme/app", "hub.docker.com",
    )  # fmt: skip
    assert (row["pulls"], row["stars"], row["description"], row["full_description"]) == (
        7_000_000_000, 3, "Short", "Long",
    )  # fmt: skip
    assert (row["tags"], row["tags_listed"], row["censored"]) == (2, 2, None)
    tags = found.rows["raw.hub_tags"]
    assert [(one["tag"], one["position"], one.get("os")) for one in tags] == [
        ("latest", 0, "linux"),
        ("latest", 1, "unknown"),
        ("bare", 0, None),
    ]
    assert (tags[0]["tag_bytes"], tags[0]["image_bytes"], tags[0]["tag_status"]) == (9, 7, "active")
    assert tags[0]["pushed_at"].isoformat() == "2026-05-02T10:00:00.500000"
    assert whole(found) == Outcome("manifests", "", "collected")
    assert said(found) == {}

    server.asked.clear()
    again = collect(collection(), "acme/app:latest")
    assert again.rows["raw.hub_repositories"] == found.rows["raw.hub_repositories"]
    assert again.rows["raw.hub_tags"] == tags
    assert server.asked == []


def test_more_tags_than_are_listed_is_censoring(hub, registry, collection) -> None:
    fake, server = hub
    tags = tuple({**TAG, "name": f"t{number}"} for number in range(250))
    fake.add("acme/app", tags=tags, full_description="x" * (MOST_DESCRIPTION + 1))
    found = collect(collection(), "acme/app")
    (row,) = found.rows["raw.hub_repositories"]
    assert (row["tags"], row["tags_listed"], row["censored"]) == (250, MOST_TAGS, "full_description, tags")
    assert len(row["full_description"]) == MOST_DESCRIPTION
    assert len({one["tag"] for one in found.rows["raw.hub_tags"]}) == MOST_TAGS
    assert len(server.asked) == 2


def test_gone_or_private_is_an_outcome_and_stops_nothing(hub, registry, collection) -> None:
    _, server = hub
    found = collect(collection(), "acme/app")
    assert said(found) == {"acme/app": ("gone", "gone: object not found (HTTP 404)", False)}
    assert whole(found) == Outcome("manifests", "", "collected")
    assert len(found.rows["raw.manifests"]) == 1
    assert "raw.hub_repositories" not in found.rows
    assert len(server.asked) == 1


def test_tags_that_need_a_login_leave_the_rest(hub, registry, collection) -> None:
    fake, _ = hub
    fake.add("acme/app", pull_count=5)
    fake.before = lambda asked: Reply(401) if asked.path.endswith("/tags") else None
    found = collect(collection(), "acme/app")
    assert said(found) == {
        "acme/app/tags": ("not_available", "unauthorized: needs a login (HTTP 401)", False)
    }
    (row,) = found.rows["raw.hub_repositories"]
    assert (row["pulls"], row["tags"], row["tags_listed"]) == (5, None, None)
    assert "raw.hub_tags" not in found.rows


def test_a_limit_is_kept_to_and_makes_the_stage_due_again(hub, registry, collection) -> None:
    fake, server = hub
    for name in ("acme/app", "acme/other", "library/redis"):
        fake.add(name, pull_count=5)
    fake.before = lambda asked: Reply(429, b'{"detail": "Rate limit exceeded"}', LATER)
    visit = collection()
    found = collect(visit, "acme/app", "acme/other")
    assert [status for status, _, _ in said(found).values()] == ["failed", "failed"]
    assert whole(found).status == "collected"
    assert whole(found).retryable
    assert (whole(found).reason or "").startswith("Docker Hub could not be asked: abuse_limit")
    assert len(found.rows["raw.manifests"]) == 2
    # Neither for the second repository nor for the next project is a server asked that wants to be left alone.
    collect(visit, "redis")
    assert len(server.asked) == 1

    fake.before = lambda asked: None
    later = collect(collection(), "acme/app", "acme/other")
    assert whole(later) == Outcome("manifests", "", "collected")
    assert len(later.rows["raw.hub_repositories"]) == 2
    assert len(server.asked) == 5


def test_a_limit_does_not_make_good_what_is_gone(hub, registry, collection) -> None:
    fake, _ = hub
    fake.before = lambda asked: Reply(429, b"{}", LATER)
    found = collect(collection(), "acme/nothing")
    assert said(found)["acme/nothing"][2]
    assert (whole(found).status, whole(found).retryable) == ("gone", False)
    assert (whole(found).reason or "").startswith("none of 1 images could be read")


def test_what_was_said_before_stands_while_nothing_is_said(hub, registry, collection, tmp_path: Path) -> None:
    fake, server = hub
    fake.add("acme/app", tags=(TAG,), pull_count=5)
    first = collect(collection(), "acme/app")
    age_answers(tmp_path / "home")
    stale = {row["repository"]: row["said_at"] for row in first.rows["raw.hub_repositories"]}
    fake.before = lambda asked: Reply(429, b"{}", LATER)
    found = collect(collection(), "acme/app")
    (row,) = found.rows["raw.hub_repositories"]
    assert row["said_at"] < stale["docker.io/acme/app"]
    assert (row["pulls"], row["tags"]) == (5, 1)
    assert found.rows["raw.hub_tags"] == first.rows["raw.hub_tags"]
    assert sorted(said(found)) == ["acme/app", "acme/app/tags"]
    assert whole(found).retryable
    # Only once: the second question met the pause.
    assert len(server.asked) == 3

    fake.before = lambda asked: None
    fake.repositories["acme/app"]["pull_count"] = 8
    (row,) = collect(collection(), "acme/app").rows["raw.hub_repositories"]
    assert row["pulls"] == 8
    assert len(server.asked) == 5


def test_who_asks_a_mirror_only_tells_docker_hub_nothing(hub, registry, collection) -> None:
    _, server = hub
    found = collect(collection(f"docker.io={registry.url}"), "acme/app")
    assert said(found) == {
        "acme/app": (
            "not_selected", "images of docker.io are asked for at mirrors only (DOCKML_REGISTRIES)", False,
        )
    }  # fmt: skip
    assert server.asked == []


def test_other_registries_and_files_are_none_of_its_business(hub, registry, collection, layout) -> None:
    made = layout("image")
    location = made.write(made.image(b""))
    found = collect(
        collection(f"{registry.url} hub.docker.com={hub[1].url}"), f"{registry.host}/acme/app", location
    )
    assert hub[1].asked == []
    assert said(found) == {}


def test_hostile_answers_are_outcomes(hub, registry, collection) -> None:
    fake, _ = hub
    for body, reason in (
        (b"<html>", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"results": 3, "pull_count": -1, "description": 7}', ""),
    ):
        fake.before = lambda asked, body=body: Reply(200, body)
        found = collect(collection(), "acme/app")
        assert whole(found).status == "collected"
        assert [status for status, _, _ in said(found).values()] == ["malformed"]
        assert reason in next(iter(said(found).values()))[1]
