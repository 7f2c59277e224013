"""A process that visits GitHub and collects what it finds, waiting for limits as ``dockml study --wait`` does.

Here: what ``test_a_day`` starts and kills. Not here: what happens meanwhile. Arguments: the clock's file, the file for the
tables. Without Dagster, whose time a project would be most of the test's.
"""

import pickle
import sys
from pathlib import Path
from typing import Any

from dockml_dagster.commands.study.waiting import Waiting, until_done, waiting
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.delayed import Delayed
from tests.integration.github.service import Clock
from tests.integration.github.visiting import on_clock

TABLES = ("raw.candidates", "raw.projects", "raw.repository_files", "raw.dockerfiles")


def tables(corpus: Github) -> tuple[dict[str, list[Any]], Delayed]:
    """All that a visit and a collection amount to, and what of it has to wait."""
    listing = corpus.listing()
    rows: dict[str, list[Any]] = {table: list(listing.rows.get(table, ())) for table in TABLES}
    outcomes, limited, times = list(listing.outcomes), 0, []
    for project in listing.projects:
        one = corpus.collect("dockerfiles", project)
        outcomes += one.outcomes
        for table, found in one.rows.items():
            rows[table] += found
        whole = next(outcome for outcome in one.outcomes if outcome.subject == "")
        limited += whole.retryable
        times += [whole.retry_at] if whole.retry_at is not None else []
    rows["raw.outcomes"] = [(o.stage, o.subject, o.status, o.reason, o.retryable) for o in outcomes]
    return rows, Delayed(limited, limited, "a limit", min(times, default=None))


def main() -> None:
    """Go on until all is done."""
    clock, made = Clock(Path(sys.argv[1])), {}
    corpus = on_clock(Github(Settings.from_environment()), clock)

    def study() -> tuple[str, Waiting | None]:
        corpus.visit()
        rows, delayed = tables(corpus)
        made.update(rows)
        return "a round", waiting(corpus.unasked(), delayed)

    _, left = until_done(study, print, lambda *_: None, now=clock.now, sleep=clock.sleep)
    assert left is None, left
    Path(sys.argv[2]).write_bytes(pickle.dumps(made))


if __name__ == "__main__":
    main()
