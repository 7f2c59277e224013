"""Frames, criteria and matching of the corpus github: what is read from a file, and decided without asking anybody."""

import re
from pathlib import Path

import pytest

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.corpora.github.frame import Cohort, Criteria, open_frame, presets
from dockml_dagster.corpora.github.matching import control_query, is_about
from dockml_dagster.corpora.github.selection import judge
from dockml_dagster.errors import BadInputError


@pytest.mark.parametrize("name", presets())
def test_presets_are_valid_and_their_searches_fit(name: str) -> None:
    frame = open_frame(name, ())
    for cohort in frame.cohorts:
        for _, text in cohort.searches():
            longest = f"{text} stars:100..100 created:2007-10-01..2026-11-21 pushed:2007-10-01..2026-11-21"
            assert len(longest) <= 256
    assert len(open_frame("ease2022", ()).cohorts[0].keywords) == 23
    assert {cohort.name for cohort in open_frame("control", ()).cohorts} == {"ml", "control"}


WRONG_FRAMES = [
    ("[[cohort]]\n", "has a name"),
    ('[[cohort]]\nname = "x"\n', "either keywords"),
    ('[[cohort]]\nname = "x"\nkeywords = ["a"]\ncolour = "red"\n', "unknown colour"),
    ('[[cohort]]\nname = "x"\nkeywords = "a"\n', "keywords"),
    ('[[cohort]]\nname = "x"\nkeywords = ["a:b"]\n', "no keyword"),
    ('[[cohort]]\nname = "x"\nnames = ["nonsense"]\n', "OWNER/NAME"),
    ('[[cohort]]\nname = "x"\nmatch = "y"\n', "no cohort here"),
    ('[[cohort]]\nname = "x"\nkeywords = ["a"]\n[cohort.criteria]\nminimum_stars = -1\n', "minimum_stars"),
    ('[[cohort]]\nname = "x"\nkeywords = ["a"]\n[cohort.criteria]\nforks = 1\n', "forks"),
    ('extends = "nothing"\n', "extends"),
    ('extends = "modern"\nsearch_days = -1\n', "search_days"),
    ('extends = "modern"\nmetadata_days = true\n', "metadata_days"),
    ("title = \n", "cannot read"),
    ("", "at least one"),
]


@pytest.mark.parametrize(("text", "said"), WRONG_FRAMES)
def test_wrong_frames_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        open_frame(str(path), ())
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="neither a preset"):
        open_frame("no-such-thing", ())


def test_how_old_things_may_become(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text('extends = "ease2022"\nsearch_days = 36500\n')
    frame = open_frame(str(path), ())
    assert (frame.search_days, frame.metadata_days) == (36500, open_frame("ease2022", ()).metadata_days)
    assert frame.cohorts == open_frame("ease2022", ()).cohorts


def test_what_is_unknown_excludes_nobody() -> None:
    criteria = Criteria(minimum_stars=2, minimum_commits=100, forks=False, archived=False)
    assert judge(Repository(1, "a/b"), criteria).reason is None


@pytest.mark.parametrize(
    ("description", "about"),
    [
        ("An AI toolkit", True),
        ("maintain your domains", False),
        ("for ML-models", True),
        ("html and xml", False),
    ],
)
def test_words_are_whole(description: str, about: bool) -> None:
    assert is_about(Repository(1, "a/b", description=description), ["ai", "ml"]) is about


def test_a_control_of_a_project_without_language_or_stars() -> None:
    query = control_query(Repository(1, "a/b"), Cohort("control", match="ml"))
    assert query == "fork:true stars:0..1"
