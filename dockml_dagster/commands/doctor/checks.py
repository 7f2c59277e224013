"""``dockml doctor``: whether everything that a study needs is in order, and what to do if not.

Here: the checks, which change nothing. No network unless asked for. Dagster is not imported. Not here: compaction
(``warehouse.maintenance``), the checks of tables (``warehouse.checks``), printing (``command``).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from dockml_dagster.errors import DockmlError
from dockml_dagster.instance.home import dagster_yaml
from dockml_dagster.settings import Settings
from dockml_dagster.text import size_text
from dockml_dagster.warehouse import maintenance, migrations
from dockml_dagster.warehouse.checks import failed_checks, known_checks
from dockml_dagster.warehouse.connection import Warehouse, has_schema, open_warehouse
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.opening import WarehouseBusyError, open_published, process_alive

LEAST_FREE_BYTES = 2 * 1024**3
LOCK_SECONDS = 2.0
NETWORK_SECONDS = 10.0
TESTED_DUCKDB = ("1.5", "2.0")

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``advice``: what to do; empty if nothing."""

    subject: str
    state: State
    text: str
    advice: str = ""


def examine(settings: Settings, *, network: bool = False) -> list[Finding]:
    """The results of all checks, the most important first."""
    looks: list[Callable[[Settings], Iterator[Finding]]] = [
        _home, _versions, _disk, _warehouse, _failing_checks, _published, _descriptions, _dagster, _credentials
    ]  # fmt: skip
    if network:
        looks.append(_reachability)
    found: list[Finding] = []
    for look in looks:
        try:
            found += look(settings)
        except DockmlError as error:
            found.append(Finding(look.__name__.strip("_"), "problem", str(error)))
        except OSError as error:
            found.append(Finding(look.__name__.strip("_"), "problem", f"{error.strerror}: {error.filename}"))
    return found


def _home(settings: Settings) -> Iterator[Finding]:
    existing = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    if not existing.is_dir():
        yield Finding(
            "home", "problem", f"{existing} is a file", "set DOCKML_HOME to a folder that you can write to"
        )
    elif not os.access(existing, os.W_OK):
        yield Finding(
            "home",
            "problem",
            f"{existing} cannot be written",
            "set DOCKML_HOME to a folder that you can write to; what is published there can still be read",
        )
    elif existing != settings.home:
        yield Finding("home", "ok", f"{settings.home} does not exist yet", "dockml study makes it")
    else:
        yield Finding("home", "ok", str(settings.home))


def _versions(_: Settings) -> Iterator[Finding]:
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    python = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "Python", "ok" if supported else "warning", python, "" if supported else "use Python 3.11 to 3.13"
    )
    duckdb = of("duckdb")
    tested = duckdb.startswith(TESTED_DUCKDB)
    yield Finding(
        "DuckDB",
        "ok" if tested else "warning",
        duckdb,
        "" if tested else f"dockml is tested with {' and '.join(TESTED_DUCKDB)}",
    )
    yield Finding("dockml", "ok", f"{of('dockml')}, with Dagster {of('dagster')}")


def _disk(settings: Settings) -> Iterator[Finding]:
    existing = next(path for path in (settings.home, *settings.home.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    # A build rewrites the findings; publishing and compaction each make a copy.
    path = settings.warehouse.file
    file = path.stat().st_size if path is not None and path.exists() else 0
    needed = max(LEAST_FREE_BYTES, 2 * file)
    text = f"{size_text(free)} free in {existing}"
    if free < needed:
        advice = f"make room or move the home: a run may need {size_text(needed)}"
        yield Finding("disk", "warning" if free > file else "problem", text, advice)
    else:
        yield Finding("disk", "ok", text)


def _warehouse(settings: Settings) -> Iterator[Finding]:
    warehouse = Warehouse(settings.warehouse, lock_timeout_seconds=LOCK_SECONDS)
    if not warehouse.exists:
        yield Finding("warehouse", "ok", "not there yet", "dockml study makes it")
        return
    writable = os.access(settings.warehouse.folder, os.W_OK)
    try:
        if not writable:
            with open_warehouse(settings.warehouse, read_only=True):
                yield Finding("warehouse", "problem", f"{settings.warehouse} can be read but not written")
            return
        with warehouse.read() as connection:
            if not has_schema(connection):
                text = f"{settings.warehouse} has no tables of dockml yet"
                yield Finding("warehouse", "ok", text, "dockml study makes them beside whatever is in it")
                return
            size = maintenance.size(connection)
            differences = migrations.differences(connection)
            known = set(migrations.available())
            done = {
                row[0] for row in connection.execute("SELECT number FROM raw.schema_migrations").fetchall()
            }
            newest = connection.execute("SELECT max(observed_at) FROM raw.outcomes").fetchone()
    except WarehouseBusyError:
        yield Finding(
            "warehouse",
            "warning",
            f"{settings.warehouse} is being written",
            "that is normal during a run; if none is going on: " + _holders(settings.warehouse.lock),
        )
        return
    amount = f", {size_text(size.bytes)}" if settings.warehouse.file else ""
    # Readers of a shared lake do not wait for its writers, so they cannot tell whether anybody is writing.
    writers = "many may write" if settings.warehouse.catalog else "nobody is writing"
    yield Finding("warehouse", "ok", f"{settings.warehouse}{amount}; {writers}")
    if size.worth_compacting:
        yield Finding(
            "warehouse",
            "warning",
            f"{size_text(size.empty_bytes)} of it are empty",
            "dockml doctor --compact; the next run that publishes does it too",
        )
    if done - known:
        yield Finding(
            "schema",
            "problem",
            f"schema {max(done)}, this dockml knows up to {max(known)}",
            "use a newer dockml",
        )
    elif known - done:
        yield Finding(
            "schema", "ok", f"schema {max(done, default=0)}", f"the next run brings it to {max(known)}"
        )
    elif differences:
        yield Finding(
            "schema",
            "problem",
            f"{migrations.OTHER_TABLES} ({'; '.join(differences)})",
            migrations.START_ANEW,
        )
    else:
        yield Finding("schema", "ok", f"schema {max(done)}, current")
    last = newest[0] if newest else None
    if last is not None and last > datetime.now(UTC).replace(tzinfo=None):
        yield Finding(
            "clock",
            "warning",
            f"the newest visit is of {last:%Y-%m-%d %H:%M} UTC, which is yet to come",
            "set the clock; meanwhile visits are recorded just after that one, in the right order",
        )


def _failing_checks(settings: Settings) -> Iterator[Finding]:
    """Failing checks of the current tables; nothing for a warehouse whose problem ``_warehouse`` already reported."""
    warehouse = Warehouse(settings.warehouse, lock_timeout_seconds=LOCK_SECONDS)
    if not warehouse.exists:
        return
    try:
        with warehouse.read() as connection:
            if not has_schema(connection) or migrations.differences(connection):
                return
            failed = failed_checks(connection, lambda: known_checks(load()))
    except WarehouseBusyError:
        return
    for one in failed:
        if one.severity == "error":
            yield Finding(
                "checks",
                "problem",
                f"{one.text} fails, and nothing is published",
                "this is a fault of dockml: report it with these rows; what was published before stays",
            )
        else:
            yield Finding(
                "checks", "warning", one.text, "look at the rows: dockml ui shows them with the check"
            )
    if not failed:
        yield Finding("checks", "ok", "none fails")


def _holders(lock: Path) -> str:
    """Processes that have the lock file open, where the system shows them."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(entry.readlink() == lock for entry in folder.iterdir()):
                pids.append(folder.parent.name)
        except OSError:
            continue
    return f"it is process {', '.join(pids)}" if pids else "look for a program that has the file open"


def _published(settings: Settings) -> Iterator[Finding]:
    folder = settings.published.parent
    leftovers = [
        path
        for path in folder.glob(f".{settings.published.name}.*")
        if (pid := path.name.rpartition(".")[2]).isdigit() and not process_alive(int(pid))
    ]
    if leftovers:
        size = sum(path.stat().st_size for path in leftovers)
        yield Finding(
            "published",
            "warning",
            f"{len(leftovers)} copies that were cut short, {size_text(size)}",
            "the next run removes them",
        )
    if not settings.published.exists():
        yield Finding("published", "ok", "nothing yet", "dockml study publishes")
        return
    open_published(settings.published).close()
    yield Finding("published", "ok", f"{settings.published}, {size_text(settings.published.stat().st_size)}")


def _descriptions(settings: Settings) -> Iterator[Finding]:
    """How many local projects the machine labels without what GitHub would say of them; nothing without local projects."""
    if not settings.published.exists():
        return
    with open_published(settings.published) as connection:
        tables = connection.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = 'core' AND table_name = 'projects'"
        )
        if tables.fetchone() is None:
            return
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (trim(coalesce(description, '')) = '' AND coalesce(len(topics), 0) = 0)"
            " FROM core.projects WHERE corpus = 'local'"
        ).fetchone()
    projects, without = row or (0, 0)
    if without:
        yield Finding(
            "labels",
            "ok",
            f"{without} of {projects} local projects have neither description nor topics",
            "projects.yaml may give them; docs/labels.md says how much they help the machine's categories",
        )


def _dagster(settings: Settings) -> Iterator[Finding]:
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.exists():
        yield Finding("Dagster", "ok", "no instance yet", "dockml study and dockml ui make it")
        return
    size = sum(path.stat().st_size for path in settings.dagster_home.rglob("*") if path.is_file())
    text = f"{settings.dagster_home}, {size_text(size)}"
    if configuration.read_text(encoding="utf-8") == dagster_yaml(settings):
        yield Finding("Dagster", "ok", text)
    else:
        yield Finding(
            "Dagster",
            "ok",
            f"{text}; dagster.yaml is your own or an older one",
            "delete it to get this version's; it is written again at the next start",
        )


def _credentials(settings: Settings) -> Iterator[Finding]:
    if settings.github_token:
        yield Finding("GitHub", "ok", "GITHUB_TOKEN is set")
    else:
        yield Finding(
            "GitHub", "ok", "no GITHUB_TOKEN: 60 calls an hour", "set GITHUB_TOKEN for the corpus github"
        )
    docker = settings.docker_config or Path.home() / ".docker" / "config.json"
    yield Finding(
        "registries",
        "ok",
        f"{docker} {'is there' if docker.is_file() else 'is not there: anonymous pulls only'}",
    )
    if settings.ease2022 is not None and not settings.ease2022.exists():
        yield Finding(
            "ease2022", "problem", f"{settings.ease2022} is not there", "correct DOCKML_EASE2022 or unset it"
        )


def _reachability(settings: Settings) -> Iterator[Finding]:
    import requests

    # Any answer shows that the server is up; a registry without a login answers 401.
    for address in (
        settings.github_api_url or "https://api.github.com",
        "https://registry-1.docker.io/v2/",
        "https://hub.docker.com/v2/",
    ):
        try:
            answer = requests.head(address, timeout=NETWORK_SECONDS, allow_redirects=False)
            yield Finding("network", "ok", f"{address} answers ({answer.status_code})")
        except requests.RequestException as error:
            yield Finding(
                "network",
                "problem",
                f"{address}: {type(error).__name__}",
                "look at the connection, HTTPS_PROXY and the firewall; sample and ease2022 work without network",
            )
