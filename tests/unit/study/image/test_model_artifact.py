"""Models as artifacts: what the manifests and configurations of each packaging state, and what stays unknown."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.image.manifest import ContentKind, ImageManifest, parse_manifest
from dockml_dagster.study.image.model_artifact import (
    MAX_MODEL_CONFIG_BYTES,
    model_artifact,
    parameter_count,
)

CASES = sorted((Path(__file__).parent / "model_cases").glob("*.json"))
"""``manifest``: digests are written `C`, `L0` …; ``config``: an object, or text that is none; ``roles``: of files."""


def read(path: Path) -> tuple[ImageManifest, dict[str, Any]]:
    case = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps(case["manifest"])
    for part in (case["manifest"]["config"], *case["manifest"]["layers"]):
        text = _with_digest(text, part["digest"])
        if isinstance(case["config"], dict):
            case["config"] = json.loads(_with_digest(json.dumps(case["config"]), part["digest"]))
    manifest = parse_manifest(text.encode())
    assert isinstance(manifest, ImageManifest)
    return manifest, case


def _with_digest(text: str, name: str) -> str:
    return text.replace(f'"{name}"', f'"sha256:{hashlib.sha256(name.encode()).hexdigest()}"')


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_stated(path: Path) -> None:
    manifest, case = read(path)
    config = case["config"]
    stated = None if config is None else (config if isinstance(config, str) else json.dumps(config)).encode()
    assert manifest.kind is ContentKind.MODEL
    found = model_artifact(manifest, stated)
    expected = case["expect"]
    of_files = {"roles": [file.role for file in found.files], "paths": [file.path for file in found.files]}
    assert {
        name: of_files[name] if name in of_files else getattr(found, name) for name in expected
    } == expected


def test_files_are_as_the_manifest_lists_them() -> None:
    manifest, _ = read(Path(__file__).parent / "model_cases" / "modelpack.json")
    first, second, *_ = model_artifact(manifest, None).files
    assert (first.path, first.format, first.bytes) == ("model.onnx", "onnx", 30327160)
    assert first.media_type == "application/vnd.cncf.model.weight.v1.tar"
    assert first.digest == "sha256:" + hashlib.sha256(b"L0").hexdigest()
    assert (second.path, second.format) == ("config.json", None)


def test_a_configuration_that_is_too_large_states_nothing() -> None:
    manifest, case = read(Path(__file__).parent / "model_cases" / "ollama.json")
    config = json.dumps(case["config"]).encode()
    assert (
        model_artifact(manifest, config + b" " * (MAX_MODEL_CONFIG_BYTES - len(config))).parameters == "8.0B"
    )
    assert model_artifact(manifest, config + b" " * MAX_MODEL_CONFIG_BYTES).parameters is None


def test_a_fact_is_cut() -> None:
    manifest, case = read(Path(__file__).parent / "model_cases" / "ollama.json")
    config = json.dumps(case["config"] | {"model_family": "f" * 300}).encode()
    assert model_artifact(manifest, config).architecture == "f" * 200


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8.03 B", 8_030_000_000),
        ("361.82M", 361_820_000),
        ("0.5b", 500_000_000),
        ("22k", 22_000),
        ("1T", 10**12),
        ("7000000000", 7_000_000_000),
        ("7,000,000", 7_000_000),
        ("8x7B", None),
        ("7B-chat", None),
        ("", None),
        ("0", None),
        ("-3B", None),
        ("9" * 18 + "T", None),
        ("9" * 40, None),
    ],
)
def test_numbers_of_parameters(text: str, count: int | None) -> None:
    assert parameter_count(text) == count


@pytest.mark.parametrize(
    ("media_type", "config_type", "title"),
    [
        # Data of any kind, and names that only hold the word.
        ("application/octet-stream", "application/vnd.oci.empty.v1+json", "measurements.h5"),
        ("application/octet-stream", "application/vnd.oci.empty.v1+json", "onnx"),
        ("application/octet-stream", "application/vnd.oci.empty.v1+json", "gguf-notes.txt"),
        (
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "application/vnd.cncf.helm.config.v1+json",
            None,
        ),
    ],
)
def test_what_is_no_model(media_type: str, config_type: str, title: str | None) -> None:
    digest = "sha256:" + "0" * 64
    layer = {"mediaType": media_type, "digest": digest, "size": 1}
    if title is not None:
        layer["annotations"] = {"org.opencontainers.image.title": title}
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": config_type, "digest": digest, "size": 2},
        "layers": [layer],
    }
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, ImageManifest)
    assert manifest.kind is ContentKind.ARTIFACT
