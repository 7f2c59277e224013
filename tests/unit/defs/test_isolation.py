"""One bad project never stops the others: each step is made to fail for the one in the middle, and the others' rows are the
same as without it.

Here: listing, collection, readings, facts, labels, links and lint. Not here: runs of Dagster
(``integration/test_bad_projects``), sensors (``integration/test_following``), the report (``integration/report``).
"""

import copy
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from dockml_dagster.clients import hadolint
from dockml_dagster.corpora import derived
from dockml_dagster.corpora.base import STAGES, Collected
from dockml_dagster.corpora.local import corpus as local_corpus
from dockml_dagster.corpora.local import summary, trees
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.defs.assets import file_facts, image_links, lint, machine_labels, readings, repo_list
from dockml_dagster.defs.assets.collection import collect_stage
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.settings import Settings
from dockml_dagster.study.labels.machine import Labeller
from dockml_dagster.study.readings import Reader
from dockml_dagster.warehouse.due.query import newest

NAMES = ("first", "second", "third")
BAD = "local/all/second"
OTHERS = ("local/all/first", "local/all/third")


class Place:
    """A warehouse, three projects, and the steps that fill it from them."""

    def __init__(self, folder: Path) -> None:
        for name in NAMES:
            project = folder / "all" / name
            project.mkdir(parents=True)
            (project / "Dockerfile").write_text(f"FROM python:3.12\nRUN pip install {name}\n")
            (project / "README.md").write_text(f"# {name}\n\n{name} is a toolkit for speech recognition.\n")
            (project / "docker-compose.yml").write_text(f"services: {{{name}: {{image: all/{name}}}}}\n")
            (project / "build.sh").write_text(f"docker build -t all/{name}:1 . && docker push all/{name}:1\n")
        self.settings = Settings.from_environment(
            {
                "DOCKML_HOME": str(folder / "home"),
                "DOCKML_LOCAL": ";".join(str(folder / "all" / name) for name in NAMES),
            }
        )
        self.warehouse = WarehouseResource(database=str(folder / "dockml.duckdb"))
        self.context: Any = SimpleNamespace(
            log=logging.getLogger("test"),
            instance=dg.DagsterInstance.ephemeral(),
            run=SimpleNamespace(run_id="one"),
            log_event=lambda _: None,
        )

    def list_projects(self) -> None:
        repo_list._list(self.context, Local(self.settings), self.warehouse)
        repo_list._store_labels(Local(self.settings), self.warehouse)

    def collect(self, *, force: bool = False) -> None:
        corpus = Local(self.settings)
        keys = list(corpus.listing().projects)
        for stage in STAGES:
            collect_stage(self.context, corpus, stage, keys, self.warehouse, force=force)

    def rows(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """Table → rows of the others, without the moments at which they were seen."""
        with self.warehouse.get_connection() as connection:
            return {
                table: connection.execute(
                    f"SELECT * EXCLUDE (made_at) FROM (SELECT columns(c -> NOT regexp_matches(c, '_seen$|_at$')), "
                    f"1 AS made_at FROM {table} WHERE {_of(connection, table)}) ORDER BY ALL",
                    [list(OTHERS)],
                ).fetchall()
                for table in tables
            }

    def outcomes(self, stage: str, status: str = "failed") -> list[tuple[Any, ...]]:
        with self.warehouse.get_connection() as connection:
            return connection.execute(
                "SELECT DISTINCT project, reason FROM raw.outcomes WHERE stage = ? AND status = ? ORDER BY ALL",
                [stage, status],
            ).fetchall()


def _of(connection: Any, table: str) -> str:
    columns = {row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
    if "project" in columns:
        return "project IN (SELECT unnest(?))"
    files = (
        "(SELECT sha256, project FROM raw.dockerfiles UNION SELECT sha256, project FROM raw.repository_files)"
    )
    return f"sha256 IN (SELECT sha256 FROM {files} WHERE project IN (SELECT unnest(?)))"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Listed and collected once; to be read only."""
    place = Place(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKML_HOME", str(place.settings.home))
        place.list_projects()
        place.collect()
    return place


@pytest.fixture
def place(made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same projects, and a copy of the warehouse."""
    monkeypatch.setenv("DOCKML_HOME", str(made.settings.home))
    database = tmp_path / "dockml.duckdb"
    shutil.copy(made.warehouse.database, database)
    found = copy.copy(made)
    found.warehouse = WarehouseResource(database=str(database))
    return found


def fails_for_the_second(sound: Callable[..., Any], how: Callable[[Any], Any]) -> Callable[..., Any]:
    """``sound``, but where an argument speaks of the second, ``how`` of what it returns."""

    def call(*arguments: Any, **named: Any) -> Any:
        made = sound(*arguments, **named)
        return how(made) if "second" in repr(arguments) else made

    return call


def raises(_: Any) -> Any:
    raise ZeroDivisionError("planted")


def with_a_column_of_its_own(made: Any) -> Any:
    """Rows that no table takes."""
    return [
        (one[0], {**one[1], "no such": 1}) if isinstance(one, tuple) else {**one, "no such": 1}
        for one in made
    ]


LISTED = ("raw.projects", "raw.candidates")


@pytest.mark.parametrize(
    ("where", "name", "how"),
    [
        (trees, "folder", raises),
        (local_corpus, "project_row", raises),
        (summary, "links_of_texts", raises),
        (local_corpus, "reader_of", raises),
        (local_corpus, "project_row", lambda row: {**row, "stars": 1 << 70}),
        (local_corpus, "project_row", lambda row: {**row, "created_at": "never"}),
    ],
)
def test_listing(place: Place, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, how: Any) -> None:
    before = place.rows(*LISTED)
    assert len(before["raw.projects"]) == 2
    shutil.rmtree(place.settings.cache / "local")  # or no file would be read again
    monkeypatch.setattr(where, name, fails_for_the_second(getattr(where, name), how))
    place.list_projects()
    assert place.rows(*LISTED) == before
    place.collect()
    said = [*place.outcomes("repo_list"), *(one for stage in STAGES for one in place.outcomes(stage))]
    of_whom = {project for project, _ in said} | {(reason or "").partition(":")[0] for _, reason in said}
    assert BAD in of_whom or "raw.projects" in of_whom, said
    with place.warehouse.get_connection() as connection:
        assert set(newest(connection, "dockerfiles", [*OTHERS, BAD])) == {*OTHERS, BAD}


def _with_a_huge_number(found: Collected) -> Collected:
    rows = {table: [{**row, "bytes": 1 << 70} for row in some] for table, some in found.rows.items()}
    return Collected(rows or {"raw.image_references": [{"project": BAD, "no such": 1}]}, found.outcomes)


@pytest.mark.parametrize("stage", STAGES)
def test_rows_that_the_database_refuses(place: Place, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    collect = Local.collect

    def refused(self: Local, wanted: Any, project: str) -> Collected:
        found = collect(self, wanted, project)
        return _with_a_huge_number(found) if (wanted, project) == (stage, BAD) else found

    monkeypatch.setattr(Local, "collect", refused)
    place.collect(force=True)
    assert [project for project, _ in place.outcomes(stage)] == [BAD]
    assert place.outcomes(stage)[0][1].startswith("its rows cannot be stored: ")
    with place.warehouse.get_connection() as connection:
        states = newest(connection, stage, [*OTHERS, BAD])
    assert {key: state.in_order for key, state in states.items()} == {
        **dict.fromkeys(OTHERS, True),
        BAD: False,
    }


STEPS = {
    "dockerfile_readings": (
        readings.read_texts, Reader, "rows", ("raw.dockerfile_readings", "raw.dockerfile_instructions"),
    ),
    "file_facts": (file_facts.read_files, file_facts, "fact_rows", ("raw.file_facts",)),
    "machine_labels": (
        machine_labels.label_projects, Labeller, "rows_of_files", ("raw.machine_labels", "raw.machine_label_evidence"),
    ),
    "image_links": (image_links.link_projects, derived, "link_rows", ("raw.image_link_readings", "raw.image_links")),
}  # fmt: skip
"""Stage → the step, where its work on one unit stands, and its tables."""


@pytest.mark.parametrize("how", [raises, with_a_column_of_its_own])
def test_steps_that_derive(place: Place, monkeypatch: pytest.MonkeyPatch, how: Callable[[Any], Any]) -> None:
    without = {}
    for stage, (step, where, name, tables) in STEPS.items():
        sound = getattr(where, name)
        with monkeypatch.context() as patch:
            patch.setattr(where, name, fails_for_the_second(sound, how))
            step(place.warehouse)
            assert [project for project, _ in place.outcomes(stage)] == [BAD]
            without[stage] = place.rows(*tables)
            assert all(without[stage].values())
            # Held: it is not tried again as it is.
            patch.setattr(where, name, fails_for_the_second(sound, lambda _: pytest.fail("tried again")))
            step(place.warehouse)
    with place.warehouse.get_connection() as connection:
        connection.execute("DELETE FROM raw.outcomes WHERE status = 'failed'")
    for stage, (step, _, _, tables) in STEPS.items():
        step(place.warehouse)
        assert place.rows(*tables) == without[stage], stage


def test_lint(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"code": "DL3006", "level": "warning", "line": 1}]
    monkeypatch.setattr(hadolint, "find", lambda: Path("hadolint"))
    monkeypatch.setattr(hadolint, "version", lambda _: "1")
    monkeypatch.setattr(hadolint, "_call", lambda _, folder, names, __: {
        name: [7] if b"second" in (Path(folder) / name).read_bytes() else said for name in names
    })  # fmt: skip
    context: Any = SimpleNamespace(
        log=logging.getLogger("test"), run=SimpleNamespace(job_name="", asset_selection=None)
    )
    lint._lint_unseen(context, place.warehouse)
    with place.warehouse.get_connection() as connection:
        rules = connection.execute(
            "SELECT project, list_sort(list(rule)) FROM raw.dockerfile_lint JOIN raw.dockerfiles USING (sha256) "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rules == [
        (OTHERS[0], ["DL3006", "linted"]), (BAD, ["refused"]), (OTHERS[1], ["DL3006", "linted"]),
    ]  # fmt: skip
