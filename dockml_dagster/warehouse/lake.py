"""Attaching a DuckLake or a service.

Here: extensions, ATTACH and its options, keys of an S3-compatible store, reuse of DuckDB instances.
Not here: the content of a lake's tables.

A DuckLake (https://ducklake.select) is a catalog in a database (a DuckDB or SQLite file, PostgreSQL) and Parquet files in
a folder or a store. Extensions come from Python packages if installed (``pip install 'dockml[distributed]'``),
else from DuckDB's own installer.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dockml_dagster.errors import BadInputError, UnreachableError
from dockml_dagster.settings import Location, without_secrets
from dockml_dagster.warehouse.opening import configured, connect
from dockml_dagster.warehouse.rows import literal, quote

if TYPE_CHECKING:
    import duckdb

NAME: Final = "warehouse"
"""The name under which a lake is attached."""

_PACKAGES: Final = {
    "ducklake": "duckdb_extension_ducklake",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "sqlite_scanner": "duckdb_extension_sqlite_scanner",
    "httpfs": "duckdb_extension_httpfs",
    "motherduck": "duckdb_extension_motherduck",
}
_STORE_PATIENCE: Final = {"http_retries": 7, "http_retry_wait_ms": 250, "http_retry_backoff": 2}
"""A request is repeated for half a minute in total before a store counts as unreachable."""
_COMMIT_TRIES: Final = 100
"""Concurrent commits are ordered by retrying; DuckLake's default of ten tries is too few for many workers."""
_CATALOGS: Final = {"ducklake:postgres:": "postgres_scanner", "ducklake:sqlite:": "sqlite_scanner"}


@contextmanager
def attached(location: Location, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose database is the attached place, until the end of the block.

    Raises:
        BadInputError: an extension is missing, or the place cannot be attached; no password is in the text.
        UnreachableError: its catalog does not answer.
    """
    kind = _kind(location, read_only=read_only)
    instance = _take_instance(kind)
    whole = False
    try:
        connection = configured(instance.root.cursor())
        try:
            _attach(connection, location, read_only=read_only)
            yield connection
        finally:
            with suppress(Exception):
                connection.close()
        # If a database cannot be detached (as with MotherDuck) or anything else failed, the instance is closed.
        with suppress(Exception):
            for (name,) in instance.root.execute(_ATTACHED).fetchall():
                if name != NAME or kind.stays is None:
                    instance.root.execute(f"DETACH {quote(name)}")
            whole = True
    finally:
        if whole:
            _keep_instance(kind, instance)
        else:
            instance.root.close()


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an instance of DuckDB can be reused for: its process (a forked child must not use its parent's), its loaded
    extensions, and the lake that stays attached: only one with its catalog on a server, since a file would stay locked.
    """

    process: int
    extensions: tuple[str, ...]
    stays: tuple[Location, bool] | None


def _kind(location: Location, *, read_only: bool) -> _Kind:
    stays = None if location.catalog is None else (location, read_only)
    return _Kind(os.getpid(), _extensions(location), stays)


_ATTACHED: Final = """
    SELECT database_name
    FROM duckdb_databases()
    WHERE NOT internal AND database_name <> current_database() AND NOT starts_with(database_name, '__ducklake_metadata_')
"""
"""Databases attached by name; a lake's own connection to its catalog is detached with the lake."""


@dataclass(frozen=True, slots=True)
class _Instance:
    """A DuckDB instance by its first connection, and until when it may be used: its memory of a lake's schemas grows."""

    root: duckdb.DuckDBPyConnection
    until: float


_idle: dict[_Kind, list[_Instance]] = {}
"""Idle instances. Loading three extensions takes half a second, since each is verified; attaching a lake takes a third of
that."""
_IDLE_INSTANCES: Final = 2
_INSTANCE_SECONDS: Final = 600.0
_instances_lock: Final = threading.Lock()


def _take_instance(kind: _Kind) -> _Instance:
    while True:
        with _instances_lock:
            idle = _idle.get(kind)
            if not idle:
                break
            instance = idle.pop()
        # DuckDB itself renews lost connections to the server.
        if time.monotonic() < instance.until:
            return instance
        instance.root.close()
    root = connect(Path(":memory:"), read_only=False)
    try:
        # A long-lived instance must not fill the memory with cached files of the store.
        root.execute("SET GLOBAL enable_external_file_cache = false")
        for extension in kind.extensions:
            _load(root, extension)
    except BaseException:
        root.close()
        raise
    return _Instance(root, time.monotonic() + _INSTANCE_SECONDS)


def _keep_instance(kind: _Kind, instance: _Instance) -> None:
    with _instances_lock:
        idle = _idle.setdefault(kind, [])
        if len(idle) < _IDLE_INSTANCES:
            idle.append(instance)
            return
    instance.root.close()


def _attach(connection: duckdb.DuckDBPyConnection, location: Location, *, read_only: bool) -> None:
    import duckdb

    if _in_store(location):
        _set_up_store(connection)
    if location.is_lake:
        connection.execute(f"SET ducklake_max_retry_count = {_COMMIT_TRIES}")
    try:
        attach, use = attaching(location, read_only=read_only)
        if (NAME,) not in connection.execute(_ATTACHED).fetchall():
            connection.execute(attach)
        connection.execute(use)
    except duckdb.Error as error:
        # DuckDB's message repeats the address once or twice.
        text = without_secrets(str(error)).strip().splitlines()[0]
        # Nothing was sent yet, so libpq failed to connect.
        gone = location.catalog is not None and "unable to connect" in text.lower()
        raise (UnreachableError if gone else BadInputError)(f"cannot attach {location}: {text}") from None


def attaching(location: Location, *, read_only: bool) -> list[str]:
    """The statements that make a place the connection's own database.

    Raises:
        BadInputError: the address of a service names no database.
    """
    if not location.is_lake:
        # MotherDuck allows no alias for one's own database: its name is the one in the address.
        name = location.address.partition(":")[2].partition("?")[0]
        if not name:
            raise BadInputError(f"{location} names no database; write md:NAME")
        return [f"ATTACH {literal(location.address)}", f"USE {quote(name)}"]
    options = [] if location.data_path is None else [f"DATA_PATH {literal(location.data_path)}"]
    options += ["READ_ONLY"] if read_only else []
    said = f" ({', '.join(options)})" if options else ""
    return [f"ATTACH {literal(location.address)} AS {quote(NAME)}{said}", f"USE {quote(NAME)}"]


def open_store(location: Location) -> duckdb.DuckDBPyConnection:
    """A separate connection that reads and writes files where a lake keeps its own.

    Raises:
        BadInputError: the extension for stores is missing.
    """
    connection = connect(Path(":memory:"), read_only=False)
    if _in_store(location):
        _load(connection, "httpfs")
        _set_up_store(connection)
    return connection


def _set_up_store(connection: duckdb.DuckDBPyConnection) -> None:
    for name, value in _STORE_PATIENCE.items():
        connection.execute(f"SET {name} = {value}")
    _log_in(connection, os.environ)


def is_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the connected database is a DuckLake, which lacks a few features of a file."""
    found = connection.execute(
        "SELECT type FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return found is not None and found[0] == "ducklake"


def _extensions(location: Location) -> tuple[str, ...]:
    if not location.is_lake:
        return ("motherduck",)
    found = ["ducklake"]
    found += [
        extension for start, extension in _CATALOGS.items() if location.address.lower().startswith(start)
    ]
    return (*found, "httpfs") if _in_store(location) else tuple(found)


def _in_store(location: Location) -> bool:
    return (location.data_path or "").startswith("s3://")


def packaged(name: str) -> Path | None:
    """The file of an extension for this DuckDB, if it is installed as a Python package."""
    import duckdb

    package = find_spec(_PACKAGES[name])
    for folder in package.submodule_search_locations or () if package else ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.exists():
            return file
    return None


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    import duckdb

    file = packaged(name)
    if file is not None:
        connection.execute(f"LOAD {literal(file)}")
        return
    try:
        connection.execute(f"INSTALL {name}")
        connection.execute(f"LOAD {name}")
    except duckdb.Error as error:
        raise BadInputError(
            f"DuckDB's extension {name} is not installed and could not be fetched; pip install 'dockml[distributed]' "
            f"brings it for DuckDB {duckdb.__version__} ({str(error).strip().splitlines()[0]})"
        ) from error


def _log_in(connection: duckdb.DuckDBPyConnection, environment: Mapping[str, str]) -> None:
    """Keys and address of the store, from the environment variables that S3 clients use."""
    endpoint = urlsplit(environment.get("AWS_ENDPOINT_URL", ""))
    options = {
        "KEY_ID": environment.get("AWS_ACCESS_KEY_ID"),
        "SECRET": environment.get("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": environment.get("AWS_SESSION_TOKEN"),
        "REGION": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "ENDPOINT": endpoint.netloc or None,
        # Self-hosted stores rarely have a host name for each bucket.
        "URL_STYLE": "path" if endpoint.netloc else None,
    }
    said = ", ".join(f"{name} {literal(value)}" for name, value in options.items() if value)
    ssl = f", USE_SSL {str(endpoint.scheme == 'https').lower()}" if endpoint.netloc else ""
    connection.execute(f"CREATE OR REPLACE SECRET store (TYPE s3{', ' + said if said else ''}{ssl})")
