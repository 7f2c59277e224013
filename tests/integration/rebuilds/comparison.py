"""The model's verdicts beside a real builder's, step by step.

Here: a Dockerfile made buildable without the network, its steps by the builder's numbers, the comparison. Not here: which
commits are built.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.stages import stage_graph
from dockml_dagster.study.rebuilds.keys import Build
from dockml_dagster.study.rebuilds.model import FileRebuild, Plan

_SYNTAX = re.compile(r"^(\s*)#(\s*syntax\s*=)", re.MULTILINE | re.IGNORECASE)
_URL = re.compile(r"https?://")


@dataclass
class Needs:
    """What base images must hold for some Dockerfiles to be built: see ``base_images.layer``."""

    folders: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    def add(self, text: bytes) -> None:
        for item in read_dockerfile(text).instructions:
            words = [word.text or word.raw for word in item.expanded] or list(item.arguments)
            if item.keyword in ("COPY", "ADD") and item.flag("from") is not None:
                self.folders.update(
                    re.sub(r"[*?\[\]]", "x", posixpath.normpath("/" + word)) for word in words[:-1]
                )
            elif item.keyword in ("RUN", "SHELL") and item.form == "exec" and words:
                self.programs.add(words[0] if "/" in words[0] else f"bin/{words[0]}")
            elif item.keyword == "USER" and words:
                self.users.update(words[0].split(":"))
            for owner in (item.flag("chown") or "").split(":"):
                self.users.add(owner)
        self.users = {
            user for user in self.users if re.fullmatch(r"[A-Za-z_][\w.-]*", user) and user != "root"
        }


def buildable(text: bytes, registry: str) -> bytes:
    """The same Dockerfile with every image of ``registry``, downloads from there, and no frontend of its own."""
    reading = read_dockerfile(text)
    lines = text.decode("utf-8", "replace").split("\n")
    for stage in reading.stages:
        base = stage.base
        if base.stage is None and not base.scratch:
            at = stage.start_line - 1
            lines[at] = re.sub(
                r"(?i)^(\s*FROM\s+(?:--\S+\s+)?)(\S+)", lambda m: m[1] + _moved(m[2], registry), lines[at]
            )
    for edge in stage_graph(reading).edges:
        if edge.kind != "from" and edge.source.repository:
            at = edge.line - 1
            lines[at] = lines[at].replace(
                f"from={edge.source.raw}", f"from={_moved(edge.source.raw, registry)}"
            )
    for item in reading.instructions:
        if item.keyword == "ADD":
            for at in range(item.start_line - 1, item.end_line):
                lines[at] = _URL.sub(f"http://{registry}/", lines[at])
    return _SYNTAX.sub(r"\1# was\2", "\n".join(lines)).encode("utf-8", "replace")


def _moved(reference: str, registry: str) -> str:
    name, _, digest = reference.partition("@")
    if digest:
        name = name.rsplit(":", 1)[0] + ":" + digest.replace(":", "-")
    return f"{registry}/{name}"


def numbered(text: bytes, plan: Plan) -> list[tuple[str, int]]:
    """Each step of the plan as the builder's log calls it: its stage's name, and its number there."""
    reading = read_dockerfile(text)
    single = len(stage_graph(reading).reaching) == 1 and len(reading.stages) == 1
    counts: dict[int, int] = {}
    found = []
    for vertex in plan.vertices:
        stage = reading.stages[vertex.stage]
        counts[vertex.stage] = counts.get(vertex.stage, 0) + 1
        name = stage.name or ("" if single else f"stage-{vertex.stage}")
        found.append((name, counts[vertex.stage]))
    return found


@dataclass
class Agreement:
    """Steps compared; ``kinds``: disagreements by what the model said, the keyword and its causes."""

    builds: int = 0
    steps: int = 0
    hits: int = 0
    agree: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def add(
        self, built: Build, names: Sequence[tuple[str, int]], rebuilt: FileRebuild | None,
        real: Mapping[tuple[str, int], bool], where: str = "",
    ) -> None:  # fmt: skip
        """Compare one build. A step whose key another has shares its line of the log, and is left out where it has none."""
        missed = {miss.position: miss for miss in rebuilt.misses if not miss.ever} if rebuilt else {}
        self.builds += 1
        for vertex, place in zip(built.plan.vertices, names, strict=True):
            # The log of a file of one stage may name that stage.
            name = place if place in real or place[0] else ("stage-0", place[1])
            if vertex.keyword == "FROM" or name not in real:
                continue
            said = vertex.position not in missed
            self.steps += 1
            self.hits += said
            self.agree += said == real[name]
            if said != real[name]:
                miss = missed.get(vertex.position)
                why = "a hit" if said else "a miss by " + ", ".join(miss.causes if miss else ())
                kind = f"{vertex.keyword}: {why} that was none"
                self.kinds[kind] = self.kinds.get(kind, 0) + 1
                self.examples.append(f"{where}:{vertex.line} {kind}")
