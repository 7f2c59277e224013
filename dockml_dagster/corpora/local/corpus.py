"""The corpus ``local``: anybody's own repositories, without the network unless it is asked for.

Here: the corpus itself. ``places`` finds the projects, ``trees`` lists and reads their files, ``git`` asks git,
``catalogue`` reads ``projects.yaml``. Images are read by ``corpora.image_collection``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from dockml_dagster.clients import git
from dockml_dagster.corpora.base import (
    Collected,
    Corpus,
    CorpusError,
    Listing,
    Outcome,
    Stage,
    Status,
    partition_key,
)
from dockml_dagster.corpora.files import FileRows, file_rows
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.corpora.images.versions import layers_version
from dockml_dagster.corpora.local import catalogue, trees
from dockml_dagster.corpora.local.places import Place, bring_clone, is_remote, is_url, name_of, places
from dockml_dagster.corpora.local.records import Project, candidate_rows, label_rows, project_row, source_of
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.image.reference import ImageReferenceError, LocalImage, parse_location
from dockml_dagster.study.image_links import GRADES, find_links
from dockml_dagster.warehouse.rows import combined_hash

MAX_LINKED_IMAGES = 20
"""Most images of one project that are read because its files link to them; the best grades come first."""
_NOT_ASKED = "registries are asked only with --images or DOCKML_LOCAL_IMAGES"

Row = dict[str, Any]

ANSWERS_HOLD = 600.0
"""Seconds for which one process keeps to what registries said: Dagster opens the corpus anew for every asset of a run."""


@dataclass(slots=True)
class _Asked:
    """What registries said to this process. ``leads_to``: images → a hash of what they lead to; ``at``: since when."""

    images: ImageCollection
    at: float = field(default_factory=time.monotonic)
    leads_to: dict[tuple[NamedImage, ...], str] = field(default_factory=dict)


_asked: dict[Settings, _Asked] = {}


class Local(Corpus):
    """Reads directories and git repositories; see ``corpora.base.Corpus``."""

    name = "local"
    method_version = "2 links 4"
    description = "directories and git repositories of your own"
    options = frozenset({"path", "images"})

    def __init__(self, settings: Settings) -> None:
        self._given = settings.local
        self._cache = settings.cache
        self._asks_registries = settings.local_images
        self._settings = settings
        self._rows: dict[str, FileRows] = {}
        self._unread: dict[str, Outcome] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``."""
        return cls(settings)

    @property
    def fingerprint_asks_network(self) -> bool:
        """Whether any of what was given is a remote repository, or registries are asked where images lead to."""
        return self._asks_registries or any(is_remote(given) for given in self._given)

    @property
    def follows_tags(self) -> bool:
        """Whether registries may be asked."""
        return self._asks_registries

    @cached_property
    def _projects(self) -> tuple[dict[str, Project], list[Outcome]]:
        if not self._given:
            raise BadInputError(
                "the corpus local needs a place: dockml study --corpus local --path DIR, or DOCKML_LOCAL"
            )
        found: dict[str, Project] = {}
        outcomes: list[Outcome] = []
        seen: set[Path] = set()
        for given in self._given:
            entries = () if is_url(given) else catalogue.read_catalogue(Path(given).expanduser())
            here = places(given, self._cache)
            if not here:
                outcomes.append(
                    Outcome("repo_list", given, "not_available", "an empty directory: no project in it")
                )
            for place in here:
                if place.root.resolve() in seen:
                    continue
                seen.add(place.root.resolve())
                project = self._look(place, given, entries, taken=found.keys())
                found[project.key] = project
        return found, outcomes

    def _look(
        self, place: Place, given: str, entries: Sequence[catalogue.Entry], *, taken: Iterable[str]
    ) -> Project:
        """What there is now. Whatever is wrong with one place is that project's outcome."""
        problem: Outcome | None = None
        tree, head = trees.Tree((), (), ()), None
        try:
            if place.url:
                bring_clone(place, git.remote_head(place.url))
            if place.form == "folder":
                tree = trees.folder(place.root)
            else:
                head = git.head_commit(place.root)
                if place.form == "work tree":
                    tree = trees.work_tree(place.root)
                elif head is None:
                    problem = Outcome("dockerfiles", "", "not_available", "the repository has no commits")
                else:
                    tree = trees.head_tree(place.root)
        except git.GitError as error:
            problem = _git_problem(error)
        except OSError as error:
            problem = Outcome("dockerfiles", "", "unreadable", f"cannot be read: {error.strerror}")
        name = name_of(place)
        entry = next((one for one in entries if catalogue.is_about(one, name, place.root)), None)
        if entry and "name" in entry.texts:
            name = entry.texts["name"]
        key = partition_key(self.name, name)
        number = 2
        while key in set(taken):
            key = partition_key(self.name, f"{name}~{number}")
            number += 1
        return Project(key, key.split("/", 1)[1], place, given, tree, head, entry, problem)

    @property
    def layers_version(self) -> str:
        """See ``Corpus.layers_version``."""
        return layers_version()

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``: HEAD and size and time of every file, no contents; with ``--images`` also where the
        images lead to now, which takes a HEAD each and the texts that link them.
        """
        found, outcomes = self._projects
        parts: list[str] = [str(self._asks_registries), *sorted(self._image_collection.own_registries)]
        for project in found.values():
            problem = project.problem.reason or "" if project.problem else ""
            parts += [
                project.key,
                str(project.place.root),
                project.head or "",
                problem,
                combined_hash(project.tree.state),
            ]
            parts.append(repr(project.entry))
            if self._asks_registries:
                parts.append(self._images_hash(project))
        return combined_hash([*parts, *(outcome.subject for outcome in outcomes)])

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        found, outcomes = self._projects
        keys = list(found)
        if not keys and not outcomes:
            raise CorpusError("there is no project at any of the given paths")
        return Listing(
            source=f"local ({len(keys)} projects, {self.fingerprint()[:12]})",
            projects=keys,
            inputs={
                "dockerfiles": {key: self._files_hash(found[key]) for key in keys},
                "manifests": {key: self._images_hash(found[key]) for key in keys},
                "layer_stats": {key: self._images_hash(found[key]) for key in keys},
            },
            rows={
                "raw.candidates": [
                    row
                    for project in found.values()
                    for row in candidate_rows(project, self._dockerfiles_of(project))
                ],
                "raw.projects": [
                    project_row(number, project, self._dockerfiles_of(project))
                    for number, project in enumerate(found.values(), 1)
                ],
            },
            labels={"raw.labels": [row for project in found.values() for row in label_rows(project)]},
            outcomes=outcomes,
        )

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        known = self._projects[0].get(project)
        if known is None:
            return Collected(
                outcomes=[Outcome(stage, "", "gone", "it is no longer at any of the given paths")]
            )
        if stage == "dockerfiles":
            return self._dockerfiles(known)
        problem = self._problem(known)
        if problem:
            return Collected(outcomes=[Outcome(stage, "", problem.status, problem.reason, problem.retryable)])
        images, left_out = self._images(known)
        if left_out and not images:
            reason = f"{len(left_out)} images are named or linked; {_NOT_ASKED}"
            whole = Outcome(stage, "", "not_selected", reason)
            return Collected(outcomes=[*_left_out(stage, left_out), whole])
        images_of = self._image_collection
        collected = (
            images_of.manifests(project, images)
            if stage == "manifests"
            else images_of.layer_stats(project, images)
        )
        return Collected(collected.rows, [*_left_out(stage, left_out), *collected.outcomes])

    @cached_property
    def _answers(self) -> _Asked:
        known = _asked.get(self._settings)
        if known is None or time.monotonic() - known.at > ANSWERS_HOLD:
            known = _asked[self._settings] = _Asked(ImageCollection(self.name, self._settings))
        return known

    @property
    def _image_collection(self) -> ImageCollection:
        return self._answers.images

    def _leads_to(self, images: Sequence[NamedImage]) -> str:
        if not self._asks_registries:
            return self._image_collection.input_hash(images)
        known = self._answers.leads_to
        key = tuple(images)
        if key not in known:
            known[key] = self._image_collection.input_hash(images)
        return known[key]

    def _dockerfiles(self, project: Project) -> Collected:
        problem = self._problem(project)
        if problem:
            return Collected(outcomes=[problem])
        found = self._read(project)
        stamp = {"project": project.key, "corpus": self.name, "source": source_of(project)}
        whole = (
            Outcome("dockerfiles", "", "collected")
            if found.dockerfiles
            else Outcome("dockerfiles", "", "not_available", "the project has no Dockerfile")
        )
        return Collected(
            {
                "raw.repository_files": [{**stamp, **row} for row in found.repository_files],
                "raw.dockerfiles": [{**stamp, **row} for row in found.dockerfiles],
            },
            [*project.tree.outcomes, *found.outcomes, whole],
        )

    def _dockerfiles_of(self, project: Project) -> int:
        return 0 if self._problem(project) else len(self._read(project).dockerfiles)

    def _problem(self, project: Project) -> Outcome | None:
        """Why nothing of a project can be read now: what was seen when it was looked at, or, of a clone, that its contents
        cannot be fetched.
        """
        if project.problem or project.key in self._unread:
            return project.problem or self._unread[project.key]
        try:
            self._read(project)
        except git.GitError as error:
            self._unread[project.key] = _git_problem(error)
            return self._unread[project.key]
        return None

    def _read(self, project: Project) -> FileRows:
        """The rows of a project's files, read once a visit: listing hashes what collecting stores."""
        known = self._rows.get(project.key)
        if known is None:
            with _reader(project) as read:
                known = self._rows[project.key] = file_rows(project.tree.files, read)
        return known

    def _files_hash(self, project: Project) -> str:
        problem = self._problem(project)
        if problem:
            return combined_hash(["problem", problem.reason or ""])
        found = self._read(project)
        # Size and content, not time: a file that was only touched is not due.
        parts = [f"{row['path']}\0{row['bytes']}\0{row['sha256']}" for row in found.repository_files]
        return combined_hash([*parts, *(f"{o.subject}\0{o.reason}" for o in project.tree.outcomes)])

    def _images_hash(self, project: Project) -> str:
        problem = self._problem(project)
        if problem:
            return combined_hash(["problem", problem.reason or ""])
        images, left_out = self._images(project)
        named = self._leads_to(images) if images else "none"
        return combined_hash([named, *(reference for reference, _ in left_out)])

    def _images(self, project: Project) -> tuple[list[NamedImage], list[tuple[str, str]]]:
        """The images to read, and those left out with the reason."""
        images: list[NamedImage] = []
        left_out: list[tuple[str, str]] = []
        for reference in project.entry.lists.get("images", ()) if project.entry else ():
            assert project.entry
            location = _location(reference, project.entry.folder)
            named = NamedImage(
                reference,
                "projects.yaml",
                location,
                source_file=catalogue.NAME,
                source_row=project.entry.number,
            )
            if location is not None or self._asks_registries:
                images.append(named)
            else:
                left_out.append((reference, _NOT_ASKED))
        known = {image.reference for image in images} | {reference for reference, _ in left_out}
        linked = [one for one in self._linked(project) if one not in known]
        for number, reference in enumerate(linked):
            if not self._asks_registries:
                left_out.append((reference, _NOT_ASKED))
            elif number >= MAX_LINKED_IMAGES:
                left_out.append((reference, f"more than {MAX_LINKED_IMAGES} images are linked"))
            else:
                images.append(NamedImage(reference, "link"))
        return images, left_out

    def _linked(self, project: Project) -> list[str]:
        """Images that the project's files link to as confirmed or likely, the best grade first; of each repository one, the
        tag ``latest`` if it is named so or without any, since its other tags are mostly the same image of another day.
        """
        texts = {
            row["path"]: row["content"].decode("utf-8", "replace")
            for row in self._read(project).repository_files
            if row["content"] is not None
        }
        found = find_links(project.name, texts, self._image_collection.own_registries)
        links = [link for link in found if link.grade in ("confirmed", "likely")]
        links.sort(
            key=lambda link: (
                GRADES.index(link.grade),
                link.reference not in (link.repository, f"{link.repository}:latest"),
            )
        )
        chosen: dict[str, str] = {}
        for link in links:
            if link.reference == link.repository:
                chosen.setdefault(link.repository, f"{link.repository}:latest")
            else:
                chosen.setdefault(link.repository, link.reference)
        return list(chosen.values())


def _git_problem(error: git.GitError) -> Outcome:
    status: Status = "failed" if error.retryable else "unreadable"
    return Outcome("dockerfiles", "", status, f"git: {error}", error.retryable)


@contextmanager
def _reader(project: Project) -> Iterator[trees.Reader]:
    if project.place.form in ("work tree", "folder"):
        yield trees.file_reader(project.place.root)
    else:
        with trees.head_reader(project.place.root, fetch=project.place.url is not None) as read:
            yield read


def _left_out(stage: Stage, images: Iterable[tuple[str, str]]) -> list[Outcome]:
    """Told once, at the stage that would have asked first."""
    return [
        Outcome(stage, reference, "not_selected", reason)
        for reference, reason in images
        if stage == "manifests"
    ]


def _location(reference: str, folder: Path) -> str | None:
    """Where an image that lies in files is, seen from the folder of ``projects.yaml``; None for one in a registry."""
    try:
        parsed = parse_location(reference)
    except ImageReferenceError:
        return None
    if not isinstance(parsed, LocalImage):
        return None
    scheme, _, rest = reference.partition(":")
    return f"{scheme}:{(folder / parsed.path).absolute()}{rest.removeprefix(parsed.path)}"
