"""Which columns each column of a model is made of, read out of the SQL by sqlglot; and the types of ``raw``.

    python tests/unit/defs/assets/column_lineage.py    writes column_lineage.json

Here: what needs the parser, so that nobody who runs dockml does. A column is made of those whose values are in it, not of
those that only choose or order its rows. Not here: what Dagster makes of the file (``defs.assets.lineage``), the lineage of
what Python computes (beside each computation).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify

from dockml_dagster.corpora.base import STAGES
from dockml_dagster.defs.assets.lineage import CLAIMS, FILE, read_from
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.models import Project, folder, load
from dockml_dagster.warehouse.rows import columns_of

Sources = dict[str, list[str]]
"""Column → the columns that it is made of, each as ``schema.table.column``, sorted."""
FIGURES = frozenset(
    "value low high n clusters per_project per_project_low per_project_high verdict why".split()
)
"""Columns of the claims that are computed."""


def lineage_of(sql: str, schema: Mapping[str, object]) -> Sources:
    """The lineage of a SELECT, by the columns of all tables: schema → table → column → type."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    _without_unpivot(tree, schema)
    _without_choosing(tree)
    tree = qualify(tree, schema=dict(schema), dialect="duckdb")
    _by_position(tree)
    _refuse_rows_as_values(tree)
    found = lineage(None, tree, dict(schema), dialect="duckdb", trim_selects=False)
    return {name: sorted(set(_leaves(node))) for name, node in found.items()}


def _without_choosing(tree: exp.Expression) -> None:
    """Leave out what only says which row a value is taken from, and in which order."""
    for window in tree.find_all(exp.Window):
        window.set("partition_by", None)
    for call in list(tree.find_all(exp.ArgMax, exp.ArgMin, exp.Anonymous)):
        if isinstance(call, exp.Anonymous) and call.name.lower() in ("arg_max_null", "arg_min_null"):
            call.replace(exp.Max(this=call.expressions[0]))
        elif isinstance(call, exp.ArgMax | exp.ArgMin):
            call.replace(exp.Max(this=call.this))
    for order in list(tree.find_all(exp.Order)):
        if isinstance(order.parent, exp.AggFunc | exp.Anonymous):
            order.replace(order.this)


def _leaves(root: Node) -> Iterator[str]:
    for node in root.walk():
        source = node.expression
        if not node.downstream and isinstance(source, exp.Table) and source.db:
            yield f"{source.db}.{source.name}.{exp.to_column(node.name).name}"


def _by_position(tree: exp.Expression) -> None:
    """Put the columns of UNION BY NAME into one order: sqlglot follows them by their place."""
    for union in [
        one for one in tree.find_all(exp.SetOperation) if not isinstance(one.parent, exp.SetOperation)
    ]:
        parts = list(_parts(union))
        if not any(one.args.get("by_name") for one in union.find_all(exp.SetOperation)):
            continue
        names = list(dict.fromkeys(name for part in parts for name in part.named_selects))
        for part in parts:
            known = {one.alias_or_name: one for one in part.selects}
            part.set("expressions", [known.get(name) or exp.alias_(exp.null(), name) for name in names])


def _parts(query: exp.Expression) -> Iterator[exp.Select]:
    if isinstance(query, exp.SetOperation):
        yield from (*_parts(query.left), *_parts(query.right))
    elif isinstance(query, exp.Subquery):
        yield from _parts(query.this)
    else:
        assert isinstance(query, exp.Select)
        yield query


def _refuse_rows_as_values(tree: exp.Expression) -> None:
    """A whole row as a value (``any_value(t)``) would hide which of its columns is meant."""
    for row in tree.find_all(exp.TableColumn):
        raise ValueError(f"write the columns of {row.name} one by one, so that it shows which is meant")


def _without_unpivot(tree: exp.Expression, schema: Mapping[str, object]) -> None:
    """Put in the place of each UNPIVOT a SELECT whose value is made of all that are turned into rows."""
    while pivot := next((one for one in tree.find_all(exp.Pivot) if one.args.get("unpivot")), None):
        inner = pivot.this if isinstance(pivot.this, exp.Query) else None
        if inner is None:
            inner = (
                pivot.this.this
                if isinstance(pivot.this, exp.Subquery)
                else exp.select("*").from_(pivot.this.copy())
            )
        for position, one in enumerate(inner.selects):
            if isinstance(one, exp.Unnest | exp.Explode):
                # A struct that becomes several columns.
                one.replace(exp.alias_(one.copy(), f"_unnested_{position}"))
        names = _columns(tree, pivot, inner, schema)
        turned = [found for one in pivot.expressions for found in _turned(one, names)]
        kept = [name for name in names if name not in turned]
        into = pivot.args["into"]
        values = exp.func("coalesce", *(exp.column(name, quoted=True) for name in turned))
        instead = exp.select(
            *(exp.column(name, quoted=True) for name in kept),
            exp.alias_(exp.Literal.string("name"), into.this.name),
            exp.alias_(values, into.expressions[0].name),
        ).from_(exp.Subquery(this=inner.copy(), alias=exp.TableAlias(this=exp.to_identifier("_turned"))))
        pivot.replace(instead)


def _columns(
    tree: exp.Expression, pivot: exp.Expression, inner: exp.Query, schema: Mapping[str, object]
) -> list[str]:
    """The columns of what is turned, with the common table expressions before it."""
    query = inner.copy()
    for cte in tree.find_all(exp.CTE):
        if cte.find(exp.Pivot) is None:
            query = query.with_(cte.args["alias"].copy(), as_=cte.this.copy())
    names: list[str] = qualify(
        query, schema=dict(schema), dialect="duckdb", validate_qualify_columns=False
    ).named_selects
    return names


def _turned(one: exp.Expression, names: list[str]) -> list[str]:
    """What UNPIVOT's ON names: a column, or all but some."""
    star = one.find(exp.Star)
    if star is None:
        return [one.name]
    left_out = {column.name for column in star.args.get("except_") or star.args.get("except") or ()}
    return [name for name in names if name not in left_out]


def schema_of(project: Project) -> dict[str, dict[str, dict[str, str]]]:
    """Schema → table → column → type, as documented."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for model in (*project.seeds, *project.raw, *project.models, *project.computed):
        schema, _, table = model.name.partition(".")
        found.setdefault(schema, {})[table] = {one.name: one.data_type or "VARCHAR" for one in model.columns}
    return found


def _of_claims(project: Project, schema: Mapping[str, object]) -> Sources:
    """A figure may be of any claim's query; the rest is in the seed."""
    with (folder() / "seeds" / "claims.csv").open(encoding="utf-8", newline="") as file:
        queries = [row["query"].replace("$corpus", "'x'") for row in csv.DictReader(file)]
    read = {source for query in queries for found in lineage_of(query, schema).values() for source in found}
    figures = sorted({*read, "findings.measures.value", "findings.measures.n"})
    return {
        column.name: ["core.projects.corpus"]
        if column.name == "corpus"
        else figures
        if column.name in FIGURES
        else []
        for column in project.by_name[CLAIMS].columns
    }


def everything(project: Project) -> dict[str, dict[str, object]]:
    """What the file holds: table → its columns, and the version of the SQL that they were read out of."""
    schema = schema_of(project)
    found = {model.name: lineage_of(model.sql, schema) for model in project.models}
    found[CLAIMS] = _of_claims(project, schema)
    columns = {
        table: {"made_of": read_from(project, table), "columns": columns}
        for table, columns in sorted(found.items())
    }
    return {**columns, "types": _types(project)}


def _types(project: Project) -> dict[str, dict[str, str]]:
    """The types of what the stages fill, as the migrations make the tables: asking takes longer than loading the file."""
    with duckdb.connect() as connection:
        migrations.apply(connection)
        return {
            model.name: columns_of(connection, model.name)
            for model in project.raw
            if set(model.filled_by).intersection(STAGES)
        }


def written(found: Mapping[str, object]) -> str:
    """As JSON, a line a column."""
    text = json.dumps(found, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+([^\[\]]*?)\s+\]", lambda one: "[" + re.sub(r"\s+", " ", one[1]) + "]", text) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(everything(load())), encoding="utf-8")
