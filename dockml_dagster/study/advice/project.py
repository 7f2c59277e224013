"""Advice on how a project builds and runs its images: from its Compose files and CI workflows.

Here: what these files say about privileges, the root file system, the engine's socket and scanning. Not here: facts for
purposes (``compose_facts``, ``project_facts``), Dockerfiles. A file that cannot be read says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dockml_dagster.study.advice.model import MOST_EVIDENCE, Evidence, Recommendation, Rules
from dockml_dagster.study.compose_facts import is_compose, service_nodes
from dockml_dagster.study.project_facts import is_workflow

_BUILDS = re.compile(
    r"\bdocker(?:-compose| compose)? +(?:buildx +)?build\b|docker/build-push-action|\b(?:buildah|podman) +(?:bud|build)\b"
    r"|\bkaniko\b|redhat-actions/buildah-build"
)
_SCANS = re.compile(
    r"\b(?:trivy|grype|snyk|clair|dockle|anchore|docker[ /]scout|scout-action|prisma-?cloud|twistcli|wizcli"
    r"|osv-scanner|container-scan\w*|cnspec|neuvector)\b",
    re.IGNORECASE,
)
_DANGEROUS = frozenset({"all", "sys_admin", "cap_sys_admin"})
_Found = list[tuple[str, Evidence]]


def advise_project(subject: str, files: Mapping[str, str], rules: Rules) -> tuple[Recommendation, ...]:
    """Everything to be advised about a project's ``files`` (path → text), in the seed's order.

    Only Compose files and CI workflows are looked at; whoever passes more gets nothing for it.
    """
    found: _Found = []
    for path in sorted(files):
        if is_compose(path):
            found += _compose(path, files[path])
    found += _workflows({path: text for path, text in files.items() if is_workflow(path)})
    places: dict[str, list[Evidence]] = {}
    for trigger, evidence in found:
        places.setdefault(trigger, []).append(evidence)
    by_rule: dict[str, Recommendation] = {}
    for trigger, evidence_list in places.items():
        rule = rules.by_trigger.get(trigger)
        if rule is not None:
            known = by_rule.get(rule.recommendation)
            everything = (*(known.evidence if known else ()), *evidence_list)
            by_rule[rule.recommendation] = Recommendation(
                rule, "project", subject, everything[:MOST_EVIDENCE]
            )
    return tuple(sorted(by_rule.values(), key=lambda item: item.rule.order))


def _workflows(workflows: Mapping[str, str]) -> Iterator[tuple[str, Evidence]]:
    """A missing scan is claimed only where a workflow builds images at all, and none of them names a scanner."""
    if any(_SCANS.search(text) for text in workflows.values()):
        return
    for path in sorted(workflows):
        for number, line in enumerate(workflows[path].splitlines(), start=1):
            if _BUILDS.search(line[:2000]):
                yield "fact:no-image-scan", Evidence("builds an image", path=path, line=number)
                break


def _compose(path: str, text: str) -> Iterator[tuple[str, Evidence]]:
    for service, line, entries in service_nodes(text):
        keys = {name: (node.start_mark.line + 1, value) for name, node, value in entries}
        name = service[:100]
        if _truth(keys.get("privileged")):
            yield "fact:privileged", Evidence(f"{name}: privileged", path=path, line=keys["privileged"][0])
        for at, word in _words(keys.get("cap_add")):
            if word.lower() in _DANGEROUS:
                yield "fact:capabilities-added", Evidence(f"{name}: cap_add {word[:40]}", path=path, line=at)
        for at, word in _words(keys.get("volumes")):
            if "docker.sock" in word:
                yield "fact:engine-socket", Evidence(f"{name}: mounts docker.sock", path=path, line=at)
        if "build" in keys and not _truth(keys.get("read_only")):
            yield "fact:writable-root", Evidence(f"{name}: no read_only: true", path=path, line=line)


def _truth(entry: tuple[int, Any] | None) -> bool:
    return entry is not None and str(getattr(entry[1], "value", "")).lower() in {"true", "yes", "on"}


def _words(entry: tuple[int, Any] | None) -> Iterable[tuple[int, str]]:
    """Line and text of a sequence's scalars, and of the scalars in its mappings (the long form of `volumes`)."""
    items = getattr(entry[1], "value", None) if entry is not None else None
    for item in items if isinstance(items, list) else ():
        value = getattr(item, "value", None)
        if isinstance(value, str):
            yield item.start_mark.line + 1, value
        elif isinstance(value, list):
            for pair in value:
                inner: Any = pair[1] if isinstance(pair, tuple) else item
                if isinstance(inner.value, str):
                    yield inner.start_mark.line + 1, inner.value
