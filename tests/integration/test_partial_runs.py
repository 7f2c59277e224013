"""A run of some of the findings publishes, and makes current what it made: what it left out stays due.

Here: runs that end in ``published`` without making everything. Not here: when the findings are asked for
(``test_following``), what hadolint says (``test_dockerfile_lint``).
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dockml_dagster.clients import hadolint
from dockml_dagster.clients.hadolint import Remark
from dockml_dagster.definitions import defs
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import built, record_build, seen
from dockml_dagster.warehouse.versions import build_version

PICKED = ["core/projects", "findings/rq1_categories", "published"]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def run(
    definitions: dg.Definitions, studied: Path, instance_of: Callable[[Path], dg.DagsterInstance]
) -> Iterator[Callable[..., None]]:
    """``run(job)``, or ``run(picked=[…])`` as somebody who picks assets in the UI."""
    with instance_of(studied) as instance:

        def ran(name: str = "", *, picked: list[str] | None = None) -> None:
            job = (
                definitions.resolve_job_def(name)
                if name
                else definitions.resolve_implicit_global_asset_job_def()
            )
            keys = [dg.AssetKey(key.split("/")) for key in picked] if picked else None
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            assert job.execute_in_process(quiet, instance=instance, asset_selection=keys).success

        yield ran


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hadolint that finds nothing."""

    def nothing(_: Path, texts: Mapping[str, bytes]) -> Any:
        return [(key, (Remark("linted"),)) for key in texts]

    monkeypatch.setattr(hadolint, "find", lambda: Path("/somewhere/hadolint"))
    monkeypatch.setattr(hadolint, "version", lambda _: "1.0")
    monkeypatch.setattr(hadolint, "lint", nothing)


def collect_something() -> None:
    """As if a project had been visited again just now."""
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        connection.execute(
            "INSERT INTO raw.outcomes BY NAME SELECT * REPLACE (? AS observed_at) FROM raw.outcomes "
            "WHERE subject = '' LIMIT 1",
            [due_query.moment(connection)],
        )


def all_were_made() -> None:
    """As if all findings had been made just now."""
    settings = Settings.from_environment()
    with Warehouse(settings.warehouse).write() as connection:
        record_build(connection, build_version(settings), seen(connection), storage=storage_of(settings))
    assert current()


def current() -> bool:
    with Warehouse(Settings.from_environment().warehouse).read() as connection:
        settings = Settings.from_environment()
        return built(connection, build_version(settings), storage=storage_of(settings))


def test_what_was_picked_does_not_make_the_rest_current(studied, run):
    assert current()
    run(picked=PICKED)
    assert current(), "they were, and stay so"
    collect_something()
    run(picked=PICKED)
    assert not current(), "the others are older than what was collected"


def test_linting_makes_current_what_it_changed_and_nothing_else(studied, run, linted):
    run("lint_dockerfiles")
    assert current(), "all that reads the answers is in the job"
    collect_something()
    run("lint_dockerfiles")
    assert not current()
    all_were_made()
    run(picked=["dockerfile_lint", "published"])
    assert not current(), "nobody read the answers"


def test_a_whole_run_is_all_tables_and_what_they_read(definitions, studied, run, monkeypatch):
    from dockml_dagster.defs.jobs import FINDINGS, READ_BY_PYTHON

    wanted = set()
    monkeypatch.setattr(
        "dockml_dagster.defs.assets.publishing.makes_all_current", lambda _, findings: wanted.update(findings)
    )
    run(picked=["published"])
    graph = definitions.resolve_asset_graph()
    views = dg.AssetSelection.groups("staging").resolve(graph)
    assert wanted == FINDINGS.resolve(graph) - views - {dg.AssetKey("published")}
    assert {dg.AssetKey(name) for name in READ_BY_PYTHON} < wanted
