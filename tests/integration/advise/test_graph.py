"""The graph gives the same advice as the command does by itself: for directories, and for images.

Here: comparing the two ways. What the advice is belongs to the other tests of this folder.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import dockml_dagster
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.settings import Settings
from tests.integration.advise.test_planted_waste import WASTE

SAMPLE = Path(dockml_dagster.__file__).parent / "corpora" / "sample" / "projects"
NAMES = [
    "lanternfish/recipe-recs",
    "aurora-vision/streetlight",
    "basalt-nets/strata",
    "harbour-robotics/keelpilot",
]


def told(advice: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {
        (
            item["about"],
            item["subject"] if item["about"] == "dockerfile" else "",
            item["recommendation"],
            item["severity"],
            tuple((place["path"], place["line"]) for place in item["evidence"]),
        )
        for item in advice["recommendations"]
        # Where a .dockerignore lies is looked for in the repository; what says so is worded where it was found.
        # A directory has no images.
        if item["recommendation"] != "dockerignore" and item["about"] != "image"
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_project_is_advised_as_its_directory_is(name: str, studied: Path, dockml) -> None:
    project = dockml(studied, "advise", name, "--corpus", "sample", "--format", "json")
    directory = dockml(studied, "advise", str(SAMPLE / name), "--format", "json")
    assert project.returncode == 0, project.stderr
    (of_project,), (of_directory,) = json.loads(project.stdout), json.loads(directory.stdout)
    assert told(of_project)
    assert told(of_project) == told(of_directory)
    ignoring = [
        {item["subject"] for item in advice["recommendations"] if item["recommendation"] == "dockerignore"}
        for advice in (of_project, of_directory)
    ]
    assert ignoring[0] == ignoring[1]


def test_a_project_that_is_not_there_is_named_with_the_closest(studied: Path, dockml) -> None:
    done = dockml(studied, "advise", "lanternfish/recipe-rec", "--corpus", "sample")
    assert done.returncode == 2
    assert "did you mean lanternfish/recipe-recs?" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_image_is_advised_in_the_graph_as_by_the_command(build, advise) -> None:
    image = build("image", WASTE)
    (by_command,) = advise.json(image.reference)
    collection = ImageCollection("local", Settings.from_environment(), workers=1)
    collected = collection.layer_stats(
        "local/a/b", [NamedImage("a/b:1", origin="test", location=image.reference)]
    )
    rows = {row["recommendation"]: row for row in collected.rows["raw.image_advice"]}
    assert {row["reference"] for row in rows.values()} == {"a/b:1"}
    expected = {item["recommendation"]: item for item in by_command["recommendations"]}
    assert rows.keys() == expected.keys()
    for name, row in rows.items():
        item = expected[name]
        assert (row["saves_bytes"], row["files"]) == (item["saves_bytes"], item["files"]), name
        places = [(place["path"], place["layer"], place["bytes"]) for place in item["evidence"]]
        assert (
            list(zip(row["evidence_paths"], row["evidence_layers"], row["evidence_bytes"], strict=True))
            == places
        )
