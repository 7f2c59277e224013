"""Real repositories behind the stand-in: nothing of them breaks a visit, and it costs what it should.

They are not here. DOCKML_LABELLED_REPOSITORIES names a folder with a git repository of each (``owner+name``, bare or not,
itself or one folder below), as for the measurement of links; without it this is skipped.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from dockml_dagster.clients import git
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.corpora.local.places import places
from dockml_dagster.settings import Settings

FOLDER = os.environ.get("DOCKML_LABELLED_REPOSITORIES")
MOST = 40
"""Repositories that are visited, in the order of their names."""


@pytest.mark.skipif(FOLDER is None, reason="DOCKML_LABELLED_REPOSITORIES names no folder of repositories")
def test_they_are_read_and_cost_one_call_each(github, tmp_path: Path, monkeypatch, capsys) -> None:
    # The stand-in asks git itself; the folder may be somebody else's, and a partial clone must not look for the rest.
    for name, value in (("COUNT", "1"), ("KEY_0", "safe.directory"), ("VALUE_0", "*")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    monkeypatch.setenv("GIT_NO_LAZY_FETCH", "1")
    names = []
    for place in places(FOLDER, tmp_path).places:
        folder = place.root.name if "+" in place.root.name else place.root.parent.name
        if "+" in folder and git.head_commit(place.root) is not None and len(names) < MOST:
            names.append(folder.replace("+", "/"))
            github.add_clone(names[-1], place.root)
    settings = Settings.from_environment({
        "DOCKML_HOME": str(tmp_path / "home"), "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
    })  # fmt: skip

    corpus = Github(settings)
    assert corpus.visit(names) == {}
    found = {project: corpus.collect("dockerfiles", project) for project in corpus.listing().projects}
    statuses = Counter(one.status for each in found.values() for one in each.outcomes if one.subject == "")
    assert sum(statuses.values()) == len(names)
    assert statuses.keys() <= {"collected", "not_available"}
    files = sum(len(one.rows["raw.dockerfiles"]) for one in found.values())
    calls = github.counted()
    with capsys.disabled():
        print(f"\n{len(names)} repositories: {calls} counted calls, {files} Dockerfiles")
    single = github.counted(path="/git/blobs/")
    # What GraphQL cannot give exactly (not UTF-8, very long) is one call a file, whatever the number of projects.
    assert calls - single <= 1.1 * len(names) + 1

    github.forget()
    Github(settings).visit()
    assert github.counted() == 0
