"""The HTTP client of dockml: checked hosts, typed errors, retries, rate limits, capped bodies.

Here: one request with its redirects and retries, and an answer whose body is read under a cap. Not here:
logins (``clients/registry``), what a body means, and connections themselves (``transport``, imported
late).
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from dockml_dagster.clients.http.budget import RateBudget
from dockml_dagster.clients.http.closing import Closing
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    LimitedError,
    NoConnectionError,
    PullLimitError,
    SilentError,
    TooLargeError,
    TooSlowError,
)
from dockml_dagster.clients.http.hosts import HostPolicy, Origin
from dockml_dagster.clients.http.retry import RetryPolicy
from dockml_dagster.clients.http.statuses import error_of_answer

if TYPE_CHECKING:
    import requests

    from dockml_dagster.clients.http.transport import Transport

MAX_REDIRECTS = 5
MAX_ERROR_BODY = 8 << 10
UNSAID_WAIT = 60.0
LONGEST_UNSAID_WAIT = 3600.0
"""Seconds to leave a host alone that keeps refusing without stating a wait: first and longest; doubled each time."""
SLOWEST_BYTES = 4096
"""Fewest bytes a second of a large body, once it has kept us waiting for the time of a small one."""
_CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def user_agent(contact: str | None = None) -> str:
    """The ``User-Agent``. ``contact``: an address for the operators of the servers we ask."""
    return f"dockml/{version('dockml')} ({f'+{contact}' if contact else 'study of container images'})"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Seconds and limits. ``body_seconds``, ``header_seconds``: total time for a small body and for an answer's
    headers, so that a slow trickle of bytes cannot hold us. ``answer_seconds``: after so many no further redirect is
    followed and nothing is tried again; after half of them, where the host said nothing at all.
    """

    agent: str = field(default_factory=user_agent)
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    body_seconds: float = 120.0
    header_seconds: float = 60.0
    answer_seconds: float = 120.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Answer(Closing):
    """An HTTP answer whose body is not read yet. Close it, or use it in ``with``.

    ``headers``: names in lower case. ``address``: the final address after redirects.
    """

    def __init__(self, response: "requests.Response", address: str, body_seconds: float) -> None:
        self._response = response
        self._body_seconds = body_seconds
        self._waited = 0.0
        self._received = 0
        self.status: int = response.status_code
        self.headers: dict[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.address = address
        has_body = response.request.method != "HEAD" and self.status not in {204, 304}
        self._missing = self.content_length if has_body else 0
        self._ended = self._missing == 0
        self._closed = False

    @property
    def content_length(self) -> int | None:
        """The length that the server claims, in bytes; None if there is none, or none that can be parsed."""
        claimed = self.headers.get("content-length", "")
        return int(claimed) if claimed.isascii() and claimed.isdigit() and len(claimed) < 19 else None

    def read_some(self, most: int) -> bytes:
        """Up to ``most`` raw bytes, as many as have arrived; empty at the end.

        Raises UnavailableError if the connection breaks, TooSlowError if the body drips.
        """
        from dockml_dagster.clients.http import transport

        if self._missing is not None:
            # Ignores bytes that a server sends beyond its claimed length.
            most = min(most, self._missing)
        if most == 0:
            return b""
        asked_at = time.monotonic()
        try:
            if self._missing is None:
                piece = transport.read_chunk(self._response, most, self._body_seconds)
            else:
                # read() would wait until all `most` bytes are there, for hours if the server drips them.
                piece = self._response.raw.read1(most, decode_content=False) or b""
        except transport.STREAM_ERRORS as error:
            raise transport.stream_failure(error, self.address) from None
        if self._missing is not None:
            self._missing -= len(piece)
        self._ended = not piece or self._missing == 0
        # Only the server's time counts, not that in which the reader works on what came.
        self._waited += time.monotonic() - asked_at
        self._received += len(piece)
        if not self._ended and self._waited > self._body_seconds + self._received / SLOWEST_BYTES:
            raise TooSlowError(
                f"the answer took too long: {self._received} bytes in {self._waited:.0f} s",
                subject=self.address,
            )
        return piece

    def read(self, most: int) -> bytes:
        """The whole body, at most ``most`` bytes.

        Raises TooLargeError as soon as the cap is passed (also by the claimed length), UnavailableError if
        the connection breaks, TooSlowError if the body takes too long, BrokenContentError if it is compressed although
        that was not requested.
        """
        if self.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise BrokenContentError("compressed, though that was not asked for", subject=self.address)
        if self.content_length is not None and self.content_length > most:
            raise TooLargeError(
                f"{self.content_length} bytes, more than the {most} that are read", subject=self.address
            )
        deadline = time.monotonic() + self._body_seconds
        pieces, length = [], 0
        while piece := self.read_some(min(_CHUNK, most + 1 - length)):
            length += len(piece)
            if length > most:
                raise TooLargeError(f"more than the {most} bytes that are read", subject=self.address)
            if time.monotonic() > deadline:
                raise TooSlowError("the answer took too long", subject=self.address)
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Return the connection to the pool if its body is (nearly) read to the end; else drop it."""
        if self._closed:
            return
        self._closed = True
        with suppress(FetchError):
            if not self._ended and self._missing is not None and self._missing <= _CHUNK:
                self.read_some(_CHUNK)
        from dockml_dagster.clients.http.transport import STREAM_ERRORS

        with suppress(*STREAM_ERRORS):
            if self._ended:
                # http.client marks an answer as complete only when a read reaches its end; this read returns
                # nothing.
                self._response.raw.read(1, decode_content=False)
                self._response.raw.release_conn()
        self._response.close()


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, independent of the address that redirects lead it to."""

    method: str
    headers: Mapping[str, str]
    authorization: str | None
    data: Mapping[str, str] | bytes | None
    expected: frozenset[int]


class HttpClient(Closing):
    """Requests under one policy and one budget. Safe to share between threads.

    ``sleep``, ``now`` and ``chance`` are there for tests. ``requests_sent`` counts sent requests by method.
    """

    def __init__(
        self,
        policy: HostPolicy | None = None,
        settings: HttpSettings | None = None,
        budget: RateBudget | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy or HostPolicy()
        self.settings = settings or HttpSettings()
        self.budget = budget or RateBudget()
        self.requests_sent: dict[str, int] = {}
        self._sleep, self._now, self._chance = sleep, now, chance
        self._transport: Transport | None = None
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        data: Mapping[str, str] | bytes | None = None,
        expected: Collection[int] = (200,),
        retry: RetryPolicy | None = None,
        counted_as: str = "",
    ) -> Answer:
        """An answer with one of the ``expected`` statuses; any other status raises its error.

        ``data``: the body, a form or bytes whose type ``headers`` state. ``counted_as``: which of the server's limits the
        request counts against, where it has several.
        ``authorization`` goes to the origin of ``address`` and to no other, whatever redirects say. Whether to retry
        follows from the error itself. Raises FetchError.
        """
        policy = retry or self.settings.retry
        origin = self.policy.check(address)
        question = _Question(method, dict(headers or {}), authorization, data, frozenset(expected))
        failures, spent = 0, 0.0
        while True:
            account = f"{origin.hostname} {counted_as}".strip()
            self._wait_while_paused(origin, account, policy)
            asked_at = time.monotonic()
            try:
                answer = self._follow(question, address, account)
            except FetchError as error:
                spent += time.monotonic() - asked_at
                failures = self._failures(error, failures + 1, origin.hostname, policy)
                wait = policy.wait(error, failures, self._chance)
                if error.retry_after is not None and error.status == 429 and policy.obeys_limits:
                    self.budget.pause(origin.hostname, self._now() + error.retry_after)
                # Half for silence: a HEAD in vain and the GET that stands in for it share the time of one answer.
                share = 0.5 if isinstance(error, SilentError) else 1.0
                if wait is None or spent > share * self.settings.answer_seconds:
                    raise
                self._sleep(wait)
            else:
                self.budget.answered(origin.hostname)
                return answer

    def _failures(self, error: FetchError, failures: int, host: str, policy: RetryPolicy) -> int:
        """The number of failures that decides about a retry. An unreachable or silent host is not retried for every request
        anew: its failures for other requests count too. A host that keeps refusing without stating a wait gets longer and
        longer ones.
        """
        unsaid = isinstance(error, LimitedError) and error.status == 429 and error.retry_after is None
        if isinstance(error, (NoConnectionError, SilentError)):
            return max(failures, self.budget.asked_in_vain(host))
        if not unsaid or isinstance(error, PullLimitError) or not policy.obeys_limits:
            if error.status is not None and error.status != 429:
                self.budget.answered(host)
            return failures
        beyond = self.budget.asked_in_vain(host) - policy.attempts
        if beyond >= 0:
            error.retry_after = min(UNSAID_WAIT * 2.0**beyond, LONGEST_UNSAID_WAIT)
        return failures

    def allow(self, origin: Origin) -> None:
        """Treat ``origin`` as configured by the user from now on."""
        with self._lock:
            self.policy = replace(self.policy, configured=self.policy.configured | {origin})

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    def _wait_while_paused(self, origin: Origin, account: str, policy: RetryPolicy) -> None:
        while (paused := self.budget.ask(account, self._now())) > 0:
            if paused > policy.longest_obeyed:
                raise LimitedError(
                    f"the limit of {account} is used up for now", subject=str(origin), retry_after=paused
                )
            self._sleep(paused)
            if not self.budget.counts:
                return

    def _follow(self, question: "_Question", address: str, account: str) -> Answer:
        first = Origin.of(address)
        # A redirect that returns to the first origin does not get the credential again.
        inside = True
        ends = time.monotonic() + self.settings.answer_seconds
        for step in range(MAX_REDIRECTS + 1):
            origin = self.policy.check(address, redirected=step > 0)
            inside = inside and origin == first
            sent = dict(question.headers)
            if question.authorization is not None and inside:
                sent["Authorization"] = question.authorization
            # A redirect to another server counts against that server's limit.
            answer = self._send(question, address, sent, account if origin == first else origin.hostname)
            if answer.status not in _REDIRECTS or answer.status in question.expected:
                break
            target = answer.headers.get("location")
            answer.close()
            following = _joined(address, target) if target is not None else None
            if following is None or question.method not in {"GET", "HEAD"}:
                raise BrokenContentError(
                    "a redirect that cannot be followed", subject=address, status=answer.status
                )
            if time.monotonic() > ends:
                raise TooSlowError("its redirects took too long", subject=address)
            address = following
        else:
            raise BrokenContentError(f"more than {MAX_REDIRECTS} redirects", subject=address)
        if answer.status in question.expected:
            return answer
        raise self._failure(answer, question.authorization)

    def _send(self, question: "_Question", address: str, headers: dict[str, str], account: str) -> Answer:
        from dockml_dagster.clients.http.transport import Transport

        with self._lock:
            if self._transport is None:
                self._transport = Transport(lambda: self.policy, self.settings.header_seconds)
            transport = self._transport
            self.requests_sent[question.method] = self.requests_sent.get(question.method, 0) + 1
        timeout = (self.settings.connect_seconds, self.settings.read_seconds)
        headers = {
            "User-Agent": self.settings.agent,
            "Accept-Encoding": "identity",
            "Accept": "*/*",
            **headers,
        }
        response = transport.send(question.method, address, headers, timeout, question.data)
        answer = Answer(response, address, self.settings.body_seconds)
        self.budget.observe(account, answer.headers, self._now())
        if "content-length" in answer.headers and answer.content_length is None:
            # If the length were ignored, the body would end only with the connection.
            answer.close()
            raise BrokenContentError("a length that is no number", subject=address)
        return answer

    def _failure(self, answer: Answer, authorization: str | None) -> FetchError:
        body = b""
        with answer, suppress(FetchError):
            body = answer.read_some(MAX_ERROR_BODY)
        if authorization:
            # A server that echoes the credential must not get it into our records.
            body = body.replace(authorization.rpartition(" ")[2].encode(), b"...")
        return error_of_answer(answer.status, answer.headers, body, answer.address, self._now())


def _joined(address: str, target: str) -> str | None:
    try:
        return urljoin(address, target)
    except ValueError:
        return None


def lines_of_link(header: str | None) -> Iterator[tuple[str, str]]:
    """The ``(relation, target)`` pairs of a ``Link`` header (RFC 8288), as far as they can be parsed."""
    for part in (header or "")[:8192].split(","):
        target, _, parameters = part.partition(";")
        target = target.strip()
        if not (target.startswith("<") and target.endswith(">")):
            continue
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "rel":
                for relation in value.strip().strip('"').split():
                    yield relation.lower(), target[1:-1]
