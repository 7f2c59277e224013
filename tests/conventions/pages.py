"""Reference pages that are generated from the code: commands, settings, tables, licences.

Here: their text. ``python -m tests.conventions.pages`` writes commands, settings and licences. With the published file of
a finished sample study as argument it also writes the schema, ``docs/tables.md``. Not here: pages of rules
(``dockml_dagster.commands.advise.pages``), the tests (``test_pages.py``, ``tests/integration/test_schema.py``).
"""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import duckdb

from dockml_dagster.cli import main
from dockml_dagster.settings import VARIABLES
from dockml_dagster.warehouse.published.dictionary import SCHEMAS

ROOT = Path(__file__).parents[2]
COMMANDS, SETTINGS, TABLES, LICENCES = (
    ROOT / "docs" / f"{name}.md" for name in ("commands", "settings", "tables", "licences")
)
MADE = "<!-- Below this line `make pages` writes. -->\n"


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _text(text: str) -> str:
    """A help text as Markdown. Paragraphs that click does not rewrap become a line and a code block."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.splitlines()]
        if lines[0] == "\b":
            parts += [lines[1], "```sh\n" + "\n".join(lines[2:]) + "\n```"]
        else:
            parts.append(" ".join(lines))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _option(option: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    record = option.get_help_record(context)
    if record is None or isinstance(option, click.Argument) or "--help" in record[0]:
        return None
    return f"`{' '.join(record[0].split())}`".replace("|", "\\|"), _cell(record[1])


def _by_hand(page: Path) -> str:
    """The part of a page that is written by hand."""
    return page.read_text(encoding="utf-8").partition(MADE)[0] + MADE


def settings_page() -> str:
    """The page's part that is written by hand, then every environment variable."""
    rows = "".join(f"| `{name}` | {_cell(said)} |\n" for name, said in VARIABLES.items())
    return f"{_by_hand(SETTINGS)}\n| variable | meaning |\n| --- | --- |\n{rows}"


def commands_page() -> str:
    """The page's part that is written by hand, then every command with its options."""
    parts = [_by_hand(COMMANDS)]
    for name, command in _commands(main, "dockml"):
        context = click.Context(command, info_name=name)
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        parts.append(f"## {name}\n\n`{usage}`\n\n{_text(command.help or '')}\n")
        rows = [row for option in command.params if (row := _option(option, context))]
        if rows:
            parts.append("| option | does |\n| --- | --- |\n" + "".join(f"| {a} | {b} |\n" for a, b in rows))
    return "\n".join(parts)


_OF_A_FILE = """
    SELECT tables.schema_name, tables.table_name, tables.comment, columns.column_name, columns.data_type, columns.comment
    FROM (
        SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
        UNION ALL
        SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal
    ) AS tables
    JOIN duckdb_columns() AS columns USING (schema_name, table_name)
    ORDER BY tables.schema_name, tables.table_name, columns.column_index
"""


def tables_page(published: Path) -> str:
    """The schema: every table of a published file with its columns, their types and meaning."""
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(_OF_A_FILE).fetchall()
    parts = [
        "# Tables\n\nThe schema of the published file: every table, its columns, their types and what they mean. "
        "`make schema` writes this page, and a test compares it with a finished study. The same text is in the "
        "comments of the file and in `data-dictionary.html` beside it.\n"
    ]
    for schema, meaning in SCHEMAS.items():
        parts.append(f"## {schema}\n\n{meaning}\n")
        for table in dict.fromkeys((row[1], row[2]) for row in rows if row[0] == schema):
            parts.append(f"### {schema}.{table[0]}\n\n{_cell(table[1] or '')}\n")
            columns = [row[3:] for row in rows if row[:2] == (schema, table[0])]
            parts.append(
                "| column | type | meaning |\n| --- | --- | --- |\n"
                + "".join(f"| `{name}` | {kind} | {_cell(said or '')} |\n" for name, kind, said in columns)
            )
    return "\n".join(parts)


def _locked() -> list[str]:
    """The locked packages that users install: all except build tools."""
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    return sorted({*names} - {"hatchling", "editables", "pathspec", "pluggy", "trove-classifiers", "tomli"})


def _licence(name: str) -> str:
    """A package's licence, from the newest of the three metadata fields that state one."""
    about = metadata.metadata(name)
    said = about.get("License-Expression") or about.get("License") or ""
    if not said or "\n" in said or len(said) > 60:
        found = [one for one in about.get_all("Classifier", []) if one.startswith("License ::")]
        said = ", ".join(one.rpartition(" :: ")[2] for one in found) or said.strip().partition("\n")[0]
    return said or "not stated"


def licences() -> dict[str, str]:
    """Package → licence, for the packages that are installed on this machine."""
    found = {}
    for name in _locked():
        try:
            found[name] = _licence(name)
        except metadata.PackageNotFoundError:
            continue  # for another system or Python
    return found


def licences_page() -> str:
    """The packages that an installation of dockml brings, with their licences."""
    rows = "".join(f"| {name} | {_cell(said)} |\n" for name, said in licences().items())
    return (
        "# Licences\n\ndockml is under Apache-2.0. Installing it with the extra `report` brings these packages, each under "
        "the licence that it states itself. `make pages` writes this page. The extra `lint` brings hadolint (GPL-3.0), "
        "which is started as a program and never linked.\n\n| package | licence |\n| --- | --- |\n" + rows
    )


if __name__ == "__main__":
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    LICENCES.write_text(licences_page(), encoding="utf-8")
    if len(sys.argv) > 1:
        TABLES.write_text(tables_page(Path(sys.argv[1])), encoding="utf-8")
