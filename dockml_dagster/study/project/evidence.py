"""All facts of one project, from its metadata and those of its files that are available.

Here: which file becomes which facts. Not here: how (``facts``, ``compose``, ``dependencies``, ``readme_facts``), what the
facts mean (``labels``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.project.compose import compose_facts
from dockml_dagster.study.project.dependencies import declared_dependencies
from dockml_dagster.study.project.facts import (
    Fact,
    ProjectMetadata,
    count_facts,
    dependency_facts,
    dockerfile_facts,
    file_facts,
    metadata_facts,
    own_facts,
    workflow_facts,
)
from dockml_dagster.study.project.files import documentation_index, main_readme, manifests, read_as
from dockml_dagster.study.project.languages import main_language
from dockml_dagster.study.project.own_words import own_words
from dockml_dagster.study.project.readme_facts import index_facts, readme_facts


def facts_of_project(
    metadata: ProjectMetadata,
    dockerfiles: Mapping[str, DockerfileReading],
    *,
    texts: Mapping[str, str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
) -> tuple[Fact, ...]:
    """The facts of one project, in a fixed order.

    ``dockerfiles``: readings by path; those without a stage do not count as Dockerfiles.
    ``texts``: contents by path of other files (compose files, CI configurations, the main README at the top,
    manifests, the index of the documentation; anything else is ignored). ``sizes``: every path of the repository with its
    bytes where known. Omit it if only Dockerfiles were collected, because an incomplete list would pass for the layout.
    The main language that the host states takes precedence over the one by sizes.
    """
    if metadata.language is None and sizes is not None:
        metadata = replace(metadata, language=main_language(sizes.items()))
    facts = list(metadata_facts(metadata))
    real = {path: reading for path, reading in sorted(dockerfiles.items()) if reading.stages}
    for path, reading in real.items():
        facts.extend(dockerfile_facts(path, reading, metadata.name))
    facts.extend(count_facts(len(real)))
    readme = main_readme(texts or ())
    speaking = manifests(texts or ())
    index = documentation_index(texts or ())
    for path, text in sorted((texts or {}).items()):
        role = read_as(path)
        if role == "compose":
            facts.extend(compose_facts(path, text))
        elif role == "workflow":
            facts.extend(workflow_facts(path, text))
        elif path == readme:
            facts.extend(readme_facts(path, text, metadata.name))
        elif role == "dependencies":
            facts.extend(dependency_facts(declared_dependencies(path, text)))
        if path in speaking:
            facts.extend(own_facts(path, own_words(path, text), metadata.name))
        elif path == index:
            facts.extend(index_facts(path, text, metadata.name))
    if sizes is not None:
        facts.extend(file_facts(sorted(sizes), metadata.name))
    return tuple(facts)
