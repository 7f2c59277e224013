"""The ``dagster.yaml`` that is written: what fits the settings, and never over one that somebody changed."""

import pytest
import yaml

from dockml_dagster.commands.study.runner import batch_size
from dockml_dagster.errors import BadInputError
from dockml_dagster.instance.home import dagster_yaml, prepare
from dockml_dagster.settings import Settings

FLEET = {
    "DOCKML_WAREHOUSE": "ducklake:postgres:dbname=d",
    "DOCKML_WAREHOUSE_DATA": "s3://b/lake",
    "DOCKML_DAGSTER_POSTGRES": "postgresql://me:geheim@h/dagster",
    "DOCKML_CELERY_BROKER": "redis://:geheim@h/0",
}


def of(home, **more):
    return Settings.from_environment({"DOCKML_HOME": str(home), **more})


def written(settings):
    prepare(settings)
    return yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text(encoding="utf-8"))


def test_one_machine_has_files_and_its_own_launcher(home):
    found = written(of(home))
    assert "storage" not in found
    assert "run_launcher" not in found
    assert found["concurrency"]["runs"]["max_concurrent_runs"] == 2


def test_a_fleet_has_a_database_and_workers_and_no_password_in_the_file(home):
    found = written(of(home, **FLEET))
    assert found["storage"]["custom"]["config"]["postgres_url"] == {"env": "DOCKML_DAGSTER_POSTGRES"}
    assert found["run_launcher"]["class"] == "WorkerLauncher"
    assert found["run_launcher"]["config"]["broker"] == {"env": "DOCKML_CELERY_BROKER"}
    assert "geheim" not in (home / "dagster" / "dagster.yaml").read_text(encoding="utf-8")
    assert "geheim" not in repr(of(home, **FLEET))


def test_what_we_wrote_follows_the_settings_and_what_was_changed_stays(home):
    assert "run_launcher" in written(of(home, **FLEET))
    assert "run_launcher" not in written(of(home))
    path = home / "dagster" / "dagster.yaml"
    path.write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    assert written(of(home, **FLEET)) == {"telemetry": {"enabled": False}}


@pytest.mark.parametrize("missing", ["DOCKML_DAGSTER_POSTGRES", "DOCKML_WAREHOUSE"])
def test_a_broker_alone_is_not_enough(missing, home):
    with pytest.raises(BadInputError, match=f"DOCKML_CELERY_BROKER is set: .*{missing}"):
        prepare(of(home, **{name: value for name, value in FLEET.items() if name != missing}))


def test_all_four_files_differ(tmp_path):
    storage, broker = ({name: FLEET[name]} for name in ("DOCKML_DAGSTER_POSTGRES", "DOCKML_CELERY_BROKER"))
    texts = {dagster_yaml(of(tmp_path, **some)) for some in ({}, storage, broker, storage | broker)}
    assert len(texts) == 4


@pytest.mark.parametrize(("projects", "size"), [(1, 5), (14, 5), (406, 25), (1600, 100), (100_000, 100)])
def test_batches_for_workers_are_neither_too_few_nor_too_small(projects, size):
    assert batch_size(projects) == size
