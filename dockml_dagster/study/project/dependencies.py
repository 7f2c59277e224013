"""The dependencies that a project declares, from the manifests of Python, conda, Node, Go and Rust projects.

Here: names with their file and line. Not here: versions, resolution, what a Dockerfile installs
(``dockerfile.run.packages``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dockml_dagster.study.cuts import first, note_cut
from dockml_dagster.study.formats import json, toml

Dependency = tuple[str, str, int | None]
"""Package name in lower case, the file that declares it, the line (``None`` if the format does not give it)."""

MAX_BYTES = 1024 * 1024
MAX_DEPENDENCIES = 5000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_CONDA = re.compile(r"\s*-\s+['\"]?(?:[\w-]{1,50}::)?([A-Za-z0-9][A-Za-z0-9._-]{0,100})")
_GO = re.compile(r"\s*(?:require\s+)?([a-z0-9][\w.-]{0,60}\.[a-z]{2,10}/[\w./-]{1,200})\s+v\d")
_REQUIREMENTS = re.compile(
    r"(?:^|/)(?:requirements[\w.-]{0,60}|requirements/[\w.-]{1,60})\.(?:txt|in)\Z", re.IGNORECASE
)
_CONDA_FILE = re.compile(r"(?:^|/)(?:conda-)?env(?:ironment)?[\w.-]{0,60}\.ya?ml\Z", re.IGNORECASE)


def declares_dependencies(path: str) -> bool:
    """Whether ``declared_dependencies`` reads files of this name."""
    name = path.rpartition("/")[2]
    return name in ("pyproject.toml", "Pipfile", "Cargo.toml", "package.json", "go.mod") or bool(
        _REQUIREMENTS.search(path) or _CONDA_FILE.search(path)
    )


def declared_dependencies(path: str, text: str) -> tuple[Dependency, ...]:
    """The packages that one file declares; none for a file that is too long, malformed, or of unknown kind."""
    if len(text) > MAX_BYTES:
        note_cut("a list of dependencies of over 1 MiB")
        return ()
    return tuple(first(_declared(path, text), MAX_DEPENDENCIES, "dependencies of a file"))


def _declared(path: str, text: str) -> Iterator[Dependency]:
    name = path.rpartition("/")[2]
    if name == "package.json":
        yield from ((key, path, None) for key in _of_node(text))
    elif name in ("pyproject.toml", "Pipfile", "Cargo.toml"):
        yield from ((key, path, None) for key in _of_toml(text))
    else:
        pattern = _GO if name == "go.mod" else _CONDA if _CONDA_FILE.search(path) else _NAME
        if name == "go.mod" or _CONDA_FILE.search(path) or _REQUIREMENTS.search(path):
            for number, line in enumerate(text.splitlines(), 1):
                found = pattern.match(line[:500])
                if found:
                    yield found[found.lastindex or 0].lower(), path, number


def _of_node(text: str) -> Iterator[str]:
    data = json.load_or_none(text, MAX_BYTES)
    if isinstance(data, dict):
        for key in ("dependencies", "devDependencies", "peerDependencies"):
            if isinstance(data.get(key), dict):
                yield from (name.lower() for name in data[key])


def _of_toml(text: str) -> Iterator[str]:
    data = toml.load_or_none(text)
    if data is None:
        return
    project = _table(data, "project")
    yield from _requirements(project.get("dependencies"))
    for group in (
        *_table(project, "optional-dependencies").values(),
        *_table(data, "dependency-groups").values(),
    ):
        yield from _requirements(group)
    for table in (
        _table(_table(_table(data, "tool"), "poetry"), "dependencies"),
        _table(data, "packages"), _table(data, "dev-packages"), _table(data, "dependencies"),
    ):  # fmt: skip
        yield from (name.lower() for name in table if name != "python")


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _requirements(items: Any) -> Iterator[str]:
    if isinstance(items, Iterable) and not isinstance(items, (str, dict)):
        for item in items:
            found = _NAME.match(item) if isinstance(item, str) else None
            if found:
                yield found[0].lower()
