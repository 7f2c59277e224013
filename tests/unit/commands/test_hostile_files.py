"""Links, pipes and devices among the files that `read-dockerfile` and `advise` are pointed at."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main

SECRET = "HUNTER2 is the first word of a line\n"


def run(*arguments: object):
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A stranger's checkout beside a file of ours."""
    (tmp_path / "token.txt").write_text(SECRET)
    folder = tmp_path / "checkout"
    (folder / "docker").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM python:3.11\n")
    (folder / "docker/Dockerfile").write_text("FROM python:3.12\n")
    return folder


@pytest.mark.parametrize("target", ["../token.txt", "/etc/hostname", "docker/../../token.txt"])
def test_a_link_out_of_a_directory_is_not_read(checkout: Path, target: str) -> None:
    (checkout / "Dockerfile.x").symlink_to(target)
    for arguments in (
        ("advise", checkout, "--format", "sarif"),
        ("read-dockerfile", checkout / "Dockerfile.x"),
    ):
        result = run(*arguments)
        assert "leads elsewhere" in result.output
        assert "HUNTER2" not in result.output


def test_a_link_within_the_directory_is_read(checkout: Path) -> None:
    (checkout / "gpu.Dockerfile").symlink_to("docker/Dockerfile")
    assert run("advise", checkout).exit_code == 0
    assert "leads elsewhere" not in run("advise", checkout).output
    assert run("read-dockerfile", checkout / "gpu.Dockerfile").exit_code == 0
    above = checkout / "docker/above.Dockerfile"
    above.symlink_to("../Dockerfile")
    assert run("read-dockerfile", above).exit_code == 2  # its folder is all that is known to belong together
    (checkout / ".git").mkdir()
    assert run("read-dockerfile", above).exit_code == 0


@pytest.mark.parametrize("command", ["advise", "read-dockerfile"])
def test_a_pipe_is_refused_at_once(checkout: Path, command: str) -> None:
    (checkout / "Dockerfile").unlink()
    os.mkfifo(checkout / "Dockerfile")
    result = run(command, checkout / "Dockerfile")
    assert result.exit_code == 2
    assert "is no file; - reads standard input" in result.output
    whole = run("advise", checkout)
    assert "Dockerfile: is no file" in whole.output


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused(device: str) -> None:
    assert run("read-dockerfile", device).exit_code == 2
    assert run("advise", device).exit_code == 2


def test_more_lines_than_any_dockerfile_has_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n" + "RUN b\n" * 10_000)
    for command in ("read-dockerfile", "advise"):
        result = run(command, path)
        assert (result.exit_code, "more than 10000 lines" in result.output) == (2, True)


def test_compose_files_and_workflows_may_be_hostile(checkout: Path) -> None:
    (checkout / "docker-compose.yml").write_text("services: &s\n  a: *s\n")
    (checkout / ".github/workflows").mkdir(parents=True)
    (checkout / ".github/workflows/ci.yml").write_text("jobs: &j\n  a: *j\n")
    assert run("advise", checkout).exit_code == 0
