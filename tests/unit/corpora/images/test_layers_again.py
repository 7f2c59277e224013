"""Layers that were read before their files were looked into: read again where it is asked, and once."""

from pathlib import Path

import pytest

from dockml_dagster.corpora.images.collection import ImageCollection
from dockml_dagster.settings import Settings
from tests.unit.corpora.images.test_collection import LOWER, PROJECT, Layouts, named


def test_layers_read_before_are_read_again_only_where_it_is_asked(
    layout: Layouts, scanned: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER))

    def packages(**environment: str) -> object:
        given = {"DOCKML_HOME": str(tmp_path / "home"), **environment}
        found = ImageCollection("local", Settings.from_environment(given)).layer_stats(
            PROJECT, named(location)
        )
        return found.rows["raw.image_summaries"][0]["packages"]

    with monkeypatch.context() as before:
        before.setattr(
            "dockml_dagster.corpora.images.layers.to_json", lambda inside: None
        )  # as it was kept once
        assert packages() is None
    assert packages() is None
    assert len(scanned) == 1
    assert packages(DOCKML_LAYERS_AGAIN="1") == 0
    assert packages(DOCKML_LAYERS_AGAIN="1") == 0
    assert packages() == 0
    assert len(scanned) == 2
