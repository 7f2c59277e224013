"""core.dockerfile_findings, findings.rq3_practices and findings.rq3_reading_differences on rows made for them.

The models run as they stand, on tables of the real schema of ``raw`` and small stand-ins for the models they read.
"""

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.models import load

FILES = [
    # project, path, sha256, valid, differences
    ("c/o/listed", "app/Dockerfile", "copying", True, []),
    ("c/o/listed", "app/sub/Dockerfile", "copying", True, []),
    ("c/o/listed", "other/Dockerfile", "copying", True, ["heredoc", "parent images"]),
    ("c/o/listed", "other/Dockerfile.gpu", "copying", True, ["heredoc"]),
    ("c/o/listed", "broken/Dockerfile", "copying", False, ["accepted invalid"]),
    ("d/o/unlisted", "Dockerfile", "copying", True, []),
    ("d/o/unlisted", "docker/Dockerfile", "copying", True, []),
]
LISTED = [
    *((project, path) for project, path, *_ in FILES),
    ("c/o/listed", "app/.dockerignore"),
    ("c/o/listed", "application/.dockerignore"),
    ("c/o/listed", "other/Dockerfile.gpu.dockerignore"),
    # A project whose list is not known to be complete cannot say that one is absent, whatever else it lists.
    ("d/o/unlisted", "docker-compose.yml"),
    ("d/o/unlisted", "docker/Dockerfile.dockerignore"),
]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        migrations.apply(opened)
        build.load_seeds(opened, load())
        opened.execute("CREATE SCHEMA staging; CREATE SCHEMA core; CREATE SCHEMA findings")
        opened.execute(
            "CREATE TABLE core.dockerfiles (corpus VARCHAR, project VARCHAR, path VARCHAR, sha256 VARCHAR, "
            "valid BOOLEAN, differences VARCHAR[])"
        )
        opened.executemany("INSERT INTO core.dockerfiles VALUES (left($1, 1), $1, $2, $3, $4, $5)", FILES)
        opened.execute(
            "CREATE TABLE staging.repository_files (corpus VARCHAR, project VARCHAR, path VARCHAR)"
        )
        opened.executemany("INSERT INTO staging.repository_files VALUES (left($1, 1), $1, $2)", LISTED)
        opened.execute(
            "CREATE TABLE staging.outcomes AS "
            "SELECT 'c/o/listed' AS project, 'dockerfiles' AS stage, 'file list' AS subject, 'collected' AS status "
            "UNION ALL SELECT 'd/o/unlisted', 'dockerfiles', 'file list', 'not_available'"
        )
        opened.execute(
            "CREATE TABLE core.projects AS "
            "SELECT 'c' AS corpus, 'c/o/listed' AS project, 'Toolkit' AS category "
            "UNION ALL SELECT 'd', 'd/o/unlisted', NULL"
        )
        opened.execute(
            "INSERT INTO raw.dockerfile_practices VALUES "
            "('copying', 'dockerignore', 'unknown', [4], ['COPY'], 'the files of the repository are not known'), "
            "('copying', 'no-sudo', 'not applicable', [], [], 'no RUN'), "
            "('copying', 'non-root-user', 'unknown', [], [], 'base'), "
            "('copying', 'exec-form', 'followed', [9], ['CMD'], NULL)"
        )
        yield opened


def run(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    models = load().by_name
    assert [built.model.name for built in build.run(connection, [models[name] for name in names])] == list(
        names
    )
    for name in names:
        failing = [tested for tested in build.test(connection, models[name]) if not tested.passed]
        assert failing == []


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def test_dockerignore_is_decided_by_the_files_of_the_repository(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    run(connection, "core.dockerfile_findings")
    found = rows(
        connection,
        "SELECT project, path, verdict, note FROM core.dockerfile_findings WHERE rule = 'dockerignore' ORDER BY 1, 2",
    )
    absent = "no .dockerignore in the folder of the Dockerfile or above"
    assert found == [
        ("c/o/listed", "app/Dockerfile", "followed", "app/.dockerignore"),
        ("c/o/listed", "app/sub/Dockerfile", "followed", "app/.dockerignore"),
        ("c/o/listed", "broken/Dockerfile", "violated", absent),
        ("c/o/listed", "other/Dockerfile", "violated", absent),
        ("c/o/listed", "other/Dockerfile.gpu", "followed", "other/Dockerfile.gpu.dockerignore"),
        ("d/o/unlisted", "Dockerfile", "unknown", "the files of the repository are not known"),
        ("d/o/unlisted", "docker/Dockerfile", "followed", "docker/Dockerfile.dockerignore"),
    ]


def test_other_unknowns_stay_unknown(connection: duckdb.DuckDBPyConnection) -> None:
    run(connection, "core.dockerfile_findings")
    assert rows(
        connection, "SELECT DISTINCT verdict, note FROM core.dockerfile_findings WHERE rule = 'non-root-user'"
    ) == [("unknown", "base")]


def test_practices_are_counted_over_valid_files_with_what_is_not_judged_beside(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    run(connection, "core.dockerfile_findings", "findings.rq3_practices")
    found = rows(
        connection,
        "SELECT category, practice, followed, violated, not_applicable, unknown, n, share_followed "
        "FROM findings.rq3_practices ORDER BY corpus, category, practice",
    )
    assert [row for row in found if row[0] == "All"] == [
        ("All", "dockerignore", 3, 1, 0, 0, 4, 0.75),
        ("All", "exec-form", 4, 0, 0, 0, 4, 1.0),
        ("All", "no-sudo", 0, 0, 4, 0, 0, None),
        ("All", "non-root-user", 0, 0, 0, 4, 0, None),
        ("All", "dockerignore", 1, 0, 0, 1, 1, 1.0),
        ("All", "exec-form", 2, 0, 0, 0, 2, 1.0),
        ("All", "no-sudo", 0, 0, 2, 0, 0, None),
        ("All", "non-root-user", 0, 0, 0, 2, 0, None),
    ]
    assert ("Toolkit", "dockerignore", 3, 1, 0, 0, 4, 0.75) in found
    assert ("unlabelled", "dockerignore", 1, 0, 0, 1, 1, 1.0) in found


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The two roots of (share - p)² = z² p (1 - p) / n, which is how the interval is defined."""
    z, share = 1.959963984540054, successes / n
    a, b, c = 1 + z * z / n, -2 * share - z * z / n, share * share
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_the_interval_is_wilsons(connection: duckdb.DuckDBPyConnection) -> None:
    run(connection, "core.dockerfile_findings", "findings.rq3_practices")
    found = {
        row[0]: row[1:]
        for row in rows(
            connection,
            "SELECT practice, low, high FROM findings.rq3_practices WHERE category = 'All' AND corpus = 'c'",
        )
    }
    assert found["dockerignore"] == pytest.approx(wilson(3, 4))
    assert found["exec-form"] == (pytest.approx(wilson(4, 4)[0]), 1.0)
    assert found["no-sudo"] == (None, None)


def test_lint_is_rows_of_its_own_by_the_newest_version(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "INSERT INTO raw.dockerfile_lint VALUES "
        "('copying', 'linted', NULL, NULL, NULL, '1', '2026-01-01'), "
        "('copying', 'DL1111', 'error', 1, NULL, '1', '2026-01-01'), "
        "('copying', 'linted', NULL, NULL, NULL, '2', '2026-02-01'), "
        "('copying', 'DL3008', 'warning', 7, NULL, '2', '2026-02-01'), "
        "('copying', 'DL3008', 'warning', 3, NULL, '2', '2026-02-01')"
    )
    connection.execute("UPDATE core.dockerfiles SET sha256 = 'bad' WHERE path = 'docker/Dockerfile'")
    connection.execute(
        "INSERT INTO raw.dockerfile_lint VALUES ('bad', 'refused', NULL, 2, 'its parser', '2', '2026-02-01')"
    )
    run(connection, "core.dockerfile_findings", "findings.rq3_practices")
    found = rows(
        connection,
        "SELECT rule, verdict, severity, lines, note, count(*) FROM core.dockerfile_findings "
        "WHERE source = 'hadolint' GROUP BY ALL ORDER BY 1",
    )
    assert found == [
        ("DL3008", "violated", "warning", [3, 7], None, 6),
        ("refused", "unknown", None, [2], "its parser", 1),
    ]
    practices = rows(connection, "SELECT DISTINCT practice FROM findings.rq3_practices ORDER BY 1")
    assert [name for (name,) in practices] == ["dockerignore", "exec-form", "no-sudo", "non-root-user"]


def test_differences_have_a_row_for_every_kind(connection: duckdb.DuckDBPyConnection) -> None:
    run(connection, "findings.rq3_reading_differences")
    found = rows(
        connection, "SELECT kind, files, n, share FROM findings.rq3_reading_differences WHERE corpus = 'c'"
    )
    assert found[0] == ("any", 3, 5, pytest.approx(3 / 5))
    assert {kind: files for kind, files, *_ in found if files} == {
        "any": 3,
        "heredoc": 2,
        "parent images": 1,
        "accepted invalid": 1,
    }
    assert len(found) == 10
