"""The media types of images, layers, models and attestations, and what each one claims.

Here: names and their classes. Not here: sniffing bytes (``images.scanning``), for a media type is only a claim.

Sources: OCI image-spec (media-types.md), Docker's manifest v2 schema 1 and 2, BuildKit's attestation storage,
the model formats that Docker Model Runner, Ollama, ModelPack (CNCF) and KitOps push.
"""

import re

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
IN_TOTO = "application/vnd.in-toto+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
SCHEMA1_TYPES = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
IMAGE_CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})
# Clients and registries of 2015 and 2016 gave an image's configuration these types (distribution#1621,
# moby#22378, moby#30083); Docker accepts them all as images ("ImageTypes" of its distribution/registry).
OLD_CONFIG_TYPES = frozenset({"", "application/octet-stream", "application/json", "text/html"})

# An index's entries of these types are manifests, or may be: some tools state a type that says nothing. Others "MUST be
# ignored" (image-index.md): BuildKit's cache lists its layers there.
ENTRY_TYPES = (
    INDEX_TYPES
    | MANIFEST_TYPES
    | SCHEMA1_TYPES
    | {OCI_ARTIFACT_MANIFEST, "", "application/json", "application/octet-stream"}
)

# One request accepts every type, and the answer tells which it is. Without the OCI types a registry of 2017
# answers 404 for an OCI image; without the Docker types it makes up a schema 1 manifest.
ACCEPT_MANIFESTS = ", ".join(
    (
        OCI_INDEX,
        OCI_MANIFEST,
        DOCKER_LIST,
        DOCKER_MANIFEST,
        OCI_ARTIFACT_MANIFEST,
        f"{DOCKER_SCHEMA1_SIGNED};q=0.5",
        f"{DOCKER_SCHEMA1};q=0.4",
        "application/json;q=0.1",
    )
)

_OCI_LAYER = "application/vnd.oci.image.layer."
_DOCKER_LAYER = "application/vnd.docker.image.rootfs."
# Types that builders and registries write by default. Only the bytes show what such a layer is.
_GENERIC_LAYERS = frozenset(
    {
        "",
        "application/gzip",
        "application/octet-stream",
        "application/tar",
        "application/tar+gzip",
        "application/x-gzip",
        "application/x-tar",
        "application/x-tgz",
        "application/zstd",
    }
)
# Layers that are not archives: file systems, and parts for lazy loading.
_OTHER_LAYERS = re.compile(
    r"(?:^|[./+-])(?:nydus|erofs|squashfs|overlaybd|sif|sociindex|dadi|cvmfs)(?:$|[./+-])"
)
_MODEL_MARKS = (
    "application/vnd.docker.ai.",
    "application/vnd.ollama.image.",
    "application/vnd.cncf.model.",
    "application/vnd.cnai.model.",
    "application/vnd.kitops.",
    "application/vnd.onnx.model",
)
# Suffixes of weights files, by the tools that write them. General data formats (pickle, HDF5, protocol buffers) are not
# among them: an artifact with such a file may be anything.
_WEIGHTS = {
    "gguf": "gguf",
    "ggml": "ggml",
    "safetensors": "safetensors",
    "onnx": "onnx",
    "tflite": "tflite",
    "keras": "keras",
    "pt": "pytorch",
    "pth": "pytorch",
    "ckpt": "checkpoint",
    "dduf": "dduf",
    "mlmodel": "coreml",
    "caffemodel": "caffe",
    "pdparams": "paddle",
    "mar": "torchserve",
}
_FORMAT_IN_TYPE = re.compile(rf"(?:^|[./+-])({'|'.join(_WEIGHTS)})(?:$|[./+-])")
_EVIDENCE_MARKS = (
    IN_TOTO,
    "application/vnd.dev.cosign.",
    "application/vnd.cncf.notary.",
    "application/vnd.dsse.envelope",
)


def bare(media_type: str) -> str:
    """The media type without parameters and in lower case: ``a/b; charset=utf-8`` is ``a/b``."""
    return media_type.partition(";")[0].strip().lower()


def is_image_layer(media_type: str) -> bool:
    """Whether this is a file-system layer: in any compression, also encrypted or foreign."""
    return media_type.startswith((_OCI_LAYER, _DOCKER_LAYER))


def is_generic(media_type: str) -> bool:
    """Whether the type says nothing about what a layer is."""
    return media_type in _GENERIC_LAYERS


def unread(media_type: str) -> str | None:
    """Why a layer of this type is not read, in a few words. None: it is read, if it is an archive."""
    if is_encrypted_layer(media_type):
        return "an encrypted layer"
    if _OTHER_LAYERS.search(media_type):
        return f"a layer type that dockml does not read ({media_type[:100]})"
    return None


def is_foreign_layer(media_type: str) -> bool:
    """Whether the layer is kept by its vendor and must not be distributed (Windows base layers)."""
    return ".foreign." in media_type or ".nondistributable." in media_type


def is_encrypted_layer(media_type: str) -> bool:
    """Whether the layer is encrypted (ocicrypt adds ``+encrypted``)."""
    return media_type.endswith("+encrypted")


def is_model(media_type: str) -> bool:
    """Whether a configuration or layer of this type belongs to a model that was pushed as an artifact."""
    return media_type.startswith(_MODEL_MARKS)


def weights_format(media_type: str, path: str | None) -> str | None:
    """The format of a weights file, by its media type, else by its suffix; None: not weights, or not known."""
    found = _FORMAT_IN_TYPE.search(media_type)
    ending = (path or "").rpartition(".")[2].lower() if "." in (path or "") else ""
    return _WEIGHTS[found[1]] if found is not None else _WEIGHTS.get(ending)


def is_evidence(media_type: str) -> bool:
    """Whether a layer of this type is an attestation or signature about an image."""
    return media_type.startswith(_EVIDENCE_MARKS)
