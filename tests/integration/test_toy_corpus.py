"""A corpus that this repository does not have: a class, its line in ``CORPORA``, and everything else is there.

Here: the way through the commands, the graph and the findings. Not here: what a corpus hands over (``unit/corpora``).
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from dockml_dagster import corpora
from dockml_dagster.cli import main
from dockml_dagster.corpora import CORPORA
from dockml_dagster.corpora.base import STAGES, Collected, Corpus, Listing, Outcome, Stage
from dockml_dagster.corpora.files import FoundFile, file_rows
from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings

TEXTS = {
    "toy/x/one": b"FROM python:3.11\nRUN pip install torch\n",
    "toy/x/two": b"FROM scratch\nCOPY . /\n",
}


class Toy(Corpus):
    """Two projects, each a Dockerfile, no images."""

    name = "toy"
    method_version = "1"
    description = "two Dockerfiles"
    partition_unit = "toy"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls()

    def fingerprint(self) -> str:
        return hashlib.sha256(b"".join(TEXTS.values())).hexdigest()

    def listing(self) -> Listing:
        hashes = {project: hashlib.sha256(text).hexdigest() for project, text in TEXTS.items()}
        rows = [
            {
                "project": project, "corpus": "toy", "owner": "x", "name": project.removeprefix("toy/"),
                "position": position, "source": "toys",
            }
            for position, project in enumerate(TEXTS, start=1)
        ]  # fmt: skip
        return Listing(
            "toys", list(TEXTS), dict.fromkeys(STAGES, hashes),
            {"raw.projects": rows}, {}, as_of=datetime(2020, 1, 1),
        )  # fmt: skip

    def collect(self, stage: Stage, project: str) -> Collected:
        if stage != "dockerfiles":
            return Collected({}, [Outcome(stage, "", "not_available", "toys have no images")])
        text = TEXTS[project]
        found = file_rows(
            [FoundFile("Dockerfile", len(text), hashlib.sha256(text).hexdigest(), "Dockerfile")],
            {"Dockerfile": text}.get,
        )
        stamp = {"project": project, "corpus": "toy", "source": "toys"}
        return Collected(
            {"raw.dockerfiles": [{**row, **stamp} for row in found.dockerfiles]},
            [found.whole],
        )


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setitem(CORPORA, "toy", f"{Toy.__module__}:Toy")
    # Whatever opens a corpus finds this class and not the module imported anew.
    others = corpora.corpus_class
    monkeypatch.setattr(corpora, "corpus_class", lambda name: Toy if name == "toy" else others(name))
    return lambda *arguments: CliRunner().invoke(main, [*arguments], catch_exceptions=False)


def test_a_class_and_a_line_are_a_corpus(run: Callable[..., Result]) -> None:
    first = run("study", "--corpus", "toy", "--quiet")
    assert (first.exit_code, "2 of 2 toys were due" in first.stderr) == (0, True), first.output
    assert "nothing is due (2 toys" in run("study", "--corpus", "toy", "--quiet").stderr

    known = run("sql", "SELECT name FROM core.projects WHERE corpus = 'toy' ORDER BY 1", "--format", "csv")
    assert known.stdout.split() == ["name", "x/one", "x/two"]
    shown = run("show", "rq3_base_image_types", "--corpus", "toy", "--format", "csv").stdout
    assert "Language runtime" in shown or "language" in shown.lower(), shown

    status = run("status", "--corpus", "toy")
    assert (status.exit_code, "toy" in status.stdout) == (0, True), status.output
    assert "asks no service" in run("plan", "--corpus", "toy").stderr

    refused = run("study", "--corpus", "toy", "--path", ".")
    assert (refused.exit_code, "--path is of the corpus local or dataset, not toy" in refused.stderr) == (
        2,
        True,
    )

    prepare(Settings.from_environment())
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("project") == list(TEXTS)


def test_what_there_is_no_corpus_of_is_said_with_those_there_are(run: Callable[..., Result]) -> None:
    wrong = run("study", "--corpus", "toys")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert all(name in wrong.stderr for name in CORPORA), wrong.stderr
