"""GitHub's budgets by an answer's headers, and what the next run knows of them.

Here: names of budgets. Not here: waits (``tests/integration/github``), reading one header (``tests/unit/clients/http``).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dockml_dagster.clients.github.limits import Budgets
from dockml_dagster.clients.github.store import GithubStore, open_store

HEADERS = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "7", "x-ratelimit-reset": "2000"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GithubStore]:
    opened = open_store(tmp_path, "api.example.com", None)
    yield opened
    opened.close()


def budgets(store: GithubStore) -> Budgets:
    return Budgets(store, lambda: 1000.0, lambda seconds: None, 60.0)


def test_a_budget_has_the_name_that_the_server_states_else_that_of_the_question(store: GithubStore) -> None:
    now = budgets(store)
    now.observe({**HEADERS, "x-ratelimit-resource": "code_search"}, "search", with_token=True)
    now.observe({**HEADERS, "x-ratelimit-remaining": "6"}, "search", with_token=False)
    for known in (now, budgets(store)):
        assert {name: one.remaining for name, one in known.all(with_token=True).items()} == {"code_search": 7}
        assert {name: one.remaining for name, one in known.all(with_token=False).items()} == {"search": 6}


@pytest.mark.parametrize("length", [39, 40, 41, 4000])
def test_a_long_name_is_cut_alike_in_this_run_and_the_next(length: int, store: GithubStore) -> None:
    now = budgets(store)
    now.observe({**HEADERS, "x-ratelimit-resource": "a" * length}, "core", with_token=True)
    for known in (now, budgets(store)):
        assert list(known.all(with_token=True)) == ["a" * min(length, 40)]
