"""Which folder is the build context of a Dockerfile.

Here: finding it in files of the repository, or by where the sources of COPY lie. Not here: reading those files. The context
affects the result more than anything else, so every figure states how it was found (``model.ContextFrom``).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.formats.yaml import load_or_none
from dockml_dagster.study.project.compose import is_compose
from dockml_dagster.study.project.facts import is_workflow
from dockml_dagster.study.rebuilds.model import ContextFrom, Plan
from dockml_dagster.study.rebuilds.path_patterns import glob_expression, is_glob
from dockml_dagster.study.rebuilds.tree import Tree

_BUILD = re.compile(r"\bdocker(?:\s+(?:buildx|image))?\s+build\s+([^\n;&|]{1,2000})")
_VALUED = frozenset(
    "-t --tag --build-arg --target --platform --label --cache-from --cache-to -o --output --progress --network "
    "--secret --ssh --shm-size --iidfile -m --memory --add-host --builder --metadata-file --cpuset-cpus".split()
)
_SCRIPTS = (".sh", ".bash", "Makefile", "makefile", ".mk", "Justfile", "justfile")
MOST_CANDIDATES = 32
"""Most folders above a Dockerfile that are tried."""


@dataclass(frozen=True, slots=True)
class Context:
    """A build context: a folder of the repository (empty: its root), and how it was found."""

    folder: str
    found: ContextFrom


def tells_contexts(path: str) -> bool:
    """Whether a file may state how a Dockerfile is built: Compose, a workflow, a script, a makefile."""
    return is_compose(path) or is_workflow(path) or path.endswith(_SCRIPTS)


def told_contexts(files: Iterable[tuple[str, str]]) -> dict[str, Context]:
    """The contexts that files (path, text) state, by Dockerfile: the most frequent one, of equal ones the shortest."""
    said: dict[str, Counter[str]] = {}
    for path, text in files:
        pairs = _compose(path, text) if is_compose(path) else _commands(path, text)
        if is_workflow(path):
            pairs = [*pairs, *_build_push(text)]
        for dockerfile, folder in pairs:
            said.setdefault(dockerfile, Counter())[folder] += 1
    return {
        path: Context(min(folders, key=lambda folder: (-folders[folder], len(folder), folder)), "told")
        for path, folders in said.items()
    }


def by_sources(path: str, plan: Plan, tree: Tree) -> Context:
    """The folder in which most of its sources exist, among the Dockerfile's own and those above it."""
    own = posixpath.dirname(path)
    patterns = {source.pattern for vertex in plan.vertices for source in vertex.sources}
    if not patterns:
        return Context(own, "none")
    if patterns == {""}:
        return Context(own, "only dot")
    candidates = [own]
    while candidates[-1] and len(candidates) < MOST_CANDIDATES:
        candidates.append(posixpath.dirname(candidates[-1]))
    if candidates[-1]:
        note_cut("more than 32 folders above a Dockerfile")
    if len(candidates) == 1:
        return Context(own, "sources")
    there = {
        folder: sum(_exists(folder, pattern, tree) for pattern in patterns if pattern)
        for folder in candidates
    }
    best = max(there.values())
    winners = [folder for folder in candidates if there[folder] == best]
    return Context(winners[0], "sources" if len(winners) == 1 and best else "tie")


def _exists(folder: str, pattern: str, tree: Tree) -> bool:
    if not is_glob(pattern):
        return tree.has(posixpath.join(folder, pattern))
    expression = glob_expression(pattern)
    return any(expression.fullmatch(path) for path in tree.below(folder, pattern.count("/") + 1))


def _inside(*parts: str) -> str | None:
    """The path in the repository; None for one outside it or with a variable."""
    joined = posixpath.normpath(posixpath.join(*parts))
    if joined.startswith(("/", "..")) or "$" in joined or "://" in joined:
        return None
    return "" if joined == "." else joined


def _compose(path: str, text: str) -> list[tuple[str, str]]:
    root = load_or_none(text)
    services = root.get("services") if isinstance(root, dict) else None
    found = []
    for service in services.values() if isinstance(services, dict) else ():
        built = service.get("build") if isinstance(service, dict) else None
        if isinstance(built, str):
            built = {"context": built}
        if not isinstance(built, dict):
            continue
        folder = _inside(posixpath.dirname(path), str(built.get("context", ".")))
        if folder is not None:
            dockerfile = _inside(folder, str(built.get("dockerfile", "Dockerfile")))
            if dockerfile:
                found.append((dockerfile, folder))
    return found


def _build_push(text: str) -> Iterator[tuple[str, str]]:
    """(Dockerfile, context) in steps with ``docker/build-push-action``, whose paths are relative to the root."""
    root = load_or_none(text)
    jobs = root.get("jobs") if isinstance(root, dict) else None
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps: Any = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            given = step.get("with") if isinstance(step, dict) else None
            if "build-push-action" in str(step.get("uses", "") if isinstance(step, dict) else ""):
                given = given if isinstance(given, dict) else {}
                # Without a context the action makes the builder clone the repository, so it is the root.
                folder = _inside("", str(given.get("context", ".")))
                if folder is not None:
                    dockerfile = _inside(str(given.get("file", posixpath.join(folder, "Dockerfile"))))
                    if dockerfile:
                        yield dockerfile, folder


def _commands(path: str, text: str) -> list[tuple[str, str]]:
    """(Dockerfile, context) in ``docker build`` commands. Workflows start at the root. Scripts start in their own folder or
    at the root: the root is assumed, unless the script lies beside what it names.
    """
    found = []
    for match in _BUILD.finditer(text.replace("\\\n", " ")):
        try:
            words = shlex.split(match[1], comments=True)
        except ValueError:
            continue
        file, places, at = None, [], 0
        while at < len(words):
            word = words[at]
            if word in ("-f", "--file") and at + 1 < len(words):
                file = words[at + 1]
                at += 1
            elif word.startswith("--file="):
                file = word.partition("=")[2]
            elif word in _VALUED:
                at += 1
            elif not word.startswith("-"):
                places.append(word)
            at += 1
        if len(places) == 1:
            folder = _inside("", places[0])
            dockerfile = _inside("", file) if file else _inside(places[0], "Dockerfile")
            if folder is not None and dockerfile:
                found.append((dockerfile, folder))
    return found
