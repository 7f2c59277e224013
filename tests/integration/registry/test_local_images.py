"""``dockml study --corpus local --images`` against a real registry, with the requests that the registry counted."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.settings import Settings

MISSING = [
    program for program in ("docker-registry", "skopeo", "umoci", "git") if shutil.which(program) is None
]
if MISSING:
    packages = "docker-registry skopeo umoci git"
    pytest.skip(f"needs {', '.join(MISSING)}: apt-get install {packages}", allow_module_level=True)

GIT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
WORKFLOW = """\
on: push
env:
  REGISTRY: {host}
jobs:
  image:
    runs-on: self-hosted
    steps:
      - uses: docker/build-push-action@v6
        with:
          push: true
          tags: ${{{{ env.REGISTRY }}}}/birds/egret:1
"""
COMPOSE = """\
services:
  web:
    build: .
    image: {host}/birds/heron:stable
"""


def commit(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=GIT)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: these projects need none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def projects(tmp_path: Path, open_registry) -> Path:
    """One that pushes from its workflow, one that builds under a name in Compose, one with no image."""
    host = f"localhost:{open_registry.port}"
    root = tmp_path / "all" / "birds"
    dockerfile = {"Dockerfile": "FROM scratch\nCOPY a /a\n"}
    commit(root / "egret", {**dockerfile, ".github/workflows/image.yml": WORKFLOW.format(host=host)})
    commit(root / "heron", {**dockerfile, "compose.yaml": COMPOSE.format(host=host)})
    commit(root / "stork", dockerfile)
    return root.parent


@pytest.fixture
def study(projects, home, plain_study, open_registry, tmp_path: Path) -> Callable[[], str]:
    """Runs the command with ``--images`` and gives what it said of the work."""

    def run() -> str:
        done = plain_study(
            home, "--corpus", "local", "--path", str(projects), "--quiet", "--images",
            DOCKML_REGISTRIES=f"http://localhost:{open_registry.port}", DOCKER_CONFIG=str(tmp_path / "none"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


@pytest.fixture
def asked(open_registry) -> Callable[[], list[str]]:
    """What the registry was asked for manifests, blobs and tags since the last time, methods and last parts of paths."""
    seen = len(open_registry.requests())

    def since() -> list[str]:
        nonlocal seen
        lines = open_registry.requests()
        new, seen = lines[seen:], len(lines)
        return [
            f"{line.split()[0]} {line.split()[1].removeprefix('/v2/').partition('@')[0]}"
            for line in new
            if line.split()[1] != "/v2/"
        ]

    return since


@pytest.fixture
def pushed_images(images, open_registry) -> None:
    open_registry.push(images.by_umoci("egret-one"), "1", repository="birds/egret")
    open_registry.push(images.index("heron"), "stable", "--all", repository="birds/heron")


def test_without_being_asked_to_nothing_leaves_the_machine(projects, home, open_registry, asked) -> None:
    environment = {
        "DOCKML_HOME": str(home),
        "DOCKML_LOCAL": str(projects),
        "DOCKML_REGISTRIES": f"http://localhost:{open_registry.port}",
    }
    corpus = Local(Settings.from_environment(environment))
    assert not corpus.fingerprint_asks_network
    listing = corpus.listing()
    outcomes = [outcome for key in listing.projects for outcome in corpus.collect("manifests", key).outcomes]
    host = f"localhost:{open_registry.port}"
    assert {one.subject for one in outcomes if one.status == "not_selected" and one.subject} == {
        f"{host}/birds/egret:1",
        f"{host}/birds/heron:stable",
    }
    assert asked() == []


@pytest.mark.usefixtures("pushed_images")
def test_an_unchanged_image_costs_a_head_and_a_moved_tag_is_noticed(
    study, asked, home, ask, images, open_registry
) -> None:
    asked()
    assert "3 of 3 projects were due" in study()
    first = asked()
    assert [line for line in first if line.startswith("HEAD")] == [
        "HEAD birds/egret/manifests/1", "HEAD birds/heron/manifests/stable",
    ]  # fmt: skip
    assert sum("/manifests/" in line for line in first if line.startswith("GET")) == 1 + 3
    grades = ask(
        home,
        "SELECT project, split_part(repository, '/', 3), link_grade FROM core.image_links "
        "WHERE named_by_source ORDER BY ALL",
    )
    assert grades == [("local/birds/egret", "egret", "confirmed"), ("local/birds/heron", "heron", "likely")]
    scanned = "SELECT project, count(DISTINCT layer_digest) FROM raw.layers GROUP BY project ORDER BY project"
    assert ask(home, scanned) == [("local/birds/egret", 3), ("local/birds/heron", 5)]
    config = "SELECT config_digest, user_name FROM staging.image_configs WHERE reference LIKE '%egret%'"
    (before,) = ask(home, config)
    assert before[1] == "app"

    assert "nothing is due" in study()
    assert asked() == ["HEAD birds/egret/manifests/1", "HEAD birds/heron/manifests/stable"]

    # The tag moves; the files of the project do not.
    open_registry.push(images.by_umoci("egret-two"), "1", repository="birds/egret")
    asked()
    assert "1 of 3 projects were due" in study()
    later = asked()
    assert [line for line in later if line.startswith("HEAD")] == [
        "HEAD birds/egret/manifests/1", "HEAD birds/heron/manifests/stable",
    ]  # fmt: skip
    assert sum("/manifests/" in line for line in later if line.startswith("GET")) == 1
    assert not any("heron" in line for line in later if line.startswith("GET"))
    (after,) = ask(home, config)
    assert after != before
    changed = ask(
        home,
        "SELECT n, changed FROM findings.change_over_time WHERE corpus = 'local' AND metric = 'images_behind_a_reference'",
    )
    assert changed == [(2, 1)]
