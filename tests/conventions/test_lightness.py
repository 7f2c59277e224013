"""Commands that need no study load neither Dagster nor pandas, so they answer at once.

Here: what a command imports. Not here: how long it takes (``make bench``), because a clock in a test fails on busy machines.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parents[1]
DOCKERFILE = ROOT / "dockml_dagster/corpora/sample/projects/aurora-vision/streetlight/Dockerfile"
HEAVY = ("dagster", "pandas", "numpy", "duckdb", "requests", "tree_sitter")

RUN = """
import json, sys
sys.argv = ["dockml", *json.loads(sys.argv[1])]
from dockml_dagster.cli import main
try:
    main()
except SystemExit as end:
    code = end.code
sys.stderr.write("\\n" + json.dumps({"code": code, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


def _loaded(arguments: list[str], home: Path) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "DOCKML_HOME": str(home), "HOME": str(home)},
    )
    answer = json.loads(done.stderr.splitlines()[-1])
    return answer["code"] or 0, set(answer["modules"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a published file."""
    import duckdb

    published = tmp_path / "published" / "dockml.duckdb"
    published.parent.mkdir()
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            "CREATE SCHEMA findings; CREATE TABLE findings.funnel AS SELECT 'sample' AS corpus, 3 AS n"
        )
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], ()),
        (["study", "--help"], ()),
        (["--version"], ()),
        (["show"], ("duckdb",)),
        (["show", "funnel", "--format", "json"], ("duckdb",)),
        (["sql", "FROM findings.funnel"], ("duckdb",)),
        (["sql", "FROM findings.funnel", "--format", "csv"], ("duckdb",)),
        (["read-dockerfile", str(DOCKERFILE)], ("tree_sitter",)),
        (["read-dockerfile", str(DOCKERFILE), "--format", "json"], ("tree_sitter",)),
        (["advise", str(DOCKERFILE)], ("tree_sitter",)),
    ],
    ids=lambda value: " ".join(value) or "nothing",
)
def test_command_is_light(arguments: list[str], allowed: tuple[str, ...], home: Path) -> None:
    code, modules = _loaded(arguments, home)
    assert code == 0
    assert sorted(modules & set(HEAVY) - set(allowed)) == []
