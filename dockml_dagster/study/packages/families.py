"""Families: packages with different names that are the same framework or CUDA library.

Here: the rules of the seed ``package_families.csv``, and what an image holds twice by them. Not here: finding packages
(``inventory``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from dockml_dagster.study.packages.model import ImagePackage

_COLUMNS: Final = ("family", "family_group", "ecosystem", "pattern")
_NESTED: Final = frozenset({"npm", "golang"})
"""Ecosystems in which several versions of one library are the rule."""


class FamilyRule(NamedTuple):
    """A rule: packages of an ecosystem whose names match ``pattern`` (`*`, `?`, `[…]`) belong to ``family``."""

    family: str
    group: str
    ecosystem: str
    pattern: str


def parse_families(text: str) -> tuple[FamilyRule, ...]:
    """The rules of the seed's text. Raises ``ValueError`` that names the line which cannot be used."""
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise ValueError(f"package families: the columns must be {', '.join(_COLUMNS)}")
    rules = []
    for row in reader:
        if None in row or not all(row.values()) or row["pattern"].count("*") > 2:
            raise ValueError(f"package families, line {reader.line_num}: four values, at most two `*`")
        rules.append(FamilyRule(row["family"], row["family_group"], row["ecosystem"], row["pattern"]))
    return tuple(rules)


def family_of(rules: Iterable[FamilyRule], ecosystem: str, name: str) -> str | None:
    """The family of a package; the first rule that matches decides."""
    for rule in rules:
        if rule.ecosystem == ecosystem and fnmatchcase(name, rule.pattern):
            return rule.family
    return None


@dataclass(frozen=True, slots=True)
class Doubled:
    """A framework or library that several packages of an image contain. ``bytes``: of all packages but the largest."""

    name: str
    packages: tuple[str, ...]
    bytes: int


def doubled(packages: Sequence[ImagePackage]) -> tuple[Doubled, ...]:
    """Frameworks and libraries that a container sees more than once, from another manager or in another version; most
    bytes first. Packages without bytes do not count as copies.
    """
    things: dict[str, list[ImagePackage]] = {}
    for package in packages:
        if not package.visible or package.inside is not None or not package.bytes:
            continue
        if package.family is not None:
            things.setdefault(package.family, []).append(package)
        elif package.ecosystem not in _NESTED:
            things.setdefault(f"{package.ecosystem} {package.name}", []).append(package)
    found = []
    for name, several in things.items():
        if len({(one.ecosystem, one.version) for one in several}) < 2:
            continue
        by_size = sorted(several, key=lambda one: -one.bytes)
        texts = tuple(f"{one.ecosystem} {one.name} {one.version}" for one in by_size)
        found.append(Doubled(name, texts, sum(one.bytes for one in by_size[1:])))
    return tuple(sorted(found, key=lambda one: (-one.bytes, one.name)))
