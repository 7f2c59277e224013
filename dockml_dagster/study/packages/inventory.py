"""The packages of an image: which, how many bytes of it each has, which layer brought them.

Here: one pass over the image's union, and what follows from it. Not here: whose a file is (``ownership``), which
packages are one thing (``families``).

Bytes are contents stored in the layers, each file once whatever its names, as in ``study.layer.image``: all packages
and all directories of files that are nobody's add up to the image's own sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockml_dagster.study.layer.union import Merged
from dockml_dagster.study.packages.families import Doubled, FamilyRule, doubled, family_of
from dockml_dagster.study.packages.model import ImagePackage, Reading
from dockml_dagster.study.packages.ownership import NOBODY, Candidates, ClaimIndex, Owners
from dockml_dagster.study.packages.purl import package_url

_MOST_LINKED: Final = 131_072
"""Files of nobody's that are remembered because another name of theirs may be claimed."""
_MOST_PLACES: Final = 50_000
"""Directories of nobody's files that are told apart; further ones count as `(other)`."""


class Unowned(NamedTuple):
    """Files of one directory (its first two segments) that are of no package."""

    directory: str
    files: int
    bytes: int
    hidden_files: int
    hidden_bytes: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What ``PackageTally`` found. ``problems``: databases that could not be read, and caps; then packages may be missing
    and files nobody's that are somebody's. ``distribution``: id and version of the operating system.
    """

    packages: tuple[ImagePackage, ...]
    unowned: tuple[Unowned, ...]
    doubled: tuple[Doubled, ...]
    problems: tuple[str, ...]
    distribution: tuple[str, str] | None


_Key = tuple[int, bool, Candidates, str]
"""Layer, whether hidden, who may own it, and the directory that says where it is if nobody does."""


class PackageTally:
    """Sums the files of an image up by who may own them: a visitor of ``summarise_image``."""

    def __init__(self, readings: Sequence[Sequence[Reading]]) -> None:
        """``readings``: what the databases of each layer said, lowest layer first."""
        self._readings = readings
        self.index = ClaimIndex(readings)
        self._databases = {reading.path for several in readings for reading in several}
        self._visible: set[tuple[int, str]] = set()
        self._met: set[tuple[int, str]] = set()
        self._sums: dict[_Key, list[int]] = {}
        self._found: dict[int, int] = {}
        self._nobodys: dict[tuple[int, str], tuple[bool, int, str]] = {}
        self._linked: dict[tuple[int, str], Candidates] = {}
        self._places: set[str] = set()

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Look at entries of the image, in path order."""
        candidates, found, databases = self.index.candidates, self._found, self._databases
        for entry, layer, hidden_by, _ in batch:
            path, kind = entry[0], entry[1]
            hidden = hidden_by is not None
            if path in databases and kind in {"file", "hardlink"}:
                self._met.add((layer, path))
                if not hidden:
                    self._visible.add((layer, path))
            if kind != "file":
                if not hidden:
                    who = candidates(path)
                    if who[0]:
                        found[who[0]] = found.get(who[0], 0) + 1
                    if kind == "hardlink" and who is not NOBODY and len(self._linked) < _MOST_LINKED:
                        self._linked.setdefault((layer, entry.link_target or ""), who)
                continue
            who = candidates(path)
            if who[0] and not hidden:
                found[who[0]] = found.get(who[0], 0) + 1
            place = self._place(path)
            if who is NOBODY and len(self._nobodys) < _MOST_LINKED:
                self._nobodys[layer, path] = (hidden, entry.stored, place)
                continue
            self._count((layer, hidden, who, place), entry.stored)

    def _count(self, key: _Key, size: int) -> None:
        total = self._sums.get(key)
        if total is None:
            total = self._sums[key] = [0, 0]
        total[0] += 1
        total[1] += size

    def _place(self, path: str) -> str:
        first = path.find("/")
        second = path.find("/", first + 1)
        place = path[:second] if second > 0 else path[:first] if first > 0 else "."
        if place not in self._places:
            if len(self._places) >= _MOST_PLACES:
                return "(other)"
            self._places.add(place)
        return place

    def owners(self) -> Owners:
        """Whose each file is, once the image was looked through."""
        return Owners(self.index, self._readings, self._visible)

    def owner_of(self) -> Callable[[str, int, bool], str | None]:
        """The function that tells, of a path, its layer and whether it is hidden, whose it is: `ecosystem name`."""
        owners = self.owners()

        def owner(path: str, layer: int, hidden: bool) -> str | None:
            number = owners.owner(self.index.candidates(path), layer, hidden=hidden)
            if number is None:
                return None
            package = owners.packages[number][2]
            return f"{package.ecosystem} {package.name}"

        return owner

    def inventory(
        self, families: Sequence[FamilyRule], compressed: Sequence[int | None] | None = None
    ) -> Inventory:
        """What was found; to be asked once. ``compressed``: stored bytes of each layer's blob."""
        for (layer, path), (hidden, size, place) in self._nobodys.items():
            self._count((layer, hidden, self._linked.get((layer, path), NOBODY), place), size)
        self._nobodys.clear()
        owners = self.owners()
        rows: dict[int, _Row] = {number: _Row() for number in range(owners.seen)}
        places: dict[str, _Row] = {}
        for (layer, hidden, who, place), (files, size) in self._sums.items():
            owner = None if who is NOBODY else owners.owner(who, layer, hidden=hidden)
            row = places.setdefault(place, _Row()) if owner is None else rows.setdefault(owner, _Row())
            row.add(layer, files, size, hidden=hidden)
        shares = (
            None
            if compressed is None or None in compressed
            else _shares([*rows.values(), *places.values()], compressed)
        )
        distribution = self._distribution()
        missing = self._missing(owners)
        packages = []
        for number, row in rows.items():
            home, reading, package = owners.packages[number]
            outer = owners.inside.get(number)
            inside = None if outer is None else owners.packages[outer][2]
            packages.append(
                ImagePackage(
                    package.ecosystem,
                    package.name,
                    package.version,
                    package.architecture,
                    package.licence,
                    package_url(package, distribution),
                    family_of(families, package.ecosystem, package.name),
                    reading.path,
                    row.layer(home),
                    None if inside is None else f"{inside.ecosystem} {inside.name}",
                    row.files,
                    missing.get(number) if number < owners.seen else None,
                    row.bytes,
                    None if shares is None else shares.get(id(row), 0),
                    row.hidden_files,
                    row.hidden_bytes,
                    number < owners.seen,
                )
            )
        packages.sort(
            key=lambda one: (
                -one.bytes,
                -one.hidden_bytes,
                one.ecosystem,
                one.name,
                one.version,
                one.database,
            )
        )
        unowned = [
            Unowned(place, row.files, row.bytes, row.hidden_files, row.hidden_bytes)
            for place, row in places.items()
        ]
        unowned.sort(key=lambda one: (-one.bytes, -one.hidden_bytes, one.directory))
        return Inventory(
            tuple(packages), tuple(unowned), doubled(packages), tuple(self._problems()), distribution
        )

    def _missing(self, owners: Owners) -> dict[int, int]:
        """By package: paths that its list has and a container does not."""
        claimed: dict[int, int] = {}
        for number, one in enumerate(self.index.claims):
            package = owners.package_of(number)
            if package is not None and one.claim.files:
                claimed[package] = claimed.get(package, 0) + len(one.claim.files) // 8
        for place, count in self._found.items():
            for package in {owners.package_of(claim) for claim in self.index.members(place)}:
                if package in claimed:
                    claimed[package] -= count
        return {package: max(0, count) for package, count in claimed.items()}

    def _distribution(self) -> tuple[str, str] | None:
        found = [
            reading.distribution
            for layer, several in enumerate(self._readings)
            for reading in several
            if reading.distribution is not None and (layer, reading.path) in self._visible
        ]
        return found[-1] if found else None

    def _problems(self) -> Iterable[str]:
        for layer, several in enumerate(self._readings):
            for reading in several:
                if reading.problem is not None and (layer, reading.path) in self._visible:
                    yield f"{reading.path}: {reading.problem}"
                elif reading.packages and (layer, reading.path) not in self._met:
                    yield f"{reading.path}: behind a symbolic link, not followed"
        if self.index.overflowed:
            yield "more files are claimed than are looked up"


class _Row:
    """Sums of one package, or of one directory."""

    __slots__ = ("bytes", "files", "hidden_bytes", "hidden_files", "layers")

    def __init__(self) -> None:
        self.files = self.bytes = self.hidden_files = self.hidden_bytes = 0
        self.layers: dict[tuple[int, bool], int] = {}

    def add(self, layer: int, files: int, size: int, *, hidden: bool) -> None:
        if hidden:
            self.hidden_files += files
            self.hidden_bytes += size
        else:
            self.files += files
            self.bytes += size
        self.layers[layer, hidden] = self.layers.get((layer, hidden), 0) + size

    def layer(self, home: int) -> int:
        """The layer with most of the visible bytes, else of the hidden ones, else where the database lies."""
        order = sorted(self.layers, key=lambda place: (place[1], -self.layers[place], place[0]))
        return order[0][0] if order else home


def _shares(rows: Sequence[_Row], compressed: Sequence[int | None]) -> Mapping[int, int]:
    """By row: the estimated part of the compressed layers that its visible files take. All parts of a layer, hidden ones
    too, add up to its blob: what rounding leaves goes to the largest.
    """
    parts: dict[int, list[tuple[int, bool, int]]] = {}
    for row in rows:
        for (layer, hidden), size in row.layers.items():
            if size:
                parts.setdefault(layer, []).append((size, hidden, id(row)))
    found: dict[int, int] = {}
    for layer, several in parts.items():
        blob, stored = compressed[layer] or 0, sum(size for size, _, _ in several)
        left = blob - sum(blob * size // stored for size, _, _ in several)
        largest = max(several)
        for part in several:
            share = blob * part[0] // stored + (left if part is largest else 0)
            if not part[1]:
                found[part[2]] = found.get(part[2], 0) + share
    return found
