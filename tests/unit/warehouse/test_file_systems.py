"""A disk that is really full, or really read-only: a small file
system in memory. What was committed is kept, and readers read.

Needs the right to mount (root, as in a container); elsewhere it says so and is skipped.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.commands.doctor.checks import examine
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import maintenance
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import DiskFullError, connect, disk_full
from dockml_dagster.warehouse.published.swap import publish

LARGE = "CREATE TABLE large AS SELECT i, sha256(i::VARCHAR) AS digest FROM range(400000) t(i)"
"""Some 30 MB that cannot be compressed."""


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A folder with room for 8 MB, and what gives it room for 500."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or not _mount("-t", "tmpfs", "-o", "size=8m", "none", str(folder)):
        pytest.skip("a file system cannot be mounted here")

    def enlarge() -> None:
        assert _mount("-o", "remount,size=500m", str(folder))

    yield folder, enlarge
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def warehouse(small_disk: tuple[Path, Callable[[], None]]) -> Warehouse:
    """With one row."""
    found = Warehouse(small_disk[0] / "home" / "warehouse" / "dockml.duckdb")
    with found.write() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
    return found


def _kept(path: Path) -> list[tuple[int]]:
    with connect(path, read_only=True) as connection:
        return connection.execute("FROM kept").fetchall()


def test_what_was_committed_is_kept_and_the_rest_goes_on_with_room(small_disk, warehouse):
    for _ in range(2):
        with pytest.raises(DiskFullError) as caught, warehouse.write() as connection:
            connection.execute("INSERT INTO kept VALUES (8)")
            connection.execute(LARGE)
        assert "DOCKML_HOME" in str(caught.value)
        with warehouse.read() as connection:
            assert connection.execute("FROM kept").fetchall() == [(7,)]
            assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (1,)
    small_disk[1]()
    with warehouse.write() as connection:
        connection.execute("INSERT INTO kept VALUES (8)")
        connection.execute(LARGE)
    with warehouse.read() as connection:
        assert connection.execute("FROM kept").fetchall() == [(7,), (8,)]
        assert connection.execute("SELECT count(*) FROM large").fetchone() == (400_000,)


def test_a_publication_without_room_leaves_the_old_one_and_nothing_half_made(small_disk, warehouse):
    folder, enlarge = small_disk
    target = folder / "home" / "published" / "dockml.duckdb"
    publish(warehouse, target)
    enlarge()
    with warehouse.write() as connection:
        connection.execute(LARGE)
    size = warehouse.location.file.stat().st_size >> 20
    assert _mount("-o", f"remount,size={size + 8}m", str(folder))
    for copies in (lambda: publish(warehouse, target), lambda: maintenance.compact(warehouse)):
        with pytest.raises(Exception) as caught:
            copies()
        assert disk_full(caught.value)
        assert _kept(target) == [(7,)]
        assert [path.name for path in target.parent.iterdir()] == [target.name]
        with warehouse.read() as connection:
            assert connection.execute("SELECT count(*) FROM large").fetchone() == (400_000,)
    enlarge()
    publish(warehouse, target)
    with connect(target, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM large").fetchone() == (400_000,)


def test_a_read_only_home_is_said_in_one_line_and_can_be_read(small_disk, warehouse):
    folder, _ = small_disk
    settings = Settings.from_environment({"DOCKML_HOME": str(folder / "home")})
    publish(warehouse, settings.published)
    assert _mount("-o", "remount,ro", str(folder))
    for opened in (warehouse.write, warehouse.read):
        with pytest.raises(BadInputError, match="DOCKML_HOME") as caught, opened():
            pass
        assert "\n" not in str(caught.value)
    assert _kept(settings.published) == [(7,)]
    wrong = {one.subject for one in examine(settings) if one.state == "problem"}
    assert {"home", "warehouse"} & wrong
