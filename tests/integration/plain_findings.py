"""The findings of a study made by the functions that its assets call, without Dagster around them.

Dagster's events take half the time of a small study. Here: making all findings, for tests of what is collected, of what is
in the tables, or of what is due; and making those anew that follow from the present tables. Not here: the job
``make_findings``, which tests of runs, assets and kills need, and to which ``test_leaving`` compares this.
"""

from dockml_dagster.commands.study.runner import Runner
from dockml_dagster.corpora.derived import end_kept, processes_kept
from dockml_dagster.defs.assets.file_facts import read_files
from dockml_dagster.defs.assets.image_links import link_projects
from dockml_dagster.defs.assets.machine_labels import label_projects
from dockml_dagster.defs.assets.readings import read_texts
from dockml_dagster.defs.assets.rebuilds import walk_histories
from dockml_dagster.defs.assets.tables import keep_failed
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.checks import shown_at
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import record_build, record_figures, seen
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.published.swap import publish
from dockml_dagster.warehouse.versions import build_version
from tests.forked import COMMAND

PROGRAM = "from tests.integration import plain_findings; plain_findings.put_in_place(); " + COMMAND
"""The command as a program."""


def put_in_place() -> None:
    """From now on the command makes its findings like this, in this process."""
    Runner.make_findings = lambda _: make()  # type: ignore[method-assign]


def make() -> None:
    """Make all findings of the home that the environment names, run every check, and publish.

    Raises:
        ChecksFailedError: a check of severity error fails; nothing is published.
    """
    settings, project, warehouse = Settings.from_environment(), load(), WarehouseResource()
    with warehouse.warehouse.kept_open(), processes_kept():
        with warehouse.get_connection() as connection:
            before = seen(connection)
        walk_histories(CorporaResource(), warehouse)
        for read in (read_texts, read_files, label_projects, link_projects):
            read(warehouse)
        end_kept()
        with warehouse.for_models(project, project.models) as place:
            build.load_seeds(place.connection, project)
            rows = {built.model.name: built.rows for built in place.run(project.models)}
        with warehouse.get_connection() as connection:
            for computation in COMPUTATIONS:
                rows |= computation.write(connection, project)
            tested = [
                (model.name, one)
                for model in (*project.models, *project.computed)
                for one in build.test(connection, model, rows=rows[model.name])
            ]
            shown = shown_at(project)
            tested += [
                (shown[one.name], build.check(connection, one)) for one in project.checks if one.name in shown
            ]
        keep_failed(warehouse, tested)
        with warehouse.get_connection() as connection:
            record_figures(connection)
            record_build(connection, build_version(settings), before, storage=storage_of(settings))
        publish(warehouse.warehouse, settings.published)


def renew(settings: Settings) -> None:
    """Make what SQL and Python make of the present tables, and publish it; nothing is read, labelled or checked anew."""
    project, warehouse = load(), Warehouse(settings.warehouse)
    with warehouse.write() as connection:
        build.load_seeds(connection, project)
        list(build.run(connection, project.models))
        for computation in COMPUTATIONS:
            computation.write(connection, project)
    publish(warehouse, settings.published)
