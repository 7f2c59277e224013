"""``projects.yaml``: a user's own facts about local projects.

Here: reading and checking it. Not here: where projects are (``places``).

    projects:
      - name: team/forecast          # or path: forecast, relative to this file
        category: Application System
        purposes: [Hosting, "Model management: training"]
        images: [registry.example.com/team/forecast:1.2, "oci:images/forecast"]
        description, language, topics, stars, forks: as on a site such as GitHub
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockml_dagster.clients.regular_files import open_regular
from dockml_dagster.corpora.base import CorpusError, Outcome
from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.yaml import MAX_BYTES, load

NAME = "projects.yaml"
_TEXTS = ("name", "path", "category", "description", "language", "homepage")
_LISTS = ("purposes", "images", "topics")
_NUMBERS = ("stars", "forks", "issues", "pulls", "releases")


@dataclass(frozen=True, slots=True)
class Entry:
    """The file's entry for one project. ``number`` counts entries from 1; ``root``: the resolved folder of the project that
    it names by a path.
    """

    number: int
    folder: Path
    root: Path | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


def read_catalogue(folder: Path) -> tuple[Entry, ...]:
    """The entries of ``folder/projects.yaml``; empty if there is no such file.

    Raises:
        CorpusError: the file is invalid; the message names the entry.
    """
    path = folder / NAME
    try:
        # No link is followed: an error message must not quote another file of this machine.
        with open_regular(path) as opened:
            content: Any = load(opened.read(4 * MAX_BYTES + 1).decode("utf-8"))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, RefusedTextError) as error:
        raise CorpusError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    listed = content.get("projects") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise CorpusError(f"{path}: `projects` must be a list")
    return tuple(_entry(path, number, row) for number, row in enumerate(listed, 1))


def _entry(path: Path, number: int, row: Any) -> Entry:
    if not isinstance(row, dict) or not (row.get("name") or row.get("path")):
        raise CorpusError(f"{path}: entry {number} has neither `name` nor `path`")
    for key in row.keys() - {*_TEXTS, *_LISTS, *_NUMBERS}:
        raise CorpusError(f"{path}: entry {number}: nothing is called `{key}`")
    texts = {key: row[key] for key in _TEXTS if row.get(key) is not None}
    lists = {key: row[key] for key in _LISTS if row.get(key) is not None}
    numbers = {key: row[key] for key in _NUMBERS if row.get(key) is not None}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise CorpusError(f"{path}: entry {number}: `{key}` must be text")
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise CorpusError(f"{path}: entry {number}: `{key}` must be a list of texts")
    for key, value in numbers.items():
        if not isinstance(value, str) or not value.isdecimal() or len(value) > 15:
            raise CorpusError(f"{path}: entry {number}: `{key}` must be a count")
    counts = {key: int(value) for key, value in numbers.items()}
    root = (path.parent / texts["path"]).resolve() if "path" in texts else None
    return Entry(number, path.parent, root, texts, lists, counts)


def by_project(entries: Iterable[Entry]) -> dict[Path | str, Entry]:
    """Resolved folder, or name in lower case, of a project → the first entry that names it so."""
    found: dict[Path | str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.root or entry.texts["name"].lower(), entry)
    return found


def entry_about(entries: Mapping[Path | str, Entry], name: str, root: Path) -> Entry | None:
    """The first entry about the project of this name in this resolved folder. ``entries``: of ``by_project``."""
    about = [entry for entry in (entries.get(root), entries.get(name.lower())) if entry]
    return min(about, key=lambda entry: entry.number, default=None)


def entries_in(folder: Path | None, projects: Collection[Path]) -> tuple[tuple[Entry, ...], list[Outcome]]:
    """The user's entries in the ``projects.yaml`` of a folder (None: an address, which has none), and an outcome if the file
    is not read: in a folder that is itself a project, the file would be the project's, not the user's.
    """
    if folder is None:
        return (), []
    if folder not in projects:
        return read_catalogue(folder), []
    if not os.path.lexists(folder / NAME):
        return (), []
    reason = f"{NAME} of a project says nothing about it; put it into a folder above and give that"
    return (), [Outcome("repo_list", str(folder / NAME), "not_selected", reason)]
