"""Generated images: what a container sees, and what is wasted, against what umoci unpacks.

Belongs here: layers of files, links, whiteouts, opaque markers and changes of type, in the order in which engines'
own differences come. A hundred images; ``make fuzz`` makes as many as ``DOCKML_FUZZ_IMAGES`` says. What umoci refuses
(links in circles, entries below files) is left out: no engine makes a container of it. Does not: images that umoci or
other tools made (``test_against_umoci``).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from dockml_dagster.study.layer.image import ImageSummary, summarise_image
from dockml_dagster.study.layer.merge import Merged
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import Spool, SpoolWriter

UMOCI = shutil.which("umoci")
pytestmark = pytest.mark.skipif(UMOCI is None or os.geteuid() != 0, reason="needs umoci, and root to unpack")
IMAGES = int(os.environ.get("DOCKML_FUZZ_IMAGES", "100"))
OCI = "application/vnd.oci.image"


class Entry(NamedTuple):
    """``kind``: a letter of ``TYPES``, or `W` (whiteout of the path) or `O` (opaque marker in it)."""

    kind: str
    path: str
    target: str
    size: int

    @classmethod
    def of(cls, kind: str, path: str, target: str, above: str, size: int) -> Entry:
        """An entry with what its kind has of target and size; ``above``: where a symbolic link's target starts."""
        target = {"S": above + target, "H": target}.get(kind, "")
        return cls(kind, path, target, size)


TYPES = {"F": tarfile.REGTYPE, "D": tarfile.DIRTYPE, "S": tarfile.SYMTYPE, "H": tarfile.LNKTYPE}
RANK = {"W": 0, "O": 0, "H": 2}
PATHS = ["/".join(names) for depth in (1, 2, 3) for names in product("abc", repeat=depth)]
paths = st.sampled_from(PATHS)
entries = st.tuples(
    st.sampled_from("FFFDDWOSSHH"),
    paths,
    paths,
    st.sampled_from(("", "/", "../", "../../")),
    st.integers(1, 999),
).map(lambda drawn: Entry.of(*drawn))
layers = st.lists(entries, max_size=7)
images = st.lists(layers, min_size=1, max_size=4)


def in_order(layer: list[Entry]) -> list[Entry]:
    """As archives have them: removals, then directories before what they hold, hard links last. It is the order that
    the union takes for granted, which does not keep an archive's own.
    """
    once = {(entry.kind in "WO", entry.path): entry for entry in layer}.values()
    return sorted(once, key=lambda entry: (RANK.get(entry.kind, 1), entry.path.split("/")))


def sound(image: list[list[Entry]]) -> list[list[Entry]]:
    """The image without what cannot be compared anyway: entries below what is no directory, in their own layer or since a
    lower one, and hard links to nothing, which name a file that is there instead. What symbolic links lead to is not
    looked at, so some of it stays.
    """
    there: dict[str, str] = {}
    layers = []
    for layer in image:
        own = {entry.path: entry.kind for entry in layer if entry.kind not in "WO"}
        kept: list[Entry] = []
        made: set[str] = set()
        for entry in in_order(layer):
            above = directories(entry.path)
            if any(own.get(path, "D") != "D" or there.get(path, "D") in "FH" for path in above):
                continue
            if entry.kind in "WO":
                gone = [path for path in there if path.startswith(entry.path + "/") or path == entry.path]
                for path in gone:
                    if entry.kind == "W" or path != entry.path:
                        del there[path]
                kept.append(entry)
                continue
            named = sorted(path for path, kind in there.items() if kind != "D" and path != entry.path)
            if entry.kind == "H" and there.get(entry.target, "D") == "D":
                target = named[entry.size % len(named)] if named else ""
                entry = entry._replace(kind="H" if named else "F", target=target)  # noqa: PLW2901
            if entry.kind == "H" and own.get(entry.target) == "H" and entry.target not in made:
                continue  # made of what the next link replaces: an archive's order is not kept
            if entry.kind != "D":
                for path in [path for path in there if path.startswith(entry.path + "/")]:
                    del there[path]
            there |= {path: there.get(path, "D") for path in above} | {entry.path: entry.kind}
            made.add(entry.path)
            kept.append(entry)
        layers.append(kept)
    return layers


def archive(layer: list[Entry], number: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in layer:
            directory, slash, name = entry.path.rpartition("/")
            path = {"W": f"{directory}{slash}.wh.{name}", "O": f"{entry.path}/.wh..wh..opq"}
            info = tarfile.TarInfo(path.get(entry.kind, entry.path))
            info.type, info.linkname = TYPES.get(entry.kind, b"0"), entry.target
            info.size = entry.size if entry.kind == "F" else 0
            info.mode = 0o755
            content = f"{number} {entry.path}\n".encode() * entry.size
            tar.addfile(info, io.BytesIO(content[: info.size]))
    return buffer.getvalue()


def layout(archives: list[bytes], folder: Path) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"{OCI}.{media_type}", "digest": f"sha256:{digest}", "size": len(content)}

    stored = [put(content, "layer.v1.tar") for content in archives]
    rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in stored]}
    config = put(
        json.dumps({"os": "linux", "architecture": "amd64", "rootfs": rootfs}).encode(), "config.v1+json"
    )
    manifest = put(
        json.dumps({"schemaVersion": 2, "config": config, "layers": stored}).encode(), "manifest.v1+json"
    )
    index = {
        "schemaVersion": 2,
        "manifests": [{**manifest, "annotations": {"org.opencontainers.image.ref.name": "i"}}],
    }
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


class There(NamedTuple):
    kind: str
    inode: int
    size: int


def unpacked(archives: list[bytes]) -> dict[str, There] | None:
    """What umoci makes of the image, by path. None: it refuses."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as scratch:
        folder = Path(scratch)
        layout(archives, folder / "layout")
        command = [UMOCI, "unpack", "--image", f"{folder}/layout:i", f"{folder}/bundle"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        return dict(walked(folder / "bundle" / "rootfs"))


def walked(root: Path) -> Iterator[tuple[str, There]]:
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            kind = "symlink" if path.is_symlink() else "directory" if path.is_dir() else "file"
            yield str(path.relative_to(root)), There(kind, path.lstat().st_ino, path.lstat().st_size)


def spooled(content: bytes) -> Spool:
    writer = SpoolWriter(io.BytesIO)
    assert scan_layer(io.BytesIO(content), sink=writer.extend).status == "complete"
    lines = writer.finish().readlines()
    return lambda: lines


def merged(archives: list[bytes]) -> tuple[ImageSummary, list[Merged]]:
    rows: list[Merged] = []
    return summarise_image(list(map(spooled, archives)), visitors=[rows.extend]), rows


def order_decides(rows: list[Merged]) -> bool:
    """Whether entries of one layer are in each other's way: on one path, or one below another that is no directory."""
    others = {(row.layer, row.entry.path) for row in rows if row.entry.kind != "directory"}
    seen = {
        row.entry.path: row.layer for row in rows if row.hidden_by is None and row.entry.kind != "directory"
    }
    return any(
        row.hidden_by == row.layer
        or any((row.layer, above) in others for above in directories(row.entry.path))
        # A hard link comes as of the layer of its content, which may be a lower one than its own.
        or (
            row.hidden_by is None
            and any(row.layer >= seen.get(above, row.layer + 1) for above in directories(row.entry.path))
        )
        for row in rows
    )


def directories(path: str) -> list[str]:
    """The directories on the way to a path, from the highest down."""
    names = path.split("/")
    return ["/".join(names[:length]) for length in range(1, len(names))]


@settings(
    max_examples=IMAGES,
    derandomize=IMAGES <= 100,  # what is new is looked for by `make fuzz`
    phases=set(Phase) - {Phase.explain},
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(images)
def test_a_container_sees_what_umoci_unpacks(image: list[list[Entry]]) -> None:
    image = sound(image)
    archives = [archive(layer, number) for number, layer in enumerate(image)]
    summary, rows = merged(archives)
    if order_decides(rows):
        event("the order in an archive decides")
        return
    truth = unpacked(archives)
    if truth is None:
        event("umoci refuses it")
        return
    event("compared")
    for layer in image:
        note(str(layer))
    seen = {row.entry.path: row.entry for row in rows if row.hidden_by is None and row.entry.path != "."}
    kinds = {path: entry.kind.replace("hardlink", "file") for path, entry in seen.items()}
    assert kinds == {path: there.kind for path, there in truth.items()}
    files = {there.inode: there.size for there in truth.values() if there.kind == "file"}
    stored = sum(entry.size for layer in image for entry in layer if entry.kind == "F")
    assert summary.bytes == sum(files.values())
    assert summary.wasted_bytes == stored - summary.bytes
    assert summary.files == sum(there.kind == "file" for there in truth.values())
    assert summary.directories == sum(there.kind == "directory" for there in truth.values())
    assert summary.files - summary.hardlinks == len(files)
    for path, entry in seen.items():
        if entry.kind == "file":
            assert entry.stored == truth[path].size
        elif entry.kind == "hardlink":
            assert truth[path].inode == truth[entry.link_target or ""].inode
    assert sum(layer.hidden_bytes for layer in summary.layers) == summary.wasted_bytes
    assert sum(layer.visible_bytes for layer in summary.layers) == summary.bytes
