"""Which images' layers are read under a limit: the rule, on images made of numbers."""

import pytest

from dockml_dagster.corpora.images.selection import parse_layer_bytes, select_images
from dockml_dagster.errors import BadInputError
from dockml_dagster.images.sources.reading import PlatformImage
from dockml_dagster.study.image.manifest import ContentKind, Descriptor, ImageManifest
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest


def digest(number: int) -> Digest:
    return Digest("sha256", f"{number:064x}")


def image(number: int, layers: dict[int, int | None], architecture: str = "amd64") -> PlatformImage:
    listed = tuple(Descriptor("layer", digest(layer), size) for layer, size in layers.items())
    manifest = ImageManifest("manifest", Descriptor("config", digest(0), 1), listed)
    platform = Platform.of("linux", architecture)
    return PlatformImage(digest(number), ContentKind.IMAGE, platform, manifest, None, listed, 1, 1)


def numbers(images: tuple[PlatformImage, ...]) -> list[int]:
    return [int(one.digest.hex, 16) for one in images]


def test_without_a_limit_all_are_read_the_common_platform_first() -> None:
    images = [image(1, {10: None}, "s390x"), image(2, {11: 5}, "arm64"), image(3, {12: 5}), image(4, {13: 5})]
    assert numbers(select_images(images, (), None).selected) == [3, 4, 2, 1]


def test_an_image_that_does_not_fit_is_left_out_and_a_smaller_one_after_it_is_not() -> None:
    selection = select_images([image(1, {10: 60}), image(2, {11: 50}), image(3, {12: 40})], (), 100)
    assert numbers(selection.selected) == [1, 3]
    ((left_out, reason),) = selection.left_out
    assert numbers((left_out,)) == [2]
    assert "50 bytes" in reason
    assert "40 of 100" in reason


def test_layers_known_or_shared_cost_nothing() -> None:
    images = [image(1, {10: 60, 11: 40}), image(2, {11: 40, 12: 60})]
    assert numbers(select_images(images, (), 100).selected) == [1]
    assert numbers(select_images(images, {str(digest(10))}, 100).selected) == [1, 2]
    assert numbers(select_images(images, {str(digest(n)) for n in (10, 11, 12)}, 0).selected) == [1, 2]


def test_a_layer_twice_in_an_image_is_read_once() -> None:
    one = image(1, {10: 60})
    twice = PlatformImage(one.digest, one.kind, one.platform, one.manifest, None, one.layers * 2, 1, 1)
    assert numbers(select_images([twice], (), 100).selected) == [1]


def test_an_unknown_size_fits_no_limit() -> None:
    ((_, reason),) = select_images([image(1, {10: None})], (), 10**15).left_out
    assert "not known" in reason


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, None),
        ("0", 0),
        ("123", 123),
        ("2k", 2048),
        ("20G", 20 * 2**30),
        ("1 TiB", 2**40),
        ("3MB", 3 * 2**20),
    ],
)
def test_sizes(text: str | None, size: int | None) -> None:
    assert parse_layer_bytes(text) == size


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5G", "G", "1P", "9" * 30])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(BadInputError, match="DOCKML_LAYER_BYTES"):
        parse_layer_bytes(text)
