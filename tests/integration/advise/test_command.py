"""``dockml advise`` from the command line: targets, formats, exit codes, bad input."""

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

import dockml_dagster
from tests.integration.advise.conftest import noise

SAMPLE = Path(dockml_dagster.__file__).parent / "corpora" / "sample" / "projects"
GOOD = """\
# syntax=docker/dockerfile:1
FROM python:3.12.4-slim@sha256:{digest}
LABEL org.opencontainers.image.source="https://example.com/x"
RUN pip install --no-cache-dir numpy==2.1.0
USER 10001
HEALTHCHECK CMD ["true"]
CMD ["python"]
""".format(digest="0" * 64)  # fmt: skip


def test_this_directory_is_the_default(advise, tmp_path, monkeypatch) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\n")
    monkeypatch.chdir(tmp_path)
    result = advise.run()
    assert result.exit_code == 0
    assert "pin-base-version" in result.stdout
    assert "Dockerfile:1" in result.stdout


def test_one_dockerfile_is_named_as_it_was_asked_for(advise, tmp_path, monkeypatch) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "any name").write_text("FROM python\n")
    monkeypatch.chdir(tmp_path)
    log = json.loads(advise.run("docker/any name", "--format", "sarif").stdout)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    artifact = {"uri": "docker/any%20name", "uriBaseId": "SRCROOT"}
    assert place == {"artifactLocation": artifact, "region": {"startLine": 1}}


def test_nothing_to_advise_is_said(advise, tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD)
    result = advise.run(tmp_path, "--fail-on", "note")
    assert result.exit_code == 0, result.stdout
    assert result.stdout == f"{tmp_path}: 0 recommendations\n"


@pytest.mark.parametrize(
    ("text", "level", "code"),
    [
        (GOOD.replace("HEALTHCHECK", "# HEALTHCHECK"), "note", 1),
        (GOOD.replace("HEALTHCHECK", "# HEALTHCHECK"), "warning", 0),
        (GOOD.replace("USER 10001", "USER root"), "warning", 1),
        (GOOD.replace("USER 10001", "USER root"), "error", 0),
        (GOOD.replace("USER 10001", "ENV API_TOKEN=x\nUSER 10001"), "error", 1),
    ],
    ids=["a note", "only a note", "a warning", "only a warning", "an error"],
)
def test_fail_on(advise, tmp_path, text: str, level: str, code: int) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    result = advise.run(tmp_path, "--fail-on", level)
    assert result.exit_code == code
    assert len(result.stderr.splitlines()) == code
    assert "1 recommendation" in result.stdout


def test_a_value_that_may_be_secret_is_never_shown(advise, tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nENV API_TOKEN=hunter2hunter2\n")
    for form in ("text", "json", "sarif"):
        assert "hunter2" not in advise.run(tmp_path, "--format", form).stdout


def test_a_dockerignore_is_looked_for_in_a_directory_and_unknown_for_one_file(advise, tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nCOPY . .\n")

    def advised(target: Path) -> set[str]:
        return {item["recommendation"] for item in advise.json(target)[0]["recommendations"]}

    assert "dockerignore" in advised(tmp_path)
    assert "dockerignore" not in advised(tmp_path / "Dockerfile")
    (tmp_path / ".dockerignore").write_text(".git\n")
    assert "dockerignore" not in advised(tmp_path)


def test_a_broken_file_does_not_hide_the_others(advise, tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\n")
    (tmp_path / "Dockerfile.broken").write_text("FROM python\nENV A=1 B\n")
    result = advise.run(tmp_path)
    assert result.exit_code == 1
    assert "pin-base-version" in result.stdout
    assert "Dockerfile.broken" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["./nothing-here"], "no such file"),
        (["empty"], "no Dockerfile"),
        (["Not A Reference"], "no such file"),
        (["Not A:Reference"], "white space"),
        (["oci:missing"], "missing"),
        (["a/b", "--corpus", "sample"], "nothing is published"),
        (["empty", "--format", "xml"], "xml"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(advise, tmp_path, monkeypatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = advise.run(*arguments)
    assert result.exit_code not in {0, 1} or "missing" in says
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> object:
    """OASIS's own schema, as a package of the npm registry carries it; it is in no package for Python that we know."""
    package = "@microsoft/jest-sarif@1.0.0-beta.0"
    inside = "package/lib/schemas/sarif-2.1.0-rtm.5.json"
    kept = Path(dockml_dagster.__file__).parents[1] / "build" / "sarif" / "schema.json"
    if not kept.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed: no schema of SARIF to validate against")
        folder = tmp_path_factory.mktemp("npm")
        try:
            subprocess.run(
                ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, timeout=120
            )
            archive = next(folder.glob("*.tgz"))
            subprocess.run(["tar", "-xzf", archive, inside], cwd=folder, check=True, timeout=60)
        except (subprocess.SubprocessError, StopIteration):
            pytest.skip(f"npm cannot fetch {package}: no schema of SARIF to validate against")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / inside, kept)
    return json.loads(kept.read_text(encoding="utf-8"))


def test_sarif_is_valid(advise, build, schema, tmp_path) -> None:
    odd = {
        "app/a b%ü:1.safetensors": noise("m", 1_000_000),
        "c:/x/y.whl": b"wheel",
        "tmp/x": b"left",
        "root/.cache/pip/w": b"cache",
    }
    image = build("odd", [odd, {"root/.cache/.wh.pip": b""}])
    result = advise.run(SAMPLE, image.reference, "--format", "sarif")
    log = json.loads(result.stdout)
    checker = jsonschema.validators.validator_for(schema)
    jsonschema.validate(log, schema, cls=checker, format_checker=jsonschema.FormatChecker())
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(ids) == len(set(ids))
    assert all(ids[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    places = [each["locations"][0].get("physicalLocation", {}) for each in run["results"]]
    in_files = [place for place in places if "region" in place]
    uris = [place["artifactLocation"]["uri"] for place in in_files]
    assert any(uri.endswith("lanternfish/recipe-recs/Dockerfile") for uri in uris)
    in_image = [
        place["artifactLocation"]
        for place in places
        if place.get("artifactLocation", {}).get("uriBaseId") == "IMAGE"
    ]
    assert "app/a%20b%25%C3%BC:1.safetensors" in {place["uri"] for place in in_image}
