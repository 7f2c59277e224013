"""Versions of the code and data that compute a table, of everything that computes findings, and of libraries.

Here: hashes that change when the same input would give other rows, without a number that somebody must raise. Collection,
which costs downloads, has no such hash but a number that its corpus states; ``tests/conventions/test_held_versions.py``
watches over those. Not here: how code is hashed (``due.sources``), the effect of a version (``due``).
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import Derivation
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LABELS, LINT
from dockml_dagster.warehouse.due.sources import Sources
from dockml_dagster.warehouse.label_model import SHIPPED, label_model_version
from dockml_dagster.warehouse.models import folder, seed_texts, without_comments
from dockml_dagster.warehouse.rows import combined_hash

_COMPUTING = ("warehouse.computed.findings",)

LIBRARIES = (
    "dockml",
    "duckdb",
    "dagster",
    "dockerfile-parse",
    "e2b-dockerfile-utils",
    "tree-sitter-bash",
    "scipy",
    "altair",
    "vl-convert-python",
)
"""The packages on which numbers and figures depend."""


def version_of(derivation: Derivation, settings: Settings) -> str:
    """Hash of what computes a table: its code with all imports, its seeds, its inputs. A new hash makes every unit due.

    The category weights count as a seed, even if they are a home's own.
    """
    return _version_of(
        derivation, settings, label_model_version(settings) if derivation is LABELS else SHIPPED
    )


@cache
def _version_of(derivation: Derivation, settings: Settings, label_model: str) -> str:
    code = _sources(settings.cache).code_hash([derivation.module], within=["study"])
    statements = [without_comments(text) for text in (derivation.inputs, *derivation.contents.values())]
    own = [] if label_model == SHIPPED else [label_model]
    return combined_hash([code, *statements, *seed_texts(derivation.seeds).values(), *own])[:12]


def lint_version(hadolint: str, settings: Settings) -> str:
    """``2.12.0+1a2b3c4d5e6f``: of hadolint itself, and of the code that runs it and reads its output."""
    return f"{hadolint}+{version_of(LINT, settings)}"


def build_version(settings: Settings) -> str:
    """Hash of everything that computes findings. A new hash makes the findings due.

    It covers the models, seeds and documentation under ``dbt_like_sql/``, the derivations, and the code
    for findings that SQL cannot compute.
    """
    return _build_version(settings, tuple(version_of(derivation, settings) for derivation in DERIVATIONS))


@cache
def _build_version(settings: Settings, derivations: tuple[str, ...]) -> str:
    root = folder()
    parts: list[str | bytes] = list(derivations)
    # Links depend on which registries are accepted.
    parts.append(settings.registries or "")
    parts.append(_sources(settings.cache).code_hash(_COMPUTING, within=["study", "warehouse.computed"]))
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            sql = path.suffix == ".sql"
            parts += [path.relative_to(root).as_posix(), without_comments(data.decode()) if sql else data]
    return combined_hash(parts)[:16]


@cache
def code_version(modules: tuple[str, ...], within: tuple[str, ...], settings: Settings) -> str:
    """Hash of modules with what they import from the folders ``within``: for an asset that is no derivation."""
    return _sources(settings.cache).code_hash(modules, within=list(within))[:12]


@cache
def _sources(cache: Path) -> Sources:
    return Sources(Path(__file__).resolve().parents[1], cache / "source-hashes.json")


def libraries() -> dict[str, str]:
    """Package → version, Python itself included; a package that is not installed is left out."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "python": platform.python_version()}
