"""The largest files of an image, visible and hidden."""

import random

from dockml_dagster.study.layer.image_files import ImageFiles
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.union import Merged


def merged(
    path: str, size: int, *, kind: str = "file", layer: int = 0, hidden_by: int | None = None
) -> Merged:
    entry = LayerEntry(path, kind, size, size, 0o644, 0, 0, 0, 0, None, f"h:{path}", None, "x", "data", None)  # type: ignore[arg-type]
    return Merged(entry, layer, hidden_by, None if hidden_by is None else "whiteout")


def test_the_largest_are_kept_whatever_the_order() -> None:
    files = [merged(f"f{number}", number % 7) for number in range(50)]
    wanted = [(entry.entry.stored, entry.entry.path) for entry in files]
    wanted.sort(key=lambda pair: (-pair[0], pair[1]))
    for seed in range(5):
        random.Random(seed).shuffle(files)
        kept = ImageFiles(visible=12, hidden=3)
        for each in files:
            kept([each])
        assert [(file.bytes, file.path) for file in kept.found()] == wanted[:12]


def test_hidden_files_are_kept_apart() -> None:
    kept = ImageFiles(visible=1, hidden=1)
    for each in (
        merged("small", 1),
        merged("big", 9),
        merged("lost", 5, layer=1, hidden_by=2),
        merged("lost more", 6, layer=1, hidden_by=3),
    ):
        kept([each])
    seen, hidden = kept.found()
    assert (seen.path, seen.hidden_by, seen.file_hash) == ("big", None, "h:big")
    assert (hidden.path, hidden.layer, hidden.hidden_by, hidden.cause) == ("lost more", 1, 3, "whiteout")


def test_only_regular_files_count() -> None:
    kept = ImageFiles()
    for kind in ("directory", "symlink", "hardlink", "whiteout", "opaque", "char_device"):
        kept([merged("x", 100, kind=kind)])
    assert kept.found() == ()
