"""What ``dockml labels train`` does: adjust the category classifier to a user's own labels.

Here: from labels in the published file to weights in the home. Not here: fitting and measuring
(``study.labels.training``), where weights are kept (``warehouse.label_model``), any printing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.category import CategoryModel, parse_category_model
from dockml_dagster.study.labels.features import features_of
from dockml_dagster.study.labels.training.category import Example, Refitted, refit, weight_rows
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.warehouse.label_model import keep_weights
from dockml_dagster.warehouse.models import seed_texts
from dockml_dagster.warehouse.published.query import query

LEAST = 30
"""Fewest labelled projects: with fewer, a held-out figure means nothing."""

_LABELLED = """
    SELECT projects.project, projects.name, projects.description, projects.topics, projects.language, categories.category,
        EXISTS (
            FROM staging.outcomes AS said
            WHERE said.project = projects.project AND said.stage = 'dockerfiles' AND said.subject = 'file list'
                AND said.status = 'collected'
        ) AS whole
    FROM core.projects AS projects
    JOIN core.categories AS categories ON categories.project = projects.project
    WHERE projects.corpus = $1 AND categories.category IS NOT NULL AND categories.label_source <> 'machine'
    ORDER BY projects.project
"""


@dataclass(frozen=True, slots=True)
class Trained:
    """What was fitted and measured, on how many projects of how many owners. ``kept``: where the weights are; None if
    they were not kept, because they were no better on held-out projects.
    """

    projects: int
    owners: int
    found: Refitted
    kept: Path | None


def train(settings: Settings, corpus: str, *, seed: int, keep: bool) -> Trained:
    """Continue fitting the shipped weights on the people's categories of a corpus, and measure the gain on held-out
    projects. The weights are kept in the home if there is a gain, or if ``keep`` says so.

    Raises:
        BadInputError: nothing is published, or too few projects have a category given by people.
    """
    seeds = seed_texts(("category_features", "category_weights"))
    model = parse_category_model(seeds["category_features"], seeds["category_weights"])
    examples = _examples(settings, corpus, model)
    if len(examples) < LEAST or len({example.category for example in examples}) < 2:
        raise BadInputError(
            f"{len(examples)} projects of {corpus} have a category that people gave; training needs {LEAST}, of two "
            "categories: "
            f"dockml labels export sheet.csv --corpus {corpus} -n 50"
        )
    found = refit(examples, model, seed=seed)
    better = (found.after.estimate or 0) > (found.before.estimate or 0)
    kept = keep_weights(settings, weight_rows(found.model, examples)) if better or keep else None
    return Trained(len(examples), len({example.owner for example in examples}), found, kept)


def _examples(settings: Settings, corpus: str, model: CategoryModel) -> list[Example]:
    """The examples, queried project by project: all files at once would be too much for one query."""
    examples = []
    for project, name, description, topics, language, category, whole in query(
        settings, _LABELLED, [corpus]
    ).rows:
        dockerfiles = {
            path: read_dockerfile(content)
            for path, content in query(
                settings, "SELECT path, content FROM staging.dockerfiles WHERE project = $1", [project]
            ).rows
        }
        files: dict[str, dict[str, Any]] = defaultdict(dict)
        for path, content, size in query(
            settings,
            "SELECT path, content, bytes FROM staging.repository_files WHERE project = $1",
            [project],
        ).rows:
            files["sizes"][path] = size
            if content is not None:
                files["texts"][path] = content.decode("utf-8", "replace")
        facts = facts_of_project(
            ProjectMetadata(name, description, tuple(topics or ()), language),
            dockerfiles,
            texts=files["texts"],
            sizes=files["sizes"] if whole else None,
        )
        examples.append(Example(name.split("/")[0].lower(), category, features_of(facts, model.features), {}))
    return examples
