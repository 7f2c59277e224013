"""``dockml scan-image`` from the command line: every figure of
small images computed by hand, and what it does with what is broken.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from backports import zstd
from click.testing import CliRunner, Result

from dockml_dagster.cli import main
from dockml_dagster.images.scanning import pool as layer_pool

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
HERE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "amd64"
ELSEWHERE = "s390x"


def tar(*entries: tuple[str, bytes | None]) -> bytes:
    """A tar archive of files, and of directories (None)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


# 1,000 bytes of model twice, once again in the upper layer; the cache is deleted one instruction too late.
LOWER = tar(
    ("app", None),
    ("app/model.bin", b"m" * 1000),
    ("app/copy.bin", b"m" * 1000),
    ("app/old.txt", b"o" * 70),
    ("root", None),
    ("root/.cache", None),
    ("root/.cache/pip", None),
    ("root/.cache/pip/wheel", b"w" * 300),
)
UPPER = tar(
    ("app", None),
    ("app/old.txt", b"n" * 50),
    ("root/.wh..cache", b""),
    ("srv/deep/er/third.bin", b"m" * 1000),
    ("srv/deep/er/empty", b""),
)
ELSEWHERE_UPPER = tar(("opt", None), ("opt/only", b"z" * 9))


class Layout:
    """An OCI layout that is made blob by blob."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "blobs" / "sha256").mkdir(parents=True)
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def path(self, digest: str) -> Path:
        return self.root / "blobs" / digest.replace(":", "/")

    def blob(self, content: bytes, media_type: str) -> dict:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.path(digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def document(self, content: object, media_type: str) -> dict:
        return self.blob(json.dumps(content).encode(), media_type)

    def image(self, architecture: str, layers: list[dict], env: list[str] | None) -> dict:
        config = {
            "os": "linux",
            "architecture": architecture,
            "config": {} if env is None else {"Env": env},
            "rootfs": {"type": "layers", "diff_ids": []},
            "history": [
                {"created_by": "COPY app /app # buildkit"},
                {"created_by": "ENV TOKEN=s3cret", "empty_layer": True},
                {"created_by": "RUN /bin/sh -c pip install --index-url https://u:s3cret@host/ x # buildkit"},
            ],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.document(config, OCI_CONFIG),
            "layers": layers,
        }
        found = self.document(manifest, OCI_MANIFEST)
        return {
            **found,
            "platform": {"os": "linux", "architecture": architecture},
            "config": manifest["config"],
        }

    def index(self, *images: dict) -> str:
        entries = [{key: value for key, value in image.items() if key != "config"} for image in images]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        (self.root / "index.json").write_text(json.dumps(document))
        return "sha256:" + hashlib.sha256((self.root / "index.json").read_bytes()).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("DOCKML_HOME", str(folder))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    monkeypatch.delenv("DOCKML_REGISTRIES", raising=False)
    return folder


@pytest.fixture
def layout(tmp_path: Path, home: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def two_platforms(layout: Layout) -> tuple[Layout, str, list[dict], list[dict]]:
    """Layout, digest of its index, entries of its images, and the three layers; the lowest is in both images."""
    lower = layout.blob(gzip.compress(LOWER, mtime=0), OCI_LAYER + "+gzip")
    upper = layout.blob(zstd.compress(UPPER), OCI_LAYER + "+zstd")
    other = layout.blob(ELSEWHERE_UPPER, OCI_LAYER)
    images = [
        layout.image(HERE, [lower, upper], ["PATH=/usr/bin", "LANG=C"]),
        layout.image(ELSEWHERE, [lower, other], None),
    ]
    return layout, layout.index(*images), images, [lower, upper, other]


def scan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scan-image", *arguments], catch_exceptions=False)


def scanned(*arguments: str) -> dict:
    result = scan(*arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def subset(found: dict, expected: dict) -> dict:
    return {key: found[key] for key in expected}


@pytest.mark.parametrize("inline_bytes", [None, 0])
def test_every_figure(
    two_platforms: tuple[Layout, str, list[dict], list[dict]],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    inline_bytes: int | None,
) -> None:
    if inline_bytes is not None:  # in other processes too, as little as it is
        monkeypatch.setattr(layer_pool, "_INLINE_BYTES", inline_bytes)
    layout, digest, (here, elsewhere), (lower, upper, other) = two_platforms
    found = scanned(f"oci:{layout.root}", "--platform", "all")
    assert found["reference"] == f"oci:{layout.root}"
    assert found["digest"] == digest
    assert [image["platform"] for image in found["images"]] == [f"linux/{HERE}", f"linux/{ELSEWHERE}"]
    first, second = found["images"]
    expected = {
        "manifest_digest": here["digest"],
        "status": "complete",
        "config_bytes": here["config"]["size"],
        "compressed_bytes": lower["size"] + upper["size"],
        "bytes": 1000 + 1000 + 50 + 1000,
        "files": 5,
        "directories": 5,  # app, root, and the implied srv, srv/deep, srv/deep/er
        "max_depth": 3,
        "env_count": 2,
        "wasted_bytes": 70 + 300,
        "duplicate_bytes": 2000,
    }
    assert subset(first, expected) == expected
    expected = {
        "manifest_digest": elsewhere["digest"],
        "compressed_bytes": lower["size"] + other["size"],
        "bytes": 1000 + 1000 + 70 + 300 + 9,
        "files": 5,
        "directories": 5,  # app, root, root/.cache, root/.cache/pip, opt
        "max_depth": 3,
        "env_count": 0,
        "wasted_bytes": 0,
        "duplicate_bytes": 1000,
    }
    assert subset(second, expected) == expected
    layers = [
        {**lower, "bytes": 2370, "entries": 8, "files": 4, "directories": 4, "max_depth": 3, "whiteouts": 0},
        {**upper, "bytes": 1050, "entries": 5, "files": 3, "directories": 1, "max_depth": 3, "whiteouts": 1},
        {**other, "bytes": 9, "entries": 2, "files": 1, "directories": 1, "max_depth": 1, "whiteouts": 0},
    ]
    for layer in layers:
        layer |= {"media_type": layer.pop("mediaType"), "compressed_bytes": layer.pop("size"), "censored": []}
    assert [subset(each, layers[0]) for each in first["layers"]] == layers[:2]
    assert [subset(each, layers[0]) for each in second["layers"]] == [layers[0], layers[2]]
    assert [each["compression"] for each in first["layers"]] == ["gzip", "zstd"]
    assert [each["digest_verified"] for each in first["layers"]] == [True, True]
    assert [each["instruction"] for each in first["layers"]] == ["COPY", "RUN"]
    assert [each["hidden_bytes"] for each in first["layers"]] == [370, 0]
    assert [(file["path"], file["bytes"], file["cause"]) for file in first["wasted"]] == [
        ("root/.cache/pip/wheel", 300, "whiteout"),
        ("app/old.txt", 70, "replaced"),
    ]
    (group,) = first["duplicates"]
    assert (group["copies"], group["wasted"]) == (3, 2000)
    assert sorted(group["paths"]) == ["app/copy.bin", "app/model.bin", "srv/deep/er/third.bin"]
    assert first["largest"][0]["size"] == 1000
    contents = {content["rule"]: content for content in first["contents"]}
    assert [rule for rule, content in contents.items() if content["hidden_bytes"] == 300], contents
    assert "s3cret" not in json.dumps(found)
    assert not list((home / "cache").glob("scan-*"))


def test_without_a_platform_it_is_this_machine_s(two_platforms: tuple[Layout, str, list, list]) -> None:
    layout, *_ = two_platforms
    found = scanned(f"oci:{layout.root}")
    assert [image["platform"] for image in found["images"]] == [f"linux/{HERE}"]


def test_the_only_platform_there_is(layout: Layout) -> None:
    layer = layout.blob(LOWER, OCI_LAYER)
    layout.index(layout.image(ELSEWHERE, [layer], None))
    assert scanned(f"oci:{layout.root}")["images"][0]["platform"] == f"linux/{ELSEWHERE}"
    refused = scan(f"oci:{layout.root}", "--platform", "linux/riscv64")
    assert refused.exit_code == 3
    assert "linux/riscv64" in refused.stderr


def test_one_of_several_must_be_chosen(layout: Layout) -> None:
    layer = layout.blob(LOWER, OCI_LAYER)
    layout.index(layout.image("s390x", [layer], None), layout.image("ppc64le", [layer], None))
    refused = scan(f"oci:{layout.root}")
    assert refused.exit_code == 3
    assert "linux/s390x, linux/ppc64le" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def docker_archive(path: Path, *layers: bytes, compress: bool) -> list[str]:
    """The old layout of ``docker save``; the names of its layers."""
    config = json.dumps(
        {
            "os": "linux",
            "architecture": HERE,
            "config": {"Env": ["A=1"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers],
            },
        }
    ).encode()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["ml:1"], "Layers": names}]
    content = tar(
        *zip(names, layers, strict=True),
        ("config.json", config),
        ("manifest.json", json.dumps(manifest).encode()),
    )
    path.write_bytes(gzip.compress(content) if compress else content)
    return names


@pytest.mark.parametrize("compress", [False, True])
def test_docker_archive(tmp_path: Path, home: Path, compress: bool) -> None:
    docker_archive(tmp_path / "saved.tar", LOWER, UPPER, compress=compress)
    found = scanned(f"docker-archive:{tmp_path / 'saved.tar'}:ml:1")
    assert found["digest_is_made_up"]
    (image,) = found["images"]
    expected = {
        "bytes": 3050,
        "files": 5,
        "wasted_bytes": 370,
        "duplicate_bytes": 2000,
        "env_count": 1,
        "compressed_bytes": len(LOWER) + len(UPPER),
    }
    assert subset(image, expected) == expected
    assert [layer["digest"] for layer in image["layers"]] == [
        "sha256:" + hashlib.sha256(layer).hexdigest() for layer in (LOWER, UPPER)
    ]


def test_what_an_archive_only_claims_is_not_taken_over(layout: Layout, tmp_path: Path) -> None:
    """The layers of ``docker save`` are not verified, so they say nothing about a layer of that digest elsewhere."""
    layer = layout.blob(LOWER, OCI_LAYER)
    layout.index(layout.image(HERE, [layer], None))
    docker_archive(tmp_path / "saved.tar", LOWER, compress=False)
    content = (tmp_path / "saved.tar").read_bytes()
    (tmp_path / "saved.tar").write_bytes(content.replace(b"o" * 70, b"p" * 70))
    archive, oci = scanned(
        f"docker-archive:{tmp_path / 'saved.tar'}", f"oci:{layout.root}", f"oci:{layout.root}"
    )[:2]
    layers = [each["images"][0]["layers"][0] for each in (archive, oci)]
    assert layers[0]["digest"] == layers[1]["digest"] == layer["digest"]
    assert [each["digest_verified"] for each in layers] == [False, True]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_digest_of_another_algorithm(layout: Layout, damaged: bool) -> None:
    content = gzip.compress(LOWER, mtime=0)
    name = hashlib.sha512(content).hexdigest()
    (layout.root / "blobs" / "sha512").mkdir()
    # The time in gzip's header, which no reader looks at: only the digest tells.
    stored = content[:4] + b"?" + content[5:] if damaged else content
    (layout.root / "blobs" / "sha512" / name).write_bytes(stored)
    layer = {"mediaType": OCI_LAYER + "+gzip", "digest": f"sha512:{name}", "size": len(content)}
    layout.index(layout.image(HERE, [layer], None))
    result = scan(f"oci:{layout.root}", "--format", "json")
    (image,) = json.loads(result.stdout)["images"]
    assert result.exit_code == (3 if damaged else 0)
    assert image["layers"][0]["digest_verified"] is not damaged
    assert image["files"] == (None if damaged else 4)


def unreadable(layout: Layout, digest: str, how: str) -> None:
    path = layout.path(digest)
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "other":
        path.write_bytes(bytes(len(content)))
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["cut", "other", "gone"])
def test_a_layer_that_cannot_be_read_is_said_and_the_others_are(
    two_platforms: tuple[Layout, str, list[dict], list[dict]], how: str
) -> None:
    layout, _, _, (lower, upper, _) = two_platforms
    unreadable(layout, upper["digest"], how)
    result = scan(f"oci:{layout.root}", "--platform", "all", "--format", "json")
    assert result.exit_code == 3
    assert upper["digest"] in result.stderr
    first, second = json.loads(result.stdout)["images"]
    assert first["status"] == "incomplete"
    assert first["reason"] == "1 of 2 layers could not be read"
    for name in ("bytes", "files", "directories", "max_depth", "wasted_bytes", "duplicate_bytes"):
        assert first[name] is None, name
    assert first["compressed_bytes"] == lower["size"] + upper["size"]
    good, bad = first["layers"]
    assert (good["status"], good["bytes"], good["files"]) == ("complete", 2370, 4)
    assert bad["status"] not in {"complete", "censored"}
    assert bad["reason"]
    assert {bad[name] for name in ("bytes", "entries", "files", "directories", "max_depth", "whiteouts")} == {
        None
    }
    assert (second["status"], second["files"]) == ("complete", 5)


def test_more_layers_than_are_merged_are_said(
    two_platforms: tuple[Layout, str, list[dict], list[dict]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.commands.scan_image.scan._MOST_LAYERS", 1)
    result = scan(f"oci:{two_platforms[0].root}", "--platform", "all", "--format", "json")
    images = json.loads(result.stdout)["images"]
    # Each layer is told, but not what a container sees.
    assert [image["reason"] for image in images] == ["2 layers, more than the 1 that are merged"] * 2
    assert [layer["status"] for layer in images[0]["layers"]] == ["complete", "complete"]


def test_an_archive_that_ends_early_under_its_true_digest(layout: Layout) -> None:
    """What was found is a lower bound for the layer, and no image comes of it."""
    lower = layout.blob(LOWER[:2000], OCI_LAYER)
    layout.index(layout.image(HERE, [lower], None))
    result = scan(f"oci:{layout.root}", "--format", "json")
    assert result.exit_code == 3
    (image,) = json.loads(result.stdout)["images"]
    assert (image["layers"][0]["status"], image["files"]) == ("corrupt", None)


def test_a_platform_that_cannot_be_read(two_platforms: tuple[Layout, str, list[dict], list[dict]]) -> None:
    layout, _, (here, elsewhere), _ = two_platforms
    layout.path(here["config"]["digest"]).write_text("{")
    result = scan(f"oci:{layout.root}", "--platform", "all", "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 3
    assert [image["manifest_digest"] for image in found["images"]] == [elsewhere["digest"]]
    assert [failure["manifest_digest"] for failure in found["failures"]] == [here["digest"]]


def test_several_references(two_platforms: tuple[Layout, str, list, list], tmp_path: Path) -> None:
    layout, *_ = two_platforms
    result = scan(f"oci:{tmp_path / 'nothing'}", f"oci:{layout.root}", "--format", "json")
    assert result.exit_code == 3
    broken, whole = json.loads(result.stdout)
    assert (broken["digest"], broken["images"]) == (None, [])
    assert "no such directory" in broken["error"]["reason"]
    assert whole["images"][0]["files"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["Upper/Case"], 2, "lower case"),
        (["oci:"], 2, "path is empty"),
        (["debian", "--platform", "a/b/c/d"], 2, "not a platform"),
        (["oci:/does/not/exist"], 2, "no such directory"),
        (["127.0.0.1:1/a/b:1"], 3, "127.0.0.1"),
    ],
)
def test_bad_input_ends_with_one_line(home: Path, arguments: list[str], code: int, said: str) -> None:
    result = scan(*arguments)
    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_bad_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKML_REGISTRIES", "ftp://127.0.0.1")
    result = scan("debian")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "DOCKML_REGISTRIES" in result.stderr


def test_tables_for_people(two_platforms: tuple[Layout, str, list, list]) -> None:
    layout, *_ = two_platforms
    for form in ("table", "markdown"):
        result = scan(f"oci:{layout.root}", "--format", form)
        assert result.exit_code == 0
        for said in (
            "srv/deep/er/third.bin",
            "root/.cache/pip/wheel",
            "3,050",
            "Largest files",
            "Duplicates",
        ):
            assert said in result.stdout, (form, said)


def test_csv_is_a_row_an_image(two_platforms: tuple[Layout, str, list, list]) -> None:
    layout, *_ = two_platforms
    lines = scan(f"oci:{layout.root}", "--platform", "all", "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("reference,platform,manifest_digest,")
    assert [line.split(",")[1] for line in lines[1:]] == [f"linux/{HERE}", f"linux/{ELSEWHERE}"]


def test_it_loads_nothing_heavy(two_platforms: tuple[Layout, str, list, list], home: Path) -> None:
    layout, *_ = two_platforms
    code = (
        "import sys\n"
        "from dockml_dagster.cli import main\n"
        f"main(['scan-image', {f'oci:{layout.root}'!r}], standalone_mode=False)\n"
        "heavy = {'dagster', 'pandas', 'duckdb', 'numpy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """``HOST:PORT`` of a real registry on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (tmp_path / "registry.yml").write_text(json.dumps(config))
    with (tmp_path / "registry.log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(tmp_path / "registry.yml")],
            stdout=log,
            stderr=log,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(
    not (shutil.which("docker-registry") and shutil.which("skopeo")),
    reason="needs Debian's docker-registry and skopeo",
)
def test_a_real_registry(
    two_platforms: tuple[Layout, str, list[dict], list[dict]], registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, *_ = two_platforms
    local = scanned(f"oci:{layout.root}", "--platform", "all")
    # skopeo wants a name for what it copies.
    index = json.loads((layout.root / "index.json").read_text())
    whole = {**layout.document(index, OCI_INDEX), "annotations": {"org.opencontainers.image.ref.name": "1"}}
    (layout.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [whole]}))
    subprocess.run(
        ["skopeo", "copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{layout.root}:1",
         f"docker://{registry}/ml/image:1"],
        check=True, capture_output=True,
    )  # fmt: skip
    refused = scan(f"{registry}/ml/image:1")
    assert refused.exit_code == 3  # a private address that nobody configured
    monkeypatch.setenv("DOCKML_REGISTRIES", f"http://{registry}")
    remote = scanned(f"{registry}/ml/image:1", "--platform", "all")
    assert remote["reference"] == f"{registry}/ml/image:1"
    assert remote["images"] == local["images"]
    gone = scan(f"{registry}/ml/image:2")
    assert gone.exit_code == 3
