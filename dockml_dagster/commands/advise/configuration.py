"""The configuration of ``dockml advise``: a TOML table in the project.

Here: finding, reading and checking it. Not here: comments in a Dockerfile (``study.advice.ignoring``), baselines. The
configuration changes the advice, never the findings of a study: corpora ignore the configuration of collected repositories.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from dockml_dagster.clients.regular_files import leads_elsewhere
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.advice.ignoring import RuleNames
from dockml_dagster.study.advice.model import SEVERITIES, Evidence, Recommendation, Severity
from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.toml import load

NAMES: Final = (".dockml.toml", "dockml.toml", "pyproject.toml")
_KEYS: Final = frozenset({"select", "ignore", "exclude", "severity", "per-path", "baseline", "minor"})
MINOR: Final = (
    "docs/**", "doc/**", "examples/**", "example/**", "samples/**", "sample/**", "tests/**", "test/**", "testing/**",
    "demo/**", "demos/**", "tutorials/**", "benchmarks/**", ".devcontainer/**",
)  # fmt: skip
"""Folders, at any depth, whose Dockerfiles are not part of the project's product."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A project's settings for ``dockml advise``. ``folder``: the file's folder; paths and patterns are relative to it."""

    folder: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_path: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: Path | None = None
    minor: tuple[str, ...] = MINOR

    def excluded(self, path: str) -> bool:
        """Whether a file is left out."""
        return any(matches(pattern, path) for pattern in self.exclude)

    def applied(
        self, items: Sequence[Recommendation], names: RuleNames, prefix: str = ""
    ) -> list[Recommendation]:
        """The recommendations that the configuration keeps, with the severities that it sets. ``prefix``: the target's
        folder relative to the configuration's, with a slash at its end.
        """
        kept = []
        for item in items:
            path = f"{prefix}{item.subject}" if item.about == "dockerfile" else item.subject
            ignored = [
                *self.ignore,
                *(name for pattern, more in self.per_path.items() if matches(pattern, path) for name in more),
            ]
            places = [
                place
                for place in item.evidence or (Evidence(""),)
                if (not self.select or any(names.matches(name, item, place) for name in self.select))
                and not any(names.matches(name, item, place) for name in ignored)
            ]
            if places:
                evidence = tuple(places) if item.evidence else ()
                minor = item.about == "dockerfile" and any(
                    _at_any_depth(pattern, path) for pattern in self.minor
                )
                given = self._severity(item, places[0], names) or (_milder(item.severity) if minor else None)
                kept.append(replace(item, evidence=evidence, given_severity=given, minor=minor))
        return kept

    def _severity(self, item: Recommendation, place: Evidence, names: RuleNames) -> Severity | None:
        return next(
            (level for name, level in self.severity.items() if names.matches(name, item, place)), None
        )


def _milder(severity: Severity) -> Severity:
    return SEVERITIES[max(SEVERITIES.index(severity) - 1, 0)]


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path. ``*`` and ``**`` both cross folders; a folder matches everything below it."""
    bare = pattern.rstrip("/").removeprefix("./")
    return fnmatch.fnmatchcase(path, bare) or fnmatch.fnmatchcase(path, f"{bare}/*")


def _at_any_depth(pattern: str, path: str) -> bool:
    return matches(pattern, path) or fnmatch.fnmatchcase(path, f"*/{pattern}")


def find_configuration(target: Path, names: RuleNames) -> Configuration:
    """The configuration in the target's folder or the nearest folder above it, up to the root of its git work tree."""
    folder = target.absolute() if target.is_dir() else target.absolute().parent
    for at in (folder, *folder.parents):
        for name in NAMES:
            path = at / name
            if leads_elsewhere(path):
                raise BadInputError(f"{path}: is a link that leads elsewhere; name the file itself")
            if path.is_file() and (table := _table(path)) is not None:
                return read_configuration(path, table, names)
        if (at / ".git").exists():
            break
    return Configuration()


def load_configuration(path: Path, names: RuleNames) -> Configuration:
    """The configuration in the given file. Raises BadInputError if it has none."""
    table = _table(path)
    if table is None:
        raise BadInputError(f"{path}: has no table [tool.dockml]")
    return read_configuration(path, table, names)


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        document = load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (UnicodeDecodeError, RefusedTextError) as error:
        if path.name == "pyproject.toml":
            return None
        raise BadInputError(f"{path}: is no TOML: {error}") from None
    if path.name != "pyproject.toml" and "tool" not in document:
        return document
    found = document.get("tool", {}).get("dockml")
    return found if isinstance(found, dict) else None


def read_configuration(path: Path, table: Mapping[str, Any], names: RuleNames) -> Configuration:
    """Parse a TOML table. Raises BadInputError naming what is wrong."""
    unknown = sorted(table.keys() - _KEYS)
    if unknown:
        raise BadInputError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}")
    severity = _mapping(path, table, "severity")
    for name, level in severity.items():
        if level not in SEVERITIES:
            raise BadInputError(
                f"{path}: severity of {name} is {level!r}, not one of {', '.join(SEVERITIES)}"
            )
    per_path = {
        pattern: _texts(path, pattern, value) for pattern, value in _mapping(path, table, "per-path").items()
    }
    configuration = Configuration(
        path.parent,
        _texts(path, "select", table.get("select", [])),
        _texts(path, "ignore", table.get("ignore", [])),
        _texts(path, "exclude", table.get("exclude", [])),
        severity,
        per_path,
        path.parent / str(table["baseline"]) if "baseline" in table else None,
        _texts(path, "minor", table["minor"]) if "minor" in table else MINOR,
    )
    for name in (
        *configuration.select,
        *configuration.ignore,
        *severity,
        *(n for more in per_path.values() for n in more),
    ):
        if name not in names:
            raise BadInputError(f"{path}: no rule is called {name!r}; dockml advise --rules lists them")
    return configuration


def _mapping(path: Path, table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise BadInputError(f"{path}: {key} is no table")
    return value


def _texts(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInputError(f"{path}: {key} is no list of texts")
    return tuple(value)
