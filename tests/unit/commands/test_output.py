"""Rows as text: what each format does with numbers, unknowns, lists and hostile text."""

import csv
import io
import json
import os
from datetime import datetime
from typing import Any

import pytest

from dockml_dagster.commands.diff_image.output import _rows
from dockml_dagster.commands.output import FORMATS, Format, render
from dockml_dagster.study.difference.comparing import Part
from tests.forked import COMMAND

COLUMNS = ("name", "n", "share", "known", "names")
ROWS: list[list[Any]] = [["a", 1234567, 0.123456, True, ["x", "y"]], [None, None, None, None, []]]


def test_csv_is_for_programs() -> None:
    assert (
        render(COLUMNS, ROWS, "csv")
        == 'name,n,share,known,names\na,1234567,0.123456,True,"[""x"", ""y""]"\n,,,,[]\n'
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_csv_defuses_what_a_spreadsheet_would_run(text: str) -> None:
    (_, (cell,)) = list(csv.reader(io.StringIO(render(["x"], [[text]], "csv"), newline="")))
    assert cell == "'" + text


@pytest.mark.parametrize("value", [-1, -0.5])
def test_csv_leaves_numbers_alone(value: float) -> None:
    assert render(["x"], [[value]], "csv") == f"x\n{value}\n"


def test_csv_quotes_what_has_commas_and_line_feeds() -> None:
    text = 'a,"b"\nc'
    assert list(csv.reader(io.StringIO(render(["x"], [[text]], "csv"), newline=""))) == [["x"], [text]]


def test_json_keeps_types_and_order() -> None:
    text = render(COLUMNS, ROWS, "json")
    assert json.loads(text) == [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    assert list(json.loads(text)[0]) == list(COLUMNS)
    assert text.endswith("]\n")


def test_json_writes_unicode_and_times() -> None:
    assert "é" in render(["x"], [["é"]], "json")
    assert json.loads(render(["x"], [[datetime(2026, 1, 2)]], "json")) == [{"x": "2026-01-02 00:00:00"}]


def test_markdown_is_one_line_a_row_whatever_stands_in_it() -> None:
    text = render(["a", "b"], [["x|y", "one\ntwo"], [None, True]], "markdown")
    assert text.splitlines() == ["| a | b |", "| --- | --- |", "| x\\|y | one two |", "| – | yes |"]


CELLS = {
    "unknown": (None, "–"),
    "zero is not unknown": (0, "0"),
    "thousands": (1234567, "1,234,567"),
    "share": (0.123456, "0.1235"),
    "large fraction": (12345.67, "12,345.7"),
    "whole": (5000.0, "5,000"),
    "negative": (-4321.5, "-4,321.5"),
    "true": (True, "yes"),
    "false": (False, "no"),
    "list": ([1, None, "x"], "1, –, x"),
    "markup": ("[red]x[/red]", "[red]x[/red]"),
    "escape sequence": ("a\x1b[31mb", "a\ufffd[31mb"),
    "bell and line feed": ("a\x07\nb", "a\ufffd b"),
}


@pytest.mark.parametrize(("value", "shown"), CELLS.values(), ids=CELLS)
def test_a_table_is_for_people(value: object, shown: str) -> None:
    lines = render(["column"], [[value]], "table").splitlines()
    assert [line.strip() for line in lines if line.strip()][-1] == shown


def test_a_table_has_its_title_and_every_column() -> None:
    text = render(COLUMNS, ROWS, "table", title="RQ1")
    assert text.splitlines()[0] == "RQ1"
    assert all(column in text for column in COLUMNS)
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_piped_table_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    text = render(["x", "y"], [["a" * 150, "b" * 150]], "table")
    assert "a" * 150 in text
    assert "b" * 150 in text


@pytest.mark.parametrize("format_", FORMATS)
def test_no_rows_are_no_error(format_: Format) -> None:
    text = render(["x"], [], format_)
    assert text.endswith("\n")
    assert json.loads(text) == [] if format_ == "json" else "x" in text


@pytest.mark.parametrize("format_", FORMATS)
def test_everything_is_a_terminal_safe_text(format_: Format) -> None:
    text = render(["x"], [["a\x1b]0;t\x07b"]], format_)
    if format_ != "csv":  # bytes for programs stay as they were collected
        assert "\x1b" not in text
        assert "\x07" not in text


def test_two_paths_side_by_side_fold_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [["1 MB", 2, "usr/lib/" + "a" * 50, "usr/lib/" + "b" * 60]]
    lines = render(["saves", "copies", "path", "and"], rows, "table").splitlines()
    assert max(map(len, lines)) <= 80
    assert [name in lines[1] for name in ("saves", "path", "and")] == [True] * 3
    # Of many columns one may fold: broken words in a dozen can be read by nobody.
    many = render(["saves", "copies", "path", "and", "x", "y"], [[*rows[0], "z", "z"]], "table")
    assert many.splitlines()[0].split() == ["saves", "1", "MB"]


def test_a_long_name_in_a_comparison_of_images_is_cut() -> None:
    shown = [row[3] for row in _rows([Part("n" * 72, 0, 1), Part("n" * 73, 0, 1)], None)]
    assert shown == ["n" * 72, "n" * 71 + "…"]


@pytest.mark.parametrize("closed", [1, 2])
def test_who_stops_to_read_does_not_change_the_exit_code(closed, start_program, environment_of, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM ubuntu\nRUN apt-get update\nRUN apt-get install python3\n")
    arguments = ("advise", str(tmp_path), "--fail-on", "warning")
    reader, writer = os.pipe()
    os.close(reader)
    streams: list[int | None] = [None, None, None]
    streams[closed] = writer
    environment = environment_of(tmp_path / "home")
    assert start_program(COMMAND, *arguments, env=environment, streams=streams).wait(60) == 1
    os.close(writer)
