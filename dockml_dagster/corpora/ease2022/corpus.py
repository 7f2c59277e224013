"""The corpus ``ease2022``: the paper's own 406 projects of 2021, from the study's published package.

Here: the corpus itself, which ties the package's parts together. Not here: reading files (``package``), cells of the
workbook (``workbook``), exports about images (``images``).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from dockml_dagster.corpora.base import Collected, Corpus, CorpusError, Listing, Outcome, Stage, partition_key
from dockml_dagster.corpora.ease2022 import images, workbook
from dockml_dagster.corpora.ease2022.package import Package, clone, fingerprint, open_package
from dockml_dagster.corpora.files import FoundFile, file_rows
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash

DOCKERFILES = "raw-data/Dockerfiles/logs/"

Row = dict[str, Any]


class Ease2022(Corpus):
    """Reads the study's package; see ``corpora.base.Corpus``.

    ``location`` is the directory or archive to read; without one, a shallow clone is made in ``cache``.
    """

    name = "ease2022"
    method_version = "2"
    description = "the study's own 406 projects, from its package of 2021"
    partitions_at_once = 500  # all of it takes some seconds and 100 MB, and each write opens the warehouse

    def __init__(self, location: Path | None, cache: Path) -> None:
        self._given = location
        self._cache = cache

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``."""
        return cls(settings.ease2022, settings.cache)

    @cached_property
    def _location(self) -> Path:
        return self._given or clone(self._cache)

    @cached_property
    def _package(self) -> Package:
        return open_package(self._location)

    @cached_property
    def _sheets(self) -> Mapping[str, workbook.Sheet]:
        data = self._package.read(workbook.WORKBOOK)
        if data is None:
            raise CorpusError(
                f"{self._location} has no {workbook.WORKBOOK}; without it there is no list of projects"
            )
        return workbook.read_sheets(data)

    @cached_property
    def _names(self) -> list[str]:
        return workbook.selected(self._sheets)

    @cached_property
    def _exports(self) -> images.ImageExports:
        return images.read_exports(self._package)

    @cached_property
    def _references(self) -> tuple[dict[str, list[workbook.Reference]], dict[str, list[Outcome]]]:
        found, wrong = workbook.references(self._sheets, self._names)
        references: dict[str, list[workbook.Reference]] = defaultdict(list)
        outcomes: dict[str, list[Outcome]] = defaultdict(list)
        for reference in found:
            references[partition_key(self.name, reference.name)].append(reference)
        for name, outcome in wrong:
            outcomes[partition_key(self.name, name)].append(outcome)
        return dict(references), dict(outcomes)

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        """Project → paths in the package of the files taken as its Dockerfiles, and of files beside them."""
        paths: dict[str, list[str]] = defaultdict(list)
        for path in self._package.below(DOCKERFILES):
            parts = path.removeprefix(DOCKERFILES).split("/", 3)
            if len(parts) == 4 and parts[2] == "latest":
                paths[f"{self.name}/{parts[0]}/{parts[1]}"].append(path)
        return dict(paths)

    def _inspection_logs(self, project: str) -> list[str]:
        """Paths of the logs of ``skopeo inspect`` on a project's images."""
        return self._package.below(f"{DOCKERFILES}{project.removeprefix(self.name + '/')}/hub/")

    @property
    def fingerprint_asks_network(self) -> bool:
        """Without a given location the first look makes a clone."""
        return self._given is None

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``."""
        return fingerprint(self._location)

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        """Cached: projects and labels are two assets, but the package is read only once."""
        keys = [partition_key(self.name, name) for name in self._names]
        candidate_rows, outcomes = workbook.candidates(self._sheets)
        unassigned = self._exports.references - {
            reference.reference for found in self._references[0].values() for reference in found
        }
        metadata = workbook.projects(self._sheets, self._names)
        rows: dict[str, list[Row]] = {"raw.candidates": candidate_rows, "raw.projects": metadata}
        for reference in sorted(unassigned):
            for table, found in {**self._manifest_rows(reference), **self._layer_rows(reference)}.items():
                rows.setdefault(table, []).extend(found)
        return Listing(
            source=self._package.source,
            projects=keys,
            inputs={
                "dockerfiles": {key: self._dockerfile_hash(key) for key in keys},
                "manifests": {key: self._manifest_hash(key) for key in keys},
                "layer_stats": {key: self._exports.layer_hash(self._unique_references(key)) for key in keys},
            },
            rows={table: self._stamp(found) for table, found in rows.items()},
            labels={
                "raw.labels": self._stamp(workbook.labels(self._sheets, self._names)),
                "raw.base_image_labels": self._stamp(workbook.base_image_labels(self._sheets)),
            },
            outcomes=[
                *outcomes,
                *self._exports.outcomes,
                *self._empty_files(),
                *(
                    Outcome("manifests", reference, "not_selected", "no selected project names this image")
                    for reference in sorted(unassigned)
                ),
            ],
            # The package describes 2021, whenever it is read: date the listing by the newest fact about a project.
            as_of=max((row["updated_at"] for row in metadata if row.get("updated_at")), default=None),
        )

    def _empty_files(self) -> list[Outcome]:
        """Outcomes for empty tables of the package; empty image exports and logs are reported elsewhere."""
        return [
            Outcome("repo_list", path, "malformed", "the file is empty")
            for path in self._package.below("RQ")
            if path.endswith(".csv") and not (self._package.read(path) or b"").strip()
        ]

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        collect = {
            "dockerfiles": self._dockerfiles,
            "manifests": self._manifests,
            "layer_stats": self._layer_stats,
        }
        found = collect[stage](project)
        stamped = {table: self._stamp(rows, project) for table, rows in found.rows.items()}
        return Collected(stamped, found.outcomes)

    def _stamp(self, rows: Iterable[Mapping[str, Any]], project: str | None = None) -> list[Row]:
        """Rows with corpus and source, and with the project where they have none of their own."""
        common = {"project": project, "corpus": self.name, "source": self._package.source}
        return [{**common, **row} for row in rows]

    def _unique_references(self, project: str) -> list[str]:
        return list(dict.fromkeys(found.reference for found in self._references[0].get(project, ())))

    def _dockerfile_hash(self, project: str) -> str:
        parts: list[str | bytes] = []
        for path in self._paths.get(project, ()):
            parts += [path, self._package.read(path) or b""]
        return combined_hash(parts)

    def _manifest_hash(self, project: str) -> str:
        named = [f"{r.origin}\0{r.position}\0{r.reference}" for r in self._references[0].get(project, ())]
        logs = [f"{path}\0{bool(self._package.read(path))}" for path in self._inspection_logs(project)]
        return combined_hash([*named, *logs, self._exports.manifest_hash(self._unique_references(project))])

    def _dockerfiles(self, project: str) -> Collected:
        root = f"{DOCKERFILES}{project.removeprefix(self.name + '/')}/latest"
        sources = {path.removeprefix(root + "/"): path for path in self._paths.get(project, ())}
        contents = {path: self._package.read(source_file) or b"" for path, source_file in sources.items()}
        found = file_rows(
            (
                FoundFile(path, len(data), hashlib.sha256(data).hexdigest(), sources[path])
                for path, data in contents.items()
            ),
            contents.get,
        )
        dockerfiles = found.dockerfiles
        outcomes = list(found.outcomes)
        for row in dockerfiles:
            if not row["content"].strip():
                outcomes.append(Outcome("dockerfiles", row["path"], "malformed", "the file is empty"))
            elif not _is_utf8(row["content"]):
                outcomes.append(Outcome("dockerfiles", row["path"], "unreadable", "not UTF-8; read as bytes"))
        status: Outcome = (
            Outcome("dockerfiles", "", "collected")
            if dockerfiles
            else Outcome("dockerfiles", "", "not_available", "the package has no Dockerfile of this project")
        )
        return Collected(
            {"raw.repository_files": found.repository_files, "raw.dockerfiles": dockerfiles},
            [*outcomes, status],
        )

    def _manifests(self, project: str) -> Collected:
        rows: dict[str, list[Row]] = {
            "raw.image_references": [
                {
                    "reference": found.reference,
                    "repository": found.reference.rpartition(":")[0] or found.reference,
                    "tag": found.reference.rpartition(":")[2] if ":" in found.reference else None,
                    "origin": found.origin,
                    "origin_row": found.origin_row,
                    "position": found.position,
                    "source_file": workbook.WORKBOOK,
                    "source_row": found.origin_row,
                }
                for found in self._references[0].get(project, ())
            ]
        }
        outcomes = list(self._references[1].get(project, ()))
        for reference in self._unique_references(project):
            for table, found in self._manifest_rows(reference).items():
                rows.setdefault(table, []).extend(found)
            if reference not in self._exports.manifests and reference not in self._exports.configs:
                outcomes.append(
                    Outcome(
                        "manifests",
                        reference,
                        "not_available",
                        "the exports have no manifest and no config of it",
                    )
                )
        outcomes += [
            Outcome("manifests", path.rpartition("/")[2], "malformed", "the log of this inspection is empty")
            for path in self._inspection_logs(project)
            if not (self._package.read(path) or b"").strip()
        ]
        outcomes.append(
            _stage_outcome("manifests", bool(rows.get("raw.manifests") or rows.get("raw.image_configs")))
        )
        return Collected(rows, outcomes)

    def _layer_stats(self, project: str) -> Collected:
        rows: dict[str, list[Row]] = {}
        for reference in self._unique_references(project):
            for table, found in self._layer_rows(reference).items():
                rows.setdefault(table, []).extend(found)
        return Collected(rows, [_stage_outcome("layer_stats", bool(rows.get("raw.layers")))])

    def _manifest_rows(self, reference: str) -> dict[str, list[Row]]:
        manifests, layers = images.manifest_rows(reference, self._exports.manifests.get(reference, ()))
        return {
            "raw.manifests": manifests,
            "raw.image_layers": layers,
            "raw.image_configs": images.config_rows(reference, self._exports.configs.get(reference, ())),
            "raw.image_history": images.history_rows(reference, self._exports.history.get(reference, ())),
        }

    def _layer_rows(self, reference: str) -> dict[str, list[Row]]:
        layers, types = images.layer_rows(reference, self._exports.layers.get(reference, ()))
        return {"raw.layers": layers, "raw.layer_file_types": types}


def _stage_outcome(stage: Stage, found: bool) -> Outcome:
    if found:
        return Outcome(stage, "", "collected")
    what = {"manifests": "manifest or config", "layer_stats": "layer summary", "dockerfiles": "Dockerfile"}[
        stage
    ]
    return Outcome(stage, "", "not_available", f"the package has no {what} of this project's images")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
