"""One study looks at its source once: all steps in its process use the corpus that the command opened."""

from pathlib import Path

import pytest

from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.defs.resources import CorporaResource, in_use
from dockml_dagster.settings import Settings


def test_steps_use_the_opened_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "Dockerfile").write_text("FROM python:3.12\n")
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKML_LOCAL", str(tmp_path / "one"))
    corpus = Local(Settings.from_environment())
    with in_use(corpus):
        assert CorporaResource().corpus("local") is corpus
    assert CorporaResource().corpus("local") is not corpus
