"""A changed reader makes its own results due and nothing else, out of what is stored: no corpus and no network is asked."""

import pytest

from dockml_dagster.commands.study.bring_up_to_date import bring_up_to_date
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import versions


@pytest.fixture
def changed_reader(monkeypatch):
    """Another version of the Dockerfile reader, in every module that knows it."""
    for function in (
        versions.reader_version,
        versions.labeller_version,
        versions.build_version,
    ):
        function.cache_clear()
    monkeypatch.setattr("dockml_dagster.study.readings.READER_VERSION", "changed")
    yield
    monkeypatch.undo()
    for function in (
        versions.reader_version,
        versions.labeller_version,
        versions.build_version,
    ):
        function.cache_clear()


def test_only_its_results_are_made_again(studied, ask, raw_state, monkeypatch, changed_reader):
    def refused(*_):
        pytest.fail("the corpus was asked")

    monkeypatch.setattr(Sample, "collect", refused)
    monkeypatch.setattr(Sample, "listing", refused)
    before = raw_state(studied)
    texts = ask(studied, "SELECT count(DISTINCT sha256) FROM raw.dockerfiles")

    said = bring_up_to_date(Settings.from_environment(), "sample", listener=lambda *_: None)

    assert "0 of 14 projects were due" in said
    versions = (
        "SELECT count(DISTINCT sha256) FROM raw.dockerfile_readings WHERE reader_version LIKE 'changed-%'"
    )
    assert ask(studied, versions) == texts
    after = raw_state(studied)
    touched = {name for name in before if before[name] != after[name]}
    assert "raw.dockerfile_readings" in touched
    assert not touched & {
        "raw.candidates", "raw.projects", "raw.repository_files", "raw.dockerfiles", "raw.image_references", "raw.manifests",
        "raw.layers", "raw.labels", "raw.inputs", "raw.listings", "raw.outcomes", "raw.reported",
    }  # fmt: skip
    assert "nothing is due" in bring_up_to_date(
        Settings.from_environment(), "sample", listener=lambda *_: None
    )
