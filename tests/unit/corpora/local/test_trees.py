"""Paths that git itself would not add: a stranger's tree or index may hold any.

Here: what is listed, and read. Not here: whether a repository keeps to its folder at all (``test_hostile``).
"""

import hashlib
import os
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dockml_dagster.corpora.local import trees

OUTSIDE = ["../Dockerfile", "/etc/Dockerfile", "a//Dockerfile", "a/../../Dockerfile", "./Dockerfile"]


def _git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=data, check=True, capture_output=True, env={**os.environ, **own})
    return done.stdout.decode().strip()


def _bare(folder: Path, entries: Sequence[tuple[str, bytes]]) -> Path:
    """A repository whose tree holds these paths as they are."""
    folder.mkdir()
    _git(folder, "init", "--quiet", "--bare")
    blobs = [(path, _git(folder, "hash-object", "-w", "--stdin", data=data)) for path, data in entries]
    raw = b"".join(f"100644 {path}\0".encode() + bytes.fromhex(oid) for path, oid in blobs)
    tree = _git(folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=raw)
    _git(folder, "update-ref", "HEAD", _git(folder, "commit-tree", tree, "-m", "x"))
    return folder


def _index(paths: Sequence[bytes]) -> bytes:
    found = b"DIRC" + struct.pack(">II", 2, len(paths))
    for path in sorted(paths):
        entry = (
            bytes(24)
            + struct.pack(">I", 0o100644)
            + bytes(12)
            + b"\1" * 20
            + struct.pack(">H", len(path))
            + path
        )
        found += entry + bytes(8 - len(entry) % 8)
    return found + hashlib.sha1(found).digest()


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_of_a_tree_that_leads_out_is_told_and_not_taken(path: str, tmp_path: Path) -> None:
    tree = trees.head_tree(_bare(tmp_path / "r", [("Dockerfile", b"FROM a\n"), (path, b"FROM b\n")]))
    assert [file.path for file in tree.files] == ["Dockerfile"]
    assert [(one.subject, one.reason) for one in tree.outcomes if one.status == "unreadable"] == [
        (path, "its path leads out of the repository")
    ]


def test_a_path_that_a_tree_names_twice_is_told_and_taken_once(tmp_path: Path) -> None:
    folder = _bare(tmp_path / "r", [("Dockerfile", b"FROM a\n"), ("Dockerfile", b"FROM b\n")])
    tree = trees.head_tree(folder)
    assert [file.path for file in tree.files] == ["Dockerfile"]
    assert [one.reason for one in tree.outcomes if one.status == "unreadable"] == [
        "named twice: the first was taken"
    ]
    with trees.head_reader(folder) as read:
        assert read("Dockerfile") == b"FROM a\n"


def test_a_path_of_an_index_that_leads_out_is_not_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    _git(folder, "init", "--quiet")
    (tmp_path / "Dockerfile").write_bytes(b"FROM private\n")
    (folder / "Dockerfile").write_bytes(b"FROM a\n")
    paths = [b"../Dockerfile", str(tmp_path / "Dockerfile").encode(), b"Dockerfile"]
    (folder / ".git" / "index").write_bytes(_index(paths))
    tree = trees.work_tree(folder)
    assert [(file.path, file.size_bytes) for file in tree.files] == [("Dockerfile", 7)]
    assert [one.subject for one in tree.outcomes if one.status == "unreadable"] == sorted(
        ["../Dockerfile", str(tmp_path / "Dockerfile")]
    )
    assert trees.file_reader(folder)("../Dockerfile") is None
