"""HTTP statuses as typed errors.

Here: the one table from answers to errors, registries' own error codes included. Not here: the errors themselves
(``errors``), what a status means at GitHub alone (``clients.github.errors``).

Source: distribution-spec v1.1 "Error codes"; Docker Hub's two kinds of 429 (docs.docker.com, "usage and limits").
"""

from collections.abc import Mapping

from dockml_dagster.clients.http.budget import read_retry_after
from dockml_dagster.clients.http.errors import (
    AbuseLimitError,
    FetchError,
    ForbiddenError,
    GoneError,
    LimitedError,
    PullLimitError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    one_line,
)
from dockml_dagster.study.formats.json import load_or_none

_MOST = 1 << 20
_PULL_LIMIT_WORDS = ("pull rate limit", "pull limit", "increase-rate-limit", "unauthenticated pull")
_SECONDARY_LIMIT_WORDS = ("secondary rate limit", "abuse detection")
_SHOWN = 160
_WORDS = {
    401: "needs a login",
    403: "not allowed",
    404: "not there",
    407: "the proxy wants a login (http://USER:PASSWORD@HOST:PORT in HTTPS_PROXY or HTTP_PROXY)",
    410: "no longer there",
    413: "refused as too large",
    429: "too many requests",
    451: "withheld for legal reasons",
    500: "the server failed",
    502: "the server failed",
    503: "the server is not available",
    504: "the server failed",
}


def error_of_answer(
    status: int, headers: Mapping[str, str], body: bytes, address: str, now: float
) -> FetchError:
    """The error for an answer. ``headers``: names in lower case; ``body``: its beginning is enough."""
    code, message = registry_error(body)
    said = ": ".join(part for part in (code, message) if part) or _WORDS.get(status, "an unexpected answer")
    said = f"{said} (HTTP {status})"
    wait = read_retry_after(headers, now)
    kind = _kind(status, headers, code, message)
    return kind(said, subject=address, status=status, retry_after=wait)


def registry_error(body: bytes) -> tuple[str | None, str | None]:
    """Code and message of a registry's error document (``{"errors": [{"code",
    "message"}]}``), one line each.
    """
    document = load_or_none(body, _MOST)
    if not isinstance(document, dict):
        return None, None
    errors = document.get("errors")
    entry = errors[0] if isinstance(errors, list) and errors else document
    if not isinstance(entry, dict):
        return None, None
    code, message = entry.get("code"), entry.get("message") or entry.get("detail") or entry.get("details")
    return (
        one_line(code)[:60] if isinstance(code, str) else None,
        one_line(message)[:_SHOWN] if isinstance(message, str) else None,
    )


def _kind(status: int, headers: Mapping[str, str], code: str | None, message: str | None) -> type[FetchError]:
    if status == 429:
        return _kind_of_429(code, message)
    if status == 403 and any(word in (message or "").lower() for word in _SECONDARY_LIMIT_WORDS):
        return AbuseLimitError
    if status == 403 and (headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers):
        return LimitedError
    if status >= 500 or status in {408, 425}:
        return UnavailableError
    kinds: dict[int, type[FetchError]] = {
        401: UnauthorizedError,
        403: ForbiddenError,
        404: GoneError,
        410: GoneError,
        413: TooLargeError,
        451: ForbiddenError,
    }
    return kinds.get(status, FetchError)


def _kind_of_429(code: str | None, message: str | None) -> type[FetchError]:
    # Docker Hub's pull limit is a registry error with an explanation; its abuse limit is a bare line. Other registries use
    # the code for requests per second, so the code alone does not mean a pull limit.
    text = (message or "").lower()
    if any(word in text for word in _PULL_LIMIT_WORDS):
        return PullLimitError
    return LimitedError if code else AbuseLimitError
