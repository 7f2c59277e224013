"""A tag that moved in a real registry: noticed by one HEAD, collected again, and nothing else is."""

import shutil
import subprocess

import dagster as dg
import pytest

from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.definitions import defs
from dockml_dagster.defs.automation import tags, watching
from dockml_dagster.defs.automation.decisions import TAG_AGE
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due.query import due
from dockml_dagster.warehouse.due.storages import storage_of
from tests.integration.conftest import COLLECTING

MISSING = [name for name in ("docker-registry", "skopeo", "umoci", "git") if shutil.which(name) is None]
if MISSING:
    pytest.skip(f"needs {', '.join(MISSING)}", allow_module_level=True)


@pytest.fixture
def home(tmp_path):
    """An empty home: these projects need none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def projects(tmp_path, open_registry, images):
    """Two projects, each with an image under a tag of its own, in a registry that may be asked."""
    root = tmp_path / "all"
    named = []
    for name in ("egret", "heron"):
        (root / "birds" / name).mkdir(parents=True)
        (root / "birds" / name / "Dockerfile").write_text("FROM debian:12\n")
        subprocess.run(["git", "init", "-q", str(root / "birds" / name)], check=True)
        open_registry.push(images.by_umoci(f"tag-{name}-one"), f"{name}-1")
        named.append({"path": f"birds/{name}", "images": [f"{open_registry.host}/ml/image:{name}-1"]})
    (root / "projects.yaml").write_text(str({"projects": named}))
    return root


def test_a_moved_tag_is_noticed_and_no_other(
    projects, home, run_program, environment_of, open_registry, images, ask, instance_of, monkeypatch
):
    settings = {
        "DOCKML_LOCAL": str(projects),
        "DOCKML_LOCAL_IMAGES": "1",
        "DOCKML_REGISTRIES": f"http://{open_registry.host}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    environment = environment_of(home, **settings)
    done = run_program(COLLECTING, "study", "--corpus", "local", "--quiet", env=environment)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("DOCKML_HOME", str(home))
    definitions = defs()

    def tick(instance):
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        return definitions.get_sensor_def("follow_tags").evaluate_tick(context)

    with instance_of(home) as instance:
        assert tick(instance).run_requests == [], "they were just collected"
        open_registry.push(images.by_umoci("tag-heron-two"), "heron-1")
        tomorrow = watching.now() + TAG_AGE
        monkeypatch.setattr(tags, "now", lambda: tomorrow)
        (request,) = tick(instance).run_requests
        before = len(open_registry.requests())
        job = definitions.resolve_job_def("look_at_some_tags")
        assert job.execute_in_process(instance=instance, tags=dict(request.tags)).success
        asked = [line for line in open_registry.requests()[before:] if "/manifests/" in line]
        assert sorted(asked) == [
            "HEAD /v2/ml/image/manifests/egret-1",
            "HEAD /v2/ml/image/manifests/heron-1",
        ]
        assert tick(instance).run_requests == [], "once a day"
    how, mark = Local(Settings.from_environment()).methods(), storage_of(Settings.from_environment())
    with Warehouse(Settings.from_environment().warehouse).read() as connection:
        found = {
            (item.project, item.stage, item.reason) for item in due(connection, "local", how, storage=mark)
        }
    heron = "local/birds/heron"
    assert found == {(heron, "manifests", "asked again"), (heron, "layer_stats", "asked again")}
