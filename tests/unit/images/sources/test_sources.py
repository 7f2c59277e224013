"""All forms of an image in files: what is read, that it is verified, and what is refused in one line."""

import gzip
import hashlib
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    DigestMismatchError,
    FetchError,
    GoneError,
    SettingError,
    TooLargeError,
    UnsupportedError,
)
from dockml_dagster.images.sources.interface import ImageSource
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe, open_local
from dockml_dagster.images.sources.reading import ImageReading, read_image
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import LocalImage, parse_location

LOWER, UPPER = b"lower" * 100_000, b"upper" * 300_000


def _open(text: str) -> ImageSource:
    location = parse_location(text)
    assert isinstance(location, LocalImage)
    return open_local(location)


def _read(text: str) -> tuple[ImageReading, list[bytes]]:
    source = _open(text)
    reading = read_image(source)
    contents = []
    for layer in reading.images[0].layers:
        with source.open_layer(layer) as stream:
            contents.append(stream.read())
            assert stream.verified
        assert source.read_range(layer, 1, 3) == contents[-1][1:4]
        assert source.read_range(layer, -3, 3) == contents[-1][-3:]
        assert source.layer_size(layer) == layer.size == len(contents[-1])
    return reading, contents


def _fails(text: str) -> str:
    with pytest.raises(FetchError) as caught:
        _read(text)
    assert "\n" not in str(caught.value)
    return f"{caught.value.reason}: {caught.value}"


# --- OCI layouts


def test_layout_directory_and_archive(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER, UPPER)), "v1")
    layout.write(tmp_path / "dir")
    layout.archive(tmp_path / "x.tar")
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress((tmp_path / "x.tar").read_bytes(), 1))
    for text in (f"oci:{tmp_path}/dir", f"oci:{tmp_path}/dir:v1", f"oci-archive:{tmp_path}/x.tar:v1",
                 f"oci-archive:{tmp_path}/x.tar.gz", f"docker-archive:{tmp_path}/x.tar"):  # fmt: skip
        reading, contents = _read(text)
        assert [gzip.decompress(content) for content in contents] == [LOWER, UPPER]
        assert str(reading.digest) == layout.entries[0]["digest"]
        assert not reading.images[0].synthetic
    digest = layout.entries[0]["digest"]
    assert _read(f"oci:{tmp_path}/dir@{digest}")[0].images == reading.images


def test_layout_with_two_platforms_in_one_index(layout, tmp_path) -> None:
    layout.add(layout.index(layout.image((LOWER,)), layout.image((UPPER,), "arm64")), "v1")
    root = layout.write(tmp_path)
    source = _open(f"oci:{root}")
    assert [str(image.platform) for image in read_image(source).images] == ["linux/amd64", "linux/arm64"]
    only = read_image(source, Platform.parse("arm64")).images
    assert [str(image.platform) for image in only] == ["linux/arm64"]
    with pytest.raises(GoneError, match="no image for linux/s390x"):
        read_image(source, Platform.parse("s390x"))


def test_an_index_of_indexes_without_platforms_has_an_end(layout, tmp_path) -> None:
    """None of them has a platform that would be counted, and each costs a registry a request."""
    layout.add(
        layout.index(*(layout.index(layout.index({"digest": f"sha256:{n:064}"})) for n in range(30))), "v1"
    )
    source, asked = _open(f"oci:{layout.write(tmp_path)}"), []
    real = source.manifest
    source.manifest = lambda digest: asked.append(digest) or real(digest)  # type: ignore[method-assign]
    with pytest.raises(TooLargeError, match="more than 8 indexes"):
        read_image(source, max_platforms=8)
    assert len(asked) <= 10


def test_layout_whose_index_json_lists_the_platforms(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)))
    layout.add(layout.image((UPPER,), "arm64"))
    reading = read_image(_open(f"oci:{layout.write(tmp_path)}"))
    assert len(reading.images) == 2
    assert reading.digest.hex == hashlib.sha256(layout.files["index.json"]).hexdigest()


def test_layout_with_several_names(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    layout.add(layout.image((UPPER,)), "v2")
    root = layout.write(tmp_path)
    assert gzip.decompress(_read(f"oci:{root}:v2")[1][0]) == UPPER
    assert "say which image; there are v1, v2 (append :NAME)" in _fails(f"oci:{root}")
    assert "no image 'v3'; there are v1, v2" in _fails(f"oci:{root}:v3")
    assert _fails(f"oci:{root}@sha256:{'0' * 64}").startswith("gone")


def test_not_there_or_no_layout(tmp_path, tar) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.tar").write_bytes(tar({"a": b"b"}))
    (tmp_path / "text").write_bytes(b"no archive at all" * 100)
    assert "no such directory" in _fails(f"oci:{tmp_path}/none")
    assert "no index.json" in _fails(f"oci:{tmp_path}/empty")
    assert "no archive of an OCI layout" in _fails(f"oci-archive:{tmp_path}/x.tar")
    assert "no archive of `docker save`" in _fails(f"docker-archive:{tmp_path}/x.tar")
    assert "no such file" in _fails(f"docker-archive:{tmp_path}/none.tar")
    assert "no tar archive" in _fails(f"docker-archive:{tmp_path}/text")
    assert "no manifest.json" in _fails(f"dir:{tmp_path}/empty")


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b + b"?", lambda b: b"?" + b[1:], lambda b: b""]
)
def test_damaged_blobs(layout, tmp_path, damage) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    root = layout.write(tmp_path)
    layer = next(path for path in (root / "blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    layer.write_bytes(damage(layer.read_bytes()))
    source = _open(f"oci:{root}")
    descriptor = read_image(source).images[0].layers[0]
    with source.open_layer(descriptor) as stream, pytest.raises(DigestMismatchError):
        stream.read()
    manifest = root / "blobs/sha256" / layout.entries[0]["digest"].removeprefix("sha256:")
    manifest.write_bytes(damage(manifest.read_bytes()))
    with pytest.raises(DigestMismatchError):
        read_image(_open(f"oci:{root}"))


def test_pipes_and_devices_are_no_files(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    root = layout.write(tmp_path)
    source = _open(f"oci:{root}")
    descriptor = read_image(source).images[0].layers[0]
    path = root / f"blobs/sha256/{descriptor.digest.hex}"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(GoneError):
        source.open_layer(descriptor)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(GoneError):
        source.open_layer(descriptor)


def test_layers_that_are_encrypted(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    source = _open(f"oci:{layout.write(tmp_path)}")
    descriptor = read_image(source).images[0].layers[0]
    with pytest.raises(UnsupportedError):
        source.open_layer(replace(descriptor, media_type=descriptor.media_type + "+encrypted"))


# --- archives of `docker save` in the old layout


def _saved(tar, *images: tuple[str, list[str]], files: dict | None = None, **settings) -> bytes:
    """An archive with two layers, the second a link to where another image has it."""
    diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in (LOWER, UPPER)]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": diff_ids}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [
        {"Config": name, "RepoTags": names, "Layers": ["one/layer.tar", "two/layer.tar"]}
        for _, names in images or [("", ["owner/name:1"])]
    ]
    content = {
        name: config,
        "one/layer.tar": LOWER,
        "shared/layer.tar": UPPER,
        "two/layer.tar": ("link", "../shared/layer.tar"),
        "manifest.json": json.dumps(manifest).encode(),
    }
    return tar({**content, **(files or {})}, **settings)


@pytest.mark.parametrize("form", ["plain", "gzip", "gzip of several members"])
def test_saved_archive(tar, tmp_path, form) -> None:
    path = tmp_path / "x.tar"
    content = _saved(tar)
    if form == "gzip":
        content = gzip.compress(content, 1)
    elif form != "plain":
        content = b"".join(
            gzip.compress(content[at : at + 700_001], 1) for at in range(0, len(content), 700_001)
        )
    path.write_bytes(content)
    reading, contents = _read(f"docker-archive:{path}")
    assert contents == [LOWER, UPPER]
    (image,) = reading.images
    assert image.synthetic
    assert str(image.platform) == "linux/amd64"
    assert [layer.digest for layer in image.layers] == list(image.config.diff_ids)
    assert [layer.media_type for layer in image.layers] == ["application/vnd.oci.image.layer.v1.tar"] * 2
    assert image.compressed_bytes == len(LOWER) + len(UPPER)
    for text in ("owner/name:1", "docker.io/owner/name:1"):
        assert _read(f"docker-archive:{path}:{text}")[0].digest == reading.digest
    assert "no image 'other'; there are owner/name:1" in _fails(f"docker-archive:{path}:other")


def test_saved_archive_of_several_images(tar, tmp_path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(_saved(tar, ("", ["a:latest"]), ("", ["b:1"])))
    assert "say which image; there are a:latest, b:1 (append :NAME)" in _fails(f"docker-archive:{path}")
    assert _read(f"docker-archive:{path}:a")[1] == [LOWER, UPPER]


def test_saved_archive_with_compressed_layers(tar, tmp_path) -> None:
    """As kaniko and others write it: a layer is named by the bytes that lie there, not by its diff id."""
    path = tmp_path / "x.tar"
    packed = gzip.compress(LOWER)
    path.write_bytes(_saved(tar, files={"one/layer.tar": packed}))
    reading, contents = _read(f"docker-archive:{path}")
    assert contents[0] == packed
    assert reading.images[0].layers[0].digest.hex == hashlib.sha256(packed).hexdigest()
    assert reading.images[0].layers[0].media_type.endswith("+gzip")


@pytest.mark.parametrize(
    "settings", [{"format": 0}, {"format": 1}, {"format": 2}], ids=["ustar", "gnu", "pax"]
)
def test_saved_archive_in_every_tar_form(tar, tmp_path, settings) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(_saved(tar, files={"d" * 90 + "/" + "f" * 90: b"long"}, **settings))
    assert _read(f"docker-archive:{path}")[1] == [LOWER, UPPER]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"manifest.json": b"{"}, "no JSON"),
        ({"manifest.json": b"[]"}, "no list of images"),
        ({"manifest.json": b'[{"Config": 1}]'}, "as `docker save` writes it"),
        ({"manifest.json": b'[{"Config": "../../etc/passwd", "Layers": []}]'}, "not in the archive"),
        ({"one/layer.tar": ("link", "one/layer.tar")}, "not in the archive"),
        ({"one/layer.tar": ("link", "../../../etc/passwd")}, "not in the archive"),
        ({"one/layer.tar": ("link", "layer.tar")}, "not in the archive"),
        ({"one/layer.tar": LOWER + b"?"}, "do not have its digest"),
    ],
)
def test_hostile_saved_archives(tar, tmp_path, files, problem) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(_saved(tar, files=files))
    assert problem in _fails(f"docker-archive:{path}")


def test_a_list_of_images_has_a_most(tar, tmp_path, monkeypatch) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(_saved(tar))
    monkeypatch.setattr("dockml_dagster.images.sources.docker_archive.MAX_MANIFEST_FILE", 20)
    assert "more than the 20 that are read" in _fails(f"docker-archive:{path}")


def test_archives_before_docker_1_10_and_other_compressions(tar, tmp_path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar({"repositories": b"{}", "abc/json": b"{}"}))
    assert _fails(f"docker-archive:{path}").startswith("unsupported")
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"x" * 100)
    assert "zstd" in _fails(f"docker-archive:{path}")


@pytest.mark.parametrize("cut", [100, 600, 300_000])
def test_archives_cut_short(tar, tmp_path, cut) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(_saved(tar)[:cut])
    assert _fails(f"docker-archive:{path}").split(":")[0] in {"broken_content", "bad_setting", "gone"}
    path.write_bytes(gzip.compress(_saved(tar), 0)[:cut])
    assert _fails(f"docker-archive:{path}").split(":")[0] == "broken_content"


# --- skopeo's directories


def test_skopeo_directory(layout, tmp_path) -> None:
    entries = [layout.image((LOWER,)), layout.image((UPPER,), "arm64")]
    top = layout.index(*entries)
    blobs = {name.rpartition("/")[2]: content for name, content in layout.files.items() if "/" in name}
    manifests = {entry["digest"].removeprefix("sha256:") for entry in entries}
    (tmp_path / "version").write_text("Directory Transport Version: 1.1\n")
    for name, content in blobs.items():
        path = tmp_path / (f"{name}.manifest.json" if name in manifests else name)
        (tmp_path / "manifest.json" if name in top["digest"] else path).write_bytes(content)
    reading, contents = _read(f"dir:{tmp_path}")
    assert str(reading.digest) == top["digest"]
    assert len(reading.images) == 2
    assert gzip.decompress(contents[0]) == LOWER
    broken = tmp_path / f"{sorted(manifests)[0]}.manifest.json"
    broken.write_bytes(b"{}")
    assert [failure.error.reason for failure in read_image(_open(f"dir:{tmp_path}")).failures] == [
        "digest_mismatch"
    ]


# --- all of them


def test_recipes_cross_processes(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    settings = ClientSettings(tmp_path / "store")
    local = SourceRecipe(parse_location(f"oci:{layout.write(tmp_path / 'x')}:v1"), settings)
    with pickle.loads(pickle.dumps(local)).open() as source:
        assert isinstance(source, ImageSource)
        assert read_image(source).images
    remote = pickle.loads(pickle.dumps(SourceRecipe(parse_location("quay.io/a/b:1"), settings)))
    with remote.open() as source:
        assert isinstance(source, ImageSource)
        assert source.name == "quay.io/a/b:1"


def test_streams_read_in_every_way(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,), compress=False), "v1")
    source = _open(f"oci:{layout.write(tmp_path)}")
    (layer,) = read_image(source).images[0].layers
    with source.open_layer(layer, verify=False) as stream:
        buffer = bytearray(1000)
        assert stream.readinto(buffer) == 1000
        assert bytes(buffer) == LOWER[:1000]
        assert stream.read(0) == b""
        assert stream.read() == LOWER[1000:]
        assert stream.read(10) == b""
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)


def test_a_setting_error_is_one_for_the_user() -> None:
    assert SettingError.exit_code == 2
    assert not BrokenContentError.retryable
    with pytest.raises(SettingError):
        open_local(LocalImage.parse(f"dir:{Path('/nowhere/at/all')}"))
