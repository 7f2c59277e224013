"""``dockml rebuilds`` on small repositories made here."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main
from dockml_dagster.clients import git_history
from dockml_dagster.corpora import history as walk

COMMITS: list[dict[str, str | None]] = [
    {
        "docker/Dockerfile": "FROM b\nCOPY . /app\nRUN pip install numpy\n",
        ".dockerignore": ".git\n",
        "a": "1",
    },
    {"a": "2"},
    {"docker/a": "1"},
    {"docker/Dockerfile": "FROM b\nCOPY . /app\nRUN pip install numpy==2.0\n"},
]


def git(folder: Path, *arguments: str) -> str:
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env={**os.environ, **own}
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "r"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for at, files in enumerate(COMMITS):
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text or "")
        if at == 3:
            (folder / "build.sh").write_text("docker build -f docker/Dockerfile .\n")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "m")
    return folder


def dockml(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rebuilds", *arguments])


def document(*arguments: str) -> dict[str, Any]:
    done = dockml(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_the_figures_of_a_repository(repository: Path) -> None:
    found = document(str(repository), "--commits")
    assert found["commits"] == found["commits_since_first_dockerfile"] == 4
    # The script of the last commit tells the context: the root, so every commit changes what is copied.
    assert found["dockerfiles"] == [
        {"path": "docker/Dockerfile", "context": ".", "context_from": "told", "bases": 1,
         "moving_bases": 1, "rebuilds": 3, "missed": 6,
         "run_missed": 3, "run_avoidable": 2}
    ]  # fmt: skip
    assert (found["commits_rebuilding"], found["commits_rebuilding_by_context"]) == (3, 3)
    assert found["moves"] == []
    assert len(found["history"]) == 4
    last = found["history"][-1]["dockerfiles"][0]
    assert last["event"] == ["changed", "context"]
    assert [(miss["keyword"], miss["causes"]) for miss in last["missed"]] == [
        ("COPY", ["context"]),
        ("RUN", ["text"]),
    ]
    assert found["last_commit"] == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(("rule", "rebuilding"), [("found", 3), ("root", 3), ("folder", 2)])
def test_the_context_decides(repository: Path, rule: str, rebuilding: int) -> None:
    assert document(str(repository), "--context", rule)["commits_rebuilding"] == rebuilding


def test_a_later_walk_tells_the_same_of_the_commits_after(repository: Path) -> None:
    whole = document(str(repository), "--commits")["history"]
    for back in (1, 2, 3):
        since = git(repository, "rev-parse", f"HEAD~{back}")
        later = document(str(repository), "--since", since, "--commits")
        assert later["commits"] == back
        for one in later["history"]:
            for file in one["dockerfiles"]:
                for miss in file["missed"]:
                    miss.pop("built_before")
        for one in whole:
            for file in one["dockerfiles"]:
                for miss in file["missed"]:
                    miss.pop("built_before", None)
        assert later["history"] == whole[-back:]


def test_lines_to_move_are_told(repository: Path) -> None:
    (repository / "a").write_text("3")
    git(repository, "commit", "--quiet", "--all", "--message", "m")
    done = dockml(str(repository))
    assert done.exit_code == 0
    assert "Lines to move" in done.output
    assert "1 of 4" in done.output


def test_after_a_censored_commit_it_goes_on_with_the_tree(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(9):
        (repository / f"docker/f{at}").write_text("1")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "m")
    (repository / "a").write_text("3")
    git(repository, "commit", "--quiet", "--all", "--message", "m")
    full = document(str(repository))

    def small(directory: Path, **given: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(git_history, "MOST_PATHS", 8)
            read = list(git_history.commits(directory, **given))
        yield from read

    monkeypatch.setattr(walk, "commits", small)
    found = document(str(repository))
    assert (found["commits"], found["commits_censored"]) == (full["commits"], 1)
    assert found["commits_rebuilding"] == full["commits_rebuilding"] - 1


def test_bad_input_is_one_line(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    git(repository, "clone", "--quiet", "--depth", "1", f"file://{repository}", str(tmp_path / "s"))
    for arguments, said in (
        ([str(tmp_path / "none")], "no git repository"),
        ([str(tmp_path / "s")], "a shallow clone has no history"),
        ([str(repository), "--since", "0" * 40], "no commit that leads to HEAD"),
    ):
        done = dockml(*arguments)
        assert done.exit_code == 2
        assert said in done.output
        assert done.output.count("\n") == 1


def test_it_ends_when_its_time_is_over(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_SECONDS", -1)
    done = dockml(str(repository))
    assert done.exit_code == 2
    assert "not read within" in done.output
