"""The packages of an image: their bytes, and the layers that brought them.

Here: one pass over the image's union, and the sums. Not here: which package owns a file (``ownership``), which packages
belong together (``families``).

Bytes are contents stored in the layers; each file counts once, whatever its names, as in ``study.layer.image``. All
packages and all directories of unowned files add up to the image's sum.
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
"""Most unowned files that are remembered, because a package may own another name of theirs."""
_MOST_PLACES: Final = 50_000
"""Most directories of unowned files that are counted one by one; further ones count as `(other)`."""


class Unowned(NamedTuple):
    """Files in one directory (its first two segments) that no package owns."""

    directory: str
    files: int
    bytes: int
    hidden_files: int
    hidden_bytes: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages of an image. ``problems``: databases that could not be read, and caps that were hit; then packages may
    be missing and owned files count as unowned. ``distribution``: id and version of the operating system.
    """

    packages: tuple[ImagePackage, ...]
    unowned: tuple[Unowned, ...]
    doubled: tuple[Doubled, ...]
    problems: tuple[str, ...]
    distribution: tuple[str, str] | None


_Key = tuple[int, bool, Candidates, str]
"""Layer, whether hidden, the candidate owners, and the directory under which an unowned file counts."""


class PackageTally:
    """Sums the files of an image up by their candidate owners: a visitor of ``summarise_image``."""

    def __init__(self, readings: Sequence[Sequence[Reading]]) -> None:
        """``readings``: the contents of each layer's databases, lowest layer first."""
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
        """Take entries of the image into account, in path order."""
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
        """The owners of files, after the last entry."""
        return Owners(self.index, self._readings, self._visible)

    def owner_of(self) -> Callable[[str, int, bool], str | None]:
        """A function from path, layer and whether the file is hidden to its owner, as `ecosystem name`."""
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
        """The inventory; call it once. ``compressed``: stored bytes of each layer's blob."""
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
        """By package: how many listed paths a container does not have."""
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
        """The layer with most of the visible bytes, else of the hidden ones, else that of the database."""
        order = sorted(self.layers, key=lambda place: (place[1], -self.layers[place], place[0]))
        return order[0][0] if order else home


def _shares(rows: Sequence[_Row], compressed: Sequence[int | None]) -> Mapping[int, int]:
    """By row: the estimated share of its visible files in the compressed layers. All shares of a layer, including those of
    hidden files, add up to its blob: the largest gets the remainder of rounding.
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
