"""How many images a project has, and how many of them could be read: those without layers, and those that are not there."""

from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.corpora.base import Collected, Outcome
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.settings import Settings

PROJECT = "local/o/p"


@pytest.fixture
def collection(tmp_path: Path) -> ImageCollection:
    """A collection of a corpus that has seen nothing."""
    return ImageCollection("local", Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")}))


def named(*locations: str) -> list[NamedImage]:
    return [NamedImage(location, "Dockerfile") for location in locations]


def whole(found: Collected) -> Outcome:
    (one,) = [outcome for outcome in found.outcomes if outcome.subject == ""]
    return one


def test_an_image_from_scratch_is_one_that_was_read(
    layout: Any, collection: ImageCollection, tmp_path: Path
) -> None:
    made = layout("scratch")
    images = named(made.write(made.image()), f"oci:{tmp_path}/gone", f"oci:{tmp_path}/away")
    found = whole(collection.manifests(PROJECT, images))
    assert (found.status, found.reason) == ("collected", "2 of 3 images could not be read")


def test_its_layers_are_none_and_known(layout: Any, collection: ImageCollection) -> None:
    made = layout("scratch")
    found = collection.layer_stats(PROJECT, named(made.write(made.image())))
    assert whole(found) == Outcome("layer_stats", "", "collected")
    (row,) = found.rows["raw.image_summaries"]
    assert (row["files"], row["bytes"], row["status"]) == (0, 0, "complete")


def test_a_platform_without_layers_beside_one_with(layout: Any, collection: ImageCollection) -> None:
    made = layout("both")
    location = made.write(made.image(), made.image(b"", architecture="arm64"))
    found = collection.manifests(PROJECT, named(location))
    assert whole(found) == Outcome("manifests", "", "collected")
    assert [row["layers"] for row in found.rows["raw.manifests"]] == [0, 1]


def test_which_directory_is_not_there_is_said(collection: ImageCollection, tmp_path: Path) -> None:
    images = [
        NamedImage(f"app:{name}", "projects.yaml", f"oci:{tmp_path}/{name}") for name in ("gone", "away")
    ]
    found = collection.manifests(PROJECT, images)
    said = [one.reason for one in found.outcomes if one.subject]
    assert [reason.rpartition(": ")[2] for reason in said if reason] == ["gone", "away"]
