"""What is never sent to a registry: what lies here, and what can only be meant as a file's name."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.commands.scan_image.locations import parse_arguments
from dockml_dagster.errors import BadInputError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an archive, a layout and a folder of an image's name; whoever looks up a host fails the test."""

    def asked(host: object, *_: object, **__: object) -> None:
        raise AssertionError(f"{host!r} was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    folder = tmp_path / "here"
    (folder / "layout").mkdir(parents=True)
    (folder / "python").mkdir()
    (folder / "build.d").mkdir()
    (folder / "layout" / "index.json").touch()
    (folder / "app.tar").touch()
    (folder / "saved").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app.tar", "app.tar is here: docker-archive:app.tar reads it, docker://app.tar asks a registry"),
        ("saved:app", "saved:app is here: docker-archive:saved:app reads it"),
        ("layout", "layout is here: oci:layout reads it"),
        ("python", "python is here: dir:python reads it, docker://python asks a registry"),
        ("./layout", "./layout is here: oci:./layout reads it"),
        ("./gone", "./gone: no such file or directory"),
        ("/nowhere/image", "/nowhere/image: no such file or directory"),
        ("gone.tar", "gone.tar: no such file or directory"),
        ("exports/gone.tar.gz:app", "exports/gone.tar.gz:app: no such file or directory"),
        ("image.sif", "image.sif: no such file or directory"),
        ("build/", "build/: no such file or directory"),
        # Looks like a host with a dot in it, and is a folder here.
        ("build.d/app", "build.d/app: no such file or directory"),
        ("python/app", "python/app: no such file or directory"),
        ("podman:app", "not a form that is read"),
        ("singularity:app", "not a form that is read"),
    ],
)
def test_a_path_is_no_reference(text: str, says: str) -> None:
    with pytest.raises(BadInputError) as raised:
        parse_arguments([text], None)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "python:3.12",
        "docker://python",
        "docker://app.tar",
        "owner/name",
        "ghcr.io/owner/name",
        "python/app:1",
        "a" * 200 + ":" + "b" * 100,  # longer than a file may be called
    ],
)
def test_a_reference_is_one(text: str) -> None:
    ((location,), _) = parse_arguments([text], None)
    assert str(location).startswith(("docker.io/", "ghcr.io/"))


@pytest.mark.parametrize(
    "target", ["nonexistent/dir", "nonexistent", "gone.tar", "build.d/app", "~/project", "../gone"]
)
def test_advise_asks_no_registry_about_a_path(target: str) -> None:
    done = CliRunner().invoke(main, ["advise", target], catch_exceptions=False)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"dockml: {target}: no such file or directory")
    assert done.stderr.count("\n") == 1
