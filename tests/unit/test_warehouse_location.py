"""``DOCKML_WAREHOUSE`` read: files, lakes, services; and no password in anything printed."""

from pathlib import Path

import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse_location import Location

FOLDER = Path("/home/of/warehouse")


@pytest.mark.parametrize("text", ["/data/study.duckdb", "study.duckdb", "~/study.duckdb", "odd:name.duckdb"])
def test_a_path_is_a_file_beside_which_everything_lies(text):
    found = Location.parse(text, FOLDER)
    assert found.file == Path(text).expanduser().absolute()
    assert found.folder == found.file.parent
    assert found.lock == Path(f"{found.file}.lock")
    assert not found.is_lake


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "ducklake:postgres:dbname=dockml host=db user=me",
            "ducklake:postgres:dbname=dockml host=db user=me",
        ),
        ("ducklake:/data/catalog.ducklake", "ducklake:/data/catalog.ducklake"),
        ("ducklake:catalog.ducklake", f"ducklake:{Path('catalog.ducklake').absolute()}"),
        ("ducklake:sqlite:catalog.sqlite", f"ducklake:sqlite:{Path('catalog.sqlite').absolute()}"),
        ("DuckLake:mysql:db=dockml", "DuckLake:mysql:db=dockml"),
    ],
)
def test_a_lake_is_attached_and_its_lock_is_ours(text, address):
    found = Location.parse(text, FOLDER, "s3://bucket/lake")
    assert (found.address, found.file, found.is_lake) == (address, None, True)
    assert (found.folder, found.data_path) == (FOLDER, "s3://bucket/lake")
    assert found.lock == FOLDER / "dockml.lock"


def test_a_service_is_attached_too():
    found = Location.parse("md:dockml", FOLDER)
    assert (found.address, found.file, found.is_lake) == ("md:dockml", None, False)


@pytest.mark.parametrize(
    "address",
    [
        "ducklake:postgres:dbname=d password=geheim host=h",
        "ducklake:postgres:dbname=d password='geheim text' host=h",
        "ducklake:postgres:postgresql://me:geheim@h/d",
        "md:dockml?motherduck_token=geheim",
    ],
)
def test_no_password_is_ever_printed(address):
    assert "geheim" not in str(Location.parse(address, FOLDER))
    assert "…" in str(Location.parse(address, FOLDER))


def test_a_catalog_that_does_not_answer_is_one_line_without_its_password(tmp_path):
    pytest.importorskip("duckdb_extension_postgres_scanner", reason="no extension as a package here")
    location = Location.parse(
        "ducklake:postgres:dbname=d password=geheim host=127.0.0.1 port=1", tmp_path, str(tmp_path / "data")
    )
    with pytest.raises(BadInputError, match="cannot attach ducklake:postgres:dbname=d password=…") as caught:
        Warehouse(location).write().__enter__()
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
