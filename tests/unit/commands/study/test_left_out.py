"""What ``study`` says was left out, and what was read in part."""

from pathlib import Path

import duckdb

from dockml_dagster.commands.study.found import _passed_over, opened


def test_what_was_left_out_and_what_was_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            CREATE SCHEMA raw;
            CREATE TABLE raw.listings AS SELECT 'local' AS corpus;
            CREATE SCHEMA findings;
            CREATE TABLE findings.passed_over AS
            SELECT 'local' AS corpus, * FROM (VALUES
                ('unreadable', 'file', 2, 7), ('not selected', 'file', 1, 7), ('not available', 'file', 1, 7),
                ('failed', 'project', 1, 3), ('collected', 'project', 1, 3), ('collected', 'project', 2, 3)
            ) AS rows(state, unit_of_analysis, units, n)
            """
        )
    with opened(path, "local") as source:
        assert _passed_over(source) == (
            "3 of 7 files, 1 of 3 projects; in part, at least 2 of 3 projects; "
            "why: dockml show passed_over --corpus local"
        )
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM findings.passed_over")
    with opened(path, "local") as source:
        assert _passed_over(source) == ""
