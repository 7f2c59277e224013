"""The JSON form of a read Dockerfile, as ``dockml read-dockerfile --format json`` prints it.

Here: the stable field names; nothing is computed. Fields may be added, never renamed.
Not here: printing.
"""

from collections.abc import Sequence
from typing import Any

from dockml_dagster.study.dockerfile.base_images import BaseImageRules, classify_base_image
from dockml_dagster.study.dockerfile.checks import run_checks
from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.practices import PracticeFinding
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.steps import Step, read_steps
from dockml_dagster.study.dockerfile.run.tasks import TaskRules, classify_step
from dockml_dagster.study.dockerfile.stages import stage_graph

Json = dict[str, Any]


def to_document(
    path: str,
    reading: DockerfileReading,
    *,
    steps: Sequence[Step] | None = None,
    task_rules: TaskRules | None = None,
    base_rules: BaseImageRules | None = None,
    practices: Sequence[PracticeFinding] = (),
) -> Json:
    """The document of one file: plain dicts, lists, strings, numbers, ``None``.

    Without ``task_rules``, ``tasks`` of a command is empty; without ``base_rules``, ``class`` of a base is
    absent.
    """
    steps = read_steps(reading) if steps is None else steps
    graph = stage_graph(reading)
    return {
        "path": path,
        "valid": reading.valid,
        "coverage": round(reading.coverage, 4),
        "reason": reading.reason,
        "template": reading.template,
        "escape": reading.escape,
        "text": {name: getattr(reading.text, name) for name in reading.text.__slots__},
        "directives": [
            {"name": item.name, "value": item.value, "line": item.line} for item in reading.directives
        ],
        "comments": [
            {"line": item.line, "text": item.text, "inside": item.inside} for item in reading.comments
        ],
        "problems": [
            {"line": line, "kind": kind, "message": message}
            for line, kind, message in sorted(
                [
                    *((item.line, item.kind, item.message) for item in reading.problems),
                    # Impossible references: BuildKit refuses them when it resolves the stages.
                    *((line, "evaluation", message) for line, message in graph.problems),
                ],
                key=lambda item: item[0],
            )
        ],
        "instructions": [_instruction(item) for item in reading.instructions],
        "stages": [
            {
                "index": stage.index,
                "name": stage.name,
                "platform": stage.platform.text if stage.platform else None,
                "start_line": stage.start_line,
                "end_line": stage.end_line,
                "reaches_shipped": graph.needed(stage.index),
                "base": _base(stage.base, base_rules),
            }
            for stage in reading.stages
        ],
        "edges": [
            {
                "stage": edge.stage,
                "kind": edge.kind,
                "line": edge.line,
                "source_stage": edge.source.stage,
                "source": edge.source.expanded or edge.source.raw,
            }
            for edge in graph.edges
        ],
        "checks": [
            {"check": found.check, "line": found.line, "message": found.message}
            for found in run_checks(reading)
        ],
        "run_commands": _run_commands(steps, task_rules),
        "practices": [
            {
                "practice": finding.practice,
                "verdict": finding.verdict,
                "note": finding.note,
                "evidence": [{"line": line.line, "what": line.what} for line in finding.evidence],
            }
            for finding in practices
        ],
    }


def _instruction(item: Instruction) -> Json:
    document: Json = {
        "keyword": item.keyword,
        "start_line": item.start_line,
        "end_line": item.end_line,
        "stage": item.stage,
        "flags": [{"name": flag.name, "value": flag.value} for flag in item.flags],
        "arguments": list(item.arguments),
        "value": item.value,
        "form": item.form,
        "expanded": [word.text for word in item.expanded],
        "unresolved": sorted({missing.name for word in item.expanded for missing in word.missing}),
        "heredocs": [
            {
                "name": heredoc.name,
                "content": heredoc.content,
                "expand": heredoc.expand,
                "start_line": heredoc.start_line,
                "end_line": heredoc.end_line,
            }
            for heredoc in item.heredocs
        ],
        "original": item.original,
        "problem": item.problem,
    }
    if item.child is not None:
        document["child"] = _instruction(item.child)
    return document


def _base(base: BaseReference, rules: BaseImageRules | None) -> Json:
    document: Json = {
        "raw": base.raw,
        "expanded": base.expanded,
        "registry": base.registry,
        "repository": base.repository,
        "name": base.name,
        "tag": base.tag,
        "digest": base.digest,
        "stage": base.stage,
        "scratch": base.scratch,
        "unresolved": [missing.name for missing in base.missing],
        "unresolved_because": {missing.name: missing.cause for missing in base.missing},
        "problem": base.problem,
    }
    if rules is not None:
        found = classify_base_image(base, rules)
        document["class"] = {
            "type": found.type,
            "pinning": found.pinning,
            **{
                evidence.attribute: evidence.value
                for evidence in found.evidence
                if evidence.attribute != "type"
            },
            "evidence": [
                {"attribute": evidence.attribute, "rule": evidence.rule, "matched": evidence.matched}
                for evidence in found.evidence
            ],
        }
    return document


def _run_commands(steps: Sequence[Step], rules: TaskRules | None) -> list[Json]:
    documents: list[Json] = []
    for step in steps:
        run, command, program = step.run, step.command, step.program
        task = classify_step(step, rules) if rules else None
        document: Json = {
            "line": command.line,
            "stage": run.stage,
            "name": command.name,
            "arguments": list(command.arguments),
            "tasks": [task.task] if task else [],
            "class": task.task_class if task else None,
            "class_as_published": task.published_class if task else None,
            "rule": task.rule if task else None,
            "program": program.name,
            "joined": command.joined,
            "inside": list(command.inside),
            "interpreter": run.script.interpreter,
            "onbuild": run.onbuild,
            "parse_error": command.parse_error,
        }
        if step.installs is not None:
            document["installs"] = _installs(step.installs)
        documents.append(document)
    return documents


def _installs(installs: Installation) -> Json:
    return {
        "manager": installs.manager,
        "packages": [
            {
                "name": package.name,
                "constraint": package.constraint,
                "pinned": package.pinned,
                "source": package.source,
            }
            for package in installs.packages
        ],
        "requirement_files": list(installs.requirement_files),
        "constraint_files": list(installs.constraint_files),
        "locked": installs.locked,
    }
