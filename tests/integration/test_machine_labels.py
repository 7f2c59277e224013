"""The asset ``machine_labels`` on the sample: what is due, what is stored, and that the same input gives the same labels."""

import dagster as dg
import pytest

from dockml_dagster.commands.labels import training
from dockml_dagster.defs.assets import machine_labels as module
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.label_model import label_model_version, own_weights

STORED = (
    "SELECT * EXCLUDE (labelled_at, labeller_version) FROM raw.machine_labels ORDER BY ALL",
    "SELECT * FROM raw.machine_label_evidence ORDER BY ALL",
)


@pytest.fixture
def label(studied):
    """``label()``: run the asset on the home; how many projects it labelled."""
    path = next(found for found in studied.rglob("*.duckdb") if "published" not in found.parts)

    def run():
        result = dg.materialize(
            [*module.machine_label_definitions().assets],
            instance=dg.DagsterInstance.ephemeral(),
            resources={"warehouse": WarehouseResource(database=str(path))},
        )
        (done,) = result.asset_materializations_for_node("machine_labels")
        return done.metadata["projects labelled"].value

    run.warehouse = Warehouse(path)
    return run


def test_nothing_is_due_after_a_study_and_a_changed_rule_labels_all_again_alike(
    label, studied, ask, monkeypatch
):
    before = [ask(studied, statement) for statement in STORED]
    assert label() == 0
    monkeypatch.setattr(module, "version_of", lambda *_: "another")
    assert label() == 14
    assert [ask(studied, statement) for statement in STORED] == before
    assert ask(studied, "SELECT DISTINCT labeller_version FROM raw.machine_labels") == [("another",)]


def test_a_changed_description_labels_that_project_again(label, studied, ask):
    project = "sample/larch-tools/autobough"
    with label.warehouse.write() as connection:
        connection.execute("UPDATE raw.projects SET description = 'nothing' WHERE project = ?", [project])
    assert label() == 1
    assert label() == 0


def test_every_project_has_a_category_and_every_label_its_evidence(studied, ask):
    codes = ask(
        studied,
        "SELECT count(*), count(DISTINCT project) FROM raw.machine_labels WHERE code_system = 'category'",
    )
    assert codes == [(14, 14)]
    bare = ask(
        studied,
        "SELECT unit, code FROM raw.machine_labels AS label WHERE code NOT IN ('none', 'cannot tell') AND NOT EXISTS ("
        "SELECT 1 FROM raw.machine_label_evidence AS shown WHERE shown.unit = label.unit AND shown.code = label.code "
        "AND shown.code_system = label.code_system)",
    )
    assert bare == []
    lines = ask(
        studied,
        "SELECT count(*) FROM raw.machine_label_evidence WHERE line < 1 OR (line IS NOT NULL AND file IS NULL)",
    )
    assert lines == [(0,)]


def test_a_dockerfile_bears_no_purpose_that_its_project_lacks(studied, ask):
    assert (
        ask(
            studied,
            "SELECT unit FROM raw.machine_labels AS part WHERE unit_kind = 'dockerfile' AND code <> 'none' AND NOT EXISTS ("
            "SELECT 1 FROM raw.machine_labels AS whole WHERE whole.unit = part.project AND whole.code = part.code)",
        )
        == []
    )


def test_weights_of_a_homes_own_label_all_again_until_they_are_gone(label, studied, ask, monkeypatch):
    monkeypatch.setenv("DOCKML_HOME", str(studied))
    settings = Settings.from_environment()
    with pytest.raises(BadInputError, match="training needs 30"):
        training.train(settings, "sample", seed=0, keep=True)
    assert (label(), label_model_version(settings)) == (0, "shipped")
    monkeypatch.setattr(training, "LEAST", 10)
    done = training.train(settings, "sample", seed=0, keep=True)
    assert (done.projects, done.kept) == (14, own_weights(settings))
    assert label_model_version(settings) != "shipped"
    assert (label(), label()) == (14, 0)
    own_weights(settings).unlink()
    assert label() == 14
