"""rpm's database in the form of SQLite (rpm 4.16 and later), read from a local copy.

Here: opening an untrusted SQLite file so that it can only return blobs, within limits on rows, bytes and steps.
Not here: parsing a blob (``study.packages.rpm``). The older forms (Berkeley DB, ndb) are not read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.packages.model import Reading
from dockml_dagster.study.packages.reading import unread
from dockml_dagster.study.packages.rpm import MOST_HEADER, read_headers

_MOST_PACKAGES: Final = 50_000
_SECONDS: Final = 20.0
_STEPS: Final = 1_000_000
_MOST_STEPS: Final = 200
_MAGIC: Final = b"SQLite format 3\0"
_VERSIONS: Final = 18


def read_rpm_database(path: str, file: BinaryIO) -> Reading:
    """The packages in ``rpmdb.sqlite``, which was copied to ``file``; the copy is closed and removed."""
    copy = Path(file.name)
    try:
        file.flush()
        file.seek(0)
        start = file.read(_VERSIONS + 2)
        if not start.startswith(_MAGIC):
            return unread(path, "no SQLite database")
        # rpm leaves the file in WAL mode, in which SQLite does not open a copy without its log. A database with a non-empty
        # log is not read at all (``study.packages.databases``).
        file.seek(_VERSIONS)
        file.write(b"\1\1")
        file.flush()
        with time_limit(_SECONDS), closing(_blobs(copy)) as blobs:
            reading = read_headers(path, islice(blobs, _MOST_PACKAGES))
            if next(blobs, None) is None:
                return reading
            return replace(reading, problem=f"more than {_MOST_PACKAGES} packages; the first were read")
    except (sqlite3.Error, OutOfTimeError) as error:
        return unread(path, f"damaged ({type(error).__name__})")
    finally:
        file.close()
        copy.unlink(missing_ok=True)


def _blobs(copy: Path) -> Generator[bytes, None, None]:
    with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_HEADER)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cache_size = -4096")
        steps = iter(range(_MOST_STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, _STEPS)
        # Only a table: a view of that name could run an endless query.
        kind = connection.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchone()
        if kind != ("table",):
            raise sqlite3.DatabaseError("no table of packages")
        for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum"):
            if isinstance(blob, bytes):
                yield blob
