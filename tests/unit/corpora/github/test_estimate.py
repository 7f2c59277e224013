"""What counted questions cost in calls, points, hours and runs: with a token, with a new one, without, without limits."""

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from dockml_dagster.clients.http.budget import Allowance
from dockml_dagster.corpora.base import Estimate
from dockml_dagster.corpora.github import estimate as estimating
from dockml_dagster.corpora.github.cost import Counts
from dockml_dagster.corpora.github.estimate import estimate

FULL = {
    name: Allowance(limit, limit) for name, limit in {"core": 5000, "search": 30, "graphql": 5000}.items()
}
NEARLY_SPENT = {**FULL, "core": Allowance(5000, 10), "search": Allowance(30, 0)}
ANONYMOUS = {"core": Allowance(60, 60), "search": Allowance(10, 10)}
TOKEN = {"has_token": True, "token_is_new": False}
NEW_TOKEN = {"has_token": True, "token_is_new": True}
NO_TOKEN = {"has_token": False, "token_is_new": False}


def much() -> Counts:
    """Something of everything. Of 120 repositories metadata: 2 × 50 (4 points each, 3.5 rounded) and 20 (1), and two draws
    of 20 (1 each). Eleven projects are new. One content is larger than a call takes.
    """
    return Counts(
        pages=40, pages_here=3, metadata=120, metadata_here=4, numbers=7, drawn=2, drawn_each=20, trees=100, trees_here=5,
        again=30, contributors=9, contributors_here=1, new=10.2, missing={"a": 1000, "b": 9_000_000}, files_here=6, read=2,
        images={"x", "y", "z"}, assumed=["s"],
    )  # fmt: skip


def estimated(
    client: Mapping[str, bool],
    allowances: Mapping[str, Allowance],
    counts: Counts,
    monkeypatch: pytest.MonkeyPatch,
    *,
    here: Collection[str] = (),
    layer_bytes: int = 10_000_000_000,
) -> Estimate:
    monkeypatch.setattr(estimating.blobs, "batch_size", lambda client: SimpleNamespace(now=800))
    asked: Any = SimpleNamespace(read_allowances=lambda: allowances, token_ends=None, **client)
    return estimate(asked, counts, images_here=here, layer_bytes=layer_bytes)


@pytest.mark.parametrize(
    ("client", "allowances", "expected"),
    [
        (
            TOKEN,
            FULL,
            [
                ("search pages", 40, 40, 3, "search", 30, None, 16.0, ""),
                ("metadata of repositories", 5, 11, 4, "graphql", 5000, None, 20.0, "160 repositories"),
                ("lists of files", 100, 100, 5, "core", 5000, None, 44.5, "unchanged ones are free"),
                ("contributors of projects", 9, 9, 1, "core", 5000, None, 3.6, "only where set"),
                ("contents of files", 2, 2, 6, "graphql", 5000, 12_300_670, 8.0, "497 files"),
            ],
        ),
        (
            NEW_TOKEN,
            NEARLY_SPENT,
            [
                ("search pages", 40, 40, 3, "search", 0, None, 16.0, ""),
                ("metadata of repositories", 5, 11, 4, "graphql", 5000, None, 20.0, "160 repositories"),
                ("lists of files", 130, 130, 5, "core", 10, None, 52.0, "unchanged ones too, the token is new"),
                ("contributors of projects", 9, 9, 1, "core", 10, None, 3.6, "only where set"),
                ("contents of files", 2, 2, 6, "graphql", 5000, 12_300_670, 8.0, "497 files"),
            ],
        ),
        (
            NO_TOKEN,
            ANONYMOUS,
            [
                ("search pages", 40, 40, 3, "search", 10, None, 16.0, ""),
                ("metadata of repositories", 167, 167, 4, "core", 60, None, 66.8, "160 repositories"),
                (
                    "lists of files", 130, 130, 5, "core", 60, None, 52.0, "unchanged ones count too without a token",
                ),
                ("contributors of projects", 9, 9, 1, "core", 60, None, 3.6, "only where set"),
                ("contents of files", 90, 90, 6, "core", 60, 9_587_608, 36.0, "90 files"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_github_is_asked(
    client: Mapping[str, bool],
    allowances: Mapping[str, Allowance],
    expected: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = estimated(client, allowances, much(), monkeypatch)
    assert [
        (one.what, one.calls, one.counted, one.here, one.budget, one.remaining, one.bytes,
         pytest.approx(one.seconds), one.note)
        for one in found.costs[:5]
    ] == expected  # fmt: skip


@pytest.mark.parametrize(
    ("here", "layer_bytes", "expected"),
    [
        # Eleven new projects have 17 images in all (16.05), beside those that are named.
        ([], 10_000_000_000, [(50, 0, None), (40, 0, None), (0, 0, 40_160_000_000)]),
        (["x", "other"], 10_000_000_000, [(48, 1, None), (38, 2, None), (0, 0, 38_152_000_000)]),
        # 14 projects have these 20 images; of each so many bytes are read at most.
        ([], 1_000_000_000, [(50, 0, None), (40, 0, None), (0, 0, 14_000_000_000)]),
    ],
)
def test_what_registries_are_asked(
    here: list[str],
    layer_bytes: int,
    expected: list[tuple[int, int, int | None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = estimated(TOKEN, FULL, much(), monkeypatch, here=here, layer_bytes=layer_bytes)
    manifests, hub, layers = found.costs[5:]
    assert [(one.calls, one.here, one.bytes) for one in (manifests, hub, layers)] == expected
    assert [one.budget for one in (manifests, hub, layers)] == ["docker hub pulls", "docker hub", ""]
    assert manifests.seconds == pytest.approx(0.4 * manifests.calls)
    assert layers.seconds == pytest.approx((layers.bytes or 0) / 20_000_000)
    assert (manifests.counted, manifests.note) == (manifests.calls, f"{20 - ('x' in here)} images")


ASSUMED = [
    "1.46 images a project (as in the study)",
    "2.5 manifests and 2.0 GB an image, at most 10.0 GB of layers a project; all on Docker Hub, 100 pulls in six hours (200 "
    "with a login)",
]
IMAGES = "; images: 50 manifests, 34 minutes at 100 pulls in six hours on Docker Hub (200 with a login)"


@pytest.mark.parametrize(
    ("client", "allowances", "files", "said", "runs", "seconds"),
    [
        (
            TOKEN,
            FULL,
            "45 files of 299 kB",
            # Ten pages are more than the minute has: the rest of it is waited for.
            "GitHub: about 156 calls (13 points of GraphQL among them), 2 minutes in one run",
            1,
            92.1 + 56.0 + 2044.0,
        ),
        (
            TOKEN,
            NEARLY_SPENT,
            "45 files of 299 kB",
            "GitHub: about 156 calls (13 points of GraphQL among them), 63 minutes in 2 runs an hour apart, or one with "
            "--wait",
            2,
            92.1 + 104.0 + 3600.0 + 2044.0,
        ),
        (
            NO_TOKEN,
            ANONYMOUS,
            "8 files of 53 kB",
            "GitHub: about 436 calls, 6 hours in 7 runs an hour apart, or one with --wait; GITHUB_TOKEN is not set, so 60 "
            "calls an hour; with a token, which needs no permission, 5,000: 3 minutes in one run",
            7,
            174.4 + 168.0 + 6 * 3600.0 + 2044.0,
        ),
        (
            NO_TOKEN,
            {},
            "8 files of 53 kB",
            "GitHub: about 436 calls, 3 minutes; this server has no limits",
            1,
            174.4 + 2044.0,
        ),
    ],
)
def test_how_long_it_takes_and_what_is_said(
    client: Mapping[str, bool],
    allowances: Mapping[str, Allowance],
    files: str,
    said: str,
    runs: int,
    seconds: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = estimated(client, allowances, much(), monkeypatch)
    assert found.summary == said + IMAGES
    assert found.runs == runs
    assert found.seconds == pytest.approx(seconds)
    first = f"{files} in all for each of 11 projects that are not read yet"
    assert list(found.assumed) == ["s", first, *ASSUMED]


@pytest.mark.parametrize("client", [TOKEN, NO_TOKEN])
def test_nothing_costs_nothing(client: Mapping[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    found = estimated(client, {}, Counts(), monkeypatch)
    assert found.summary == "GitHub: nothing that counts is left to ask"
    assert (found.assumed, found.runs, found.seconds) == ((), 1, 0.0)
    assert {(one.calls, one.counted, one.here, one.remaining, one.bytes or 0) for one in found.costs} == {
        (0, 0, 0, None, 0)
    }


def test_pulls_beyond_a_window_wait_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    # 40 images are 100 pulls; one more is the next six hours'.
    counts = [Counts(images={str(number) for number in range(images)}) for images in (40, 41)]
    whole, more = (estimated(TOKEN, FULL, one, monkeypatch).seconds for one in counts)
    assert more - whole == pytest.approx(6 * 3600 + 3 * 0.4 + 2 * 0.4 + 2_008_000_000 / 20_000_000)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "some seconds"),
        (20, "some seconds"),
        (20.1, "a minute"),
        (89, "a minute"),
        (90, "2 minutes"),
        (5399, "90 minutes"),
        (5400, "2 hours"),
        (48 * 3600 - 1, "48 hours"),
        (48 * 3600, "2 days"),
        (10 * 86_400, "10 days"),
    ],
)
def test_time_as_people_plan_with_it(seconds: float, said: str) -> None:
    assert estimating._time(seconds) == said
