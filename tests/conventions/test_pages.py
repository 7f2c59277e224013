"""Reference pages agree with the code, every page is in the site's navigation, and the README stays short."""

from pathlib import Path

import pytest
import yaml

from tests.conventions import pages

ROOT = Path(__file__).parents[2]
AGAIN = "run `make pages` and commit what it writes"


def test_commands_are_those_of_the_help() -> None:
    assert pages.COMMANDS.read_text(encoding="utf-8") == pages.commands_page(), AGAIN


def test_settings_are_those_that_are_read() -> None:
    assert pages.SETTINGS.read_text(encoding="utf-8") == pages.settings_page(), AGAIN


def test_licences_are_those_of_the_packages() -> None:
    """Compares only the packages that are installed here: others are for another system or Python."""
    written = dict(
        row.strip("| ").split(" | ", 1) for row in pages.LICENCES.read_text(encoding="utf-8").splitlines()[6:]
    )
    assert pages.licences().items() <= written.items(), AGAIN
    assert "not stated" not in written.values()


def _pages(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    values = entry if isinstance(entry, list) else list(entry.values()) if isinstance(entry, dict) else []
    return [page for value in values for page in _pages(value)]


def test_every_page_is_in_the_navigation() -> None:
    listed = set(_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    there = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert there - listed == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("page", ["researchers", "engineers", "operators", "contributors"])
def test_every_reader_has_a_page(page: str) -> None:
    assert f"(docs/{page}.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
