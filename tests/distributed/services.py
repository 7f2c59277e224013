"""PostgreSQL, a broker and an S3-compatible store on loopback ports, to be stopped, started and killed.

Here: starting real programs in a folder of their own and ending them. Not here: dockml's own processes
(``workers``), what is tested.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

PATIENCE_SECONDS = 120.0
PACKAGES = (
    "celery", "dagster_celery", "dagster_postgres", "psycopg2", "redis", "duckdb_extension_ducklake",
    "duckdb_extension_postgres_scanner", "duckdb_extension_httpfs",
)  # fmt: skip
BROKER_VARIABLE = "DOCKML_TEST_BROKER"
"""Which broker: `redis` (also where it is unset) or `rabbitmq`."""
_BROKER_PROGRAMS = {"redis": ["redis-server"], "rabbitmq": ["rabbitmq-server", "epmd"]}
BUCKET, KEY, SECRET = "dockml", "dockmlkey", "dockmlsecret"


def missing() -> list[str]:
    """Programs and packages that are not on this machine."""
    programs = {"postgres": postgres_folder(), "rclone": _program("rclone")}
    programs |= {name: _program(name) for name in _BROKER_PROGRAMS[broker_name()]}
    absent = [name for name, found in programs.items() if found is None]
    return absent + [name for name in PACKAGES if find_spec(name) is None]


def broker_name() -> str:
    """Which broker is used."""
    return os.environ.get(BROKER_VARIABLE) or "redis"


def postgres_folder() -> Path | None:
    """Where ``initdb`` and ``postgres`` are; Debian keeps them out of the path."""
    found = [Path(path).parent for path in filter(None, [shutil.which("initdb")])]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "postgres").exists()), None)


def _program(name: str) -> str | None:
    # Debian's own rabbitmq-server in the path changes the user and the folder.
    places = [Path(sys.executable).parent / name, Path("/usr/lib/rabbitmq/bin") / name]
    return next((str(place) for place in places if place.exists()), None) or shutil.which(name)


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again; AssertionError where it does not come true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


@dataclass
class Service:
    """One program: its command, the port it serves, what it runs as. Its output is in ``log``."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        wait_until(f"{self.name} ({self.log})", self._answers)

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is None:
            return
        # The group: what runs it as another user is a process of its own, and does not always pass signals on.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, self.stop_signal)
        try:
            self._process.wait(PATIENCE_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def restart(self) -> None:
        """Stop it, start it."""
        self.stop()
        self.start()

    @property
    def processes(self) -> list[int]:
        """Its processes."""
        return [] if self._process is None else family(self._process.pid)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (
            f"{self.name} ended: {self.log.read_text(errors='replace')[-2000:]}"
        )
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def family(pid: int) -> list[int]:
    """A process and all its descendants. Not its session: a server's children may have their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for known in found:
        found += children.get(known, [])
    return found


@dataclass
class Services:
    """All, and the settings by which dockml finds them. ``beside``: what the broker needs to run."""

    postgres: Service
    broker: Service
    store: Service
    beside: Sequence[Service] = ()

    @property
    def broker_address(self) -> str:
        """As Celery takes it."""
        if self.broker.name == "Redis":
            return f"redis://127.0.0.1:{self.broker.port}/0"
        return f"amqp://guest:guest@127.0.0.1:{self.broker.port}//"

    def settings(self, lake: str) -> dict[str, str]:
        """Environment of every process of a fleet whose warehouse is the lake of that name."""
        return {
            "DOCKML_WAREHOUSE": f"ducklake:postgres:dbname={lake} host=127.0.0.1 port={self.postgres.port} user=postgres",
            "DOCKML_WAREHOUSE_DATA": f"s3://{BUCKET}/{lake}",
            "DOCKML_DAGSTER_POSTGRES": f"postgresql://postgres@127.0.0.1:{self.postgres.port}/{lake}_dagster",
            "DOCKML_CELERY_BROKER": self.broker_address,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.store.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def make_databases(self, lake: str) -> None:
        """The catalog's database and Dagster's, empty."""
        import psycopg2

        connection = psycopg2.connect(
            host="127.0.0.1", port=self.postgres.port, user="postgres", dbname="postgres"
        )
        try:
            connection.autocommit = True
            for name in (lake, f"{lake}_dagster"):
                connection.cursor().execute(f'CREATE DATABASE "{name}"')
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop all."""
        for service in (self.store, self.broker, self.postgres, *self.beside):
            service.stop()


def start_all(folder: Path) -> Services:
    """Start all with their data in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    broker, *beside = _rabbitmq(folder) if broker_name() == "rabbitmq" else [_redis(folder)]
    services = Services(_postgres(folder), broker, _store(folder), beside)
    try:
        for service in (*services.beside, services.postgres, services.broker, services.store):
            service.start()
    except BaseException:
        services.stop()
        raise
    return services


def _postgres(folder: Path) -> Service:
    programs, data, port = postgres_folder(), folder / "postgres", free_port()
    assert programs is not None
    data.mkdir()
    # PostgreSQL refuses to run as root.
    other_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if other_user:
        shutil.chown(data, "postgres")
        for parent in data.parents:
            if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
    subprocess.run(
        [*other_user, programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    command = [
        *other_user, str(programs / "postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
        "-c", f"unix_socket_directories={data}", "-c", "max_connections=200",
    ]  # fmt: skip
    # "Fast": connections are cut, not waited for.
    return Service("PostgreSQL", command, port, folder / "postgres.log", signal.SIGINT)


def _redis(folder: Path) -> Service:
    port, data = free_port(), folder / "redis"
    data.mkdir()
    command = [
        _program("redis-server") or "", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data),
        "--appendonly", "yes", "--save", "",
    ]  # fmt: skip
    return Service("Redis", command, port, folder / "redis.log")


def _rabbitmq(folder: Path) -> list[Service]:
    """The broker, and the register of names that Erlang's nodes need: ours, and not the machine's."""
    port, names, data = free_port(), free_port(), folder / "rabbitmq"
    data.mkdir()
    (data / "enabled_plugins").write_text("[].")
    (data / "rabbitmq.conf").write_text("")
    environment = {
        "HOME": str(data),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"dockml{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOG_BASE": str(data / "log"),
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
        # One process that answers signals itself, instead of a shell that does.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    log = folder / "rabbitmq.log"
    return [
        Service("RabbitMQ", [_program("rabbitmq-server") or ""], port, log, environment=environment),
        Service("epmd", [_program("epmd") or "", "-port", str(names), "-address", "127.0.0.1"], names, log),
    ]


def _store(folder: Path) -> Service:
    port, data = free_port(), folder / "store"
    (data / BUCKET).mkdir(parents=True)
    command = [
        _program("rclone") or "", "serve", "s3", str(data), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}",
        "--config", "/dev/null",
    ]  # fmt: skip
    return Service("the store", command, port, folder / "store.log")
