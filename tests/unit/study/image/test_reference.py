"""References: the cases in reference_cases.toml, and properties of every possible reference."""

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.study.dockerfile.reading.base_reference import split_reference
from dockml_dagster.study.image.reference import (
    Digest,
    ImageReference,
    ImageReferenceError,
    LocalImage,
    Registry,
    Repository,
    Tag,
    parse_location,
)

A_DIGEST = "sha256:" + "a" * 64
CASES = tomllib.loads(
    Path(__file__).with_name("reference_cases.toml").read_text().replace("DIGEST", A_DIGEST, -1)
)


def _id(case: dict) -> str:
    return case["text"][:40].replace(A_DIGEST, "DIGEST")


@pytest.mark.parametrize("case", CASES["valid"], ids=_id)
def test_reads(case: dict) -> None:
    reference = ImageReference.parse(case["text"])
    assert reference.registry.host == case["registry"]
    assert reference.repository.path == case["path"]
    assert (str(reference.tag) if reference.tag else None) == case.get("tag")
    assert (str(reference.digest) if reference.digest else None) == case.get("digest")
    assert reference.familiar == case["familiar"]
    assert parse_location(case["text"]) == reference


@pytest.mark.parametrize("case", CASES["invalid"], ids=_id)
def test_refuses(case: dict) -> None:
    with pytest.raises(ImageReferenceError, match=case["problem"]) as caught:
        ImageReference.parse(case["text"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", CASES["local"], ids=_id)
def test_reads_local_forms(case: dict) -> None:
    image = parse_location(case["text"])
    assert isinstance(image, LocalImage)
    assert (image.form, image.path, image.selector) == (case["form"], case["path"], case.get("selector"))
    assert (str(image.digest) if image.digest else None) == case.get("digest")
    assert parse_location(str(image)) == image


@pytest.mark.parametrize("case", CASES["local_invalid"], ids=_id)
def test_refuses_local_forms(case: dict) -> None:
    with pytest.raises(ImageReferenceError, match=case["problem"]):
        parse_location(case["text"])


@pytest.mark.parametrize("text", ["debian", "docker:debian", "OCI:dir", ""])
def test_what_names_no_local_form(text: str) -> None:
    with pytest.raises(ImageReferenceError, match="no scheme of a local image"):
        LocalImage.parse(text)


def test_hosts_and_paths_of_255_characters_are_the_longest() -> None:
    host, path = "a." * 126 + "b.c", "a/" * 127 + "b"
    assert str(ImageReference.parse(f"{host}/x").registry) == host
    assert ImageReference.parse(f"h.example/{path}").repository.path == path
    for text in (f"a{host}/x", f"h.example/a{path}"):
        with pytest.raises(ImageReferenceError):
            ImageReference.parse(text)


def test_what_is_asked_for() -> None:
    assert ImageReference.parse("debian").identifier == Tag("latest")
    assert ImageReference.parse("debian").tag is None
    assert ImageReference.parse("debian:1").identifier == Tag("1")
    assert ImageReference.parse(f"debian:1@{A_DIGEST}").identifier == Digest("sha256", "a" * 64)


@pytest.mark.parametrize(
    ("host", "hostname", "port", "api_host", "hub"),
    [
        ("docker.io", "docker.io", None, "registry-1.docker.io", True),
        ("registry.hub.docker.com", "registry.hub.docker.com", None, "registry-1.docker.io", True),
        ("quay.io:443", "quay.io", 443, "quay.io:443", False),
        ("5000", "5000", None, "5000", False),
        ("[::1]", "::1", None, "[::1]", False),
        ("[::1]:5000", "::1", 5000, "[::1]:5000", False),
    ],
)
def test_registry_parts(host: str, hostname: str, port: int | None, api_host: str, hub: bool) -> None:
    registry = Registry.parse(host)
    assert (registry.hostname, registry.port, registry.api_host) == (hostname, port, api_host)
    assert registry.is_docker_hub is hub


_part = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
_host = st.one_of(
    st.just("docker.io"),
    st.just("localhost"),
    st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){1,3}(:[1-9][0-9]{0,3})?", fullmatch=True),
)
_references = st.builds(
    ImageReference,
    st.builds(
        Repository,
        st.builds(Registry, _host),
        st.lists(_part, min_size=2, max_size=4).map("/".join),
    ),
    st.none() | st.builds(Tag, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
    st.none() | st.builds(Digest, st.just("sha256"), st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
)


@given(_references)
def test_writing_and_reading_are_inverse(reference: ImageReference) -> None:
    assert ImageReference.parse(str(reference)) == reference
    assert ImageReference.parse(reference.familiar) == reference


@given(_references)
def test_a_dockerfile_s_from_is_read_alike(reference: ImageReference) -> None:
    parts = split_reference(str(reference))
    assert (parts.registry, parts.repository) == (str(reference.registry), reference.repository.path)
    assert parts.tag == (None if reference.tag is None else reference.tag.name)
    assert parts.digest == (None if reference.digest is None else str(reference.digest))


@given(st.text(max_size=300) | st.text("aA0./:@-_[]sha256", max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        location = parse_location(text)
    except ImageReferenceError:
        return
    assert parse_location(str(location)) == location
    if isinstance(location, ImageReference):
        assert ImageReference.parse(location.familiar) == location


@pytest.mark.parametrize("text", ["a" * 1_000_000, "a-" * 500, "a/" * 500, "a" + "-" * 1000, "a." * 500])
def test_no_text_takes_long(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ImageReferenceError):
        ImageReference.parse(text)
    assert time.perf_counter() - started < 0.1
