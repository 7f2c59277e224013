"""The corpus ``sample`` through the interface of corpora; its files are tested in ``test_projects``."""

import re
import shutil
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

import dockml_dagster
from dockml_dagster.corpora import CORPORA, corpus_of, open_corpus
from dockml_dagster.corpora.base import STAGES, CorpusError, partition_key
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash

FOLDER = Path(dockml_dagster.__file__).parent / "corpora" / "sample" / "projects"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The projects, to be changed; their images are made of little."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "projects"))
    recipes = (folder / "images.yaml").read_text(encoding="utf-8")
    recipes = re.sub(r"wheels: \[[^]]*\]", "wheels: [six]", recipes)
    recipes = re.sub(
        r"\{standard_library: true[^}]*\}", "{text: {usr/local/lib/python3/os.py: none}}", recipes
    )
    (folder / "images.yaml").write_text(re.sub(r": (\d+)\d{3}(?=[\n,}])", r": \1", recipes), encoding="utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})


def test_listing() -> None:
    listing = Sample().listing()
    assert len(listing.projects) == len(set(listing.projects)) >= 12
    assert set(listing.inputs) == set(STAGES)
    assert all(set(hashes) == set(listing.projects) for hashes in listing.inputs.values())
    assert {row["project"] for row in listing.rows["raw.projects"]} == set(listing.projects)
    assert {row["project"] for row in listing.labels["raw.labels"]} == set(listing.projects)


def test_the_funnel_only_narrows_and_ends_with_the_projects() -> None:
    listing = Sample().listing()
    steps: dict[int, set[str]] = {}
    for row in listing.rows["raw.candidates"]:
        steps.setdefault(row["step_number"], set()).add(row["project"])
    reached = [steps[number] for number in sorted(steps)]
    assert all(later < earlier for earlier, later in pairwise(reached))
    assert reached[-1] == set(listing.projects)


def test_every_project_has_an_outcome_of_every_stage(copy: Path, settings: Settings) -> None:
    corpus = Sample(copy, settings)
    for project in corpus.listing().projects:
        for stage in STAGES:
            found = corpus.collect(stage, project)
            whole = [one for one in found.outcomes if one.subject == ""]
            assert len(whole) == 1, (project, stage)
            assert whole[0].stage == stage
            assert whole[0].status == "collected" or whole[0].reason


def test_everything_fits_the_raw_tables(copy: Path, settings: Settings) -> None:
    from datetime import datetime

    from dockml_dagster.warehouse import migrations
    from dockml_dagster.warehouse.rows import write_visit

    corpus = Sample(copy, settings)
    listing = corpus.listing()
    collected = [corpus.collect(stage, project).rows for stage in STAGES for project in listing.projects]
    assert {table for rows in collected for table in rows} >= {
        "raw.layers",
        "raw.image_summaries",
        "raw.image_files",
    }
    with duckdb.connect() as connection:
        migrations.apply(connection)
        for found in (listing.rows, listing.labels, *collected):
            for table, rows in found.items():
                assert write_visit(connection, table, rows, observed_at=datetime(2026, 1, 1)) == len(rows), (
                    table
                )


def test_a_changed_file_makes_its_project_due_and_no_other(copy: Path) -> None:
    before = Sample(copy).listing()
    project = before.projects[0]
    changed = next(path for path in sorted((copy / project.split("/", 1)[1]).rglob("*")) if path.is_file())
    changed.write_bytes(changed.read_bytes() + b"\n")
    after = Sample(copy).listing()
    different = {
        key for key in after.projects if before.inputs["dockerfiles"][key] != after.inputs["dockerfiles"][key]
    }
    assert different == {project}
    assert before.source != after.source


def test_other_wheels_make_every_image_due_and_no_dockerfile(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Sample(copy).listing()
    original = metadata.Distribution.version
    monkeypatch.setattr(
        metadata.Distribution, "version", property(lambda self: original.__get__(self) + ".post1")
    )
    after = Sample(copy).listing()
    assert Sample(copy).fingerprint() != before.source
    assert all(before.inputs["manifests"][key] != after.inputs["manifests"][key] for key in after.projects)
    assert all(
        before.inputs["layer_stats"][key] != after.inputs["layer_stats"][key] for key in after.projects
    )
    assert before.inputs["dockerfiles"] == after.inputs["dockerfiles"]


def test_compiled_python_is_not_the_corpus(copy: Path) -> None:
    before = Sample(copy).fingerprint()
    folder = next(path for path in copy.rglob("*.py")).parent / "__pycache__"
    folder.mkdir(exist_ok=True)
    (folder / "x.cpython-311.pyc").write_bytes(b"x")
    assert Sample(copy).fingerprint() == before


def test_a_broken_catalogue_is_one_line(copy: Path) -> None:
    (copy / "projects.yaml").write_text("projects: [")
    with pytest.raises(CorpusError, match=r"projects\.yaml") as caught:
        Sample(copy).listing()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CORPORA)
def test_corpora_open_by_name_without_reading(name: str, tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"DOCKML_HOME": str(tmp_path), "DOCKML_EASE2022": str(tmp_path / "none")}
    )
    assert open_corpus(name, settings).name == name


def test_an_unknown_corpus_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nothing"):
        open_corpus("nothing", Settings.from_environment({"DOCKML_HOME": str(tmp_path)}))


@pytest.mark.parametrize("name", ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b\n", "a,b/c", "a/b...c"])
def test_what_is_no_partition_key_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="OWNER/NAME"):
        partition_key("sample", name)


def test_partition_keys() -> None:
    assert partition_key("sample", "a.b/c-d_e") == "sample/a.b/c-d_e"
    assert corpus_of("sample/a/b") == "sample"


def test_hashes_of_lists_do_not_collide() -> None:
    lists: list[list[str | bytes]] = [
        [],
        [""],
        ["", ""],
        ["ab"],
        ["a", "b"],
        ["b", "a"],
        ["a\0b"],
        ["\udcff"],
    ]
    assert len({combined_hash(parts) for parts in lists}) == len(lists)
    assert combined_hash(["é"]) == combined_hash(["é".encode()])
