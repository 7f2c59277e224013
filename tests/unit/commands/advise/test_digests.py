"""Digests that a study read, and what ``--fix`` pins by them."""

from pathlib import Path

import duckdb
import pytest

from dockml_dagster.commands.advise.digests import KnownDigests
from dockml_dagster.commands.advise.directory import Quiet
from dockml_dagster.commands.advise.fixing import fix_files
from dockml_dagster.settings import Settings

INDEX, MANIFEST, OLD = (f"sha256:{letter * 64}" for letter in "abc")
TEXT = "FROM python:3.12-slim\r\nCOPY --from=ghcr.io/x/y:latest /y /y\r\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})
    found.published.parent.mkdir(parents=True)
    with duckdb.connect(str(found.published)) as connection:
        connection.execute("""
            CREATE SCHEMA raw;
            CREATE TABLE raw.image_references
                (corpus TEXT, project TEXT, reference TEXT, registry TEXT, repository TEXT, tag TEXT, digest TEXT);
            CREATE TABLE raw.manifests
                (corpus TEXT, project TEXT, reference TEXT, manifest_digest TEXT, index_digest TEXT, kind TEXT,
                 last_seen TIMESTAMP);
        """)
        python = ("docker.io", "library/python", "3.12-slim", None)
        for row in (
            ("github", "a/b", "python:3.12-slim", *python),
            ("github", "c/d", "python:3.12-slim", *python),
            ("local", "a/b", "ghcr.io/x/y:latest", "ghcr.io", "x/y", "latest", None),
            ("local", "a/b", "ghcr.io/x/z:1", "ghcr.io", "x/z", "1", None),
            ("ease2022", "a/b", "x/old:1", None, "x/old", "1", None),
        ):
            connection.execute("INSERT INTO raw.image_references VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        for row in (
            ("github", "a/b", "python:3.12-slim", OLD, OLD, "image", "2026-01-01"),
            ("github", "c/d", "python:3.12-slim", MANIFEST, INDEX, "image", "2026-11-02 10:00:00"),
            ("local", "a/b", "ghcr.io/x/y:latest", MANIFEST, None, "image", "2026-11-01"),
            ("local", "a/b", "ghcr.io/x/z:1", MANIFEST, None, "model", "2026-11-01"),
            ("ease2022", "a/b", "x/old:1", MANIFEST, None, "image", "2026-11-01"),
        ):
            connection.execute("INSERT INTO raw.manifests VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    return found


def test_the_newest_digest_of_an_index_or_of_a_lone_manifest_is_known(settings: Settings) -> None:
    names = ("ghcr.io/x/y:latest", "x/old:1", "ghcr.io/x/z:1")
    text = "FROM python:3.12-slim\n" + "".join(f"COPY --from={name} a b\n" for name in names)
    found = KnownDigests(settings).of(text.encode())
    assert {key[2]: (each.digest, each.seen) for key, each in found.items()} == {
        "3.12-slim": (INDEX, "2026-11-02"),
        "latest": (MANIFEST, "2026-11-01"),
    }


def test_a_home_without_a_published_file_knows_nothing(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DOCKML_HOME": str(tmp_path / "none")})
    assert not KnownDigests(settings).of(b"FROM python:3.12-slim\n")


def test_a_published_file_of_another_version_knows_nothing(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DOCKML_HOME": str(tmp_path)})
    settings.published.parent.mkdir(parents=True)
    duckdb.connect(str(settings.published)).close()
    assert not KnownDigests(settings).of(b"FROM python:3.12-slim\n")


def test_fixing_pins_says_of_which_day_and_twice_is_once(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_bytes(TEXT.encode())
    file.chmod(0o640)
    assert fix_files((str(file),), lambda _: Quiet(), settings, unsafe=False, write=True) == 0
    pinned = TEXT.replace("3.12-slim", f"3.12-slim@{INDEX}").replace("latest", f"latest@{MANIFEST}")
    assert file.read_bytes() == pinned.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    said = capsys.readouterr().err
    assert "dockml: python:3.12-slim is pinned as it was read on 2026-11-02\n" in said
    assert fix_files((str(file),), lambda _: Quiet(), settings, unsafe=False, write=True) == 0
    assert file.read_bytes() == pinned.encode()
    assert "is pinned" not in capsys.readouterr().err


def test_a_link_is_left(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(TEXT.encode())
    (tmp_path / "Dockerfile").symlink_to(tmp_path / "real")
    fix_files((str(tmp_path / "Dockerfile"),), lambda _: Quiet(), settings, unsafe=False, write=True)
    assert (tmp_path / "real").read_bytes() == TEXT.encode()
