"""The ``dagster.yaml`` that is written: what fits the settings, and never over one that somebody changed."""

import hashlib
import shutil

import dagster as dg
import pytest
import yaml

from dockml_dagster.commands.study.runner import batch_size
from dockml_dagster.errors import BadInputError
from dockml_dagster.instance.home import dagster_yaml, prepare
from dockml_dagster.settings import VARIABLES, Settings
from dockml_dagster.warehouse.due.storages import storage_of

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


def test_what_another_version_wrote_is_replaced(home):
    written(of(home))
    path = home / "dagster" / "dagster.yaml"
    now = path.read_text(encoding="utf-8")
    rest = "telemetry: {enabled: true}\n"
    older = f"# Written by dockml 0.0.9 ({hashlib.sha256(rest.encode()).hexdigest()[:12]}), whatever it says.\n\n{rest}"
    path.write_text(older, encoding="utf-8")
    written(of(home))
    assert path.read_text(encoding="utf-8") == now

    path.write_text(older.replace("true", "false"), encoding="utf-8")
    assert written(of(home)) == {"telemetry": {"enabled": False}}


def test_a_module_that_moved_is_named_in_one_line(home):
    written(of(home))
    path = home / "dagster" / "dagster.yaml"
    path.write_text(
        "event_log_storage:\n  module: dockml_dagster.defs.event_log\n  class: EventLog\n", encoding="utf-8"
    )
    with pytest.raises(BadInputError, match=r"names dockml_dagster\.defs\.event_log, .* move the file away"):
        prepare(of(home))


def test_settings_come_back_from_the_environment_that_they_make(home):
    given = of(
        home, **FLEET, DOCKML_LOCAL="/a;https://b/c.git", DOCKML_LOCAL_IMAGES="1", DOCKER_CONFIG="/d", GITHUB_TOKEN="t",
        DOCKML_GITHUB_CONTRIBUTORS="1", DOCKML_GITHUB_FRAME="modern", DOCKML_LAYER_BYTES="2G", DOCKML_EASE2022="/e.tar",
        DOCKML_LAYERS_AGAIN="1",
        DOCKML_CONTACT="me", DOCKML_DATASETS="/sets", DOCKML_REGISTRIES="r.example.com", DOCKML_GITHUB_API_URL="https://g.example.com/api/v3",
    )  # fmt: skip
    assert Settings.from_environment(given.environment()) == given
    changed = given.replace(local=("/x",), github_frame=None)
    assert Settings.from_environment(changed.environment()) == changed
    assert set(given.environment()) == set(VARIABLES) - {"NO_COLOR"}


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


def test_files_have_a_mark_that_stays_with_them_and_a_database_has_none(home, tmp_path):
    prepare(of(home))
    mark = storage_of(of(home))
    assert mark
    prepare(of(home))
    assert storage_of(of(home)) == mark
    shutil.copytree(home, tmp_path / "copy")
    assert storage_of(of(tmp_path / "copy")) == mark
    shutil.rmtree(home / "dagster" / "history")
    assert storage_of(of(home)) is None
    prepare(of(home))
    assert storage_of(of(home)) not in (None, mark)
    assert storage_of(of(home, **FLEET)) is None


def test_runs_say_on_the_terminal_what_a_person_needs_and_record_every_event(home, monkeypatch, capfd):
    @dg.asset
    def told(context: dg.AssetExecutionContext) -> None:
        context.log.info("one line")

    prepare(of(home))
    monkeypatch.setenv("DAGSTER_HOME", str(of(home).dagster_home))
    with dg.DagsterInstance.get() as instance:
        run = dg.materialize([told], instance=instance)
        assert len(instance.all_logs(run.run_id)) > 10
    (line,) = [line for line in capfd.readouterr().err.splitlines() if run.run_id in line]
    assert line.endswith("one line")
