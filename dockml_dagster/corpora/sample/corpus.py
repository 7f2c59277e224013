"""The corpus ``sample``: small ML projects written for this repository, so that everything can be tried offline.

Here: reading ``projects/`` as a corpus. The projects themselves are data; their README says what each one shows. Not
here: assembling their images (``images``), reading them as in any corpus (``corpora.images.collection``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dockml_dagster.corpora.base import (
    FILE_LIST,
    Collected,
    Corpus,
    CorpusError,
    Listing,
    Outcome,
    Stage,
    partition_key,
)
from dockml_dagster.corpora.files import FoundFile, file_rows
from dockml_dagster.corpora.images.versions import layers_version
from dockml_dagster.corpora.sample.images import SampleImages
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash

if TYPE_CHECKING:
    from dockml_dagster.corpora.images.collection import ImageCollection
    from dockml_dagster.corpora.images.rows import NamedImage

RATER = "dockml"
CODEBOOK = "ease2022"

STEPS = (
    ("found by search", None),
    ("has a Dockerfile", "no_dockerfile"),
    ("at least 100 commits", "commits"),
    ("at least 1 release", "release"),
    ("not archived", "archived"),
    ("usable image", "image"),
)
"""Steps of the funnel, and the value of ``excluded_at`` for projects excluded there."""

Row = dict[str, Any]


class Sample(Corpus):
    """Reads the projects beside this module; see ``corpora.base.Corpus``."""

    name = "sample"
    method_version = "3"
    description = "small ML projects written for this repository; offline"

    def __init__(self, folder: Path | None = None, settings: Settings | None = None) -> None:
        """``folder``: projects other than the shipped ones; ``settings``: None: from the environment."""
        self._folder = folder or Path(__file__).parent / "projects"
        self._settings = settings or Settings.from_environment()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``."""
        return cls(settings=settings)

    @cached_property
    def _images(self) -> SampleImages:
        return SampleImages(self._folder, self._settings.cache)

    @cached_property
    def _collection(self) -> ImageCollection:
        from dockml_dagster.corpora.images.collection import ImageCollection

        return ImageCollection(self.name, self._settings, source=self.name)

    @cached_property
    def _catalogue(self) -> Mapping[str, Any]:
        import yaml

        path = self._folder / "projects.yaml"
        try:
            catalogue: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise CorpusError(f"cannot read {path}: {' '.join(str(error).split())}") from error
        return catalogue

    @cached_property
    def _projects(self) -> dict[str, Mapping[str, Any]]:
        return {partition_key(self.name, entry["name"]): entry for entry in self._catalogue["projects"]}

    @property
    def layers_version(self) -> str:
        """See ``Corpus.layers_version``."""
        return layers_version()

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``. It includes the wheels of the environment, from which images are made."""
        files = (
            part
            for path in sorted(self._folder.rglob("*"))
            # pip compiles what it installs; compiled files are not part of the corpus.
            if path.is_file() and "__pycache__" not in path.parts
            for part in (path.relative_to(self._folder).as_posix(), path.read_bytes())
        )
        return combined_hash([self._images.environment, self._settings.layer_bytes or "", *files])

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        keys = list(self._projects)
        images = {key: self._image_hash(key) for key in keys}
        return Listing(
            source=f"sample ({self.fingerprint()[:12]})",
            projects=keys,
            inputs={
                "dockerfiles": {key: combined_hash(self._parts(key)) for key in keys},
                "manifests": images,
                "layer_stats": images,
            },
            rows={
                "raw.candidates": self._stamp(self._candidates()),
                "raw.projects": self._stamp(self._metadata()),
            },
            labels={"raw.labels": self._stamp(self._labels())},
        )

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        if stage == "dockerfiles":
            return self._dockerfiles(project)
        images = self._named_images(project)
        if stage == "manifests":
            return self._collection.manifests(project, images)
        return self._collection.layer_stats(project, images)

    def _stamp(self, rows: Iterable[Row], project: str | None = None) -> list[Row]:
        common = {"project": project, "corpus": self.name, "source": "sample"}
        return [{**common, **row} for row in rows]

    def _files(self, project: str) -> Iterator[tuple[str, bytes]]:
        root = self._folder / project.removeprefix(self.name + "/")
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), path.read_bytes()

    def _parts(self, project: str) -> Iterator[str | bytes]:
        for path, data in self._files(project):
            yield path
            yield data

    def _image_hash(self, project: str) -> str:
        """Hash of the input of a project's images, assembled or not: names, recipes, wheels, the projects' files."""
        references = [image["reference"] for image in self._projects[project]["images"]]
        return combined_hash([*references, self._images.made_of, self._settings.layer_bytes or ""])

    def _named_images(self, project: str) -> list[NamedImage]:
        from dockml_dagster.corpora.images.rows import NamedImage

        return [
            NamedImage(
                image["reference"],
                "projects.yaml",
                location=self._images.location(image["reference"]),
                source_file="projects.yaml",
                source_row=row,
            )
            for row, image in enumerate(self._projects[project]["images"], start=1)
        ]

    def _candidates(self) -> Iterator[Row]:
        everything = [*self._catalogue["projects"], *self._catalogue["candidates"]]
        for number, entry in enumerate(everything, start=1):
            excluded_at = entry.get("excluded_at")
            for step_number, (step, excludes) in enumerate(STEPS):
                if excludes is not None and excludes == excluded_at:
                    break
                yield {
                    "project": partition_key(self.name, entry["name"]),
                    "name": entry["name"],
                    "step": step,
                    "step_number": step_number,
                    "keyword": (entry.get("topics") or [None])[0],
                    **{
                        column: entry.get(column)
                        for column in ("stars", "forks", "commits", "releases", "archived")
                    },
                    "dockerfiles": entry.get("dockerfiles"),
                    "source_file": "projects.yaml",
                    "source_row": number,
                }

    def _metadata(self) -> Iterator[Row]:
        columns = (
            "name description topics language homepage commits contributors issues pulls releases "
            "stars forks open_issues archived"
        ).split()
        for position, (key, entry) in enumerate(self._projects.items(), start=1):
            yield {
                "project": key,
                "owner": entry["name"].split("/")[0],
                "position": position,
                **{column: entry[column] for column in columns},
                "repository_bytes": 1024 * entry["repository_size_kib"],
                "created_at": _moment(entry["created_at"]),
                "updated_at": _moment(entry["updated_at"]),
                "source_file": "projects.yaml",
                "source_row": position,
            }

    def _labels(self) -> Iterator[Row]:
        for position, (key, entry) in enumerate(self._projects.items(), start=1):
            common = {
                "project": key,
                "rater": RATER,
                "unit_kind": "project",
                "unit": key,
                "codebook_version": CODEBOOK,
                "source_file": "projects.yaml",
                "source_row": position,
            }
            yield {**common, "code_system": "category", "code": entry["category"], "evidence_text": None}
            for purpose in entry["purposes"]:
                code = purpose["purpose"]
                if purpose.get("sub_purpose"):
                    code = f"{code}: {purpose['sub_purpose']}"
                yield {**common, "code_system": "purpose", "code": code, "evidence_text": purpose["evidence"]}

    def _dockerfiles(self, project: str) -> Collected:
        contents = dict(self._files(project))
        folder = project.removeprefix(self.name + "/")
        found = file_rows(
            (
                FoundFile(path, len(data), hashlib.sha256(data).hexdigest(), f"{folder}/{path}")
                for path, data in contents.items()
            ),
            contents.get,
        )
        return Collected(
            {
                "raw.repository_files": self._stamp(found.repository_files, project),
                "raw.dockerfiles": self._stamp(found.dockerfiles, project),
            },
            [*found.outcomes, found.whole, Outcome("dockerfiles", FILE_LIST, "collected")],
        )


def _moment(text: str) -> datetime:
    """An ISO time as UTC without zone, as everywhere in the warehouse."""
    return datetime.fromisoformat(text).replace(tzinfo=None)
