"""What ``dockml labels`` does: draw a sample to label, import labels, measure agreement.

Here: moving data between the published file, the warehouse and the sheet. Not here: the sheet
(``study.labels.annotation_sheet``), drawing (``study.labels.annotation_sample``), the coefficients
(``study.labels.agreement``), any printing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.labels.agreement import Agreement, Interval, agreement, set_agreement
from dockml_dagster.study.labels.annotation_sample import ADJUDICATION, Candidate, Sampling, draw
from dockml_dagster.study.labels.annotation_sheet import (
    Mistake,
    Question,
    ReadSheet,
    SheetUnit,
    read_sheet,
    write_sheet,
)
from dockml_dagster.study.labels.codebook import Codebook, parse_codebook
from dockml_dagster.study.labels.machine import CANNOT_TELL, NONE_APPLIES, RATER
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due
from dockml_dagster.warehouse.models import folder
from dockml_dagster.warehouse.published.query import query
from dockml_dagster.warehouse.rows import write_visit

if TYPE_CHECKING:
    from dockml_dagster.warehouse.published.query import Answer

SOURCE = "dockml labels import"
"""``raw.labels.source`` of imported rows; the model staging.labels recognises them by it."""
STAGE = "labels_import"
MAX_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: if there are mistakes, nothing was stored."""

    units: int
    rows: int
    unanswered: int
    raters: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Which units to draw, and what their sheet shows.

    ``rater`` fills the column of that name; ``show_labels`` adds the other raters' labels, for adjudication.
    """

    corpus: str
    question: Question
    unit_kind: str
    sampling: Sampling
    n: int
    seed: int = 0
    rater: str = ""
    show_labels: bool = False


def codebook() -> Codebook:
    """The codebook from the seeds."""
    seeds = ("categories", "purposes", "sub_purposes")
    return parse_codebook(
        *((folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in seeds)
    )


def export_sample(settings: Settings, request: SampleRequest) -> tuple[str, int]:
    """The sheet as text, and how many units are on it.

    Raises:
        BadInputError: nothing is published, or the corpus has no such unit.
    """
    book = codebook()
    candidates = _candidates(settings, request.corpus, request.question, request.unit_kind)
    if not candidates:
        raise BadInputError(
            f"the corpus {request.corpus} has no {request.unit_kind} to label; run: dockml study --corpus {request.corpus}"
        )
    chosen = draw(candidates, request.n, request.sampling, seed=request.seed)
    context = _context(settings, request.corpus)
    units = []
    for candidate in chosen:
        about = context[_project(candidate.unit)]
        so_far = (
            "; ".join(
                f"{name}: {', '.join(sorted(codes))}" for name, codes in sorted(candidate.codes.items())
            )
            if request.show_labels
            else ""
        )
        units.append(
            SheetUnit(
                candidate.unit,
                about["description"] or "",
                about["language"] or "",
                tuple(about["topics"] or ()),
                tuple(about["dockerfiles"] or ())[:20],
                so_far,
            )
        )
    version = (book.categories if request.question == "category" else book.purposes)[0].codebook_version
    return write_sheet(units, request.question, rater=request.rater, version=version), len(units)


def _project(unit: str) -> str:
    return "/".join(unit.split("/")[:3])


def _rows(answer: Answer) -> list[dict[str, Any]]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _candidates(settings: Settings, corpus: str, question: Question, unit_kind: str) -> list[Candidate]:
    units = query(
        settings,
        """
        SELECT units.unit, coalesce(categories.category, 'unlabelled') AS stratum,
            1 - coalesce(categories.machine_probability, 0) AS doubt
        FROM (
            SELECT project AS unit, project, 'project' AS unit_kind FROM core.projects WHERE corpus = $1
            UNION ALL
            SELECT project || '/' || path, project, 'dockerfile' FROM core.dockerfiles WHERE corpus = $1 AND valid
        ) AS units
        LEFT JOIN core.categories AS categories ON categories.project = units.project
        WHERE units.unit_kind = $2
        """,
        [corpus, unit_kind],
    )
    given: dict[str, dict[str, set[str]]] = {}
    for unit, rater, code in query(
        settings,
        "SELECT unit, rater, code FROM core.labels WHERE corpus = $1 AND code_system = $2 AND unit_kind = $3",
        [corpus, question, unit_kind],
    ).rows:
        if code == CANNOT_TELL:
            # "cannot tell" disagrees with no other label.
            continue
        codes = given.setdefault(unit, {}).setdefault(rater, set())
        if code != NONE_APPLIES:
            codes.add(code)
    return [
        Candidate(row["unit"], row["stratum"], given.get(row["unit"], {}), row["doubt"])
        for row in _rows(units)
    ]


def _context(settings: Settings, corpus: str) -> dict[str, dict[str, Any]]:
    answer = query(
        settings,
        """
        SELECT projects.project, any_value(description) AS description, any_value(language) AS language,
            any_value(topics) AS topics, list(path ORDER BY path) FILTER (WHERE path IS NOT NULL) AS dockerfiles
        FROM core.projects AS projects
        LEFT JOIN core.dockerfiles AS files ON files.project = projects.project
        WHERE projects.corpus = $1
        GROUP BY projects.project
        """,
        [corpus],
    )
    return {row["project"]: row for row in _rows(answer)}


def import_sheet(settings: Settings, path: Path, *, rater: str | None) -> Imported:
    """Check a filled-in sheet line by line and store it as a whole, or not at all.

    Raises:
        BadInputError: the file cannot be read, is not text, or holds no label.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(
                f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB; that is no sheet of labels"
            )
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8; save it as CSV UTF-8") from error
    book = codebook()
    units = {row[0]: row[0] for row in query(settings, _UNITS).rows}
    read = read_sheet(text, book, units, rater=rater)
    if not read.mistakes and not read.labels:
        raise BadInputError(f"{path} holds no label: the column code is empty on every line")
    rows = 0
    if not read.mistakes:
        rows = _store(settings, read, book, path.name)
    raters = tuple(sorted({label.rater for label in read.labels}))
    return Imported(len(read.labels), rows, read.unanswered, raters, read.mistakes)


_UNITS = """
    SELECT project AS unit FROM core.projects
    UNION ALL
    SELECT project || '/' || path FROM core.dockerfiles
"""


def _store(settings: Settings, read: ReadSheet, book: Codebook, file_name: str) -> int:
    version = {
        "category": book.categories[0].codebook_version,
        "purpose": book.purposes[0].codebook_version,
    }
    with Warehouse(settings.warehouse).write() as connection:
        migrations.apply(connection, settings.warehouse)
        now = due.moment(connection)
        rows = [
            {
                "project": _project(label.unit),
                "corpus": label.unit.split("/")[0],
                "rater": label.rater,
                "unit_kind": "project" if label.unit == _project(label.unit) else "dockerfile",
                "unit": label.unit,
                "code_system": label.question,
                "code": code,
                "codebook_version": version[label.question],
                "evidence_text": label.evidence,
                "labelled_at": now,
                "source": SOURCE,
                "source_file": file_name,
                "source_row": label.line,
            }
            for label in read.labels
            for code in label.codes
        ]
        write_visit(connection, "raw.labels", rows, observed_at=now)
        due.record_outcomes(
            connection,
            [
                {
                    "project": None,
                    "corpus": corpus,
                    "stage": STAGE,
                    "subject": "",
                    "status": "collected",
                    "reason": None,
                    "retryable": False,
                    "observed_at": now,
                }
                for corpus in sorted({str(row["corpus"]) for row in rows})
            ],
        )
    return len(rows)


COLUMNS = (
    "question",
    "raters",
    "code",
    "n",
    "used",
    "observed",
    "kappa",
    "kappa_low",
    "kappa_high",
    "alpha",
    "alpha_low",
    "alpha_high",
)
"""Columns of an agreement table. ``n``: units with at least two ratings; ``used``: ratings with the code."""


def agreement_rows(
    settings: Settings, *, corpus: str, question: Question, unit_kind: str, draws: int, seed: int
) -> list[tuple[Any, ...]]:
    """Agreement of all people, of each pair of people, and of each source with the machine; overall and per code.

    "cannot tell" is not a rating. Columns as in ``COLUMNS``; an undefined figure is None.
    """
    labels = query(
        settings,
        "SELECT unit, rater, rater_kind, code FROM core.labels "
        "WHERE corpus = $1 AND code_system = $2 AND unit_kind = $3 AND code <> $4 ORDER BY unit, rater, code",
        [corpus, question, unit_kind, CANNOT_TELL],
    ).rows
    given: dict[str, dict[str, set[str]]] = {}
    people: list[str] = []
    for unit, rater, kind, code in labels:
        codes = given.setdefault(unit, {}).setdefault(rater, set())
        if code != NONE_APPLIES:
            codes.add(code)
        if kind == "person" and rater not in people:
            people.append(rater)
    groups: list[tuple[str, Sequence[str]]] = []
    if len(people) > 2:
        groups.append(("all people", sorted(people)))
    groups += [(f"{a} and {b}", (a, b)) for a, b in combinations(sorted(people), 2)]
    groups += [(f"{rater} and {RATER}", (rater, RATER)) for rater in (*sorted(people), ADJUDICATION)]
    rows: list[tuple[Any, ...]] = []
    for name, raters in groups:
        units = [
            {rater: found[rater] for rater in raters if rater in found}
            for _, found in sorted(given.items())
            if sum(rater in found for rater in raters) > 1
        ]
        if units:
            rows += _agreement_rows(question, name, units, draws, seed)
    return rows


def _agreement_rows(
    question: Question, name: str, units: Sequence[dict[str, set[str]]], draws: int, seed: int
) -> list[tuple[Any, ...]]:
    found: Agreement
    if question == "category":
        single = [{rater: next(iter(codes)) for rater, codes in unit.items() if codes} for unit in units]
        found = agreement(single, draws=draws, seed=seed)
    else:
        found = set_agreement(units, draws=draws, seed=seed)
    used = sum(code.used for code in found.codes)
    rows = [
        (question, name, "all", found.n, used, found.observed, *_figures(found.kappa), *_figures(found.alpha))
    ]
    rows += [
        (
            question,
            name,
            code.code,
            code.alpha.n,
            code.used,
            None,
            *_figures(code.kappa),
            *_figures(code.alpha),
        )
        for code in found.codes
    ]
    return rows


def _figures(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)
