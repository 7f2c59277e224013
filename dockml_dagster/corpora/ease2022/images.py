"""The study's exports about images: manifests, configs, history, and layer summaries, as CSV.

Here: CSV lines to rows of ``raw``. Not here: which project names which image (``workbook``).

The known faults of the exports are kept visible, not repaired. The config exporter stops at the first absent key, so
``fields_complete`` says whether user, environment text, volumes and entry point can be trusted. The headers of the two
RootFS columns are swapped. ``empty_layer`` of the history is blank for false.
"""

from __future__ import annotations

import ast
import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.ease2022.package import Package
from dockml_dagster.corpora.ease2022.workbook import boolean, integer, moment, text
from dockml_dagster.warehouse.rows import combined_hash

FOLDER = "raw-data/DockerImage/layers/"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of CSV: its file names, its required columns, and its stage."""

    prefix: str
    required: tuple[str, ...]
    stage: str


MANIFESTS = Export("Manifest_details", ("Image", "RepoTag", "config_digest", "layers_digest"), "manifests")
CONFIGS = Export("Manifest_Config_info", ("Image", "RepoTag", "config_digest"), "manifests")
HISTORY = Export("Manifest_History", ("Image", "RepoTag", "config_digest"), "manifests")
LAYERS = Export("Image_layers_info_summary", ("Image", "RepoTag", "layer_digest"), "layer_stats")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an export, with its position."""

    file: str
    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImageExports:
    """The lines of all exports by image reference (``name:tag``), in the order of files and lines, and their problems."""

    manifests: Mapping[str, list[Line]]
    configs: Mapping[str, list[Line]]
    history: Mapping[str, list[Line]]
    layers: Mapping[str, list[Line]]
    outcomes: tuple[Outcome, ...]

    @property
    def references(self) -> set[str]:
        """All references in any export."""
        return {*self.manifests, *self.configs, *self.history, *self.layers}

    def manifest_hash(self, references: Iterable[str]) -> str:
        """Hash of everything that the stage ``manifests`` reads about these references."""
        return combined_hash(_parts(references, self.manifests, self.configs, self.history))

    def layer_hash(self, references: Iterable[str]) -> str:
        """Hash of everything that the stage ``layer_stats`` reads about these references."""
        return combined_hash(_parts(references, self.layers))


def _parts(references: Iterable[str], *exports: Mapping[str, list[Line]]) -> Iterator[str]:
    for reference in references:
        yield reference
        for export in exports:
            for line in export.get(reference, ()):
                yield f"{line.file}\0{line.number}"
                yield from line.cells.values()


def read_exports(package: Package) -> ImageExports:
    """Read every export of the package; files that are missing, empty or lack a column become outcomes."""
    outcomes: list[Outcome] = []
    kinds = [_read_kind(package, export, outcomes) for export in (MANIFESTS, CONFIGS, HISTORY, LAYERS)]
    return ImageExports(kinds[0], kinds[1], kinds[2], kinds[3], tuple(outcomes))


def _read_kind(package: Package, export: Export, outcomes: list[Outcome]) -> dict[str, list[Line]]:
    by_reference: dict[str, list[Line]] = defaultdict(list)
    paths = [path for path in package.below(FOLDER + export.prefix) if path.endswith(".csv")]
    if not paths:
        outcomes.append(
            Outcome(export.stage, f"{export.prefix}*.csv", "not_available", "the package has no such file")
        )
    outcomes += [
        Outcome(
            export.stage,
            f"{export.prefix} {number}",
            "not_available",
            "the package lacks this part of the export",
        )
        for number in sorted(
            set(range(1, max(map(_export_number, paths), default=0))) - set(map(_export_number, paths))
        )
    ]
    for path in sorted(paths, key=_export_number):
        data = package.read(path) or b""
        if not data.strip():
            outcomes.append(Outcome(export.stage, path, "malformed", "the file is empty"))
            continue
        # A field may hold a whole history; the csv module's default limit is 128 KiB.
        csv.field_size_limit(16 * 1024**2)
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig", errors="replace"), newline=""))
        if missing := set(export.required) - set(reader.fieldnames or ()):
            outcomes.append(
                Outcome(export.stage, path, "malformed", f"no column {', '.join(sorted(missing))}")
            )
            continue
        for number, cells in enumerate(_rows(reader, path, export, outcomes), start=2):
            if any(not cells.get(column) for column in export.required):
                outcomes.append(
                    Outcome(export.stage, f"{path} row {number}", "malformed", "a required cell is blank")
                )
                continue
            reference = f"{cells['Image']}:{cells['RepoTag']}"
            by_reference[reference].append(Line(path, number, {k: v or "" for k, v in cells.items() if k}))
    return dict(by_reference)


def _rows(
    reader: csv.DictReader[str], path: str, export: Export, outcomes: list[Outcome]
) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        outcomes.append(
            Outcome(
                export.stage, path, "malformed", f"line {reader.line_num}: {error}; the rest was not read"
            )
        )


def _export_number(path: str) -> int:
    """``Manifest_details 3.csv`` → 3; the first file has no number."""
    stem = path.rpartition("/")[2].removesuffix(".csv")
    last = stem.rpartition(" ")[2]
    return int(last) if last.isdigit() else 1


def _where(line: Line, reference: str) -> Row:
    return {"reference": reference, "source_file": line.file, "source_row": line.number}


def manifest_rows(reference: str, lines: Iterable[Line]) -> tuple[list[Row], list[Row]]:
    """Rows of ``raw.manifests`` and ``raw.image_layers``.

    The export has one line per layer. Consecutive lines with the same config and media type are one manifest; a reference
    that was inspected twice gives two. Layers are numbered from the bottom, from 0, within their manifest.
    """
    manifests: list[Row] = []
    layers: list[Row] = []
    previous: tuple[str, str, str] | None = None
    number_before = -1
    for line in lines:
        cells = line.cells
        key = (line.file, cells["config_digest"], cells.get("mediaType", ""))
        if key != previous or line.number != number_before + 1:
            manifests.append(
                {
                    **_where(line, reference),
                    "media_type": text(cells.get("mediaType", "")),
                    "schema_version": integer(cells.get("schemaVersion")),
                    "config_digest": cells["config_digest"],
                    "config_media_type": text(cells.get("config_mediaType", "")),
                    "config_bytes": integer(cells.get("config_size")),
                    "layers": 0,
                }
            )
            previous = key
        number_before = line.number
        layers.append(
            {
                **_where(line, reference),
                "config_digest": cells["config_digest"],
                "position": manifests[-1]["layers"],
                "layer_digest": cells["layers_digest"],
                "media_type": text(cells.get("layers_mediaType", "")),
                "compressed_bytes": integer(cells.get("layers_size")),
            }
        )
        manifests[-1]["layers"] += 1
    return manifests, layers


def config_rows(reference: str, lines: Iterable[Line]) -> list[Row]:
    """Rows of ``raw.image_configs``."""
    rows = []
    for line in lines:
        cells = line.cells
        environment = _list(cells.get("Env", ""))
        env_count = integer(cells.get("config_env_count"))
        # The column rootfs_layers_count holds the list, rootfs_layers the count.
        diff_ids = [part for part in cells.get("rootfs_layers_count", "").split("/") if part]
        rows.append(
            {
                **_where(line, reference),
                "config_digest": cells["config_digest"],
                "config_bytes": integer(cells.get("config_size")),
                "architecture": text(cells.get("architecture", "")),
                "os": text(cells.get("os", "")),
                "created": moment(cells.get("created", "")),
                "user_name": text(cells.get("config_User", "")),
                "env_count": env_count,
                "env_names": None
                if environment is None
                else [item.partition("=")[0] for item in environment],
                "cmd": _list(cells.get("Cmd", "")),
                "entrypoint": _list(cells.get("Entrypoint", "")),
                "volumes": [part for part in cells.get("Volumes", "").split("/") if part] or None,
                "working_dir": text(cells.get("WorkingDir", "")),
                "rootfs_layers": integer(cells.get("rootfs_layers")),
                "rootfs_diff_ids": diff_ids or None,
                # The exporter counted variables before it read Env; if their text is missing, it stopped before Env.
                "fields_complete": not (env_count and environment is None),
            }
        )
    return rows


def history_rows(reference: str, lines: Iterable[Line]) -> list[Row]:
    """Rows of ``raw.image_history``, numbered from 0 within one config of one file."""
    rows = []
    positions: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        key = (line.file, line.cells["config_digest"])
        rows.append(
            {
                **_where(line, reference),
                "config_digest": line.cells["config_digest"],
                "position": positions[key],
                "created": moment(line.cells.get("created", "")),
                "created_by": line.cells.get("created_by") or None,
                "empty_layer": bool(boolean(line.cells.get("empty_layer", ""))),
                "comment": text(line.cells.get("comments", "")),
            }
        )
        positions[key] += 1
    return rows


def layer_rows(reference: str, lines: Iterable[Line]) -> tuple[list[Row], list[Row]]:
    """Rows of ``raw.layers`` (one per layer, from its first line) and ``raw.layer_file_types`` (one per line).

    The export has one line per layer and file extension, which repeats the layer's totals. Levels count path
    components including the file name: the paper's definition, hence ``published_level``.
    """
    layers: dict[tuple[str, str], Row] = {}
    types: list[Row] = []
    for line in lines:
        cells = line.cells
        digest = cells["layer_digest"]
        digest = digest if ":" in digest else f"sha256:{digest}"
        level = integer(cells.get("max_level"))
        layer = layers.setdefault(
            (line.file, digest),
            {
                **_where(line, reference),
                "layer_digest": digest,
                "files": integer(cells.get("total_files")),
                "directories": integer(cells.get("total_directory")),
                "empty_directories": integer(cells.get("total_empty_dirs")),
                "max_published_level": None,
                "verified": "as_exported",
            },
        )
        if level is not None:
            layer["max_published_level"] = max(layer["max_published_level"] or 0, level)
        types.append(
            {
                **_where(line, reference),
                "layer_digest": digest,
                "extension": cells.get("file_type") or None,
                "files": integer(cells.get("file_type_counts")),
                "bytes_mean": _number(cells.get("avg_size")),
                "bytes_max": integer(cells.get("max_size")),
                "bytes_min": integer(cells.get("min_size")),
                "published_level_mean": _number(cells.get("avg_level")),
                "published_level_max": level,
            }
        )
    return list(layers.values()), types


def _number(cell: str | None) -> float | None:
    try:
        return float(cell or "")
    except ValueError:
        return None


def _list(cell: str) -> list[str] | None:
    """Parse a cell with a Python list of texts; None if it is blank or anything else."""
    if not cell.startswith("["):
        return None
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return [str(item) for item in value] if isinstance(value, list) else None
