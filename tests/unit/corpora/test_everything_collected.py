"""Every row and outcome of small made-up sources: nothing that a corpus collects changes unseen.

Here: a digest of each table and of the outcomes, by project and stage, as ``everything_collected.json`` notes them. A test
of a corpus asks for what it is about; this asks for all the rest. Not here: what is right. After a change that is meant:
``python -m tests.unit.corpora.test_everything_collected`` notes the digests again; ``SHOWN=1`` before it prints the rows.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.corpora.base import STAGES, Collected, Corpus, Listing
from dockml_dagster.corpora.ease2022.corpus import Ease2022
from dockml_dagster.corpora.local import corpus as local_corpus
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.settings import Settings
from tests.stand_ins import FakeRegistry, StandIn
from tests.unit.corpora.conftest import files as package_files
from tests.unit.study.layer.conftest import archive_of

NOTED = Path(__file__).with_name("everything_collected.json")
Digests = dict[str, str]


class Noted:
    """Digests of rows and outcomes, with what differs from run to run (places, ports) written as its name."""

    def __init__(self, **places: str) -> None:
        self._places = places
        self.digests: Digests = {}

    def listing(self, listing: Listing) -> None:
        """What a listing says."""
        self.note("projects", listing.projects)
        self.note("inputs", listing.inputs)
        for kind in ("rows", "labels"):
            for table, rows in getattr(listing, kind).items():
                self.note(f"{kind} {table}", rows)
        self.note("outcomes", [asdict(one) for one in listing.outcomes])
        self.note("rest", [listing.source, listing.as_of, listing.is_complete])

    def collected(self, name: str, found: Collected) -> None:
        """What a stage of a project gave."""
        for table, rows in found.rows.items():
            self.note(f"{name} {table}", rows)
        self.note(f"{name} outcomes", [asdict(one) for one in found.outcomes])

    def note(self, name: str, value: Any) -> None:
        """Anything else."""
        text = json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=True)
        for word, place in self._places.items():
            text = text.replace(place, word)
        # Directories are known by the times of their files and by where they are.
        text = re.sub(r"\((package|\d+ projects), [0-9a-f]{12}\)", r"(\1)", text)
        if os.environ.get("SHOWN"):
            print(name, text, file=sys.stderr)
        self.digests[name] = hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def _all_of(corpus: Corpus, noted: Noted, stages: tuple[Any, ...] = STAGES) -> Digests:
    listing = corpus.listing()
    noted.listing(listing)
    for project in listing.projects:
        for stage in stages:
            noted.collected(f"{project} {stage}", corpus.collect(stage, project))
    return noted.digests


CONFIGS = (
    "Image,RepoTag,config_digest,config_size,architecture,os,created,config_User,config_env_count,Env,Cmd,Entrypoint,Volumes,"
    "WorkingDir,rootfs_layers_count,rootfs_layers\n"
    "ann/one,1,sha256:c1,50,amd64,linux,2021-05-06T07:08:09Z,app,2,\"['PATH=/bin', 'X=a=b']\",\"['run', '-v']\",['sh'],/a/b,"
    "/app,d1/d2,2\n"
    "ann/one,1,sha256:c9,x,,,nonsense,,3,,,,,,,\n"
    "ann/base,2,sha256:c2,60,arm64,linux,,,0,[],not a list,,,,d1,1\n"
)
HISTORY = (
    "Image,RepoTag,config_digest,created,created_by,empty_layer,comments\n"
    "ann/one,1,sha256:c1,2021-05-06T07:08:09Z,ADD file,,\n"
    "ann/one,1,sha256:c9,2021-05-06T07:08:09Z,ADD other,False,said\n"
    "ann/one,1,sha256:c1,,CMD x,True,\n"
    "ann/base,2,sha256:c2,2021-05-06T07:08:10Z,RUN y,,b\n"
    "ann/one,1,sha256:c1,2021-05-06T07:08:11Z,RUN z,,\n"
)
TYPES = (
    "Image,RepoTag,layer_digest,total_files,total_directory,total_empty_dirs,max_level,file_type,file_type_counts,avg_size,"
    "max_size,min_size,avg_level\n"
    "ann/one,1,l1,9,4,0,3,py,5,10.5,20,1,2.5\n"
    "ann/one,1,l1,9,4,0,5,so,4,99,100,98,4\n"
    "ann/one,1,l2,0,1,1,0,,0,,,,\n"
    "ann/base,2,l1,9,4,0,3,py,5,10.5,20,1,2.5\n"
    "ann/base,2,l1,9,4,0,7,.PY,1,3,3,3,7\n"
    "zed/free,1,l9,2,1,0,1,txt,2,x,8,nan,1\n"
)


def ease2022_exports(folder: Path) -> Digests:
    """The package with longer exports, some of whose cells are empty or no numbers."""
    layers = "raw-data/DockerImage/layers/"
    more = {
        f"{layers}Manifest_Config_info.csv": CONFIGS.encode(),
        f"{layers}Manifest_History.csv": HISTORY.encode(),
        f"{layers}Image_layers_info_summary.csv": TYPES.encode(),
    }
    return ease2022(folder, more)


def ease2022(folder: Path, more: Mapping[str, bytes] = {}) -> Digests:
    """The synthetic package."""
    root = folder / "package"
    for name, data in {**package_files(), **more}.items():
        path = root / "Datasets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return _all_of(Ease2022(root, folder / "cache"), Noted(FOLDER=str(folder)))


def sample(folder: Path) -> Digests:
    """The sample without its images, which are as large as the wheels that are installed."""
    settings = Settings.from_environment({"DOCKML_HOME": str(folder / "home")})
    noted = Noted(FOLDER=str(folder))
    corpus = Sample.of(settings)
    listing = corpus.listing()
    for table, rows in listing.rows.items():
        noted.collected("listing", Collected({table: rows}))
    for project in listing.projects:
        noted.collected(project, corpus.collect("dockerfiles", project))
    return noted.digests


FILES = {
    "Dockerfile": "FROM python:3.12\nRUN pip install torch\n",
    "docker/gpu.Dockerfile": "FROM nvidia/cuda:12.4.0-base\n",
    "README.md": "# A tool\n\nServe a model with it.\n",
    "docker-compose.yml": "services:\n  a:\n    image: birds/egret:1\n    privileged: true\n",
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    steps:\n      - run: docker push birds/heron\n",
    "requirements.txt": "torch\nflask==2\n",
    ".dockerignore": "*.log\n",
    "src/train.py": "import torch\n",
}
OWN = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x.example", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@x.example",
    "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


def _git(folder: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env={**environment, **OWN}
    )


def _registry() -> FakeRegistry:
    """Two images that share a layer, and one of two platforms."""
    fake = FakeRegistry()
    base = archive_of(
        [("etc/", None), ("etc/os-release", "ID=debian\n"), ("usr/lib/libc.so", "\x7fELF" + "c" * 3000)]
    )
    app = archive_of(
        [
            ("app/main.py", "import torch\n" * 9),
            ("app/.wh.old", ""),
            ("app/data.bin", "d" * 5000),
            ("root/id", "-> /etc"),
        ]
    )
    again = archive_of(
        [("app/main.py", "changed\n"), ("copy/libc.so", "\x7fELF" + "c" * 3000), ("app/.env", "A=1\n")]
    )
    run = {"Env": ["PATH=/bin", "TOKEN=x"], "User": "app", "Labels": {"org.opencontainers.image.source": "s"}}
    steps = [
        {"created_by": "ADD rootfs.tar /"},
        {"created_by": "ENV A=b", "empty_layer": True},
        {"created_by": "COPY . /app"},
    ]
    fake.image(
        "birds/egret", "1", layers=(base, app), config=run, history=steps, created="2024-05-01T10:00:00Z"
    )
    fake.image("birds/heron", "latest", layers=(base, app, again), config={**run, "User": ""}, history=steps)
    return fake


def local(folder: Path) -> Digests:
    """A work tree with changes, its bare clone, a directory without git, and images in a registry."""
    server = StandIn(_registry())
    try:
        root = folder / "all" / "birds"
        for name in ("egret", "heron"):
            for path, text in FILES.items():
                target = root / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        tree = root / "egret"
        _git(tree, "init", "-q", "-b", "main")
        _git(tree, "add", "-A")
        _git(tree, "commit", "-q", "-m", "one")
        _git(tree, "remote", "add", "origin", "https://github.com/birds/egret.git")
        (tree / "later.Dockerfile").write_text("FROM scratch\n")
        (tree / "link").symlink_to("Dockerfile")
        (tree / "binary.dockerfile").write_bytes(b"FROM \xff\n")
        (root / "heron" / "Dockerfile").write_text("FROM alpine\nUSER app\n")
        environment = {
            "DOCKML_HOME": str(folder / "home"), "DOCKML_LOCAL": f"{tree};{root / 'heron'}", "DOCKML_LOCAL_IMAGES": "1",
            "DOCKML_REGISTRIES": f"docker.io={server.url}", "DOCKER_CONFIG": str(folder / "none"),
        }  # fmt: skip
        local_corpus._asked.clear()
        corpus = Local(Settings.from_environment(environment))
        return _all_of(corpus, Noted(FOLDER=str(folder), HOST=server.host))
    finally:
        local_corpus._asked.clear()
        server.stop()


SUBJECTS = {one.__name__: one for one in (ease2022, ease2022_exports, sample, local)}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_everything_collected(subject: str, tmp_path: Path) -> None:
    assert SUBJECTS[subject](tmp_path) == json.loads(NOTED.read_text("utf-8"))[subject]


def _noted() -> Iterator[tuple[str, Digests]]:
    for name, subject in SUBJECTS.items():
        with tempfile.TemporaryDirectory() as folder:
            yield name, subject(Path(folder))


if __name__ == "__main__":
    NOTED.write_text(json.dumps(dict(_noted()), indent=0, sort_keys=True) + "\n", encoding="utf-8")
