"""``DOCKML_WAREHOUSE`` read: files, lakes, services; and no password in anything printed."""

from pathlib import Path

import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Location
from dockml_dagster.warehouse.lake import attaching

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
    assert (found.address, found.file, found.is_lake, found.catalog) == ("md:dockml", None, False, None)


@pytest.mark.parametrize(
    ("text", "data", "read_only", "statements"),
    [
        (
            "ducklake:postgres:dbname=d host=h",
            "s3://b/lake",
            True,
            [
                "ATTACH 'ducklake:postgres:dbname=d host=h' AS \"warehouse\" (DATA_PATH 's3://b/lake', READ_ONLY)",
                'USE "warehouse"',
            ],
        ),
        ("ducklake:/c.ducklake", None, False, ["ATTACH 'ducklake:/c.ducklake' AS \"warehouse\"", 'USE "warehouse"']),
        # No other name and no options: MotherDuck takes neither.
        ("md:dockml", None, True, ["ATTACH 'md:dockml'", 'USE "dockml"']),
        ("md:dock'ml?motherduck_token=t", None, False, ["ATTACH 'md:dock''ml?motherduck_token=t'", 'USE "dock\'ml"']),
    ],
)  # fmt: skip
def test_how_a_place_is_attached(text, data, read_only, statements):
    assert attaching(Location.parse(text, FOLDER, data), read_only=read_only) == statements


def test_a_service_without_a_database_is_said_to_lack_one():
    with pytest.raises(BadInputError, match="md: names no database; write md:NAME"):
        attaching(Location.parse("md:", FOLDER), read_only=True)


@pytest.mark.parametrize(
    ("text", "catalog"),
    [
        ("ducklake:postgres:dbname=d host=h", "dbname=d host=h"),
        ("DuckLake:Postgres:postgresql://me@h/d", "postgresql://me@h/d"),
        ("ducklake:sqlite:c.sqlite", None),
        ("ducklake:c.ducklake", None),
        ("/data/study.duckdb", None),
    ],
)
def test_only_postgresql_is_shared_by_many(text, catalog):
    assert Location.parse(text, FOLDER).catalog == catalog


def test_what_is_found_in_layers_lies_beside_a_lake_and_not_in_it():
    assert Location.parse("ducklake:postgres:dbname=d", FOLDER, "s3://b/lake/").layers == "s3://b/lake.layers"
    with pytest.raises(BadInputError, match="needs DOCKML_WAREHOUSE_DATA"):
        _ = Location.parse("ducklake:postgres:dbname=d", FOLDER).layers


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
