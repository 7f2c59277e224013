"""Dagster's storage in PostgreSQL: one connection serves many questions, and another one after a restart."""

import pytest
from dagster import DagsterInstance

from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings


@pytest.fixture
def instance(services, home, monkeypatch):
    services.make_databases("storage")
    settings = Settings.from_environment(
        {
            "DOCKML_HOME": str(home),
            "DOCKML_DAGSTER_POSTGRES": services.settings("storage")["DOCKML_DAGSTER_POSTGRES"],
        }
    )
    prepare(settings)
    with DagsterInstance.get() as opened:
        yield opened


def servers(instance):
    """PostgreSQL's own processes that answer."""
    found = set()
    for storage in (instance.run_storage, instance.schedule_storage) * 3:
        with storage.connect() as connection:
            found.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
    return found


def test_one_connection_serves_many_questions_and_another_after_a_restart(instance, services):
    before = servers(instance)
    assert len(before) == 1
    assert instance.get_runs() == []
    services.postgres.restart()
    assert instance.get_runs() == []
    after = servers(instance)
    assert len(after) == 1
    assert after != before
