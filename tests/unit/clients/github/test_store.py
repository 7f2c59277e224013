"""GitHub's answers in a file of one machine."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockml_dagster.clients.github.store import GithubStore, open_store
from tests.github_store_contract import CASES


class Folder:
    """A folder with a file a server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[GithubStore] = []

    def open(self, server: str = "api.example.com") -> GithubStore:
        self.opened.append(open_store(self.path, server, None))
        return self.opened[-1]

    def damage(self, table: str, column: str, value: bytes) -> None:
        with sqlite3.connect(self.path / "api.example.com.sqlite") as connection:
            connection.execute(f"UPDATE {table} SET {column} = ?", [value])
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "github")
    yield made
    for store in made.opened:
        store.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_store_in_a_file(case, folder: Folder) -> None:
    case(folder)


def test_a_file_of_before_is_read(folder: Folder) -> None:
    folder.path.mkdir()
    with sqlite3.connect(folder.path / "api.example.com.sqlite") as connection:
        connection.execute(
            "CREATE TABLE documents (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, stored_at REAL NOT NULL,"
            " PRIMARY KEY (kind, name))"
        )
        connection.execute("INSERT INTO documents VALUES ('kind', 'name', '[1]', 5.0)")
    connection.close()
    store = folder.open()
    assert (store.document("kind", "name"), store.stored_at("kind", "name")) == ([1], 5.0)
