"""Every value of ``findings.claims`` once more, by one SQL query over ``core``.

    python tests/integration/claims.py PUBLISHED.duckdb [CORPUS]

prints a line a claim: what the table says, what the query gives, the query. Ends with 1 where one differs.

Here: the number of each kind of claim as SQL around the query that stands in the row. Not here: intervals and verdicts,
which ``warehouse.computed.claims`` makes with numpy; nothing of it is used here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose

import duckdb

NUMBERS = {
    "number": "SELECT value, n FROM ({query})",
    "share": "SELECT avg(value), count(*) FROM (SELECT unit, max(value) AS value FROM ({query}) GROUP BY unit)",
    "median": "SELECT median(value), count(*) FROM (SELECT unit, max(value) AS value FROM ({query}) GROUP BY unit)",
    "ratio": "SELECT sum(counted) / nullif(sum(units), 0), sum(units) FROM ({query})",
    # By how much the item leads the next, or lags behind the first, in mean shares of projects.
    "first": """
        WITH rows AS ({query}), projects AS (SELECT count(DISTINCT project) AS n FROM rows),
        shares AS (SELECT item, sum(value) / any_value(n) AS share FROM rows, projects GROUP BY item)
        SELECT coalesce(max(share) FILTER (item = '{item}'), 0) - coalesce(max(share) FILTER (item <> '{item}'), 0),
            (SELECT n FROM projects) FROM shares HAVING count(*) > 0
    """,
    # Cliff's delta in which every project weighs 1.
    "groups": """
        WITH rows AS ({query}), pairs AS (
            SELECT avg(sign(ml.value - control.value)) AS delta FROM rows AS ml, rows AS control
            WHERE ml.item = 'ml' AND control.item <> 'ml' GROUP BY ml.project, control.project
        ) SELECT avg(delta), (SELECT count(*) FROM rows) FROM pairs HAVING count(*) > 0
    """,
}
"""Kind of a claim → its number and n, of the rows that the query of the claim gives."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One claim of one corpus: value and n of the table and of the query."""

    corpus: str
    claim: str
    unit: str
    value: float | None
    n: int
    again: float | None
    n_again: int
    query: str

    @property
    def same(self) -> bool:
        """Whether both agree, up to the order of additions."""
        if self.value is None or self.again is None:
            return self.value is self.again
        return self.n == self.n_again and isclose(self.value, self.again, rel_tol=1e-9, abs_tol=1e-12)


def recomputed(connection: duckdb.DuckDBPyConnection, corpus: str | None = None) -> Iterator[Recomputed]:
    """Every claim in the corrected reading, of one corpus or of all."""
    rows = connection.execute(
        """
        SELECT found.corpus, found.claim, found.unit_of_analysis, found.value, found.n, found.query, seed.kind, seed.item
        FROM findings.claims AS found
        JOIN (SELECT row_number() OVER () AS position, * FROM seeds.claims) AS seed USING (claim, position)
        WHERE found.reading = 'corrected' AND found.corpus = coalesce($corpus, found.corpus)
        ORDER BY found.corpus, position
        """,
        {"corpus": corpus},
    ).fetchall()
    for of, claim, unit, value, n, query, kind, item in rows:
        found = connection.execute(NUMBERS[kind].format(query=query, item=item)).fetchone()
        again, n_again = found if found is not None and found[1] else (None, 0)
        yield Recomputed(of, claim, unit, value, n, again, int(n_again), query)


def main() -> int:
    """Print all, and say whether all agree."""
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        found = list(recomputed(connection, *sys.argv[2:3]))
    for each in found:
        mark = "same" if each.same else "DIFFERS"
        print(
            f"{each.corpus}\t{each.claim}\t{each.unit}\t{each.value}\t{each.again}\tn={each.n}\t{mark}\t{each.query}"
        )
    differing = sum(not each.same for each in found)
    print(f"{len(found)} values, {differing} differ")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
