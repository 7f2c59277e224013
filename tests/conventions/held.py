"""Versions that are raised by hand, because a raise costs downloads; and the code that each version covers.

Here: the versions, the code of each, and ``held_versions.toml``, which records both together. ``make held`` records the
current state. Not here: the test (``test_held_versions``).
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import dockml_dagster
from dockml_dagster.corpora import CORPORA, corpus_class
from dockml_dagster.corpora.images.versions import SUMMARY_VERSION
from dockml_dagster.corpora.sample.images import ASSEMBLER_VERSION
from dockml_dagster.study.layer.model import SCAN_VERSION
from dockml_dagster.warehouse.due.sources import Sources
from dockml_dagster.warehouse.rows import combined_hash

PACKAGE = Path(dockml_dagster.__file__).parent
NOTED = Path(__file__).with_name("held_versions.toml")
_ANSWERED_FOR = (
    "study.layer",
    "corpora.images.layers",
    "corpora.images.layer_rows",
    "corpora.images.versions",
    "corpora.sample.images",
    "images.scanning",
)
"""Modules that corpora use but that other versions cover."""
_PLUMBING = ("corpora.base", "images.scanning.pool", "images.scanning.task", "images.sources")
"""Modules that only bring layers to the code that reads them."""


@dataclass(frozen=True)
class Held:
    """One version: where it is defined, its value, and the modules that it covers.

    It covers ``roots`` and what they import in ``within``, except ``beyond``, which other versions cover.
    """

    where: str
    version: str
    roots: tuple[str, ...]
    within: tuple[str, ...] = ("corpora", "images", "study")
    beyond: tuple[str, ...] = ()

    def code(self) -> str:
        """Hash of the modules. Other packages' versions are no part of it: they are not changed by an edit here."""
        modules = Sources(PACKAGE).reached(self.roots, self.within, beyond=self.beyond)
        return combined_hash(part for name in sorted(modules) for part in (name, modules[name].form))[:16]


def held() -> dict[str, Held]:
    """Name → every version that is raised by hand."""
    found = {
        "layer scan": Held(
            "SCAN_VERSION in dockml_dagster/study/layer/model.py",
            SCAN_VERSION,
            ("images.scanning.worker", "corpora.images.layer_rows"),
            beyond=(*_PLUMBING, "images.scanning.union", "study.advice", "study.image"),
        ),
        "image summary": Held(
            "SUMMARY_VERSION in dockml_dagster/corpora/images/versions.py",
            SUMMARY_VERSION,
            ("images.scanning.union", "corpora.images.layers"),
            beyond=(*_PLUMBING, "images.scanning.worker"),
        ),
        "sample images": Held(
            "ASSEMBLER_VERSION in dockml_dagster/corpora/sample/images.py",
            ASSEMBLER_VERSION,
            ("corpora.sample.images",),
            beyond=_PLUMBING,
        ),
    }
    for name, place in CORPORA.items():
        root = place.partition(":")[0].removeprefix(f"{PACKAGE.name}.")
        where = f"method_version in {PACKAGE.name}/{root.replace('.', '/')}.py"
        found[f"corpus {name}"] = Held(
            where, corpus_class(name).method_version, (root,), beyond=_ANSWERED_FOR
        )
    return found


def noted() -> dict[str, dict[str, str]]:
    """Name → version and code as they were last noted."""
    return tomllib.loads(NOTED.read_text(encoding="utf-8")) if NOTED.exists() else {}


def note() -> None:
    """Record the current versions and code."""
    lines = [
        "# Written by `make held`: each version that is raised by hand, and the code that it was last raised for.\n"
    ]
    for name, one in held().items():
        lines.append(f'\n["{name}"]\nversion = "{one.version}"\ncode = "{one.code()}"\n')
    NOTED.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    note()
    sys.stdout.write(f"noted {len(held())} versions in {NOTED.name}\n")
