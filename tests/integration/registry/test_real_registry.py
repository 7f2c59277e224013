"""Images made by umoci, buildah and skopeo, read from a docker-registry guarded in every way.

skopeo is the oracle for digests and configurations, the digests inside are the oracle for everything else.
"""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import GoneError, UnauthorizedError
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.images.sources.interface import ImageSource
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe
from dockml_dagster.images.sources.reading import PlatformImage, read_image
from dockml_dagster.study.image.manifest import ContentKind, Schema1Manifest
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import ImageReference, Repository, parse_location

PROGRAMS = ("docker-registry", "skopeo", "umoci", "buildah", "htpasswd", "openssl")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
if MISSING:
    packages = "docker-registry skopeo umoci buildah apache2-utils openssl"
    pytest.skip(f"needs {', '.join(MISSING)}: apt-get install {packages}", allow_module_level=True)

REPOSITORY = "ml/image"
LOGIN = base64.b64encode(b"alice:s3cret").decode()
TAGS = ("umoci", "docker-v2", "buildah", "zstd", "chunked", "multi")


@pytest.fixture
def client(tmp_path: Path, token_service) -> Callable[..., RegistryClient]:
    """A client for the registries given; a new one each time, over one store. The token server has a port of its own, so it
    is named.
    """
    realm = token_service[0].url.removeprefix("http://")

    def make(*servers, setting: str | None = None, login: bool = True) -> RegistryClient:
        config = tmp_path / "docker" / "config.json"
        config.parent.mkdir(exist_ok=True)
        auths = {server.host: {"auth": LOGIN} for server in servers if server.login and login}
        config.write_text(json.dumps({"auths": auths}))
        text = setting or " ".join(f"http://{server.host}?realm={realm}" for server in servers)
        return ClientSettings(tmp_path / "store", RegistrySettings.parse(text), docker_config=config).client()

    return make


@pytest.fixture(params=["open_registry", "password_registry", "token_registry"])
def server(request, pushed):
    return request.getfixturevalue(request.param)


def _source(client: RegistryClient, server, rest: str) -> ImageSource:
    recipe = SourceRecipe(
        ImageReference.parse(f"{server.host}/{REPOSITORY}{rest}"), ClientSettings(Path("unused"))
    )
    return recipe.open(client)


def _verified_sizes(source: ImageSource, image: PlatformImage) -> list[int]:
    sizes = []
    for layer in image.layers:
        with source.open_layer(layer) as stream:
            sizes.append(len(stream.read()))
            assert stream.verified
    return sizes


@pytest.mark.parametrize("tag", TAGS)
def test_by_tag_digest_and_platform(server, client, tag) -> None:
    registry = client(server)
    source = _source(registry, server, f":{tag}")
    reading = read_image(source)
    raw = server.inspect(tag, "--raw").encode()
    assert reading.digest.hex == hashlib.sha256(raw).hexdigest()
    assert reading.top.body == raw
    assert not reading.failures
    for image in reading.images:
        assert image.kind is ContentKind.IMAGE
        assert _verified_sizes(source, image) == [layer.size for layer in image.layers]
        assert len(image.layers) == len(image.config.diff_ids)
        assert None not in image.config.layer_history(len(image.layers))
    assert read_image(_source(registry, server, f"@{reading.digest}")).images == reading.images
    if tag in {"zstd", "chunked"}:
        assert all(layer.media_type.endswith("+zstd") for layer in reading.images[0].layers)
    if tag == "multi":
        assert [str(image.platform) for image in reading.images] == ["linux/amd64", "linux/arm64"]
        assert len(reading.not_images) == 1
        arm = read_image(source, Platform.parse("linux/arm64")).images
        assert arm == reading.images[1:]
        with pytest.raises(GoneError):
            read_image(source, Platform.parse("linux/s390x"))


def test_facts_are_those_that_skopeo_shows(open_registry, pushed, client) -> None:
    registry = client(open_registry)
    for tag in ("umoci", "docker-v2", "buildah", "zstd"):
        config = read_image(_source(registry, open_registry, f":{tag}")).images[0].config
        shown = json.loads(open_registry.inspect(tag, "--config"))
        run = shown["config"]
        assert config.user == run.get("User")
        assert list(config.env or ()) == [tuple(entry.split("=", 1)) for entry in run.get("Env", ())]
        assert list(config.entrypoint or ()) == run.get("Entrypoint", [])
        assert config.labels == run.get("Labels")
        assert list(config.volumes or ()) == list(run.get("Volumes", {}))
        assert list(config.exposed_ports or ()) == list(run.get("ExposedPorts", {}))
        assert [str(digest) for digest in config.diff_ids] == shown["rootfs"]["diff_ids"]
        assert [entry.created_by for entry in config.history] == [
            e.get("created_by") for e in shown["history"]
        ]


def test_layers_have_the_contents_that_their_diff_ids_name(open_registry, pushed, client) -> None:
    source = _source(client(open_registry), open_registry, ":umoci")
    image = read_image(source).images[0]
    for layer, diff_id in zip(image.layers, image.config.diff_ids, strict=True):
        with source.open_layer(layer) as stream:
            assert hashlib.sha256(gzip.decompress(stream.read())).hexdigest() == diff_id.hex


def test_an_unchanged_image_is_one_head_at_the_server(open_registry, pushed, client) -> None:
    read_image(_source(client(open_registry), open_registry, ":multi"))
    before = open_registry.requests()
    read_image(_source(client(open_registry), open_registry, ":multi"))
    assert open_registry.requests()[len(before) :] == [f"HEAD /v2/{REPOSITORY}/manifests/multi"]


def test_a_digest_seen_before_asks_nothing(open_registry, pushed, client) -> None:
    digest = read_image(_source(client(open_registry), open_registry, ":multi")).digest
    before = open_registry.requests()
    read_image(_source(client(open_registry), open_registry, f"@{digest}"))
    assert open_registry.requests() == before


def test_one_token_for_all_of_a_repository(token_registry, pushed, client, token_service) -> None:
    _, _, seen = token_service
    before = len(seen)
    source = _source(client(token_registry), token_registry, ":multi")
    for image in read_image(source).images:
        _verified_sizes(source, image)
    asked = seen[before:]
    assert [entry["scope"] for entry in asked] == [f"repository:{REPOSITORY}:pull"]
    assert asked[0]["authorization"] == f"Basic {LOGIN}"


def test_anonymous_where_that_is_allowed_and_where_not(token_registry, pushed, client, images) -> None:
    token_registry.push(pushed["umoci"], "1", repository="private/base")
    registry = client(token_registry, login=False)
    assert read_image(_source(registry, token_registry, ":umoci")).images
    private = Repository.parse(f"{token_registry.host}/private/base")
    with pytest.raises(UnauthorizedError, match="needs a login, or does not exist"):
        registry.resolve(ImageReference(private))
    with pytest.raises(GoneError):
        client(token_registry).resolve(ImageReference.parse(f"{private}:none"))


def test_wrong_passwords(password_registry, token_registry, pushed, client, monkeypatch) -> None:
    monkeypatch.setitem(globals(), "LOGIN", base64.b64encode(b"alice:wrong").decode())
    for server in (password_registry, token_registry):
        with pytest.raises(UnauthorizedError) as caught:
            client(server).resolve(ImageReference.parse(f"{server.host}/{REPOSITORY}:umoci"))
        assert "wrong" not in str(caught.value)


def test_blobs_from_another_host_without_the_password(
    password_registry, open_registry, pushed, client, start_registry, content_network, tmp_path
) -> None:
    network, seen = content_network
    htpasswd = next(password_registry.log.parent.parent.glob("htpasswd*/htpasswd"))
    server = start_registry(
        {
            "auth": {"htpasswd": {"realm": "test", "path": str(htpasswd)}},
            "middleware": {"storage": [{"name": "redirect", "options": {"baseurl": f"{network.url}/"}}]},
        },
        login=True,
        data=open_registry.data,
    )
    source = _source(client(server, setting=f"http://{server.host} {network.url}"), server, ":umoci")
    _verified_sizes(source, read_image(source).images[0])
    assert len(seen) == 4  # the configuration and three layers
    assert not any("Authorization" in headers for headers in seen)


def test_as_a_mirror_of_docker_hub(open_registry, pushed, client) -> None:
    open_registry.push(pushed["umoci"], "bookworm", repository="library/debian")
    registry = client(open_registry, setting=f"docker.io=http://{open_registry.host}")
    reference = ImageReference.parse("debian:bookworm")
    assert len(read_image(SourceRecipe(reference, ClientSettings(Path("unused"))).open(registry)).images) == 1


def test_pull_through(open_registry, pushed, client, start_registry) -> None:
    proxy = start_registry({"proxy": {"remoteurl": f"http://{open_registry.host}"}})
    source = _source(client(proxy), proxy, ":multi")
    assert [_verified_sizes(source, image) for image in read_image(source).images]


def test_schema1_signed_by_skopeo(open_registry, pushed, client) -> None:
    open_registry.push(pushed["docker-v2"], "schema1", "--format", "v2s1")
    source = _source(client(open_registry), open_registry, ":schema1")
    (image,) = read_image(source).images
    assert isinstance(image.manifest, Schema1Manifest)
    assert image.config.user == "app"
    assert dict(image.config.env)["A"] == "b"
    assert _verified_sizes(source, image) == [layer.size for layer in image.layers]
    assert len(image.config.layer_history(len(image.layers))) == len(image.layers)


def test_zstd_chunked_table_of_contents_by_range(server, client) -> None:
    source = _source(client(server), server, ":chunked")
    (image,) = read_image(source).images
    (layer,) = image.layers
    assert layer.has_table_of_contents
    position = next(value for name, value in layer.annotations.items() if name.endswith("manifest-position"))
    start, length = (int(number) for number in position.split(":")[:2])
    assert source.read_range(layer, start, length)[:4] == b"\x28\xb5\x2f\xfd"
    with source.open_layer(layer) as stream:
        assert stream.read()[start : start + length] == source.read_range(layer, start, length)


@pytest.mark.parametrize("form", ["dir", "oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize("tag", ["umoci", "buildah"])
def test_what_skopeo_writes_reads_the_same(open_registry, pushed, client, tmp_path, form, tag) -> None:
    from_registry = read_image(_source(client(open_registry), open_registry, f":{tag}")).images[0]
    suffix = {"dir": "", "oci": ":v1", "oci-archive": ":v1", "docker-archive": ":a/b:1"}[form]
    target = f"{form}:{tmp_path}/x{suffix}"

    subprocess.run(
        [
            "skopeo",
            "copy",
            "--quiet",
            "--src-tls-verify=false",
            f"docker://{open_registry.host}/{REPOSITORY}:{tag}",
            target,
        ],
        check=True,
        capture_output=True,
    )
    with SourceRecipe(parse_location(target), ClientSettings(Path("unused"))).open() as source:
        image = read_image(source).images[0]
        assert image.config == from_registry.config
        assert _verified_sizes(source, image) == [layer.size for layer in image.layers]
        if form == "docker-archive":
            assert [layer.digest for layer in image.layers] == list(image.config.diff_ids)
        else:
            assert image.digest == from_registry.digest
            assert image.layers == from_registry.layers
