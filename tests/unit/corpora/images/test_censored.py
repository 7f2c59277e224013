"""What a cap on the links of an image leaves in rows and outcomes."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.settings import Settings
from dockml_dagster.study.layer import links

PROJECT = "local/o/p"


def linked() -> bytes:
    """An archive of a file and a second name of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        first = tarfile.TarInfo("a")
        first.size = 5
        archive.addfile(first, io.BytesIO(b"12345"))
        second = tarfile.TarInfo("b")
        second.type, second.linkname = tarfile.LNKTYPE, "a"
        archive.addfile(second)
    return buffer.getvalue()


@pytest.mark.parametrize(("most", "censored"), [(0, "hard_links"), (1, None)])
def test_links_that_are_not_followed(
    layout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, censored: str | None
) -> None:
    monkeypatch.setattr(links, "_MOST", most)
    made = layout("image")
    images = [NamedImage(made.write(made.image(linked())), "Dockerfile")]
    settings = Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})
    for _ in range(2):  # read, and as it is kept
        found = ImageCollection("local", settings).layer_stats(PROJECT, images)
        (row,) = found.rows["raw.image_summaries"]
        assert row["censored"] == censored
        assert row["status"] == ("complete" if censored is None else "censored")
        said = [one.reason for one in found.outcomes if one.subject]
        assert said == ([] if censored is None else ["censored: links not followed (hard_links)"])
