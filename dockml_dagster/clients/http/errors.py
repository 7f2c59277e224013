"""One tree of errors for everything that is fetched, from the network or from an archive.

Here: the kinds of failure, and addresses and texts made safe to show. Every error states three things that a
collector acts on: ``retryable`` (can the same request succeed later?), ``reason`` (a stable code for
``raw.outcomes``) and one line of text. No text ever holds a token, a password or the query of an address (signed
addresses carry their secret there). Not here: what to do about an error (``clients.http.retry``), which answer is
which error (``statuses``).
"""

from typing import ClassVar
from urllib.parse import urlsplit

from dockml_dagster.errors import DockmlError
from dockml_dagster.text import printable

_LONGEST_TEXT = 300


class FetchError(DockmlError):
    """Something could not be fetched.

    ``subject``: what was asked for: an address without query, or a reference. ``status``: the HTTP status, if
    an answer came. ``retry_after``: seconds that the server asked to wait, if it did.
    """

    reason: ClassVar[str] = "failed"
    retryable: ClassVar[bool] = False
    exit_code = 3

    def __init__(
        self, problem: str, *, subject: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        self.problem = one_line(problem)
        self.subject = redacted(subject)
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{self.subject}: {self.problem}" if self.subject else self.problem)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled by worker processes; the default would call __init__ with the joined text alone.
        return (_rebuilt, (type(self), self.__dict__.copy(), str(self)))


class GoneError(FetchError):
    """The subject does not exist (404, 410, MANIFEST_UNKNOWN): an outcome to record; a retry cannot help."""

    reason = "gone"


class UnauthorizedError(FetchError):
    """A login is needed, or the one given was refused (401)."""

    reason = "unauthorized"


class ForbiddenError(FetchError):
    """The login is valid but lacks permission (403, DENIED)."""

    reason = "forbidden"


class LimitedError(FetchError):
    """A limit was reached (429, or 403 with a limit's headers). ``retry_after`` may be None: not stated."""

    reason = "limited"
    retryable = True


class PullLimitError(LimitedError):
    """The allowance of manifest pulls is used up (Docker Hub: 100 or 200 in six hours).
    Waiting for seconds does not help.
    """

    reason = "pull_limit"


class AbuseLimitError(LimitedError):
    """Too many requests in a short time; a short pause helps."""

    reason = "abuse_limit"


class UnavailableError(FetchError):
    """The server or the connection failed (5xx, timeout, connection cut, name not resolved now)."""

    reason = "unavailable"
    retryable = True


class NoConnectionError(UnavailableError):
    """No server was reached: name not resolved now, no connection, a proxy or certificate failure."""

    reason = "unreachable"


class SilentError(UnavailableError):
    """The server was reached and said nothing, or nothing more, for the whole time that a read may take."""

    reason = "silent"


class TooSlowError(UnavailableError):
    """The answer came so slowly that it was given up. Trying at once again would take as long."""

    reason = "too_slow"


class BrokenContentError(FetchError):
    """The answer is invalid: no JSON, wrong types, a breach of the protocol. A retry would get the same."""

    reason = "broken_content"


class DigestMismatchError(BrokenContentError):
    """The bytes do not have the digest or the size that names them. None of them is kept."""

    reason = "digest_mismatch"


class TooLargeError(FetchError):
    """Larger than the cap for its kind; reading stopped at the cap."""

    reason = "too_large"


class UnsupportedError(FetchError):
    """A known form that dockml does not read (an encrypted layer, a layer that only its vendor's site has)."""

    reason = "unsupported"


class RefusedHostError(FetchError):
    """The host is not allowed, or its address is a private one; nothing was sent to it."""

    reason = "refused_host"


class SettingError(FetchError):
    """A setting or a credential file that cannot be used."""

    reason = "bad_setting"
    exit_code = 2


def redacted(address: str) -> str:
    """The address without user, password, query and fragment; other text stays as it is, on one line."""
    if "://" not in address:
        return one_line(address)
    try:
        parts = urlsplit(address)
    except ValueError:
        return one_line(address.partition("?")[0])
    host = parts.netloc.rpartition("@")[2]
    return one_line(f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else ""))


def one_line(text: str) -> str:
    """The text on one line, without control characters, at most 300 characters. Servers' texts are hostile too."""
    cleaned = " ".join(printable(text[: 4 * _LONGEST_TEXT]).split())
    return cleaned if len(cleaned) <= _LONGEST_TEXT else cleaned[: _LONGEST_TEXT - 1] + "…"


def _rebuilt(kind: type[FetchError], state: dict[str, object], text: str) -> FetchError:
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    error.__dict__.update(state)
    return error
