"""Rules for the files of the repository: their length, their first lines, and what they must not contain."""

import ast
import re
from pathlib import Path

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parents[1]
SAMPLE = "dockml_dagster/corpora/sample/projects/"
TEXT = {".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".txt", ".cfg", ".json", ".csv", ".sh", ""}

MAX_LINES = 400
LONGER = {
    "tests/unit/study/cut_places.py": "a case or two a place that cuts its input",
    "docs/tables.md": "written by `make schema`: a line a column of every table",
    "docs/commands.md": "written by `make pages`: a line an option of every command",
    "dbt_like_sql/raw.yml": "a line or two a column of every raw table",
    "dbt_like_sql/core/core.yml": "a line or two a column of every model",
    "dbt_like_sql/staging/staging.yml": "a line or two a column of every model",
    "dbt_like_sql/findings/findings.yml": "a line or two a column of every model",
    "dbt_like_sql/seeds/published_values.csv": "a line a number that the paper prints",
    "dbt_like_sql/seeds/category_weights.csv": "a line a feature and category",
    "dbt_like_sql/seeds/purpose_codes.csv": "a line a code of the study's label sheet",
    "dockml_dagster/warehouse/migrations/0001_raw.sql": "the whole first schema; a released migration is never split",
    "dockml_dagster/corpora/sample/projects/projects.yaml": "data: the catalogue of the sample",
    "dockml_dagster/defs/assets/column_lineage.json": "written by `make held`: a line a column of every model",
    "requirements.txt": "written by `make lock`",
    "requirements-dev.txt": "written by `make lock`",
    "requirements-distributed.txt": "written by `make lock`",
    "requirements-docs.txt": "written by `make lock`",
    "tests/unit/clients/registry/test_faults.py": "one fault of a registry after the other, each a few lines",
    "tests/integration/github/stand_in.py": "one server and all its routes",
    "tests/integration/scan_image/test_figures.py": "one image built by hand, and every figure of it",
    "tests/conventions/asset_graph.txt": "a line an asset",
}
"""Files over the limit, and why splitting them would help nobody."""
DATA_OF_TESTS = re.compile(r"^tests/.*(\.toml|\.json|\.csv|Dockerfile[^/]*|/(cases|corpus|oracle)/.*)$")

FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:work/[a-z]|tmp/[a-z]/|home/(?!user\b|app\b|jovyan\b)[a-z]+/(?:src|work|dev)|Users/[A-Z])"
    ),
    "the address of a package index": re.compile(
        r"--(?:extra-)?index-url[ =]+https?:|https?://[^\s/]*[^\s]*/simple/?\s*$", re.M
    ),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})"),
    "a GitLab or Docker token": re.compile(r"\b(?:glpat-[A-Za-z0-9_-]{20}|dckr_pat_[A-Za-z0-9_-]{20,})"),
    "a cloud key": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35})\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7}) ", re.M),
}


PLANTED = {
    f"{SAMPLE}basalt-nets/strata/docker/Dockerfile.tpu": ("a merge conflict",),
    "tests/integration/scan_image/test_figures.py": ("the address of a package index",),
    f"{SAMPLE}moraine-models/glacier-seg/requirements.txt": ("the address of a package index",),
    f"{SAMPLE}openfield-notes/ml-by-lantern/requirements.txt": ("the address of a package index",),
}
"""Files that show such a thing on purpose, and which."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_too_long(tracked: list[Path]) -> None:
    long = {}
    for path in tracked:
        if path.suffix not in TEXT or DATA_OF_TESTS.match(_name(path)):
            continue
        lines = path.read_bytes().count(b"\n")
        if lines > MAX_LINES and _name(path) not in LONGER:
            long[_name(path)] = lines
    assert long == {}, "split it, or say in LONGER why not"


def test_reasons_are_for_files_that_exist() -> None:
    assert [name for name in LONGER if not (ROOT / name).exists()] == []


def test_nothing_forbidden_is_written_anywhere(tracked: list[Path]) -> None:
    wrong = []
    for path in tracked:
        text = path.read_bytes().decode("utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            if what in PLANTED.get(_name(path), ()):
                continue
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                wrong.append(f"{_name(path)}:{line}: {what}")
    assert wrong == []


def test_patterns_find_what_they_are_for() -> None:
    # Assembled here, so that this file does not contain what it forbids.
    planted = {
        "a path of one machine": "open('/wo" + "rk/main/x')",
        "the address of a package index": "pip install --index" + "-url https://mirror.example/simple",
        "a GitHub token": "gh" + "p_" + "a" * 36,
        "a GitLab or Docker token": "glp" + "at-" + "x" * 20,
        "a cloud key": "AK" + "IA" + "Z" * 16,
        "a private key": "-----BEGIN " + "PRIVATE KEY-----\n" + "A" * 64,
        "a merge conflict": "<" * 7 + " HEAD",
    }
    assert planted.keys() == FORBIDDEN.keys()
    assert [what for what, text in planted.items() if not FORBIDDEN[what].search(text)] == []


def test_every_module_begins_with_its_charter(tracked: list[Path]) -> None:
    without = []
    for path in tracked:
        name = _name(path)
        if path.suffix != ".py" or name.startswith(SAMPLE):
            continue
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if not docstring or (
            not docstring.splitlines()[0].rstrip().endswith((".", ",", ":", ";")) and len(docstring) < 20
        ):
            without.append(name)
    assert without == []


def test_every_model_begins_with_a_comment(tracked: list[Path]) -> None:
    models = [path for path in tracked if path.suffix == ".sql" and _name(path).startswith("dbt_like_sql/")]
    assert models
    assert [_name(path) for path in models if not path.read_text(encoding="utf-8").startswith("-- ")] == []
