"""What a run on GitHub costs, before anything is counted."""

from dataclasses import fields

from dockml_dagster.corpora.github.cost import Counts


def test_nothing_is_asked_until_something_is_counted() -> None:
    assert [name.name for name in fields(Counts) if getattr(Counts(), name.name)] == []
