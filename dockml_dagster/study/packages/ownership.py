"""Which package owns a file: claims of an image's package databases, looked up by path.

Here: the index of claims, and choosing among the claims on one path. Not here: reading databases, sums (``inventory``).

A file belongs to one package. A claim on its exact path comes first, then one on the source of a ``.pyc``, then one on
the nearest folder. Of several claims, packages of the operating system win over conda's, these over Python's, these over
npm's and R's. A package whose metadata another package claims is inside that package, which owns its files. A file that a
container sees belongs to a package whose database it sees. A hidden file belongs first to the package that a database of
its own layer names.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dockml_dagster.study.packages.model import Claim, Diversion, Package, Reading, path_key_function

MOST_CLAIMED: Final = 1_000_000
"""Most files that the databases of one image may claim. Further claims are left out, and the inventory says so."""
_MOST_CLAIMANTS: Final = 16
"""Most claims on one path that count. A file with more belongs to no single package."""
_RANKS: Final = {"deb": 0, "apk": 0, "rpm": 0, "conda": 1, "pypi": 2, "npm": 3, "cran": 3, "golang": 4}

Candidates = tuple[int, tuple[int, ...]]
"""The candidate owners of a file: exact claims (a number of ``ClaimIndex.exact``, 0: none), then others, nearest first."""
NOBODY: Final[Candidates] = (0, ())


@dataclass(frozen=True, slots=True)
class LayerClaim:
    """One claim of a database in one layer."""

    layer: int
    reading: Reading
    claim: Claim


class ClaimIndex:
    """All claims of an image's layers, by path. Which of them count is known only after the last entry (``Owners``)."""

    def __init__(self, readings: Sequence[Sequence[Reading]]) -> None:
        """``readings``: the databases of each layer, lowest layer first."""
        self._key = path_key_function()
        self.claims = [
            LayerClaim(layer, reading, claim)
            for layer, several in enumerate(readings)
            for reading in several
            for claim in reading.claims
        ]
        self.overflowed = False
        self._exact: dict[int, int] = {}
        self._several: list[tuple[int, ...]] = [()]
        """Sets of claims; the first set is empty."""
        self._folders: dict[str, tuple[int, ...]] = {}
        # A file of diversions replaces that of the layer below, as the status file does.
        self._diversions: tuple[Diversion, ...] = ()
        for reading in (one for several in readings for one in several):
            self._diversions = reading.diversions or self._diversions
        self._add()
        self._folder = ""
        self._above: tuple[int, ...] = ()

    def _add(self) -> None:
        known: dict[tuple[int, ...], int] = {(): 0}
        exact, several = self._exact, self._several
        alone: list[tuple[int, bytes]] = []
        for number, one in enumerate(self.claims):
            for folder in one.claim.directories:
                self._folders[folder] = (number, *self._folders.get(folder, ()))[:_MOST_CLAIMANTS]
            alone.append((number, one.claim.files))
        alone += [(number, one.claim.alternates) for number, one in enumerate(self.claims)]
        for number, keys in alone:
            for key in array("Q", keys):
                before = several[exact.get(key, 0)]
                if number in before or len(before) >= _MOST_CLAIMANTS:
                    continue
                if len(exact) >= MOST_CLAIMED and key not in exact:
                    self.overflowed = True
                    continue
                wanted = (*before, number)
                place = known.get(wanted)
                if place is None:
                    place = known[wanted] = len(several)
                    several.append(wanted)
                exact[key] = place
        for diversion in self._diversions:
            self._divert(diversion, known)

    def _divert(self, one: Diversion, known: dict[tuple[int, ...], int]) -> None:
        """Assign a diverted path to the package that diverted it, and the path ``to`` to the other packages."""
        at, to = (self._key(path.encode("utf-8", "surrogatepass")) for path in (one.path, one.to))
        claims = self._several[self._exact.get(at, 0)]
        others = tuple(
            number
            for number in claims
            if self.claims[number].reading.ecosystem == "deb"
            and self.claims[number].claim.group.partition(":")[0] != one.by
        )
        if not others:
            return
        moved = self._several[self._exact.get(to, 0)]
        kept = tuple(number for number in claims if number not in others)
        both = (*moved, *(number for number in others if number not in moved))[:_MOST_CLAIMANTS]
        for key, wanted in ((at, kept), (to, both)):
            if wanted not in known:
                known[wanted] = len(self._several)
                self._several.append(wanted)
            self._exact[key] = known[wanted]

    def exact(self, path: str) -> int:
        """The number of the set of claims on exactly this path."""
        return self._exact.get(self._key(path.encode("utf-8", "surrogatepass")), 0)

    def members(self, place: int) -> tuple[int, ...]:
        """The claims of a set."""
        return self._several[place]

    def candidates(self, path: str) -> Candidates:
        """The candidate owners of the file at this path. Fast if files of one folder come together, as in a union."""
        slash = path.rfind("/") + 1
        folder = path[:slash]
        if folder != self._folder:
            self._folder, self._above = folder, tuple(self._claimed_above(folder))
        exact = self._exact.get(self._key(path.encode("utf-8", "surrogatepass")), 0)
        above = self._above
        if not exact and path.endswith(".pyc") and folder.endswith("__pycache__/"):
            source = f"{folder[:-12]}{path[slash:].partition('.')[0]}.py"
            above = (*self._several[self.exact(source)], *above)
        return (exact, above) if exact or above else NOBODY

    def _claimed_above(self, folder: str) -> Iterator[int]:
        if not self._folders:
            return
        while folder:
            folder = folder[:-1]
            yield from self._folders.get(folder, ())
            folder = folder[: folder.rfind("/") + 1]


class Owners:
    """Which claims count, and for which package, once the visible databases of an image are known."""

    def __init__(
        self, index: ClaimIndex, readings: Sequence[Sequence[Reading]], visible: set[tuple[int, str]]
    ) -> None:
        """``visible``: layer and path of every database that a container sees."""
        self._index = index
        self.packages: list[tuple[int, Reading, Package]] = []
        """Layer, database and package: first those that a container sees, then those that own only hidden files."""
        by_group: dict[tuple[str, str], int] = {}
        for layer, several in enumerate(readings):
            for reading in several:
                if (layer, reading.path) in visible:
                    for package in reading.packages:
                        by_group.setdefault((package.ecosystem, package.group), len(self.packages))
                        self.packages.append((layer, reading, package))
        self.seen = len(self.packages)
        """How many of ``packages`` a container sees."""
        self._of_claim = [
            _named(by_group, one) if (one.layer, one.reading.path) in visible else None
            for one in index.claims
        ]
        self._of_layer = self._own_layers(readings)
        self.inside = self._nested()
        """Package → the package that contains it."""

    def _own_layers(self, readings: Sequence[Sequence[Reading]]) -> list[int | None]:
        """By claim: the package that the claim's own layer names, even if a container does not see the database."""
        known = {_identity(package): number for number, (_, _, package) in enumerate(self.packages)}
        groups: list[dict[tuple[str, str], int]] = []
        for layer, several in enumerate(readings):
            groups.append({})
            for reading in several:
                for package in reading.packages:
                    number = known.get(_identity(package))
                    if number is None:
                        number = known[_identity(package)] = len(self.packages)
                        self.packages.append((layer, reading, package))
                    groups[-1].setdefault((package.ecosystem, package.group), number)
        return [_named(groups[one.layer], one) for one in self._index.claims]

    def _nested(self) -> dict[int, int]:
        inside: dict[int, int] = {}
        for number, (_, reading, package) in enumerate(self.packages[: self.seen]):
            if package.ecosystem in {"deb", "apk", "rpm"}:
                continue
            others = [
                other
                for claim in self._index.members(self._index.exact(reading.path))
                if (other := self._of_claim[claim]) is not None and other != number
            ]
            outer = min(others, key=self._rank, default=None)
            if outer is not None and self._rank(outer) <= self._rank(number):
                inside[number] = outer
        for number in list(inside):
            passed, outer = {number}, inside[number]
            while outer in inside and outer not in passed:
                passed.add(outer)
                outer = inside[outer]
            if outer in passed:
                del inside[number]  # the packages claim each other
        return inside

    def package_of(self, claim: int) -> int | None:
        """The package of a claim; None if no container sees its database."""
        return self._of_claim[claim]

    def _rank(self, package: int) -> int:
        return _RANKS[self.packages[package][2].ecosystem]

    def _outermost(self, package: int) -> int:
        while package in self.inside:
            package = self.inside[package]
        return package

    def owner(self, candidates: Candidates, layer: int, *, hidden: bool) -> int | None:
        """The index in ``packages`` of the owner of a file in this layer; None: no owner."""
        exact, above = candidates
        members = self._index.members(exact)
        if hidden:
            own = [one for one in (*members, *above) if self._index.claims[one].layer == layer]
            found = next((self._of_layer[one] for one in own if self._of_layer[one] is not None), None)
            if found is not None:
                return self._outermost(found)
        named = [number for one in members if (number := self._of_claim[one]) is not None]
        if named:
            return self._outermost(min(named, key=lambda number: (self._rank(number), number in self.inside)))
        further = next((number for one in above if (number := self._of_claim[one]) is not None), None)
        return None if further is None else self._outermost(further)


def _named(by_group: dict[tuple[str, str], int], one: LayerClaim) -> int | None:
    ecosystem = one.reading.ecosystem or ""
    group = one.claim.group
    found = by_group.get((ecosystem, group))
    # `NAME:ARCH.list` belongs to a package that may be installed for several architectures.
    return (
        by_group.get((ecosystem, group.partition(":")[0])) if found is None and ecosystem == "deb" else found
    )


def _identity(package: Package) -> tuple[str, str, str, str]:
    return package.ecosystem, package.name, package.version, package.group
