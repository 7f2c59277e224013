"""What every corpus offers: the interface between where projects come from and the ``raw`` tables.

Here: the frozen types that a corpus hands over, and the protocol. Not here: any particular corpus, any writing
(``warehouse``), any Dagster.

dockml calls a corpus in two ways. ``listing()`` says which projects there are and, for each stage of each project, a hash
of what a collection would read: comparing these hashes shows what is due. ``collect()`` reads one stage of one project and
returns rows and outcomes. It raises only for problems that concern no single project; any other problem is an outcome.
"""

from __future__ import annotations

import re
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
"""``collected``: read. ``not_available``: the corpus has nothing of the kind. ``gone``: it existed, but no longer does or is
no longer public. ``forbidden``: it exists, but access was refused; the reason quotes the service.
``unreadable``: it exists, but its bytes cannot be decoded. ``malformed``: it can be decoded, but is invalid.
``not_selected``: it exists, but was not chosen to be read. ``failed``: an error this time."""

Row = Mapping[str, Any]


class CorpusError(DockmlError):
    """The corpus as a whole cannot be read. Nothing was collected; earlier collections are untouched."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one subject at one stage. ``subject`` is '' for the stage of a project as a whole. ``retry_at``:
    a retry before this moment (unix time) is pointless; None: unknown.
    """

    stage: str
    subject: str
    status: Status
    reason: str | None = None
    retryable: bool = False
    retry_at: float | None = None


FILE_LIST = "file list"
"""A subject of the stage ``dockerfiles``. ``collected`` means: every path of the project was listed and none was left out of
``raw.repository_files``, so a file that is missing there does not exist. A corpus that cannot know this (a package of
Dockerfiles alone, a truncated listing) omits the outcome; conclusions from a missing file are then unknown."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Rows by table (``raw.dockerfiles`` → rows), and the outcome for each subject."""

    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    outcomes: Sequence[Outcome] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a corpus holds now.

    ``projects``: partition keys, in the corpus's own order. ``inputs``: stage → project → hash of what a collection
    would read. ``rows``: of ``raw.candidates``, ``raw.projects`` and other tables that belong to no selected project.
    ``labels``: rows of ``raw.labels`` and related tables. ``source``: what was read, as a person would cite it. ``as_of``:
    the moment (UTC) that an immutable source describes; None: now. ``is_complete``: whether every project of the source
    is listed; in an incomplete listing (a folder could not be read) a missing project does not count as removed.
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
    """The cost of one kind of request. ``calls``: requests; ``counted``: what they use of ``budget`` ('': free), in points
    where the budget counts points; ``here``: how many answers are stored already. ``seconds``: without waits for budgets.
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
    """What bringing a corpus up to date would cost. ``assumed``: assumptions, one line each; ``summary``: one line.

    ``runs``: how many are needed if each ends at the first used-up budget; ``seconds``: for all of them, waits included.
    """

    costs: Sequence[Cost] = ()
    assumed: Sequence[str] = ()
    summary: str = ""
    runs: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Unasked:
    """What a visit could not ask. ``candidates``: repositories whose place in the funnel is still open; ``projects``: those
    selected earlier but not visited this time; ``searches``: unfinished ones. ``retry_at``: unix time; None: unknown.
    """

    candidates: int
    projects: int
    searches: int
    reason: str
    retry_at: float | None = None


Option = Literal["frame", "path", "images"]
"""The options of a corpus: ``--frame``, ``--path``, ``--images``."""


class Corpus(ABC):
    """One source of projects. A corpus is a subclass and its entry in ``corpora.CORPORA``."""

    name: str
    """First part of partition keys; the value of ``--corpus``."""
    method_version: ClassVar[str]
    """Changes when the same source would give other rows; makes every stage of the corpus due."""
    description: ClassVar[str]
    """Where its projects come from, in one line."""
    options: ClassVar[frozenset[Option]] = frozenset()
    """The command-line options that it accepts."""
    remembers: ClassVar[Mapping[str, str]] = {}
    """Options that sensors, schedules and the next study need to know (``corpora.remembered``): word → field of
    ``Settings``. The first says where the projects are; if the settings have it, nothing is recalled."""
    is_visited: ClassVar[bool] = False
    """Whether its source changes by itself and requests to it have a cost. Then only ``visit`` and ``collect`` send
    requests, and ``fingerprint`` and ``listing`` describe the result of the newest visit."""
    partition_unit: ClassVar[str] = "project"
    """The name of what one partition holds. A partition with several projects is a shard: the rows of
    ``raw.projects`` say which (``shard``)."""
    partitions_at_once: ClassVar[int] = 100
    """Partitions that are collected and stored together, which bounds the memory."""

    @classmethod
    @abstractmethod
    def of(cls, settings: Settings) -> Self:
        """The corpus as the settings describe it; nothing is read yet."""

    @classmethod
    def member(cls, settings: Settings, member: str) -> Self:
        """The corpus ``<name>:<member>``, if the class stands for several; nothing is read yet.

        Raises:
            BadInputError: the class stands for one corpus.
        """
        raise BadInputError(f"no corpus is called {cls.name}:{member}; {cls.name} is one")

    @property
    def fingerprint_asks_network(self) -> bool:
        """Whether even ``fingerprint`` uses the network; sensors then do not call it."""
        return False

    @property
    def layers_version(self) -> str:
        """Changes when the same layers would give other rows; makes ``layer_stats`` due. Empty: it reads no layers."""
        return ""

    def methods(self) -> dict[str, str]:
        """Stage → version of the code that collects it. A new version makes the stage due.

        Raised by hand, because collecting may cost downloads; when the code changed,
        ``tests/conventions/test_held_versions.py`` asks whether the rows changed.
        """
        own, layers = self.method_version, self.layers_version
        return {**dict.fromkeys(STAGES, own), **({"layer_stats": f"{own} layers {layers}"} if layers else {})}

    @property
    def follows_tags(self) -> bool:
        """Whether image names are resolved again at each visit, and registries may be asked to."""
        return False

    @abstractmethod
    def fingerprint(self) -> str:
        """A cheap hash of the whole source: if it is equal, a new listing would be the same."""

    @abstractmethod
    def listing(self) -> Listing:
        """Read the source. Raises CorpusError if it cannot be read at all."""

    @abstractmethod
    def collect(self, stage: Stage, project: str) -> Collected:
        """Read one stage of one project."""

    def repository(self, project: str) -> Path | None:
        """The git repository of a project on this machine, whose newest commit a listing recorded (``raw.histories``)."""
        return None

    def visit(self, names: Sequence[str] = (), *, oldest: float = 0.0) -> Mapping[str, str]:
        """Ask the source for its present state, if ``is_visited``. ``names`` (``owner/name``): projects to look at in any
        case. Without names, nothing is asked if the newest visit is younger than ``oldest`` seconds.

        Returns those of ``names`` that are left out, with the reason. Raises DockmlError if the source cannot be asked.
        """
        return {}

    def cost(self, images_here: Collection[str], names: Sequence[str] = ()) -> Estimate:
        """What bringing the corpus up to date would cost, or only ``names``. Without rows in it: no request is needed.

        ``images_here``: references whose manifests are stored already.
        """
        return Estimate()

    def unasked(self) -> Unasked | None:
        """What the newest visit could not ask because of a limit or an outage; None if it asked for everything."""
        return None


_NO_KEY = re.compile(r"[\x00-\x20,]|\.\.\.")
"""Text that Dagster refuses in a partition key, or takes for a range of keys."""


def partition_key(corpus: str, name: str) -> str:
    """``<corpus>/<owner>/<name>``, the key of partitions and of the ``project`` column everywhere.

    Raises:
        BadInputError: ``name`` is not ``owner/name``.
    """
    parts = name.split("/")
    if len(parts) != 2 or not all(parts) or _NO_KEY.search(name):
        raise BadInputError(f"a project is written OWNER/NAME, not {name!r}")
    return f"{corpus}/{name}"
