"""The machine labels of a project as plain rows: category, purposes, and the evidence of each.

Here: running both labellers on one project and flattening their answers, by column name. Not here: the labellers
(``category``, ``purpose``), reading a corpus, any database. Rows carry places (file and line), never the text at
that place: a command line or a variable may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.category import CategoryJudgement, classify_category, parse_category_model
from dockml_dagster.study.labels.codebook import parse_codebook
from dockml_dagster.study.labels.purpose import (
    PurposeJudgement,
    parse_purpose_rules,
    purposes_by_file,
    purposes_of,
)
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import Fact, ProjectMetadata

RATER = "machine"
"""The rater's name of machine labels."""
CANNOT_TELL = "cannot tell"
"""The code of a unit for which no category is likely enough. People may give it too."""
NONE_APPLIES = "none"
"""The code of a unit that was rated and has no purpose. A unit that was not rated has no code at all."""

Row = dict[str, Any]
_PURPOSE_REASON = "no rule found evidence of a purpose"


class Labeller:
    """Both labellers, by the rules of the seeds (name → CSV text). Raises ``ValueError`` on an invalid seed."""

    def __init__(self, seeds: Mapping[str, str]) -> None:
        codebook = parse_codebook(seeds["categories"], seeds["purposes"], seeds["sub_purposes"])
        self._model = parse_category_model(seeds["category_features"], seeds["category_weights"])
        self._rules = parse_purpose_rules(seeds["purpose_rules"], codebook.allowed)
        self.category_version = codebook.categories[0].codebook_version
        self.purpose_version = codebook.purposes[0].codebook_version

    def rows_of_files(
        self,
        project: str,
        metadata: ProjectMetadata,
        dockerfiles: Mapping[str, bytes],
        files: Mapping[str, tuple[bytes | None, int | None]],
        *,
        whole: bool,
    ) -> Iterator[tuple[str, Row]]:
        """``rows`` of a project as it was collected: Dockerfiles by path, and of every file its content and its size in
        bytes (None: not kept, not known).

        ``whole``: these are all files of the repository, so their paths give its layout.
        """
        readings = {path: read_dockerfile(content) for path, content in dockerfiles.items()}
        texts = {
            path: content.decode("utf-8", "replace")
            for path, (content, _) in files.items()
            if content is not None
        }
        sizes = {path: size for path, (_, size) in files.items()} if whole else None
        return self.rows(project, metadata, readings, texts=texts, sizes=sizes)

    def rows(
        self,
        project: str,
        metadata: ProjectMetadata,
        dockerfiles: Mapping[str, DockerfileReading],
        *,
        texts: Mapping[str, str] | None = None,
        sizes: Mapping[str, int | None] | None = None,
    ) -> Iterator[tuple[str, Row]]:
        """(table, row) of ``machine_labels`` and ``machine_label_evidence`` for one project.

        ``project`` is its key; the other arguments are those of ``facts_of_project``. Purposes are given to the project,
        and to each Dockerfile that has stages and holds evidence for them.
        """
        facts = facts_of_project(metadata, dockerfiles, texts=texts, sizes=sizes)
        yield from self._category(project, facts)
        found = purposes_of(facts, self._rules)
        yield from self._purposes({"unit_kind": "project", "unit": project}, found)
        of_file = purposes_by_file(found)
        for path, reading in sorted(dockerfiles.items()):
            if reading.stages:
                unit = {"unit_kind": "dockerfile", "unit": f"{project}/{path}"}
                yield from self._purposes(unit, of_file.get(path, ()))

    def _category(self, project: str, facts: Iterable[Fact]) -> Iterator[tuple[str, Row]]:
        judged: CategoryJudgement = classify_category(facts, self._model)
        key = {
            "unit_kind": "project",
            "unit": project,
            "code_system": "category",
            "code": judged.category or CANNOT_TELL,
        }
        yield (
            "machine_labels",
            {
                **key,
                "sub_codes": [],
                "probability": judged.probability,
                "likeliest": judged.likeliest,
                "reason": judged.why_not,
                "codebook_version": self.category_version,
            },
        )
        for reason in judged.reasons:
            for fact in reason.evidence:
                yield (
                    "machine_label_evidence",
                    {
                        **key,
                        "rule": reason.feature,
                        "sub_code": None,
                        "contribution": reason.contribution,
                        **_place(fact),
                    },
                )

    def _purposes(self, unit: Row, found: Iterable[PurposeJudgement]) -> Iterator[tuple[str, Row]]:
        common = {**unit, "code_system": "purpose"}
        weights = {rule.rule.rule: rule.weight for rule in self._rules.rules}
        any_found = False
        for judged in found:
            any_found = True
            key = {**common, "code": judged.purpose}
            yield (
                "machine_labels",
                {
                    **key,
                    "sub_codes": list(judged.sub_purposes),
                    "probability": judged.probability,
                    "likeliest": None,
                    "reason": None,
                    "codebook_version": self.purpose_version,
                },
            )
            for item in judged.evidence:
                yield (
                    "machine_label_evidence",
                    {
                        **key,
                        "rule": item.rule,
                        "sub_code": item.sub_purpose,
                        "contribution": weights[item.rule],
                        **_place(item.fact),
                    },
                )
        if not any_found:
            yield (
                "machine_labels",
                {
                    **common,
                    "code": NONE_APPLIES,
                    "sub_codes": [],
                    "probability": None,
                    "likeliest": None,
                    "reason": _PURPOSE_REASON,
                    "codebook_version": self.purpose_version,
                },
            )


def _place(fact: Fact) -> Row:
    return {"found_in": fact.where, "file": fact.file, "line": fact.line}
