"""Metadata of repositories: in batches by GraphQL, or one by one by REST where there is no token.

Here: the query, its batches, and what happens to the parts that were not answered. Not here: what an answer's fields mean
(``model``), which repositories are asked for, and how the answers are used.
"""

from collections.abc import Sequence
from typing import Final

from dockml_dagster.clients.github.batches import PATIENCE, BatchSize
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import AnonymousLimitError
from dockml_dagster.clients.github.graphql import GraphqlReply
from dockml_dagster.clients.github.model import Repository, repository_of_graphql, repository_of_rest
from dockml_dagster.clients.github.questions import path_of
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    GoneError,
    LimitedError,
    SettingError,
    UnauthorizedError,
    UnavailableError,
)

REPOSITORIES_A_CALL: Final = 50
CONNECTIONS: Final = 7
"""Connections (lists) that the query asks for per repository: GitHub's price in points depends on them."""

REPOSITORY: Final = """
fragment Metadata on Repository {
  databaseId nameWithOwner description homepageUrl diskUsage stargazerCount forkCount isArchived isFork isPrivate isEmpty
  createdAt updatedAt pushedAt
  primaryLanguage { name }
  repositoryTopics(first: 20) { nodes { topic { name } } }
  openIssues: issues(states: OPEN) { totalCount }
  openPulls: pullRequests(states: OPEN) { totalCount }
  issues { totalCount }
  pullRequests { totalCount }
  releases { totalCount }
  defaultBranchRef { name target { ... on Commit { history { totalCount } } } }
}"""


def repositories_query(count: int) -> str:
    """The query for ``count`` repositories by owner and name (variables ``o0``, ``n0`` …)."""
    variables = ", ".join(f"$o{i}: String!, $n{i}: String!" for i in range(count))
    parts = "\n".join(
        f"  r{i}: repository(owner: $o{i}, name: $n{i}) {{ ...Metadata }}" for i in range(count)
    )
    return f"query Repositories({variables}) {{\n{parts}\n}}{REPOSITORY}"


def points(repositories: int) -> int:
    """The price in points of a query for that many repositories: a hundredth of the requests for its lists, at least 1.

    Source: docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api, "Predicting the point
    value of a query".
    """
    return max(1, round(repositories * CONNECTIONS / 100))


def repositories(client: GithubClient, names: Sequence[str]) -> dict[str, Repository | FetchError]:
    """Metadata by the name asked for; for a repository that cannot be read, the error in its place.

    With a token, one call per 50 (fewer where GitHub cannot answer so many); without, one call each, or none if unchanged.
    A repository whose answer has an error anywhere in it is asked for again in a smaller batch. Raises errors that concern
    no single repository: LimitedError, UnauthorizedError, UnavailableError after several in a row.
    """
    found: dict[str, Repository | FetchError] = {}
    alone = _Alone(client)
    if not client.has_token:
        return {name: alone.ask(name) for name in names}
    size = batch_size(client)
    waiting = [list(names)]
    while waiting:
        names_left = waiting.pop()
        batch, rest = names_left[: size.now], names_left[size.now :]
        waiting += [rest] if rest else []
        try:
            answered, void = _read(_ask(client, batch), batch)
        except UnavailableError:
            if size.failed(len(batch)) and not client.graphql_answers():
                raise
            answered, void = {}, batch
        else:
            if len(batch) > 1 and len(void) > len(batch) // 2:
                size.failed(len(batch))
            elif not void:
                size.worked(len(batch))
        found |= answered
        if len(batch) == 1:
            found |= {name: alone.ask(name) for name in void}
        elif void:
            # Halving separates the repositories that make a batch fail from the others.
            half = -(-len(void) // 2)
            waiting += [part for part in (void[half:], void[:half]) if part]
    return {name: found[name] for name in names}


def batch_size(client: GithubClient) -> BatchSize:
    """The adaptive number of repositories in one query."""
    return BatchSize(client.store, "repositories", REPOSITORIES_A_CALL, fewest=1, step=5)


class _Alone:
    """Asks for repositories one by one, until the server fails for several in a row."""

    def __init__(self, client: GithubClient) -> None:
        self._client, self._failures = client, 0

    def ask(self, name: str) -> Repository | FetchError:
        try:
            one: Repository | FetchError = repository_of_rest(
                self._client.get(f"/repos/{path_of(name)}").facts, name
            )
        except AnonymousLimitError as error:
            one = error
        except (LimitedError, SettingError, UnauthorizedError):
            raise
        except FetchError as error:
            one = error
        self._failures = self._failures + 1 if isinstance(one, UnavailableError) else 0
        if isinstance(one, UnavailableError) and self._failures >= PATIENCE:
            raise one
        return one


def _ask(client: GithubClient, batch: Sequence[str]) -> GraphqlReply:
    variables = {}
    for i, name in enumerate(batch):
        variables[f"o{i}"], _, variables[f"n{i}"] = name.partition("/")
    return client.graphql(repositories_query(len(batch)), variables)


def _read(reply: GraphqlReply, batch: Sequence[str]) -> tuple[dict[str, Repository | FetchError], list[str]]:
    """The repositories that were answered, and the names whose answer is void."""
    found: dict[str, Repository | FetchError] = {}
    void = []
    for i, name in enumerate(batch):
        errors = reply.errors_at(f"r{i}")
        facts = reply.data.inner(f"r{i}")
        if facts is None and errors and all(e.kind == "NOT_FOUND" and len(e.path) == 1 for e in errors):
            found[name] = GoneError("not there, or not for everybody", subject=name)
        elif facts is None or errors:
            void.append(name)
        else:
            try:
                found[name] = repository_of_graphql(facts, name)
            except BrokenContentError:
                void.append(name)
    return found, void
