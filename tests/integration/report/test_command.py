"""``dockml report``: where it writes, and what it says of wrong input.

Here: the command. Not here: what stands in a report (``test_report``).
"""

import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.report import building
from tests.integration.report.conftest import without_pdf


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--corpus", "ease2022"), "run: dockml study --corpus ease2022"),
        (("--corpus", "nowhere"), "nowhere"),
        (("--output", "."), "is a directory"),
    ],
)
def test_wrong_input_is_one_line(finished, dockml, tmp_path, arguments, said):
    (tmp_path / "report.html").write_text("")
    arguments = [str(tmp_path / part) if part.endswith(".html") else part for part in arguments]
    done = dockml(finished[0], "report", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(building, "build_report", lambda *_: pytest.fail("drawn"))
    (tmp_path / "report.html").write_text("")
    done = CliRunner().invoke(main, ["report", "--output", str(tmp_path / "report.html" / "x.html")])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"dockml: cannot write {tmp_path}")
    assert done.stderr.count("\n") == 1


def test_nothing_published_is_one_line(dockml, tmp_path):
    done = dockml(tmp_path / "home", "report")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "run: dockml study" in done.stderr


def test_the_command_writes_the_page_and_the_figures(finished, dockml, tmp_path, report):
    done = dockml(
        finished[0], "report", "--output", str(tmp_path / "new" / "r.html"), "--figures", str(tmp_path / "f")
    )
    assert done.returncode == 0, done.stderr
    assert without_pdf((tmp_path / "new" / "r.html").read_text(encoding="utf-8")) == without_pdf(report.html)
    assert {path.name for path in (tmp_path / "f").iterdir()} == {
        f"{name}{suffix}" for name in report.figures for suffix in (".svg", ".pdf", ".csv")
    }


def test_a_dash_is_standard_output(tmp_path, report, monkeypatch):
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(building, "build_report", lambda *_: report)
    done = CliRunner().invoke(main, ["report", "--output", "-"], catch_exceptions=False)
    assert done.stdout == report.html
