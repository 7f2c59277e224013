"""``dockml read-dockerfile``: what is printed, what is refused, what is hidden, and what is not imported."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main
from dockml_dagster.commands.read_dockerfile import read
from dockml_dagster.commands.read_dockerfile.read import CSV_COLUMNS, REDACTED

TEXT = """FROM python:3.11-slim AS build
RUN pip install --no-cache-dir numpy==1.26.4 && echo done
FROM python:3.11-slim
COPY . .
CMD ["python", "app.py"]
"""


@pytest.fixture
def dockerfile(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(*arguments: object, stdin: bytes | str | None = None) -> Result:
    return CliRunner().invoke(main, ["read-dockerfile", *map(str, arguments)], input=stdin)


def documents(result: Result) -> list[dict[str, object]]:
    return json.loads(result.stdout)


def test_json_is_a_list_with_every_promised_field(dockerfile: Path) -> None:
    result = run(dockerfile, "--format", "json")
    assert result.exit_code == 0, result.output
    (document,) = json.loads(result.stdout)
    assert document["path"] == str(dockerfile)
    assert (document["valid"], document["coverage"], document["reason"]) == (True, 1.0, None)
    assert document["instructions"][0] == document["instructions"][0] | {
        "keyword": "FROM",
        "start_line": 1,
        "end_line": 1,
        "stage": 0,
        "flags": [],
        "arguments": ["python:3.11-slim", "AS", "build"],
    }
    assert [(stage["name"], stage["base"]["tag"]) for stage in document["stages"]] == [
        ("build", "3.11-slim"),
        (None, "3.11-slim"),
    ]
    assert [(item["line"], item["name"], item["tasks"]) for item in document["run_commands"]] == [
        (2, "pip", ["language packages"]),
        (2, "echo", document["run_commands"][1]["tasks"]),
    ]
    assert {item["practice"]: item["verdict"] for item in document["practices"]}["exec-form"] == "followed"


def test_standard_input() -> None:
    (document,) = documents(run("-", "--format", "json", stdin=TEXT))
    assert document["path"] == "-"
    assert document["valid"] is True


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_tables_show_all_four_parts(dockerfile: Path, format_: str) -> None:
    shown = run(dockerfile, "--format", format_).stdout
    for part in ("Instructions", "Stages", "RUN commands by task", "Practices"):
        assert part in shown
    for word in ("python:3.11-slim", "language packages", "pip", "exec-form", "followed"):
        assert word in shown


def test_csv_is_one_table_for_all_files(dockerfile: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(dockerfile, "-", "--format", "csv", stdin=TEXT).stdout)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert {row["kind"] for row in rows} == {"instruction", "stage", "command", "practice"}
    assert {row["path"] for row in rows} == {str(dockerfile), "'-"}  # defused, as every CSV of ours


def test_what_cannot_be_read_is_one_line_each_and_the_others_are_read(
    tmp_path: Path, dockerfile: Path
) -> None:
    binary = tmp_path / "model.bin"
    binary.write_bytes(b"\x7fELF\0\0\0")
    missing = tmp_path / "absent"
    result = run(missing, tmp_path, binary, dockerfile, "--format", "json")
    assert result.exit_code == 2
    assert [document["path"] for document in documents(result)] == [str(dockerfile)]
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    for line, path, word in zip(
        lines, (missing, tmp_path, binary), ("no such file", "directory", "binary"), strict=True
    ):
        assert line.startswith(f"dockml: {path}: ")
        assert word in line


def test_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dockerfile: Path) -> None:
    monkeypatch.setattr("dockml_dagster.commands.read_dockerfile.read.MAX_BYTES", len(TEXT))
    assert run(dockerfile).exit_code == 0
    dockerfile.write_text(TEXT + "#", encoding="utf-8")
    result = run(dockerfile)
    assert (result.exit_code, "larger than" in result.stderr) == (2, True)


def test_a_text_that_buildkit_refuses_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FRUM python\n", encoding="utf-8")
    result = run(path, "--format", "json")
    assert result.exit_code == 0
    (document,) = documents(result)
    assert document["valid"] is False
    assert document["reason"]
    assert "not a valid Dockerfile" in run(path).stdout


SECRETS = """ARG GLOBAL_TOKEN=hunter2-global
FROM python:3
ARG API_TOKEN=hunter2-arg
ENV PLAIN=visible-value DB_PASSWORD="hunter2 env" OTHER=also-visible
ENV SECRET hunter2 old form
ENV AUTH=on
ONBUILD ENV API_KEY=hunter2-onbuild
ENV DERIVED=x-${API_TOKEN}-y
LABEL token.used=$API_TOKEN
# was hunter2-arg
RUN echo hunter2-arg && $API_TOKEN run
"""


@pytest.mark.parametrize("format_", ["json", "table", "csv", "markdown"])
def test_values_of_secret_looking_variables_are_nowhere(format_: str) -> None:
    shown = run("-", "--format", format_, stdin=SECRETS).stdout
    assert "hunter2" not in shown
    assert "visible-value" in shown
    assert "also-visible" in shown
    assert "API_TOKEN" in shown
    assert REDACTED in shown


def test_a_short_hidden_value_is_not_hidden_elsewhere() -> None:
    (document,) = json.loads(run("-", "--format", "json", stdin=SECRETS).stdout)
    auth = next(item for item in document["instructions"] if item["start_line"] == 6)
    assert auth["arguments"] == ["AUTH", REDACTED]
    assert "python:3" in json.dumps(document)


@pytest.mark.parametrize(("value", "hidden"), [("five5", False), ("sixsix", True), ("seven77", True)])
def test_a_hidden_value_of_six_characters_is_hidden_wherever_it_stands(value: str, hidden: bool) -> None:
    text = f"FROM a\nENV TOKEN={value}\nRUN echo {value}\n"
    (document,) = json.loads(run("-", "--format", "json", stdin=text).stdout)
    assert (value not in json.dumps(document["run_commands"])) == hidden


def test_too_many_secrets_are_refused_not_shown_and_quickly() -> None:
    many = "FROM a\n" + "".join(f"ENV TOKEN_{i}=value-number-{i}\n" for i in range(20_000))
    result = run("-", "--format", "json", stdin=many)
    assert result.exit_code == 2
    assert "value-number" not in result.output
    assert json.loads(result.stdout) == []


def test_values_that_cost_too_much_to_hide_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM a\nENV TOKEN_A=value-a\nENV TOKEN_B=value-b\n"
    for most, refused in ((2 * len(text), False), (2 * len(text) - 1, True)):
        monkeypatch.setattr(read, "_MOST_WORK", most)
        result = run("-", "--format", "json", stdin=text)
        assert ("2 values that look secret, too many to hide them all" in result.output) == refused
        assert (result.exit_code == 2) == refused
        assert "value-" not in result.output


@pytest.mark.parametrize(
    ("ignored", "git", "verdict"),
    [(True, True, "followed"), (False, True, "violated"), (True, False, "unknown")],
)
def test_dockerignore_is_looked_up_in_the_work_tree(
    tmp_path: Path, ignored: bool, git: bool, verdict: str
) -> None:
    path = tmp_path / "docker" / "Dockerfile"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    if git:
        (tmp_path / ".git").mkdir()
    if ignored:
        (tmp_path / ".dockerignore").write_text("data\n", encoding="utf-8")
    (document,) = json.loads(run(path, "--format", "json").stdout)
    assert {item["practice"]: item["verdict"] for item in document["practices"]}["dockerignore"] == verdict


def test_loads_nothing_heavy(dockerfile: Path) -> None:
    code = (
        "import sys\n"
        "from dockml_dagster.cli import main\n"
        "try:\n"
        f"    main(['read-dockerfile', {str(dockerfile)!r}])\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "print(sorted({'dagster', 'pandas', 'duckdb', 'numpy'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_tables_for_people_have_an_end_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n" + "USER b\n" * 2_100)
    shown = CliRunner().invoke(main, ["read-dockerfile", str(path)], env={"COLUMNS": "100"})
    assert "101 more rows; json and csv have them" in shown.output
    whole = CliRunner().invoke(main, ["read-dockerfile", str(path), "--format", "json"])
    assert len(json.loads(whole.output)[0]["instructions"]) == 2_101
