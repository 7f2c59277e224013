"""``dockml study --corpus dataset:NAME``: shards are partitions, projects are rows, and a second run does what changed.

Here: the command over the whole graph. The forms of a set are in ``tests/unit/corpora/dataset``.
"""

import dagster as dg
import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.commands.study.runner import Runner
from dockml_dagster.corpora.dataset import store
from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings
from tests.integration import plain_findings


@pytest.fixture
def place(tmp_path):
    made = tmp_path / "set"
    for at in range(5):
        (made / f"o{at}" / "p").mkdir(parents=True)
        (made / f"o{at}" / "p" / "Dockerfile").write_text(
            f"FROM python:3.{at}\nRUN pip install torch\nUSER u{at}\n"
        )
    (made / "dataset.toml").write_text('name = "mine"\nplace = "."\nproject = "{1}/{2}"\n')
    return made


def test_a_set_is_a_corpus(place, home, monkeypatch):
    monkeypatch.setattr(Runner, "make_findings", lambda _: plain_findings.make())
    monkeypatch.setattr(store, "SHARD", 2)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments):
        done = CliRunner().invoke(main, [*arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done

    first = run("study", "--corpus", "dataset:mine", "--path", str(place), "--quiet")
    assert "3 of 3 shards were due" in first.stderr
    assert "nothing is due (3 shards" in run("study", "--corpus", "dataset:mine", "--quiet").stderr

    def ask(statement):
        return run("sql", statement, "--format", "csv").stdout.split()[1:]

    assert ask("SELECT project FROM core.projects ORDER BY 1") == [f"dataset:mine/o{at}/p" for at in range(5)]
    practices = "SELECT DISTINCT n, clusters FROM findings.rq3_practices WHERE category = 'All' AND n > 0"
    assert ask(practices) == ["5,5"]
    assert ask("SELECT count(*) FROM core.dockerfiles WHERE valid AND corpus = 'dataset:mine'") == ["5"]
    assert ask("SELECT DISTINCT n FROM findings.coverage WHERE corpus = 'dataset:mine'") == ["3"]
    shown = run("show", "rq3_base_image_types", "--corpus", "dataset:mine", "--format", "csv").stdout
    assert "dataset:mine" in shown
    assert "dataset:mine" in run("status", "--corpus", "dataset:mine").stdout
    assert "5 projects in 3 shards" in run("status", "--corpus", "dataset:mine").stdout

    (place / "o4" / "p" / "Dockerfile").write_text("FROM debian\n")
    assert "1 of 3 shards were due" in run("study", "--corpus", "dataset:mine", "--quiet").stderr
    assert ask("SELECT sum(instructions) FROM core.dockerfiles") == ["13"]

    prepare(Settings.from_environment())
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("project") == [f"dataset:mine/0000{at}" for at in range(3)]
