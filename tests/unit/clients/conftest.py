"""Stand-in servers, and clients that may speak to them and wait never."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.clients.digest_store import DigestStore
from dockml_dagster.clients.http.client import HttpClient, HttpSettings
from dockml_dagster.clients.http.hosts import HostPolicy, Origin
from dockml_dagster.clients.http.retry import RetryPolicy
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.clients.registry.credentials import DockerCredentials
from dockml_dagster.clients.registry.settings import RegistrySettings
from tests.stand_ins import Behaviour, FakeRegistry, Reply, StandIn
from tests.stand_ins import error_reply as error_of


@pytest.fixture
def error_reply() -> Callable[..., Reply]:
    return error_of


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def serve() -> Iterator[Callable[..., StandIn]]:
    running: list[StandIn] = []

    def start(behaviour: Behaviour, host: str = "127.0.0.1") -> StandIn:
        running.append(StandIn(behaviour, host))
        return running[-1]

    yield start
    for stand_in in running:
        stand_in.stop()


@pytest.fixture
def sleeps() -> list[float]:
    """What a client under test would have waited."""
    return []


@pytest.fixture
def make_http(sleeps: list[float]) -> Iterator[Callable[..., HttpClient]]:
    """An HttpClient that may speak to the servers given, waits never, and notes how long it would have."""
    made: list[HttpClient] = []

    def make(*servers: StandIn, retry: RetryPolicy | None = None, **more: object) -> HttpClient:
        policy = HostPolicy(names=(), configured=frozenset(Origin.of(server.url) for server in servers))
        settings = HttpSettings(connect_seconds=2, read_seconds=2, retry=retry or RetryPolicy())
        made.append(HttpClient(policy, settings, sleep=sleeps.append, chance=lambda: 0.5, **more))
        return made[-1]

    yield make
    for client in made:
        client.close()


def _with_realms(server: StandIn, servers: tuple[StandIn, ...]) -> str:
    """A server whose tokens may be made at other ports of its host: a login goes there only where that is said."""
    address = server.host.partition(":")[0]
    beside = [other.host for other in servers if other.host.startswith(f"{address}:") and other is not server]
    return server.url + ("?" if beside else "") + "&".join(f"realm={host}" for host in beside)


@pytest.fixture
def make_client(
    make_http: Callable[..., HttpClient], sleeps: list[float], tmp_path: Path
) -> Callable[..., RegistryClient]:
    """A RegistryClient for the servers given. ``setting``: of DOCKML_REGISTRIES; ``config``: Docker's config.json."""

    def make(
        *servers: StandIn, setting: str | None = None, config: dict | None = None, **more: object
    ) -> RegistryClient:
        path = tmp_path / "docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(config or {}))
        settings = RegistrySettings.parse(
            setting or " ".join(_with_realms(server, servers) for server in servers)
        )
        http = make_http(*servers, **more)
        return RegistryClient(
            http, DigestStore(tmp_path / "store"), settings, DockerCredentials(path), sleep=sleeps.append
        )

    return make


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
