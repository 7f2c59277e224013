"""``dockml plan``: free to ask, right about what is known, open about what is assumed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings

FILES = {"Dockerfile": b"FROM python:3.12\n", "README.md": b"# x\n", "requirements.txt": b"torch\n"}


@pytest.fixture
def home(github, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose GitHub is the stand-in."""
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKML_GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    monkeypatch.delenv("DOCKML_GITHUB_FRAME", raising=False)
    # Undone at the end too, when --frame has set it.
    monkeypatch.setenv("DOCKML_GITHUB_FRAME", "")
    return tmp_path / "home"


@pytest.fixture
def ask(home: Path) -> Callable[..., tuple[dict[str, dict], Result]]:
    """Runs ``dockml plan`` and gives its rows by step."""

    def run(*arguments: str) -> tuple[dict[str, dict], Result]:
        done = CliRunner().invoke(main, ["plan", "--format", "json", *arguments])
        rows = json.loads(done.stdout) if done.exit_code == 0 and done.stdout else []
        return {row["step"]: row for row in rows}, done

    return run


def test_names_before_and_after(github, home: Path, ask, tmp_path: Path) -> None:
    for number in range(60):
        github.add(f"o/r{number}", {**FILES, "own.md": b"%d" % number})
    frame = tmp_path / "names.txt"
    frame.write_text("\n".join(f"o/r{number}" for number in range(60)))
    rows, _ = ask("--frame", str(frame))
    assert github.counted() == 0
    assert (rows["metadata of repositories"]["calls"], rows["metadata of repositories"]["here"]) == (2, 0)
    assert (rows["lists of files"]["calls"], rows["lists of files"]["here"]) == (60, 0)
    assert rows["lists of files"]["remaining"] == 5000
    assert rows["manifests of images"]["calls"] > 0
    hub = rows["pulls, stars and tags on Docker Hub"]
    assert (hub["calls"], hub["counted_by"]) == (2 * 88, "docker hub")

    corpus = Github(replace(Settings.from_environment(), github_frame=str(frame)))
    corpus.visit()
    assert github.counted() == 62
    github.forget()
    rows, done = ask("--frame", str(frame))
    assert (rows["metadata of repositories"]["calls"], rows["lists of files"]["calls"]) == (0, 0)
    assert rows["lists of files"]["here"] == 60
    # Contents by name of content: three are the same in all projects.
    assert rows["contents of files"]["note"] == "63 files"
    assert rows["contents of files"]["calls"] == 1
    assert "assumed" not in done.stderr

    for project in corpus.listing().projects:
        corpus.collect("dockerfiles", project)
    assert github.counted() == 1
    rows, _ = ask("--frame", str(frame))
    assert all(row["calls"] == 0 for row in rows.values())
    assert rows["contents of files"]["here"] == 240


def test_contributors_are_counted_where_they_are_asked_for(
    github, home: Path, ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        github.add(f"o/r{number}", FILES)
    frame = tmp_path / "names.txt"
    frame.write_text("o/r0\no/r1\n")
    rows, _ = ask("--frame", str(frame))
    assert rows["contributors of projects"]["calls"] == 0
    monkeypatch.setenv("DOCKML_GITHUB_CONTRIBUTORS", "1")
    rows, _ = ask("--frame", str(frame))
    assert rows["contributors of projects"]["calls"] == 2
    Github(replace(Settings.from_environment(), github_frame=str(frame))).visit()
    frame.write_text("o/r0\no/r1\no/r2\n")
    rows, _ = ask("--frame", str(frame))
    contributors = rows["contributors of projects"]
    assert (contributors["calls"], contributors["here"]) == (1, 2)


def test_a_preset_that_was_not_searched(github, ask) -> None:
    rows, done = ask("--frame", "ease2022")
    assert github.counted() == 0
    assert 300 < rows["search pages"]["calls"] < 500
    assert rows["lists of files"]["calls"] > 5000
    assert rows["layers of images"]["bytes"] > 1e12
    assert "not searched yet" in done.stderr
    assert "about" in done.stderr.splitlines()[-1]
    controls, _ = ask("--frame", "control")
    assert controls["lists of files"]["calls"] > rows["lists of files"]["calls"]


def test_without_a_token_it_takes_longer(
    github, ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frame = tmp_path / "names.txt"
    frame.write_text("\n".join(f"o/r{number}" for number in range(60)))
    _, with_token = ask("--frame", str(frame))
    monkeypatch.delenv("GITHUB_TOKEN")
    rows, without = ask("--frame", str(frame))
    assert rows["metadata of repositories"]["calls"] == 60
    assert rows["metadata of repositories"]["counted_by"] == "core"
    assert "in one run; images" in with_token.stderr.splitlines()[-1]
    said = without.stderr.splitlines()[-1]
    assert "9 hours in 10 runs an hour apart, or one with --wait" in said
    assert (
        "GITHUB_TOKEN is not set, so 60 calls an hour; with a token, which needs no permission, 5,000" in said
    )


def test_a_server_without_limits_has_no_runs_to_count(github, ask, tmp_path: Path) -> None:
    """GitHub Enterprise Server answers the question about limits with 404."""
    github.budgets.limits = None
    frame = tmp_path / "names.txt"
    frame.write_text("\n".join(f"o/r{number}" for number in range(60)))
    rows, done = ask("--frame", str(frame))
    assert done.exit_code == 0, done.stderr
    assert {row["remaining"] for row in rows.values()} == {None}
    assert "this server has no limits" in done.stderr


def test_a_new_token_pays_for_lists_of_files_again(
    github, home: Path, ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ETag is of one token; what was not modified for another is sent anew, and counted."""
    for number in range(3):
        github.add(f"o/r{number}", FILES)
    frame = tmp_path / "names.txt"
    frame.write_text("o/r0\no/r1\no/r2\n")
    settings = replace(Settings.from_environment(), github_frame=str(frame))
    Github(settings).visit()
    assert ask("--frame", str(frame))[0]["lists of files"]["counted"] == 0
    github.token = "another-token-0123456789"
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    lists = ask("--frame", str(frame))[0]["lists of files"]
    assert (lists["counted"], lists["note"]) == (3, "unchanged ones too, the token is new")
    github.forget()
    Github(replace(settings, github_token=github.token)).visit()
    assert github.counted() == 3
    assert ask("--frame", str(frame))[0]["lists of files"]["counted"] == 0


def test_other_corpora_and_mistakes_are_one_line(github, ask) -> None:
    _, done = ask("--corpus", "sample")
    assert (done.exit_code, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    _, done = ask()
    assert done.exit_code == 2
    assert "preset" in done.stderr
    github.token = "another"
    _, done = ask("--frame", "modern")
    assert done.exit_code == 3
    assert len(done.stderr.splitlines()) == 1
