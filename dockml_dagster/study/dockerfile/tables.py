"""A read Dockerfile as rows: what the tables about Dockerfiles hold.

Belongs here: flattening readings into plain rows, by column name. Does not: reading, judging, or any database.
Rows are keyed by the text's SHA-256 and by ``reading``, so that a text which many projects copied is read once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading
from dockml_dagster.study.dockerfile.reading import read_dockerfile

READER_VERSION = "1"
"""Changes when the same bytes would give other rows; makes every text due for reading again."""

Row = dict[str, Any]


def rows_of(data: bytes) -> Iterator[tuple[str, Row]]:
    """(table, row) of both readings of one text. Tables are named as in the warehouse."""
    sha256 = hashlib.sha256(data).hexdigest()
    reading = read_dockerfile(data)
    yield (
        "raw.dockerfile_readings",
        {
            "sha256": sha256,
            "reading": "corrected",
            "reader_version": READER_VERSION,
            "valid": reading.valid,
            "coverage": reading.coverage,
            "reason": reading.reason,
            "instructions": len(reading.instructions),
            "stages": len(reading.stages),
        },
    )
    common = {"sha256": sha256, "reading": "corrected"}
    for table, row in _instructions(reading):
        yield table, {**common, **row}


def _instructions(reading: DockerfileReading) -> Iterator[tuple[str, Row]]:
    for position, instruction in enumerate(reading.instructions):
        yield (
            "raw.dockerfile_instructions",
            {
                "position": position,
                "keyword": instruction.keyword,
                "start_line": instruction.start_line,
                "end_line": instruction.end_line,
                "stage": instruction.stage,
                "form": instruction.form,
                "flags": [f.name if f.value is None else f"{f.name}={f.value}" for f in instruction.flags],
                "arguments": list(instruction.arguments),
                "known_keyword": instruction.known,
            },
        )
    for stage in reading.stages:
        yield (
            "raw.dockerfile_stages",
            {
                "stage": stage.index,
                "name": stage.name,
                "line": stage.start_line,
                "platform": stage.platform.text if stage.platform else None,
                "base_text": stage.base.raw,
                "base_kind": base_kind(stage.base),
                "registry": stage.base.registry,
                "repository": stage.base.repository,
                "tag": stage.base.tag,
                "digest": stage.base.digest,
                "parent_stage": stage.base.stage,
                "unresolved": [missing.name for missing in stage.base.missing],
                "shipped": stage.index == len(reading.stages) - 1,
            },
        )


def base_kind(base: BaseReference) -> str:
    """``stage``, ``scratch``, ``image``, ``unresolved`` (a variable is missing) or ``invalid``."""
    if base.stage is not None:
        return "stage"
    if base.scratch:
        return "scratch"
    if base.repository is not None:
        return "image"
    return "unresolved" if base.missing else "invalid"


