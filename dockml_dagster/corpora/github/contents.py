"""The contents of a project's files: which are wanted, fetched in as few calls as possible.

Here: choosing, fetching ahead, what is left out without a token. Not here: rows (``corpora.files``).

GraphQL returns hundreds of contents in one call, and a project needs fewer. A call for one project is therefore filled up
with contents of the next projects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dockml_dagster.clients.github import blobs, questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.model import TreeEntry
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    TooLargeError,
)
from dockml_dagster.study.project.files import (
    MAX_DOCKERFILE_BYTES,
    choose,
    dockerfiles_left_out,
    is_taken_as_dockerfile,
)

FEW = 3
"""Files besides Dockerfiles that are read in a project without a token, the most informative first."""


@dataclass(frozen=True, slots=True)
class WantedFiles:
    """Files of a project, by path: those whose contents are wanted, and those wanted only with a token."""

    entries: tuple[TreeEntry, ...]
    wanted: dict[str, TreeEntry]
    left_out: tuple[str, ...]


class Contents:
    """Contents fetched by one client, which stores them."""

    def __init__(self, client: GithubClient) -> None:
        self._client = client

    def wanted(self, name: str) -> WantedFiles:
        """The wanted files of a project, from the stored tree; sends no request."""
        tree, _, _ = questions.tree(self._client, name, kept=True)
        files = [entry for entry in tree.entries if entry.kind in {"file", "executable"}]
        about_files = [(entry.path, entry.size) for entry in files]
        choices = choose(about_files)
        too_much = dockerfiles_left_out(about_files)
        dockerfiles = {
            entry.path: entry
            for entry in files
            if is_taken_as_dockerfile(entry.path) and entry.path not in too_much
        }
        others = [
            (choice.read_as or "", entry.path.count("/"), entry)
            for entry, choice in zip(files, choices, strict=True)
            if choice.kept and entry.path not in dockerfiles
        ]
        left_out: list[str] = []
        if not self._client.has_token:
            rank = {"readme": 0, "workflow": 1, "compose": 2}
            others.sort(key=lambda other: (rank.get(other[0], 3), other[1], other[2].path))
            left_out = [entry.path for _, _, entry in others[FEW:]]
            others = others[:FEW]
        return WantedFiles(
            tuple(tree.entries),
            {**dockerfiles, **{entry.path: entry for _, _, entry in others}},
            tuple(left_out),
        )

    def fetch(self, name: str, present: str, following: Iterable[tuple[str, str]]) -> WantedFiles:
        """Fetch a project's contents into the store. ``name``: its listed name, ``present``: its present name;
        ``following``: the next projects, with both names.

        Files that cannot be fetched (larger than stated, no longer there) stay missing. Raises FetchError for errors that
        may pass, and if the repository itself is gone or closed.
        """
        wanted = self.wanted(name)
        missing = self._missing(wanted)
        if not missing:
            return wanted
        if self._client.has_token:
            batch = [blobs.Wanted(present, missing)]
            batch += self._ahead(following, len(missing), sum(missing.values()))
            blobs.store_blobs(self._client, batch)
        is_there = False
        for sha in self._client.store.missing_blobs(list(missing)):
            try:
                self._client.blob(present, sha, MAX_DOCKERFILE_BYTES)
            except (GoneError, ForbiddenError):
                if not is_there:
                    # One call tells a refused file from a repository that is gone or closed.
                    self._client.get(f"/repos/{questions.path_of(present)}")
                    is_there = True
            except (TooLargeError, BrokenContentError):
                continue
        return wanted

    def _missing(self, wanted: WantedFiles) -> dict[str, int]:
        sizes = {entry.sha: entry.size or 0 for entry in wanted.wanted.values()}
        return {sha: sizes[sha] for sha in self._client.store.missing_blobs(list(sizes))}

    def _ahead(self, following: Iterable[tuple[str, str]], count: int, size: int) -> list[blobs.Wanted]:
        found = []
        most = blobs.batch_size(self._client).now
        for name, present in following:
            if count >= most or size >= blobs.BLOB_BYTES_A_CALL:
                break
            try:
                missing = self._missing(self.wanted(name))
            except FetchError:
                # Its problem is reported when its own turn comes.
                continue
            room = most - count
            taken = dict(list(missing.items())[:room])
            count, size = count + len(taken), size + sum(taken.values())
            if taken:
                found.append(blobs.Wanted(present, taken))
        return found
