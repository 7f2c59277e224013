"""What a listing needs of a project's files, kept in the home's cache, so that an unchanged project is not read again.

Here: making it, and its file. Not here: reading the files (``corpora.files``), what is due (``warehouse.due``).

Reading the files of 74 repositories and finding the images that they link takes half a minute of processor; looking at the
size and time of every file takes two seconds. A cache that cannot be read or written costs time, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from dockml_dagster.corpora.files import FileRows
from dockml_dagster.corpora.links import links_of_texts
from dockml_dagster.corpora.local.chosen_images import best_linked
from dockml_dagster.corpora.local.records import Project
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.formats.json import load
from dockml_dagster.warehouse.opening import make_folder
from dockml_dagster.warehouse.rows import combined_hash

_MOST_BYTES = 1 << 20
"""Of a summary's file; the names of the linked images are most of it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """``files_hash``: of all contents. ``dockerfiles``: how many were taken. ``linked``: the images of the best links.
    ``unlinked``: why links cannot be found, if so.
    """

    files_hash: str
    dockerfiles: int
    linked: tuple[str, ...]
    unlinked: str | None = None


def summary_of(project: Project, found: FileRows, own_registries: Collection[str]) -> Summary:
    """The summary of a project's files as they were read. ``own_registries``: accepted in links besides the known ones."""
    # Size and content, not time: touching a file does not make it due.
    parts = [f"{row['path']}\0{row['bytes']}\0{row['sha256']}" for row in found.repository_files]
    files_hash = combined_hash([*parts, *(f"{one.subject}\0{one.reason}" for one in project.tree.outcomes)])
    texts = {
        row["path"]: row["content"].decode("utf-8", "replace")
        for row in found.repository_files
        if row["content"] is not None
    }
    try:
        linked, unlinked = best_linked(links_of_texts(project.name, texts, own_registries)), None
    except OutOfTimeError as error:
        linked, unlinked = [], f"its links to images are not known: {error}"
    return Summary(files_hash, len(found.dockerfiles), tuple(linked), unlinked)


def recalled(cache: Path, root: Path, mark: str) -> Summary | None:
    """The summary of the project in the folder ``root`` if one with this mark was kept. ``mark``: a hash of everything that
    may change it.
    """
    # If the file is damaged in any way, the project is read again.
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        stored = load(_file(cache, root).read_bytes(), _MOST_BYTES)
        if stored.pop("mark") == mark:
            return Summary(**{**stored, "linked": tuple(stored["linked"])})
    return None


def keep(cache: Path, root: Path, mark: str, summary: Summary) -> None:
    """Keep a summary, in place of the folder's earlier one."""
    path = _file(cache, root)
    with contextlib.suppress(OSError):
        make_folder(path.parent)
        written = path.with_name(f"{path.name}.{os.getpid()}")
        written.write_text(json.dumps({"mark": mark, **asdict(summary)}), encoding="utf-8")
        written.replace(path)


def _file(cache: Path, root: Path) -> Path:
    """One file for each project. Its folder lies beside those of clones."""
    name = sha256(os.fsencode(root.resolve())).hexdigest()[:20]
    return cache / "local" / "summaries" / f"{name}.json"
