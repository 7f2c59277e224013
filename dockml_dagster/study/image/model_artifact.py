"""Models that are stored in a registry as artifacts: the tool that packed them, their format and size, and their files.

Here: what the manifest and the configuration state, for each file and as a whole. Files are not opened, so a number that
neither states is unknown. Not here: which manifests hold a model (``study.image.manifest``), model files inside images
(``study.layer.content``).

Sources, all facts of published code and specifications: Ollama (``types/model/config.go`` and the media types of its
``server``), Docker Model Runner (``pkg/distribution/types/config.go``) and docker/model-spec (spec.md, config.md), CNCF
ModelPack (model-spec v1: config.md, spec.md, annotations.md; before 2025 under ``vnd.cnai.model``), KitOps
(``pkg/lib/constants``, ``pkg/artifact/kitfile.go``: its configuration is the Kitfile as JSON). ORAS gives files a title;
their types are up to the person who pushes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.manifest import Descriptor, ImageManifest
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

MAX_MODEL_CONFIG_BYTES: Final = 1 << 20
"""Larger configurations are not read: those of the formats above are a few kilobytes."""
_LONGEST_FACT: Final = 200


class Packaging(StrEnum):
    """The tool or specification whose media types a model artifact has."""

    OLLAMA = "ollama"
    DOCKER = "docker_model_runner"
    MODELPACK = "modelpack"
    KITOPS = "kitops"
    OTHER = "other"
    """None of the others: pushed file by file, by ORAS or a similar tool."""


class FileRole(StrEnum):
    """The role of a file in a model artifact."""

    WEIGHTS = "weights"
    ADAPTER = "adapter"
    PROJECTOR = "projector"
    TEMPLATE = "template"
    CONFIGURATION = "configuration"
    DATASET = "dataset"
    CODE = "code"
    DOCUMENTATION = "documentation"
    LICENSE = "license"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file (or archive of files) of a model artifact. ``path``: as the manifest names it. ``bytes``: as stored."""

    role: FileRole
    path: str | None
    media_type: str
    format: str | None
    digest: str
    bytes: int | None


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """A model in a registry. Facts are those that its configuration states; None where it does not.

    ``format``: if not stated, that of the weights if all have the same. ``parameters``: the text, such as ``8.03 B``;
    ``parameter_count``: that text as a number. ``files``: in the manifest's order.
    """

    packaging: Packaging
    format: str | None
    architecture: str | None
    parameters: str | None
    parameter_count: int | None
    quantization: str | None
    files: tuple[ModelFile, ...]

    @property
    def bytes(self) -> int | None:
        """Bytes of all files as stored. None: the size of one is unknown."""
        return _sum(self.files)

    @property
    def weights_bytes(self) -> int | None:
        """Bytes of the weights as stored; 0 if there are none (an adapter alone). None: the size of one is unknown."""
        return _sum(file for file in self.files if file.role is FileRole.WEIGHTS)


_PACKAGINGS: Final = (
    ("application/vnd.ollama.", Packaging.OLLAMA),
    ("application/vnd.docker.ai.", Packaging.DOCKER),
    ("application/vnd.cncf.model.", Packaging.MODELPACK),
    ("application/vnd.cnai.model.", Packaging.MODELPACK),
    ("application/vnd.kitops.", Packaging.KITOPS),
)
# The role of a media type is that of the first entry with which it begins, after the packaging's prefix.
_ROLES: Final[Mapping[Packaging, tuple[tuple[str, FileRole], ...]]] = {
    Packaging.OLLAMA: (
        ("image.model", FileRole.WEIGHTS),
        ("image.tensor", FileRole.WEIGHTS),
        ("image.adapter", FileRole.ADAPTER),
        ("image.projector", FileRole.PROJECTOR),
        ("image.template", FileRole.TEMPLATE),
        ("image.prompt", FileRole.TEMPLATE),
        ("image.system", FileRole.TEMPLATE),
        ("image.messages", FileRole.TEMPLATE),
        ("image.params", FileRole.CONFIGURATION),
        ("image.json", FileRole.CONFIGURATION),
        ("image.license", FileRole.LICENSE),
    ),
    Packaging.DOCKER: (
        ("gguf.v3.lora", FileRole.ADAPTER),
        ("gguf.v3.mmproj", FileRole.PROJECTOR),
        ("mmproj", FileRole.PROJECTOR),
        ("gguf", FileRole.WEIGHTS),
        ("safetensors", FileRole.WEIGHTS),
        ("dduf", FileRole.WEIGHTS),
        ("model.file.v1+gguf", FileRole.WEIGHTS),
        ("chat.template", FileRole.TEMPLATE),
        ("vllm.config", FileRole.CONFIGURATION),
        ("license", FileRole.LICENSE),
    ),
    Packaging.MODELPACK: (
        ("weight.config.", FileRole.CONFIGURATION),
        ("weight.", FileRole.WEIGHTS),
        ("dataset.", FileRole.DATASET),
        ("code.", FileRole.CODE),
        ("doc.", FileRole.DOCUMENTATION),
    ),
    Packaging.KITOPS: (
        ("modelkit.model.", FileRole.WEIGHTS),
        ("model.content.", FileRole.WEIGHTS),
        ("modelkit.dataset.", FileRole.DATASET),
        ("dataset.content.", FileRole.DATASET),
        ("modelkit.code.", FileRole.CODE),
        ("model.code.", FileRole.CODE),
        ("modelkit.docs.", FileRole.DOCUMENTATION),
        ("modelkit.prompt.", FileRole.TEMPLATE),
    ),
    Packaging.OTHER: (),
}
_ENDINGS: Final = {
    "md": FileRole.DOCUMENTATION,
    "json": FileRole.CONFIGURATION,
    "yaml": FileRole.CONFIGURATION,
    "yml": FileRole.CONFIGURATION,
    "jinja": FileRole.TEMPLATE,
    "py": FileRole.CODE,
    "ipynb": FileRole.CODE,
    "csv": FileRole.DATASET,
    "parquet": FileRole.DATASET,
}
_PARAMETERS: Final = re.compile(r"(\d{1,18}(?:\.\d{1,6})?)\s*([kmbt]?)")
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}


def model_artifact(manifest: ImageManifest, config: bytes | None) -> ModelArtifact:
    """The facts in a model's manifest and configuration. ``config``: None where it has no facts or was not fetched.

    A configuration that cannot be read states nothing.
    """
    packaging = packaging_of(manifest)
    facts = _facts(config)
    paths = _kitfile_paths(facts) if packaging is Packaging.KITOPS else {}
    files = tuple(_file(layer, packaging, paths) for layer in manifest.layers)
    stated = _stated(packaging, facts)
    of_weights = {file.format for file in files if file.role is FileRole.WEIGHTS}
    agreed = of_weights.pop() if len(of_weights) == 1 else None
    form = stated.get("format")
    parameters = stated.get("parameters")
    return ModelArtifact(
        packaging,
        agreed if form is None else form.lower(),
        stated.get("architecture"),
        parameters,
        None if parameters is None else parameter_count(parameters),
        stated.get("quantization"),
        files,
    )


def packaging_of(manifest: ImageManifest) -> Packaging:
    """The packaging, by the media type of the configuration, else of the artifact, else of the files."""
    for media_type in (
        manifest.config.media_type,
        media_types.bare(manifest.artifact_type or ""),
        *(layer.media_type for layer in manifest.layers),
    ):
        for prefix, packaging in _PACKAGINGS:
            if media_type.startswith(prefix):
                return packaging
    return Packaging.OTHER


def states_facts(packaging: Packaging) -> bool:
    """Whether configurations of that packaging state facts about the model, so that they are worth a request."""
    return packaging is not Packaging.OTHER


def parameter_count(text: str) -> int | None:
    """The number in ``8.03 B``, ``361.82M``, ``8b`` or ``7000000000``; None if it is not a single number (``8x7B``)."""
    found = _PARAMETERS.fullmatch(text.strip().lower().replace(",", ""))
    if found is None:
        return None
    count = int(Decimal(found[1]) * _FACTORS[found[2]])
    # The bound of a 64-bit column. No model has a millionth of it.
    return count if 0 < count < 1 << 62 else None


def _facts(config: bytes | None) -> Facts:
    if config is None:
        return Facts({})
    try:
        return read_object(config, MAX_MODEL_CONFIG_BYTES)
    except BrokenJsonError:
        return Facts({})


def _kitfile_paths(facts: Facts) -> dict[str, str]:
    """From the digest of a layer to the path it was packed from. Kitfiles before 2025 give no digests."""
    model = facts.inner("model") or Facts({})
    parts = [model.values, *(model.items("parts") or ())]
    for name in ("code", "datasets", "docs"):
        parts += facts.items(name) or ()
    entries = [Facts(part) for part in parts if isinstance(part, dict)]
    found = ((entry.text("digest"), entry.text("path")) for entry in entries)
    return {digest: path for digest, path in found if digest and path}


def _stated(packaging: Packaging, facts: Facts) -> dict[str, str]:
    if packaging is Packaging.KITOPS:
        # A Kitfile's `parameters` are whatever its author wrote, mostly those of the training.
        return _texts(facts.inner("model") or Facts({}), {"format": "format"})
    if packaging is Packaging.OLLAMA:
        names = {
            "format": "model_format",
            "architecture": "model_family",
            "parameters": "model_type",
            "quantization": "file_type",
        }
        return _texts(facts, names)
    inner = facts.inner("config") or Facts({})
    if packaging is Packaging.MODELPACK:
        names = {
            "format": "format",
            "architecture": "architecture",
            "parameters": "paramSize",
            "quantization": "quantization",
        }
        return _texts(inner, names)
    names = {name: name for name in ("format", "architecture", "parameters", "quantization")}
    found = _texts(inner, names)
    # docker/model-spec has a separate object for each format, with other names than Model Runner's configuration.
    own = inner.inner("gguf") or Facts({})
    names["parameters"] = "parameter_count"
    return _texts(own, {name: key for name, key in names.items() if name != "format"}) | found


def _texts(facts: Facts, names: Mapping[str, str]) -> dict[str, str]:
    found = {name: (facts.text(key) or "").strip()[:_LONGEST_FACT] for name, key in names.items()}
    # Ollama writes `unknown` for what it does not know.
    return {name: text for name, text in found.items() if text and text.lower() != "unknown"}


def _file(layer: Descriptor, packaging: Packaging, paths: Mapping[str, str]) -> ModelFile:
    path = layer.path or paths.get(str(layer.digest))
    form = media_types.weights_format(layer.media_type, path)
    return ModelFile(
        _role(layer.media_type, path, form, packaging),
        path,
        layer.media_type,
        form,
        str(layer.digest),
        layer.size,
    )


def _role(media_type: str, path: str | None, form: str | None, packaging: Packaging) -> FileRole:
    for prefix, of_prefix in _PACKAGINGS:
        kind = media_type.removeprefix(prefix)
        if of_prefix is packaging and kind != media_type:
            for start, role in _ROLES[packaging]:
                if kind.startswith(start):
                    return role
    if form is not None:
        return FileRole.WEIGHTS
    name = (path or "").rpartition("/")[2].lower()
    if name.startswith(("license", "licence")):
        return FileRole.LICENSE
    return _ENDINGS.get(name.rpartition(".")[2], FileRole.OTHER) if "." in name else FileRole.OTHER


def _sum(files: Iterable[ModelFile]) -> int | None:
    sizes = [file.bytes for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)
