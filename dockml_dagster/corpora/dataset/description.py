"""``dataset.toml``: the description and layout of a set of Dockerfiles.

Here: reading and checking it, and the presets. Not here: reading the set (``sources``).

    name = "mine"                       # the corpus is dataset:mine
    place = "files"                     # folder, archive, table, git repository: relative to this file, or a git address
    layout = "files"                    # files (default), or table
    under = "data"                      # files: only below this folder
    archive = "data/all.tar.xz"         # of a repository: the archive in it that holds the set
    files = "dockerfiles"               # files: those named like Dockerfiles (default), or all
    project = "{2}/{3}"                 # files: owner/name from the parts of the path; without it every text is a project
    unit, title, licence, citation, url, date: for readers
    [columns]                           # table: which column is what; text is needed
    text = "content"
    path, project, category, date: likewise
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from dockml_dagster.clients.regular_files import open_regular
from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.toml import MAX_BYTES, load

FILE = "dataset.toml"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}\Z")
_TEXTS = (
    "name", "place", "layout", "under", "archive", "files", "project", "unit", "title", "licence", "citation", "url",
)  # fmt: skip
_COLUMNS = ("text", "path", "project", "category", "date")
_CHOICES = {"layout": ("files", "table"), "files": ("dockerfiles", "all")}
_PARTS = re.compile(r"\{([1-9])\}")


@dataclass(frozen=True, slots=True)
class Description:
    """The content of a TOML file. ``place``: a git address, or a path on this machine; ``columns``: meaning → column of a
    table; ``as_of``: the moment that the set describes.
    """

    name: str
    place: str
    layout: str = "files"
    under: str = ""
    archive: str = ""
    files: str = "dockerfiles"
    project: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None

    @property
    def is_address(self) -> bool:
        """Whether the set is fetched by git."""
        return "://" in self.place

    def project_of(self, path: str) -> str | None:
        """``owner/name`` from the parts of a path, counted from 1; None without a pattern, or if the path is too short."""
        parts = path.split("/")
        if not self.project or max(map(int, _PARTS.findall(self.project)), default=0) > len(parts):
            return None
        return _PARTS.sub(lambda found: parts[int(found[1]) - 1], self.project)


def describe(path: Path, place: str | None = None) -> Description:
    """The description in a file, or in the ``dataset.toml`` of a folder. ``place``: overrides the place in the file.

    Raises:
        CorpusError: it cannot be read or is invalid; the message names the line.
    """
    file = path / FILE if path.is_dir() else path
    try:
        with open_regular(file, follow=True) as opened:
            said = load(opened.read(4 * MAX_BYTES + 1).decode("utf-8"))
    except OSError as error:
        raise CorpusError(f"cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, RefusedTextError) as error:
        raise CorpusError(f"cannot read {file}: {' '.join(str(error).split())}") from error
    return _described(str(file), said, file.parent, place)


def presets() -> dict[str, Description]:
    """Name → description of the sets that dockml knows."""
    folder = files("dockml_dagster.corpora.dataset") / "presets"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".toml"):
            described = _described(entry.name, load(entry.read_text(encoding="utf-8")), Path(), None)
            found[described.name] = described
    return found


def known(given: tuple[str, ...]) -> Iterator[Description]:
    """The sets of DOCKML_DATASETS: each a TOML file, a folder with one, or ``NAME=PLACE`` for a preset with its data there.

    Raises:
        CorpusError: one cannot be read.
        BadInputError: there is no preset of that name.
    """
    for one in given:
        name, equals, place = one.partition("=")
        if equals and NAME.match(name):
            preset = presets().get(name)
            if preset is None:
                raise BadInputError(
                    f"DOCKML_DATASETS: no preset is called {name!r}; there are {', '.join(presets())}"
                )
            yield _moved(preset, place)
        else:
            yield describe(Path(one).expanduser())


def find(name: str, given: tuple[str, ...]) -> Description:
    """The set of that name: from the user's setting, else a preset.

    Raises:
        BadInputError: there is none.
        CorpusError: a given TOML file cannot be read.
    """
    mine = {one.name: one for one in known(given)}
    if name in mine:
        return mine[name]
    if name in presets():
        return presets()[name]
    there = ", ".join(f"dataset:{one}" for one in sorted({*mine, *presets()}))
    raise BadInputError(
        f"no data set is called {name!r}; there are {there}; --path names the TOML of another"
    )


def _moved(described: Description, place: str) -> Description:
    return replace(described, place=place if "://" in place else str(Path(place).expanduser().absolute()))


def _described(file: str, said: Mapping[str, Any], folder: Path, place: str | None) -> Description:
    for key in said.keys() - {*_TEXTS, "columns", "date"}:
        raise CorpusError(f"{file}: nothing is called `{key}`")
    texts: dict[str, str] = {}
    for key in _TEXTS:
        if key in said:
            if not isinstance(said[key], str):
                raise CorpusError(f"{file}: `{key}` must be text")
            texts[key] = said[key]
    name, where = texts.pop("name", ""), place or texts.pop("place", "")
    if not NAME.match(name):
        raise CorpusError(f"{file}: `name` must be of a-z, 0-9, . and -, not {name[:80]!r}")
    if not where:
        raise CorpusError(f"{file}: `place` says where the set is")
    for key, choices in _CHOICES.items():
        if texts.get(key, choices[0]) not in choices:
            raise CorpusError(f"{file}: `{key}` is one of {', '.join(choices)}")
    columns = said.get("columns", {})
    if not isinstance(columns, dict) or not all(isinstance(value, str) for value in columns.values()):
        raise CorpusError(f"{file}: `columns` must name columns")
    for key in columns.keys() - set(_COLUMNS):
        raise CorpusError(f"{file}: `columns`: nothing is called `{key}`")
    layout = texts.pop("layout", "files")
    if layout == "table" and "text" not in columns:
        raise CorpusError(f"{file}: `columns` must say which column has the `text`")
    day = said.get("date")
    if day is not None and not isinstance(day, date):
        raise CorpusError(f"{file}: `date` must be a day, as 2020-01-31")
    return Description(
        name,
        where if "://" in where else str((folder / Path(where).expanduser()).absolute()),
        layout,
        texts.pop("under", "").strip("/"),
        texts.pop("archive", ""),
        texts.pop("files", "dockerfiles"),
        texts.pop("project", ""),
        columns,
        texts,
        datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None) if day else None,
    )
