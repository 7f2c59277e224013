"""The annotation sheet: a CSV file that people fill in with a spreadsheet.

Here: writing the sheet, reading it back, and reporting the mistakes that people make in it, with lines. Not here:
which units are on it (``annotation_sample``), where labels are kept, agreement.

Texts on the sheet may be hostile. A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP,
"CSV injection"); line feeds and control characters become spaces.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dockml_dagster.study.labels.codebook import Codebook
from dockml_dagster.study.labels.machine import CANNOT_TELL, NONE_APPLIES, RATER

Question = Literal["category", "purpose"]
QUESTIONS: tuple[Question, ...] = ("category", "purpose")

ANSWERED = ("unit", "question", "rater", "code", "evidence")
"""Columns that are read back. All others only inform the rater."""
CONTEXT = ("codebook_version", "description", "language", "topics", "dockerfiles", "labels_so_far")
SEPARATOR = ";"
"""Separates several purposes in one cell."""
MAX_CELL = 500
"""Longest cell of context, in characters. Longer ones would make the sheet unreadable."""
MAX_ROWS = 100_000
_RATER_NAME = re.compile(r"[\w .@+-]{1,60}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class SheetUnit:
    """A unit on the sheet. ``unit`` is its key (partition key, and path for a Dockerfile); the rest helps the rater."""

    unit: str
    description: str = ""
    language: str = ""
    topics: tuple[str, ...] = ()
    dockerfiles: tuple[str, ...] = ()
    labels_so_far: str = ""


@dataclass(frozen=True, slots=True)
class SheetLabel:
    """A rater's label of a unit: one category, or any number of purposes. ``line`` is the line in the sheet."""

    line: int
    unit: str
    question: Question
    rater: str
    codes: tuple[str, ...]
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one line. Lines count from 1, which is the header."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """A sheet as read: labels, mistakes, and how many lines are not filled in."""

    labels: tuple[SheetLabel, ...]
    mistakes: tuple[Mistake, ...]
    unanswered: int


def write_sheet(units: Iterable[SheetUnit], question: Question, *, rater: str = "", version: str) -> str:
    """The sheet as text: a byte order mark (without it Excel does not read UTF-8), a header, a row for each unit."""
    stream = io.StringIO()
    stream.write("\ufeff")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow((*ANSWERED, *CONTEXT))
    for unit in units:
        cells = (
            unit.unit,
            question,
            rater,
            "",
            "",
            version,
            unit.description,
            unit.language,
            ", ".join(unit.topics),
            ", ".join(unit.dockerfiles),
            unit.labels_so_far,
        )
        # The key is never cut, because it is read back.
        writer.writerow([safe_cell(cells[0], limit=None), *(safe_cell(cell) for cell in cells[1:])])
    return stream.getvalue()


def safe_cell(text: str, limit: int | None = MAX_CELL) -> str:
    """Text that no spreadsheet runs: control characters become spaces, and a formula gets an apostrophe before it."""
    text = _CONTROL.sub(" ", text).strip()
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return "'" + text if text.startswith(_FORMULA) else text


def read_sheet(
    text: str,
    codebook: Codebook,
    units: Mapping[str, str],
    *,
    rater: str | None = None,
) -> ReadSheet:
    """The labels of a filled-in sheet, or its mistakes; a caller that finds mistakes imports nothing.

    ``units``: key on the sheet → stored key, for all units that may be labelled. ``rater``: the rater of lines that name
    none. Comma, semicolon and tab are accepted as separators, since spreadsheets write each of them.
    """
    lines = text.removeprefix("\ufeff")
    header = lines.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter)
    mistakes: list[Mistake] = []
    try:
        names = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        return ReadSheet((), (Mistake(1, f"is not CSV: {error}"),), 0)
    absent = [
        name
        for name in ANSWERED
        if name not in names and not (name == "evidence" or (name == "rater" and rater))
    ]
    if absent:
        return ReadSheet((), (Mistake(1, f"has no column {', '.join(absent)}"),), 0)
    labels: list[SheetLabel] = []
    seen: dict[tuple[str, str, str], int] = {}
    unanswered = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            mistakes.append(Mistake(line, f"is not CSV: {error}"))
            break
        if cells is None or line > MAX_ROWS:
            break
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if not any(row.values()):
            continue
        if not row.get("code"):
            unanswered += 1
            continue
        found = _label(line, row, codebook, units, rater)
        if isinstance(found, Mistake):
            mistakes.append(found)
            continue
        key = (found.unit, found.question, found.rater)
        if key in seen:
            mistakes.append(
                Mistake(
                    line,
                    f"{found.rater} labelled {found.unit} already on line {seen[key]}; keep one of the two",
                )
            )
            continue
        seen[key] = line
        labels.append(found)
    return ReadSheet(tuple(labels), tuple(mistakes), unanswered)


def _label(
    line: int, row: Mapping[str, str], codebook: Codebook, units: Mapping[str, str], rater: str | None
) -> SheetLabel | Mistake:
    name = row.get("rater") or rater or ""
    if not name:
        return Mistake(line, "names no rater")
    if not _RATER_NAME.match(name):
        return Mistake(
            line, f"{name[:60]!r} cannot name a rater: use up to 60 letters, digits, spaces and . _ @ + -"
        )
    if name.lower() == RATER:
        return Mistake(line, f"the rater {RATER!r} is reserved for machine labels")
    # Keys may have got an apostrophe from `safe_cell`, which a spreadsheet may keep.
    unit = units.get(row.get("unit", "").removeprefix("'"))
    if unit is None:
        return Mistake(
            line, f"no unit is called {row.get('unit', '')[:200]!r}{_closest(row.get('unit', ''), units)}"
        )
    question = row.get("question", "")
    if question not in QUESTIONS:
        return Mistake(line, f"the question is {' or '.join(QUESTIONS)}, not {question[:40]!r}")
    codes = _codes(question, row["code"], codebook)
    if isinstance(codes, str):
        return Mistake(line, codes)
    version = (codebook.categories if question == "category" else codebook.purposes)[0].codebook_version
    if row.get("codebook_version", version) not in (version, ""):
        return Mistake(
            line,
            f"was labelled by version {row['codebook_version'][:20]!r} of the codebook; it is {version} now",
        )
    evidence = row.get("evidence") or None
    return SheetLabel(line, unit, "category" if question == "category" else "purpose", name, codes, evidence)


def _codes(question: str, text: str, codebook: Codebook) -> tuple[str, ...] | str:
    """The codes of a cell in the codebook's spelling, or what is wrong with it."""
    known = _known(question, codebook)
    parts = [part.strip() for part in text.split(SEPARATOR) if part.strip()]
    codes: list[str] = []
    for part in parts:
        code = known.get(" ".join(part.lower().split()))
        if code is None:
            return f"{part[:80]!r} is not a {question} of the codebook{_closest(part, known.values())}"
        codes.append(code)
    if not codes:
        return "has a separator but no code"
    if question == "category" and len(codes) > 1:
        return f"a project has one category, not {len(codes)}"
    if len(set(codes)) < len(codes):
        return "names a code twice"
    if len(codes) > 1 and {CANNOT_TELL, NONE_APPLIES} & set(codes):
        return f"{CANNOT_TELL!r} and {NONE_APPLIES!r} cannot be combined with other codes"
    return tuple(codes)


def _known(question: str, codebook: Codebook) -> dict[str, str]:
    if question == "category":
        names = [code.name for code in codebook.categories]
        short = {code.code: code.name for code in codebook.categories}
    else:
        names = [code.name for code in codebook.purposes]
        names += [f"{sub.parent}: {sub.name}" for sub in codebook.sub_purposes]
        short = {code.code: code.name for code in codebook.purposes}
        names.append(NONE_APPLIES)
    return {**{name.lower(): name for name in names}, **short, CANNOT_TELL: CANNOT_TELL}


def _closest(text: str, among: Iterable[str]) -> str:
    names: Sequence[str] = list(among)
    # Comparing with every key of a large corpus would be slow, and this is only a hint.
    close = difflib.get_close_matches(text[:200], names[:5000], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
