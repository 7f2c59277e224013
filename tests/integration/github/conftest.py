"""Fixtures: a stand-in for GitHub on loopback, checked against GitHub's own description, and clients that ask it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import open_store
from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from tests.integration.github import contract, stand_in
from tests.integration.github.visiting import on_clock

TOKEN = "stand-in-token-0123456789"


@pytest.fixture(scope="session")
def fetched() -> Callable[..., Path]:
    """Fetches a part of an npm package, or skips."""

    def fetch(package: str, member: str) -> Path:
        try:
            return contract.fetched(package, member)
        except contract.NotFetchedError as error:
            pytest.skip(str(error))

    return fetch


@pytest.fixture(scope="session")
def rest_contract():
    """GitHub's OpenAPI description; None where it cannot be fetched (one test says so by being skipped)."""
    try:
        return contract.RestContract(contract.fetched(*contract.OPENAPI))
    except contract.NotFetchedError:
        return None


@pytest.fixture(scope="session")
def graphql_schema():
    """GitHub's GraphQL schema, or the subset of it that is asked."""
    return contract.graphql_schema()


@pytest.fixture
def github(rest_contract, graphql_schema, tmp_path: Path) -> Iterator[object]:
    """An empty GitHub. Whatever in it was against the contract fails the test at its end."""
    server = stand_in.FakeGithub(tmp_path / "repositories", rest_contract, graphql_schema[0], token=TOKEN)
    yield server
    server.stop()
    assert server.violations == []


@pytest.fixture
def make_client(github, tmp_path: Path) -> Iterator[Callable[..., GithubClient]]:
    """Clients of that GitHub, all on one store; ``sleeps`` notes how long they would have waited."""
    made: list[GithubClient] = []

    def make(*, token: str | None = TOKEN, store: str = "store", api: str | None = None) -> GithubClient:
        settings = GithubSettings.of(api or github.url, token, "mailto:tests@example.com")
        http = settings.http()
        http._sleep, http._now = github.clock.sleep, github.clock.now
        client = GithubClient(
            http,
            open_store(tmp_path / store, "answers", None),
            settings,
            now=github.clock.now,
            sleep=github.clock.sleep,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def reply_of() -> type:
    """The exception with which ``github.before`` answers in the server's place: status, body, headers."""
    return stand_in.Reply


@pytest.fixture
def make_corpus(github, tmp_path: Path) -> Callable[..., Github]:
    """A corpus in a home of its own. Each has its own connection, as each process would."""

    def make(*, token: str | None = "yes", frame: str | None = None, home: str = "home") -> Github:
        settings = Settings.from_environment({
            "DOCKML_HOME": str(tmp_path / home),
            "DOCKML_GITHUB_API_URL": github.url,
            **({"GITHUB_TOKEN": github.token} if token == "yes" else {"GITHUB_TOKEN": token} if token else {}),
            **({"DOCKML_GITHUB_FRAME": frame} if frame else {}),
        })  # fmt: skip
        return on_clock(Github(settings), github.clock)

    return make
