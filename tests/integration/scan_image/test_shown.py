"""What is shown of an image beside its figures: instructions, facts of the configuration, files, a tree, limits."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.stand_ins import OCI_CONFIG, OCI_MANIFEST

REF = "ml/image:1"
HISTORY = [
    {"created_by": "/bin/sh -c #(nop) ADD file:1 in /"},
    {"created_by": '/bin/sh -c #(nop) CMD ["sh"]', "empty_layer": True},
    {"created_by": "RUN |1 TOKEN=s3cret /bin/sh -c " + "pip install a-long-name " * 9 + "# buildkit"},
]


@pytest.fixture
def server(serve, registry, put_image, tar, scan):
    put_image(
        "1",
        tar({"opt": None, "opt/a": b"a" * 3000, "opt/b": b"b" * 500}),
        tar({"opt/a": b"c" * 2000, "opt/sub": None, "opt/sub/d": b"d" * 100}),
        created="2026-01-02T03:04:05Z",
        history=HISTORY,
        config={
            "User": "app",
            "Entrypoint": ["serve", "--password=s3cret", "--token", "s3cret"],
            "Cmd": ["now"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"x": "s3cret"},
            "Env": ["A=s3cret"],
        },
    )
    found = serve(registry)
    scan.allow(found)
    return found


def test_json_has_instructions_facts_and_layers_from_1(server, scan) -> None:
    (image,) = scan(f"{server.host}/{REF}")["images"]
    assert [layer["number"] for layer in image["layers"]] == [1, 2]
    assert image["layers"][0]["instruction_text"] == "ADD file:1 in /"
    assert image["layers"][1]["instruction_text"] == "RUN " + ("pip install a-long-name " * 9).strip()
    assert (image["layer_bytes"], image["base_layers"]) == (5600, 1)
    assert image["config"] == {
        "created": "2026-01-02T03:04:05Z",
        "user": "app",
        "entrypoint": ["serve", "--password=***", "--token", "***"],
        "command": ["now"],
        "working_directory": None,
        "ports": ["80/tcp"],
        "labels": ["x"],
    }
    assert [(one["path"], one["layer"], one["hidden_by"]) for one in image["wasted"]] == [("opt/a", 1, 2)]
    assert "s3cret" not in json.dumps(image)


def test_tables_cut_instructions_unless_asked(server, scan) -> None:
    cut = scan.run(f"{server.host}/{REF}").stdout
    whole = scan.run(f"{server.host}/{REF}", "--no-trunc").stdout
    assert "…" in cut and "…" not in whole
    assert whole.count("a-long-name") == 9
    for said in (
        "5.6 kB (5,600)",
        "base image (layer 1)",
        "own (layer 2)",
        "62.5%",
        "serve --password=*** --token ***",
    ):
        assert said in whole, said
    assert "s3cret" not in whole


def test_every_file_of_every_layer(server, scan, tmp_path: Path) -> None:
    text = scan.run(f"{server.host}/{REF}", "--files", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    found = [(row["layer"], row["path"], row["bytes"], row["hidden_by"], row["cause"]) for row in rows]
    assert found == [
        ("1", "opt", "0", "", ""),
        ("1", "opt/a", "3000", "2", "replaced"),
        ("2", "opt/a", "2000", "", ""),
        ("1", "opt/b", "500", "", ""),
        ("2", "opt/sub", "0", "", ""),
        ("2", "opt/sub/d", "100", "", ""),
    ]
    listed = json.loads(
        scan.run(f"{server.host}/{REF}", "--files", "--layer", "2", "--format", "json").stdout
    )
    assert [(row["path"], row["bytes"]) for row in listed] == [
        ("opt/a", 2000),
        ("opt/sub", 0),
        ("opt/sub/d", 100),
    ]
    assert listed[0]["hidden_by"] is None
    scan.run(f"{server.host}/{REF}", "--files", "--output", str(tmp_path / "f.parquet"))
    import duckdb

    assert duckdb.sql(f"SELECT sum(bytes), max(hidden_by) FROM '{tmp_path}/f.parquet'").fetchall() == [
        (5600, 2)
    ]


def test_a_tree_by_depth(server, scan) -> None:
    text = scan.run(f"{server.host}/{REF}", "--tree", "2", "--format", "csv").stdout
    rows = [(row["directory"], row["bytes"], row["files"], row["wasted_bytes"], row["layers"])
            for row in csv.DictReader(io.StringIO(text))]  # fmt: skip
    assert rows == [
        ("/", "2600", "3", "3000", "1-2"),
        ("/opt", "2600", "3", "3000", "1-2"),
        ("/opt/sub", "100", "1", "0", "2"),
    ]


def test_limits_end_with_1_and_a_line_each(server, scan, tmp_path: Path) -> None:
    name = f"{server.host}/{REF}"
    earlier = tmp_path / "earlier.json"
    earlier.write_text(scan.run(name, "--format", "json").stdout)
    assert (
        scan.run(
            name, "--max-size", "5600", "--max-waste", "3kB", "--max-growth", "0", "--baseline", str(earlier)
        ).exit_code
        == 0
    )
    document = json.loads(earlier.read_text())
    document["images"][0]["wasted_bytes"] -= 1000
    earlier.write_text(json.dumps(document))
    over = scan.run(
        name, "--max-size", "5.5kB", "--max-waste", "10%", "--max-growth", "5%", "--baseline", str(earlier)
    )
    assert over.exit_code == 1
    said = [line for line in over.stderr.splitlines() if "over the limit" in line]
    assert [line.partition(f"{REF}: ")[2] for line in said] == [
        "size 5.6 kB, at most 5.5 kB",
        "waste 3 kB, at most 560 B",
        "grown by 1 kB from 4.6 kB, at most 230 B",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--max-size", "much"),
        ("--max-growth", "1MB"),
        ("--baseline", "none.json"),
        ("--layer", "1"),
        ("--max-size", "-1"),
    ],
)
def test_limits_that_are_none(server, scan, wrong) -> None:
    assert scan.run(f"{server.host}/{REF}", *wrong).exit_code == 2


def test_the_files_of_a_model(serve, scan, registry) -> None:
    weights = {**registry.blob(b"GGUF" * 100, "application/vnd.docker.ai.gguf.v3"),
               "annotations": {"org.opencontainers.image.title": "model.gguf"}}  # fmt: skip
    config = registry.blob(b"{}", "application/vnd.docker.ai.model.config.v0.1+json")
    registry.manifest(
        "ml/model", {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [weights]}
    )
    model = registry.manifest(
        "ml/model", {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [weights]}
    )
    image = registry.manifest(
        "ml/model",
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": registry.blob(b'{"os": "linux", "architecture": "amd64"}', OCI_CONFIG),
            "layers": [],
        },
    )
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [model, image],
    }
    registry.manifest("ml/model", index, "both")
    found = serve(registry)
    scan.allow(found)
    (other,) = scan(f"{found.host}/ml/model:both", "--platform", "all")["not_images"]
    assert other["kind"] == "model"
    assert [(part["title"], part["bytes"]) for part in other["files"]] == [("model.gguf", 400)]


def test_what_an_image_is_in_words_and_human_units(server, scan) -> None:
    text = scan.run(f"{server.host}/{REF}").stdout
    (found,) = scan(f"{server.host}/{REF}")["images"]
    shown = dict(line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    shown = {name: value.strip() for name, value in shown.items()}
    assert found["wasted_bytes"] == 3000
    assert shown["hidden by later layers"] == f"3 kB (3,000), {3000 / found['layer_bytes']:.1%}"
    files, directories = found["files"], found["directories"]
    assert shown["entries"] == f"{files} files, {directories} directories, {found['max_depth']} levels deep"
    # The digest of the heading is not said again.
    assert "manifest" not in shown


OLLAMA = "application/vnd.ollama.image."


@pytest.fixture
def model(serve, scan, registry) -> str:
    """A model as Ollama pushes it: the reference."""
    about = {"model_format": "gguf", "model_family": "llama", "model_type": "8.0B", "file_type": "Q4_0"}
    registry.manifest(
        "library/llama",
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": registry.blob(
                json.dumps(about).encode(), "application/vnd.docker.container.image.v1+json"
            ),
            "layers": [
                registry.blob(b"GGUF" * 1000, f"{OLLAMA}model"),
                registry.blob(b"MIT", f"{OLLAMA}license"),
            ],
        },
        "8b",
    )
    found = serve(registry)
    scan.allow(found)
    return f"{found.host}/library/llama:8b"


def test_a_model_is_a_result(model, scan) -> None:
    done = scan.run(model, "--format", "json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["images"], found["error"], found["failures"]) == ([], None, [])
    (only,) = found["models"]
    files = only.pop("files")
    assert only.pop("manifest_digest") == found["digest"]
    assert only == {
        "packaging": "ollama",
        "format": "gguf",
        "architecture": "llama",
        "parameters": "8.0B",
        "parameter_count": 8_000_000_000,
        "quantization": "Q4_0",
        "weights_bytes": 4000,
        "bytes": 4003,
    }
    assert [(file["role"], file["bytes"]) for file in files] == [("weights", 4000), ("license", 3)]
    assert [other["kind"] for other in found["not_images"]] == ["model"]
    text = scan.run(model).stdout
    assert "4 kB (4,003)" in text
    assert "Not images" not in text
    row = scan.run(model, "--format", "csv").stdout.splitlines()[1].split(",")
    assert (row[3], row[5]) == ("model", "4003")


def test_a_model_has_no_entries_to_list(model, scan) -> None:
    for option in ("--files", "--tree=2"):
        done = scan.run(model, option)
        assert done.exit_code == 3
        assert "no image (model)" in done.stderr


def test_a_model_may_be_too_large(model, scan) -> None:
    assert scan.run(model, "--max-size", "4003").exit_code == 0
    done = scan.run(model, "--max-size", "4002")
    assert done.exit_code == 1
    assert "size 4 kB, at most 4 kB" in done.stderr


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_layers_are_a_table_on_every_terminal(server, scan, monkeypatch, columns: int) -> None:
    """One layer's instruction is longer than a narrow terminal is wide; a block of lines a layer would be read by nobody."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = scan.run(f"{server.host}/{REF}").stdout
    lines = shown.split("Layers, lowest first")[1].split("Largest files")[0].splitlines()
    (heading,) = [line for line in lines if "instruction" in line]
    # What is the same in all rows stands above them, as the compressed size here.
    assert ("digest" in heading, "compressed" in "".join(lines)) == (columns == 200, columns > 80)
    assert max(map(len, lines)) <= columns
    assert sum(line.split()[:1] in (["1"], ["2"]) for line in lines) == 2
