"""Rows of ``raw.repository_files`` and ``raw.dockerfiles`` for the files of one project, the same for every corpus.

Here: which columns a file fills, and which files get an outcome. Not here: how files are found and read
(each corpus), which of them are read (``study.project.files``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.project.files import (
    MAX_DOCKERFILES_IN_ALL,
    MAX_IN_ALL,
    choose,
    content_left_out,
    dockerfiles_left_out,
    is_lfs_pointer,
    is_taken_as_dockerfile,
    no_dockerfile,
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as listed. ``size_bytes`` and ``sha256`` are None if the listing does not give them."""

    path: str
    size_bytes: int | None = None
    sha256: str | None = None
    source_file: str | None = None


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of the two tables, and outcomes of single files."""

    repository_files: Sequence[Row]
    dockerfiles: Sequence[Row]
    outcomes: Sequence[Outcome]

    @property
    def whole(self) -> Outcome:
        """The outcome of the stage. A project whose Dockerfiles cannot be read is not one without Dockerfiles."""
        if self.dockerfiles:
            return Outcome("dockerfiles", "", "collected")
        if self.outcomes:
            reason = f"no Dockerfile: none of those named like one is taken as one ({len(self.outcomes)})"
        else:
            reason = "the project has no Dockerfile"
        return Outcome("dockerfiles", "", "not_available", reason)


def file_rows(files: Iterable[FoundFile], read: Callable[[str], bytes | None]) -> FileRows:
    """Read the relevant files of a project; ``read`` returns a path's content, or None if it cannot.

    Every listed file has a row of ``raw.repository_files``. Its ``content`` is kept only if its role needs it; ``left_out``
    says why such a content is missing. Files taken as Dockerfiles also have a row of ``raw.dockerfiles``.
    """
    listed = list(files)
    about_files = [(file.path, file.size_bytes) for file in listed]
    choices = choose(about_files)
    too_much = dockerfiles_left_out(about_files)
    room = MAX_DOCKERFILES_IN_ALL + MAX_IN_ALL  # a bound for files whose size the listing does not give
    rows: list[Row] = []
    dockerfiles: list[Row] = []
    outcomes: list[Outcome] = []
    for file, choice in zip(listed, choices, strict=True):
        kind = classify_file_name(file.path)
        left_out = choice.left_out
        is_dockerfile = is_taken_as_dockerfile(file.path)
        problem = too_much.get(file.path)
        data = read(file.path) if (choice.kept or is_dockerfile) and problem is None and room > 0 else None
        room -= len(data or b"")
        if is_dockerfile and problem is None:
            problem = content_problem(data)
        if choice.kept:
            left_out = content_left_out(data) if data is not None else "could not be read"
        about: Row = {
            "path": file.path,
            "bytes": len(data) if data is not None else file.size_bytes,
            "sha256": hashlib.sha256(data).hexdigest() if data is not None else file.sha256,
            "source_file": file.source_file,
        }
        keep = choice.kept and left_out is None
        rows.append(
            {
                **about,
                "file_kind": kind.kind,
                "kind_reason": kind.reason,
                "read_as": choice.read_as,
                "left_out": left_out,
                "content": data if keep else None,
            }
        )
        if is_dockerfile and data is not None and problem is None:
            dockerfiles.append({**about, "content": data})
        elif is_dockerfile and problem is not None:
            outcomes.append(problem_at(file.path, problem))
    return FileRows(rows, dockerfiles, outcomes)


def problem_at(path: str, problem: str) -> Outcome:
    """The outcome of a file that is named like a Dockerfile but was not taken as one."""
    return Outcome("dockerfiles", path, "unreadable", problem)


def content_problem(data: bytes | None) -> str | None:
    """Why a file that is named like a Dockerfile is not taken as one; None if it is."""
    if data is None:
        return "could not be read"
    if is_lfs_pointer(data):
        return "a Git LFS pointer: the file itself is kept elsewhere"
    return no_dockerfile(data)
