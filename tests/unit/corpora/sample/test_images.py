"""Images assembled for the sample: the same bytes every time, and every kind of layer that the recipes ask for."""

import json
import shutil
from pathlib import Path

import pytest

from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.corpora.sample.images import SampleImages
from dockml_dagster.images.sources.opening import open_local
from dockml_dagster.images.sources.reading import ImageReading, read_image
from dockml_dagster.study.image.reference import LocalImage

RECIPES = """
bases:
  small:
    - by: ADD rootfs.tar / # buildkit
      content: [{text: {etc/arch: "{architecture}"}}, {wheels: [six, not-installed-anywhere], to: lib}]
    - {by: CMD sh, sets: {Cmd: [sh], Env: [A=b]}}
images:
  "oci:one:1":
    platforms: [linux/amd64, linux/arm64]
    attestation: true
    steps:
      - from: small
      - {by: COPY x /x, content: [{noise: {x: 1000}}, {project: o/p, to: app}]}
      - {by: RUN rm /x, content: [{remove: [deep/x]}, {opaque: [lib]}]}
  "oci:one:2":
    steps:
      - from: small
      - {by: RUN z, compression: zstd, content: [{noise: {z: 500}}]}
"""


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    folder = tmp_path / "projects"
    (folder / "o/p/inner").mkdir(parents=True)
    (folder / "o/p/inner/file.py").write_text("pass\n")
    (folder / "o/p/a.py").write_text("a\n")
    (folder / "images.yaml").write_text(RECIPES)
    return folder


def read(location: str) -> ImageReading:
    with open_local(LocalImage.parse(location)) as source:
        return read_image(source)


def names(reading: ImageReading, location: str, layer: int, image: int = 0) -> list[str]:
    import io
    import tarfile

    from backports import zstd

    descriptor = reading.images[image].layers[layer]
    with open_local(LocalImage.parse(location)) as source, source.open_layer(descriptor) as stream:
        data = stream.read()
    plain = zstd.decompress(data) if descriptor.media_type.endswith("zstd") else data
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        members = archive.getmembers()
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 1717200000)}
    return [member.name for member in members]


def test_two_platforms_and_an_attestation(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    found = read(location)
    assert [str(image.platform) for image in found.images] == ["linux/amd64", "linux/arm64"]
    assert [entry.is_attestation for entry in found.not_images] == [True]
    one, two = found.images
    # Only what depends on the platform differs.
    assert [a.digest == b.digest for a, b in zip(one.layers, two.layers, strict=True)] == [False, True, True]
    assert one.config is not None
    assert one.config.cmd == ("sh",)
    assert [entry.empty_layer for entry in one.config.history or ()] == [False, True, False, False]
    assert one.config.diff_ids is not None
    assert len(one.config.diff_ids) == 3


def test_what_lies_in_the_layers(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    found = read(location)
    lowest = names(found, location, 0)
    assert lowest[:2] == ["etc", "etc/arch"]
    assert "lib/six.py" in lowest
    assert not [name for name in lowest if name.endswith((".pyc", "RECORD", "INSTALLER"))]
    assert names(found, location, 1) == ["x", "app", "app/a.py", "app/inner", "app/inner/file.py"]
    assert names(found, location, 2) == ["deep", "deep/.wh.x", "lib", "lib/.wh..wh..opq"]


def test_zstd(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:one:2")
    found = read(location)
    assert found.images[0].layers[1].media_type.endswith("+zstd")
    assert names(found, location, 1) == ["z"]


def test_the_same_environment_gives_the_same_digests(projects: Path, tmp_path: Path) -> None:
    digests = {
        read(SampleImages(projects, tmp_path / name).location("oci:one:1")).digest for name in ("one", "two")
    }
    assert len(digests) == 1


def test_an_assembled_image_is_not_assembled_again(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    index = Path(LocalImage.parse(location).path) / "index.json"
    before = index.stat().st_mtime_ns
    assert SampleImages(projects, tmp_path / "cache").location("oci:one:2").startswith(f"oci:{index.parent}:")
    assert index.stat().st_mtime_ns == before


def test_half_an_image_is_assembled_whole(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    layout = Path(LocalImage.parse(location).path)
    wanted = read(location).digest
    (layout / "index.json").unlink()
    shutil.rmtree(layout / "blobs")
    assert read(SampleImages(projects, tmp_path / "cache").location("oci:one:1")).digest == wanted


def test_other_recipes_make_other_layouts_and_remove_the_old(projects: Path, tmp_path: Path) -> None:
    before = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    (projects / "o/p/a.py").write_text("b\n")
    after = SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    assert before != after
    assert not Path(LocalImage.parse(before).path).exists()
    assert read(after).images


def test_a_name_without_a_recipe_leads_nowhere(projects: Path, tmp_path: Path) -> None:
    location = SampleImages(projects, tmp_path / "cache").location("oci:none:1")
    assert not Path(LocalImage.parse(location).path).exists()


def test_broken_recipes_are_one_line(projects: Path, tmp_path: Path) -> None:
    (projects / "images.yaml").write_text("images: [")
    with pytest.raises(CorpusError, match=r"images\.yaml") as caught:
        SampleImages(projects, tmp_path / "cache").location("oci:one:1")
    assert "\n" not in str(caught.value)


def test_a_layer_of_two_images_is_one_file(projects: Path, tmp_path: Path) -> None:
    images = SampleImages(projects, tmp_path / "cache")
    one, two = read(images.location("oci:one:1")).images[0], read(images.location("oci:one:2")).images[0]
    assert one.layers[0].digest == two.layers[0].digest
    notes = list((tmp_path / "cache").rglob(".blobs/*.json"))
    assert len(notes) == len({json.loads(note.read_text())[0] for note in notes}) == 5
