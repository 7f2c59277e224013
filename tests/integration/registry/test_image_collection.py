"""Images of a project collected from a real registry, with the requests that the registry counted."""

import shutil
from pathlib import Path

import pytest

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.settings import Settings

MISSING = [
    program
    for program in ("docker-registry", "skopeo", "umoci", "buildah", "htpasswd", "openssl")
    if shutil.which(program) is None
]
if MISSING:
    packages = "docker-registry skopeo umoci buildah apache2-utils openssl"
    pytest.skip(f"needs {', '.join(MISSING)}: apt-get install {packages}", allow_module_level=True)

PROJECT = "github/o/p"


@pytest.fixture
def settings(tmp_path: Path, open_registry) -> Settings:
    environment = {
        "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_REGISTRIES": f"http://{open_registry.host}",
        "DOCKER_CONFIG": str(tmp_path / "none"),
    }
    return Settings.from_environment(environment)


def named(server, *tags: str) -> list[NamedImage]:
    return [NamedImage(f"{server.host}/ml/image:{tag}", "README.md") for tag in tags]


def requests(server, before: int) -> dict[str, int]:
    """How often each method was asked for manifests and for blobs, since."""
    counts: dict[str, int] = {}
    for line in server.requests()[before:]:
        method, path = line.split(" ", 1)
        kind = "manifests" if "/manifests/" in path else "blobs" if "/blobs/" in path else "other"
        counts[f"{method} {kind}"] = counts.get(f"{method} {kind}", 0) + 1
    return counts


def visit(settings: Settings, images: list[NamedImage]):
    """One visit of a project, as a process of its own would make it."""
    collection = ImageCollection("github", settings)
    hashed = collection.input_hash(images)
    return hashed, collection.manifests(PROJECT, images), collection.layer_stats(PROJECT, images)


def test_an_unchanged_image_costs_one_head(settings, open_registry, pushed) -> None:
    images = named(open_registry, "multi")
    before = len(open_registry.requests())
    first, manifests, layers = visit(settings, images)
    cost = requests(open_registry, before)
    assert cost["HEAD manifests"] == 1
    # The index and its two images; two configurations and four layers, of which none is the other's.
    assert cost["GET manifests"] == 3
    assert cost["GET blobs"] == 2 + len(layers.rows["raw.layers"])
    assert [row["architecture"] for row in manifests.rows["raw.manifests"]] == ["amd64", "arm64"]
    assert len(layers.rows["raw.image_summaries"]) == 2
    assert [outcome.reason for outcome in manifests.outcomes if outcome.subject] == [
        "not an image: attestation"
    ]

    before = len(open_registry.requests())
    again, same_manifests, same_layers = visit(settings, images)
    cost = requests(open_registry, before)
    assert {name: count for name, count in cost.items() if not name.endswith("other")} == {
        "HEAD manifests": 1
    }
    assert again == first
    assert same_manifests == manifests
    assert same_layers == layers


def test_every_form_is_read(settings, open_registry, pushed) -> None:
    tags = ("umoci", "docker-v2", "buildah", "zstd", "chunked", "multi", "never-pushed")
    _, manifests, layers = visit(settings, named(open_registry, *tags))
    (gone,) = [outcome for outcome in manifests.outcomes if outcome.status == "gone"]
    assert gone.subject.endswith("never-pushed")
    assert not gone.retryable
    whole = manifests.outcomes[-1]
    assert (whole.status, whole.reason) == ("collected", "1 of 7 images could not be read")
    assert layers.outcomes[-1] == Outcome("layer_stats", "", "collected")
    assert len(layers.rows["raw.image_summaries"]) == 7
    assert {row["status"] for row in layers.rows["raw.layers"]} == {"complete"}
    assert {row["compression"] for row in layers.rows["raw.layers"]} == {"gzip", "zstd"}
    references = {
        row["reference"] for row in manifests.rows["raw.image_references"] if row["repository"] == "ml/image"
    }
    assert len(references) == len(tags)


def test_a_moved_tag_changes_the_input_and_costs_only_what_is_new(settings, open_registry, images) -> None:
    one, two = images.by_umoci("moved-one"), images.by_umoci("moved-two")
    open_registry.push(one, "moved")
    named_images = named(open_registry, "moved")
    first, _, _ = visit(settings, named_images)
    open_registry.push(two, "moved")
    second, manifests, layers = visit(settings, named_images)
    assert first != second
    assert len(manifests.rows["raw.manifests"]) == 1
    assert layers.outcomes[-1].status == "collected"


def test_a_server_that_is_gone_is_tried_again_later(tmp_path) -> None:
    environment = {
        "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_REGISTRIES": "http://127.0.0.1:1",
        "DOCKER_CONFIG": str(tmp_path / "none"),
    }
    collection = ImageCollection("github", Settings.from_environment(environment))
    found = collection.manifests(PROJECT, [NamedImage("127.0.0.1:1/ml/image:1", "README.md")])
    assert [outcome.retryable for outcome in found.outcomes] == [True, True]
    assert found.rows == {}
