"""``dockml study --corpus local``: two repositories, visited twice; links and change over time in the published file.

Here: the command over the whole graph. What one repository may have wrong with it is in ``tests/unit/corpora``.
"""

import os
import subprocess

import pytest

GIT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def commit(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=GIT)


@pytest.fixture
def home(tmp_path):
    """An empty home: these projects need none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def projects(tmp_path):
    root = tmp_path / "all"
    commit(
        root / "birds" / "egret",
        {
            "Dockerfile": "FROM python:3.11\nRUN pip install x\n",
            "Makefile": "push:\n\tdocker push birds/egret:1\n",
            "README.md": "docker run birds/egret\n",
        },
    )
    commit(root / "birds" / "heron", {"Dockerfile": "FROM debian\n"})
    return root


def test_two_visits(projects, home, plain_study, ask):
    def study(*more):
        done = plain_study(home, "--corpus", "local", "--path", str(projects), "--quiet", *more)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "2 of 2 projects were due" in study()
    links = ask(home, "SELECT project, repository, link_grade, place FROM core.image_links ORDER BY ALL")
    assert links == [("local/birds/egret", "docker.io/birds/egret", "confirmed", "Makefile:2")]
    assert ask(home, "FROM findings.change_over_time") == [], "one visit is no comparison"
    before = ask(home, "SELECT project, linked_at FROM raw.image_link_readings ORDER BY project")
    walks = ask(home, "SELECT project, walked_at FROM core.histories WHERE reason IS NULL ORDER BY project")

    assert "nothing is due" in study()

    commit(projects / "birds" / "heron", {"Dockerfile": "FROM debian:12\n"})
    assert "1 of 2 projects were due" in study()
    after = ask(home, "SELECT project, linked_at FROM raw.image_link_readings ORDER BY project")
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True], (
        "no file that links changed"
    )
    # The second text names the tag of its base: one practice fewer is violated.
    changed = ask(
        home,
        "SELECT metric, n, changed FROM findings.change_over_time WHERE corpus = 'local' AND changed > 0 ORDER BY metric",
    )
    assert changed == [
        ("base_images_shipped", 2, 1),
        ("dockerfiles", 2, 1),
        ("follows_base_image_pinned", 2, 1),
        ("follows_no_latest", 2, 1),
        ("practices_violated_a_dockerfile", 2, 1),
    ]
    assert ask(home, "SELECT count(*) FROM raw.dockerfiles WHERE project = 'local/birds/heron'") == [(2,)]
    # The history of the one goes on, that of the other stays; no instruction stands on the base, so nothing is built again.
    walked = ask(home, "SELECT project, walked_at FROM core.histories WHERE reason IS NULL ORDER BY project")
    assert [old == new for old, new in zip(walks, walked, strict=True)] == [True, False]
    of_all = "figure = 'rebuilds' AND period = 'all' AND category = 'All'"
    assert ask(home, f"SELECT counted, n, clusters FROM findings.rebuilds WHERE {of_all}") == [(0, 3, 2)]
    of_heron = "project = 'local/birds/heron' ORDER BY position"
    bases = f"SELECT event, bases, bases_before FROM core.change_in_history WHERE {of_heron}"
    assert ask(home, bases) == [("added", ["debian"], None), ("changed", ["debian:12"], ["debian"])]


def test_a_path_for_another_corpus_is_one_line(home, dockml, projects):
    done = dockml(home, "study", "--corpus", "sample", "--path", str(projects))
    assert done.returncode == 2
    assert "--corpus local" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_path_is_one_line(home, dockml):
    done = dockml(home, "study", "--corpus", "local")
    assert done.returncode == 2
    assert "--path" in done.stderr
    assert "Traceback" not in done.stderr
