"""Platforms: normalised as in containerd, and matched."""

import pytest

from dockml_dagster.study.image.platform import Platform, PlatformError


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/i686", "linux/386"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert str(Platform.parse(text)) == normal
    assert Platform.parse(normal) == Platform.parse(text)


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "linux amd64", "x" * 100])
def test_refuses(text: str) -> None:
    with pytest.raises(PlatformError):
        Platform.parse(text)


def test_matching() -> None:
    v7 = Platform.of("linux", "arm", "v7")
    assert v7.satisfies(Platform.parse("linux/arm"))
    assert not Platform.of("linux", "arm", "v6").satisfies(Platform.parse("linux/arm"))
    assert Platform.of("linux", "amd64", "v3").satisfies(Platform.parse("linux/amd64"))
    assert not Platform.of("windows", "amd64").satisfies(Platform.parse("linux/amd64"))
    assert not Platform(None, None).satisfies(Platform.parse("linux/amd64"))
    assert Platform.of("unknown", "unknown").is_unknown
