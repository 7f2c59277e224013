"""Images that are copied before they are read: what is copied, what is read where it lies, and that copies go."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import sys
from pathlib import Path

import pytest
from backports import zstd

from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, SettingError, TooLargeError
from dockml_dagster.images.sources import local_copy
from dockml_dagster.images.sources.local_copy import readable_here
from dockml_dagster.images.sources.opening import open_local
from dockml_dagster.images.sources.reading import read_image
from dockml_dagster.study.image.reference import (
    ImageReference,
    ImageReferenceError,
    LocalImage,
    parse_location,
)
from dockml_dagster.study.layer.model import ScanLimits


def _copies(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def archive(layout, tmp_path: Path) -> Path:
    layout.add(layout.image((b"lower" * 1000,)), "v1")
    layout.archive(tmp_path / "x.tar")
    return tmp_path / "x.tar"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.mark.parametrize(
    ("suffix", "compress"), [("zst", zstd.compress), ("xz", lzma.compress), ("bz2", bz2.compress)]
)
def test_a_compressed_archive(archive: Path, scratch: Path, suffix: str, compress) -> None:
    path = archive.with_suffix(f".tar.{suffix}")
    path.write_bytes(compress(archive.read_bytes()))
    location = parse_location(f"oci-archive:{path}:v1")
    with readable_here(location, scratch) as here:
        assert isinstance(here, LocalImage)
        assert read_image(open_local(here)).name == f"oci-archive:{path}:v1"
        assert _copies(scratch) == ["inflated.tar"]
    assert _copies(scratch) == []
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(BrokenContentError, match="data is damaged"), readable_here(location, scratch):
        pass
    assert _copies(scratch) == []


def test_what_can_be_read_where_it_lies_is_not_copied(archive: Path, scratch: Path) -> None:
    for text in (f"oci-archive:{archive}", f"dir:{archive.parent}", "oci:none", "python:3.12"):
        with readable_here(parse_location(text), scratch) as here:
            assert here == parse_location(text)
            assert _copies(scratch) == []


def test_standard_input(archive: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_copy, "_standard_input", lambda: None)  # of the tests themselves
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(archive.read_bytes())))
    with readable_here(parse_location("oci-archive:-:v1"), scratch) as here:
        assert isinstance(here, LocalImage)
        assert str(here) == "oci-archive:-:v1"
        assert len(read_image(open_local(here)).images) == 1
        assert _copies(scratch) == ["image.tar"]
    assert _copies(scratch) == []


def test_standard_input_that_is_a_file_is_read_where_it_lies(archive: Path, monkeypatch) -> None:
    kept = os.dup(0)
    try:
        with archive.open("rb") as file:
            os.dup2(file.fileno(), 0)
            assert local_copy._standard_input() == archive
            os.lseek(0, 10, os.SEEK_SET)
            assert local_copy._standard_input() is None  # somebody has read of it
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_copy_has_a_most(archive: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_copy, "MOST_BYTES", 100)
    path = archive.with_suffix(".xz")
    path.write_bytes(lzma.compress(archive.read_bytes()))
    with pytest.raises(TooLargeError), readable_here(parse_location(f"oci-archive:{path}"), scratch):
        pass


def test_a_terminal_is_no_archive(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    with (
        pytest.raises(SettingError, match="is a terminal"),
        readable_here(parse_location("oci-archive:-"), scratch),
    ):
        pass


@pytest.mark.parametrize("head", [b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0", b"hsqs" + b"\0" * 60])
def test_apptainer_s_images_are_refused(tmp_path: Path, scratch: Path, head: bytes) -> None:
    (tmp_path / "x.sif").write_bytes(head + b"\0" * 100)
    with (
        pytest.raises(FetchError, match="Apptainer"),
        readable_here(parse_location(f"docker-archive:{tmp_path}/x.sif"), scratch) as here,
    ):
        assert isinstance(here, LocalImage)
        open_local(here)


@pytest.mark.parametrize(
    "text", ["podman:x", "singularity:x.sif", "containerd:a/b", "nerdctl:x", "tarball:x.tar"]
)
def test_a_local_name_of_another_tool_is_asked_of_no_registry(text: str) -> None:
    with pytest.raises(ImageReferenceError, match="not a form that is read"):
        parse_location(text)
    assert isinstance(parse_location("docker.io/library/podman:x"), ImageReference)


def test_a_compressed_archive_of_zeros_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "dockml_dagster.images.sources.local_copy.ScanLimits", lambda: ScanLimits(ratio_from=1 << 20)
    )
    (tmp_path / "bomb.tar.xz").write_bytes(lzma.compress(bytes(32 << 20)))
    bomb = parse_location(f"oci-archive:{tmp_path}/bomb.tar.xz")
    with pytest.raises(TooLargeError, match="cap on ratio"), readable_here(bomb, tmp_path):
        pass
