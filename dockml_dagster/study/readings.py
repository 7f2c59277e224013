"""A read Dockerfile as plain rows, for the tables about Dockerfiles.

Here: flattening readings into rows, by column name. Not here: reading, judging, any database.
Rows are keyed by the text's SHA-256, so that a text that many projects copied is read once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.dockerfile.as_published.difference import compare
from dockml_dagster.study.dockerfile.as_published.reading import PublishedReading, read_as_published
from dockml_dagster.study.dockerfile.base_images import (
    ATTRIBUTES,
    classify_base_image,
    parse_base_image_rules,
)
from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.steps import Step, read_steps
from dockml_dagster.study.dockerfile.run.tasks import classify_step, parse_task_rules
from dockml_dagster.study.dockerfile.shell.model import Run
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.dockerfile.stages import StageGraph, stage_graph

Row = dict[str, Any]


class Reader:
    """Reads texts of Dockerfiles by the rules of the seeds (name → CSV text)."""

    def __init__(self, seeds: Mapping[str, str]) -> None:
        self._base_images = parse_base_image_rules(seeds["base_image_rules"])
        self._tasks = parse_task_rules(seeds["run_task_commands"], seeds["run_tasks"])
        self._advice = parse_recommendation_rules(seeds["recommendations"])

    def rows(self, data: bytes) -> Iterator[tuple[str, Row]]:
        """(table, row) for everything that is read from one text."""
        key = {"sha256": hashlib.sha256(data).hexdigest()}
        reading = read_dockerfile(data)
        published = read_as_published(data)
        for table, row in (*self._corrected(reading), *_as_published(reading, published)):
            yield f"raw.dockerfile_{table}", {**key, **row}

    def _corrected(self, reading: DockerfileReading) -> Iterator[tuple[str, Row]]:
        runs = read_runs(reading)
        graph = stage_graph(reading)
        common = {"reading": "corrected"}
        yield "readings", {**common, **_summary(reading, runs)}
        for position, instruction in enumerate(reading.instructions):
            yield "instructions", {**common, "position": position, **_instruction(instruction)}
        for row in self._stages(reading, graph):
            yield "stages", row
        for edge in graph.edges:
            yield (
                "stage_edges",
                {
                    "build_stage": edge.stage,
                    "kind": edge.kind,
                    "line": edge.line,
                    "onbuild": edge.onbuild,
                    "source_stage": edge.source.stage,
                    "source_kind": base_kind(edge.source),
                    "source_text": edge.source.raw,
                    "source_name": edge.source.name,
                },
            )
        steps = read_steps(reading, runs)
        yield from self._commands(steps)
        practices = judge_practices(reading, base_rules=self._base_images, steps=steps)
        for finding in practices:
            yield (
                "practices",
                {
                    "practice": finding.practice,
                    "verdict": finding.verdict,
                    "evidence": [item.what for item in finding.evidence],
                    "evidence_lines": [item.line for item in finding.evidence],
                    "note": finding.note or None,
                },
            )

        for advised in advise_dockerfile(
            "",
            reading,
            practices,
            steps,
            self._advice,
            base_rules=self._base_images,
            task_rules=self._tasks,
        ):
            yield (
                "advice",
                {
                    "recommendation": advised.rule.recommendation,
                    "evidence": [item.what for item in advised.evidence],
                    "evidence_lines": [item.line for item in advised.evidence],
                    "note": advised.note or None,
                },
            )

    def _stages(self, reading: DockerfileReading, graph: StageGraph) -> Iterator[Row]:
        for stage in reading.stages:
            found = classify_base_image(stage.base, self._base_images)
            attributes = {name: getattr(found, name) for name in ATTRIBUTES if name != "type"}
            yield {
                "build_stage": stage.index,
                "name": stage.name,
                "line": stage.start_line,
                "platform": stage.platform.text if stage.platform else None,
                "base_text": stage.base.raw,
                "base_kind": base_kind(stage.base),
                "registry": stage.base.registry,
                "repository": stage.base.repository,
                "base_name": stage.base.name,
                "tag": stage.base.tag,
                "digest": stage.base.digest,
                "parent_stage": stage.base.stage,
                "unresolved": [missing.name for missing in stage.base.missing],
                "shipped": stage.index == graph.shipped,
                "reaches_shipped": graph.needed(stage.index),
                "pinning": found.pinning,
                "base_image_type": found.type,
                **attributes,
                "evidence": [f"{e.attribute}={e.value} ({e.rule}: {e.matched})" for e in found.evidence],
            }

    def _commands(self, steps: tuple[Step, ...]) -> Iterator[tuple[str, Row]]:
        for instruction, of_run in groupby(steps, key=lambda step: step.run.position):
            for position, step in enumerate(of_run):
                task = classify_step(step, self._tasks)
                where = {"instruction_position": instruction, "command_position": position}
                yield (
                    "run_commands",
                    {
                        **where,
                        "build_stage": step.run.stage,
                        "line": step.command.line,
                        "name": step.command.name or None,
                        "program": step.program.name or None,
                        "arguments": list(step.command.arguments),
                        "task": task.task_class,
                        "task_as_published": task.published_class,
                        "task_detail": task.task,
                        "rule": task.rule,
                        "nested": step.command.nested,
                        "parse_error": step.command.parse_error,
                    },
                )
                if step.installs is not None:
                    yield from _packages(step.installs, {**where, "line": step.command.line})


def _packages(installed: Installation, where: Row) -> Iterator[tuple[str, Row]]:
    for package in installed.packages:
        yield (
            "packages",
            {
                **where,
                "kind": "package",
                "manager": package.manager,
                "name": package.name,
                "version_constraint": package.constraint,
                "pinned": package.pinned,
                "source": package.source,
                "written": package.written,
            },
        )
    for name in installed.requirement_files:
        yield (
            "packages",
            {
                **where,
                "manager": installed.manager,
                "name": name,
                "written": name,
                "source": "local",
                "kind": "requirement file",
            },
        )


def _as_published(reading: DockerfileReading, published: PublishedReading) -> Iterator[tuple[str, Row]]:
    yield (
        "readings",
        {
            "reading": "as_published",
            # The study accepted every file that its parser did not refuse.
            "valid": published.readable,
            "reason": published.reason,
            "instructions": len(published.instructions),
            "stages": published.from_count,
            "differences": list(compare(reading, published).kinds),
        },
    )
    for position, instruction in enumerate(published.instructions):
        yield (
            "instructions",
            {
                "reading": "as_published",
                "position": position,
                "keyword": instruction.keyword,
                "start_line": instruction.start_line,
                "end_line": instruction.end_line,
            },
        )
    for task, words in published.class_words:
        if words:
            yield "word_counts", {"task": task, "words": words}


def _summary(reading: DockerfileReading, runs: tuple[Run, ...]) -> Row:
    return {
        "valid": reading.valid,
        "coverage": reading.coverage,
        "reason": reading.reason,
        "template": reading.template,
        "encoding": reading.text.encoding,
        "lines": reading.text.lines,
        "instructions": len(reading.instructions),
        "stages": len(reading.stages),
        "run_parse_errors": sum(run.script.parse_error for run in runs),
    }


def _instruction(instruction: Instruction) -> Row:
    return {
        "keyword": instruction.keyword,
        "start_line": instruction.start_line,
        "end_line": instruction.end_line,
        "build_stage": instruction.stage,
        "form": instruction.form,
        "flags": [f.name if f.value is None else f"{f.name}={f.value}" for f in instruction.flags],
        # Values of ENV and ARG may be secrets. The names that they set are another column.
        "arguments": None if instruction.keyword in ("ENV", "ARG") else list(instruction.arguments),
        "names": [assignment.name for assignment in instruction.assignments] or None,
        "heredocs": len(instruction.heredocs),
        "known_keyword": instruction.known,
    }


def base_kind(base: BaseReference) -> str:
    """The kind of a base: ``stage``, ``scratch``, ``image``, ``unresolved`` (a variable is missing) or ``invalid``."""
    if base.stage is not None:
        return "stage"
    if base.scratch:
        return "scratch"
    if base.missing:
        return "unresolved"
    return "image" if base.repository is not None else "invalid"
