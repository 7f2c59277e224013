"""The pages of ``docs/rules`` say what the seeds say (``make rule-pages``)."""

from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.commands.advise.pages import all_pages, list_of_rules, page_of
from dockml_dagster.errors import BadInputError

DOCS = Path(dockml_dagster.__file__).parents[1] / "docs" / "rules"


def test_docs_are_the_pages() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")} == all_pages()


@pytest.mark.parametrize("name", ["pip-cache", "pip-cache-off", "DL3042"])
def test_a_rule_is_explained_by_any_of_its_names(name: str) -> None:
    assert page_of(name).startswith("# pip-cache\n")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadInputError, match="no rule is called"):
        page_of("nonsense")
    with pytest.raises(BadInputError, match=r"did you mean pip-cache\?"):
        page_of("pip-c")
    assert "pip-cache " in list_of_rules()
