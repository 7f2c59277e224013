"""Which tags are followed, what is noted of looks at them, and what failed for now and why."""

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.due.delayed import Delayed, delayed, not_asked
from dockml_dagster.warehouse.due.query import record_outcomes
from dockml_dagster.warehouse.due.tags import Tag, record_looks, tags
from dockml_dagster.warehouse.rows import insert

T1, T2, T3 = (datetime(2026, 1, day) for day in (1, 2, 3))
A, B = "local/o/a", "local/o/b"


@pytest.fixture
def raw() -> Any:
    with duckdb.connect() as connection:
        migrations.apply(connection)
        yield connection


def listed(raw: Any, *projects: str, stage: str = "manifests", corpus: str = "local") -> None:
    insert(
        raw,
        "raw.inputs",
        [
            {
                "project": one,
                "corpus": corpus,
                "stage": stage,
                "position": at,
                "input_hash": "h",
                "listed_at": T1,
            }
            for at, one in enumerate(projects)
        ],
    )


def visited(raw: Any, project: str, at: datetime, *, stage: str = "manifests", **more: Any) -> None:
    outcome = {
        "project": project, "corpus": project.split("/", maxsplit=1)[0], "stage": stage, "subject": "",
        "status": "collected", "retryable": False, "observed_at": at,
    }  # fmt: skip
    record_outcomes(raw, [{**outcome, **more}])


def named(raw: Any, project: str, reference: str, at: datetime, **more: Any) -> None:
    """A reference of a project, and its manifests (``digests``) as they were seen then."""
    digests = more.pop("digests", ["sha256:m"])
    common = {
        "project": project,
        "corpus": project.split("/", maxsplit=1)[0],
        "reference": reference,
        "source": "s",
        "first_seen": T1,
        "last_seen": at,
    }
    insert(
        raw,
        "raw.image_references",
        [{**common, "registry": "r", "repository": "x", "origin": "o", "row_hash": reference, **more}],
    )
    insert(
        raw,
        "raw.manifests",
        [
            {
                **common,
                "manifest_digest": one,
                "index_digest": more.get("index"),
                "row_hash": f"{reference} {one}",
            }
            for one in digests
        ],
    )


def test_tags_of_current_images(raw: Any) -> None:
    listed(raw, A, B)
    visited(raw, A, T1)
    visited(raw, A, T2)
    visited(raw, B, T1)
    visited(raw, "local/o/gone", T2)
    named(raw, A, "r/x:1", T2, digests=["sha256:m", "sha256:n"])
    named(raw, A, "r/x:old", T1)
    named(raw, A, "r/x@sha256:d", T2, digest="sha256:d")
    named(raw, A, "x:nowhere", T2, registry=None)
    named(raw, B, "r/y:1", T1)
    named(raw, "local/o/gone", "r/z:1", T2)
    assert tags(raw, ["local"]) == [
        Tag("local", B, "r/y:1", frozenset({"sha256:m"}), T1),
        Tag("local", A, "r/x:1", frozenset({"sha256:m", "sha256:n"}), T2),
    ]
    assert tags(raw, ["other"]) == []
    assert record_looks(raw, {"r/y:1": "sha256:now", "r/x:1": None}, T3) == 2
    assert [(one.reference, one.looked_at) for one in tags(raw, ["local"])] == [("r/x:1", T3), ("r/y:1", T3)]
    record_looks(raw, {"r/y:1": "sha256:later"}, T2)
    kept = raw.execute("SELECT reference, digest, looked_at FROM raw.tag_looks ORDER BY 1").fetchall()
    assert kept == [("r/x:1", None, T3), ("r/y:1", "sha256:later", T2)], (
        "the newest look takes the place of the older"
    )


def test_what_failed_for_now(raw: Any) -> None:
    assert delayed(raw, "local") == Delayed(0, 0, None, None)
    listed(raw, A, B, "local/o/c", "local/o/d")
    listed(raw, "other/o/a", corpus="other")
    limit = {"retryable": True, "status": "failed", "reason": "r/x:1: pull_limit: wait", "retry_at": T3}
    visited(raw, A, T1, **limit)
    visited(raw, A, T1, **{**limit, "subject": "r/x:1", "reason": "limited: sooner", "retry_at": T2})
    visited(raw, B, T1, retryable=True, status="failed", reason="unreachable: 502")
    visited(raw, "local/o/c", T1, **limit)
    visited(raw, "local/o/c", T2)
    visited(raw, "local/o/left", T1, **limit)
    visited(raw, "other/o/a", T1, **limit)
    assert delayed(raw, "local") == Delayed(2, 1, "limited: sooner", T2.replace(tzinfo=UTC).timestamp())
    assert delayed(raw, "other") == Delayed(
        1, 1, "r/x:1: pull_limit: wait", T3.replace(tzinfo=UTC).timestamp()
    )


@pytest.mark.parametrize(
    ("reason", "limited"),
    [
        ("limited: x", 1), ("a: abuse_limit: x", 1), ("not limited: x", 0), ("it was limited", 0), ("x:limited: y", 0),
    ],
)  # fmt: skip
def test_which_reasons_are_limits(raw: Any, reason: str, limited: int) -> None:
    listed(raw, A)
    visited(raw, A, T1, retryable=True, status="failed", reason=reason)
    found = delayed(raw, "local")
    assert (found.failed, found.limited, found.retry_at) == (1, limited, None)


def test_candidates_of_whom_nothing_is_known(raw: Any) -> None:
    assert not_asked(raw, "github") == 0
    for at in (T1, T2):
        insert(
            raw,
            "raw.listings",
            [
                {
                    "corpus": "github",
                    "fingerprint": "f",
                    "method_version": "1",
                    "source": "s",
                    "projects": 0,
                    "listed_at": at,
                }
            ],
        )
    common = {"corpus": "github", "source": "s", "first_seen": T1}
    rows = [("a", 1, "limit", T2), ("a", 2, "limit", T2), ("b", 1, None, T2), ("c", 1, "limit", T1)]
    insert(
        raw,
        "raw.candidates",
        [
            {
                **common,
                "name": name,
                "step": "s",
                "step_number": step,
                "not_asked_because": why,
                "last_seen": at,
                "row_hash": f"{name}{step}",
            }
            for name, step, why, at in rows
        ],
    )
    assert not_asked(raw, "github") == 1
    assert not_asked(raw, "local") == 0
