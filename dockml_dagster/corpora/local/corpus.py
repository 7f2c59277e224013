"""The corpus ``local``: a user's own repositories, without network unless requested.

Here: the corpus itself. Not here: finding the projects (``places``), listing and reading their files (``trees``),
running git (``clients.git``), reading ``projects.yaml`` (``catalogue``) and images (``corpora.images.collection``).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from dockml_dagster.clients import git
from dockml_dagster.corpora.base import Collected, Corpus, CorpusError, Listing, Outcome, Stage, partition_key
from dockml_dagster.corpora.files import FileRows, file_rows
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.corpora.images.versions import layers_version
from dockml_dagster.corpora.local import catalogue, chosen_images, trees
from dockml_dagster.corpora.local.containment import place_leads_out
from dockml_dagster.corpora.local.places import (
    Place,
    absence,
    all_looked_into,
    bring_clone,
    is_remote,
    is_url,
    name_of,
    places,
)
from dockml_dagster.corpora.local.records import (
    Project,
    bare_row,
    candidate_rows,
    history_row,
    label_rows,
    left_out_images,
    problem_of,
    project_row,
    reader_of,
    source_of,
)
from dockml_dagster.corpora.local.summary import Summary, keep, recalled, summary_of
from dockml_dagster.errors import BadInputError, DockmlError
from dockml_dagster.progress import at
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash

Row = dict[str, Any]

ANSWERS_HOLD = 600.0
"""Seconds for which a process reuses registries' answers: Dagster opens a new corpus for every asset of a run."""


@dataclass(slots=True)
class _Asked:
    """Registries' answers in this process. ``leads_to``: images → a hash of what they resolve to; ``at``: since when."""

    images: ImageCollection
    at: float = field(default_factory=time.monotonic)
    leads_to: dict[tuple[NamedImage, ...], str] = field(default_factory=dict)


_asked: dict[Settings, _Asked] = {}


class Local(Corpus):
    """Reads directories and git repositories; see ``corpora.base.Corpus``."""

    name = "local"
    method_version = "8 links 7"
    description = "directories and git repositories of your own"
    options = frozenset({"path", "images"})
    remembers = {"path": "local", "images": "local_images"}

    def __init__(self, settings: Settings) -> None:
        self._given = settings.local
        self._asks_registries = settings.local_images
        self._settings = settings
        self._rows: dict[str, FileRows] = {}
        self._summaries: dict[str, Summary] = {}
        self._unread: dict[str, Outcome] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``."""
        return cls(settings)

    @property
    def fingerprint_asks_network(self) -> bool:
        """Whether any given place is a remote repository, or registries are asked to resolve images."""
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
            here = places(given, self._settings.cache)
            folder = None if is_url(given) else Path(given).expanduser()
            listed, refused = catalogue.entries_in(folder, [place.root for place in here.places])
            entries = catalogue.by_project(listed)
            outcomes += [*here.outcomes(given), *refused]
            for place in here.places:
                root = place.root.resolve()
                if root in seen:
                    continue
                seen.add(root)
                project = self._look(place, root, given, entries, taken=found.keys())
                found[project.key] = project
        return found, outcomes

    @cached_property
    def _allowed(self) -> tuple[Path, ...]:
        """The folders that the user named: nothing outside them is opened, whoever names it."""
        return tuple(Path(given).expanduser().resolve() for given in self._given if not is_url(given))

    def _look(
        self,
        place: Place,
        root: Path,
        given: str,
        entries: Mapping[Path | str, catalogue.Entry],
        *,
        taken: Collection[str],
    ) -> Project:
        """The present state of one place, which is at ``root``. Any problem with it becomes that project's outcome."""
        problem: Outcome | None = None
        led: str | None = None
        tree, head = trees.Tree((), (), ""), None
        try:
            led = place_leads_out(place, self._allowed)
            if led:
                problem = Outcome("dockerfiles", "", "unreadable", f"not read as a repository: {led}")
            elif place.form == "folder":
                tree = trees.folder(place.root)
            else:
                if place.url:
                    bring_clone(place, git.remote_head(place.url))
                head = git.head_commit(place.root)
                if place.form == "work tree":
                    tree = trees.work_tree(place.root)
                elif head is None:
                    problem = Outcome("dockerfiles", "", "not_available", "the repository has no commits")
                else:
                    tree = trees.head_tree(place.root)
        except DockmlError:
            raise
        except Exception as error:
            problem = problem_of(error)
        name = name_of(place, asks_git=not led)
        entry = catalogue.entry_about(entries, name, root)
        if entry and "name" in entry.texts:
            name = entry.texts["name"]
        key = partition_key(self.name, name)
        number = 2
        while key in taken:
            key = partition_key(self.name, f"{name}~{number}")
            number += 1
        return Project(key, key.partition("/")[2], place, given, tree, head, entry, problem)

    @property
    def layers_version(self) -> str:
        """See ``Corpus.layers_version``."""
        return layers_version()

    @cached_property
    def _sound_projects(self) -> tuple[dict[str, Project], list[Outcome]]:
        """The projects, each tried alone: one that triggers a bug becomes an outcome, and the others are listed."""
        found, outcomes = self._projects
        for project in found.values():
            try:
                self._files_hash(project)
                self._images_hash(project)
            except DockmlError:
                raise
            except Exception as error:
                self._unread[project.key] = problem_of(error)
        return found, outcomes

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``: HEAD, and size and time of every file, no contents. With ``--images`` also what the
        images resolve to now, which takes a HEAD each and the texts that link them.
        """
        found, outcomes = self._sound_projects if self._asks_registries else self._projects
        parts: list[str] = [str(self._asks_registries), *sorted(self._image_collection.own_registries)]
        for project in found.values():
            problem = project.problem.reason or "" if project.problem else ""
            parts += [
                project.key,
                str(project.place.root),
                project.head or "",
                problem,
                project.tree.state,
                repr(project.entry),
            ]
            if self._asks_registries:
                parts.append(self._images_hash(project))
        return combined_hash([*parts, *(outcome.subject for outcome in outcomes)])

    def listing(self) -> Listing:
        """See ``Corpus.listing``."""
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        """Made once a visit: two assets of a run read it, and each project's history takes git some milliseconds."""
        found, outcomes = self._sound_projects
        keys = list(found)
        if not keys and not outcomes:
            raise CorpusError("there is no project at any of the given paths")
        rows: dict[str, list[Row]] = {"raw.candidates": [], "raw.projects": [], "raw.histories": []}
        labels: list[Row] = []
        for number, project in enumerate(found.values(), 1):
            try:
                dockerfiles = self._dockerfiles_of(project)
                about = project_row(number, project, dockerfiles)
                of_it, said = list(candidate_rows(project, dockerfiles)), list(label_rows(project))
            except DockmlError:
                raise
            except Exception as error:  # as in _sound_projects
                self._unread[project.key] = problem_of(error)
                about, of_it, said = bare_row(number, project), list(candidate_rows(project, 0)), []
            rows["raw.projects"].append(about)
            rows["raw.candidates"] += of_it
            rows["raw.histories"].append(history_row(project, self._problem(project)))
            labels += said
        files, images = {}, {}
        for number, (key, project) in enumerate(found.items(), 1):
            # The slow part of a listing: reading a project's files and resolving its images.
            at(f"{key.partition('/')[2]} ({number} of {len(found)})")
            files[key], images[key] = self._files_hash(project), self._images_hash(project)
        return Listing(
            source=f"local ({len(keys)} projects, {self.fingerprint()[:12]})",
            projects=keys,
            inputs={"dockerfiles": files, "manifests": images, "layer_stats": images},
            rows=rows,
            labels={"raw.labels": labels},
            outcomes=outcomes,
            is_complete=all_looked_into(outcomes),
        )

    def repository(self, project: str) -> Path | None:
        """See ``Corpus.repository``."""
        known = self._projects[0].get(project)
        return known.place.root if known and not self._problem(known) else None

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        known = self._projects[0].get(project)
        if known is None:
            return Collected(outcomes=[absence(stage, self._projects[1])])
        if stage == "dockerfiles":
            return self._dockerfiles(known)
        if problem := self._problem(known):
            return Collected(outcomes=[Outcome(stage, "", problem.status, problem.reason, problem.retryable)])
        images, left_out = self._images(known)
        reason = self._summary(known).unlinked
        unlinked = [Outcome(stage, "links", "unreadable", reason)] if stage == "manifests" and reason else []
        if left_out and not images:
            reason = f"{len(left_out)} images are named or linked; {chosen_images.NOT_ASKED}"
            unlinked.append(Outcome(stage, "", "not_selected", reason))
            return Collected(outcomes=[*left_out_images(stage, left_out), *unlinked])
        images_of = self._image_collection
        read = images_of.manifests if stage == "manifests" else images_of.layer_stats
        collected = read(project, images)
        return Collected(collected.rows, [*left_out_images(stage, left_out), *unlinked, *collected.outcomes])

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
        try:
            found = self._read(project)
        except git.GitError as error:
            return Collected(outcomes=[problem_of(error)])
        stamp = {"project": project.key, "corpus": self.name, "source": source_of(project)}
        return Collected(
            {
                "raw.repository_files": [{**stamp, **row} for row in found.repository_files],
                "raw.dockerfiles": [{**stamp, **row} for row in found.dockerfiles],
            },
            [*project.tree.outcomes, *found.outcomes, found.whole],
        )

    def _dockerfiles_of(self, project: Project) -> int:
        return 0 if self._problem(project) else self._summary(project).dockerfiles

    def _problem(self, project: Project) -> Outcome | None:
        """Why a project cannot be read now, found when it was looked at or when its contents were fetched."""
        if project.problem or project.key in self._unread:
            return project.problem or self._unread[project.key]
        try:
            self._summary(project)
        except git.GitError as error:
            self._unread[project.key] = problem_of(error)
            return self._unread[project.key]
        return None

    def _read(self, project: Project) -> FileRows:
        """The rows of a project's files, read once per visit: what the listing hashes is what the collection stores."""
        known = self._rows.get(project.key)
        if known is None:
            with reader_of(project) as read:
                known = self._rows[project.key] = file_rows(project.tree.files, read)
        return known

    def _files_hash(self, project: Project) -> str:
        problem = self._problem(project)
        return (
            combined_hash(["problem", problem.reason or ""]) if problem else self._summary(project).files_hash
        )

    def _images_hash(self, project: Project) -> str:
        problem = self._problem(project)
        if problem:
            return combined_hash(["problem", problem.reason or ""])
        images, left_out = self._images(project)
        named = self._leads_to(images) if images else "none"
        return combined_hash([named, *(reference for reference, _ in left_out)])

    def _images(self, project: Project) -> tuple[list[NamedImage], list[tuple[str, str]]]:
        """The images to read, and those left out, with the reason."""
        images: list[NamedImage] = []
        left_out: list[tuple[str, str]] = []
        for reference in project.entry.lists.get("images", ()) if project.entry else ():
            assert project.entry
            location = chosen_images.location_of(reference, project.entry.folder)
            if location is not None and not chosen_images.lies_in(location, self._allowed):
                left_out.append((reference, chosen_images.OUTSIDE))
                continue
            row = project.entry.number
            named = NamedImage(
                reference, "projects.yaml", location, source_file=catalogue.NAME, source_row=row
            )
            if location is not None or self._asks_registries:
                images.append(named)
            else:
                left_out.append((reference, chosen_images.NOT_ASKED))
        known = {image.reference for image in images} | {reference for reference, _ in left_out}
        linked = [one for one in self._summary(project).linked if one not in known]
        for number, reference in enumerate(linked):
            if not self._asks_registries:
                left_out.append((reference, chosen_images.NOT_ASKED))
            elif number >= chosen_images.MAX_LINKED_IMAGES:
                left_out.append((reference, f"more than {chosen_images.MAX_LINKED_IMAGES} images are linked"))
            else:
                images.append(NamedImage(reference, "link"))
        return images, left_out

    def _summary(self, project: Project) -> Summary:
        """The summary of a project's files, read only if the project's state is not that of the kept one."""
        known = self._summaries.get(project.key)
        if known is None:
            own = self._image_collection.own_registries
            about = (f"{one.subject}\0{one.reason}" for one in project.tree.outcomes)
            mark = combined_hash(
                [self.method_version, project.name, project.tree.state, *about, "registries", *sorted(own)]
            )
            cache, root = self._settings.cache, project.place.root
            known = recalled(cache, root, mark)
            if known is None:
                known = summary_of(project, self._read(project), own)
                keep(cache, root, mark, known)
            self._summaries[project.key] = known
        return known
