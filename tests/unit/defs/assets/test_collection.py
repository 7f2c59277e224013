"""A batch of one stage: what of it is read, written and told to Dagster."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from dockml_dagster.corpora.base import Collected, CorpusError, Outcome
from dockml_dagster.defs.assets.collection import collect, collect_one, collect_stage
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.warehouse.due import query as due_query

AT = datetime(2026, 1, 1, 9)
KEYS = ["toy/o/a", "toy/o/b", "toy/o/gone"]


class Toy:
    """A corpus of two projects, each with a Dockerfile; what it is asked is noted. ``fails``: whose reading breaks."""

    name = "toy"
    method_version = "1"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.outcomes: dict[str, Outcome] = {}
        self.fails: dict[str, Exception] = {}

    def methods(self) -> dict[str, str]:
        return {"dockerfiles": "1", "manifests": "2", "layer_stats": "3"}

    def collect(self, stage: str, project: str) -> Collected:
        self.asked.append(project)
        if project in self.fails:
            raise self.fails[project]
        row = {
            "project": project, "corpus": "toy", "source": "s", "path": "Dockerfile", "sha256": "x",
            "content": b"FROM a", "bytes": 6,
        }  # fmt: skip
        return Collected(
            {"raw.dockerfiles": [row]}, [self.outcomes.get(project, Outcome(stage, "", "collected"))]
        )


class Told:
    """What Dagster hears of a step."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.events: list[Any] = []
        self.instance = SimpleNamespace(event_log_storage=object())
        note = lambda text, *values: self.said.append(text % values)  # noqa: E731
        self.log = SimpleNamespace(info=note, warning=note, exception=note)

    def log_event(self, event: Any) -> None:
        self.events.append(event)

    def made(self) -> list[str | None]:
        return [event.partition for event in self.events if isinstance(event, dg.AssetMaterialization)]

    def checks(self) -> dict[str | None, bool]:
        return {
            event.partition: event.passed
            for event in self.events
            if isinstance(event, dg.AssetCheckEvaluation)
        }


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    """Two projects are listed."""
    found = WarehouseResource(database=str(tmp_path / "dockml.duckdb"))
    with found.get_connection() as connection:
        due_query.record_listing(
            connection, corpus="toy", fingerprint="f", method_version="1", source="s", projects=KEYS[:2],
            inputs={"dockerfiles": dict.fromkeys(KEYS[:2], "h" * 20)}, rows={}, outcomes=[], listed_at=AT,
            storage=None,
        )  # fmt: skip
    return found


def collected(
    corpus: Toy, warehouse: WarehouseResource, *, force: bool = False, keys: Sequence[str] = KEYS
) -> Told:
    told = Told()
    corpus.asked.clear()
    collect_stage(told, corpus, "dockerfiles", keys, warehouse, force=force)  # type: ignore[arg-type]
    return told


def test_what_is_due_is_read_once_and_what_is_forced_again(warehouse: WarehouseResource) -> None:
    corpus = Toy()
    first = collected(corpus, warehouse)
    assert corpus.asked == KEYS[:2], "who is listed no more is not read"
    assert first.made() == KEYS[:2]
    assert first.checks() == dict.fromkeys(KEYS[:2], True)
    assert first.said == [
        "dockerfiles: 2 of 3 projects collected (2 new)",
        "dockerfiles of toy/o/gone: it is listed no more, nothing is collected",
    ]
    (event, *_) = first.events
    assert event.tags == {
        "dagster/code_version": event.tags["dagster/code_version"],
        "dagster/data_version": "h" * 16,
    }
    assert event.metadata.keys() == {"outcome", "observed at"}

    again = collected(corpus, warehouse)
    assert corpus.asked == []
    assert again.made() == KEYS[:2], "Dagster is told of what it asked for"
    assert "nothing was due: it is as it was at" in again.events[0].metadata["note"].value
    assert again.said[0] == "dockerfiles: 0 of 3 projects collected (nothing was due)"

    forced = collected(corpus, warehouse, force=True)
    assert corpus.asked == KEYS[:2]
    assert forced.said[0] == "dockerfiles: 2 of 3 projects collected (2 forced)"
    with warehouse.get_connection() as connection:
        assert connection.execute("SELECT count(*) FROM raw.dockerfiles").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM raw.outcomes").fetchone() == (4,)


def test_what_dagster_was_not_told_is_told_and_not_read(warehouse: WarehouseResource) -> None:
    corpus = Toy()
    collected(corpus, warehouse)
    with warehouse.get_connection() as connection:
        connection.execute("DELETE FROM raw.reported WHERE project = 'toy/o/a'")
        (due,) = due_query.due(connection, "toy", corpus.methods(), storage=None)
        assert (due.project, due.reason) == ("toy/o/a", "not reported")
    told = collected(corpus, warehouse)
    assert corpus.asked == []
    assert told.made() == KEYS[:2]
    with warehouse.get_connection() as connection:
        assert due_query.due(connection, "toy", corpus.methods(), storage=None) == []


@pytest.mark.parametrize(
    ("outcome", "made", "passed", "description"),
    [
        (Outcome("dockerfiles", "", "not_available"), True, True, None),
        (Outcome("dockerfiles", "", "gone", "404"), True, False, "gone: 404"),
        (Outcome("dockerfiles", "", "unreadable"), True, False, "unreadable: no reason given"),
        (Outcome("dockerfiles", "", "failed", "502", retryable=True), False, False, "failed: 502"),
    ],
)
def test_an_outcome_as_dagster_is_told(
    warehouse: WarehouseResource, outcome: Outcome, made: bool, passed: bool, description: str | None
) -> None:
    corpus = Toy()
    corpus.outcomes[KEYS[0]] = outcome
    told = collected(corpus, warehouse, keys=KEYS[:1])
    assert told.made() == KEYS[:1] * made
    check = told.events[-1]
    assert (check.passed, check.description, check.check_name) == (passed, description, "in_order")
    assert check.severity is dg.AssetCheckSeverity.WARN
    with warehouse.get_connection() as connection:
        kept = connection.execute(
            "SELECT status, reason, retryable, input_hash, method_version FROM raw.outcomes"
        )
        assert kept.fetchall() == [(outcome.status, outcome.reason, outcome.retryable, "h" * 20, "1")]


def test_a_fault_of_ours_is_an_outcome_and_an_error_of_the_corpus_is_none() -> None:
    corpus, told = Toy(), Told()
    corpus.fails = {KEYS[0]: ValueError("odd"), KEYS[1]: CorpusError("the package is away")}
    found = collect_one(told, corpus, "manifests", KEYS[0])  # type: ignore[arg-type]
    assert found == Collected(
        outcomes=[Outcome("manifests", "", "failed", "ValueError: odd", retryable=True)]
    )
    assert told.said == [f"manifests of {KEYS[0]} failed"]
    with pytest.raises(CorpusError):
        collect_one(told, corpus, "manifests", KEYS[1])  # type: ignore[arg-type]


def test_a_range_of_the_command_line_is_taken() -> None:
    # `dagster asset materialize --partition-range` refuses assets whose backfills are several runs.
    assert collect.backfill_policy == dg.BackfillPolicy.single_run()
