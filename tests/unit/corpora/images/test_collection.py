"""Images of any corpus as rows and outcomes, on OCI layouts made here: what is read, what is read once, what fails alone."""

import gzip
import io
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dockml_dagster.corpora.base import Collected, Outcome
from dockml_dagster.corpora.images import collection, layers, versions
from dockml_dagster.corpora.images.collection import ImageCollection, NamedImage
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.rows import write_visit

OCI = "application/vnd.oci.image"
Layouts = Any
"""Name → an empty OCI layout (``conftest``)."""
PROJECT = "local/o/p"


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


LOWER = tar({"a": b"x" * 1000, "b": b"x" * 1000, "root/.cache/pip/wheel": b"w" * 50})
UPPER = tar({"root/.wh..cache": b"", "a": b"new"})
OTHER = tar({"c": b"other"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {"DOCKML_HOME": str(tmp_path / "home"), "DOCKER_CONFIG": str(tmp_path / "none")}
    )


def named(*locations: str) -> list[NamedImage]:
    return [NamedImage(location, "Dockerfile") for location in locations]


def whole(found: Collected) -> Outcome:
    (one,) = [outcome for outcome in found.outcomes if outcome.subject == ""]
    return one


def problems(found: Collected) -> list[tuple[str, str]]:
    return [(outcome.status, outcome.reason or "") for outcome in found.outcomes if outcome.subject]


def test_every_platform_is_a_manifest(layout: Layouts, settings: Settings) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER, UPPER), made.image(LOWER, architecture="arm64"))
    found = ImageCollection("local", settings).manifests(PROJECT, named(location))
    assert whole(found) == Outcome("manifests", "", "collected")
    assert {row["project"] for rows in found.rows.values() for row in rows} == {PROJECT}
    assert [(row["architecture"], row["layers"], row["kind"]) for row in found.rows["raw.manifests"]] == [
        ("amd64", 2, "image"),
        ("arm64", 1, "image"),
    ]
    assert len({row["index_digest"] for row in found.rows["raw.manifests"]}) == 1
    layers = found.rows["raw.image_layers"]
    assert [(row["position"], row["instruction"], row["before_last_start"]) for row in layers] == [
        (0, "ADD", True),
        (1, "RUN", False),
        (0, "ADD", None),
    ]
    assert layers[0]["layer_digest"] == layers[2]["layer_digest"]
    assert len(found.rows["raw.image_history"]) == 4


def test_values_that_may_be_secret_are_not_kept(layout: Layouts, settings: Settings) -> None:
    made = layout("image")
    found = ImageCollection("local", settings).manifests(PROJECT, named(made.write(made.image(LOWER))))
    (config,) = found.rows["raw.image_configs"]
    assert (config["env_count"], config["env_names"]) == (2, ["TOKEN", "PATH"])
    assert config["user_name"] == "app"
    assert json.loads(config["labels"]) == {"token": None}
    assert "s3cret" not in repr(found.rows)


def test_what_a_container_sees(layout: Layouts, settings: Settings) -> None:
    made = layout("image")
    collection = ImageCollection("local", settings)
    found = collection.layer_stats(PROJECT, named(made.write(made.image(LOWER, UPPER))))
    assert whole(found) == Outcome("layer_stats", "", "collected")
    lower, upper = found.rows["raw.layers"]
    assert (lower["files"], lower["bytes"], lower["status"], lower["censored"]) == (3, 2050, "complete", None)
    assert (upper["whiteouts"], upper["files"]) == (1, 1)
    (summary,) = found.rows["raw.image_summaries"]
    assert (summary["files"], summary["bytes"], summary["wasted_bytes"]) == (2, 1003, 1050)
    shares = found.rows["raw.image_layer_shares"]
    assert [(row["visible_bytes"], row["hidden_bytes"], row["hides_bytes"]) for row in shares] == [
        (1000, 1050, 0),
        (3, 0, 1050),
    ]
    (cache,) = [row for row in found.rows["raw.image_contents"] if row["rule"] == "pip_cache"]
    assert (cache["files"], cache["hidden_bytes"]) == (0, 50)
    types = {
        (row["classification"], row["file_type"]): row["files"] for row in found.rows["raw.image_file_types"]
    }
    assert types["extension", ""] == 2
    assert {(row["path"], row["hidden_by"]) for row in found.rows["raw.image_files"]} == {
        ("a", None),
        ("b", None),
        ("a", 1),
        ("root/.cache/pip/wheel", 1),
    }
    assert all(row["manifest_digest"] for row in found.rows["raw.image_files"])


def test_images_summed_up_by_several_processes_have_the_same_rows(
    layout: Layouts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = layout("image")
    layers = [(LOWER, UPPER), (LOWER,), (LOWER, OTHER), (OTHER, LOWER)]
    images = [made.image(*each, architecture=f"a{number}") for number, each in enumerate(layers)]
    location = made.write(*images)

    def rows(home: str, workers: int) -> dict[str, list[dict[str, Any]]]:
        environment = {"DOCKML_HOME": str(tmp_path / home), "DOCKER_CONFIG": str(tmp_path / "none")}
        collection = ImageCollection("local", Settings.from_environment(environment), workers=workers)
        return collection.layer_stats(PROJECT, named(location)).rows

    alone = rows("alone", 0)
    monkeypatch.setattr("dockml_dagster.corpora.images.layers._BESIDE_BYTES", 0)
    assert rows("beside", 2) == alone
    assert len(alone["raw.image_summaries"]) == 4


def test_a_layer_of_two_projects_is_scanned_once(
    layout: Layouts, settings: Settings, scanned: list[str]
) -> None:
    one, two = layout("one"), layout("two")
    first = one.write(one.image(LOWER, UPPER))
    second = two.write(two.image(LOWER, OTHER))
    collection = ImageCollection("local", settings)
    collection.layer_stats("local/o/one", named(first))
    assert len(scanned) == 2
    found = collection.layer_stats("local/o/two", named(second))
    assert len(scanned) == 3
    assert len(found.rows["raw.layers"]) == 2
    # Another corpus, another process, and the layer's bytes are not even there any more.
    two.path(LOWER).unlink()
    again = ImageCollection("sample", settings).layer_stats("sample/o/two", named(second))
    assert len(scanned) == 3
    assert whole(again).status == "collected"
    assert again.rows["raw.image_summaries"][0]["files"] == found.rows["raw.image_summaries"][0]["files"] == 4


def test_an_image_of_known_layers_is_summed_up_from_what_was_kept(
    layout: Layouts, settings: Settings, scanned: list[str]
) -> None:
    made = layout("image")
    both = made.write(made.image(LOWER, UPPER))
    fresh = ImageCollection("local", settings).layer_stats(PROJECT, named(both))
    for note in (settings.warehouse.folder / "image_summaries").rglob("*.json"):
        note.unlink()
    kept = ImageCollection("local", settings).layer_stats(PROJECT, named(both))
    assert len(scanned) == 2
    assert kept.rows == fresh.rows


def test_other_rules_make_another_summary(
    layout: Layouts, settings: Settings, monkeypatch: pytest.MonkeyPatch, scanned: list[str]
) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER))
    ImageCollection("local", settings).layer_stats(PROJECT, named(location))
    monkeypatch.setattr(collection, "layer_rules", lambda: ((), *versions.layer_rules()[1:]))
    found = ImageCollection("local", settings).layer_stats(PROJECT, named(location))
    assert found.rows["raw.image_contents"] == []
    assert len(scanned) == 1
    monkeypatch.setattr(layers, "SCAN_VERSION", "next")
    ImageCollection("local", settings).layer_stats(PROJECT, named(location))
    assert len(scanned) == 2


def test_more_layers_than_are_merged_are_an_outcome(
    layout: Layouts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "_MOST_LAYERS", 1)
    one = layout("one")
    found = ImageCollection("local", settings).layer_stats(PROJECT, named(one.write(one.image(LOWER, UPPER))))
    assert ("unreadable", "2 layers, more than the 1 that are merged") in problems(found)


def test_a_damaged_layer_is_an_outcome_and_the_rest_is_complete(layout: Layouts, settings: Settings) -> None:
    bad, good = layout("bad"), layout("good")
    images = named(bad.write(bad.image(LOWER, OTHER)), good.write(good.image(LOWER, UPPER)))
    data = bytearray(bad.path(OTHER).read_bytes())
    data[20] ^= 0xFF
    bad.path(OTHER).write_bytes(data)
    found = ImageCollection("local", settings).layer_stats(PROJECT, images)
    assert whole(found).status == "collected"
    assert whole(found).reason == "1 of 3 layers could not be read"
    assert whole(found).retryable  # what came is not what the digest promises
    assert {row["layer_digest"] for row in found.rows["raw.layers"]} == {
        "sha256:" + good.path(content).name for content in (LOWER, UPPER)
    }
    assert [row["reference"] for row in found.rows["raw.image_summaries"]] == [images[1].reference]
    assert (
        "unreadable",
        "1 of 2 layers could not be read whole, so what a container sees is not known",
    ) in problems(found)
    bad.path(OTHER).write_bytes(gzip.compress(OTHER, mtime=0))
    mended = ImageCollection("local", settings).layer_stats(PROJECT, images)
    assert whole(mended) == Outcome("layer_stats", "", "collected")


def test_a_layer_that_is_no_archive_is_a_lower_bound_for_good(
    layout: Layouts, settings: Settings, scanned: list[str]
) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER[:1100]))
    for _ in range(2):
        found = ImageCollection("local", settings).layer_stats(PROJECT, named(location))
        assert not whole(found).retryable
        (row,) = found.rows["raw.layers"]
        assert (row["status"], row["censored"]) == ("corrupt", "corrupt")
        assert "raw.image_summaries" not in found.rows
    assert len(scanned) == 1


def test_an_image_that_is_not_there_does_not_stop_the_others(
    layout: Layouts, settings: Settings, tmp_path: Path
) -> None:
    made = layout("image")
    images = named(made.write(made.image(LOWER)), f"oci:{tmp_path}/none:1", "not a reference")
    collection = ImageCollection("local", settings)
    found = collection.manifests(PROJECT, images)
    assert (whole(found).status, whole(found).reason) == ("collected", "2 of 3 images could not be read")
    assert sorted(status for status, _ in problems(found)) == ["gone", "malformed"]
    assert len(found.rows["raw.image_references"]) == 3
    assert len(found.rows["raw.manifests"]) == 1
    assert whole(collection.layer_stats(PROJECT, images)).status == "collected"


@pytest.mark.parametrize("size", [2**70, 2**63, 2**63 - 1, -1])
def test_a_size_that_no_layer_has_is_one_images_outcome(
    layout: Layouts, settings: Settings, size: int
) -> None:
    bad, good = layout("bad"), layout("good")
    entry = bad.image(LOWER, UPPER)
    manifest = json.loads((bad.root / "blobs" / entry["digest"].replace(":", "/")).read_bytes())
    manifest["layers"] = [{**layer, "size": size} for layer in manifest["layers"]]
    claiming = bad.blob(json.dumps(manifest).encode(), manifest["mediaType"])
    images = named(bad.write(claiming), good.write(good.image(OTHER)))
    collection = ImageCollection("local", settings)
    with duckdb.connect() as connection:
        migrations.apply(connection)
        for found in (collection.manifests(PROJECT, images), collection.layer_stats(PROJECT, images)):
            assert whole(found).status == "collected"
            assert ("malformed", "broken_content: manifest: layers[0] has no usable size") in problems(found)
            for table, rows in found.rows.items():
                stored = [{"project": PROJECT, "corpus": "local", "source": "x", **row} for row in rows]
                assert write_visit(connection, table, stored, observed_at=datetime(2026, 1, 1)) == len(rows)


def test_nothing_there_at_all(settings: Settings, tmp_path: Path) -> None:
    collection = ImageCollection("local", settings)
    images = named(f"oci:{tmp_path}/none:1")
    assert whole(collection.manifests(PROJECT, images)).status == "gone"
    assert whole(collection.layer_stats(PROJECT, images)).status == "not_available"
    assert whole(collection.manifests(PROJECT, [])).reason == "the project names no image"


def test_what_fails_for_now_leaves_no_rows(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from dockml_dagster.clients.http.errors import UnavailableError

    def unavailable(*_: object) -> None:
        raise UnavailableError("the server failed", status=503)

    monkeypatch.setattr("dockml_dagster.corpora.images.collection.read_image", unavailable)
    collection = ImageCollection("local", settings)
    for found in (
        collection.manifests(PROJECT, named("registry.example/x:1")),
        collection.layer_stats(PROJECT, named("registry.example/x:1")),
    ):
        assert whole(found).status == "failed"
        assert whole(found).retryable
        assert found.rows == {}


def test_a_bug_of_ours_is_one_images_failure(
    layout: Layouts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("dockml_dagster.corpora.images.collection.read_image", broken)
    found = ImageCollection("local", settings).manifests(PROJECT, named(location))
    assert whole(found).retryable
    assert "ZeroDivisionError" in (whole(found).reason or "")


def test_models_and_attestations_are_told_apart(layout: Layouts, settings: Settings) -> None:
    made = layout("image")
    model = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": made.blob(b"{}", "application/vnd.docker.ai.model.config.v0.1+json"),
        "layers": [made.blob(b"weights", "application/vnd.docker.ai.gguf.v3")],
    }
    entry = made.blob(json.dumps(model).encode(), str(model["mediaType"]))
    attestation = {
        **made.image(OTHER, architecture="unknown"),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    collection = ImageCollection("local", settings)
    found = collection.manifests(PROJECT, named(made.write(made.image(LOWER), entry, attestation)))
    assert whole(found) == Outcome("manifests", "", "collected")
    assert problems(found) == [("not_selected", "not an image: attestation")]
    assert [row["kind"] for row in found.rows["raw.manifests"]] == ["image", "model"]
    assert {row["manifest_digest"] for row in found.rows["raw.image_layers"]} == {
        found.rows["raw.manifests"][0]["manifest_digest"]
    }
    alone = layout("model")
    for content in (b"{}", b"weights", json.dumps(model).encode()):
        alone.blob(content, "x")
    images = named(alone.write(entry))
    only = collection.manifests(PROJECT, images)
    assert whole(only) == Outcome("manifests", "", "collected")
    assert [row["kind"] for row in only.rows["raw.manifests"]] == ["model"]
    layers_of = collection.layer_stats(PROJECT, images)
    assert whole(layers_of).status == "not_available"
    assert whole(layers_of).reason == "the project names models only, which have no layers"


def test_what_is_left_out_for_the_limit_says_so(layout: Layouts, tmp_path: Path, scanned: list[str]) -> None:
    made = layout("image")
    location = made.write(made.image(LOWER), made.image(OTHER * 50, architecture="arm64"))
    size = made.path(LOWER).stat().st_size
    environment = {"DOCKML_HOME": str(tmp_path / "home"), "DOCKML_LAYER_BYTES": str(size)}
    found = ImageCollection("local", Settings.from_environment(environment)).layer_stats(
        PROJECT, named(location)
    )
    assert whole(found) == Outcome("layer_stats", "", "collected")
    ((status, reason),) = problems(found)
    assert status == "not_selected"
    assert "0 of" in reason
    assert scanned == ["sha256:" + made.path(LOWER).name]
    environment["DOCKML_LAYER_BYTES"] = "1"
    environment["DOCKML_HOME"] = str(tmp_path / "other")
    nothing = ImageCollection("local", Settings.from_environment(environment)).layer_stats(
        PROJECT, named(location)
    )
    assert whole(nothing).status == "not_selected"
    with pytest.raises(BadInputError, match="DOCKML_LAYER_BYTES"):
        ImageCollection("local", Settings.from_environment({**environment, "DOCKML_LAYER_BYTES": "lots"}))


def test_the_inputs_notice_what_moves(layout: Layouts, settings: Settings) -> None:
    made = layout("image")
    images = named(made.write(made.image(LOWER)))
    before = ImageCollection("local", settings).input_hash(images)
    assert ImageCollection("local", settings).input_hash(images) == before
    made.write(made.image(UPPER))
    assert ImageCollection("local", settings).input_hash(images) != before
    unresolved = ImageCollection("local", settings).input_hash(images, resolve=False)
    made.write(made.image(LOWER))
    assert ImageCollection("local", settings).input_hash(images, resolve=False) == unresolved


def test_one_image_of_two_projects_is_the_same_row_of_its_source(layout: Layouts, settings: Settings) -> None:
    """Staging keeps one of them, by reference, file and row: they must be equal there and nowhere else."""
    made, more = layout("image"), layout("more")
    location = made.write(made.image(LOWER, UPPER))
    collection = ImageCollection("local", settings)
    alone = collection.layer_stats("local/o/one", named(location))
    beside = collection.layer_stats("local/o/two", named(more.write(more.image(UPPER, OTHER)), location))
    for table, rows in alone.rows.items():
        places = [(row["source_file"], row["source_row"]) for row in rows]
        assert len(set(places)) == len(places), table
        others = [
            {**row, "project": "local/o/one"} for row in beside.rows[table] if row["reference"] == location
        ]
        assert others == rows, table
