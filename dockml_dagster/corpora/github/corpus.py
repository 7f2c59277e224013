"""The corpus ``github``: projects on GitHub as they are now, by search or by name.

Here: the corpus itself, which ties the package's parts together. Not here: the sampling frame (``frame``), finding
and asking (``visit``), contents (``contents``), rows (``listing``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, replace
from functools import cached_property
from typing import Any, Self

from dockml_dagster.catalog import SharedCatalog
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import WithheldError
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import open_store
from dockml_dagster.clients.http.errors import FetchError, ForbiddenError, GoneError
from dockml_dagster.clients.http.shared_budget import budget_for
from dockml_dagster.corpora.base import (
    FILE_LIST,
    Collected,
    Corpus,
    CorpusError,
    Estimate,
    Listing,
    Outcome,
    Stage,
    Unasked,
    partition_key,
)
from dockml_dagster.corpora.files import FoundFile, file_rows
from dockml_dagster.corpora.github.asking import LEFT_OUT
from dockml_dagster.corpora.github.contents import Contents, WantedFiles
from dockml_dagster.corpora.github.cost import count
from dockml_dagster.corpora.github.estimate import estimate
from dockml_dagster.corpora.github.frame import Frame, frame_of_names, open_frame, read_names
from dockml_dagster.corpora.github.images import ChosenImages, choose_images
from dockml_dagster.corpora.github.listing import candidate_rows, outcomes, project_rows
from dockml_dagster.corpora.github.part import merged, narrowed
from dockml_dagster.corpora.github.records import Files, Records, Visited
from dockml_dagster.corpora.github.visit import Visit
from dockml_dagster.corpora.images.collection import ImageCollection
from dockml_dagster.corpora.images.selection import parse_layer_bytes
from dockml_dagster.corpora.images.versions import layers_version
from dockml_dagster.corpora.links import links_of_texts
from dockml_dagster.settings import Settings
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.project.files import content_left_out
from dockml_dagster.warehouse.rows import combined_hash

Row = dict[str, Any]

LAYER_BYTES = "2G"
"""Compressed bytes of layers read per project if DOCKML_LAYER_BYTES is not set."""

_NO_FILES = {
    "gone": ("gone", "the repository is no longer there"),
    "withheld": ("gone", "the repository is withheld for legal reasons"),
    "empty": ("not_available", "the repository has no commit"),
}


class Github(Corpus):
    """Projects on GitHub; see ``corpora.base.Corpus``. Only ``visit`` and ``collect`` use the network."""

    name = "github"
    method_version = "7 links 7"
    description = "projects on GitHub as they are now, by search or by name"
    options = frozenset({"frame"})
    remembers = {"frame": "github_frame"}
    is_visited = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """See ``Corpus.of``."""
        return cls(settings)

    @property
    def follows_tags(self) -> bool:
        """Always: its images are names in registries."""
        return True

    @cached_property
    def client(self) -> GithubClient:
        """The one client of this corpus, with its store: in the cache, or in the catalog that machines share."""
        github = GithubSettings.of(
            self._settings.github_api_url, self._settings.github_token, self._settings.contact
        )
        catalog = self._settings.warehouse.catalog
        store = open_store(self._settings.cache / "github", github.host, catalog)
        return GithubClient(github.http(budget_for(catalog)), store, github)

    @cached_property
    def records(self) -> Records:
        """The records of earlier visits."""
        return Records(self.client.store)

    def frame(self) -> Frame:
        """The configured sampling frame, with the names listed by hand.

        Raises:
            BadInputError: there is nothing to study, or the frame cannot be read.
        """
        return open_frame(self._settings.github_frame, self._listed())

    def visit(self, names: Sequence[str] = (), *, oldest: float = 0.0) -> Mapping[str, str]:
        """See ``Corpus.visit``. With names, only those are asked for and the results for others stay; new names are added
        to the list, and no search is begun for them.
        """
        for name in names:
            partition_key(self.name, name)
        with self._alone():
            return self._visit(names, oldest)

    def _alone(self) -> AbstractContextManager[None]:
        """Wait until other machines have ended their visits to this server. They would spend requests on the same answers,
        and each visit merges its results into those of the one before.
        """
        catalog = self._settings.warehouse.catalog
        if catalog is None:
            return nullcontext()
        return SharedCatalog(catalog).holding([f"visit to {self.client.settings.host}"])

    def _visit(self, names: Sequence[str], oldest: float) -> Mapping[str, str]:
        kept = self.client.store.stored_at("visit", "newest")
        if not names and kept is not None and time.time() - kept < oldest:
            return {}
        self._list(names)
        visited = self._visit_some(names) if names else self._visit_to(self.frame()).make()
        asked = {name.lower(): name for name in names}
        return {
            asked[one.name.lower()]: one.reason
            for one in visited.candidates
            if one.reason is not None and one.name.lower() in asked
        }

    def _visit_some(self, names: Sequence[str]) -> Visited:
        """Visit the named projects of the frame; results for the others stay as long as they are in the frame."""
        frame, before = self.frame(), self.records.visited()
        found = {
            cohort.mark: [one.name for one in newest.found]
            for cohort in frame.cohorts
            if (newest := self.records.round(cohort.mark)) is not None
        }
        asked = {name.lower() for name in names}
        others = [one.name for one in (before.selected if before else ()) if one.name.lower() not in asked]
        visit = self._visit_to(narrowed(frame, names, found, before), others)
        return visit.make(lambda now: merged(frame, found, before, now))

    def _visit_to(self, frame: Frame, others: Sequence[str] = ()) -> Visit:
        asks = self._settings.github_contributors
        return Visit(self.client, frame, others=others, contributors=asks)

    def unasked(self) -> Unasked | None:
        """See ``Corpus.unasked``."""
        visited = self.records.visited()
        if visited is None:
            return None
        waiting = [one for one in visited.problems if one.again]
        candidates = sum(one.not_asked for one in visited.candidates)
        searches = sum(one.searches for one in waiting)
        if not (candidates or visited.unseen or searches):
            return None
        why = next((one for one in waiting if one.stops), waiting[0] if waiting else None)
        times = [one.retry_at for one in waiting if one.retry_at is not None]
        return Unasked(
            candidates, visited.unseen, searches, why.text if why else LEFT_OUT, min(times, default=None)
        )

    @property
    def layers_version(self) -> str:
        """See ``Corpus.layers_version``."""
        return layers_version()

    def fingerprint(self) -> str:
        """See ``Corpus.fingerprint``: a hash of the newest visit's results; sends no request."""
        visited = self.records.visited()
        if visited is None:
            return "never visited"
        parts = [
            self._mode(),
            self._images_mark(visited),
            repr([(one.subject, one.text) for one in visited.problems]),
        ]
        parts += [json.dumps(visited.rounds, sort_keys=True), repr(visited.left)]
        for candidate in visited.candidates:
            parts.append("\0".join(map(str, astuple(candidate))))
        for candidate in visited.selected:
            repository = self.records.repository(candidate.name)[0]
            parts.append(json.dumps(repository.as_document() if repository else None, sort_keys=True))
            parts.append(self._input(self.records.files(candidate.name)[0]))
            parts.append(repr(self.records.contributors(candidate.name)[0]))
        return combined_hash(parts)

    def listing(self) -> Listing:
        """See ``Corpus.listing``: the newest visit's results; visits only if there was no visit yet."""
        if self.records.visited() is None:
            self.visit()
        visited = self._visited()
        keys = {partition_key(self.name, one.name): one.name for one in visited.selected}
        inputs = {key: self._input(self.records.files(name)[0]) for key, name in keys.items()}
        images = {key: combined_hash([found, self._images_mark(visited)]) for key, found in inputs.items()}
        host = self.client.settings.host
        return Listing(
            source=f"{host}: {visited.title}",
            projects=list(keys),
            inputs={"dockerfiles": inputs, "manifests": images, "layer_stats": images},
            rows={
                "raw.candidates": self._stamp(candidate_rows(visited, self.records)),
                "raw.projects": self._stamp(project_rows(visited, self.records)),
            },
            labels={},
            outcomes=list(outcomes(visited, self.records)),
        )

    def collect(self, stage: Stage, project: str) -> Collected:
        """See ``Corpus.collect``."""
        name = project.removeprefix(self.name + "/")
        files, _ = self.records.files(name)
        if files is None:
            raise CorpusError(f"{project} was never visited; materialise repo_list first")
        if files.status in _NO_FILES:
            status, reason = _NO_FILES[files.status]
            return Collected(outcomes=[Outcome(stage, "", status, reason)])  # type: ignore[arg-type]
        try:
            wanted = Contents(self.client).fetch(name, files.name, self._following(name))
        except FetchError as error:
            if not error.retryable and error.status == 401:
                raise
            reason = f"{error.reason}: {error.problem}"
            at = None if error.retry_after is None else self.client.now() + error.retry_after
            # Who was listed and is refused now is the next visit's to judge; until then nothing is known of its files.
            again = error.retryable or isinstance(error, (GoneError, ForbiddenError, WithheldError))
            return Collected(outcomes=[Outcome(stage, "", "failed", reason, again, at)])
        if stage == "dockerfiles":
            return self._dockerfiles(project, wanted, files)
        chosen = self._chosen_images(files.name, wanted)
        if stage == "layer_stats":
            return self._images.layer_stats(project, chosen.images)
        found = self._images.manifests(project, chosen.images)
        return Collected(found.rows, [*chosen.left_out, *found.outcomes])

    @cached_property
    def _images(self) -> ImageCollection:
        # A default limit, because hundreds of projects have terabytes of layers.
        settings = replace(self._settings, layer_bytes=self._settings.layer_bytes or LAYER_BYTES)
        return ImageCollection(self.name, settings)

    def cost(self, images_here: Collection[str], names: Sequence[str] = ()) -> Estimate:
        """See ``Corpus.cost``. Asks only for the budgets, which is free."""

        def images_of(name: str) -> ChosenImages:
            files = self.records.files(name)[0]
            return self._chosen_images(files.name if files else name, Contents(self.client).wanted(name))

        frame = frame_of_names(names) if names else self.frame()
        counts = count(self.client, frame, images_of, contributors=self._settings.github_contributors)
        limit = parse_layer_bytes(self._settings.layer_bytes or LAYER_BYTES)
        return estimate(self.client, counts, images_here=images_here, layer_bytes=limit or 0)

    def _chosen_images(self, present: str, wanted: WantedFiles) -> ChosenImages:
        """The images that the project's files link to it. ``present``: its present name."""
        texts = {}
        for path, entry in wanted.wanted.items():
            content = self.client.store.blob(entry.sha)
            if content is not None and content_left_out(content) is None:
                texts[path] = content.decode("utf-8", "replace")
        try:
            return choose_images(links_of_texts(present, texts, self._images.own_registries))
        except OutOfTimeError as error:
            reason = f"its links to images are not known: {error}"
            return ChosenImages((), (Outcome("manifests", "links", "unreadable", reason),))

    def _dockerfiles(self, project: str, wanted: WantedFiles, files: Files) -> Collected:
        found = [
            FoundFile(entry.path, entry.size, None, entry.path)
            for entry in wanted.entries
            if entry.kind in {"file", "executable"}
        ]

        def read(path: str) -> bytes | None:
            entry = wanted.wanted.get(path)
            return None if entry is None else self.client.store.blob(entry.sha)

        rows = file_rows(found, read)
        left_out = set(wanted.left_out)
        repository_files = [
            {**row, "left_out": "left out without a token"} if row["path"] in left_out else row
            for row in rows.repository_files
        ]
        return Collected(
            {
                "raw.repository_files": self._stamp(repository_files, project),
                "raw.dockerfiles": self._stamp(rows.dockerfiles, project),
            },
            [*rows.outcomes, *_others(wanted, files), rows.whole],
        )

    def _following(self, name: str) -> Iterator[tuple[str, str]]:
        """The selected projects after ``name``, each with its present name, whose files were read."""
        order = self._order
        for other in order[order.index(name) + 1 :][:200] if name in order else ():
            files = self.records.files(other)[0]
            if files is not None and files.status == "read":
                yield other, files.name

    @cached_property
    def _order(self) -> list[str]:
        return [one.name for one in self._visited().selected]

    def _visited(self) -> Visited:
        visited = self.records.visited()
        if visited is None:
            raise CorpusError("GitHub was not visited yet")
        return visited

    def _images_mark(self, visited: Visited) -> str:
        """A mark of everything besides a project's files that decides which images it has and what they resolve to."""
        return " ".join([visited.images_of, *sorted(self._images.own_registries)])

    def _mode(self) -> str:
        return "all files" if self.client.has_token else "few files"

    def _input(self, files: Files | None) -> str:
        if files is None:
            return "unread"
        return combined_hash([files.status, files.tree or "", str(files.unlisted), self._mode()])

    def _stamp(self, rows: Iterable[Mapping[str, Any]], project: str | None = None) -> list[Row]:
        common = {"project": project, "corpus": self.name, "source": self.client.settings.host}
        return [{**common, **row} for row in rows]

    def _listed(self) -> list[str]:
        path = self._settings.github_projects
        return [*(read_names(path) if path.exists() else ()), *self.records.named()]

    def _list(self, names: Sequence[str]) -> None:
        """Add names to the list by hand, unless the frame or the list has them."""
        visited = self.records.visited()
        known = {one.name.lower() for one in visited.candidates} if visited else set()
        known |= {name.lower() for name in self._listed()}
        if self._settings.github_frame:
            cohorts = open_frame(self._settings.github_frame, ()).cohorts
            known |= {name.lower() for cohort in cohorts for name in cohort.names}
        new = [name for name in dict.fromkeys(names) if name.lower() not in known]
        if not new:
            return
        if self._settings.warehouse.catalog is not None:
            # A list in this home would be missing from the frame when another machine visits next.
            self.records.put_named(new, time.time())
            return
        path = self._settings.github_projects
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{name}\n" for name in new)


def _others(wanted: WantedFiles, files: Files) -> list[Outcome]:
    """Outcomes for Dockerfile names that are no files, names that are not UTF-8, and incomplete listings."""
    found = []
    for entry in wanted.entries:
        if entry.kind == "submodule":
            reason = "a submodule: its files belong to another repository"
            found.append(Outcome("dockerfiles", entry.path, "not_available", reason))
        elif entry.kind == "symlink" and classify_file_name(entry.path).kind == "dockerfile":
            reason = "a symbolic link: the file it leads to counts under its own path"
            found.append(Outcome("dockerfiles", entry.path, "not_selected", reason))
        elif "\ufffd" in entry.path and classify_file_name(entry.path).kind == "dockerfile":
            found.append(
                Outcome("dockerfiles", entry.path, "unreadable", "the path is not UTF-8; the file was read")
            )
    if files.unlisted:
        reason = f"{files.unlisted} directories have more entries than GitHub lists"
        found.append(Outcome("dockerfiles", FILE_LIST, "unreadable", reason))
    else:
        found.append(Outcome("dockerfiles", FILE_LIST, "collected"))
    if wanted.left_out:
        reason = (
            f"{len(wanted.left_out)} files besides Dockerfiles were left out: without a token calls are few"
        )
        found.append(Outcome("dockerfiles", "(files)", "not_selected", reason))
    if files.reason and files.status == "failed":
        found.append(Outcome("dockerfiles", "(visit)", "failed", files.reason, files.retryable))
    return found
