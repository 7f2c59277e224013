"""A git that takes more memory or processor time than it may is ended.

Here: limits of the process. Not here: limits of what it says (``test_git``).
"""

import hashlib
import os
import resource
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from dockml_dagster.clients import git, git_history
from dockml_dagster.clients.git import GitError


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def _object(kind: int, size: int, body: bytes) -> bytes:
    """An entry of a pack: kind and size, then whatever stands for the object."""
    rest = size >> 4
    return bytes([kind << 4 | size & 15 | (128 if rest else 0)]) + (_varint(rest) if rest else b"") + body


def bomb(repository: Path, size: int) -> str:
    """A pack of a blob of zeros, and of another that is its first twenty bytes; returns the id of that one."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    press = zlib.compressobj(1)
    zeros = b"".join(press.compress(bytes(1 << 20)) for _ in range(size >> 20)) + press.flush()
    first = _object(3, size, zeros)
    delta = _varint(size) + b"\x14" + b"\x90\x14"
    back, place = len(first), []
    while back or not place:
        place.insert(0, back & 127 | (128 if place else 0))
        back = (back >> 7) - 1 if back >> 7 else 0
    pack = (
        b"PACK"
        + struct.pack(">II", 2, 2)
        + first
        + _object(6, len(delta), bytes(place) + zlib.compress(delta))
    )
    path = repository / "objects" / "pack" / "pack-0.pack"
    path.write_bytes(pack + hashlib.sha1(pack).digest())
    subprocess.run(["git", "-C", str(repository), "index-pack", str(path)], check=True, capture_output=True)
    return hashlib.sha1(b"blob 20\0" + bytes(20)).hexdigest()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the system bounds no process from outside")
def test_an_object_that_takes_too_much_memory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oid = bomb(tmp_path, 160 << 20)
    with git.blob_reader(tmp_path) as reader:
        assert reader.read(oid) == bytes(20)
    monkeypatch.setattr(git, "_MEMORY", 128 << 20)
    with git.blob_reader(tmp_path) as reader:
        for _ in range(2):
            with pytest.raises(GitError, match="takes too much memory"):
                reader.read(oid)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the system bounds no process from outside")
def test_a_git_that_keeps_busy_without_a_word_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty folders of thirty folders …, and no file: some kilobytes, and git would print nothing for years."""
    program = tmp_path / "git"
    program.write_text(
        "#!/bin/sh\nn=0\n"
        'while [ "$(ulimit -t)" = unlimited ] && [ $n -lt 999 ]; do n=$((n + 1)); done\n'
        f'ulimit -t >> "{tmp_path}/limits"\n'
        '[ "$(ulimit -t)" = unlimited ] || kill -XCPU $$\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(GitError, match="more than 5 s of processor time"):
        git.tree(tmp_path, 9)
    with pytest.raises(GitError, match="more than 30 s of processor time"):
        git.head_commit(tmp_path)
    with pytest.raises(GitError, match="more than 30 s of processor time"):
        git.run(["log"], directory=tmp_path)
    with pytest.raises(GitError, match="more than 120 s of processor time"):
        list(git_history.commits(tmp_path))
    with git.blob_reader(tmp_path) as reader, pytest.raises(GitError, match="too much memory or time"):
        reader.read("0" * 40)
    assert (tmp_path / "limits").read_text().split() == ["5", "30", "30", "120", "30"]
