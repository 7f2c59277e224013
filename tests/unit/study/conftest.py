"""Fixtures for the tests of labels: seeds, and the study's package."""

import os
from pathlib import Path

import pytest

from dockml_dagster.study.labels.category import parse_category_model
from dockml_dagster.study.labels.codebook import parse_codebook, parse_purpose_codes
from dockml_dagster.study.labels.purpose import parse_purpose_rules

SEEDS = Path(__file__).parents[3] / "dbt_like_sql" / "seeds"


def _seed(name):
    return (SEEDS / f"{name}.csv").read_text()


@pytest.fixture(scope="session")
def seed():
    return _seed


@pytest.fixture(scope="session")
def codebook():
    return parse_codebook(_seed("categories"), _seed("purposes"), _seed("sub_purposes"))


@pytest.fixture(scope="session")
def category_model():
    return parse_category_model(_seed("category_features"), _seed("category_weights"))


@pytest.fixture(scope="session")
def purpose_rules(codebook):
    return parse_purpose_rules(_seed("purpose_rules"), codebook.allowed)


@pytest.fixture(scope="session")
def purpose_codes(codebook):
    return parse_purpose_codes(_seed("purpose_codes"), codebook.allowed)


@pytest.fixture(scope="session")
def ease2022():
    """The study's projects: name → (metadata, facts, category label, free-text purpose codes, words)."""
    location = os.environ.get("DOCKML_EASE2022")
    if not location:
        pytest.skip("DOCKML_EASE2022 names no copy of the study's package")
    from dockml_dagster.corpora.ease2022.package import open_package
    from dockml_dagster.corpora.ease2022.workbook import read_sheets
    from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
    from dockml_dagster.study.project.compose import is_compose
    from dockml_dagster.study.project.evidence import facts_of_project
    from dockml_dagster.study.project.facts import ProjectMetadata

    package = open_package(Path(location))
    sheets = read_sheets(package.read("RQ1/ML_Docker_repositories.xlsx"))
    metadata = {
        cells["Repos"]: cells for sheet in ("initial", "filtered2") for _, cells in sheets[sheet].rows
    }
    projects = {}
    for _, cells in sheets["labeling2"].rows:
        name = cells["repos"]
        about = metadata[name]
        prefix = f"raw-data/Dockerfiles/logs/{name}/latest/"
        texts = {path.removeprefix(prefix): package.read(path) for path in package.below(prefix)}
        dockerfiles = {
            path: read_dockerfile(data)
            for path, data in texts.items()
            if "dockerfile" in path.rsplit("/", 1)[-1].lower()
        }
        composes = {path: data.decode("utf-8", "replace") for path, data in texts.items() if is_compose(path)}
        description = str(about["description"] or "")
        facts = facts_of_project(
            ProjectMetadata(name, description, (str(about["topic"]),), str(about["language"])),
            dockerfiles,
            texts=composes,
        )
        words = {
            "description": description,
            "language": str(about["language"]).replace(" ", "_"),
            "paths": " ".join(texts),
            "dockerfiles": " ".join(data.decode("latin1")[:20000] for data in texts.values()),
        }
        projects[name] = (facts, str(cells["manual_topic"]), str(cells["What"] or ""), words)
    return projects
