"""Reports of the sample, and the browser to look at them.

Here: building and opening. What must be there is in the tests.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.report import building
from dockml_dagster.report.building import Report, build_report
from dockml_dagster.report.drawing import Drawn
from dockml_dagster.warehouse.versions import libraries


def without_pdf(html: str) -> str:
    """A page without its PDFs, the objects of which the renderer numbers in any order."""
    return re.sub(r"data:application/pdf;base64,[^\"]*", "", html)


@pytest.fixture(scope="session")
def published(finished) -> Path:
    """The published file of the sample; copy it to change it."""
    home, done = finished
    assert done.returncode == 0, done.stderr
    return home / "published" / "dockml.duckdb"


@pytest.fixture(scope="session")
def report(published) -> Report:
    """The report of the sample."""
    return build_report(published, "sample", libraries())


@pytest.fixture
def changed_and_drawn(published, tmp_path) -> Callable[..., Report]:
    """``changed_and_drawn(*statements)``: the report of a copy in which they ran."""

    def build(*statements: str) -> Report:
        copy = tmp_path / "changed.duckdb"
        shutil.copy(published, copy)
        with duckdb.connect(str(copy)) as connection:
            for statement in statements:
                connection.execute(statement)
        return build_report(copy, "sample", libraries())

    return build


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Reports are built without drawings, which take most of the time."""
    monkeypatch.setattr(building, "draw", lambda figure: Drawn(figure, "", "", b"", b"", b""))


@pytest.fixture
def changed(changed_and_drawn, undrawn) -> Callable[..., Report]:
    """``changed_and_drawn`` without its drawings."""
    return changed_and_drawn


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """The system's Chromium, driven by Playwright, whose event loop must not outlive the module: others start theirs."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: the report is not looked at in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
