"""What every corpus offers: the interface between where projects come from and the ``raw`` tables.

Here: the frozen types that a corpus hands over, and the protocol. Not here: any particular corpus, any writing
(``warehouse``), any Dagster.

A corpus is asked twice. ``listing()`` says which projects there are and, for each stage of each project, a hash of what a
collection would read: the wanted side of "what is due". ``collect()`` reads one stage of one project and hands over rows
and outcomes. It raises only for what no project can be blamed for; whatever is wrong with one project is an outcome.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from dockml_dagster.errors import BadInputError, DockmlError
from dockml_dagster.settings import Settings

Stage = Literal["dockerfiles", "manifests", "layer_stats"]

STAGES: tuple[Stage, ...] = ("dockerfiles", "manifests", "layer_stats")
"""The partitioned stages, in the order in which they run; also the names of their Dagster assets."""

Status = Literal[
    "collected", "not_available", "gone", "forbidden", "unreadable", "malformed", "not_selected", "failed",
]  # fmt: skip
"""``collected``: read. ``not_available``: the corpus has nothing of the kind. ``gone``: was there, is no longer, or not for
everybody. ``forbidden``: there, and refused to us; the reason has the service's own sentence.
``unreadable``: there, but its bytes cannot be decoded. ``malformed``: readable, but not what it should be.
``not_selected``: there, but no selected project names it. ``failed``: did not work this time."""

Row = Mapping[str, Any]


class CorpusError(DockmlError):
    """The corpus as a whole cannot be read. Nothing was collected; what was collected before is untouched."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one subject at one stage. ``subject`` is '' for the stage of a project as a whole. ``retry_at``:
    before this moment (unix time) a retry is in vain; None: not known.
    """

    stage: str
    subject: str
    status: Status
    reason: str | None = None
    retryable: bool = False
    retry_at: float | None = None


FILE_LIST = "file list"
"""Subject of stage ``dockerfiles``. ``collected`` means: every path of the project was seen and none was left out of
``raw.repository_files``, so a file that is not there does not exist. A corpus that cannot say so (a package of Dockerfiles
alone, a truncated listing) leaves the outcome out, and what depends on an absent file is unknown."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Rows by table (``raw.dockerfiles`` → rows) and what happened to each subject."""

    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    outcomes: Sequence[Outcome] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a corpus holds now.

    ``projects``: partition keys, in the corpus's own order. ``inputs``: stage → project → hash of what a collection
    would read. ``rows``: those of ``raw.candidates``, ``raw.projects`` and whatever belongs to no selected project.
    ``labels``: rows of ``raw.labels`` and its kin. ``source``: what was read, as a person would cite it. ``as_of``: the
    moment (UTC) that a source tells of which does not change any more; None: now. ``is_complete``: whether every project of
    the source is there; who is missing from a listing that is not (a folder could not be read) has not left.
    """

    source: str
    projects: Sequence[str]
    inputs: Mapping[Stage, Mapping[str, str]]
    rows: Mapping[str, Sequence[Row]]
    labels: Mapping[str, Sequence[Row]]
    outcomes: Sequence[Outcome] = ()
    as_of: datetime | None = None
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of question. ``calls``: requests; ``counted``: what they take of ``budget`` ('': free), which is points where
    a budget has them; ``here``: how much of it is here already. ``seconds``: without waits for budgets.
    """

    what: str
    calls: int
    counted: int
    here: int
    budget: str
    remaining: int | None
    bytes: int | None
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What bringing a corpus up to date would cost. ``assumed``: a line each; ``summary``: one line of it all.

    ``runs``: how many it takes where each ends at the first budget that is used up; ``seconds``: of all, waits included.
    """

    costs: Sequence[Cost] = ()
    assumed: Sequence[str] = ()
    summary: str = ""
    runs: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Unasked:
    """What a visit could not ask. ``candidates``: of whom it is not known how far they come; ``projects``: selected earlier,
    and not looked at again; ``searches``: that were not ended. ``retry_at``: unix time; None: not known.
    """

    candidates: int
    projects: int
    searches: int
    reason: str
    retry_at: float | None = None


Option = Literal["frame", "path", "images"]
"""What a user may say to a corpus: ``--frame``, ``--path``, ``--images``."""


class Corpus(ABC):
    """One source of projects. A corpus is a subclass and its line in ``corpora.CORPORA``."""

    name: str
    """First part of partition keys; what ``--corpus`` takes."""
    method_version: ClassVar[str]
    """Changes when the same source would give other rows; makes every stage of the corpus due."""
    description: ClassVar[str]
    """Where its projects come from, in one line."""
    options: ClassVar[frozenset[Option]] = frozenset()
    """What it can be told on the command line."""
    remembers: ClassVar[Mapping[str, str]] = {}
    """What sensors, schedules and the next study are to know of it (``corpora.remembered``): word → field of ``Settings``.
    The first says where its projects are; where the settings have that, nothing is recalled."""
    is_visited: ClassVar[bool] = False
    """Whether its source changes by itself and costs something to ask: only ``visit`` and ``collect`` ask it, and
    ``fingerprint`` and ``listing`` tell what the newest visit left."""
    partition_unit: ClassVar[str] = "project"
    """What one partition holds, as people call it. A partition that holds several projects is a shard: the rows of
    ``raw.projects`` say which (``shard``)."""
    partitions_at_once: ClassVar[int] = 100
    """Partitions that are collected and stored together, which bounds the memory."""

    @classmethod
    @abstractmethod
    def of(cls, settings: Settings) -> Self:
        """The corpus as the settings describe it; nothing is read yet."""

    @classmethod
    def member(cls, settings: Settings, member: str) -> Self:
        """The corpus ``<name>:<member>``, where a class stands for several; nothing is read yet.

        Raises:
            BadInputError: it stands for one.
        """
        raise BadInputError(f"no corpus is called {cls.name}:{member}; {cls.name} is one")

    @property
    def fingerprint_asks_network(self) -> bool:
        """Whether even the cheap look at the source leaves this machine; sensors do not take such a look."""
        return False

    @property
    def layers_version(self) -> str:
        """Changes when the same layers would give other rows; makes ``layer_stats`` due. Empty: it reads no layers."""
        return ""

    def methods(self) -> dict[str, str]:
        """Stage → version of how it is collected. Another one makes that stage due.

        Held by hand, because collecting may cost downloads; where the code changed,
        ``tests/conventions/test_held_versions.py`` asks whether the rows did.
        """
        own, layers = self.method_version, self.layers_version
        return {**dict.fromkeys(STAGES, own), **({"layer_stats": f"{own} layers {layers}"} if layers else {})}

    @property
    def follows_tags(self) -> bool:
        """Whether images are what their names resolve to now, and registries may be asked where that is."""
        return False

    @abstractmethod
    def fingerprint(self) -> str:
        """A cheap hash of the whole source: equal means that listing again would give the same."""

    @abstractmethod
    def listing(self) -> Listing:
        """Read what there is. Raises CorpusError where the source cannot be read at all."""

    @abstractmethod
    def collect(self, stage: Stage, project: str) -> Collected:
        """Read one stage of one project."""

    def repository(self, project: str) -> Path | None:
        """The git repository of a project on this machine, of which a listing gave the newest commit (``raw.histories``)."""
        return None

    def visit(self, names: Sequence[str] = (), *, oldest: float = 0.0) -> Mapping[str, str]:
        """Ask the source what there is now, where ``is_visited``. ``names`` (``owner/name``): to be looked at too, whatever
        the corpus looks for. Nothing is asked if the newest visit is younger than ``oldest`` seconds and no names are given.

        Returns those of ``names`` that are left out, with the reason. Raises DockmlError where nothing can be asked.
        """
        return {}

    def cost(self, images_here: Collection[str], names: Sequence[str] = ()) -> Estimate:
        """What bringing the corpus up to date would cost, or only ``names``. No rows: nothing is asked of anybody.

        ``images_here``: references whose manifests are here already.
        """
        return Estimate()

    def unasked(self) -> Unasked | None:
        """What the newest visit could not ask, for a limit or an outage; None where it asked for everything."""
        return None


def partition_key(corpus: str, name: str) -> str:
    """``<corpus>/<owner>/<name>``, the key of partitions and of the ``project`` column everywhere.

    Raises:
        BadInputError: ``name`` is not ``owner/name``.
    """
    parts = name.split("/")
    if len(parts) != 2 or not all(parts) or any(ord(c) < 33 or c == "," for c in name) or "..." in name:
        raise BadInputError(f"a project is written OWNER/NAME, not {name!r}")
    return f"{corpus}/{name}"
