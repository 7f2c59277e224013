"""The corpus ``ease2022`` on a synthetic package: what it reads, and how it tells what it cannot."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dockml_dagster.corpora.base import STAGES, CorpusError, Listing
from dockml_dagster.corpora.ease2022.corpus import Ease2022
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.rows import write_visit

Make = Callable[[Mapping[str, bytes]], Path]
Files = dict[str, bytes]
Sheets = dict[str, list[list[object]]]
IMAGES = "raw-data/DockerImage/layers/"
WORKBOOK = "RQ1/ML_Docker_repositories.xlsx"
ONE, TWO, THREE = (f"ease2022/{name}" for name in ("ann/one", "bob/two", "cyd/three"))


def _open(location: Path) -> Ease2022:
    return Ease2022(location, location.parent / "cache")


def _told(listing: Listing) -> set[tuple[str, str, str]]:
    return {(one.stage, one.subject, one.status) for one in listing.outcomes}


def _collected(corpus: Ease2022, project: str) -> dict[str, list[Mapping[str, Any]]]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for stage in STAGES:
        for table, found in corpus.collect(stage, project).rows.items():
            rows.setdefault(table, []).extend(found)
    return rows


def _stage(corpus: Ease2022, stage: Any, project: str) -> tuple[str, str | None, bool]:
    (one,) = [found for found in corpus.collect(stage, project).outcomes if found.subject == ""]
    return one.status, one.reason, one.retryable


def test_both_forms_give_the_same(directory: Make, archive: Make, whole: Files) -> None:
    unpacked, packed = _open(directory(whole)), _open(archive(whole))
    one, other = unpacked.listing(), packed.listing()
    assert one.projects == other.projects == [ONE, TWO, THREE]
    assert one.inputs == other.inputs
    assert _told(one) == _told(other)
    for project in one.projects:
        rows, others = _collected(unpacked, project), _collected(packed, project)
        assert rows.keys() == others.keys()
        for table in rows:
            assert [{**row, "source": ""} for row in rows[table]] == [
                {**row, "source": ""} for row in others[table]
            ]


def test_listing(package: Make, whole: Files) -> None:
    listing = _open(package(whole)).listing()
    candidates = listing.rows["raw.candidates"]
    assert [row["name"] for row in candidates if row["step_number"] == 0] == ["ann/one", "bob/two"]
    assert {row["step_number"] for row in candidates} == set(range(9))
    metadata = [row for row in listing.rows["raw.projects"] if row["sheet"] == "filtered2"]
    assert [(row["name"], row["stars"], row["commits"], row["source_row"]) for row in metadata] == [
        ("ann/one", 10, 200, 2),
        ("bob/two", None, 300, 3),
    ], "nan is unknown, not 0"
    labels = [(row["project"], row["code_system"], row["code"]) for row in listing.labels["raw.labels"]]
    assert (ONE, "category", "Toolkit") in labels
    assert [code for project, system, code in labels if (project, system) == (ONE, "purpose")] == [
        "CI/CD",
        "Hosting",
    ]
    assert ("manifests", "zed/free:1", "not_selected") in _told(listing)
    assert [row["reference"] for row in listing.rows["raw.manifests"]] == ["zed/free:1"]
    assert all(row["project"] is None for row in listing.rows["raw.manifests"])


def test_dockerfiles(package: Make, whole: Files) -> None:
    corpus = _open(package(whole))
    rows = _collected(corpus, ONE)
    assert [row["path"] for row in rows["raw.dockerfiles"]] == ["Dockerfile", "docker/gpu.Dockerfile"], (
        "of latest only"
    )
    assert [row["path"] for row in rows["raw.repository_files"]] == [
        "Dockerfile",
        "README.md",
        "docker/gpu.Dockerfile",
    ]
    assert (
        rows["raw.dockerfiles"][0]["content"] == whole["raw-data/Dockerfiles/logs/ann/one/latest/Dockerfile"]
    )
    assert _stage(corpus, "dockerfiles", ONE) == ("collected", None, False)


def test_a_dockerfile_that_is_not_utf8_is_kept_and_told(package: Make, whole: Files) -> None:
    found = _open(package(whole)).collect("dockerfiles", TWO)
    assert [row["content"] for row in found.rows["raw.dockerfiles"]] == [b"FROM alpine\nLABEL who=\xff\xfe\n"]
    assert ("Dockerfile", "unreadable") in [(one.subject, one.status) for one in found.outcomes]


def test_an_empty_dockerfile_is_told(package: Make, whole: Files) -> None:
    whole["raw-data/Dockerfiles/logs/ann/one/latest/Dockerfile"] = b" \n"
    found = _open(package(whole)).collect("dockerfiles", ONE)
    assert ("Dockerfile", "malformed") in [(one.subject, one.status) for one in found.outcomes]


def test_a_project_without_dockerfile_is_an_outcome(package: Make, whole: Files) -> None:
    corpus = _open(package(whole))
    status, reason, retryable = _stage(corpus, "dockerfiles", THREE)
    assert (status, retryable) == ("not_available", False)
    assert reason
    assert _stage(corpus, "manifests", THREE)[0] == "not_available"
    assert _stage(corpus, "layer_stats", THREE)[0] == "not_available"


def test_images(package: Make, whole: Files) -> None:
    rows = _collected(_open(package(whole)), ONE)
    assert [
        (row["reference"], row["repository"], row["tag"]) for row in rows["raw.image_references"][:2]
    ] == [
        ("ann/one:1", "ann/one", "1"),
        ("ann/base:2", "ann/base", "2"),
    ]
    assert [(row["reference"], row["config_digest"], row["layers"]) for row in rows["raw.manifests"]] == [
        ("ann/one:1", "sha256:c1", 2),
        ("ann/base:2", "sha256:c2", 1),
    ]
    assert [
        (row["position"], row["compressed_bytes"], row["source_row"]) for row in rows["raw.image_layers"][:2]
    ] == [
        (0, 100, 2),
        (1, 20, 3),
    ]
    (config,) = rows["raw.image_configs"]
    assert (config["env_names"], config["rootfs_diff_ids"], config["fields_complete"]) == (
        ["PATH"],
        ["d1", "d2"],
        True,
    )
    assert [row["empty_layer"] for row in rows["raw.image_history"]] == [False, True]
    (layer,) = rows["raw.layers"]
    assert (layer["layer_digest"], layer["files"], layer["max_published_level"]) == ("sha256:l1", 9, 5)
    assert [row["extension"] for row in rows["raw.layer_file_types"]] == ["py", "so"]


def test_everything_fits_the_raw_tables(package: Make, whole: Files) -> None:
    from datetime import datetime

    corpus = _open(package(whole))
    listing = corpus.listing()
    with duckdb.connect() as connection:
        migrations.apply(connection)
        for found in (
            listing.rows,
            listing.labels,
            *(_collected(corpus, project) for project in listing.projects),
        ):
            for table, rows in found.items():
                assert write_visit(connection, table, rows, observed_at=datetime(2026, 1, 1)) == len(rows)


CELLS = {
    "empty": "",
    "a text": "ann/one:1",
    "an open list": "['ann/one:1'",
    "a number in the list": "['ann/one:1', 3]",
    "code": "__import__('os').system('true')",
    "deep": "[" * 5000,
    "a tuple": "('ann/one:1',)",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_malformed_latest_image_cell_is_an_outcome(
    directory: Make, whole: Files, all_sheets: Sheets, workbook: Callable[[Sheets], bytes], cell: str
) -> None:
    all_sheets["filtered2"][1][-1] = cell
    corpus = _open(directory({**whole, WORKBOOK: workbook(all_sheets)}))
    assert corpus.listing().projects == [ONE, TWO, THREE]
    found = corpus.collect("manifests", ONE)
    (told,) = [one for one in found.outcomes if one.subject == "filtered2.latest_image"]
    assert told.status == "malformed"
    assert "row 2" in (told.reason or "")
    assert [row["reference"] for row in found.rows["raw.image_references"]] == ["ann/one:1"], (
        "the label sheet's"
    )
    assert _stage(corpus, "manifests", TWO)[0] == "collected"


WRONG_MOMENTS = ["yesterday", "2021-13-45", "0001-01-01T00:00:00Z", "9" * 40]


@pytest.mark.parametrize("moment", WRONG_MOMENTS)
def test_a_moment_that_is_none_stops_nobody(directory: Make, whole: Files, moment: str) -> None:
    from datetime import datetime

    name = f"{IMAGES}Manifest_Config_info.csv"
    whole[name] = whole[name].replace(b"2021-05-06T07:08:09.123456789Z", moment.encode())
    whole[f"{IMAGES}Manifest_History.csv"] = whole[f"{IMAGES}Manifest_History.csv"].replace(
        b"2021-05-06T07:08:10Z", moment.encode()
    )
    rows = _collected(_open(directory(whole)), ONE)
    with duckdb.connect() as connection:
        migrations.apply(connection)
        for table, found in rows.items():
            write_visit(connection, table, found, observed_at=datetime(2026, 1, 1))
        assert connection.execute(
            "SELECT count(*), count(config_bytes) FROM raw.image_configs"
        ).fetchone() == (1, 1)


@pytest.mark.parametrize("number", ["1e300", "99999999999999999999", "-1e999", "ten", ""])
def test_a_number_that_is_none_is_unknown(directory: Make, whole: Files, number: str) -> None:
    from datetime import datetime

    name = f"{IMAGES}Manifest_details.csv"
    whole[name] = whole[name].replace(b",20,sha256:l2", f",{number},sha256:l2".encode())
    rows = _collected(_open(directory(whole)), ONE)["raw.image_layers"]
    with duckdb.connect() as connection:
        migrations.apply(connection)
        write_visit(connection, "raw.image_layers", rows, observed_at=datetime(2026, 1, 1))
        sizes = connection.execute(
            "SELECT compressed_bytes FROM raw.image_layers WHERE layer_digest = 'sha256:l2'"
        )
        assert sizes.fetchall() == [(None,)]


EXPORTS = {
    "Manifest_details": "manifests",
    "Manifest_Config_info": "manifests",
    "Manifest_History": "manifests",
    "Image_layers_info_summary": "layer_stats",
}


@pytest.mark.parametrize(("prefix", "stage"), EXPORTS.items(), ids=EXPORTS)
def test_exports_that_cannot_be_read_are_outcomes(
    package: Make, whole: Files, prefix: str, stage: str
) -> None:
    name = f"{IMAGES}{prefix}.csv"
    lines = whole[name].splitlines(keepends=True)
    whole[f"{IMAGES}{prefix} 2.csv"] = b" \n"
    whole[f"{IMAGES}{prefix} 3.csv"] = b"Image,colour\nann/one,red\n"
    whole[f"{IMAGES}{prefix} 4.csv"] = lines[0] + b",".join([b""] * lines[0].count(b",")) + b",x\n"
    told = {(one.subject, one.status): one for one in _open(package(whole)).listing().outcomes}
    assert told[f"{IMAGES}{prefix} 2.csv", "malformed"].stage == stage
    assert "RepoTag" in (told[f"{IMAGES}{prefix} 3.csv", "malformed"].reason or "")
    assert (f"{IMAGES}{prefix} 4.csv row 2", "malformed") in told
    del whole[name]


@pytest.mark.parametrize(("prefix", "stage"), EXPORTS.items(), ids=EXPORTS)
def test_an_export_that_is_not_there_is_an_outcome(
    directory: Make, whole: Files, prefix: str, stage: str
) -> None:
    del whole[f"{IMAGES}{prefix}.csv"]
    corpus = _open(directory(whole))
    assert (stage, f"{prefix}*.csv", "not_available") in _told(corpus.listing())
    _collected(corpus, ONE)


def test_exports_are_read_in_the_order_of_their_numbers(directory: Make, whole: Files) -> None:
    name = f"{IMAGES}Manifest_details"
    for number in (10, 2):
        whole[f"{name} {number}.csv"] = whole[f"{name}.csv"]
    files = [row["source_file"] for row in _collected(_open(directory(whole)), TWO)["raw.manifests"]]
    assert files == [f"{name}.csv", f"{name} 2.csv", f"{name} 10.csv"]


def test_without_a_workbook_there_is_no_study(package: Make, whole: Files) -> None:
    del whole[WORKBOOK]
    with pytest.raises(CorpusError, match=r"has no RQ1/ML_Docker_repositories\.xlsx") as caught:
        _open(package(whole)).listing()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("data", [b"", b"no workbook", b"PK\x03\x04" + b"\0" * 100])
def test_a_damaged_workbook_is_one_line(directory: Make, whole: Files, data: bytes) -> None:
    with pytest.raises(CorpusError, match="damaged") as caught:
        _open(directory({**whole, WORKBOOK: data})).listing()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sheet", ["filtered2", "labeling2"])
def test_a_sheet_without_which_there_is_no_study(
    directory: Make, whole: Files, all_sheets: Sheets, workbook: Callable[[Sheets], bytes], sheet: str
) -> None:
    del all_sheets[sheet]
    with pytest.raises(CorpusError, match=sheet):
        _open(directory({**whole, WORKBOOK: workbook(all_sheets)})).listing()


@pytest.mark.parametrize("sheet", ["all-search", "notarchived", "baseimages"])
def test_another_missing_sheet_is_unknown_not_empty(
    directory: Make, whole: Files, all_sheets: Sheets, workbook: Callable[[Sheets], bytes], sheet: str
) -> None:
    del all_sheets[sheet]
    listing = _open(directory({**whole, WORKBOOK: workbook(all_sheets)})).listing()
    assert listing.projects == [ONE, TWO, THREE]
    if sheet != "baseimages":
        assert ("repo_list", f"sheet {sheet}", "not_available") in _told(listing)


@pytest.mark.parametrize("name", ["", "noslash", "a/b/c", "a b/c", "a,b/c", "a/..."])
def test_a_row_whose_repository_is_none_stops_nobody(
    directory: Make, whole: Files, all_sheets: Sheets, workbook: Callable[[Sheets], bytes], name: str
) -> None:
    for sheet in ("all-search", "filtered2"):
        all_sheets[sheet].append([name, "k", 1, 1, 1, False, 1])
    listing = _open(directory({**whole, WORKBOOK: workbook(all_sheets)})).listing()
    assert listing.projects == [ONE, TWO, THREE]


def test_only_what_changed_has_another_input(directory: Make, whole: Files) -> None:
    before = _open(directory(whole)).listing().inputs
    whole["raw-data/Dockerfiles/logs/bob/two/latest/Dockerfile"] += b"USER x\n"
    whole[f"{IMAGES}Image_layers_info_summary.csv"] += b"ann/one,1,l2,1,1,0,1,c,1,1,1,1,1\n"
    after = _open(directory(whole)).listing().inputs
    changed = {
        (stage, project)
        for stage in STAGES
        for project in (ONE, TWO, THREE)
        if before[stage][project] != after[stage][project]
    }
    assert changed == {("dockerfiles", TWO), ("layer_stats", ONE)}


def test_the_fingerprint_follows_the_content(package: Make, whole: Files) -> None:
    first = _open(package(whole)).fingerprint()
    assert _open(package(whole)).fingerprint() == first or package(whole).is_dir(), (
        "times of a directory count"
    )
    whole["raw-data/new.csv"] = b"x\n"
    assert _open(package(whole)).fingerprint() != first
