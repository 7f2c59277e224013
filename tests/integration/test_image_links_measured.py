"""How good the links are: precision of each grade and recall of all, over repositories that were labelled by hand.

The labels are beside the rules' tests; the repositories are not here. DOCKML_LABELLED_REPOSITORIES names a folder with a git
repository of each (``owner+name``, bare or not, itself or one folder below); without it nothing is measured.
"""

import os
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from dockml_dagster.clients import git
from dockml_dagster.corpora.files import file_rows
from dockml_dagster.corpora.local import trees
from dockml_dagster.corpora.local.places import places
from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.image_links.grading import strongest

LABELS = Path(__file__).parents[1] / "unit" / "study" / "image_links" / "labelled.toml"
FOLDER = os.environ.get("DOCKML_LABELLED_REPOSITORIES")
LEAST = {"develop": 20, "measure": 20, "mended": 10, "fresh": 10, "mended 2": 25, "fresh 2": 30}
"""Repositories of each part without which its figures would say little."""
PROJECTS = tomllib.loads(LABELS.read_text(encoding="utf-8"))["project"]


def test_at_least_forty_are_labelled_and_each_place_is_a_fact():
    assert len(PROJECTS) >= 40
    for project in PROJECTS:
        assert len(project["commit"]) == 40
        assert project["half"] in LEAST
        for image in project["images"]:
            assert image["line"] > 0
            assert image["repository"] == image["repository"].lower()


def _texts(root):
    tree = trees.head_tree(root)
    with trees.head_reader(root) as read:
        rows = file_rows(tree.files, read).repository_files
    return {
        row["path"]: row["content"].decode("utf-8", "replace") for row in rows if row["content"] is not None
    }


def _is_unsettled(project, repository):
    return any(
        repository == pattern or (pattern.endswith("*") and repository.startswith(pattern[:-1]))
        for pattern in project.get("unsettled", ())
    )


@pytest.mark.skipif(FOLDER is None, reason="DOCKML_LABELLED_REPOSITORIES names no folder of repositories")
@pytest.mark.parametrize("half", LEAST)
def test_precision_and_recall(half, tmp_path, capsys):
    roots = {}
    for place in places(FOLDER, tmp_path).places:
        name = place.root.name if "+" in place.root.name else place.root.parent.name
        roots[name.replace("+", "/")] = place.root
    right, wrong = defaultdict(int), defaultdict(list)
    found = wanted = measured = 0
    missed = []
    for project in PROJECTS:
        root = roots.get(project["name"])
        if project["half"] != half or root is None or git.head_commit(root) != project["commit"]:
            continue
        measured += 1
        own = {image["repository"] for image in project["images"]}
        best = strongest(find_links(project["name"], _texts(root)))
        for repository, grade in best.items():
            if repository in own:
                right[grade] += 1
            elif not _is_unsettled(project, repository):
                wrong[grade].append(f"{project['name']}: {repository}")
        found += len(own & best.keys())
        wanted += len(own)
        missed += [f"{project['name']}: {repository}" for repository in sorted(own - best.keys())]
    assert measured >= LEAST[half], f"only {measured} labelled repositories of this half are in {FOLDER}"
    with capsys.disabled():
        print(
            f"\n{half}: {measured} repositories, {wanted} images; recall {found}/{wanted} = {found / wanted:.3f}"
        )
        for grade in ("confirmed", "likely", "possible"):
            total = right[grade] + len(wrong[grade])
            print(
                f"  {grade}: precision {right[grade]}/{total} = {right[grade] / max(total, 1):.3f}; {wrong[grade]}"
            )
        print(f"  missed: {missed}")
    assert right["confirmed"] / (right["confirmed"] + len(wrong["confirmed"])) >= 0.95
    assert found / wanted >= 0.8
