"""Searches with more results than GitHub shows: split by ranges until every part is below the limit.

Here: splitting a search, its record, its incomplete parts. Not here: which searches a study makes (``frame``), what
happens to the repositories found (``selection``).

GitHub shows 1,000 results of a search. A search with more is split by stars; a single star count with more, by the day
of creation; one day with more, by the day of the last push; a part that is still too large is recorded as incomplete. A
range whose pages repeat some repositories and miss others is split too. Every page is stored as it arrives, under the
round's own date, so that a killed search continues where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isqrt
from typing import Any, Protocol

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.questions import PAGE, SEARCH_CAP, SearchPage

FIRST_DAY = date(2007, 10, 1)
"""A day before the first repository on GitHub."""
INCOMPLETE_TRIES = 3


class Notes(Protocol):
    """Where pages are stored: ``clients.github.store.GithubStore``."""

    def document(self, kind: str, name: str) -> Any: ...  # noqa: D102

    def put_document(self, kind: str, name: str, value: Any) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Part:
    """One range of a search. ``total``: number of results; ``found``: those shown. ``problem``: why these are fewer."""

    query: str
    total: int
    found: tuple[Repository, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Range:
    """``stars``: from, to (None: no upper end). Days: from, to; None: any."""

    stars: tuple[int, int | None]
    created: tuple[date, date] | None = None
    pushed: tuple[date, date] | None = None

    def text(self) -> str:
        low, high = self.stars
        parts = [f"stars:>={low}" if high is None else f"stars:{low}..{high}"]
        if self.created is not None:
            parts.append(f"created:{self.created[0]}..{self.created[1]}")
        if self.pushed is not None:
            parts.append(f"pushed:{self.pushed[0]}..{self.pushed[1]}")
        return " ".join(parts)

    def halves(self, as_of: date, most_stars: int) -> list[_Range]:
        """The range split into two; empty if it cannot be split."""
        low, high = self.stars
        if high is None or low < high:
            top = max(most_stars, low + 1) if high is None else high
            # Few repositories have many stars: the geometric middle splits more evenly than the arithmetic one.
            middle = min(max(isqrt((low + 1) * (top + 1)) - 1, low), top - 1)
            return [replace(self, stars=(low, middle)), replace(self, stars=(middle + 1, high))]
        if self.created is None:
            return [replace(self, created=half) for half in _halved((FIRST_DAY, as_of))]
        if halves := _halved(self.created):
            return [replace(self, created=half) for half in halves]
        if self.pushed is None:
            # A repository without a push since its creation has the day of creation.
            halves = _halved((self.created[0] - timedelta(days=1), as_of + timedelta(days=1)))
            return [replace(self, pushed=half) for half in halves]
        return [replace(self, pushed=half) for half in _halved(self.pushed)]


def _halved(days: tuple[date, date]) -> list[tuple[date, date]]:
    first, last = days
    if first >= last:
        return []
    middle = first + (last - first) // 2
    return [(first, middle), (middle + timedelta(days=1), last)]


def search(
    ask: Callable[[str, int], SearchPage], notes: Notes, text: str, minimum_stars: int, as_of: date
) -> Iterator[Part]:
    """Every part of the search ``text``, in a fixed order; ``ask(query, page)`` asks GitHub.

    ``as_of``: the day of this round, the end of all ranges. Raises what ``ask`` raises; all answers so far are kept.
    """

    def page(query: str, number: int) -> SearchPage:
        return _page(ask, notes, query, number, as_of)

    waiting = [_Range((minimum_stars, None))]
    while waiting:
        part = waiting.pop()
        query = f"{text} {part.text()}"
        first = page(query, 1)
        top = max((item.stars or 0 for item in first.items), default=0)
        halves = part.halves(as_of, top)
        if first.total <= SEARCH_CAP:
            read = _read_part(page, query, first, None)
            # Equal stars have no fixed order, so pages repeat some results and miss others. Smaller ranges have fewer pages.
            again = halves if len(read.found) < first.total and first.total > PAGE else []
            yield replace(read, problem=None) if again else read
            waiting += reversed(again)
            continue
        if halves:
            waiting += reversed(halves)
            continue
        reason = (
            f"{first.total} results in a range that cannot be split, of which GitHub shows {SEARCH_CAP}: "
            f"{first.total - SEARCH_CAP} are missing"
        )
        yield _read_part(page, query, first, reason)


def _read_part(
    page: Callable[[str, int], SearchPage], query: str, first: SearchPage, problem: str | None
) -> Part:
    pages = [first]
    for number in range(2, -(-min(first.total, SEARCH_CAP) // PAGE) + 1):
        pages.append(page(query, number))
    found = {item.id: item for one in pages for item in one.items}
    if problem is None and any(one.incomplete for one in pages):
        problem = f"GitHub ran out of time: {len(found)} of {first.total} results, marked incomplete"
    elif problem is None and len(found) < first.total:
        problem = f"GitHub announced {first.total} results and showed {len(found)}"
    return Part(query, first.total, tuple(found.values()), problem)


def _page(
    ask: Callable[[str, int], SearchPage], notes: Notes, query: str, number: int, as_of: date
) -> SearchPage:
    mark = f"{as_of} {number} {query}"
    kept = notes.document("search page", mark)
    if kept is None:
        for _ in range(INCOMPLETE_TRIES):
            page = ask(query, number)
            if not page.incomplete:
                break
        kept = {
            "total": page.total,
            "incomplete": page.incomplete,
            "items": [item.as_document() for item in page.items],
        }
        notes.put_document("search page", mark, kept)
    return SearchPage(
        kept["total"], kept["incomplete"], tuple(Repository.from_document(item) for item in kept["items"])
    )
