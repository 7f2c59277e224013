"""What is known of a package manager: how its command line reads, and where its cache lies.

Here: the types. Not here: any one manager (the modules beside this one), or what a given command installs
(``packages``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dockml_dagster.study.dockerfile.managers.package_names import Package


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Verb:
    """A subcommand that installs.

    ``takes``: what its words are. ``alone``: the file it reads where no package is named. ``locked``: whatever it
    installs is what a lock file names. ``valued`` and ``switches``: options that take a value here only, or only here
    take none. ``skips``: leading words that are no package. ``groups``: its words are groups, which no version can name.
    """

    takes: Literal["packages", "files", "nothing"] = "packages"
    alone: str | None = None
    locked: bool = False
    valued: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()
    skips: int = 0
    groups: bool = False


@dataclass(frozen=True, slots=True)
class Cache:
    """Where a manager keeps what it downloaded, and how that stays out of the image.

    ``folders``: absolute, or below the home folder (``~/…``). ``moved_by``: variables that name another folder, with
    what is appended to them; ``moved_by_option``: options that do. ``off_options`` and ``off_variables`` (any value
    but an empty or a false one; ``any_value``: a false one too) switch it off. ``cleaned_by``: programs with the first
    words of the arguments that empty it.
    """

    folders: tuple[str, ...]
    moved_by: Mapping[str, str] = field(default_factory=dict)
    moved_by_option: frozenset[str] = frozenset()
    off_options: frozenset[str] = frozenset()
    off_variables: frozenset[str] = frozenset()
    any_value: bool = False
    cleaned_by: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Manager:
    """One manager. ``verbs``: by the subcommand's words (the empty one: the program alone installs).

    ``clusters``: several one-letter options may stand in one word (``-qr file``). ``locked``: options by which it
    installs exactly what a lock names. ``constraints``: options whose files may give versions. ``no_recommends``: options
    that leave recommended packages out (``plain``: it never takes them). ``local_index``: options by which versions are
    those that a folder holds. ``groups``: options that name a group of the project's own file (``[path:]group``).
    ``switch_values``: ``true`` or ``false`` after any option is its value.
    """

    name: str
    ecosystem: str
    source: str
    verbs: Mapping[tuple[str, ...], Verb]
    package: Callable[[str, str], Package | None]
    valued: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    constraints: frozenset[str] = frozenset()
    editable: frozenset[str] = frozenset()
    index: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    no_recommends: frozenset[str] | None = None
    plain: bool = False
    local_index: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    switch_values: bool = False
    cache: Cache | None = None
    constraint_variables: frozenset[str] = frozenset()
    locked_variables: frozenset[str] = frozenset()
    clusters: bool = True


def verbs(text: str) -> dict[tuple[str, ...], Verb]:
    """Subcommands that take packages and nothing else."""
    return {(word,): Verb() for word in text.split()}


def bare(name: str, ecosystem: str, source: str, package: Callable[[str, str], Package | None], valued: str = "", *,
          verb: Verb | None = None, plain: bool = False) -> Manager:  # fmt: skip
    """A program that installs whatever it is given, without a subcommand."""
    return Manager(name, ecosystem, source, {(): verb or Verb()}, package, valued=words(valued), plain=plain)
