"""Images that tools wrote oddly, or of which a part is not there: what is read, and what is said."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import FetchError, GoneError, UnsupportedError
from dockml_dagster.images.scanning.task import LayerOfImage, close_images
from dockml_dagster.images.sources.interface import ImageSource
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe, open_local
from dockml_dagster.images.sources.reading import read_image
from dockml_dagster.study.image.reference import LocalImage, parse_location

LOWER, UPPER = b"lower" * 100_000, b"upper" * 300_000


def _open(text: str) -> ImageSource:
    location = parse_location(text)
    assert isinstance(location, LocalImage)
    return open_local(location)


def _contents(text: str) -> list[bytes]:
    source = _open(text)
    contents = []
    for layer in read_image(source).images[0].layers:
        with source.open_layer(layer) as stream:
            contents.append(stream.read())
    return contents


def _fails(text: str) -> str:
    with pytest.raises(FetchError) as caught:
        read_image(_open(text))
    return str(caught.value)


def _without_layers(layout, archive: Path, tar) -> None:
    """As Docker 25.0.0 saved: the OCI manifest lists no layers, manifest.json beside it is right (moby#47065)."""
    entry = layout.image((LOWER, UPPER), compress=False)
    manifest = json.loads(layout.files["blobs/" + entry["digest"].replace(":", "/")])
    names = ["blobs/" + layer["digest"].replace(":", "/") for layer in manifest["layers"]]
    config = "blobs/" + manifest["config"]["digest"].replace(":", "/")
    layout.add(layout.blob(json.dumps({**manifest, "layers": []}).encode(), entry["mediaType"]), "1")
    layout.entries[0]["annotations"]["io.containerd.image.name"] = "docker.io/a/b:1"
    layout.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": layout.entries}).encode()
    saved = [{"Config": config, "RepoTags": ["a/b:1"], "Layers": [f"./{name}" for name in names]}]
    archive.write_bytes(tar({**layout.files, "manifest.json": json.dumps(saved).encode()}))


def test_an_archive_of_docker_25_0_0(layout, tmp_path, tar) -> None:
    _without_layers(layout, tmp_path / "x.tar", tar)
    for selector in ("", ":a/b:1", ":@0"):
        assert _contents(f"docker-archive:{tmp_path}/x.tar{selector}") == [LOWER, UPPER]
    assert "configuration has 2 layers, the manifest 0" in _fails(f"oci-archive:{tmp_path}/x.tar")


@pytest.mark.parametrize("change", ["one too few", "one too many", "none"])
@pytest.mark.parametrize("form", ["oci", "oci-archive", "dir"])
def test_a_manifest_that_has_other_layers_than_its_configuration(layout, tmp_path, tar, form, change) -> None:
    entry = layout.image((LOWER, UPPER))
    manifest = json.loads(layout.files["blobs/" + entry["digest"].replace(":", "/")])
    listed = manifest["layers"]
    manifest["layers"] = {"one too few": listed[:1], "one too many": [*listed, listed[0]], "none": []}[change]
    body = json.dumps(manifest).encode()
    layout.add(layout.blob(body, entry["mediaType"]), "1")
    root = layout.write(tmp_path / "layout")
    (tmp_path / "x.tar").write_bytes(tar({**layout.files, "index.json": (root / "index.json").read_bytes()}))
    copied = tmp_path / "copied"
    copied.mkdir()
    for name, content in layout.files.items():
        (copied / name.rpartition("/")[2]).write_bytes(content)
    (copied / "manifest.json").write_bytes(body)
    (copied / "version").write_text("Directory Transport Version: 1.1\n")
    place = {"oci": f"oci:{root}", "oci-archive": f"oci-archive:{tmp_path}/x.tar", "dir": f"dir:{copied}"}[
        form
    ]
    assert f"configuration has 2 layers, the manifest {len(manifest['layers'])}" in _fails(place)


def test_a_config_of_an_old_type_is_an_image_by_what_it_says(layout, tmp_path) -> None:
    entry = layout.image((LOWER,))
    manifest = json.loads(layout.files["blobs/" + entry["digest"].replace(":", "/")])
    manifest["config"]["mediaType"] = "application/octet-stream"
    layout.add(layout.blob(json.dumps(manifest).encode(), entry["mediaType"]), "old")
    manifest["config"] = layout.blob(b'{"some": "thing"}', "application/json")
    layout.add(layout.blob(json.dumps(manifest).encode(), entry["mediaType"]), "thing")
    root = layout.write(tmp_path)
    assert read_image(_open(f"oci:{root}:old")).images[0].kind == "image"
    assert read_image(_open(f"oci:{root}:thing")).images[0].kind == "artifact"


# --- choosing by position, odd names


def test_images_without_names_are_chosen_by_position(layout, tmp_path, tar) -> None:
    first, second = (hashlib.sha256(layer).hexdigest() for layer in (LOWER, UPPER))
    images = {
        f"{number}.json": json.dumps({"rootfs": {"diff_ids": [f"sha256:{digest}"]}}).encode()
        for number, digest in enumerate((first, second))
    }
    saved = [
        {"Config": f"/{n}.json", "RepoTags": None, "Layers": [f".//{n}/../{n}/layer.tar"]} for n in (0, 1)
    ]
    files = {
        **images,
        "0/layer.tar": LOWER,
        "1/layer.tar": UPPER,
        "manifest.json": json.dumps(saved).encode(),
    }
    (tmp_path / "x.tar").write_bytes(tar(files))
    assert _contents(f"docker-archive:{tmp_path}/x.tar:@1") == [UPPER]
    assert "@0 to @1" in _fails(f"docker-archive:{tmp_path}/x.tar")
    assert "there are 2, the first is @0" in _fails(f"docker-archive:{tmp_path}/x.tar:@2")
    layout.add(layout.image((LOWER,)))
    layout.add(layout.image((UPPER,)))
    root = layout.write(tmp_path / "layout")
    assert gzip.decompress(_contents(f"oci:{root}:@1")[0]) == UPPER


def _saved(layers: dict[str, bytes], **more: object) -> dict[str, bytes]:
    """The files of a classic archive of one image."""
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers.values()]
    config = json.dumps({"rootfs": {"diff_ids": diff_ids}}).encode()
    entry = {"Config": "c.json", "RepoTags": None, "Layers": list(layers), **more}
    return {**layers, "c.json": config, "manifest.json": json.dumps([entry]).encode()}


@pytest.mark.parametrize("said", ["./c.json", "a//../c.json", "/c.json"])
def test_names_in_an_archive_are_normalised(tmp_path, tar, said) -> None:
    files = _saved({"a/layer.tar": LOWER}, Config=said, Layers=["./a/./layer.tar"])
    (tmp_path / "x.tar").write_bytes(tar({f"./{name}": content for name, content in files.items()}))
    assert _contents(f"docker-archive:{tmp_path}/x.tar") == [LOWER]


@pytest.mark.parametrize("diff_ids", [{}, {"diff_ids": None}, {"diff_ids": []}])
@pytest.mark.parametrize("layers", [None, []])
def test_a_saved_image_without_layers(tmp_path, tar, diff_ids, layers) -> None:
    saved = [{"Config": "c.json", "RepoTags": ["a/b:1"], "Layers": layers}]
    files = {
        "c.json": json.dumps({"os": "linux", "rootfs": {"type": "layers", **diff_ids}}).encode(),
        "manifest.json": json.dumps(saved).encode(),
    }
    (tmp_path / "x.tar").write_bytes(tar(files))
    (image,) = read_image(_open(f"docker-archive:{tmp_path}/x.tar")).images
    assert (image.kind, image.layers) == ("image", ())


@pytest.mark.parametrize("position", [0, 1])
def test_a_position_in_an_archive_beside_a_name(tmp_path, tar, position) -> None:
    """The first image has a name and the second none: both can be chosen by where they stand."""
    first, second = _saved({"0/layer.tar": LOWER}), _saved({"1/layer.tar": UPPER})
    both = [json.loads(files["manifest.json"])[0] for files in (first, second)]
    both[0] |= {"RepoTags": ["a/b:1"], "Config": "0.json"}
    files = {**first, **second, "0.json": first["c.json"], "manifest.json": json.dumps(both).encode()}
    (tmp_path / "x.tar").write_bytes(tar(files))
    assert _contents(f"docker-archive:{tmp_path}/x.tar:@{position}") == [(LOWER, UPPER)[position]]
    assert _contents(f"docker-archive:{tmp_path}/x.tar:a/b:1") == [LOWER]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.nydus.blob.v1",
        "application/vnd.erofs.layer.v1",
        "application/vnd.oci.image.layer.v1.squashfs",
        "application/vnd.sylabs.sif.layer.v1.sif",
    ],
)
def test_layers_that_are_no_archives(layout, tmp_path, media_type) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    source = _open(f"oci:{layout.write(tmp_path)}")
    descriptor = replace(read_image(source).images[0].layers[0], media_type=media_type)
    with pytest.raises(UnsupportedError, match="a layer type that dockml does not read"):
        source.open_layer(descriptor)


def test_a_foreign_layer_that_is_not_there(layout, tmp_path) -> None:
    layout.add(layout.image((LOWER,)), "v1")
    root = layout.write(tmp_path)
    recipe = SourceRecipe(parse_location(f"oci:{root}"), ClientSettings(tmp_path))
    layer = read_image(_open(f"oci:{root}")).images[0].layers[0]
    (root / "blobs" / "sha256" / layer.digest.hex).unlink()
    foreign = replace(layer, media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    for descriptor, problem in ((layer, "no such file"), (foreign, "a foreign layer, kept by its vendor")):
        with pytest.raises(GoneError, match=problem), LayerOfImage(recipe, descriptor).open():
            pass
    close_images()
