"""Practices about stages, context and layers: what ends up in the image without need.

Here: multi-stage builds, ADD of URLs, the order of COPY and installation, ``.dockerignore``. Not here: bytes (``advice``).
"""

import posixpath
import re
from collections.abc import Sequence
from itertools import pairwise

from dockml_dagster.study.dockerfile.managers import MANAGERS
from dockml_dagster.study.dockerfile.model import Instruction
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.caches import Removals
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.stages import final_value, images_behind

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


_TOOLCHAIN = re.compile(
    r"(?:build-essential|base-devel|build-base|alpine-sdk|gcc(?:-\d+)?(?:-c\+\+)?|g\+\+(?:-\d+)?|clang(?:-\d+)?|clang\+\+|"
    r"gfortran(?:-\d+)?|cmake3?|make|ninja(?:-build)?|autoconf|automake|libtool|bazel|gcc-toolset-\d+|devtoolset-\d+|"
    r"@?development[- ]tools|cuda-nvcc[\w-]*|cuda-toolkit[\w-]*|musl-dev|linux-headers[\w.-]*|gxx_linux-64|"
    r"gcc_linux-64|compilers|cuda-compiler[\w-]*|rustc|cargo|golang(?:-go)?|[\w.+-]+-(?:dev|devel))\Z"
)


def _compiles(step: Step) -> bool:
    """Whether a command compiles: a compiler, a build tool, or Python's ways to build an extension or a wheel."""
    name, words = step.program.name, step.program.arguments
    if name in _BUILDERS:
        if "--version" in words or "-v" in words[:1] or "-V" in words[:1]:
            return False
        return (
            not (name in ("go", "cargo") and not {"build", "install"} & set(words)) and step.installs is None
        )
    if name in ("python", "python3"):
        return _BUILDS.search(" ".join(words[:6])) is not None
    if name in ("npx", "bunx", "pnpx"):
        return next((word for word in words if not word.startswith("-")), "") in _BUILDERS
    return False


# `setup.py install` and `develop` build the extensions, too.
_BUILDS = re.compile(r"setup\.py\S*(?: \S+)*? (?:bdist_wheel|build_ext|build|install|develop)\b|-m build\b")


def _toolchain(facts: Facts) -> list[Line]:
    """Compilers, build tools and headers that a RUN installs and does not remove."""
    found: list[Line] = []
    for steps in facts.runs:
        removals = Removals(steps)
        for at, step in enumerate(steps):
            if step.installs is None or step.installs.ecosystem not in ("os", "conda"):
                continue
            names = [p.name for p in step.installs.packages if p.name and _TOOLCHAIN.match(p.name.lower())]
            removed = _removed(step, removals.after(at)) if names else None
            if removed is not None:
                found += [Line(step.command.line, name) for name in names if name not in removed]
    return found


_REMOVES = frozenset({"remove", "purge", "autoremove", "del", "erase", "rm", "uninstall"})


def _removed(step: Step, later: Sequence[Step]) -> set[str] | None:
    """The words that later commands of the same RUN remove; ``None`` where they remove the whole installation
    (``apk add --virtual .deps`` and ``apk del .deps``, or a variable that holds the names).
    """
    removed: set[str] = set()
    written = set(step.command.arguments)
    for each in later:
        words = each.program.arguments
        if each.program.name in MANAGERS and not _REMOVES.isdisjoint(words):
            removed.update(word.partition("=")[0] for word in words)
            virtual = _virtual_names(step.program.arguments)
            if virtual & set(words) or {w for w in written if w.startswith("$")} & set(
                each.command.arguments
            ):
                return None
    return removed


def _virtual_names(words: Sequence[str]) -> set[str]:
    """The names that ``apk add --virtual`` gives to what it installs."""
    after = {word for before, word in pairwise(words) if before in ("-t", "--virtual")}
    return after | {word.partition("=")[2] for word in words if word.startswith("--virtual=")}


def _multi_stage(facts: Facts) -> Judged:
    behind, chain = images_behind(facts.reading), frozenset(facts.chain)
    copies = [
        Line(edge.line, f"--from={edge.source.raw}"[:200])
        for edge in facts.graph.edges
        if edge.kind != "from"
        and edge.stage in chain
        and behind.get(edge.source.stage, edge.source).stage is not None
    ]
    whole = [
        Line(item.start_line, "the whole file system of another stage")
        for item in facts.every("COPY")
        if item.flag("from") is not None and any(final_value(word) == "/" for word in item.expanded[:-1])
    ]
    installed = _toolchain(facts)
    builds = [Line(step.command.line, step.program.name) for step in facts.steps if _compiles(step)]
    if installed or builds or whole:
        what = (
            "compiles in"
            if builds
            else "compilers or headers are installed in"
            if installed
            else "all is copied into"
        )
        return "violated", [*builds, *installed, *whole][:20], f"{what} the shipped stage"
    if copies:
        return "followed", copies, ""
    return "not applicable", [], "nothing is compiled, and no compiler installed, in the shipped stage"


def _add_url(facts: Facts) -> Judged:
    adds = facts.every("ADD")
    if not adds:
        return "not applicable", [], "no ADD"
    unchecked = [
        Line(instruction.start_line, "ADD of a repository" if is_repository(source) else "ADD of a URL")
        for instruction in adds
        if instruction.flag("checksum") is None
        for source in map(final_value, instruction.expanded[:-1])
        if (is_repository(source) and not _names_commit(source))
        or (_is_url(source) and not is_repository(source))
    ]
    return ("violated" if unchecked else "followed"), unchecked, ""


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://", "ftp://"))


_REPOSITORY = re.compile(
    r"(?:git|ssh)://|https?://[^?#]+\.git(?:[?#]|\Z)|[\w.-]+@[\w.-]+:[^?#]+",
    re.IGNORECASE,
)
_COMMIT = re.compile(
    r"(?:#|[?&]ref=)[0-9a-f]{40}(?:[0-9a-f]{24})?(?:[:&#]|\Z)|[?&](?:checksum|commit)=[0-9a-f]{7,64}(?:&|#|\Z)",
    re.IGNORECASE,
)


def is_repository(source: str) -> bool:
    """Whether a source of ADD is a git repository by BuildKit's rules: git and ssh addresses, and `….git` over http."""
    return _REPOSITORY.match(source) is not None


def _names_commit(source: str) -> bool:
    """Whether a repository is fixed by a full commit after `#`, or by `?checksum=`, which BuildKit verifies."""
    return _COMMIT.search(source) is not None


def _copy_order(facts: Facts) -> Judged:
    verdict: Judged = ("not applicable", [], "no copy of the whole context before or after an installation")
    followed: list[Line] = []
    before: dict[str, set[str]] = {}
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
                if copied is None:
                    followed.append(Line(step.command.line, f"{step.program.name} installs"))
                    before.setdefault(_family(step), set()).update(_named_files(step))
                elif not (
                    _family(step) in before
                    and _of_project(step.installs)
                    and _named_files(step) <= before[_family(step)]
                ):
                    lines = [
                        Line(copied.start_line, f"{copied.keyword} of the whole context"),
                        Line(step.command.line, f"{step.program.name} installs after it"),
                    ]
                    return "violated", lines, ""
        if copied is not None and followed:
            verdict = ("followed", [*followed[:5], Line(copied.start_line, "whole context copied")], "")
    return verdict


def _family(step: Step) -> str:
    """The ecosystem of a command; pip and conda count as one because they install into one another's environments."""
    assert step.installs is not None  # only called for installing steps
    return "python" if step.installs.ecosystem in ("python", "conda") else step.installs.ecosystem


def _named_files(step: Step) -> set[str]:
    """Requirement and environment files that options name, by file name; not those that a manager finds by itself."""
    assert step.installs is not None  # only called for installing steps
    names = {posixpath.basename(name) for name in step.installs.requirement_files}
    return {name for name in names if name.endswith((".txt", ".in", ".yml", ".yaml")) and "lock" not in name}


def _of_project(installs: Installation | None) -> bool:
    """Whether an installation may be the second of two steps, after the dependencies: it installs the project itself, or
    its lock or requirement file again.
    """
    return installs is not None and not any(p.source in ("index", "url", "vcs") for p in installs.packages)


def _from_index(installs: Installation | None) -> bool:
    if installs is None or installs.ecosystem == "os":
        return False
    named = any(package.source in ("index", "url", "vcs") for package in installs.packages)
    return named or bool(installs.requirement_files)


def _dockerignore(facts: Facts) -> Judged:
    taking = [item for item in facts.every("COPY", "ADD") if whole_context(item)]
    if not taking:
        return "not applicable", [], "the whole context is never copied"
    lines = [Line(item.start_line, f"{item.keyword} of the whole context") for item in taking]
    if facts.repository_paths is None:
        return "unknown", lines, "the files of the repository are not known"
    folder = posixpath.dirname(facts.path or "")
    # The Dockerfile does not name its context: it may be any folder from the Dockerfile's own up to the root.
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
    Practice("multi-stage", _multi_stage),
    Practice("no-add-url", _add_url),
    Practice("install-before-copy", _copy_order),
    Practice("dockerignore", _dockerignore),
)
