"""Derivations: computations on collected texts and projects, on all cores.

Here: the work of each derivation on some units, as functions that any process can call, and the processes. Not here: which
units are due (``warehouse.due``), reading, labelling and linking themselves (``study``), Dagster. The rows and their order
do not depend on the number of processes: units are divided and the rows joined in order.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from dockml_dagster.corpora.links import links_of_texts
from dockml_dagster.errors import DockmlError
from dockml_dagster.images.scanning.pool import ScanPool
from dockml_dagster.progress import advance, listening
from dockml_dagster.study.cuts import note_cut, noted_cuts
from dockml_dagster.study.deadline import time_limit
from dockml_dagster.study.image_links.rows import NamedImage, link_rows
from dockml_dagster.study.labels.machine import Labeller
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.study.readings import Reader
from dockml_dagster.warehouse.due.derivation import Attempt, Compute, Found, Rows, Unit, in_turn
from dockml_dagster.warehouse.rows import Row

FEWEST = 200
"""Fewest units for which starting processes pays off: about a second of work."""
AT_ONCE = 20
"""Units in one task: few enough that all processes end together, even if one project costs as much as a hundred others."""
Seeds = tuple[tuple[str, str], ...]
"""Name → text of seeds, as pairs, so that a process parses them only once."""


_kept: list[ScanPool] = []
"""The processes that several derivations use, where they are kept; between two derivations nothing waits in them."""


@contextmanager
def processes_kept() -> Iterator[None]:
    """Within the block, the processes of one ``Apart`` serve the next: they need not start again, and remember texts that
    they read. For one thread.
    """
    _kept.append(ScanPool())
    try:
        yield
    finally:
        end_kept()


def end_kept() -> None:
    """End the kept processes, if any: for work after the derivations, which needs their memory."""
    while _kept:
        _kept.pop().__exit__(None, None, None)


class Apart:
    """Runs work on units in as many processes as there are cores. The processes start when there is enough to do, and end
    with the ``with`` block, unless they are kept (``processes_kept``). ``start`` is a ``Start`` of a derivation;
    ``unit_seconds``: processor time for one unit. ``told``: the name of the units in the progress bar.
    """

    def __init__(self, told: str, *, unit_seconds: float, workers: int | None = None) -> None:
        self._told = told
        self._unit_seconds = unit_seconds
        self._workers = len(os.sched_getaffinity(0)) if workers is None else workers
        self._pool = _kept[-1] if _kept and workers is None else ScanPool(workers=self._workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kept = self._pool in _kept
        if kept and kind is None:
            return
        self._pool.__exit__(kind, error, trace)
        if kept:
            # In the one that ended, calls that nobody waits for were still to be made.
            _kept[:] = [ScanPool()]

    def start(self, compute: Compute, units: Sequence[Unit], found: Found) -> Callable[[Attempt], Rows]:
        """Begin ``compute`` on the units: a module-level function, or a ``partial`` of one, so that it can be pickled."""
        if self._workers < 2 or (len(units) < FEWEST and not self._pool.is_running):
            work = in_turn(compute, units, found)
            return lambda attempt: self._tell(work(attempt), len(units))
        self._pool.reserve(self._workers)
        parts = [units[at : at + AT_ONCE] for at in range(0, len(units), AT_ONCE)]
        of_units = _parted(parts, found)
        jobs = [
            self._pool.start(_computed, compute, part, of_unit, self._unit_seconds)
            for part, of_unit in zip(parts, of_units, strict=True)
        ]

        def end(attempt: Attempt) -> Rows:
            rows: dict[str, list[Row]] = defaultdict(list)
            for part, job in zip(parts, jobs, strict=True):
                made, said = job.result()
                for unit, error, cuts in said:
                    with attempt(unit):
                        for cut in cuts:
                            note_cut(cut)
                        if error is not None:
                            raise error
                for table, some in made.items():
                    rows[table] += some
                self._tell(made, len(part))
            return rows

        return end

    def _tell(self, rows: Rows, units: int) -> Rows:
        advance(self._told, units)
        return rows


def _parted(parts: Sequence[Sequence[Unit]], found: Found) -> Iterator[Found]:
    """The input of each part. The first column of the input rows identifies the unit: its project or text."""
    by_unit: dict[str, dict[Any, list[Any]]] = {}
    for name, rows in found.items():
        of_unit = by_unit.setdefault(name, defaultdict(list))
        for row in rows:
            of_unit[row[0]].append(row)
    for part in parts:
        names = [unit["project"] if "project" in unit else unit["sha256"] for unit in part]
        yield {
            name: [row for unit in names for row in of_unit.get(unit, ())]
            for name, of_unit in by_unit.items()
        }


def _computed(
    compute: Compute, units: Sequence[Unit], found: Found, seconds: float
) -> tuple[dict[str, list[Row]], list[tuple[Unit, Exception | None, frozenset[str]]]]:
    """The rows of some units, the error of each unit that failed, and the cuts of each that was not read whole. Runs in a
    worker process.
    """
    said: list[tuple[Unit, Exception | None, frozenset[str]]] = []

    @contextmanager
    def attempt(unit: Unit) -> Iterator[None]:
        try:
            with time_limit(seconds), noted_cuts() as cuts:
                yield
        except DockmlError:
            raise
        except Exception as error:  # the main process decides what it means for the unit
            said.append((unit, error.with_traceback(None), frozenset()))
        else:
            if cuts:
                said.append((unit, None, frozenset(cuts)))

    with listening(lambda *_: None):
        rows = compute(units, found, attempt)
    return {table: list(some) for table, some in rows.items()}, said


def texts_read(seeds: Seeds, _: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
    """The rows from reading texts (sha256, content)."""
    reader = _reader(seeds)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for sha256, content in found["texts"]:
        made: list[tuple[str, dict[str, Any]]] = []
        with attempt({"sha256": sha256}):
            made = list(reader.rows(content))
        for table, row in made:
            rows[table].append(row)
    return rows


@lru_cache(maxsize=1)
def _reader(seeds: Seeds) -> Reader:
    return Reader(dict(seeds))


def projects_labelled(seeds: Seeds, units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
    """The rows from labelling projects."""
    labeller = _labeller(seeds)
    dockerfiles = by_project(found["dockerfiles"])
    files = by_project((project, path, (content, size)) for project, path, content, size in found["files"])
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for unit in units:
        project = unit["project"]
        metadata = ProjectMetadata(
            unit["name"], unit["description"], tuple(unit["topics"] or ()), unit["language"]
        )
        made: list[tuple[str, dict[str, Any]]] = []
        with attempt(unit):
            made = list(
                labeller.rows_of_files(
                    project, metadata, dockerfiles[project], files[project], whole=unit["whole"]
                )
            )
        for table, row in made:
            rows[f"raw.{table}"].append({"project": project, "corpus": unit["corpus"], **row})
    return rows


@lru_cache(maxsize=1)
def _labeller(seeds: Seeds) -> Labeller:
    return Labeller(dict(seeds))


def projects_linked(own: frozenset[str], units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
    """The rows from linking projects to their images. ``own``: the user's registries, accepted besides the known ones."""
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for project, path, content in found["files"]:
        texts[project][path] = content.decode("utf-8", "replace")
    images: dict[str, list[NamedImage]] = defaultdict(list)
    for project, *image in found["images"]:
        images[project].append(NamedImage(*image))
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for unit in units:
        project = unit["project"]
        made: list[tuple[str, dict[str, Any]]] = []
        with attempt(unit):
            made = list(link_rows(unit["name"], texts[project], images[project], own, links_of_texts))
        for table, row in made:
            rows[f"raw.{table}"].append({"project": project, "corpus": unit["corpus"], **row})
    return rows


def by_project(rows: Iterable[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Project → path → content, from rows of these three columns."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for project, path, content in rows:
        found[project][path] = content
    return found


def pairs(seeds: Mapping[str, str]) -> Seeds:
    """Seeds in the form that the functions above take."""
    return tuple(sorted(seeds.items()))
