"""Configuration, baseline and fixes of ``dockml advise``, on small projects."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main

DOCKERFILE = "FROM python:3.12-slim\nRUN pip install numpy==2.1.0\nCMD python app.py\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["advise", *map(str, arguments)])


def rules(target: Path, *arguments: object) -> dict[str, dict[str, Any]]:
    result = run(target, "--format", "json", *arguments)
    (advice,) = json.loads(result.stdout)
    return {item["recommendation"]: item for item in advice["recommendations"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


def test_a_directory_of_more_files_than_are_judged_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.commands.advise.directory.MOST_PATHS", 2)
    (project / "second").touch()
    assert run(project).exit_code == 0
    (project / "third").touch()
    refused = run(project)
    assert (refused.exit_code, "more than 2 files" in refused.stderr) == (2, True)


def test_ignore_select_severity_and_paths(project: Path) -> None:
    (project / "docs").mkdir()
    (project / "docs" / "Dockerfile").write_text(DOCKERFILE)
    (project / "third_party").mkdir()
    (project / "third_party" / "Dockerfile").write_text(DOCKERFILE)
    (project / ".dockml.toml").write_text(
        'ignore = ["healthcheck"]\nexclude = ["third_party"]\n[severity]\nDL3042 = "error"\n'
        '[per-path]\n"docs/**" = ["exec-form"]\n'
    )
    result = json.loads(run(project, "--format", "json").stdout)[0]["recommendations"]
    found = {(item["subject"], item["recommendation"]): item for item in result}
    assert {subject for subject, _ in found} == {"Dockerfile", "docs/Dockerfile"}
    assert not [rule for _, rule in found if rule == "healthcheck"]
    assert found["Dockerfile", "pip-cache"]["severity"] == "error"
    assert ("Dockerfile", "exec-form") in found
    assert ("docs/Dockerfile", "exec-form") not in found
    # Documentation weighs less.
    assert found["Dockerfile", "non-root-user"]["severity"] == "warning"
    assert found["docs/Dockerfile", "non-root-user"]["severity"] == "note"
    (project / ".dockml.toml").write_text('select = ["pip-cache"]\n')
    assert set(rules(project / "docs")) == {"pip-cache"}
    assert "healthcheck" in rules(project, "--no-config")


def test_pyproject_is_read_and_one_without_a_table_is_none(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dockml]\nselect = ["exec-form"]\n')
    assert set(rules(project)) == {"exec-form"}
    (project / "pyproject.toml").write_text("[tool.other]\n")
    assert "pip-cache" in rules(project)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ignor = []", "unknown key 'ignor'"),
        ('ignore = "x"', "no list of texts"),
        ('ignore = ["moon"]', "no rule is called 'moon'"),
        ('[severity]\npip-cache = "fatal"', "not one of"),
        ("= 1", "is no TOML"),
    ],
)
def test_a_faulty_configuration_is_one_line(project: Path, text: str, says: str) -> None:
    (project / ".dockml.toml").write_text(text)
    result = run(project)
    assert result.exit_code != 0
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_baseline_leaves_what_is_new_wherever_the_lines_move(project: Path) -> None:
    known = project / "known.json"
    assert "write it with --write-baseline known.json" in run(project, "--baseline", known).stderr
    assert run(project, "--write-baseline", known).exit_code == 0
    assert run(project, "--baseline", known, "--fail-on", "note").exit_code == 0
    (project / "Dockerfile").write_text("# a comment\n\n" + DOCKERFILE)
    assert run(project, "--baseline", known, "--fail-on", "note").exit_code == 0
    (project / "Dockerfile").write_text(DOCKERFILE + "ENV API_TOKEN=x\n")
    assert run(project, "--baseline", known, "--fail-on", "error").exit_code == 1
    assert set(rules(project, "--baseline", known)) == {"no-secrets"}
    (project / "Dockerfile").write_text(DOCKERFILE.replace("install", "install --no-cache-dir"))
    assert "1 of them are gone" in run(project, "--baseline", known).stdout
    known.write_text("{}")
    assert "is no baseline" in run(project, "--baseline", known).stderr


def test_a_fix_keeps_comments_mode_and_ends_of_lines_and_twice_is_once(project: Path) -> None:
    file = project / "Dockerfile"
    before = "FROM python:3.12-slim\r\n# why\r\nRUN pip install \\\r\n    numpy==2.1.0\r\nMaintainer me\r\nCMD python app.py"
    file.write_bytes(before.encode())
    file.chmod(0o640)
    result = run(project, "--fix")
    assert result.exit_code == 0
    assert result.stderr.endswith(" places in 1 file fixed\n")
    after = file.read_bytes().decode()
    assert after == (
        "FROM python:3.12-slim\r\n# why\r\nRUN pip install --no-cache-dir \\\r\n    numpy==2.1.0\r\n"
        'LABEL org.opencontainers.image.authors="me"\r\nCMD ["python", "app.py"]'
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run(project, "--fix").stderr == "dockml: 0 places in 0 files fixed\n"
    assert [path.name for path in project.iterdir()].count("Dockerfile") == 1


def test_a_fix_goes_through_no_link(project: Path) -> None:
    (project / "real").write_text(DOCKERFILE)
    (project / "Dockerfile").unlink()
    (project / "Dockerfile").symlink_to("real")
    result = run(project, "--fix")
    assert result.exit_code == 1
    assert "is a link" in result.stderr
    assert (project / "real").read_text() == DOCKERFILE
    assert (project / "Dockerfile").is_symlink()


def test_a_difference_writes_nothing_and_unsafe_ones_say_why(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM debian:12\nRUN apt-get update && apt-get install -y git\n")
    assert "--no-install-recommends" not in run(project, "--diff").stdout
    shown = run(project, "--diff", "--unsafe").stdout
    assert "no-recommends may change the build" in shown
    assert (
        "+RUN apt-get update && apt-get install --no-install-recommends -y git && rm -rf /var/lib/apt/lists/*"
        in shown
    )
    assert (project / "Dockerfile").read_text().count("rm -rf") == 0


def test_what_is_ignored_is_not_fixed(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM a:1\n# dockml ignore=pip-cache wanted\nRUN pip install a==1\n")
    assert run(project, "--diff").stdout == ""


def test_paths_of_services_begin_at_the_root_of_the_git_tree(project: Path) -> None:
    for name in ("a", "b"):
        (project / "svc" / name).mkdir(parents=True)
        (project / "svc" / name / "Dockerfile").write_text(DOCKERFILE)
    targets = (project / "svc" / "a", project / "svc" / "b")
    log = json.loads(run(*targets, "--format", "sarif").stdout)["runs"][0]
    places = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in log["results"]}
    assert places == {"svc/a/Dockerfile", "svc/b/Dockerfile"}
    first = log["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert first["uriBaseId"] in log["originalUriBaseIds"]
    assert all(each["partialFingerprints"]["dockml/v1"] for each in log["results"])
    assert any("helpUri" in rule for rule in log["tool"]["driver"]["rules"])
    report = json.loads(run(*targets, "--format", "gitlab").stdout)
    assert {each["location"]["path"] for each in report} == places
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(report[0])
    assert len({each["fingerprint"] for each in report}) == len(report)
