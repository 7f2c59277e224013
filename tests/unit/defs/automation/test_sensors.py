"""``follow_sources`` looks where the last study was told that a corpus is."""

import dagster as dg

from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.corpora.remembered import remember
from dockml_dagster.defs.automation.sensors import follow_sources
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.settings import Settings


def said() -> tuple[list[str], str]:
    """The corpora that a tick asks to be listed, and what it says instead."""
    with dg.DagsterInstance.ephemeral() as instance:
        data = follow_sources.evaluate_tick(dg.build_sensor_context(instance=instance))
    return [request.tags["dockml/corpus"] for request in data.run_requests or []], data.skip_message or ""


def test_places_are_those_that_the_study_was_told(home, tmp_path):
    (tmp_path / "birds" / "heron").mkdir(parents=True)
    (tmp_path / "birds" / "heron" / "Dockerfile").write_text("FROM scratch\n")
    settings = Settings.from_environment()
    with WarehouseResource().get_connection() as connection:
        connection.execute(
            "INSERT INTO raw.listings (corpus, fingerprint, method_version, source, projects, listed_at) "
            "SELECT unnest(['local', 'sample']), 'older', 'older', '', 1, now()::TIMESTAMP"
        )
    assert said() == (["sample"], ""), "what cannot be told of one corpus keeps no other waiting"
    with WarehouseResource().get_connection() as connection:
        connection.execute("DELETE FROM raw.listings WHERE corpus = 'sample'")
    assert "--path DIR, or DOCKML_LOCAL" in said()[1]
    remember(settings.replace(local=(str(tmp_path / "birds"),)), "local", Local)
    assert said() == (["local"], "")
    settings.told.write_text("{")
    assert "remove it" in said()[1]
