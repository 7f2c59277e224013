"""The error tree: what each says, that it crosses processes, and that no secret gets into it."""

import pickle

import pytest

from dockml_dagster.clients.http import errors
from dockml_dagster.clients.http.errors import FetchError, UnavailableError, one_line, redacted
from dockml_dagster.clients.http.statuses import error_of_answer, registry_error
from dockml_dagster.errors import DockmlError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FetchError)]


def test_the_tree() -> None:
    assert len(KINDS) >= 14
    assert all(issubclass(kind, DockmlError) for kind in KINDS)
    reasons = [kind.reason for kind in KINDS]
    assert len(set(reasons)) == len(reasons)
    assert {kind.reason for kind in KINDS if kind.retryable} == {
        "limited",
        "pull_limit",
        "abuse_limit",
        "unavailable",
        "unreachable",
        "silent",
        "too_slow",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_crosses_processes(kind: type[FetchError]) -> None:
    error = kind("a problem", subject="https://u:p@h/x?sig=1", status=418, retry_after=2.5)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert (copy.status, copy.retry_after, copy.subject) == (418, 2.5, error.subject)


def test_one_line_and_no_secret() -> None:
    error = UnavailableError(
        "two\nlines\x1b[31m" + "x" * 1000, subject="https://user:secret@host/p?X-Signature=abc#f"
    )
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert "secret" not in str(error)
    assert "abc" not in str(error)
    assert len(str(error)) < 700
    assert str(error).startswith("https://host/p?…: two lines")


@pytest.mark.parametrize("text", ["http://[", "https://a:b@[::1", "x" * 5000, "\x00"])
def test_any_subject(text: str) -> None:
    assert "\n" not in redacted(text)
    assert len(one_line(text)) <= 300


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"errors": 3}',
        b'{"errors": [3]}',
        b'{"errors": [{"code": 1}]}',
        b"[" * 9000,
        b"\xff",
    ],
)
def test_any_error_document(body: bytes) -> None:
    assert error_of_answer(404, {}, body, "http://h/", 0).reason == "gone"


def test_an_error_document_that_is_too_large_says_nothing() -> None:
    document = b'{"errors": [{"code": "DENIED", "message": "no"}]}'
    assert registry_error(document) == ("DENIED", "no")
    assert registry_error(document + b" " * (1 << 20)) == (None, None)
