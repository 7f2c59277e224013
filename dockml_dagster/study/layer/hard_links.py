"""Files with several names. A hard link names the file at its target when the link is made, in its layer or below.

Here: which names belong to one file (links to links, names that outlive the first, contents that AUFS put aside), and
under which of them the union shows it. Not here: merging (``merge``), symbolic links in paths (``symlinks``).

An engine makes a link when it reaches it in the archive. Spools do not keep that order, so a link counts as made after
all other entries of its layer, and before the layer's whiteouts.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dockml_dagster.study.layer.classify import LINK_TARGETS
from dockml_dagster.study.layer.filetype import extension
from dockml_dagster.study.layer.links import HardLink, Links
from dockml_dagster.study.layer.merge import Merged, merged_batches
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import Spool

Place = tuple[int, str, int | None]
"""Layer, path and the layer that hides it: identifies a row of the merged layers."""

_MARKER: Final = b".wh."
_ROOT: Final = b"."
_ENDS: Final = frozenset({b"", b"\0"})


def homes_of(spools: Sequence[Spool], links: Links) -> dict[Place, Merged]:
    """Rows that replace rows of ``merged_batches`` (see ``union_batches``). Most images need hardly any."""
    if not links.hard:
        return {}
    names = _Names(_relevant(spools, links.hard), links)
    homes: dict[Place, Merged] = {}
    for content, rows in names.by_content():
        homes.update(_home(content, rows))
    return homes


def _relevant(spools: Sequence[Spool], hard: Sequence[HardLink]) -> list[Spool]:
    """The layers reduced to the rows that decide the fate of links and their targets: those of their paths and of the
    directories above, and removals.
    """
    paths = {path for link in hard for path in (link.path, link.target)}
    wanted = sorted(path.encode().replace(b"/", b"\0") for path in paths)

    def of(spool: Spool) -> Spool:
        return lambda: _relevant_lines(spool(), wanted)

    return list(map(of, spools))


def _relevant_lines(lines: Iterable[bytes], wanted: Sequence[bytes]) -> Iterator[bytes]:
    """The relevant lines. ``wanted`` is sorted like the lines, so the first wanted path at or after a line's decides
    whether the line is that path or a directory above it.
    """
    at, last = 0, len(wanted)
    for line in lines:
        if _MARKER in line:
            yield line
            continue
        key = line[: line.index(b"\t")].replace(b"/", b"\0")
        if at < last and wanted[at] < key != _ROOT:
            at = bisect_left(wanted, key, at)
        if at < last and wanted[at].startswith(key) and wanted[at][len(key) : len(key) + 1] in _ENDS:
            yield line


class _Names:
    """The rows of all links and their targets, and which of them name the same content."""

    def __init__(self, spools: Sequence[Spool], links: Links) -> None:
        self._rows: dict[str, dict[int, list[Merged]]] = {}
        """By path and layer: the row, or the first and the last one if the layer has the path several times."""
        self._aside = links.aside
        self._named: dict[tuple[int, str], Merged | None] = {}
        self._origins: dict[Place, Merged | None] = {}
        wanted = {path for link in links.hard for path in (link.path, link.target)}
        for batch in merged_batches(spools):
            for row in batch:
                if row.entry.path in wanted and row.entry.kind != "directory":
                    rows = self._rows.setdefault(row.entry.path, {}).setdefault(row.layer, [])
                    rows[1:] = [row]

    def by_content(self) -> Iterator[tuple[Merged, list[Merged]]]:
        """The row of every content with hard links, and the rows of its hard links in path order."""
        found: dict[Place, tuple[Merged, list[Merged]]] = {}
        for path in sorted(self._rows):
            for row in itertools.chain.from_iterable(self._rows[path].values()):
                origin = self._origin(row) if row.entry.kind == "hardlink" else None
                if origin is not None:
                    found.setdefault(_place(origin), (origin, []))[1].append(row)
        yield from found.values()

    def _origin(self, link: Merged) -> Merged | None:
        """The row that a link finally names. None: nothing, or only itself."""
        passed: list[Place] = []
        row: Merged | None = link
        while row is not None and row.entry.kind == "hardlink":
            place = _place(row)
            if place in self._origins:
                row = self._origins[place]
                break
            self._origins[place] = None  # stays None if the links form a circle
            passed.append(place)
            row = self._of(row.layer, row.entry.link_target or "")
        self._origins.update(dict.fromkeys(passed, row))
        return row

    def _of(self, layer: int, path: str) -> Merged | None:
        """The row that a layer's link to a path names: the layer's own, else the visible one of the layers below."""
        if (layer, path) not in self._named:
            self._named[layer, path] = self._found(layer, path)
        return self._named[layer, path]

    def _found(self, layer: int, path: str) -> Merged | None:
        if path.startswith(LINK_TARGETS):
            entry = self._aside.get((layer, path))
            return None if entry is None else Merged(entry, layer, None, None)
        layers = self._rows.get(path, {})
        if layer in layers:
            return layers[layer][0]
        for lower in sorted((each for each in layers if each < layer), reverse=True):
            row = layers[lower][-1]
            if row.hidden_by is None or row.hidden_by >= layer:
                return row
        return None


def _place(row: Merged) -> Place:
    return row.layer, row.entry.path, row.hidden_by


def _home(content: Merged, links: list[Merged]) -> Iterator[tuple[Place, Merged]]:
    """The rows that replace a content's rows."""
    entry = content.entry
    if entry.kind not in {"file", "metadata"}:
        for row in links:
            yield _place(row), row._replace(entry=entry._replace(path=row.entry.path))
        return
    rows = links if entry.kind == "metadata" else [content, *links]
    # The first name that a container sees, or else the one that was visible longest.
    home = next((row for row in rows if row.hidden_by is None), None) or max(rows, key=_ended)
    for row in rows:
        if row is not home:
            link = _as_link(row.entry, home.entry.path)
            if row.layer != content.layer or link != row.entry:
                yield _place(row), row._replace(entry=link, layer=content.layer)
        elif row is not content:
            yield (_place(row), row._replace(entry=_as_file(entry, row.entry), layer=content.layer))


def _ended(row: Merged) -> int:
    return -1 if row.hidden_by is None else row.hidden_by


def _as_link(entry: LayerEntry, home: str) -> LayerEntry:
    if entry.kind == "hardlink":
        return entry if entry.link_target == home else entry._replace(link_target=home)
    return entry._replace(
        kind="hardlink", size=0, stored=0, link_target=home, file_hash=None, extension="", file_type=""
    )


def _as_file(content: LayerEntry, name: LayerEntry) -> LayerEntry:
    """The content under another of its names."""
    return content._replace(
        path=name.path,
        kind="file",
        depth=name.depth,
        extension=extension(name.path.rpartition("/")[2]),
        note=name.note,
    )
