"""Every row and outcome of a frame on the stand-in, of two rounds and of names: nothing that is collected changes unseen.

Here: digests, as ``everything_collected.json`` notes them. Not here: what is right; the other files ask for that.
``NOTE=1 pytest`` of this file notes them again.
"""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dockml_dagster.corpora.base import Corpus
from tests.integration.github.visiting import FILES, on_clock
from tests.unit.corpora.test_everything_collected import Noted

NOTED = Path(__file__).with_name("everything_collected.json")
DAY = 86_400.0
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
NOW = 1_780_000_000.0
FRAME = """
title = "a test"
search_days = 3
[[cohort]]
name = "ml"
keywords = ["machine-learning"]
[cohort.criteria]
minimum_stars = 2
minimum_commits = 100
minimum_releases = 1
archived = false
dockerfile = true
[[cohort]]
name = "named"
names = ["o/plain", "o/gone"]
"""


def _cost(corpus: Corpus, *names: str) -> Any:
    """The estimate, without what is left of budgets: that depends on the hour."""
    found = corpus.cost({"birds/egret:1"}, names)
    return [found.assumed, found.runs, [asdict(replace(one, remaining=None)) for one in found.costs]]


def test_everything_collected(github, make_corpus, tmp_path: Path) -> None:
    odd = {
        "Dockerfile": b"FROM scratch\nLABEL a=\xff\n", "link/Dockerfile": ("symlink", "../Dockerfile"),
        "sub": ("submodule", "a" * 40), "lfs/Dockerfile": LFS,
        ".dockerignore": b"*.log\n", "b/.env": b"A=1\n",
    }  # fmt: skip
    found = [
        github.add(
            "o/whole", FILES, topics=["ml", "serving"], language="Python", description="d", homepage="h"
        ),
        github.add("o/odd", odd, language="C"),
        github.add("o/few", FILES, commits=99),
        github.add("o/unreleased", FILES, releases=0),
        github.add("o/old", FILES, archived=True),
        github.add("o/small", FILES, stargazers_count=1),
        github.add("o/bare", {"README.md": b"# x\n"}),
        github.add("o/empty", None),
        github.add("o/leaves", FILES),
    ]
    github.add("o/plain", {"Dockerfile": b"FROM alpine\n"}, fork=True)
    frame = tmp_path / "frame.toml"
    frame.write_text(FRAME)
    host = github.url.removeprefix("http://")
    noted = Noted(FOLDER=str(tmp_path), HOST=host, PLACE=host.replace(":", "-"))
    for days, left in ((0.0, found), (4.0, found[:-1])):
        github.search = lambda query, left=left: {
            "total_count": len(left), "incomplete_results": False, "items": list(left),
        }  # fmt: skip
        corpus = on_clock(make_corpus(frame=str(frame)), github.clock)
        corpus.client.now = lambda days=days: NOW + days * DAY
        noted.note("cost before", _cost(corpus))
        corpus.visit()
        noted.note("cost after", _cost(corpus))
        noted.note("unasked", corpus.unasked())
        listing = corpus.listing()
        noted.listing(listing)
        for project in listing.projects:
            for stage in ("dockerfiles", "manifests"):
                noted.collected(f"{project} {stage}", corpus.collect(stage, project))
        noted.note("cost at the end", _cost(corpus, "o/whole", "o/other"))
        noted.digests = {
            name if name.startswith("day ") else f"day {days:.0f} {name}": one
            for name, one in noted.digests.items()
        }
        github.commit(found[0], {"Dockerfile": b"FROM alpine:3\n", "docs/a.md": b"a"})
    if os.environ.get("NOTE"):
        NOTED.write_text(json.dumps(noted.digests, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    assert noted.digests == json.loads(NOTED.read_text("utf-8"))
