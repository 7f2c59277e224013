"""Manifests and configurations where all machines of a fleet find them: a pull that one paid for no other pays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.catalog import Session, SharedCatalog
from dockml_dagster.clients.digest_store import open_digest_store
from dockml_dagster.clients.http.errors import DigestMismatchError
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.images.sources.opening import ClientSettings
from dockml_dagster.images.sources.reading import read_image
from dockml_dagster.images.sources.registry_source import RegistrySource
from dockml_dagster.study.image.reference import Digest, ImageReference
from tests.stand_ins import FakeRegistry, StandIn

EMPTY = Digest.parse("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")


@pytest.fixture
def catalog(services, request) -> str:
    name = f"documents{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(name)
    return f"host=127.0.0.1 port={services.postgres.port} user=postgres dbname={name}"


@pytest.fixture
def registry() -> Iterator[StandIn]:
    fake = FakeRegistry()
    fake.image("a/b", "1", (b"one", b"two"))
    server = StandIn(fake)
    yield server
    server.stop()


@pytest.fixture
def make_client(catalog: str, registry: StandIn, tmp_path: Path) -> Iterator[Callable[[str], RegistryClient]]:
    """A client as the machine of that name has it."""
    made: list[RegistryClient] = []

    def make(machine: str) -> RegistryClient:
        settings = ClientSettings(
            tmp_path / machine,
            RegistrySettings.parse(f"docker.io={registry.url}"),
            docker_config=tmp_path / "none",
            catalog=catalog,
        )
        made.append(settings.client())
        return made[-1]

    yield make
    for client in made:
        client.http.close()


def test_what_one_machine_fetched_costs_another_one_head(make_client, registry) -> None:
    reference = ImageReference.parse("docker.io/a/b:1")
    first = read_image(RegistrySource(make_client("one"), reference))
    assert [asked.method for asked in registry.asked] == ["HEAD", "GET", "GET"]
    registry.asked.clear()
    again = read_image(RegistrySource(make_client("other"), reference))
    assert again.images == first.images
    assert [asked.method for asked in registry.asked] == ["HEAD"]


def test_what_is_damaged_is_not_there(catalog: str, tmp_path: Path) -> None:
    one, other = (open_digest_store(tmp_path / name, catalog) for name in ("one", "other"))
    with pytest.raises(DigestMismatchError):
        one.put(EMPTY, b"{ }")
    assert other.get(EMPTY) is None
    one.put(EMPTY, b"{}")
    session = Session(SharedCatalog(catalog))
    session.run("UPDATE dockml.documents SET content = 'x'")
    assert other.get(EMPTY) is None
    other.put(EMPTY, b"{}")
    assert session.run("SELECT convert_from(content, 'UTF8') FROM dockml.documents") == [("{}",)]
    assert open_digest_store(tmp_path / "third", catalog).get(EMPTY) == b"{}"
    # From now on its own.
    session.run("DELETE FROM dockml.documents")
    assert open_digest_store(tmp_path / "third", catalog).get(EMPTY) == b"{}"
    session.close()
