"""Untrusted texts are parsed in few places, each with its bounds, and printed in one.

Here: which modules call a parser or write to a terminal. Not here: the bounds (the tests beside each reader).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
PROJECTS = PACKAGE / "corpora" / "sample" / "projects"

READERS = {
    # Readers of untrusted texts. Each bounds bytes, nodes, depth, expansion and time.
    "yaml": {
        "study/formats/yaml.py": "256 KiB, 50,000 nodes counted as expanded, 60 levels; linear",
        "warehouse/models.py": "ours: the property files of the models",
        "corpora/sample/corpus.py": "ours: the sample",
        "corpora/sample/images.py": "ours: the sample",
    },
    "tomllib": {
        "study/formats/toml.py": "256 KiB, 40 parts a key, 60 levels; linear",
        "corpora/github/frame.py": "the user's own frame",
    },
    "json.load": {
        "study/formats/json.py": "bytes of the caller, 64 levels, nodes in proportion; linear",
        "study/dockerfile/reading/instructions.py": "an exec form, no longer than its line of 64 KiB",
    },
    "zlib.decompress": {
        "study/device_code/amd.py": "64 KiB in, 64 KiB out",
        "images/sources/checkpointed_gzip.py": "inflated piece by piece; the reader's caps and the index's 100,000 members",
        "clients/github/store.py": "ours: answers that were kept",
    },
    "tree_sitter": {"study/dockerfile/shell/bash.py": "parts of 2 KiB, statements of 6; 64 KiB and 1 s for all of a file"},
    "sqlite3": {
        "images/scanning/rpm_database.py": "512 MiB on disk; rows, bytes of a row, steps and time capped, no attaching",
        "clients/github/store_tables.py": "ours: answers that were kept",
        "instance/event_log.py": "ours: Dagster's storage",
        "corpora/dataset/store.py": "ours: the shards of a set",
    },
    "igzip_lib": {"study/layer/inflate.py": "a chunk at a time; bytes, ratio and time capped"},
    "igzip": {"corpora/sample/images.py": "ours: writing"},
    "zstd": {
        "study/device_code/amd.py": "window 128 MiB; 64 KiB in, 64 KiB out",
        "study/layer/inflate.py": "window 128 MiB; a chunk at a time; bytes, ratio and time capped",
        "images/scanning/store.py": "ours: scans that were kept",
    },
    "lzma": {"study/layer/inflate.py": "memory 96 MiB; likewise", "corpora/ease2022/package.py": "the study's package"},
    "bz2": {"study/layer/inflate.py": "likewise"},
    "tarfile": {"corpora/ease2022/package.py": "the study's package", "corpora/sample/images.py": "ours: writing"},
    "zipfile": {"corpora/dataset/sources.py": "a member's first MiB; members in all and bytes in all capped"},
    "pickle": {"images/scanning/pool.py": "our own processes", "images/scanning/worker.py": "our own processes"},
    "ast.literal_eval": {
        "corpora/ease2022/workbook.py": "the study's package", "corpora/ease2022/images.py": "the study's package",
    },
}  # fmt: skip
"""Parser → the modules that may call it, and what bounds them there."""

OWN_JSON = {
    "warehouse", "defs", "instance", "clients/docker_hub.py", "clients/github/store.py", "clients/hadolint.py",
    "clients/docker_daemon.py", "commands/scan_image/limits.py",
    "clients/registry/credentials.py", "images/scanning/store.py", "images/seen.py", "corpora/sample/images.py",
    "corpora/history.py", "commands/advise/baseline.py", "corpora/remembered.py",
}  # fmt: skip
"""Who may read JSON that is ours or the user's own: kept answers and options, cursors, Docker's settings, a baseline, the
state of a walk."""

NEVER = {"eval", "exec", "marshal", "shelve", "xml", "configparser"}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.is_relative_to(PROJECTS):
            yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _uses(tree: ast.Module) -> Iterator[str]:
    """The modules that are imported, and the functions that are called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "").split(".")[0], *(alias.name for alias in node.names))
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            yield {"json.loads": "json.load", "zlib.decompressobj": "zlib.decompress"}.get(called, called)


USES = {name: set(_uses(tree)) for name, tree in _modules()}


@pytest.mark.parametrize("parser", READERS)
def test_a_parser_is_called_by_its_readers_alone(parser: str) -> None:
    allowed = set(READERS[parser])
    callers = {name for name, uses in USES.items() if parser in uses}
    if parser == "json.load":
        callers = {
            name for name in callers if not any(name == own or name.startswith(f"{own}/") for own in OWN_JSON)
        }
    if parser == "zstd":
        callers = {name for name in callers if name != "corpora/sample/images.py"}
    assert callers - allowed == set(), "read it through study/formats, or say here what bounds it"
    assert allowed - callers == set(), "nobody calls it there any more"


@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_runs_or_is_unbounded_is_called_by_nobody(name: str) -> None:
    assert [module for module, uses in USES.items() if name in uses] == []


SPEAKERS = {
    "commands/output.py": "the one way out",
    "commands/report.py": "the report's page to standard output",
    "cli.py": "click's own help",
}


def test_what_a_person_sees_goes_through_one_function() -> None:
    ways = {"click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write"}
    speaking = {name for name, uses in USES.items() if uses & ways}
    assert speaking - set(SPEAKERS) == set(), "use commands.output.say"
