"""Models among a project's images as rows of ``raw``, on OCI layouts made here."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.rows import write_visit

OCI = "application/vnd.oci.image"
PROJECT = "local/o/p"


def test_a_model_and_its_files_are_rows(layout: Any, tmp_path: Path) -> None:
    settings = Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})
    made = layout("model")
    about = {"config": {"format": "gguf", "parameters": "361.82 M", "architecture": "llama"}}
    weights = made.blob(b"weights", "application/vnd.docker.ai.gguf.v3")
    model = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": made.blob(json.dumps(about).encode(), "application/vnd.docker.ai.model.config.v0.1+json"),
        "layers": [
            {**weights, "annotations": {"org.cncf.model.filepath": "m.gguf"}},
            made.blob(b"MIT", "application/vnd.docker.ai.license"),
        ],
    }
    location = made.write(made.blob(json.dumps(model).encode(), str(model["mediaType"])))
    found = ImageCollection("local", settings).manifests(PROJECT, [NamedImage(location, "Dockerfile")])
    (row,) = found.rows["raw.model_artifacts"]
    assert row["reference"] == location
    facts = ("packaging", "model_format", "architecture", "parameters", "parameter_count", "quantization")
    assert [row[name] for name in facts] == [
        "docker_model_runner",
        "gguf",
        "llama",
        "361.82 M",
        361_820_000,
        None,
    ]
    files = found.rows["raw.model_files"]
    shown = ("position", "file_role", "path", "file_format", "bytes", "source_row")
    assert [[file[name] for name in shown] for file in files] == [
        [0, "weights", "m.gguf", "gguf", 7, 1],
        [1, "license", None, None, 3, 2],
    ]
    assert {file["manifest_digest"] for file in files} == {row["manifest_digest"]}
    with duckdb.connect() as connection:
        migrations.apply(connection)
        rows = [{"source": None, "source_file": None, "source_row": None, **file} for file in files]
        assert write_visit(connection, "raw.model_files", rows, observed_at=datetime(2026, 1, 1)) == 2
        assert connection.execute("SELECT count(*) FROM raw.model_files").fetchall() == [(2,)]
