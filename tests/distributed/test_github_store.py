"""GitHub's answers where all machines of a fleet find them."""

from collections.abc import Iterator

import pytest

from dockml_dagster.catalog import Session, SharedCatalog
from dockml_dagster.clients.github.store import GithubStore, open_store
from tests.github_store_contract import CASES


class Catalog:
    """The catalog's database."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.opened: list[GithubStore] = []
        self.session = Session(SharedCatalog(address))

    def open(self, server: str = "api.example.com") -> GithubStore:
        self.opened.append(open_store(None, server, self.address))
        return self.opened[-1]

    def damage(self, table: str, column: str, value: bytes) -> None:
        self.session.run(f"UPDATE dockml.github_{table} SET {column} = %s", [value])


@pytest.fixture
def catalog(services, request) -> Iterator[Catalog]:
    name = f"github{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(name)
    made = Catalog(f"host=127.0.0.1 port={services.postgres.port} user=postgres dbname={name}")
    yield made
    made.session.close()
    for store in made.opened:
        store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_store_in_the_catalog(case, catalog: Catalog) -> None:
    case(catalog)


def test_stores_outlive_a_restart_of_the_server(catalog, services) -> None:
    store = catalog.open()
    store.put_document("kind", "name", 1)
    services.postgres.restart()
    assert store.document("kind", "name") == 1
    services.postgres.stop()
    services.postgres.start()
    store.put_document("kind", "name", 2)
    assert store.document("kind", "name") == 2
