"""The decisions of sensors as pure functions: which partitions are missing, what to request now, what to wait for.

Here: comparisons of plain values. Not here: reading the warehouse (``warehouse.due``), Dagster (``sensors``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dockml_dagster.corpora import corpus_of
from dockml_dagster.warehouse.due.query import Due
from dockml_dagster.warehouse.due.tags import Tag

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=1)
"""Longest wait after failures: waits double from the first to this one. 26 tries in the first month."""


def missing_partitions(wanted: Iterable[str], existing: Collection[str], *, at_most: int) -> list[str]:
    """The first ``at_most`` of ``wanted`` that are not partitions yet, in order."""
    known = set(existing)
    found: list[str] = []
    for key in wanted:
        if len(found) == at_most:
            break
        if key not in known:
            known.add(key)
            found.append(key)
    return found


def left_partitions(
    wanted: Collection[str], existing: Iterable[str], quiet: Collection[str], *, at_most: int
) -> list[str]:
    """The first ``at_most`` partitions of ``quiet`` corpora that are in no listing any more.

    A corpus is quiet if it was listed and no run works on it: an unlisted one is unknown, a run would lose its work.
    """
    known = set(wanted)
    return [key for key in existing if corpus_of(key) in quiet and key not in known][:at_most]


def stretches(ordered: Sequence[str], wanted: Collection[str], size: int) -> list[list[str]]:
    """Contiguous stretches of ``ordered`` inside ``wanted``, each of one corpus and at most ``size`` long.

    A range of partitions covers every key between its ends in insertion order, including other corpora's, so a batch must be
    a stretch without a gap. A batch names its corpus, so that no other run works on the corpus meanwhile.
    """
    found: list[list[str]] = []
    current: list[str] = []
    for key in ordered:
        if key in wanted and len(current) < size and (not current or corpus_of(key) == corpus_of(current[0])):
            current.append(key)
            continue
        if current:
            found.append(current)
        current = [key] if key in wanted else []
    return [*found, current] if current else found


def wait(failures: int) -> timedelta:
    """How long to wait after this many consecutive failures."""
    return min(FIRST_WAIT * 2 ** min(max(failures - 1, 0), 20), LONGEST_WAIT) if failures else timedelta()


def ripe(due: Iterable[Due], now: datetime) -> list[Due]:
    """Those of ``due`` whose wait after a failure is over. ``now`` is UTC without zone, like ``observed_at``."""
    return [
        item
        for item in due
        if item.reason != "failed for now"
        or item.observed_at is None
        or item.observed_at + wait(item.failures) <= now
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """Earlier requests of a sensor: a mark of the work → (consecutive requests, time of the last, ISO in UTC).

    Kept in the sensor's cursor. After a run that fails as a whole its work is still due; without this record it
    would be requested at every tick.
    """

    marks: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> Asked:
        """Parse a cursor; an unreadable one counts as empty."""
        try:
            marks = json.loads(cursor or "{}")
            return cls({mark: (int(times), str(at)) for mark, (times, at) in marks.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def written(self) -> str:
        """The text of the cursor."""
        return json.dumps({mark: list(value) for mark, value in self.marks.items()}, sort_keys=True)

    def may_ask(self, mark: str, now: datetime) -> bool:
        """Whether the work was never requested, or long enough ago. Setting the clock back never prolongs the wait."""
        if mark not in self.marks:
            return True
        times, at = self.marks[mark]
        since = now - datetime.fromisoformat(at)
        return since >= wait(times) or since < timedelta()

    def times(self, mark: str) -> int:
        """How often in a row the work was requested."""
        return self.marks.get(mark, (0, ""))[0]

    def asking(self, marks: Iterable[str], now: datetime, *, kept: Collection[str]) -> Asked:
        """The record with ``marks`` requested now; of other marks only ``kept`` stay, so that the cursor stays small."""
        new = {mark: (self.times(mark) + 1, now.isoformat()) for mark in marks}
        return Asked({**{mark: self.marks[mark] for mark in kept if mark in self.marks}, **new})


def mark_of(items: Iterable[Due]) -> str:
    """A short hash of what is due, with reasons and moments."""
    parts = sorted(f"{item.project} {item.stage} {item.reason} {item.observed_at}" for item in items)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Batch:
    """Contiguous partition keys to collect in one run. ``mark`` names the work, ``attempt`` counts from 1."""

    projects: tuple[str, ...]
    mark: str
    attempt: int


def batches(
    due: Sequence[Due],
    ordered: Sequence[str],
    asked: Asked,
    now: datetime,
    *,
    size: int,
    at_most: int,
) -> tuple[list[Batch], Asked]:
    """The runs to request now, and the updated record of requests.

    ``ordered``: all partition keys in their order; due work without a partition waits until there is one.
    """
    by_project: dict[str, list[Due]] = {}
    for item in ripe(due, now):
        by_project.setdefault(item.project, []).append(item)
    found: list[Batch] = []
    known: set[str] = set()
    for keys in stretches(ordered, by_project.keys(), size):
        mark = mark_of(item for key in keys for item in by_project[key])
        known.add(mark)
        if len(found) < at_most and asked.may_ask(mark, now):
            found.append(Batch(tuple(keys), mark, asked.times(mark) + 1))
    return found, asked.asking([batch.mark for batch in found], now, kept=known)


TAG_AGE = timedelta(days=1)
"""The age at which a tag is resolved again."""


def tags_to_look_at(tags: Iterable[Tag], now: datetime, *, at_most: int) -> list[str]:
    """References last resolved too long ago, oldest first, each once. Setting the clock back never prolongs the wait."""
    old = [tag for tag in tags if not timedelta() <= now - tag.looked_at < TAG_AGE]
    old.sort(key=lambda tag: (tag.looked_at, tag.reference))
    return list(dict.fromkeys(tag.reference for tag in old))[:at_most]


def moved(tags: Iterable[Tag], seen: Mapping[str, str | None]) -> list[Tag]:
    """Tags that resolve to another digest now. ``seen``: reference → digest; None: not resolved, which counts as no move."""
    return [tag for tag in tags if (digest := seen.get(tag.reference)) and digest not in tag.digests]


PATIENCE = timedelta(minutes=3)
"""How long the findings wait for a collection to begin. One sensor lists, the next collects, a third makes findings, each
every half a minute. If the collecting sensor is off, findings are still made after this wait."""


@dataclass(frozen=True, slots=True)
class FailedInARow:
    """How often something failed since its last success, and the time of the last failure (UTC without zone)."""

    times: int
    at: datetime


def findings_wait_for(
    *,
    current: bool,
    under_way: int,
    due: int,
    changed_at: datetime | None,
    failed: FailedInARow | None,
    now: datetime,
) -> str | None:
    """What the findings wait for, in one line; None: make them now.

    ``current``: nothing happened since they were made. ``under_way``: running runs of any kind. ``due``: stages that are not
    waiting after a failure. ``changed_at``: time of the last listing or collection. Setting the clock back never prolongs
    the wait.
    """
    if current or changed_at is None:
        return "the findings are up to date"
    if under_way:
        return f"{under_way} runs are under way"
    if due and timedelta() <= now - changed_at < PATIENCE:
        return f"{due} stages are due and about to be collected"
    if failed and timedelta() <= now - failed.at < wait(failed.times):
        return f"the findings failed {failed.times} times in a row; they are tried again {failed.at + wait(failed.times)}"
    return None
