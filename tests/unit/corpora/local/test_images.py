"""Images of local projects in a registry: what a visit asks, counted at a stand-in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.corpora.local import corpus
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.settings import Settings
from tests.stand_ins import FakeRegistry, StandIn

STAGES = ("dockerfiles", "manifests", "layer_stats")


@pytest.fixture
def registry() -> Iterator[tuple[FakeRegistry, StandIn]]:
    fake = FakeRegistry()
    fake.image("birds/egret", "1", layers=(b"one",))
    fake.image("birds/heron", "latest", layers=(b"two",))
    server = StandIn(fake)
    yield fake, server
    server.stop()


@pytest.fixture
def projects(registry, tmp_path: Path) -> Path:
    """One that pushes, one that builds under a name; a private registry is real where it is named as one."""
    root = tmp_path / "all"
    for name, path, text in (
        ("egret", "push.sh", f"docker push {registry[1].host}/birds/egret:1\n"),
        ("heron", "Makefile", f"image:\n\tdocker build -t {registry[1].host}/birds/heron .\n"),
    ):
        (root / "birds" / name).mkdir(parents=True)
        (root / "birds" / name / path).write_text(text)
        (root / "birds" / name / "Dockerfile").write_text("FROM scratch\n")
    return root


@pytest.fixture
def opened(projects, registry, tmp_path: Path) -> Callable[[], Local]:
    """The corpus, opened anew as Dagster does for every asset."""
    environment = {
        "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_LOCAL": f"{projects / 'birds' / 'egret'};{projects / 'birds' / 'heron'}",
        "DOCKML_LOCAL_IMAGES": "1",
        "DOCKML_REGISTRIES": registry[1].url,
        "DOCKER_CONFIG": str(tmp_path / "none"),
    }
    return lambda: Local(Settings.from_environment(environment))


@pytest.fixture
def visit(opened, registry) -> Iterator[Callable[[], tuple[str, dict[str, str], list[str]]]]:
    """A visit by a process of its own: the corpus's fingerprint, its wanted images, and what the registry was asked."""

    def make() -> tuple[str, dict[str, str], list[str]]:
        corpus._asked.clear()
        registry[1].asked.clear()
        fingerprint = opened().fingerprint()
        assert opened().fingerprint() == fingerprint
        inputs = dict(opened().listing().inputs["manifests"])
        asked = [
            f"{one.method} {one.path.removeprefix('/v2/').partition('@')[0]}" for one in registry[1].asked
        ]
        return fingerprint, inputs, asked

    yield make
    corpus._asked.clear()


def test_an_unchanged_image_costs_a_head_a_visit_and_a_moved_tag_is_noticed(opened, visit, registry) -> None:
    heads = ["HEAD birds/egret/manifests/1", "HEAD birds/heron/manifests/latest"]
    first, wanted, asked = visit()
    assert asked == heads
    registry[1].asked.clear()
    for project in wanted:
        for stage in STAGES:
            outcomes = opened().collect(stage, project).outcomes
            assert ("manifests", "failed") not in {(one.stage, one.status) for one in outcomes}
    assert registry[1].count("HEAD") == 0, "where the tags lead was asked already"
    assert registry[1].count("GET", "/manifests/") == 2

    assert visit() == (first, wanted, heads)

    registry[0].image("birds/egret", "1", layers=(b"moved",))
    later, now, asked = visit()
    assert asked == heads
    assert later != first
    assert [project for project in wanted if now[project] != wanted[project]] == ["local/birds/egret"]
