"""Running the checks in BuildKit's order: the file, its stages, each instruction.

Here: one function for each group of checks. Not here: their names and meanings (``model``). BuildKit has the base image at
hand. Where a check depends on it (the variables it sets, its SHELL, its platform), nothing is reported unless the caller
supplies the answer.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.dockerfile.checks.model import (
    CHECKS,
    CheckFinding,
    CheckOptions,
    options_of_comments,
)
from dockml_dagster.study.dockerfile.checks.variables import FromArguments, undefined_variables
from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading, Instruction, Stage
from dockml_dagster.study.dockerfile.reading.instructions import is_legacy_pair
from dockml_dagster.study.image.platform import Platform, PlatformError

Environment = Callable[[BaseReference], frozenset[str] | None]
"""The names that an image sets in its environment; ``None`` where they are not known."""

_EMPTY = frozenset({"PATH"})


def _known_environment(base: BaseReference) -> frozenset[str] | None:
    """Without the image at hand only ``scratch`` is known: it sets nothing."""
    return _EMPTY if base.scratch else None


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What the checks may know beside the Dockerfile. ``platforms``: those of base images, by the reference as written.
    ``platform``: that of the build.
    """

    ignored: IgnoredPaths | None = None
    environment: Environment = _known_environment
    platforms: Mapping[str, str] = field(default_factory=dict)
    platform: str = "linux/amd64"


NOTHING_KNOWN = BuildContext()


def check_options(reading: DockerfileReading) -> CheckOptions:
    """The options of the file's own ``# check=`` directive. Raises ``ValueError`` where BuildKit refuses them."""
    value = next((item.value for item in reading.directives if item.name == "check"), "")
    return CheckOptions.parse(value)


def run_checks(
    reading: DockerfileReading,
    context: BuildContext = NOTHING_KNOWN,
    *,
    options: CheckOptions | None = None,
    obey_comments: bool = True,
) -> tuple[CheckFinding, ...]:
    """What ``docker build --check`` reports, ordered by line. ``options`` replaces the file's own directive.
    ``obey_comments``: whether ``# check=`` before an instruction applies.
    """
    if options is None:
        try:
            options = check_options(reading)
        except ValueError:
            options = CheckOptions()
    run = _Run(reading, context, options, obey_comments=obey_comments)
    run.file()
    for stage in reading.stages:
        run.stage(stage)
    return tuple(sorted(run.found, key=lambda item: (item.line, item.check, item.message)))


class _Run:
    """One pass over one file. ``local`` holds the options in force at the current instruction."""

    def __init__(
        self, reading: DockerfileReading, context: BuildContext, options: CheckOptions, *, obey_comments: bool
    ) -> None:
        self.obey_comments = obey_comments
        self.reading = reading
        self.context = context
        self.options = options
        self.arguments = FromArguments(reading)
        self.found: list[CheckFinding] = []
        self.comment_lines = [comment.line for comment in reading.comments]
        # From the first line of an instruction to the last line of the one before it.
        self.ends: dict[int, int] = {}
        last = 0
        for item in reading.instructions:
            self.ends[item.start_line] = last
            last = item.end_line
        self.has_workdir: list[bool] = []
        self.has_shell: list[bool] = []
        self.environments: list[frozenset[str] | None] = []

    def report(
        self, name: str, line: int, message: str, subject: str = "", *, local: CheckOptions | None = None
    ) -> None:
        """Keep a finding, unless the options in force switch its check off."""
        options = self.options if local is None or not self.obey_comments else self.options.merged(local)
        if options.reports(CHECKS[name]):
            self.found.append(CheckFinding(name, line, message, subject))

    def comments_before(self, instruction: Instruction) -> list[str]:
        """The comments between the previous instruction and this one, after the last empty comment."""
        after = bisect_right(self.comment_lines, self.ends.get(instruction.start_line, 0))
        comments: list[str] = []
        for at in range(after, bisect_left(self.comment_lines, instruction.start_line)):
            text = self.reading.comments[at].text
            if text:
                comments.append(text)
            else:
                comments.clear()
        return comments

    def file(self) -> None:
        """Checks of the file as a whole."""
        reading = self.reading
        for problem in reading.problems:
            if problem.kind == "warning" and "empty continuation" in problem.message:
                self.report("NoEmptyContinuation", problem.line, "Empty continuation line")
        names: set[str] = set()
        for stage in reading.stages:
            if not stage.name:
                continue
            if stage.name in ("context", "scratch"):
                self.report("ReservedStageName", stage.start_line, f"reserved name {stage.name}", stage.name)
            if stage.name in names:
                self.report(
                    "DuplicateStageName", stage.start_line, f"second stage named {stage.name}", stage.name
                )
            names.add(stage.name)
        self._casing()
        for item in reading.instructions:
            if item.stage is None and item.keyword == "ARG":
                self._description("ARG", [each.name for each in item.assignments], item)
        for stage in reading.stages:
            check_time()
            if self.arguments.names_no_image(stage):
                self.report(
                    "InvalidDefaultArgInFrom",
                    stage.start_line,
                    f"with its defaults {stage.base.raw[:80]} names no image",
                    stage.base.raw[:80],
                )

    def _casing(self) -> None:
        counted = [item for item in self.reading.instructions if item.stage is not None and item.known]
        written = [(item, _written(item)) for item in counted]
        lower = sum(word == word.lower() for _, word in written)
        upper = sum(word == word.upper() and word != word.lower() for _, word in written)
        right, name = (str.lower, "lower") if lower > upper else (str.upper, "upper")
        for item, word in written:
            if right(word) != word:
                self.report(
                    "ConsistentInstructionCasing", item.start_line, f"{word} is not in {name} case", word
                )

    def stage(self, stage: Stage) -> None:
        """Checks of one stage and its instructions."""
        base = stage.base
        inherited = base.stage if base.stage is not None and base.stage < len(self.has_shell) else None
        self.has_workdir.append(self.has_workdir[inherited] if inherited is not None else False)
        self.has_shell.append(self.has_shell[inherited] if inherited is not None else False)
        self.environments.append(
            self.environments[inherited] if inherited is not None else self.context.environment(base)
        )
        instructions = self.reading.of_stage(stage.index)
        self._from(stage, instructions[0])
        last: dict[str, Instruction] = {}
        for item in instructions[1:]:
            check_time()
            if not item.known or item.problem:
                continue
            local = options_of_comments(self.comments_before(item))
            if item.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                if item.keyword in last:
                    self.report(
                        "MultipleInstructionsDisallowed",
                        last[item.keyword].start_line,
                        f"another {item.keyword} of the stage replaces it",
                        item.keyword,
                        local=local,
                    )
                last[item.keyword] = item
            for name, message, subject in self._of(item, stage):
                self.report(name, item.start_line, message, subject, local=local)

    def _from(self, stage: Stage, item: Instruction) -> None:
        line = stage.start_line
        local = options_of_comments(self.comments_before(item))
        words = item.value.split()
        written = _written(item)
        if len(words) == 3 and item.problem is None:
            if words[2] != words[2].lower():
                self.report(
                    "StageNameCasing",
                    line,
                    f"{words[2][:80]} is not in lower case",
                    words[2][:80],
                    local=local,
                )
            mixed = written not in (written.lower(), written.upper())
            right = words[1].lower() if written == written.lower() else words[1].upper()
            if not mixed and words[1] != right:
                self.report(
                    "FromAsCasing", line, f"{words[1]} does not match {written}", words[1], local=local
                )
            if stage.name:
                self._description("FROM", [stage.name], item)
        for name in self.arguments.undefined(stage):
            self.report("UndefinedArgInFrom", line, f"no ARG before FROM declares {name}", name, local=local)
        if stage.platform is not None:
            if redundant_platform(stage):
                self.report(
                    "RedundantTargetPlatform", line, "the target platform goes without saying", local=local
                )
            if constant_platform(stage):
                shown = stage.platform.raw[:80]
                self.report(
                    "FromPlatformFlagConstDisallowed", line, f"constant platform {shown}", shown, local=local
                )
        actual = self.context.platforms.get(stage.base.raw)
        if actual is not None and not _same_platform(actual, stage, self.context.platform):
            self.report(
                "InvalidBaseImagePlatform", line, f"the base image is for {actual}", actual, local=local
            )

    def _description(self, keyword: str, names: list[str], item: Instruction) -> None:
        comments = self.comments_before(item)
        if comments and comments[-1].partition(" ")[0] not in names:
            self.report(
                "InvalidDefinitionDescription",
                item.start_line,
                f"the comment before {keyword} does not begin with {names[0] if len(names) == 1 else 'a name of it'}",
                names[0],
                local=options_of_comments(comments),
            )

    def _of(self, item: Instruction, stage: Stage) -> Iterator[tuple[str, str, str]]:
        """(check, message, subject) of each finding in one instruction of a stage."""
        keyword = item.keyword
        if keyword == "MAINTAINER":
            yield keyword_check("MaintainerDeprecated", "use the label org.opencontainers.image.authors")
        elif keyword in ("ENV", "ARG"):
            if keyword == "ARG":
                self._description("ARG", [each.name for each in item.assignments], item)
            for assignment in item.assignments:
                if names_a_secret(assignment.name):
                    yield "SecretsUsedInArgOrEnv", f"{keyword} {assignment.name[:80]}", assignment.name[:80]
        elif keyword == "WORKDIR":
            yield from self._workdir(item, stage)
        elif keyword == "SHELL":
            self.has_shell[stage.index] = True
        elif keyword in ("CMD", "ENTRYPOINT"):
            if item.form == "shell" and not self.has_shell[stage.index]:
                yield "JSONArgsRecommended", f"{keyword} in shell form", keyword
        elif keyword == "EXPOSE":
            for word in item.expanded:
                yield from _exposed(word.text or word.raw)
        elif keyword in ("COPY", "ADD"):
            yield from self._ignored(item)
        if keyword in ("ENV", "LABEL") and is_legacy_pair(keyword, item.value, self.reading.escape):
            yield "LegacyKeyValueFormat", f"{keyword} name value", keyword
        environment = self.environments[stage.index]
        for name in undefined_variables(item, environment):
            yield "UndefinedVar", f"nothing sets ${name}", name

    def _workdir(self, item: Instruction, stage: Stage) -> Iterator[tuple[str, str, str]]:
        word = item.expanded[0] if item.expanded else None
        if (
            not self.has_workdir[stage.index]
            and word is not None
            and not _may_be_absolute(word.text or word.raw)
        ):
            yield (
                "WorkdirRelativePath",
                f"relative {word.raw[:80]} before any absolute WORKDIR",
                word.raw[:80],
            )
        self.has_workdir[stage.index] = True

    def _ignored(self, item: Instruction) -> Iterator[tuple[str, str, str]]:
        ignored = self.context.ignored
        if ignored is None or ignored.exceptions or item.flag("from") is not None:
            return
        heredocs = {f"<<{heredoc.name}" for heredoc in item.heredocs} | {
            f"<<-{heredoc.name}" for heredoc in item.heredocs
        }
        for word in item.expanded[:-1]:
            source = word.text
            if (
                source is None
                or _ELSEWHERE.match(source)
                or source.replace("'", "").replace('"', "") in heredocs
            ):
                continue
            cleaned = posixpath.normpath(source)
            if cleaned in (".", "/", "//"):
                if ignored.excludes_everything():
                    yield (
                        "CopyIgnoredFile",
                        f"{item.keyword} of the whole context, all of which is excluded",
                        ".",
                    )
            elif ignored.excludes(cleaned):
                yield (
                    "CopyIgnoredFile",
                    f"{item.keyword} of {cleaned[:80]}, which .dockerignore excludes",
                    cleaned[:80],
                )


_ELSEWHERE = re.compile(r"[A-Za-z][\w+.-]*://|[\w.-]+@[\w.-]+:")
"""A URL, or a repository's address as ``git@host:path``."""


def keyword_check(name: str, message: str) -> tuple[str, str, str]:
    """A finding that is about the instruction itself."""
    return name, message, ""


def _written(item: Instruction) -> str:
    """The keyword as it stands in the file."""
    words = item.original.split(None, 1)
    return words[0] if words else item.keyword


_SECRET = re.compile(
    r"(?i)(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)"
)
_ALLOWED = re.compile(r"(?i)(?:_|^)(?:public|file|version)(?:_|$)")


def names_a_secret(name: str) -> bool:
    """Whether BuildKit takes a variable of this name for a secret."""
    return _SECRET.search(name) is not None and _ALLOWED.search(name) is None


def redundant_platform(stage: Stage) -> bool:
    """Whether ``--platform`` says no more than ``$TARGETPLATFORM``."""
    if stage.platform is None or stage.platform.used != ("TARGETPLATFORM",):
        return False
    return (
        re.fullmatch(r"\$TARGETPLATFORM|\$\{TARGETPLATFORM(?::?-[^}]*)?\}", stage.platform.raw.strip("\"'"))
        is not None
    )


def constant_platform(stage: Stage) -> bool:
    """Whether a FROM sets a constant platform, unless the stage's name says that platform."""
    if stage.platform is None or stage.platform.used or not stage.platform.text:
        return False
    try:
        platform = Platform.parse(stage.platform.text)
    except PlatformError:
        return False
    name = stage.name or ""
    return not any(part in name for part in (platform.os, platform.architecture) if part)


def _same_platform(actual: str, stage: Stage, of_build: str) -> bool:
    wanted = stage.platform.text if stage.platform is not None and stage.platform.text else of_build
    try:
        here, there = Platform.parse(actual), Platform.parse(wanted)
    except PlatformError:
        return True
    return (here.os, here.architecture) == (there.os, there.architecture)


def _may_be_absolute(path: str) -> bool:
    path = path.strip("\"'")
    return path.startswith(("/", "$")) or re.match(r"[A-Za-z]:[\\/]|\\", path) is not None


def _exposed(port: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with ``[address:][host:]port[/protocol]``."""
    *before, container = port.split(":")
    protocol = container.partition("/")[2]
    if protocol.lower() in ("tcp", "udp", "sctp") and protocol != protocol.lower():
        yield "ExposeProtoCasing", f"protocol of {port[:80]} is not in lower case", port[:80]
    if any(before):
        yield "ExposeInvalidFormat", f"{port[:80]} names more than a port", port[:80]
