"""How GitHub counts and limits: time, budgets by whom is asking, points of GraphQL, the forms of its refusals.

Here: what the stand-in keeps its limits by, and the bodies of its refusals. Not here: repositories, addresses
(``stand_in``).

Sources, all of docs.github.com: "Rate limits for the REST API"; "Best practices for using the REST API" (a 304 is free
with an Authorization header); "Rate limits and query limits for the GraphQL API" (points); "Managing allowed IP addresses
for your organization"; "Configuring rate limits" of Enterprise Server. Partial answers: github.blog/changelog, 2025-09-01.
"""

import json
import re
from collections import Counter
from pathlib import Path
from time import time as real_time

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
ALLOW_LIST = (
    "Although you appear to have the correct authorization credentials, the `{owner}` organization has an IP allow list "
    "enabled, and your IP address is not permitted to access this resource."
)
TOO_EXPENSIVE = "Resource limits for this query exceeded."
ANONYMOUS = {"core": 60, "search": 10, "graphql": 0}


class Clock:
    """A time that nobody has to wait for: sleeping sets it on. Kept in a file, so that processes share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sleeps: list[float] = []

    def now(self) -> float:
        ahead = self._path.read_text() if self._path.exists() else ""
        return real_time() + float(ahead or 0)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        ahead = self.now() - real_time() + seconds
        beside = self._path.with_suffix(".new")
        beside.write_text(repr(ahead))
        beside.replace(self._path)


class Budgets:
    """What each who asks has left. ``limits`` None: there are none, as on GitHub Enterprise Server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.limits: dict[str, int] | None = {"core": 5000, "search": 30, "graphql": 5000}
        self.anonymous = dict(ANONYMOUS)
        self.seconds = {"core": 3600.0, "search": 60.0, "graphql": 3600.0}
        self.windows: dict[tuple[str | None, str], tuple[float, int]] = {}
        """Who and what → when the window ends, and what was used in it."""
        self.opened: Counter[tuple[str | None, str]] = Counter()
        """How many windows there were."""

    def limit(self, who: str | None, resource: str) -> int:
        assert self.limits is not None
        return min(self.limits[resource], self.anonymous[resource]) if who is None else self.limits[resource]

    def used(self, who: str | None, resource: str) -> int:
        ends, used = self.windows.get((who, resource), (0.0, 0))
        return used if ends > self._clock.now() else 0

    def spend(self, who: str | None, resource: str, count: int) -> bool:
        """Whether there was enough left."""
        if self.limits is None:
            return True
        used = self.used(who, resource)
        if used + (count > 0) > self.limit(who, resource):
            return False
        ends, _ = self.windows.get((who, resource), (0.0, 0))
        now = self._clock.now()
        if ends <= now:
            ends = now + self.seconds[resource]
            self.opened[who, resource] += 1
        self.windows[who, resource] = ends, used + count
        return True

    def stated(self, who: str | None, resource: str) -> dict[str, int]:
        limit, used = self.limit(who, resource), self.used(who, resource)
        ends = max(self.windows.get((who, resource), (0.0, 0))[0], self._clock.now() + 1)
        return {"limit": limit, "used": used, "remaining": max(0, limit - used), "reset": int(ends) + 1}

    def headers(self, who: str | None, resource: str) -> dict[str, str]:
        if self.limits is None:
            return {}
        stated = self.stated(who, resource)
        return {
            **{f"X-RateLimit-{name.capitalize()}": str(value) for name, value in stated.items()},
            "X-RateLimit-Resource": resource,
        }


def points(body: bytes) -> int:
    """A hundredth of the requests that a query's lists take, rounded, and one at least."""
    query = json.loads(body)["query"]
    repositories = len(re.findall(r"\brepository\(", query))
    fragment = query.partition("fragment ")[2]
    lists = len(re.findall(r"\b(issues|pullRequests|releases|repositoryTopics|history)\b", fragment))
    return max(1, round(repositories * lists / 100))


def blank(document: dict, kept: int) -> None:
    """Make an answer partial: after the first ``kept`` parts nulls, each with its error, as where a query is too expensive.

    Of a repository's metadata it is a field within that is null; of contents each one that is not answered.
    """
    count = 0
    errors = document.setdefault("errors", [])
    for alias, repository in (document["data"] or {}).items():
        if repository is None:
            continue
        contents = [name for name in repository if re.fullmatch(r"b\d+", name)]
        for name in contents or ["defaultBranchRef"]:
            count += 1
            if count > kept:
                repository[name] = None
                errors.append(
                    {"type": "RESOURCE_LIMITS_EXCEEDED", "path": [alias, name], "message": TOO_EXPENSIVE}
                )
    if not errors:
        del document["errors"]
