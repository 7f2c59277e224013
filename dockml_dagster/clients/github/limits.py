"""GitHub's rate limits: every documented form, what is left of each budget, and how long to wait.

Here: telling a limit from a refusal, the budgets, the waits and their growth, all of it kept for the next run. Not here:
sending requests (``client``), reading headers (``clients/http/budget``).

Source: docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api, "Exceeding the rate limit" (403 or 429;
``Retry-After``, else the reset of a used-up budget, else at least a minute and longer each time), and
docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api (status 200, and only a text).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from dockml_dagster.clients.github.store import GithubStore
from dockml_dagster.clients.http.budget import Allowance, read_allowance
from dockml_dagster.clients.http.errors import AbuseLimitError, FetchError, ForbiddenError, LimitedError

FIRST_WAIT: Final = 60.0
LONGEST_WAIT: Final = 3600.0
_LIMIT: Final = re.compile(
    r"\brate[- ]limit(s|ed)?\b|abuse detection|\bthrottled\b|too many requests|submitted too quickly",
    re.IGNORECASE,
)
_USED_UP: Final = re.compile(r"\brate limit (already )?exceeded", re.IGNORECASE)


def speaks_of_limit(text: str | None) -> bool:
    """Whether a message from GitHub says that a limit was reached, whatever its status."""
    return bool(_LIMIT.search(text or ""))


def is_budget(error: LimitedError) -> bool:
    """Whether an hourly budget is used up (a primary limit) and its reset is known. All other limits are secondary: they
    cover every kind of request, and their waits grow.
    """
    return error.retry_after is not None and bool(_USED_UP.search(error.problem))


def token_ends(headers: Mapping[str, str]) -> datetime | None:
    """When the token expires, by an answer's headers (names in lower case); None: never, or not stated.

    Source: docs.github.com/en/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation, on
    ``GitHub-Authentication-Token-Expiration``; its value is ``2026-12-31 09:00:00 UTC``, or with an offset instead of UTC.
    """
    said = headers.get("github-authentication-token-expiration", "").strip().replace(" UTC", " +0000")
    try:
        return datetime.strptime(said, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def limit_of(error: FetchError) -> LimitedError | None:
    """The limit that an error stands for; None if it is no limit."""
    if isinstance(error, LimitedError):
        return error
    if isinstance(error, ForbiddenError) and speaks_of_limit(error.problem):
        return AbuseLimitError(
            error.problem, subject=error.subject, status=error.status, retry_after=error.retry_after
        )
    return None


class Budgets:
    """What is left of one server's budgets, with and without the token, and until when it must not be asked.

    Kept in ``store``, so that the next run and other processes know it too. ``longest``: the most seconds to wait;
    a longer wait raises LimitedError.
    """

    def __init__(
        self, store: GithubStore, now: Callable[[], float], sleep: Callable[[float], None], longest: float
    ) -> None:
        self._store, self._now, self._sleep, self._longest = store, now, sleep, longest
        self._allowances = {
            (with_token, name): Allowance(**value)
            for with_token in (True, False)
            for name, value in store.documents(_kind(with_token))
        }

    def allowance(self, resource: str, *, with_token: bool) -> Allowance | None:
        """The last known allowance of ``core``, ``search`` or ``graphql``, full again after its reset; None: unknown."""
        known = self._allowances.get((with_token, resource))
        if known is not None and known.resets_at is not None and known.resets_at <= self._now():
            return replace(known, remaining=known.limit, resets_at=None)
        return known

    def all(self, *, with_token: bool) -> dict[str, Allowance]:
        """The last known allowance of every budget."""
        return {name: one for (token, name), one in self._allowances.items() if token == with_token}

    def observe(self, headers: Mapping[str, str], resource: str, *, with_token: bool) -> None:
        """Read the allowance in an answer's headers."""
        stated = read_allowance(headers, self._now())
        if stated is not None:
            self.keep(headers.get("x-ratelimit-resource", resource), stated, with_token=with_token)

    def keep(self, resource: str, allowance: Allowance, *, with_token: bool) -> None:
        """Record what is left of a budget; of its name, which a server states, the first 40 characters."""
        resource = resource[:40]
        self._allowances[with_token, resource] = allowance
        stated = {name: getattr(allowance, name) for name in Allowance.__dataclass_fields__}
        self._store.put_document(_kind(with_token), resource, stated)

    def wait(self, resource: str, address: str, *, with_token: bool) -> None:
        """Wait until the server may be asked. Raises LimitedError where that would take too long."""
        paused, _ = self._pause(with_token)
        self._wait(paused - self._now(), "a secondary rate limit was reached", address)
        known = self.allowance(resource, with_token=with_token)
        if known is None or known.remaining is None or known.remaining > 0 or known.resets_at is None:
            return
        what = (
            f"the {resource} budget of {known.limit or '?'} an hour"
            if resource != "search"
            else "the search budget"
        )
        self._wait(known.resets_at - self._now() + 1.0, f"{what} is used up", address)

    def _wait(self, seconds: float, why: str, address: str) -> None:
        if seconds <= 0:
            return
        if seconds > self._longest:
            raise LimitedError(why, subject=address, retry_after=seconds)
        self._sleep(seconds)

    def met(self, limit: LimitedError, resource: str, *, with_token: bool) -> LimitedError:
        """Record a limit that was hit; returns the error with the seconds to wait, which ``wait`` then obeys."""
        now = self._now()
        if is_budget(limit):
            known = self._allowances.get((with_token, resource)) or Allowance()
            until = now + (limit.retry_after or 0.0)
            self.keep(
                resource, replace(known, remaining=0, resets_at=until, seen_at=now), with_token=with_token
            )
            return limit
        # After the first limit each wait is longer, even where the server keeps asking for the same.
        _, times = self._pause(with_token)
        asked = FIRST_WAIT if limit.retry_after is None else limit.retry_after
        grown = min(FIRST_WAIT * 2**times, LONGEST_WAIT) if times or limit.retry_after is None else 0.0
        limit.retry_after = max(asked, grown)
        self._put_pause(now + limit.retry_after, times + 1, with_token=with_token)
        return limit

    def answered(self, *, with_token: bool) -> None:
        """Record that the server answered: waits for the next secondary limit start small again."""
        if self._pause(with_token)[1]:
            self._put_pause(0.0, 0, with_token=with_token)

    def _pause(self, with_token: bool) -> tuple[float, int]:
        kept = self._store.document("pause", _kind(with_token))
        return (kept["until"], kept["times"]) if kept else (0.0, 0)

    def _put_pause(self, until: float, times: int, *, with_token: bool) -> None:
        self._store.put_document("pause", _kind(with_token), {"until": until, "times": times})


def _kind(with_token: bool) -> str:
    return "allowance with a token" if with_token else "allowance without a token"
