"""The images of the sample projects: OCI layouts assembled locally from files of the running Python environment.

Here: turning ``projects/images.yaml`` into layouts, with the same bytes whenever the environment is the same.
Not here: which project names which image (``projects.yaml``), reading them (``corpora.images.collection``).

Nothing is downloaded. Times, owners and modes are fixed, files sorted, compiled Python left out, so that a layer that two
images share has one digest. A layout is complete once it has its ``index.json``, which is written last.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import sys
import sysconfig
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.study.image.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from dockml_dagster.study.image.reference import LocalImage
from dockml_dagster.study.layer.classify import OPAQUE, WHITEOUT
from dockml_dagster.warehouse.rows import combined_hash

RECIPES: Final = "images.yaml"
ASSEMBLER_VERSION: Final = "1"
"""Changes when the same recipes and files would give other bytes."""

_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_CREATED: Final = "2024-06-01T00:00:00Z"
_MTIME: Final = 1717200000
_DEFAULT_PLATFORM: Final = "linux/amd64"

Json = dict[str, Any]
Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Blob:
    """A layer in the pool. ``diff_id``: digest before compression."""

    digest: str
    size: int
    media_type: str
    diff_id: str


class SampleImages:
    """Assembles layouts below ``cache/sample_images/<hash of their input>/``."""

    def __init__(self, projects: Path, cache: Path) -> None:
        self._projects, self._cache = projects, cache / "sample_images"

    @cached_property
    def _recipes(self) -> Mapping[str, Any]:
        import yaml

        path = self._projects / RECIPES
        try:
            recipes: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise CorpusError(f"cannot read {path}: {' '.join(str(error).split())}") from error
        return recipes

    @cached_property
    def environment(self) -> str:
        """Hash of the installed wheels that images are made of, and of the interpreter."""
        wheels = {name for source in self._sources(self._recipes) for name in source.get("wheels", ())}
        parts = [ASSEMBLER_VERSION, sys.version]
        for name in sorted(wheels):
            try:
                found = metadata.distribution(name)
                parts += [name, found.version, found.read_text("RECORD") or ""]
            except metadata.PackageNotFoundError:
                parts += [name, "not installed"]
        return combined_hash(parts)

    def _sources(self, value: Any) -> Iterator[Mapping[str, Any]]:
        """Every entry of any ``content`` list."""
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from inner if key == "content" else self._sources(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from self._sources(inner)

    def location(self, reference: str) -> str:
        """The ``oci:`` location of the image ``oci:NAME:TAG``; it is assembled if missing.

        For a name without a recipe, the location does not exist.
        """
        image = LocalImage.parse(reference)
        layout = self._folder / image.path
        if not (layout / "index.json").exists():
            self._assemble(image.path, layout)
        return f"oci:{layout}:{image.selector}"

    @cached_property
    def made_of(self) -> str:
        """Hash of the input of all images: the environment, the recipes, the projects' files."""
        files = [
            path.read_bytes() for path in self._project_files(self._projects) if path.name != "projects.yaml"
        ]
        return combined_hash([self.environment, *files])

    @cached_property
    def _folder(self) -> Path:
        """The folder of the layouts for this input; folders for other input are removed."""
        folder = self._cache / self.made_of[:16]
        if not folder.exists():
            shutil.rmtree(self._cache, ignore_errors=True)
        (folder / ".blobs").mkdir(parents=True, exist_ok=True)
        return folder

    def _assemble(self, name: str, layout: Path) -> None:
        recipes = {
            LocalImage.parse(reference).selector: recipe
            for reference, recipe in self._recipes["images"].items()
            if LocalImage.parse(reference).path == name
        }
        if not recipes:
            return
        (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        entries = []
        for tag, recipe in recipes.items():
            platforms = [
                self._image(layout, recipe, platform)
                for platform in recipe.get("platforms", [_DEFAULT_PLATFORM])
            ]
            if recipe.get("attestation"):
                platforms.append(_attestation(layout, platforms[0]))
            entry = platforms[0]
            if len(platforms) > 1:
                entry = _document(
                    layout, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": platforms}, OCI_INDEX
                )
            entries.append({**entry, "annotations": {"org.opencontainers.image.ref.name": tag}})
        partial = layout / f".index-{os.getpid()}"
        partial.write_text(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}))
        partial.replace(layout / "index.json")

    def _image(self, layout: Path, recipe: Mapping[str, Any], platform: str) -> Json:
        system, architecture = platform.split("/")
        config: Json = {}
        history: list[Json] = []
        layers: list[_Blob] = []
        for step in self._steps(recipe["steps"]):
            config |= step.get("sets", {})
            entry = {"created": _CREATED, "created_by": step["by"], "comment": "buildkit.dockerfile.v0"}
            history.append(entry if "content" in step else {**entry, "empty_layer": True})
            if "content" in step:
                layers.append(self._layer(layout, step, architecture))
        document = {
            "created": _CREATED,
            "architecture": architecture,
            "os": system,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": history,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _document(layout, document, OCI_CONFIG),
            "layers": [
                {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}
                for layer in layers
            ],
        }
        found = _document(layout, manifest, OCI_MANIFEST)
        return {**found, "platform": {"os": system, "architecture": architecture}}

    def _steps(self, steps: Sequence[Step]) -> Iterator[Step]:
        for step in steps:
            if "from" in step:
                yield from self._steps(self._recipes["bases"][step["from"]])
            else:
                yield step

    def _layer(self, layout: Path, step: Step, architecture: str) -> _Blob:
        """The layer of a step, from the pool that all layouts share, also added to this layout."""
        pool = self._folder / ".blobs"
        content = json.dumps(step["content"], sort_keys=True)
        # Only content with "{architecture}" differs between platforms; all other layers are shared.
        depends = architecture if "{architecture}" in content else ""
        key = combined_hash([content, depends, step.get("compression", "gzip")])
        note = pool / f"{key}.json"
        if not note.exists():
            blob = self._write_layer(pool / f".new-{key[:16]}-{os.getpid()}", step, architecture)
            note.write_text(json.dumps([blob.digest, blob.size, blob.media_type, blob.diff_id]))
        blob = _Blob(*json.loads(note.read_text()))
        name = blob.digest.removeprefix("sha256:")
        target = layout / "blobs" / "sha256" / name
        if not target.exists():
            try:
                os.link(pool / name, target)
            except OSError:  # a file system without hard links
                shutil.copyfile(pool / name, target)
        return blob

    def _write_layer(self, partial: Path, step: Step, architecture: str) -> _Blob:
        from backports import zstd
        from isal import igzip

        form = step.get("compression", "gzip")
        with partial.open("wb") as file:
            stored = _Hashing(file)
            packed: Any = (
                zstd.ZstdFile(cast("BinaryIO", stored), "wb", level=1)
                if form == "zstd"
                else igzip.IGzipFile("", "wb", 0, cast("BinaryIO", stored), mtime=0)  # type: ignore[no-untyped-call]
            )
            inner = _Hashing(packed)
            with tarfile.open(
                fileobj=cast("BinaryIO", inner), mode="w", format=tarfile.GNU_FORMAT
            ) as archive:
                seen: set[str] = set()
                for source in step["content"]:
                    for path, data in self._files(source, architecture):
                        _add(archive, path, data, seen)
            packed.close()
        digest = stored.digest()
        partial.replace(partial.with_name(digest.removeprefix("sha256:")))
        return _Blob(digest, stored.size, f"{_LAYER}+{form}", inner.digest())

    def _files(self, source: Mapping[str, Any], architecture: str) -> Iterator[tuple[str, bytes | Path]]:
        """Path in the image and content of every file of one entry of ``content``, sorted."""
        to = source.get("to", "")
        for name in source.get("wheels", ()):
            yield from ((f"{to}/{path}", file) for path, file in _wheel_files(name))
        if source.get("standard_library"):
            yield from ((f"{to}/{path}", file) for path, file in _standard_library())
        if "project" in source:
            root = self._projects / source["project"]
            for file in [root] if root.is_file() else self._project_files(root):
                yield (to if file == root else f"{to}/{file.relative_to(root).as_posix()}"), file
        for path, text in sorted(source.get("text", {}).items()):
            yield path, text.replace("{architecture}", architecture).encode()
        for path, size in sorted(source.get("noise", {}).items()):
            yield path, random.Random(path).randbytes(size)  # noqa: S311 - the same bytes every time
        for path in source.get("remove", ()):
            directory, slash, name = path.rpartition("/")
            yield directory + slash + WHITEOUT + name, b""
        for path in source.get("opaque", ()):
            yield f"{path}/{OPAQUE}", b""

    def _project_files(self, root: Path) -> list[Path]:
        return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


class _Hashing(io.RawIOBase):
    """Passes writes on and hashes them."""

    def __init__(self, file: Any) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._file.write(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def _add(archive: tarfile.TarFile, path: str, data: bytes | Path, seen: set[str]) -> None:
    """Add a file to an archive, after its directories, with fixed owner, time and mode."""
    for end in [index for index, letter in enumerate(path) if letter == "/"]:
        if path[:end] not in seen:
            seen.add(path[:end])
            entry = tarfile.TarInfo(path[:end])
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, _MTIME
            archive.addfile(entry)
    if path in seen:
        return
    seen.add(path)
    content = data if isinstance(data, bytes) else data.read_bytes()
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = len(content), 0o644, _MTIME
    archive.addfile(entry, io.BytesIO(content))


def _wheel_files(name: str) -> Iterator[tuple[str, Path]]:
    """The files of an installed wheel, without scripts and compiled Python; none if it is not installed."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    root = str(found.locate_file(""))
    for path in sorted(file.as_posix() for file in found.files or ()):
        # INSTALLER, REQUESTED and direct_url.json describe the installation, not the content.
        if path.endswith((".pyc", "/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json")) or ".." in path:
            continue
        place = Path(root, path)
        if place.is_file():
            yield path, place


def _standard_library() -> Iterator[tuple[str, Path]]:
    """Files of the interpreter's standard library."""
    root = Path(sysconfig.get_path("stdlib"))
    for folder, folders, names in os.walk(root):
        left_out = {"site-packages", "dist-packages", "__pycache__", "ensurepip", "test"}
        # config-3.… may hold a static library of the interpreter, tens of megabytes.
        folders[:] = sorted(
            each for each in folders if each not in left_out and not each.startswith("config-")
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and path.suffix != ".pyc":
                yield path.relative_to(root).as_posix(), path


def _document(layout: Path, content: object, media_type: str) -> Json:
    data = json.dumps(content, separators=(",", ":")).encode()
    name = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / name).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}


def _attestation(layout: Path, image: Json) -> Json:
    """An attestation of an image, as BuildKit adds it to the index."""
    statement = _document(
        layout, {"_type": "https://in-toto.io/Statement/v0.1"}, "application/vnd.in-toto+json"
    )
    config = _document(layout, {"architecture": "unknown", "os": "unknown"}, OCI_CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [statement]}
    return {
        **_document(layout, manifest, OCI_MANIFEST),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        },
    }
