"""From a project's files to its images: what is chosen, read, left out, and asked again when."""

import gzip
import io
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.corpora.github.images import MOST, choose_images
from dockml_dagster.corpora.github.visit import Visit
from dockml_dagster.settings import Settings
from dockml_dagster.study.image_links import Grade, Link
from tests.integration.github.stand_in import pushing_workflow
from tests.stand_ins import FakeRegistry, StandIn

FILES = {
    "Dockerfile": b"FROM python:3.12\n",
    ".github/workflows/image.yml": pushing_workflow("acme/app:latest"),
    "README.md": b"# app\n\n```\ndocker run somebody/else:1\n```\n",
}


def layer(name: str) -> bytes:
    with io.BytesIO() as stream:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"abc"))
        return gzip.compress(stream.getvalue())


@pytest.fixture
def registry() -> Iterator[tuple[FakeRegistry, StandIn]]:
    """Docker Hub's registry, in the process."""
    fake = FakeRegistry()
    server = StandIn(fake)
    yield fake, server
    server.stop()


@pytest.fixture
def make_corpus(github, registry, tmp_path: Path) -> Callable[[], Github]:
    """A corpus whose Docker Hub is the stand-in."""

    def make() -> Github:
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
            "DOCKML_REGISTRIES": f"docker.io={registry[1].url}", "DOCKER_CONFIG": str(tmp_path / "none"),
        })  # fmt: skip
        return Github(settings)

    return make


def test_from_a_workflow_to_the_layers(github, registry, make_corpus) -> None:
    fake, server = registry
    fake.image(
        "acme/app",
        "latest",
        layers=(layer("a"), layer("b")),
        rootfs={"type": "layers", "diff_ids": ["x", "y"]},
    )
    github.add("acme/app", FILES)
    corpus = make_corpus()
    corpus.visit(["acme/app"])
    found = corpus.collect("manifests", "github/acme/app")
    references = found.rows["raw.image_references"]
    assert [(row["reference"], row["origin"], row["source_file"]) for row in references] == [
        ("docker.io/acme/app:latest", "ci push", ".github/workflows/image.yml")
    ]
    assert len(found.rows["raw.manifests"]) == 1
    assert len(found.rows["raw.image_layers"]) == 2
    said = {outcome.subject: outcome.status for outcome in found.outcomes}
    assert said["docker.io/somebody/else"] == "not_selected"
    assert said[""] == "collected"
    layers = corpus.collect("layer_stats", "github/acme/app")
    assert [row["files"] for row in layers.rows["raw.layers"]] == [1, 1]

    # Next day the images are not asked for; after the week their tags are, by one HEAD.
    again = make_corpus()
    before = corpus.listing().inputs
    again.visit()
    assert again.listing().inputs == before
    again.client.now = lambda: time.time() + 8 * 86_400
    Visit(again.client, again.frame()).make()
    later = again.listing().inputs
    assert later["dockerfiles"] == before["dockerfiles"]
    assert later["manifests"] != before["manifests"]
    server.asked.clear()
    week_later = make_corpus()
    assert week_later.collect("manifests", "github/acme/app").rows == found.rows
    assert week_later.collect("layer_stats", "github/acme/app").rows == layers.rows
    assert [asked.method for asked in server.asked] == ["HEAD"], "no manifest, configuration or layer again"


def test_an_image_that_is_gone_stops_nobody(github, make_corpus) -> None:
    github.add("acme/app", FILES)
    corpus = make_corpus()
    corpus.visit(["acme/app"])
    found = corpus.collect("manifests", "github/acme/app")
    whole = next(outcome for outcome in found.outcomes if outcome.subject == "")
    assert not whole.retryable
    assert "raw.manifests" not in found.rows


def link(repository: str, grade: Grade, tag: str = "") -> Link:
    return Link(f"docker.io/{repository}{tag}", f"docker.io/{repository}", grade, "ci push", "f", 1, "rule")


def test_the_rule() -> None:
    links = [
        link("z/confirmed", "confirmed", ":1"),
        link("a/likely", "likely", ":2"),
        link("a/likely", "likely"),
    ]
    links += [
        link("p/possible", "possible"),
        *(link(f"m/image{number:02}", "confirmed") for number in range(MOST)),
    ]
    chosen = choose_images(links)
    assert len(chosen.images) == MOST
    assert chosen.images[0].reference == "docker.io/m/image00"
    left_out = {outcome.subject: outcome.reason for outcome in chosen.left_out}
    assert set(left_out) == {"docker.io/z/confirmed", "docker.io/a/likely", "docker.io/p/possible"}
    assert choose_images(links[1:3]).images[0].reference == "docker.io/a/likely"
    assert choose_images(links[:1]).images[0].reference == "docker.io/z/confirmed:1"
    assert choose_images([]).images == ()
