"""What ``dockml study`` does: find out what is due, and run only that.

Here: the order of the steps and their summary. Not here: what is due (``warehouse.due``), the runs themselves
(``runner``; imported only when something is due, because Dagster takes seconds to load), any printing.
"""

from __future__ import annotations

import difflib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dockml_dagster.catalog import PATIENCE_SECONDS
from dockml_dagster.clients import hadolint
from dockml_dagster.clients.http.errors import FetchError
from dockml_dagster.commands.plan.cost import images_here
from dockml_dagster.commands.study.waiting import Waiting, waiting
from dockml_dagster.corpora import open_corpus
from dockml_dagster.corpora.base import STAGES, Corpus, partition_key
from dockml_dagster.corpora.remembered import recalled, remember
from dockml_dagster.errors import BadInputError
from dockml_dagster.instance.home import prepare
from dockml_dagster.progress import Listener, listening
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.checks import FailedCheck, failed_checks, known_checks
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.delayed import Delayed, delayed
from dockml_dagster.warehouse.due.derivations import LINT
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import Work, work_due
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.versions import build_version, lint_version

if TYPE_CHECKING:
    import duckdb

    from dockml_dagster.commands.study.runner import Runner

SHOWN_NAMES = 5


def bring_up_to_date(
    settings: Settings,
    corpus_name: str,
    *,
    names: Sequence[str] = (),
    limit: int | None = None,
    force: bool = False,
    lint: bool = False,
    listener: Listener,
) -> tuple[str, Waiting | None]:
    """Do what is due for a corpus, or for some of its projects. Returns a one-line summary, and what a limit or an outage
    left undone.

    ``names`` are ``owner/name``. ``listener`` is told of every new bar, every step and the unit being worked on.
    ``lint``: also run hadolint on every text in the warehouse that its version has not seen.

    Raises:
        BadInputError: a name is no project of the corpus, the home cannot be used, or hadolint is requested but absent.
        CorpusError: the corpus cannot be read.
        RunFailedError: a run failed.
    """
    start = time.monotonic()
    linter = _linter() if lint else None
    prepare(settings)
    corpus = open_corpus(corpus_name, settings)
    warehouse = Warehouse(settings.warehouse)
    left_out: Mapping[str, str] = {}
    asked = names
    if corpus.is_visited:
        listener("projects visited", 0, len(names))
        with listening(lambda unit, steps: listener("projects visited", steps, None, "" if steps else unit)):
            left_out = corpus.visit(names)
        names = [name for name in names if name not in left_out]
    # A visit says itself how long it holds.
    with _Runs(settings, None if corpus.is_visited else corpus, listener) as runs:
        work = _work(warehouse, corpus, settings)
        # The warehouse has answered once. From now on, giving up at the first outage would lose work.
        warehouse = Warehouse(settings.warehouse, patience_seconds=PATIENCE_SECONDS)
        gone = ""
        if work.listing:
            before = _listed(warehouse, corpus_name)
            runs.run("listing projects", 0, lambda runner: runner.list_projects(corpus_name))
            after = _listed(warehouse, corpus_name)
            listener("projects listed", 0, len(after))
            listener("projects listed", len(after), None)
            gone = _about_left(before, after)
            work = _work(warehouse, corpus, settings)
        remember(recalled(settings, corpus_name, type(corpus)), corpus_name, type(corpus))
        selected = _selection(warehouse, corpus, names, limit) if names or not left_out else []
        wanted = set(selected)
        due = [item for item in work.stages if item.project in wanted]
        projects = selected if force else list(dict.fromkeys(item.project for item in due))
        if projects:
            count = len(STAGES) * len(selected) if force else len(due)
            runs.run("stages collected", count, lambda runner: runner.collect(projects, force=force))
            work = _work(warehouse, corpus, settings)
        if work.findings:
            tables = len(load().models) + len(load().computed)
            runs.run("findings made", tables, lambda runner: runner.make_findings(), only="models")
        unseen = _texts_to_lint(warehouse, lint_version(linter, settings)) if linter else 0
        if unseen:
            runs.run("texts linted", unseen, lambda runner: runner.lint(), only="texts linted")
    seconds, unit = time.monotonic() - start, corpus.partition_unit
    remarks = "".join(f"\n  left out: {name} ({reason})" for name, reason in left_out.items())
    remarks += gone
    failing, delays = _troubles(warehouse, corpus)
    remarks += "".join(f"\n  warning: {one.text}" for one in failing if one.severity == "warning")
    left = _left(settings, corpus, delays, asked)
    if not (projects or work.findings or unseen):
        return f"{corpus_name}: nothing is due ({len(selected)} {unit}s, {seconds:.1f} s){remarks}", left
    linted = f"; {unseen} texts linted" if linter else ""
    counted = f"{len(projects)} of {len(selected)} {unit}s were due{linted}"
    return f"{corpus_name}: {counted}; {'in' if left else 'done in'} {seconds:.1f} s{remarks}", left


def _troubles(warehouse: Warehouse, corpus: Corpus) -> tuple[Sequence[FailedCheck], Delayed]:
    """Current problems: failing checks, and stages of the corpus that failed but may succeed later."""
    with warehouse.read() as connection:
        return failed_checks(connection, lambda: known_checks(load())), delayed(connection, corpus.name)


def _left(settings: Settings, corpus: Corpus, delays: Delayed, names: Sequence[str]) -> Waiting | None:
    """What a limit or an outage left undone."""
    left = waiting(corpus.unasked(), delays)
    if left is None:
        return None
    # The number of runs is only a hint; without GitHub's answer it is left out.
    with suppress(FetchError):
        # The run that has just ended used up the current budget.
        return replace(left, runs=corpus.cost(images_here(settings, corpus.name), names).runs - 1)
    return left


def outlook(settings: Settings, corpus_name: str, names: Sequence[str] = ()) -> str:
    """What a study is about to cost, in one line; empty if no request counts against a limit."""
    corpus = open_corpus(corpus_name, settings)
    if not corpus.is_visited:
        return ""
    found = corpus.cost(images_here(settings, corpus_name), names)
    return found.summary if any(one.counted for one in found.costs) else ""


def _listed(warehouse: Warehouse, corpus: str) -> list[str]:
    with warehouse.read() as connection:
        return due_query.projects(connection, corpus)


def _about_left(before: Sequence[str], after: Sequence[str]) -> str:
    """The projects that are no longer listed, so that a narrower path is no surprise."""
    listed = set(after)
    left = [key.partition("/")[2] for key in before if key not in listed]
    if not left:
        return ""
    more = f" and {len(left) - SHOWN_NAMES} more" if len(left) > SHOWN_NAMES else ""
    return (
        f"\n  listed no more: {', '.join(left[:SHOWN_NAMES])}{more}; what was collected stays in raw, and no finding "
        "counts it"
    )


def _linter() -> str:
    """The version of hadolint. Checked first, so that a user learns of its absence before the study runs."""
    program = hadolint.find()
    if program is None:
        raise BadInputError(hadolint.ABSENT)
    try:
        return hadolint.version(program)
    except hadolint.HadolintError as error:
        raise BadInputError(str(error)) from error


def _texts_to_lint(warehouse: Warehouse, version: str) -> int:
    with warehouse.read() as connection:
        return len(LINT.due(connection, version))


class _Runs:
    """Runs jobs and reports their progress to the listener. The first job loads Dagster."""

    def __init__(self, settings: Settings, corpus: Corpus | None, listener: Listener) -> None:
        self._settings = settings
        self._corpus = corpus
        self._listener = listener
        self._runner: Runner | None = None

    def __enter__(self) -> _Runs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner is not None:
            self._runner.close()

    def run(self, what: str, total: int, job: Callable[[Runner], None], *, only: str | None = None) -> None:
        """``only``: see ``telling``."""
        if self._runner is None:
            # Loading takes seconds, in which the bar of the work itself would stand still.
            self._listener("loading Dagster", 0, 0)
            from dockml_dagster.commands.study.runner import Runner

            self._runner = Runner(self._settings, self._corpus)
            self._runner.fail_dead_runs()
        self._listener(what, 0, total)
        with listening(telling(self._listener, what, only)):
            job(self._runner)


def telling(listener: Listener, what: str, only: str | None = None) -> Callable[[str, int], None]:
    """A progress listener that reports the progress of a job on the bar ``what``.

    ``only``: the units that count towards the bar's total, where the job advances others too; the number of those others
    is shown as the unit being worked on.
    """
    others: Counter[str] = Counter()

    def advanced(units: str, steps: int) -> None:
        if not steps:
            listener(what, 0, None, units)
        elif only in (None, units):
            listener(what, steps, None)
        else:
            others[units] += steps
            listener(what, 0, None, f"{others[units]:,} {units}")

    return advanced


def _work(warehouse: Warehouse, corpus: Corpus, settings: Settings) -> Work:
    def look(connection: duckdb.DuckDBPyConnection) -> Work:
        migrations.apply(connection, warehouse.location)
        return work_due(
            connection,
            corpus=corpus.name,
            fingerprint=corpus.fingerprint(),
            method_version=corpus.method_version,
            methods=corpus.methods(),
            build_version=build_version(settings),
            storage=storage_of(settings),
        )

    work = warehouse.commit(look)
    if not settings.published.exists():
        return Work(work.listing, work.stages, findings=True)
    return work


def _selection(warehouse: Warehouse, corpus: Corpus, names: Sequence[str], limit: int | None) -> list[str]:
    with warehouse.read() as connection:
        known = due_query.projects(connection, corpus.name)
    if not names:
        return known[:limit]
    wanted = [partition_key(corpus.name, name) for name in names]
    for key in wanted:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0].partition('/')[2]}?" if close else ""
            raise BadInputError(f"the corpus {corpus.name} has no project {key.partition('/')[2]}{hint}")
    return wanted[:limit]
