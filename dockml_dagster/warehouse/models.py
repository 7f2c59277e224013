"""The SQL in ``dbt_like_sql/``: reading the files, their documentation, and their order.

Here: the types of models, seeds, checks and tests, and which model needs which. It parses, orders and
documents. Not here: running anything (``build``), macros, templating, or an incremental dialect of its own.

A model is one ``SELECT`` in one file; ``core/images.sql`` is ``core.images``. References are read out of the
statement by DuckDB's own parser, so they can never disagree with it. Documentation and tests are dbt property files:
https://docs.getdbt.com/reference/configs-and-properties
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import DockmlError

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("staging", "core", "findings")
"""Schemas of models, in the order of the data flow. ``staging`` is views, the others are tables."""


_TEXT_OR_GAP = re.compile(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|/\*.*?\*/|\s)+""", re.DOTALL
)


class ModelError(DockmlError):
    """A file under ``dbt_like_sql/`` breaks the contract; the text names the file. A retry cannot help."""


Test = str | Mapping[str, Any]
"""A generic test as dbt writes it: its name, or its name with arguments and configuration."""

KEY_TEST = "dbt_utils.unique_combination_of_columns"
"""The test by which a table states a key of several columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A documented column: its name, meaning, and the generic tests on it."""

    name: str
    description: str
    data_type: str | None = None
    tests: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One model, seed or raw table: ``name`` is ``schema.table``."""

    name: str
    description: str
    columns: tuple[Column, ...]
    path: Path | None = None
    sql: str = ""
    references: tuple[str, ...] = ()
    filled_by: tuple[str, ...] = ()
    """For a raw table: the assets that fill it (``meta: filled_by``); after them, its readers are out of date."""
    tests: tuple[Test, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that together identify a row, by its tests; empty if there are none."""
        for test in self.tests:
            name, arguments = named_test(test)
            if name == KEY_TEST:
                return tuple(arguments["combination_of_columns"])
        unique = [column.name for column in self.columns if "unique" in column.tests]
        return (unique[0],) if unique else ()

    @property
    def schema(self) -> str:
        """The part of the name before the dot, which is the folder."""
        return self.name.split(".")[0]

    @property
    def is_view(self) -> bool:
        """Staging models are views: they rename and select, and cost nothing to keep."""
        return self.schema == "staging"

    @property
    def code_version(self) -> str:
        """Changes only when the statement changes, not its comments or layout."""
        return hashlib.sha256(without_comments(self.sql).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Check:
    """A singular test: a statement that returns the rows that break it.

    ``shown_at``: the model whose asset shows it, if its property file names one (``config: meta: shown_at``).
    """

    name: str
    description: str
    sql: str
    references: tuple[str, ...]
    warn_only: bool
    shown_at: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """Everything under ``dbt_like_sql/``, models in the order in which they can run.

    ``computed``: tables that Python computes from models, documented beside them (``meta: computed_by: …``).
    """

    models: tuple[Model, ...]
    seeds: tuple[Model, ...]
    raw: tuple[Model, ...]
    checks: tuple[Check, ...]
    computed: tuple[Model, ...] = ()
    by_name: Mapping[str, Model] = field(default_factory=dict)


def named_test(test: Test) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a generic test; including ``config`` if it has one."""
    name, options = (test, {}) if isinstance(test, str) else next(iter(test.items()))
    options = dict(options or {})
    return name, {**options.pop("arguments", {}), **options}


def folder() -> Path:
    """The folder of the SQL: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "dbt_like_sql", package.parent / "dbt_like_sql"):
        if candidate.is_dir():
            return candidate
    raise ModelError("dbt_like_sql is not beside the package; install dockml from a wheel or a checkout")


def seed_texts(names: Iterable[str]) -> dict[str, str]:
    """Name → CSV text of seeds, for computations in Python."""
    return {name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in names}


def without_comments(sql: str) -> str:
    """The normal form of a statement: equal for two that differ only in comments and white space."""
    return _TEXT_OR_GAP.sub(lambda found: found["text"] or " ", sql).strip()


@cache
def load(root: Path | None = None) -> Project:
    """Read and order everything under ``root`` (default: ``folder()``).

    Raises:
        ModelError: a file is neither one SELECT nor a property file, names an unknown table, or models form a cycle.
    """
    root = root or folder()
    documented = _documentation(root)
    common = _common_columns(root)
    models = {
        model.name: model
        for schema in SCHEMAS
        for model in _models(root / schema, documented.get("models", {}), common)
    }
    seeds = {
        name: _documented(name, path, documented.get("seeds", {}), common)
        for path in sorted((root / "seeds").glob("*.csv"))
        for name in [f"seeds.{path.stem}"]
    }
    raw = {
        name: _documented(name, None, documented["sources"], common)
        for name in sorted(documented.get("sources", {}))
    }
    computed = {
        name: _documented(name, None, documented["models"], common)
        for name, entry in sorted(documented.get("models", {}).items())
        if (entry.get("meta") or {}).get("computed_by")
    }
    known = {**models, **seeds, **raw, **computed}
    checks = tuple(_checks(root / "checks", documented.get("data_tests", {})))
    # Python computes its tables after all models, so no model can read them.
    _require_known([*models.values()], {**models, **seeds, **raw})
    _require_known(checks, known)
    ordered = tuple(models[name] for name in _order(models))
    return Project(
        ordered, tuple(seeds.values()), tuple(raw.values()), checks, tuple(computed.values()), known
    )


def references(sql: str, *, where: str) -> tuple[str, ...]:
    """The ``schema.table`` names that a SELECT reads, sorted. Common table expressions are not tables.

    Raises:
        ModelError: not exactly one SELECT, or a table without its schema.
    """
    with _parser().cursor() as parser:
        answer = parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(answer[0]) if answer else {}
    if tree.get("error"):
        raise ModelError(f"{where}: {tree.get('error_message', 'not a SELECT')}")
    if len(tree["statements"]) != 1:
        raise ModelError(f"{where}: one SELECT a file, found {len(tree['statements'])}")
    found: set[str] = set()
    loose: set[str] = set()
    ctes: set[str] = set()
    for node in _walk(tree):
        if node.get("type") == "BASE_TABLE":
            if node.get("schema_name"):
                found.add(f"{node['schema_name']}.{node['table_name']}")
            else:
                loose.add(node["table_name"])
        for entry in (node.get("cte_map") or {}).get("map") or []:
            ctes.add(entry["key"])
    if unknown := loose - ctes:
        raise ModelError(f"{where}: write schema.table for {', '.join(sorted(unknown))}")
    return tuple(sorted(found))


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A separate, empty connection: serialising parses but binds nothing. It is shared, because opening one takes 20 ms."""
    import duckdb

    return duckdb.connect()


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)


def _models(
    directory: Path, documented: Mapping[str, Mapping[str, Any]], common: Mapping[str, str]
) -> Iterator[Model]:
    for path in sorted(directory.glob("*.sql")):
        name = f"{directory.name}.{path.stem}"
        sql = path.read_text(encoding="utf-8").strip().rstrip(";")
        entry = documented.get(name, {})
        yield Model(
            name,
            " ".join(str(entry.get("description", "")).split()),
            _columns(entry, common),
            path,
            sql,
            references(sql, where=f"{directory.name}/{path.name}"),
            tests=tuple(entry.get("data_tests", ())),
        )


def _checks(directory: Path, documented: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    for path in sorted(directory.glob("*.sql")):
        sql = path.read_text(encoding="utf-8").strip().rstrip(";")
        entry = documented.get(path.stem, {})
        configured = entry.get("config") or {}
        severity = str(configured.get("severity", "error"))
        yield Check(
            path.stem,
            " ".join(str(entry.get("description", "")).split()),
            sql,
            references(sql, where=f"checks/{path.name}"),
            severity == "warn",
            (configured.get("meta") or {}).get("shown_at"),
        )


def _documented(
    name: str, path: Path | None, documented: Mapping[str, Mapping[str, Any]], common: Mapping[str, str]
) -> Model:
    entry = documented.get(name, {})
    filled_by = (entry.get("meta") or {}).get("filled_by", ())
    return Model(
        name,
        " ".join(str(entry.get("description", "")).split()),
        _columns(entry, common),
        path,
        filled_by=(filled_by,) if isinstance(filled_by, str) else tuple(filled_by),
        tests=tuple(entry.get("data_tests", ())),
    )


def _columns(entry: Mapping[str, Any], common: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(
        Column(
            column["name"],
            " ".join(str(column.get("description", common.get(column["name"], ""))).split()),
            column.get("data_type"),
            tuple(column.get("data_tests", ())),
        )
        for column in entry.get("columns", ())
    )


def _common_columns(root: Path) -> dict[str, str]:
    """Column → its meaning in every table (``columns.yml``)."""
    path = root / "columns.yml"
    content = _read_yaml(path, root) if path.exists() else {}
    try:
        return {column["name"]: column["description"] for column in content.get("columns", ())}
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(
            f"columns.yml: a list of names and descriptions ({type(error).__name__}: {error})"
        ) from error


def _read_yaml(path: Path, root: Path) -> Any:
    import yaml

    # The C loader if PyYAML has it, as its wheels do: the Python loader takes two seconds for these files.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506 -- both are safe loaders
    except yaml.YAMLError as error:
        raise ModelError(f"{path.relative_to(root)}: {' '.join(str(error).split())}") from error


def _documentation(root: Path) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Kind (models, seeds, sources, data_tests) → name → its entry."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for path in sorted(set(root.rglob("*.yml")) - {root / "columns.yml"}):
        content = _read_yaml(path, root)
        try:
            for kind, name, entry in _entries(content, path.parent.name):
                found.setdefault(kind, {})[name] = entry
        except (AttributeError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path.relative_to(root)}: not a property file of dbt ({type(error).__name__}: {error})"
            ) from error
    return found


def _entries(content: Any, schema: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(kind, full name, entry) of everything a property file documents; any missing key or wrong type raises."""
    for kind, entries in content.items():
        for entry in entries if kind != "version" else ():
            for item in entry["tables"] if kind == "sources" else [entry]:
                if not all(column["name"] for column in item.get("columns", ())):
                    raise KeyError("name")
                prefix = {"sources": f"{entry['name']}.", "seeds": "seeds.", "data_tests": ""}.get(
                    kind, f"{schema}."
                )
                yield kind, prefix + item["name"], item


def _require_known(models: Iterable[Model | Check], known: Mapping[str, Model]) -> None:
    for model in models:
        for name in model.references:
            if name not in known:
                raise ModelError(f"{model.name} reads {name}, which no model, seed or raw table is called")


def _order(models: Mapping[str, Model]) -> list[str]:
    graph = {name: [r for r in model.references if r in models] for name, model in models.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ModelError(f"models form a cycle: {' → '.join(error.args[1])}") from error
