"""Directories of the tree beyond those that are kept: their sizes stay in the folders above them."""

from types import SimpleNamespace
from typing import Any

import pytest

from dockml_dagster.commands.scan_image import listing


def test_a_tree_has_no_more_directories_than_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST_DIRECTORIES", 3)
    tree = listing.Tree(2)
    files: Any = [
        (SimpleNamespace(kind="file", path=f"d{number}/f", stored=10), 0, None, None) for number in range(5)
    ]
    tree(files)
    assert [(row[0], row[1]) for row in tree.rows()] == [("/", 50), ("/d0", 10), ("/d1", 10)]
