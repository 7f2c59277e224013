"""Every interval of the sample's findings is one of the number beside it.

Here: that intervals hold their estimates, which those of another quantity (a layer counted once in each project) do not.
"""

from pathlib import Path

import duckdb

ESTIMATES = {
    "bytes_low": ("share_of_bytes",),
    "delta_low": ("cliffs_delta",),
    "difference_low": ("difference",),
    "files_low": ("share_of_files",),
    "low": ("value", "share_calibrated"),
    "median_low": ("median",),
    "other_low": ("other_share",),
    "people_low": ("share_people",),
    "cross_fitted_low": ("share_cross_fitted",),
    "finite_low": ("share_calibrated",),
    "per_project_low": ("share_per_project", "median_per_project", "per_project"),
    "pooled_low": ("pooled_share",),
    "share_first_low": ("share_first",),
    "share_low": ("share", "share_followed", "share_violated", "share_in_one_image"),
    "share_second_low": ("share_second",),
}
"""Lower end of an interval → the number that it is of, by the tables' names for it."""


def test_every_interval_holds_its_number(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        tables: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'findings'"
        ).fetchall():
            tables.setdefault(table, []).append(column)
        asked, unknown, outside = 0, [], []
        for table, columns in sorted(tables.items()):
            for low in (column for column in columns if column == "low" or column.endswith("_low")):
                number = next((name for name in ESTIMATES.get(low, ()) if name in columns), None)
                if number is None:
                    unknown.append((table, low))
                    continue
                high = low.removesuffix("low") + "high"
                row = connection.execute(
                    f"SELECT count({low}), count(*) FILTER ({number} < {low} - 1e-9 OR {number} > {high} + 1e-9) "
                    f"FROM findings.{table}"
                ).fetchone()
                asked += row[0]
                if row[1]:
                    outside.append((table, number, row[1]))
    assert unknown == [], "say in ESTIMATES which number the interval is of"
    assert outside == []
    assert asked > 500
