"""Folders of strangers: every level of them, links not followed, what cannot be read told."""

import os
from pathlib import Path

from dockml_dagster.clients.regular_files import walk


def test_folders_are_given_as_python_gives_them(tmp_path: Path) -> None:
    for name in ("b/c", "b/a", "a", "left"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("b/c/2", "b/1", "a/3", "left/4"):
        (tmp_path / name).write_text("x")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "file").symlink_to("3")
    (tmp_path / "a" / "nowhere").symlink_to("nothing")

    def seen(found) -> list:
        listed = []
        for where, folders, files in found:
            folders[:] = sorted(name for name in folders if name != "left")
            listed.append((where, list(folders), sorted(files)))
        return listed

    assert seen(walk(tmp_path)) == seen(os.walk(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    told: list[OSError] = []
    assert list(walk(tmp_path / "no", told.append)) == []
    assert [error.filename for error in told] == [str(tmp_path / "no")]
    assert list(walk(tmp_path / "no")) == []


def test_folders_a_thousand_deep_are_listed(tmp_path: Path) -> None:
    """Also before Python 3.12, where ``os.walk`` calls itself for each level."""
    deep = tmp_path
    for _ in range(1100):
        deep /= "d"
        deep.mkdir()
    try:
        (deep / "Dockerfile").write_text("FROM a\n")
        found = [files for _, _, files in walk(tmp_path)]
    finally:  # pytest's own removal calls itself for each level too
        (deep / "Dockerfile").unlink()
        for _ in range(1100):
            deep.rmdir()
            deep = deep.parent
    assert (len(found), found[-1]) == (1101, ["Dockerfile"])
