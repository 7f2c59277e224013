"""``scan-image`` on images that umoci, buildah and skopeo made, from a docker-registry guarded in every way.

GNU tar is the oracle for what a layer lists; for what a container sees, umoci where it can read the image, and layers
extracted one over the other in every case.
"""

import base64
import gzip
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.images.scanning.pool import ScanPool
from dockml_dagster.images.scanning.task import close_images, layer_task
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe
from dockml_dagster.images.sources.reading import PlatformImage, read_image
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import parse_location
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import entry_of
from dockml_dagster.study.layer.union import union_batches
from tests.integration.registry.rich_images import PLATFORMS, Maker, run

PROGRAMS = ("docker-registry", "skopeo", "umoci", "buildah", "htpasswd", "openssl", "tar")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
if MISSING:
    packages = "docker-registry skopeo umoci buildah apache2-utils openssl"
    pytest.skip(f"needs {', '.join(MISSING)}: apt-get install {packages}", allow_module_level=True)
if os.geteuid() != 0:
    pytest.skip("needs root to unpack images", allow_module_level=True)

REPOSITORY = "ml/rich"
USER, PASSWORD = "alice", "s3cret"
FORMS = ("gzip", "docker-v2", "zstd", "chunked", "chunked-skopeo", "estargz", "multi")


@pytest.fixture(scope="module")
def filled(tmp_path_factory, open_registry, password_registry, token_registry) -> None:
    """Every form in all three registries, with the same digests in each."""
    make = Maker(tmp_path_factory.mktemp("maker"))

    def push(source: str, tag: str, *options: str) -> None:
        open_registry.push(source, tag, *options, repository=REPOSITORY)

    target = f"docker://{open_registry.host}/{REPOSITORY}"
    push(make.rich("gzip"), "gzip")
    push(make.rich("docker-v2"), "docker-v2", "--format", "v2s2")
    make.compressed_by_buildah("zstd", f"{target}:zstd", "zstd")
    make.compressed_by_buildah("chunked", f"{target}:chunked", "zstd:chunked")
    # Of skopeo 1.9 (Debian 12) zstd:chunked goes to a registry alone; into oci: and dir: it ends with "short write".
    push(make.rich("chunked-skopeo"), "chunked-skopeo", "--dest-compress-format", "zstd:chunked")
    push(make.estargz("estargz"), "estargz", "--preserve-digests")
    push(make.multi("multi"), "multi", "--all", "--preserve-digests")
    for server in (password_registry, token_registry):
        for tag in FORMS:
            options = ("--all", "--preserve-digests", "--src-tls-verify=false")
            server.push(f"{target}:{tag}", tag, *options, repository=REPOSITORY)
    run("chmod", "-R", "u+rwx", make.folder)


@pytest.fixture(params=["open_registry", "password_registry", "token_registry"])
def server(request, filled):
    return request.getfixturevalue(request.param)


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """``scan(server, rest, …)``: the command's JSON for ``HOST/ml/rich`` and the rest."""

    def command(server, rest: str, *arguments: str) -> dict[str, Any]:
        settings(server, tmp_path, monkeypatch)
        name = f"{server.host}/{REPOSITORY}{rest}"
        result = CliRunner().invoke(
            main, ["scan-image", name, *arguments, "--format", "json"], catch_exceptions=False
        )
        assert result.exit_code == 0, result.stderr
        found = json.loads(result.stdout)
        assert found.pop("reference") == name
        return found

    return command


def settings(server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKML_HOME", str(folder / "home"))
    monkeypatch.setenv("DOCKML_REGISTRIES", f"http://{server.host}")
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "docker").mkdir(exist_ok=True)
    auths = {server.host: {"auth": login}} if server.login else {}
    (folder / "docker" / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder / "docker"))


@pytest.mark.parametrize("form", FORMS)
def test_by_tag_digest_and_platform(server, scan, form, tmp_path, monkeypatch) -> None:
    platforms = PLATFORMS if form == "multi" else ("linux/amd64",)
    by_tag = scan(server, f":{form}", "--platform", "all")
    assert [image["platform"] for image in by_tag["images"]] == list(platforms)
    assert all(image["status"] == "complete" for image in by_tag["images"])
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "again"))
    assert not by_tag["failures"]
    by_digest = scan(server, f"@{by_tag['digest']}", "--platform", "all")
    assert unfetched(by_digest) == unfetched(by_tag)
    for platform, image in zip(platforms, by_tag["images"], strict=True):
        one = scan(server, f":{form}", "--platform", platform)
        assert unfetched(one)["images"] == [image]
        own = scan(server, f"@{image['manifest_digest']}", "--platform", platform)
        assert unfetched(own)["images"] == [image]
    kinds = dict.fromkeys(("chunked", "chunked-skopeo", "estargz"), "toc")
    for layer in by_tag["images"][0]["layers"]:
        assert layer["verified"] == kinds.get(form, "content")
        assert layer["digest_verified"] is (layer["verified"] == "content")
        assert layer["compression"] == ("zstd" if form.startswith(("zstd", "chunked")) else "gzip")


def unfetched(found: dict[str, Any]) -> dict[str, Any]:
    """Without how many bytes it took this time."""
    for image in found["images"]:
        for layer in image["layers"]:
            layer.pop("fetched_bytes", None)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_diff_ids_hold(open_registry, filled, scan, form) -> None:
    for image in scan(open_registry, f":{form}", "--platform", "all", "--verify-diff-ids")["images"]:
        for layer in image["layers"]:
            assert (layer["diff_id_verified"], layer["verified"], layer["digest_verified"]) == (
                True,
                "content",
                True,
            )


@pytest.mark.parametrize("form", ["estargz", "chunked", "chunked-skopeo"])
def test_less_than_a_twentieth_is_fetched(open_registry, filled, scan, form) -> None:
    """Counted by the registry itself: the sizes of what it answered for blobs of layers."""
    seen = len(open_registry.log.read_text())
    (image,) = scan(open_registry, f":{form}")["images"]
    open_registry.requests()  # waits for the log
    digests = {layer["digest"] for layer in image["layers"]}
    sent = 0
    for line in open_registry.log.read_text()[seen:].splitlines():
        if '"GET ' in line and any(f"/blobs/{digest}" in line for digest in digests):
            assert '" 206 ' in line, line
            sent += int(line.split('" 206 ')[1].split()[0])
    assert 0 < sent == sum(layer["fetched_bytes"] for layer in image["layers"])
    assert sent < image["compressed_bytes"] / 20


def rows_of(
    server, form: str, platform: str, folder: Path, *, whole: bool
) -> Iterator[tuple[PlatformImage, list]]:
    """The image and the rows of its layers, as the scanning processes list them."""
    recipe = SourceRecipe(
        parse_location(f"{server.host}/{REPOSITORY}:{form}"),
        ClientSettings(folder / "store", RegistrySettings.parse(f"http://{server.host}")),
    )
    with recipe.open() as source:
        (image,) = read_image(source, Platform.parse(platform)).images
    tasks = [layer_task(recipe, layer, whole=whole) for layer in image.layers]
    (folder / "spools").mkdir()
    with ScanPool() as pool:
        spools = {result.key: result.spool for result in pool.scan(tasks, folder / "spools")}
    close_images()
    yield image, [spools[task.key].read_bytes().splitlines(keepends=True) for task in tasks]


def plain_layers(server, image: PlatformImage, folder: Path) -> list[Path]:
    """The layers' archives, fetched by skopeo and inflated by nothing of ours."""
    source = f"docker://{server.host}/{REPOSITORY}@{image.digest}"
    run("skopeo", "copy", "--quiet", "--src-tls-verify=false", source, f"dir:{folder / 'dir'}")
    archives = []
    for number, layer in enumerate(image.layers):
        stored = (folder / "dir" / layer.digest.hex).read_bytes()
        archive = folder / f"{number}.tar"
        archive.write_bytes(
            zstd.decompress(stored) if stored[:4] == b"\x28\xb5\x2f\xfd" else gzip.decompress(stored)
        )
        archives.append(archive)
    return archives


KINDS = {"-": "file", "d": "directory", "l": "symlink", "h": "hardlink", "p": "fifo"}


def listed_by_tar(archive: Path) -> set[tuple[str, str, str, str, int]]:
    names = run("tar", "--quoting-style=literal", "--show-transformed-names", "-tf", archive).splitlines()
    lines = run("tar", "--quoting-style=literal", "--numeric-owner", "-tvf", archive).splitlines()
    found = set()
    for name, line in zip(names, lines, strict=True):
        mode, owner, size, *_ = line.split()
        path = name.rstrip("/").removeprefix("./") or "."
        kind = KINDS[mode[0]]
        if path not in {".no.prefetch.landmark", "stargz.index.json"}:
            found.add((path, kind, mode[1:], owner, int(size) if kind == "file" else 0))
    return found


def listed_by_us(rows: list[bytes]) -> set[tuple[str, str, str, str, int]]:
    found = set()
    for row in map(entry_of, rows):
        if row.kind == "metadata":
            continue
        kind = "file" if row.kind in {"whiteout", "opaque"} else row.kind
        mode = stat.filemode(stat.S_IFREG | row.mode)[1:]
        found.add((row.path, kind, mode, f"{row.uid}/{row.gid}", row.size))
    return found


def extracted(archives: list[Path], root: Path) -> None:
    """Layers one over the other, as the image specification has it: whiteouts remove what lies below."""
    root.mkdir()
    for archive in archives:
        names = [
            name.rstrip("/") for name in run("tar", "-tf", archive, "--quoting-style=literal").splitlines()
        ]
        for name in names:
            directory, _, base = name.rpartition("/")
            if base == ".wh..wh..opq":
                for inside in (root / directory).iterdir():
                    remove(inside)
            elif base.startswith(".wh."):
                remove(root / directory / base[4:])
        for name in names:
            target = root / name
            if target.is_symlink() or (target.exists() and not target.is_dir()):
                target.unlink()
        excluded = ("--exclude=.wh.*", "--exclude=stargz.index.json", "--exclude=.no.prefetch.landmark")
        run("tar", "-C", root, *excluded, "--same-permissions", "--overwrite", "-xf", archive)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def on_disk(root: Path) -> dict[str, tuple[str, int, int]]:
    """Kind, size and permission bits of everything below a directory."""
    found = {}
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            facts = path.lstat()
            mode = facts.st_mode
            kind = "directory" if stat.S_ISDIR(mode) else "symlink" if stat.S_ISLNK(mode) else "file"
            kind = "fifo" if stat.S_ISFIFO(mode) else kind
            size = facts.st_size if kind == "file" else 0
            found[str(path.relative_to(root))] = (kind, size, 0 if kind == "symlink" else mode & 0o7777)
    return found


def seen_by_us(rows: list[list[bytes]]) -> dict[str, tuple[str, int, int]]:
    entries: dict[str, LayerEntry] = {}
    for merged in chain.from_iterable(union_batches([lambda lines=lines: lines for lines in rows])):
        if merged.hidden_by is None and merged.entry.path != ".":
            entries[merged.entry.path] = merged.entry
    found = {}
    for path, entry in entries.items():
        # Of a hard link, the file it names.
        target = entries[entry.link_target] if entry.kind == "hardlink" else entry
        mode = 0 if entry.kind == "symlink" else target.mode
        found[path] = ("file" if entry.kind == "hardlink" else entry.kind, target.size, mode)
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whole", [False, True])
def test_lists_and_union_are_those_of_tar_and_umoci(
    open_registry, filled, scan, form, whole, tmp_path
) -> None:
    for platform in PLATFORMS if form == "multi" else PLATFORMS[:1]:
        folder = tmp_path / platform.replace("/", "-")
        folder.mkdir()
        for image, rows in rows_of(open_registry, form, platform, folder, whole=whole):
            archives = plain_layers(open_registry, image, folder)
            for archive, lines in zip(archives, rows, strict=True):
                assert listed_by_us(lines) == listed_by_tar(archive)
            extracted(archives, folder / "root")
            expected = on_disk(folder / "root")
            assert len(expected) > 15
            assert seen_by_us(rows) == expected
            if form in {"gzip", "docker-v2", "multi"}:
                source = f"docker://{open_registry.host}/{REPOSITORY}@{image.digest}"
                run("skopeo", "copy", "--quiet", "--src-tls-verify=false", source, f"oci:{folder / 'oci'}:x")
                run("umoci", "unpack", "--image", f"{folder / 'oci'}:x", folder / "bundle")
                assert on_disk(folder / "bundle" / "rootfs") == expected
            options = ("--platform", platform, *(("--whole",) if whole else ()))
            (figures,) = scan(open_registry, f":{form}", *options)["images"]
            inodes = {}
            for path, (kind, size, _) in expected.items():
                if kind == "file":
                    inodes[(folder / "root" / path).lstat().st_ino] = size
            kinds = [kind for kind, _, _ in expected.values()]
            assert (figures["files"], figures["directories"]) == (
                kinds.count("file"),
                kinds.count("directory"),
            )
            assert figures["bytes"] == sum(inodes.values())
            assert (
                figures["wasted_bytes"]
                == sum(layer["bytes"] for layer in figures["layers"]) - figures["bytes"]
            )
            assert figures["wasted_bytes"] > 50_000
            depths = [path.count("/") + (kind == "directory") for path, (kind, _, _) in expected.items()]
            assert figures["max_depth"] == max(depths)
            copies = [group for group in figures["duplicates"] if "app/copy.so" in group["paths"]]
            assert [group["wasted"] for group in copies] == [300_004]
