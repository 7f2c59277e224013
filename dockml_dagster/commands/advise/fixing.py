"""``dockml advise --fix`` and ``--diff``: fixes written into the Dockerfiles of a project, or shown.

Here: which files and rules, the diff, the writing. Not here: the changes themselves (``study.advice.fixes``).
Recommendations that comments, configuration or a baseline leave out are not fixed either.
"""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from dockml_dagster.commands.advise.digests import PINNING, KnownDigests
from dockml_dagster.commands.advise.directory import Quiet, advise_directory
from dockml_dagster.commands.advise.targets import Advice, advice_rules
from dockml_dagster.commands.output import say
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.advice.fixes import FIXES, Fixed, fix_dockerfile
from dockml_dagster.study.dockerfile.reading.base_reference import familiar_name
from dockml_dagster.text import counted, printable


def fix_files(
    targets: Sequence[str],
    quiet: Callable[[Path], Quiet],
    settings: Settings,
    *,
    unsafe: bool,
    write: bool,
) -> int:
    """Fix every target, or show the diff; returns the exit code (1: a file could not be written). ``settings``:
    of the home whose published file may hold digests.
    """
    failed = changed = count = 0
    digests = KnownDigests(settings)
    for target in targets:
        path = Path(target)
        if not path.exists():
            raise BadInputError(f"{target}: no such file or directory; only files can be fixed")
        advice = advise_directory(path, quiet(path))
        for name, wanted in _wanted(advice, unsafe=unsafe).items():
            file = name if path.is_file() else str(path / name)
            fixed = _fix(Path(file), wanted, digests)
            if not fixed.applied:
                continue
            if not write:
                say(_difference(file, fixed), nl=False)
            elif not _write(Path(file), fixed.data):
                say(f"dockml: {printable(file)}: is a link or no regular file, so it is left", err=True)
                failed = 1
                continue
            changed += 1
            count += len(fixed.applied)
    done = "fixed" if write else "would be fixed"
    say(f"dockml: {counted(count, 'place')} in {counted(changed, 'file')} {done}", err=True)
    return failed


def _wanted(advice: Advice, *, unsafe: bool) -> dict[str, dict[str, set[int]]]:
    """The lines to fix, by file and rule."""
    kinds = {"safe", "unsafe"} if unsafe else {"safe"}
    wanted: dict[str, dict[str, set[int]]] = {}
    for item in advice.recommendations:
        if item.about != "dockerfile" or item.rule.fix not in kinds or item.rule.recommendation not in FIXES:
            continue
        for place in item.evidence:
            if place.line is not None:
                wanted.setdefault(item.subject, {}).setdefault(item.rule.recommendation, set()).add(
                    place.line
                )
    return wanted


def _fix(path: Path, wanted: dict[str, set[int]], digests: KnownDigests) -> Fixed:
    data = path.read_bytes()
    known = digests.of(data) if not PINNING.isdisjoint(wanted) else {}
    fixed = fix_dockerfile(data, wanted, {image: each.digest for image, each in known.items()})
    for image, each in known.items():
        if f"{image[2]}@{each.digest}".encode() in fixed.data and each.digest.encode() not in data:
            name = familiar_name(image[0], image[1])
            say(f"dockml: {printable(name)}:{image[2]} is pinned as it was read on {each.seen}", err=True)
    return fixed


def _difference(name: str, fixed: Fixed) -> str:
    before = Path(name).read_bytes().decode("utf-8").splitlines(keepends=True)
    after = fixed.data.decode("utf-8").splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    notes = {rule.recommendation: rule for rule in advice_rules().all}
    unsafe = sorted({rule for rule, _ in fixed.applied if notes[rule].fix == "unsafe"})
    said = "".join(f"# {rule} may change the build: {notes[rule].fix_note}\n" for rule in unsafe)
    return said + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _write(path: Path, data: bytes) -> bool:
    """Replace a regular file atomically, keeping its mode; a link is never followed."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
