"""What a study was told of a corpus, and who hears of it."""

from typing import ClassVar

import pytest

from dockml_dagster.corpora import corpus_class, open_corpus, remembered
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings


def remember(settings: Settings, name: str) -> None:
    remembered.remember(settings, name, corpus_class(name))


def recalled(settings: Settings, name: str) -> Settings:
    return remembered.recalled(settings, name, corpus_class(name))


@pytest.fixture
def untold(tmp_path):
    (tmp_path / "home").mkdir()
    return Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})


def test_places_and_images_are_remembered_together(untold):
    remember(untold.replace(local=("/srv/a", "/srv/b"), local_images=True), "local")
    found = recalled(untold, "local")
    assert (found.local, found.local_images) == (("/srv/a", "/srv/b"), True)
    remember(untold.replace(local=("/srv/ü",)), "local")
    found = recalled(untold, "local")
    assert (found.local, found.local_images) == (("/srv/ü",), False), "what was said last counts, as a whole"
    assert recalled(untold.replace(local_images=True), "local").local_images
    assert recalled(untold, "github") == recalled(untold, "sample") == untold


def test_whoever_is_told_something_needs_no_memory(untold):
    remember(untold.replace(local=("/srv/a",), local_images=True), "local")
    remember(untold.replace(github_frame="modern"), "github")
    told = untold.replace(local=("/srv/other",), github_frame="control")
    assert recalled(told, "local") == recalled(told, "github") == told


def test_a_frame_is_remembered_as_it_is_found_from_anywhere(untold, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("a/b\n")
    for told, kept in (("modern", "modern"), ("names.txt", str(tmp_path / "names.txt"))):
        remember(untold.replace(github_frame=told), "github")
        assert recalled(untold, "github").github_frame == kept
    remember(untold.replace(local=("/srv/a",)), "local")
    assert recalled(untold, "github").github_frame, "of each corpus by itself"


@pytest.mark.parametrize(
    "place", ["https://me:secret@git.example.com/a/b.git", "http://token@git.example.com/a"]
)
def test_a_login_is_kept_nowhere(untold, place):
    remember(untold.replace(local=("/srv/a",)), "local")
    remember(untold.replace(local=("/srv/a", place)), "local")
    assert "git.example.com" not in untold.told.read_text()
    assert recalled(untold, "local") == untold, "some of the places would be others"


def test_a_corpus_is_opened_where_it_was_last(untold, tmp_path):
    project = tmp_path / "birds" / "heron"
    project.mkdir(parents=True)
    (project / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(BadInputError, match="needs a place"):
        open_corpus("local", untold).listing()
    remember(untold.replace(local=(str(project),)), "local")
    corpus = open_corpus("local", untold)
    assert isinstance(corpus, Local)
    assert list(corpus.listing().projects) == ["local/birds/heron"]
    remember(untold.replace(github_frame="modern"), "github")
    github = open_corpus("github", untold)
    assert isinstance(github, Github)
    assert github.frame().cohorts


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"local": {}, "github": 1}', '{"local": {"path": 1, "images": 0}}', "\xff"]
)
def test_what_cannot_be_read_is_said_in_one_line(untold, text):
    untold.told.write_bytes(text.encode("latin-1"))
    if text.startswith('{"local": {}'):
        assert recalled(untold, "local") == untold
        with pytest.raises(BadInputError, match="remove it"):
            recalled(untold, "github")
        return
    with pytest.raises(BadInputError, match=r"corpora\.json .* remove it"):
        recalled(untold, "local")


class Elsewhere(Sample):
    """A corpus of somebody else's, which says itself what is to be remembered of it."""

    remembers: ClassVar = {"where": "datasets", "with images": "local_images"}


def test_a_corpus_says_itself_what_is_remembered_of_it(untold):
    told = untold.replace(datasets=("/srv/a",), local_images=True)
    remembered.remember(told, "elsewhere", Elsewhere)
    assert remembered.recalled(untold, "elsewhere", Elsewhere) == told
    assert remembered.recalled(untold, "other", Elsewhere) == untold, "of each corpus by itself"
    assert remembered.recalled(untold, "elsewhere", Sample) == untold
    remembered.remember(untold.replace(local_images=True), "elsewhere", Elsewhere)
    assert "elsewhere" not in untold.told.read_text(), "without a place there is nothing to recall"


def test_a_data_set_is_remembered_by_its_own_name(untold):
    remember(untold.replace(datasets=("/srv/mine.toml",)), "dataset:mine")
    assert recalled(untold, "dataset:mine").datasets == ("/srv/mine.toml",)
    assert recalled(untold, "dataset:other") == untold
