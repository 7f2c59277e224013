"""Advice on how a project builds and runs its images: from its Compose files and CI workflows.

Here: what these files say about privileges, the root file system, the engine's socket and scanning. Not here: facts for
purposes (``study.project``), Dockerfiles. A file that cannot be read gives no fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from dockml_dagster.study.advice.model import MOST_EVIDENCE, Evidence, Recommendation, Rules
from dockml_dagster.study.cuts import shortened
from dockml_dagster.study.formats.yaml import Text
from dockml_dagster.study.project.compose import is_compose, services
from dockml_dagster.study.project.facts import is_workflow

_BUILDS = re.compile(
    r"\bdocker(?:-compose| compose)? +(?:buildx +)?build\b|docker/build-push-action|\b(?:buildah|podman) +(?:bud|build)\b"
    r"|\bkaniko\b|redhat-actions/buildah-build"
)
_SCANS = re.compile(
    r"\b(?:trivy|grype|snyk|clair|dockle|anchore|docker[ /]scout|scout-action|prisma-?cloud|twistcli|wizcli"
    r"|osv-scanner|container-scan\w*|cnspec|neuvector)\b",
    re.IGNORECASE,
)
_LONGEST_LINE: Final = 2000
_DANGEROUS = frozenset({"all", "sys_admin", "cap_sys_admin"})
BUILT: Final = "image-built"
SCANNED: Final = "image-scanned"
"""What one workflow does. Neither fact triggers a rule alone: scanning is judged over all workflows of a project."""


class FileFact(NamedTuple):
    """One fact of a file: a trigger of the seed (without `fact:`), ``BUILT`` or ``SCANNED``."""

    fact: str
    line: int
    what: str


def file_facts(path: str, text: str) -> tuple[FileFact, ...]:
    """The facts of one Compose file or workflow, in the file's order; nothing for any other file."""
    if is_compose(path):
        return tuple(_compose(text))
    return tuple(_workflow(text)) if is_workflow(path) else ()


def fact_rows(path: str, content: bytes) -> list[dict[str, Any]]:
    """The facts of one file as rows; a single row without a fact where there is none."""
    facts = file_facts(path, content.decode("utf-8", "replace"))
    return [fact._asdict() for fact in facts] or [{"fact": None, "line": None, "what": None}]


def advise_project(subject: str, files: Mapping[str, str], rules: Rules) -> tuple[Recommendation, ...]:
    """All advice on a project's ``files`` (path → text), in the seed's order.

    Files other than Compose files and CI workflows are ignored. A missing scan is reported only if a workflow builds
    images and no workflow names a scanner.
    """
    found = [(path, fact) for path in sorted(files) for fact in file_facts(path, files[path])]
    scanned = any(fact.fact == SCANNED for _, fact in found)
    places: dict[str, list[Evidence]] = {}
    for path, fact in found:
        name = fact.fact if fact.fact != BUILT or scanned else "no-image-scan"
        rule = rules.by_trigger.get(f"fact:{name}")
        if rule is not None:
            place = Evidence(fact.what, path=path, line=fact.line)
            places.setdefault(rule.recommendation, []).append(place)
    return tuple(
        Recommendation(rule, "project", subject, tuple(places[rule.recommendation][:MOST_EVIDENCE]))
        for rule in rules.all
        if rule.recommendation in places
    )


def _workflow(text: str) -> Iterator[FileFact]:
    """The first line that builds an image, and the first that names a scanner."""
    lines = [shortened(line, _LONGEST_LINE, "a line of a workflow") for line in text.splitlines()]
    for fact, pattern, what in ((BUILT, _BUILDS, "builds an image"), (SCANNED, _SCANS, "names a scanner")):
        number = next((number for number, line in enumerate(lines, start=1) if pattern.search(line)), None)
        if number is not None:
            yield FileFact(fact, number, what)


def _compose(text: str) -> Iterator[FileFact]:
    for service, entries in services(text):
        lines = {str(key): key.line for key in entries}
        name = service[:100]
        if _truth(entries.get("privileged")):
            yield FileFact("privileged", lines["privileged"], f"{name}: privileged")
        for at, word in _words(entries.get("cap_add")):
            if word.lower() in _DANGEROUS:
                yield FileFact("capabilities-added", at, f"{name}: cap_add {word[:40]}")
        for at, word in _words(entries.get("volumes")):
            if "docker.sock" in word:
                yield FileFact("engine-socket", at, f"{name}: mounts docker.sock")
        if "build" in entries and not _truth(entries.get("read_only")):
            yield FileFact("writable-root", service.line, f"{name}: no read_only: true")


def _truth(value: Any) -> bool:
    return isinstance(value, Text) and value.lower() in {"true", "yes", "on"}


def _words(items: Any) -> Iterable[tuple[int, str]]:
    """Line and text of a sequence's scalars, and of the scalars in its mappings (the long form of `volumes`)."""
    for item in items if isinstance(items, list) else ():
        for word in item.values() if isinstance(item, dict) else item if isinstance(item, list) else (item,):
            if isinstance(word, Text):
                yield word.line, word
