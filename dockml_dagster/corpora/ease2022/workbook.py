"""The study's workbook: funnel sheets, project metadata, category labels, purpose codes, base-image labels.

Here: cells to rows. Not here: getting the file (``package``), anything about images' insides (``images``).
An invalid cell becomes an outcome; an unknown number is None, never zero.
"""

from __future__ import annotations

import ast
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dockml_dagster.corpora.base import CorpusError, Outcome, partition_key
from dockml_dagster.errors import BadInputError

WORKBOOK = "RQ1/ML_Docker_repositories.xlsx"
CORPUS = "ease2022"
RATER = "openja2022"
CODEBOOK = "ease2022"

FUNNEL = (
    ("all-search", "found by search"),
    ("initial", "has a Dockerfile"),
    ("100commits", "at least 100 commits"),
    ("1release", "at least 1 release"),
    ("notarchived", "not archived"),
    ("images", "candidate image on Docker Hub"),
    ("filtered", "usable image"),
    ("filtered2", "final, Table 1"),
    ("labeling2", "final, labelled"),
)
"""Sheets of the funnel and the step that their rows have passed, in the order of the selection (study, section 2)."""

METADATA_SHEETS = ("filtered2", "notarchived")
"""Sheets with the selected projects' metadata: the one that Table 1 was made from; for the rest, the one before it."""

LABEL_COLUMNS = (
    ("What", "purpose"),
    ("When", "stage"),
    ("MLcomponent", "ml_component"),
    ("Why", "reason"),
    ("Maincomponent", "main_component"),
)
"""Columns of ``labeling2`` with comma-separated free-text codes, and the code system of each."""

Cell = Any
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its header, and rows as (row number in the sheet, cells by column name)."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Cell]], ...]


def read_sheets(data: bytes) -> dict[str, Sheet]:
    """Every sheet of the workbook by name. Columns without a header are dropped; of two with one name the first counts.

    Raises:
        CorpusError: not a workbook.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        tables = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
    except (CalamineError, OSError, ValueError) as error:
        raise CorpusError(f"{WORKBOOK} is damaged: {error}") from error
    return {name: _sheet(name, cells) for name, cells in tables.items() if cells}


def _sheet(name: str, cells: list[list[Cell]]) -> Sheet:
    header = tuple(str(cell).strip() for cell in cells[0])
    position: dict[str, int] = {}
    for index, column in enumerate(header):
        if column:
            position.setdefault(column, index)
    rows = tuple(
        (number, {column: line[index] for column, index in position.items()})
        for number, line in enumerate(cells[1:], start=2)
        if any(str(cell).strip() for cell in line)
    )
    return Sheet(name, header, rows)


def selected(sheets: Mapping[str, Sheet]) -> list[str]:
    """``owner/name`` of the study's projects in sheet order: those of ``filtered2``, then those only in ``labeling2``.

    Raises:
        CorpusError: a required sheet is missing.
    """
    names: dict[str, None] = {}
    for sheet in ("filtered2", "labeling2"):
        if sheet not in sheets:
            raise CorpusError(f"{WORKBOOK} has no sheet {sheet!r}; without it there is no list of projects")
        for _, cells in sheets[sheet].rows:
            name = repository(cells)
            if name and _key_or_none(name):
                names.setdefault(name)
    return list(names)


def repository(cells: Mapping[str, Cell]) -> str | None:
    """The repository of a row; its column is called Repos or repos."""
    name = str(cells.get("Repos") or cells.get("repos") or "").strip()
    return name or None


def integer(cell: Cell) -> int | None:
    """A whole number, or None for a blank, ``nan``, text or an impossible count."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    # No count of the study needs more than 64 bits; a larger number is an error.
    return int(number) if math.isfinite(number) and abs(number) < 2**63 else None


def moment(cell: Cell) -> str | None:
    """A time as written, or None if it is none."""
    value = text(cell)
    try:
        datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return value if value and _DATE.match(value) else None


_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:|\Z)")
"""fromisoformat reads more forms than DuckDB does."""


def text(cell: Cell) -> str | None:
    """Text, or None for blank and the exporter's ``nan``."""
    value = str(cell).strip()
    return None if value in {"", "nan"} else value


def boolean(cell: Cell) -> bool | None:
    """The spreadsheet's truth values, as cells or as text."""
    return {"true": True, "false": False, "1": True, "0": False}.get(str(cell).strip().lower())


def candidates(sheets: Mapping[str, Sheet]) -> tuple[list[Row], list[Outcome]]:
    """One row per sheet row of the funnel. A missing sheet is an outcome: its step is unknown, not empty."""
    rows: list[Row] = []
    outcomes: list[Outcome] = []
    for number, (name, step) in enumerate(FUNNEL):
        if name not in sheets:
            outcomes.append(
                Outcome("repo_list", f"sheet {name}", "not_available", "the workbook has no such sheet")
            )
            continue
        for source_row, cells in sheets[name].rows:
            if (found := repository(cells)) is None:
                outcomes.append(
                    Outcome("repo_list", f"sheet {name} row {source_row}", "malformed", "no repository name")
                )
                continue
            if _key_or_none(found) is None:
                outcomes.append(
                    Outcome(
                        "repo_list",
                        f"sheet {name} row {source_row}",
                        "malformed",
                        f"not OWNER/NAME: {found[:80]}; counted in the funnel, never selected",
                    )
                )
            rows.append(
                {
                    "project": _key_or_none(found),
                    "name": found,
                    "step": step,
                    "step_number": number,
                    "keyword": text(cells.get("topic", "")),
                    "stars": integer(cells.get("stars")),
                    "forks": integer(cells.get("forks")),
                    "commits": integer(cells.get("commits")),
                    "releases": integer(cells.get("releases")),
                    "dockerfiles": integer(cells.get("docker_files_count", cells.get("total_dockerfiles"))),
                    "archived": boolean(cells.get("archived", "")),
                    "source_file": f"{WORKBOOK}#{name}",
                    "source_row": source_row,
                }
            )
    return rows, outcomes


def _key_or_none(name: str) -> str | None:
    try:
        return partition_key(CORPUS, name)
    except BadInputError:
        return None


def projects(sheets: Mapping[str, Sheet], names: Sequence[str]) -> list[Row]:
    """Metadata rows of the selected projects: one for each of ``METADATA_SHEETS`` and ``labeling2`` that has the project.

    The column ``repo_size`` is GitHub's ``size`` in KiB of repository; the paper prints it as lines of code.
    """
    wanted = set(names)
    rows: list[Row] = []
    for sheet in (*METADATA_SHEETS, "labeling2"):
        position = 0
        for source_row, cells in sheets[sheet].rows if sheet in sheets else ():
            position += 1
            name = repository(cells)
            if name not in wanted:
                continue
            keyword = text(cells.get("topic", ""))
            rows.append(
                {
                    "project": partition_key(CORPUS, name),
                    "name": name,
                    "owner": name.split("/")[0],
                    "sheet": sheet,
                    "position": position,
                    "description": text(cells.get("description", "")),
                    "topics": [keyword] if keyword else [],
                    "language": text(cells.get("language", "")),
                    "homepage": text(cells.get("homepage", "")),
                    **{column: integer(cells.get(column)) for column in _COUNTS},
                    "repository_bytes": None
                    if (kib := integer(cells.get("repo_size"))) is None
                    else 1024 * kib,
                    "archived": boolean(cells.get("archived", "")),
                    "dockerfiles": integer(cells.get("docker_files_count", cells.get("total_dockerfiles"))),
                    # Only labeling2 has this column; two cells are blank, and the paper leaves those projects out.
                    "words_counted": text(cells["purpose"]) is not None if "purpose" in cells else None,
                    "created_at": moment(cells.get("created_at", "")),
                    "updated_at": moment(cells.get("updated_at", "")),
                    "source_file": f"{WORKBOOK}#{sheet}",
                    "source_row": source_row,
                }
            )
    return rows


_COUNTS = ("commits", "contributors", "issues", "pulls", "releases", "stars", "forks", "open_issues")


def labels(sheets: Mapping[str, Sheet], names: Sequence[str]) -> list[Row]:
    """Category and purpose codes as labels of one rater: the two authors published only their agreed codes."""
    wanted = set(names)
    rows: list[Row] = []
    for sheet in ("filtered2", "labeling2"):
        for source_row, cells in sheets[sheet].rows if sheet in sheets else ():
            name = repository(cells)
            if name not in wanted:
                continue
            where = {"source_file": f"{WORKBOOK}#{sheet}", "source_row": source_row}
            for code_system, code in _codes(cells):
                rows.append(
                    {
                        "project": partition_key(CORPUS, name),
                        "rater": RATER,
                        "unit_kind": "project",
                        "unit": partition_key(CORPUS, name),
                        "code_system": code_system,
                        "code": code,
                        "codebook_version": CODEBOOK,
                        **where,
                    }
                )
    return rows


def _codes(cells: Mapping[str, Cell]) -> Iterator[tuple[str, str]]:
    if category := text(cells.get("manual_topic", "")):
        yield "category", category
    for column, code_system in LABEL_COLUMNS:
        for code in str(cells.get(column, "")).split(","):
            if code.strip():
                yield code_system, code.strip()


def base_image_labels(sheets: Mapping[str, Sheet]) -> list[Row]:
    """Sheet ``baseimages``: one row per FROM, with image name and version typed by hand."""
    rows: list[Row] = []
    for source_row, cells in sheets["baseimages"].rows if "baseimages" in sheets else ():
        rows.append(
            {
                "project": _key_or_none(repository(cells) or ""),
                "category_label": text(cells.get("Category", "")),
                "dockerfile_path": text(cells.get("Dockerfile", "")),
                "base_text": text(cells.get("Baseimage", "")),
                "base_name": text(cells.get("Base", "")),
                "version": text(cells.get("version", "")),
                "source_file": f"{WORKBOOK}#baseimages",
                "source_row": source_row,
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that a sheet names for a project. ``origin``: sheet.column; ``position``: its place in the cell."""

    name: str
    reference: str
    origin: str
    origin_row: int
    position: int


def references(
    sheets: Mapping[str, Sheet], names: Sequence[str]
) -> tuple[list[Reference], list[tuple[str, Outcome]]]:
    """Image references of the selected projects from ``latest_image``, and (name, outcome) for each unusable cell."""
    wanted = set(names)
    found: list[Reference] = []
    outcomes: list[tuple[str, Outcome]] = []
    for sheet in ("filtered2", "labeling2"):
        for source_row, cells in sheets[sheet].rows if sheet in sheets else ():
            name = repository(cells)
            if name not in wanted:
                continue
            cell = str(cells.get("latest_image", "")).strip()
            values = image_list(cell)
            if values is None:
                what = "is empty" if not cell else f"is not a list of references: {cell[:80]}"
                outcomes.append(
                    (
                        name,
                        Outcome(
                            "manifests", f"{sheet}.latest_image", "malformed", f"row {source_row} {what}"
                        ),
                    )
                )
                continue
            found.extend(
                Reference(name, value, f"{sheet}.latest_image", source_row, position)
                for position, value in enumerate(values)
            )
    return found, outcomes


def image_list(cell: str) -> list[str] | None:
    """The list of references in a cell; None if it is no Python list of texts."""
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return value
