"""The corpora ``dataset:NAME``.

Here: the corpus itself. A partition is a shard, ``dataset:NAME/SHARD``; a project stays a row,
``dataset:NAME/owner/name``. Not here: reading the TOML file (``description``), the texts (``sources``), keeping them
in shards (``store``).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from dockml_dagster.corpora.base import Collected, Corpus, Listing, Outcome, Stage, partition_key
from dockml_dagster.corpora.dataset import sources
from dockml_dagster.corpora.dataset.description import Description, find
from dockml_dagster.corpora.dataset.store import Shards, StoredProject, shards
from dockml_dagster.corpora.files import content_problem, problem_at
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.warehouse.rows import combined_hash

Row = dict[str, Any]

NO_IMAGES = "a set of Dockerfiles has no images"


class Dataset(Corpus):
    """Reads a set of Dockerfiles; see ``corpora.base.Corpus``."""

    name = "dataset"
    method_version = "1"
    description = "sets of Dockerfiles, each described by a TOML: dataset:NAME"
    options = frozenset({"path"})
    remembers = {"datasets": "datasets"}
    partition_unit = "shard"
    partitions_at_once = 10

    def __init__(self, settings: Settings, member: str | None = None) -> None:
        self._given, self._cache, self._member = settings.datasets, settings.cache, member
        if member is not None:
            self.name = f"dataset:{member}"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``; without a member, any use but naming it raises."""
        return cls(settings)

    @classmethod
    def member(cls, settings: Settings, member: str) -> Self:
        """See ``Corpus.member``."""
        return cls(settings, member)

    @cached_property
    def _set(self) -> Description:
        if self._member is None:
            raise BadInputError("which set of Dockerfiles? --corpus dataset:NAME, and --path with its TOML")
        return find(self._member, self._given)

    @property
    def fingerprint_asks_network(self) -> bool:
        """Whether the set is fetched over the network."""
        return self._set.is_address

    @cached_property
    def _mark(self) -> str:
        return sources.mark(self._set, self._cache)

    @cached_property
    def _shards(self) -> Shards:
        folder = self._cache / "datasets" / self._set.name
        return shards(sources.texts(self._set, self._cache), folder, self._mark[:32])

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``."""
        return self._mark

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        hashes = {self._key(shard): found for shard, found in self._shards.hashes().items()}
        projects = list(self._shards.projects())
        return Listing(
            source=f"{self._source} ({len(projects)} projects in {len(hashes)} shards, {self._mark[:12]})",
            projects=list(hashes),
            inputs={
                "dockerfiles": hashes,
                "manifests": dict.fromkeys(hashes, combined_hash(["no images"])),
                "layer_stats": dict.fromkeys(hashes, combined_hash(["no images"])),
            },
            rows={"raw.projects": [self._project_row(number, one) for number, one in enumerate(projects, 1)]},
            labels={"raw.labels": [self._label_row(one) for one in projects if one.category is not None]},
            as_of=self._set.as_of,
        )

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``; here for a shard."""
        if stage != "dockerfiles":
            return Collected(outcomes=[Outcome(stage, "", "not_available", NO_IMAGES)])
        texts = self._shards.texts(project.rpartition("/")[2])
        if not texts:
            return Collected(outcomes=[Outcome(stage, "", "gone", "the set has no such shard any more")])
        dockerfiles: list[Row] = []
        files: list[Row] = []
        outcomes: list[Outcome] = []
        for text in texts:
            kind = classify_file_name(text.path)
            about = {
                "project": partition_key(self.name, text.project),
                "corpus": self.name,
                "path": text.path,
                "bytes": len(text.content) if text.content is not None else None,
                "sha256": hashlib.sha256(text.content).hexdigest() if text.content is not None else None,
                "source": self._source,
                "source_row": text.number,
            }
            files.append({**about, "file_kind": kind.kind, "kind_reason": kind.reason})
            problem = text.problem or content_problem(text.content)
            if problem is not None:
                outcomes.append(problem_at(text.path, problem))
            else:
                dockerfiles.append({**about, "content": text.content})
        return Collected(
            {"raw.repository_files": files, "raw.dockerfiles": dockerfiles},
            [*outcomes, Outcome(stage, "", "collected")],
        )

    def _key(self, shard: str) -> str:
        return f"{self.name}/{shard}"

    @property
    def _source(self) -> str:
        return self._set.texts.get("citation") or self._set.texts.get("title") or f"data set {self._set.name}"

    def _project_row(self, number: int, project: StoredProject) -> Row:
        return {
            "project": partition_key(self.name, project.project),
            "corpus": self.name,
            "shard": self._key(project.shard),
            "name": project.project,
            "owner": project.project.split("/")[0],
            "position": number,
            "dockerfiles": project.texts,
            "updated_at": _moment(project.date),
            "source": self._source,
        }

    def _label_row(self, project: StoredProject) -> Row:
        key = partition_key(self.name, project.project)
        return {
            "project": key, "corpus": self.name, "rater": self._set.name, "unit_kind": "project", "unit": key,
            "code_system": "category", "code": project.category, "codebook_version": "ease2022", "source": self._source,
        }  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    """A date or time in ISO 8601, as UTC without zone; None for anything else."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None
