"""The reading ``corrected``: what BuildKit reads in a Dockerfile, and as much as possible of one that BuildKit refuses.

Here: the entry point ``read_dockerfile``, and the verdict on the file as a whole (valid, coverage, reason,
template). Not here: the steps (``source_text``, ``logical_lines``, ``instructions``, ``evaluation``).
"""

import re
from collections.abc import Mapping
from threading import Lock
from typing import Final

from cachetools import LRUCache, cached

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction, Problem, TextFacts
from dockml_dagster.study.dockerfile.reading.evaluation import Evaluator
from dockml_dagster.study.dockerfile.reading.instructions import parse_instruction
from dockml_dagster.study.dockerfile.reading.logical_lines import LogicalLine, frame
from dockml_dagster.study.dockerfile.reading.source_text import (
    MAX_LINE_BYTES,
    decode,
    first_too_long,
    split_lines,
)


def read_dockerfile(data: bytes, *, build_arguments: Mapping[str, str] | None = None) -> DockerfileReading:
    """Read one file. Never raises, whatever the bytes; time and memory are linear in their number.

    ``build_arguments`` are values that a build would pass (``--build-arg``, also for the automatic platform
    arguments). Without them the file is read as it is.
    """
    return _read(data, build_arguments) if build_arguments else _remembered(data)


MOST_REMEMBERED: Final = 512 << 10
"""Most bytes of the texts whose readings are cached. A reading takes up to 320 times its text: 160 MB in all."""


@cached(
    LRUCache[object, DockerfileReading](MOST_REMEMBERED, getsizeof=lambda reading: 1 + reading.text.size),
    lock=Lock(),
)
def _remembered(data: bytes) -> DockerfileReading:
    """Cached, because one run needs a reading several times (rows, labels, links). Readings are frozen."""
    return _read(data, {})


def _read(data: bytes, build_arguments: Mapping[str, str]) -> DockerfileReading:
    text, facts = decode(data)
    lines = split_lines(text)
    framed = frame(lines)
    problems = [*_text_problems(data, facts), *framed.problems]
    evaluator = Evaluator(framed.escape, len(data), build_arguments)
    for line in framed.lines:
        check_time()
        parsed = parse_instruction(line.text, framed.escape, line.heredocs)
        evaluator.take(line, parsed, "\n".join(lines[line.start - 1 : line.end]))
        if parsed.fatal:
            problems.append(Problem(line.start, "syntax", parsed.fatal))
        elif parsed.problem:
            problems.append(Problem(line.start, "instruction", parsed.problem))
        elif not evaluator.stages and parsed.keyword != "ARG":
            problems.append(Problem(line.start, "instruction", "no build stage in current context"))
        if parsed.censored:
            problems.append(Problem(line.start, "censored", "too long to split into words"))
    stages = evaluator.finish()
    problems.extend(evaluator.problems)
    problems.sort(key=lambda problem: problem.line)
    instructions = tuple(evaluator.instructions)
    reason = _refusal(problems, instructions)
    return DockerfileReading(
        valid=reason is None,
        coverage=_coverage(framed.lines, instructions),
        reason=reason,
        text=facts,
        escape=framed.escape,
        directives=framed.directives,
        comments=framed.comments,
        instructions=instructions,
        stages=stages,
        problems=tuple(problems),
        template=_template(text, instructions),
        global_arguments=tuple(evaluator.global_arguments),
    )


def _text_problems(data: bytes, facts: TextFacts) -> list[Problem]:
    problems: list[Problem] = []
    if facts.encoding != "utf-8":
        problems.append(Problem(1, "syntax", f"{facts.encoding.upper()} text, which BuildKit does not read"))
    if facts.longest_line >= MAX_LINE_BYTES - 1:
        line = first_too_long(data)
        if line is not None:
            problems.append(
                Problem(
                    line, "syntax", f"dockerfile line greater than max allowed size of {MAX_LINE_BYTES - 1}"
                )
            )
    return problems


def _refusal(problems: list[Problem], instructions: tuple[Instruction, ...]) -> str | None:
    """Why BuildKit refuses the file; ``None`` if it does not."""
    for kind in ("syntax", "instruction"):
        for problem in problems:
            if problem.kind == kind:
                return f"line {problem.line}: {problem.message}"
    if not instructions:
        return "file with no instructions"
    if not any(instruction.keyword == "FROM" for instruction in instructions):
        return "no FROM instruction"
    return None


def _coverage(lines: tuple[LogicalLine, ...], instructions: tuple[Instruction, ...]) -> float:
    total = understood = 0
    for line, instruction in zip(lines, instructions, strict=True):
        # Blank lines and comments inside a continuation have no segment, so they do not count.
        size = len(line.segments) + line.end - line.head_end
        total += size
        if instruction.known and instruction.problem is None:
            understood += size
    return understood / total if total else 0.0


_TEMPLATE_MARKS = (
    ("jinja", "{%", re.compile(r"\{%-?\s*\w+[^%]{0,500}%\}")),
    ("erb", "<%", re.compile(r"<%[-=]?[^%]{0,500}%>")),
    ("autoconf", "@", re.compile(r"(?<![\w@.])@[A-Z][A-Z0-9_]*@(?![\w@])")),
    (
        "m4",
        "(",
        re.compile(r"^(?:dnl\b|changequote\(|m4_|define\(|ifelse\(|ifdef\(|include\()", re.MULTILINE),
    ),
    ("cpp", "#", re.compile(r"^#\s*(?:include\s*[<\"]|ifdef\s+\w|ifndef\s+\w|endif\b)", re.MULTILINE)),
)
_MUSTACHE = re.compile(r"\{\{[^{}\n]{1,200}\}\}")


def _template(text: str, instructions: tuple[Instruction, ...]) -> str | None:
    """The template language whose placeholders the file holds.

    ``{{ }}`` alone is ordinary text inside RUN (``docker inspect -f``), so it counts only outside RUN.
    """
    if not any(instruction.known and instruction.problem is None for instruction in instructions):
        return None
    for name, hint, pattern in _TEMPLATE_MARKS:
        if hint in text and pattern.search(text):
            return name
    if "{{" in text:
        for instruction in instructions:
            inside = instruction.value if instruction.known else instruction.original
            outside_shell = instruction.keyword not in (
                "RUN",
                "CMD",
                "ENTRYPOINT",
                "HEALTHCHECK",
                "COPY",
                "ADD",
            )
            if outside_shell and "{{" in inside and _MUSTACHE.search(inside):
                return "mustache"
    return None
