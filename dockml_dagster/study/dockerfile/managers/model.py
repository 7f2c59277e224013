"""The types for a package manager: its command line, and where its cache lies.

Here: the types. Not here: any one manager (the modules beside this one), what a given command installs
(``run.packages``).
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

    ``takes``: what its words are. ``alone``: the file that it reads where no package is named. ``locked``: it installs
    only what a lock file names. ``valued`` and ``switches``: options that, for this subcommand only, take a value or take
    none. ``skips``: how many leading words are not packages. ``groups``: its words are groups, which have no versions.
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
    """Where a manager keeps its downloads, and how they stay out of the image.

    ``folders``: absolute, or below the home folder (``~/…``). ``moved_by``: variables that name another folder, with
    what is appended to them; ``moved_by_option``: options that do. ``off_options`` and ``off_variables`` switch it off;
    the variables do so by any value except an empty or a false one (``any_value``: by a false one too). ``cleaned_by``:
    programs that empty it, with the first words of their arguments.
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
    """One manager. ``verbs``: its installing subcommands, by their words (no words: the program alone installs).

    ``clusters``: several one-letter options may stand in one word (``-qr file``). ``locked``: options with which it
    installs exactly what a lock names. ``constraints``: options whose files may give versions. ``no_recommends``: options
    that leave recommended packages out (``plain``: it never installs them). ``local_index``: options that take packages
    from a folder, which fixes the versions. ``groups``: options that name a group of the project's own file
    (``[path:]group``). ``switch_values``: ``true`` or ``false`` after any option is its value.
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
    """A program without subcommands that installs every package it is given."""
    return Manager(name, ecosystem, source, {(): verb or Verb()}, package, valued=words(valued), plain=plain)
