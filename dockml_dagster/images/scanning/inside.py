"""What the files of a layer say about it, read while it streams: package databases, and which files hold a secret.

Here: catching the few files that are databases, and looking at small ones, whole or piece by piece, within bounds on
memory; what the process that scans hands over of them. Not here: which files those are and what they say
(``study.packages``, ``study.secrets``), the walk (``study.layer``).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol

from dockml_dagster.study.packages.databases import Form, database_form
from dockml_dagster.study.packages.model import Claim, Package, Reading
from dockml_dagster.study.packages.reading import MOST_BYTES, read_database, unread
from dockml_dagster.study.secrets.image import SecretFile
from dockml_dagster.study.secrets.looking import LARGEST, SecretSearch

_MOST_IN_ALL: Final = 512 << 20
"""Bytes of databases that are read of one layer."""
_LARGEST_SPILLED: Final = 512 << 20
_MOST_SECRETS: Final = 10_000
_MOST_DATABASES: Final = 100_000
_MOST_CLAIMED: Final = 4_000_000
"""Files that the databases of one layer may claim: 32 MB of keys."""


@dataclass(frozen=True, slots=True)
class LayerInside:
    """What was read in one layer, and nothing of what it was read in but names, versions and keys of paths.

    ``secrets_cut_short``: there was more to search for secrets than is searched.
    """

    readings: tuple[Reading, ...]
    secrets: tuple[SecretFile, ...] = ()
    secrets_cut_short: bool = False


def to_json(inside: LayerInside) -> dict[str, Any]:
    """As values of JSON, to be kept with the layer's other facts."""
    return {
        "readings": [
            [
                reading.path,
                reading.ecosystem,
                [list(package) for package in reading.packages],
                [
                    [claim.group, _packed(claim.files), _packed(claim.alternates), list(claim.directories)]
                    for claim in reading.claims
                ],
                reading.distribution,
                reading.problem,
            ]
            for reading in inside.readings
        ],
        "secrets": [list(secret) for secret in inside.secrets],
        "secrets_cut_short": inside.secrets_cut_short,
    }


def from_json(kept: dict[str, Any] | None) -> LayerInside | None:
    """What ``to_json`` gave; None of None: a layer that was read before its files were looked at."""
    if kept is None or "secrets" not in kept:
        return None
    return LayerInside(
        tuple(
            Reading(
                path,
                ecosystem,
                tuple(Package(*package) for package in packages),
                tuple(
                    Claim(group, b64decode(files), b64decode(alternates), tuple(directories))
                    for group, files, alternates, directories in claims
                ),
                None if distribution is None else (distribution[0], distribution[1]),
                problem,
            )
            for path, ecosystem, packages, claims, distribution, problem in kept["readings"]
        ),
        tuple(SecretFile(path, rule) for path, rule in kept["secrets"]),
        kept["secrets_cut_short"],
    )


def _packed(keys: bytes) -> str:
    return b64encode(keys).decode()


class InsideReader:
    """Looks at the files of one layer as they pass (``tar_walk.Look``)."""

    def __init__(self, new_file: Callable[[], BinaryIO]) -> None:
        """``new_file`` opens an empty file for a database that is too large to be kept in memory."""
        self._new_file = new_file
        self._readings: list[Reading] = []
        self._secrets: list[SecretFile] = []
        self._search = SecretSearch()
        self._left, self._claims_left = _MOST_IN_ALL, _MOST_CLAIMED

    def whole(self, path: str, chunk: bytes, start: int, stop: int) -> None:
        """A file that lies whole in a chunk."""
        if stop - start <= LARGEST and len(self._secrets) < _MOST_SECRETS:
            self._secrets += [SecretFile(path, rule) for rule in self._search.rules(path, chunk, start, stop)]
        form = database_form(path)
        if form is None or start == stop or not self._may_read(path, stop - start):
            return
        if form == "rpm_sqlite":
            spilled = _Spilled(self, path, self._new_file())
            spilled.add(memoryview(chunk)[start:stop])
            spilled.end()
        else:
            self.take(read_database(path, form, chunk[start:stop]))

    def parts(self, path: str, size: int) -> _Parts | None:
        """What takes a larger file piece by piece; None: nobody wants it."""
        if size <= LARGEST:
            return _Small(self, path)
        form = database_form(path)
        if form is None or not self._may_read(path, size):
            return None
        if form == "rpm_sqlite":
            if size > _LARGEST_SPILLED:
                self.take(unread(path, f"{size} bytes, more than are read"))
                return None
            return _Spilled(self, path, self._new_file())
        if form != "rpm_unread" and size > MOST_BYTES:
            self.take(unread(path, f"{size} bytes, more than are read"))
            return None
        return _Kept(self, path, form, kept=form != "rpm_unread")

    def take(self, reading: Reading) -> None:
        """Keep what a database said, within the bounds."""
        if len(self._readings) >= _MOST_DATABASES:
            return
        claimed = sum(len(claim.files) + len(claim.alternates) for claim in reading.claims) // 8
        self._claims_left -= claimed
        if self._claims_left < 0:
            reading = unread(reading.path, "its layer's databases list more files than are kept")
        if reading.packages or reading.claims or reading.problem or reading.distribution:
            self._readings.append(reading)

    def found(self) -> LayerInside:
        """Everything, when the layer was read."""
        return LayerInside(tuple(self._readings), tuple(self._secrets), self._search.cut_short)

    def _may_read(self, path: str, size: int) -> bool:
        if size > self._left:
            self.take(unread(path, "its layer has more bytes of databases than are read"))
            return False
        self._left -= size
        return True


class _Parts(Protocol):
    def add(self, piece: bytes | memoryview) -> None: ...

    def end(self) -> None: ...


class _Small:
    """A small file that lies across chunks."""

    def __init__(self, reader: InsideReader, path: str) -> None:
        self._reader, self._path = reader, path
        self._content = bytearray()

    def add(self, piece: bytes | memoryview) -> None:
        self._content += piece

    def end(self) -> None:
        self._reader.whole(self._path, bytes(self._content), 0, len(self._content))


class _Kept:
    """A database that is kept until it is whole."""

    def __init__(self, reader: InsideReader, path: str, form: Form, *, kept: bool) -> None:
        self._reader, self._path, self._form, self._kept = reader, path, form, kept
        self._content = bytearray()

    def add(self, piece: bytes | memoryview) -> None:
        if self._kept:
            self._content += piece

    def end(self) -> None:
        self._reader.take(read_database(self._path, self._form, bytes(self._content)))


class _Spilled:
    """A database that goes to a file of its own, which is gone when it was read."""

    def __init__(self, reader: InsideReader, path: str, file: BinaryIO) -> None:
        self._reader, self._path, self._file = reader, path, file

    def add(self, piece: bytes | memoryview) -> None:
        self._file.write(piece)

    def end(self) -> None:
        from dockml_dagster.images.scanning.rpm_database import read_rpm_database

        self._reader.take(read_rpm_database(self._path, self._file))
