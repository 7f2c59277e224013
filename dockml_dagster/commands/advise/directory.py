"""Advice on a directory or a single Dockerfile: finding the project's files that have rules, and judging them.

Here: walking the directory, and which kind each file is judged as. Not here: judging (``study.advice``), images and the
published file (``targets``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dockml_dagster.clients.regular_files import walk
from dockml_dagster.commands.advise.configuration import Configuration
from dockml_dagster.commands.advise.targets import Advice, advice_rules, rule_names
from dockml_dagster.commands.read_dockerfile.read import SECONDS, BinaryFileError, read_bytes, reading_rules
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.advice.ignoring import Ignored, apply_ignores, read_ignores
from dockml_dagster.study.advice.model import Recommendation, Rules
from dockml_dagster.study.advice.project import advise_project
from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.dockerfile.base_images import BaseImageRules
from dockml_dagster.study.dockerfile.checks import NO_OPTIONS, CheckOptions
from dockml_dagster.study.dockerfile.checks.checking import NOTHING_KNOWN, BuildContext, check_options
from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.run.tasks import TaskRules
from dockml_dagster.study.project.facts import is_workflow
from dockml_dagster.study.project.files import MAX_IN_ALL, choose, dockerfiles_left_out

MOST_PATHS: Final = 200_000
"""Most files in a directory; a larger directory is refused rather than judged in part."""

DIRECTORY_SECONDS: Final = 120.0
"""Processor time for all files of a directory together; files left over are reported as problems."""

_NOT_LOOKED_INTO: Final = frozenset(
    {".git", ".dockml", "node_modules", ".venv", "venv", "site-packages", ".tox", "__pycache__"}
)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What to leave out of the advice: the project's configuration, and whether ignore comments are obeyed."""

    configuration: Configuration = field(default_factory=Configuration)
    obey_comments: bool = True


def advise_directory(target: Path, quiet: Quiet | None = None) -> Advice:
    """Advice on all Dockerfiles, Compose files and workflows below a directory, or on one Dockerfile.

    Raises BadInputError if the target cannot be read, has nothing to judge, or has more than ``MOST_PATHS`` files.
    """
    quiet = quiet or Quiet()
    single = not target.is_dir()
    # A single file keeps its given name; files of a directory are named relative to it.
    root, paths = (Path(), [target.as_posix()]) if single else (target, sorted(_below(target)))
    # For a single file nothing is known about the files beside it.
    ignores = None if single else [path for path in paths if path.endswith(".dockerignore")]
    rules = (advice_rules(), *reading_rules())
    prefix = _prefix(target, quiet.configuration.folder)
    found: list[Recommendation] = []
    problems: list[str] = []
    remarks: list[str] = []
    texts: dict[str, str] = {}
    judged = excluded = suppressed = 0
    too_much = {} if single else _too_much([(path, _size(root / path)) for path in paths])
    with time_limit(DIRECTORY_SECONDS):
        for path in paths:
            kind, is_text = classify_file_name(path).kind, _is_text(path)
            # A file given on the command line is read as a Dockerfile, whatever its name.
            if not is_text and kind != "dockerfile" and not single:
                continue
            if quiet.configuration.excluded(f"{prefix}{path}" if not single else prefix + target.name):
                excluded += 1
                continue
            if path in too_much:
                problems.append(f"{path}: {too_much[path]}")
                continue
            try:
                data = read_bytes(root / path, None if single else root)
                if is_text:
                    texts[path] = data.decode("utf-8", "replace")
                else:
                    context = _context(root, path, ignores)
                    with time_limit(SECONDS):
                        ignored = _dockerfile(path, data, context, ignores, rules=rules, quiet=quiet)
                    found += ignored.recommendations
                    suppressed += ignored.suppressed
                    remarks += [f"{path}:{line}: {what}" for line, what in ignored.unused]
                judged += 1
            except BinaryFileError as error:
                # In a directory, skip it silently: it may be a table named dockerfiles.parquet.
                if single:
                    problems.append(f"{path}: {error}")
            except (BadInputError, OutOfTimeError) as error:
                problems.append(f"{path}: {error}")
    if single and problems:
        raise BadInputError(problems[0])
    if not judged and not problems and not excluded:
        raise BadInputError(f"{target}: no Dockerfile, Compose file or workflow in it")
    found += _of_texts(target, texts, rules[0], problems)
    kept = quiet.configuration.applied(found, rule_names(), prefix)
    if suppressed:
        remarks.insert(0, f"{suppressed} places ignored by comments")
    return Advice(
        str(target),
        tuple(kept),
        problems=tuple(problems),
        remarks=tuple(remarks),
        prefix=_prefix(target, _git_root(target)),
        root=root,
    )


def _too_much(files: Sequence[tuple[str, int | None]]) -> dict[str, str]:
    """Path → why a study would not read it."""
    left_out = {choice.path: choice.left_out for choice in choose(files) if choice.left_out is not None}
    taken = 0
    for path, size in files:
        if _is_text(path) and path not in left_out:
            taken += size or 0
            if taken > MAX_IN_ALL:
                left_out[path] = f"more than {MAX_IN_ALL} bytes of such files"
    return left_out | dockerfiles_left_out(files)


def _is_text(path: str) -> bool:
    return classify_file_name(path).kind == "compose" or is_workflow(path)


def _of_texts(
    target: Path, texts: Mapping[str, str], rules: Rules, problems: list[str]
) -> tuple[Recommendation, ...]:
    """Recommendations from Compose files and workflows."""
    try:
        with time_limit(SECONDS):
            return advise_project(str(target), texts, rules)
    except OutOfTimeError as error:
        problems.append(f"its Compose files and workflows: {error}")
        return ()


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None


def _git_root(target: Path) -> Path | None:
    absolute = target.absolute()
    return next((at for at in (absolute, *absolute.parents) if (at / ".git").exists()), None)


def _prefix(target: Path, above: Path | None) -> str:
    """The target's folder relative to ``above``, with a slash at its end; '' if it is the same or not below."""
    if above is None or target.is_file():
        return ""
    absolute, top = target.absolute(), above.absolute()
    if absolute == top or not absolute.is_relative_to(top):
        return ""
    return f"{absolute.relative_to(top).as_posix()}/"


def _context(root: Path, path: str, ignores: Sequence[str] | None) -> BuildContext:
    """The `.dockerignore` that certainly applies: the Dockerfile's own, or the root's for a Dockerfile there."""
    own = f"{path}.dockerignore"
    name = (
        own
        if own in (ignores or ())
        else ".dockerignore"
        if ".dockerignore" in (ignores or ()) and "/" not in path
        else None
    )
    if name is None:
        return NOTHING_KNOWN
    try:
        return BuildContext(ignored=IgnoredPaths(read_bytes(root / name, root).decode("utf-8", "replace")))
    except BadInputError:
        return NOTHING_KNOWN


def _below(root: Path) -> Iterator[str]:
    def refused(error: OSError) -> None:
        if error.filename is not None and Path(error.filename) == root:
            raise BadInputError(f"{root}: {(error.strerror or 'cannot be read').lower()}")

    seen = 0
    for folder, folders, names in walk(root, refused):
        folders[:] = sorted(name for name in folders if name not in _NOT_LOOKED_INTO)
        seen += len(names)
        if seen > MOST_PATHS:
            raise BadInputError(f"{root}: more than {MOST_PATHS} files; name the folder of one project")
        for name in names:
            yield Path(folder, name).relative_to(root).as_posix()


def _dockerfile(
    path: str,
    data: bytes,
    context: BuildContext,
    ignores: Sequence[str] | None,
    *,
    rules: tuple[Rules, BaseImageRules, TaskRules],
    quiet: Quiet,
) -> Ignored:
    reading = read_dockerfile(data)
    if not reading.valid:
        raise BadInputError(f"not a valid Dockerfile: {reading.reason}")
    steps = read_steps(reading)
    own = None if ignores is None else path
    own_rules, base_rules, task_rules = rules
    practices = judge_practices(
        reading, base_rules=base_rules, steps=steps, path=own, repository_paths=ignores
    )
    advised = advise_dockerfile(
        path,
        reading,
        practices,
        steps,
        own_rules,
        base_rules=base_rules,
        task_rules=task_rules,
        context=context,
        experimental=_experimental(reading),
    )
    return apply_ignores(advised, read_ignores(reading) if quiet.obey_comments else (), rule_names())


def _experimental(reading: DockerfileReading) -> CheckOptions:
    try:
        asked = check_options(reading)
    except ValueError:
        return NO_OPTIONS
    return CheckOptions(experimental=asked.experimental, experimental_all=asked.experimental_all)
