"""The command's manners: help that shows how, one line for every mistake, an end by Ctrl-C, tables on narrow terminals.

Here: what holds for all commands. What single ones do is tested beside what they call.
"""

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

import click
import dagster as dg
import pytest

import dockml_dagster.commands.study.runner
import dockml_dagster.corpora.base
import dockml_dagster.warehouse.connection  # noqa: F401  the errors with exit codes of their own
from dockml_dagster.cli import main
from dockml_dagster.errors import DockmlError
from tests.forked import COMMAND
from tests.integration.conftest import COLLECTING

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def _commands(group=main, path=("dockml",)):
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in _commands()]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_shows_an_example_that_fits_eighty_columns(path, command):
    context = click.Context(command, info_name=" ".join(path), terminal_width=80)
    text = command.get_help(context)
    if len(path) == 2:
        assert re.search(rf"^ +{' '.join(path)}\b", text, re.MULTILINE), "show how it is used"
    assert [line for line in text.splitlines() if len(line) > 100] == []
    assert len(command.get_short_help_str(60)) > 10


def test_every_command_has_a_short_help_that_is_not_cut():
    cut = [path for path, command in _commands() if command.get_short_help_str(55).endswith("...")]
    assert cut == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stduy"], "did you mean study"),
        (["frobnicate"], "there are study"),
        (["study", "--bogus"], "--bogus"),
        (["study", "--corpus", "smaple"], "there are sample, ease2022, github, local, dataset:NAME"),
        (["study", "--limit", "two"], "see: dockml study --help"),
        (["show", "--format", "xml"], "'markdown'"),
        (["read-dockerfile"], "see: dockml read-dockerfile --help"),
        (["ui", "--port", "99999"], "99999"),
        (["export"], "DIRECTORY"),
        (["sql"], "STATEMENT"),
        (["sql", ""], "no statement"),
        (["sql", "SELEC 1"], 'syntax error at or near "SELEC"'),
        (["sql", "FROM findings.funel"], 'Did you mean "funnel"'),
        (["sql", "DROP TABLE findings.funnel"], "this is drop"),
        (["show", "funell"], "did you mean funnel?"),
        (["show", "funnel", "--corpus", "local"], "run: dockml study --corpus local"),
        (["export", "/proc/nowhere"], "choose another place"),
        (["advise", "/nowhere"], "/nowhere: no such file or directory\n"),
        (["advise", "nowhere"], "an image is written nowhere:latest"),
        (["labels", "export", "x.csv", "--unit", "dockerfile"], "use --question purpose"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line(finished, dockml, arguments, said):
    done = dockml(finished[0], *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("dockml: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("DOCKML_LAYER_BYTES", "lots"), ("DOCKML_REGISTRIES", "ftp://x")]
)
def test_a_mistake_in_a_setting_is_found_before_anything_runs(dockml, tmp_path, name, value):
    home = tmp_path / "home"
    done = dockml(home, "study", **{name: value})
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert name in done.stderr
    assert not home.exists()


def test_no_warehouse_is_told_with_its_place(dockml, tmp_path):
    done = dockml(tmp_path / "home", "status", DOCKML_WAREHOUSE=str(tmp_path / "other.duckdb"))
    assert done.returncode == 2
    assert str(tmp_path / "other.duckdb") in done.stderr


def test_no_arguments_show_the_help(dockml, tmp_path):
    done = dockml(tmp_path / "home")
    assert done.stdout.startswith("Usage: dockml")
    assert "First steps" in done.stdout


def test_version(dockml, tmp_path):
    assert re.fullmatch(
        r"dockml, version \d+\.\d+\.\d+(\.dev\d+)?\n", dockml(tmp_path / "home", "--version").stdout
    )


def _errors(kind=DockmlError):
    yield kind
    for sub in kind.__subclasses__():
        yield from _errors(sub)


def test_the_exit_codes_are_those_of_the_table():
    rows = PAGE.partition("| exit code |")[2].partition("\n\n")[0]
    table = set(map(int, re.findall(r"^\| (\d+) \|", rows, re.MULTILINE)))
    assert {error.exit_code for error in _errors()} | {0, 7, 130} == table
    helped = set(map(int, re.findall(r"(?:^|\s)(\d+)\s+[a-z]", main.epilog)))
    assert helped == table


def _on_a_terminal(home, start_program, environment_of, *arguments, columns=80, **more):
    """What the command writes where standard output and error are a terminal of so many columns."""
    environment = dict(environment_of(home, COLUMNS=str(columns), TERM="xterm-256color", **more))
    for name, value in more.items():
        if value == "":
            del environment[name]
    leader, follower = pty.openpty()
    process = start_program(COMMAND, *arguments, env=environment, cwd=home.parent, streams=(follower,) * 3)
    os.close(follower)
    written = b""
    while True:
        ready, _, _ = select.select([leader], [], [], 120)
        try:
            part = os.read(leader, 65536) if ready else b""
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(leader)
    assert process.wait(60) == 0, written.decode()
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "table", ["funnel", "rq1_categories", "rq3_practices", "paper_comparison", "coverage"]
)
@pytest.mark.parametrize("columns", [80, 60])
def test_tables_fit_the_window(finished, start_program, environment_of, table, columns):
    text = _on_a_terminal(finished[0], start_program, environment_of, "show", table, columns=columns)
    cut = [line for line in text.splitlines() if len(line) > columns and "─" in line]
    assert cut == []
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("no_color", ["1", ""], ids=["NO_COLOR", "colours"])
def test_colours_are_for_terminals_that_want_them(finished, start_program, environment_of, no_color):
    text = _on_a_terminal(finished[0], start_program, environment_of, "study", NO_COLOR=no_color)
    assert "nothing is due" in text
    if no_color:
        assert re.findall(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", text) == []


def test_nothing_coloured_is_piped(finished, dockml):
    done = dockml(finished[0], "show", "funnel", FORCE_COLOR="1")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(dockml, tmp_path, shell):
    done = dockml(tmp_path / "home", _DOCKML_COMPLETE=f"{shell}_source")
    assert done.returncode == 0, done.stderr
    assert "_DOCKML_COMPLETE" in done.stdout


def test_completion_knows_commands_and_findings(finished, dockml):
    def complete(words, place):
        done = dockml(finished[0], _DOCKML_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(place))
        return {line.split(",")[1] for line in done.stdout.splitlines()}

    assert complete("dockml re", 1) == {"read-dockerfile", "rebuilds", "report"}
    assert complete("dockml show rq1", 2) == {"rq1_categories", "rq1_project_profile"}


def test_ctrl_c_in_mid_run_is_clean_and_the_next_run_goes_on(
    home, run_program, start_program, environment_of, instance_of
):
    reading, writing = os.pipe()
    process = start_program(
        COMMAND,
        *("study", "--limit", "3", "--quiet"),
        env=environment_of(home),
        cwd=home.parent,
        streams=(None, None, writing),
    )
    os.close(writing)
    said = []
    with os.fdopen(reading) as errors:
        for line in errors:
            said.append(line)
            if "stages collected" in line:
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest = errors.read()
    assert process.wait(300) == 130, [*said, rest]
    assert rest.strip() == "dockml: interrupted; what was collected is kept, and the same command continues"
    again = run_program(COLLECTING, "study", "--limit", "3", "--quiet", env=environment_of(home))
    assert again.returncode == 0, again.stderr
    going = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    with instance_of(home) as instance:
        assert [run.run_id for run in instance.get_runs(going)] == []
