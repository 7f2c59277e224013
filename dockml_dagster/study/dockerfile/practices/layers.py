"""Practices about stages, context and layers: what ends up in the image that need not."""

import posixpath

from dockml_dagster.study.dockerfile.model import Instruction
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.packages import Installation
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.stages import final_value

_GUIDE = "docs.docker.com/build/building/best-practices"
_BUILDERS = frozenset(
    [
        "make",
        "cmake",
        "ninja",
        "gcc",
        "g++",
        "cc",
        "c++",
        "clang",
        "clang++",
        "nvcc",
        "bazel",
        "scons",
        "meson",
        "mvn",
        "gradle",
        "./gradlew",
        "sbt",
        "ant",
        "javac",
        "go",
        "cargo",
        "rustc",
        "tsc",
        "webpack",
        "./configure",
        "./b2",
        "autoreconf",
    ]
)
_WHOLE_CONTEXT = frozenset({".", "./", "*", "./*", "/"})


def whole_context(instruction: Instruction) -> bool:
    """Whether a COPY or ADD takes the whole build context."""
    if instruction.flag("from") is not None or len(instruction.arguments) < 2:
        return False
    return any(final_value(word) in _WHOLE_CONTEXT for word in instruction.expanded[:-1])


def _multi_stage(facts: Facts) -> Judged:
    copies = [
        Line(edge.line, f"--from={edge.source.raw}"[:200])
        for edge in facts.graph.edges
        if edge.kind != "from" and edge.stage in facts.chain and edge.source.stage is not None
    ]
    if copies:
        return "followed", copies, ""
    builds = [
        Line(step.command.line, step.program.name)
        for step in facts.steps
        if step.program.name in _BUILDERS
        and not (step.program.name == "go" and "build" not in step.program.arguments)
    ]
    if builds:
        return "violated", builds[:20], "compiles in the shipped stage"
    return "not applicable", [], "nothing is compiled in the shipped stage"


def _add_url(facts: Facts) -> Judged:
    adds = facts.every("ADD")
    if not adds:
        return "not applicable", [], "no ADD"
    remote = [
        (instruction, any(_is_url(final_value(word)) for word in instruction.expanded[:-1]))
        for instruction in adds
    ]
    unchecked = [
        Line(instruction.start_line, "ADD of a URL")
        for instruction, is_remote in remote
        if is_remote and instruction.flag("checksum") is None
    ]
    return ("violated" if unchecked else "followed"), unchecked, ""


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://", "ftp://"))


def _copy_order(facts: Facts) -> Judged:
    verdict: Judged = ("not applicable", [], "no copy of the whole context before or after an installation")
    followed: list[Line] = []
    installing: dict[int, list[Step]] = {}
    for step in facts.steps:
        if _from_index(step.installs):
            installing.setdefault(step.run.position, []).append(step)
    for index in facts.chain:
        copied: Instruction | None = None
        for position in range(facts.reading.stages[index].first, facts.reading.stages[index].last + 1):
            instruction = facts.reading.instructions[position]
            if instruction.keyword in ("COPY", "ADD") and whole_context(instruction):
                copied = copied or instruction
                continue
            for step in installing.get(position, ()):
                if copied is not None:
                    lines = [
                        Line(copied.start_line, f"{copied.keyword} of the whole context"),
                        Line(step.command.line, f"{step.program.name} installs after it"),
                    ]
                    return "violated", lines, ""
                followed.append(Line(step.command.line, f"{step.program.name} installs"))
        if copied is not None and followed:
            verdict = ("followed", [*followed[:5], Line(copied.start_line, "whole context copied")], "")
    return verdict


def _from_index(installs: Installation | None) -> bool:
    if installs is None or installs.ecosystem == "os":
        return False
    own = any(package.source == "local" for package in installs.packages)
    named = any(package.source in ("index", "url", "vcs") for package in installs.packages)
    return (
        bool(installs.requirement_files)
        or named
        or (not own and installs.manager in ("npm", "yarn", "poetry"))
    )


def _dockerignore(facts: Facts) -> Judged:
    taking = [item for item in facts.every("COPY", "ADD") if whole_context(item)]
    if not taking:
        return "not applicable", [], "the whole context is never copied"
    lines = [Line(item.start_line, f"{item.keyword} of the whole context") for item in taking]
    if facts.repository_paths is None:
        return "unknown", lines, "the files of the repository are not known"
    folder = posixpath.dirname(facts.path or "")
    # The context is not in the Dockerfile: any folder from the Dockerfile's own up to the root may be it.
    candidates = {f"{facts.path}.dockerignore"} if facts.path else set()
    while True:
        candidates.add(posixpath.join(folder, ".dockerignore"))
        if not folder:
            break
        folder = posixpath.dirname(folder)
    found = sorted(candidates.intersection(path.lstrip("/") for path in facts.repository_paths))
    if found:
        return "followed", lines, found[0]
    return "violated", lines, "no .dockerignore in the folder of the Dockerfile or above"


PRACTICES = (
    Practice(
        "multi-stage",
        "What is compiled is compiled in a stage of its own, and only the result is copied into the "
        "shipped one.",
        "Compilers, headers and sources otherwise stay in the image: size and attack surface.",
        "Followed: the shipped stages copy from another stage. Violated: they do not, and run a "
        "compiler or build tool. Else "
        "not applicable.",
        f"{_GUIDE} (use multi-stage builds)",
        _multi_stage,
    ),
    Practice(
        "no-add-url",
        "No ADD of a URL without a checksum.",
        "The file is not verified, cannot be unpacked and removed in one layer, and changes without "
        "the Dockerfile changing.",
        "ADD with an http, https or ftp source and no `--checksum`. Not applicable without ADD.",
        f"{_GUIDE} (ADD or COPY); hadolint DL3020",
        _add_url,
    ),
    Practice(
        "install-before-copy",
        "Dependencies are installed before the whole context is copied.",
        "Otherwise every change of a source file installs everything anew.",
        "In one stage, COPY or ADD of `.` before a command that installs language packages from an "
        "index or a requirement file "
        "(`pip install .` needs the context and is left out).",
        f"{_GUIDE} (leverage build cache)",
        _copy_order,
    ),
    Practice(
        "dockerignore",
        "A `.dockerignore` keeps needless files out of the context, where the whole context is copied.",
        "Git history, data sets and secrets of the work tree otherwise get into a layer.",
        "`.dockerignore` in the folder of the Dockerfile or any above it, or "
        "`<Dockerfile>.dockerignore`. Unknown without the "
        "list of the repository's files.",
        f"{_GUIDE} (exclude with .dockerignore)",
        _dockerignore,
    ),
)
