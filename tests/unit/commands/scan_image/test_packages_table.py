"""The table of packages is for people: it ends, and says what it leaves out."""

from types import SimpleNamespace
from typing import Any

import pytest

from dockml_dagster.commands.scan_image import packages


def _shown(number: int) -> str:
    one = SimpleNamespace(
        visible=True, bytes=1, name="a", version="1", ecosystem="deb", files=1, compressed_bytes=None, layer=0, inside=None
    )  # fmt: skip
    inventory = SimpleNamespace(packages=(one,) * number, doubled=(), unowned=(), problems=())
    image: Any = SimpleNamespace(inventory=inventory, image=SimpleNamespace(platform=None))
    reference: Any = SimpleNamespace(name="a/b", images=[image])
    return packages.packages_text([reference], "table")


def test_a_table_ends_and_says_how_much_more_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_MOST_ROWS", 3)
    assert "more rows" not in _shown(3)
    assert "2 more rows; json and csv have them" in _shown(5)
    assert _shown(5).count("deb") == 3
