"""What stands in an image's documents, as cells; errors as outcomes."""

import pytest

from dockml_dagster.clients.http.errors import (
    DigestMismatchError,
    FetchError,
    GoneError,
    PullLimitError,
    SettingError,
    UnauthorizedError,
    UnsupportedError,
)
from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.images.rows import failure, moment, stage_outcome


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:00.123456"),
        ("2024-05-01T12:00:00.5+02:00", "2024-05-01T10:00:00.500000"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("0001-01-01T00:00:00+10:00", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_moments(text: str | None, wanted: str | None) -> None:
    found = moment(text)
    assert (None if found is None else found.isoformat()) == wanted


@pytest.mark.parametrize(
    ("error", "status", "reason", "retryable"),
    [
        (GoneError("no"), "gone", "gone: no", False),
        (SettingError("no such directory"), "gone", "bad_setting: no such directory", False),
        (UnauthorizedError("no"), "not_available", "unauthorized: no", False),
        (PullLimitError("later"), "failed", "pull_limit: later", True),
        (DigestMismatchError("no"), "malformed", "digest_mismatch: no", False),
        (UnsupportedError("no"), "unreadable", "unsupported: no", False),
        (FetchError("no"), "failed", "failed: no", False),
        (MemoryError("no"), "failed", "MemoryError: no", True),
    ],
)
def test_errors(error: Exception, status: str, reason: str, retryable: bool) -> None:
    found = failure("manifests", "x", error)
    assert (found.status, found.reason, found.retryable) == (status, reason, retryable)


def test_the_stage_as_a_whole() -> None:
    gone = Outcome("manifests", "x", "gone", "gone: no")
    limited = Outcome("manifests", "y", "failed", "limited: later", retryable=True)
    assert stage_outcome("manifests", "images", 2, []) == Outcome("manifests", "", "collected")
    partly = stage_outcome("manifests", "images", 2, [limited])
    assert (partly.status, partly.reason, partly.retryable) == (
        "collected",
        "1 of 2 images could not be read",
        True,
    )
    assert not stage_outcome("manifests", "images", 2, [gone]).retryable
    assert stage_outcome("manifests", "images", 1, [gone]).status == "gone"
    none = stage_outcome("manifests", "images", 2, [gone, limited])
    assert (none.status, none.retryable) == ("failed", True)
    assert "limited: later" in (none.reason or "")
