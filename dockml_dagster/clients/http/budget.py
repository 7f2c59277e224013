"""Rate limits as servers state them, shared by all threads.

Here: the headers of rate limits (Docker Hub's registry and web interface, GitHub, the IETF draft), the forms
of ``Retry-After``, and the pause that one thread's 429 imposes on all. Not here: whether to try again
(``clients/http/retry``).
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

# An upper bound on what a server can make us wait, whatever it sends.
LONGEST_RETRY_AFTER = 7 * 86_400.0

_WINDOWED = re.compile(r"\s*(\d{1,12})\s*(?:;\s*w\s*=\s*(\d{1,9}))?")
_IETF = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*\"?(\d{1,12})")
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """An allowance as a server last stated it: ``limit`` requests in ``window`` seconds, ``remaining`` of them, reset
    at ``resets_at`` (unix time). ``source``: what Docker Hub counts by (an address or an account's id). None:
    not stated, which on Docker Hub means that pulls are not limited.
    """

    limit: int | None = None
    remaining: int | None = None
    window: int | None = None
    resets_at: float | None = None
    source: str | None = None
    seen_at: float = 0.0


class RateBudget:
    """The allowances of all hosts, and until when each must not be asked. Safe to share between threads."""

    counts: ClassVar[bool] = False
    """Whether requests are counted before they are sent: then each waiter must ask again after its wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowances: dict[str, Allowance] = {}
        self._paused_until: dict[str, float] = {}
        self._in_vain: dict[str, int] = {}

    def observe(self, host: str, headers: Mapping[str, str], now: float) -> Allowance | None:
        """Read an answer's headers; returns the allowance they state, or None."""
        stated = read_allowance(headers, now)
        if stated is not None:
            with self._lock:
                self._allowances[host] = stated
        return stated

    def allowance(self, host: str) -> Allowance | None:
        """The last allowance that ``host`` stated, or None."""
        with self._lock:
            return self._allowances.get(host)

    def allowances(self) -> dict[str, Allowance]:
        """The last allowance of every host."""
        with self._lock:
            return dict(self._allowances)

    def pause(self, host: str, until: float) -> None:
        """Stop requests of all threads to ``host`` until that unix time; never shortens a pause."""
        with self._lock:
            self._paused_until[host] = max(until, self._paused_until.get(host, 0.0))

    def asked_in_vain(self, host: str) -> int:
        """Record that ``host`` did not answer, or refused without stating a wait; returns the number of consecutive such
        failures over all threads.
        """
        with self._lock:
            self._in_vain[host] = times = self._in_vain.get(host, 0) + 1
        return times

    def answered(self, host: str) -> None:
        """Record that ``host`` answered: its next failure counts as the first."""
        with self._lock:
            self._in_vain.pop(host, None)

    def ask(self, account: str, now: float) -> float:
        """Seconds to wait before a request; 0: send it now, and pass its answer to ``observe``.

        ``account``: the host, followed by a space and the name of the limit where the host has several.
        """
        return self.seconds_paused(account.split(" ", maxsplit=1)[0], now)

    def seconds_paused(self, host: str, now: float) -> float:
        """Seconds until ``host`` may be asked again."""
        with self._lock:
            return max(0.0, self._paused_until.get(host, 0.0) - now)


def read_allowance(headers: Mapping[str, str], now: float) -> Allowance | None:
    """The allowance in an answer's headers (names in lower case). None if they state none.

    Forms read: ``RateLimit-Limit: 100;w=21600`` with ``RateLimit-Remaining`` (Docker Hub's registry),
    ``X-RateLimit-Limit/-Remaining/-Reset`` with a unix time (Docker Hub's web interface, GitHub), and the
    IETF draft's ``RateLimit: "default";r=50;t=30`` with ``RateLimit-Policy``.
    """
    limit, window = _windowed(headers.get("ratelimit-limit") or headers.get("x-ratelimit-limit"))
    remaining, window_too = _windowed(
        headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining")
    )
    resets_at = _reset_time(headers.get("ratelimit-reset") or headers.get("x-ratelimit-reset"), now)
    if "ratelimit" in headers:
        parts = dict(_IETF.findall(headers["ratelimit"].lower()))
        remaining = int(parts["r"]) if "r" in parts else remaining
        resets_at = now + int(parts["t"]) if "t" in parts else resets_at
        policy = dict(_IETF.findall(headers.get("ratelimit-policy", "").lower()))
        limit = int(policy["q"]) if "q" in policy else limit
        window = int(policy["w"]) if "w" in policy else window
    if limit is None and remaining is None:
        return None
    source = headers.get("docker-ratelimit-source")
    return Allowance(limit, remaining, window or window_too, resets_at, source[:100] if source else None, now)


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait (header names in
    lower case), from 0 to a week; None if it asks for no wait.

    ``Retry-After`` is seconds or a date (RFC 9110 10.2.3), on ghcr.io a Go duration (``412.3µs``);
    ``X-Retry-After`` on Docker Hub's web interface is a unix time; a used-up ``X-RateLimit`` waits for its
    reset.
    """
    wait = _retry_after(headers.get("retry-after"), now)
    if wait is None and "x-retry-after" in headers:
        moment = _number(headers["x-retry-after"])
        wait = None if moment is None else moment - now
    if wait is None:
        stated = read_allowance(headers, now)
        if stated is not None and stated.remaining == 0 and stated.resets_at is not None:
            wait = stated.resets_at - now
    return None if wait is None else min(max(wait, 0.0), LONGEST_RETRY_AFTER)


def _retry_after(value: str | None, now: float) -> float | None:
    if value is None:
        return None
    text = value.strip()[:100]
    seconds = _number(text)
    if seconds is not None:
        return seconds
    parts = _DURATION_PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None


def _windowed(value: str | None) -> tuple[int | None, int | None]:
    found = _WINDOWED.match(value) if value else None
    if found is None:
        return None, None
    return int(found[1]), int(found[2]) if found[2] else None


def _reset_time(value: str | None, now: float) -> float | None:
    number = _number(value) if value else None
    if number is None:
        return None
    # The draft counts seconds, Docker Hub and GitHub give a unix time; no window is thirty years long.
    return number if number > 1e9 else now + number


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,15})?", text, re.ASCII) else None
