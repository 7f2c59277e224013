"""What shells, workflows, Makefiles and the like say, against what was written down before any of it was tried."""

import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.image_links.grading import strongest

CASES = tomllib.loads(Path(__file__).with_name("readings.toml").read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_images_that_are_named(case):
    text = case["text"].replace("FILLER\n", "  echo 'one line more than before'\n" * case.get("filler", 0))
    links = find_links("tern/tern", {case["path"]: text, **case.get("also", {})})
    assert {f"{grade} {repository}" for repository, grade in strongest(links).items()} == set(case["found"])
