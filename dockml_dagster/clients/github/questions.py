"""The REST requests of a study: trees, counts, pages of a search.

Here: the requests, and how answers become ``model`` types. Not here: GraphQL requests (``repositories``,
``blobs``), which repositories are asked for, and how the answers are used.

GraphQL answers for many repositories or files in one counted call, but has no conditional requests. Trees are asked for
again at every visit, so they are asked for here: with a token an unchanged REST answer is free.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from dockml_dagster.clients.github.client import GithubClient, Reply
from dockml_dagster.clients.github.errors import EmptyRepositoryError
from dockml_dagster.clients.github.model import (
    Repository,
    Tree,
    TreeEntry,
    repository_of_rest,
    tree_of_rest,
)
from dockml_dagster.clients.http.client import lines_of_link
from dockml_dagster.clients.http.errors import BrokenContentError
from dockml_dagster.study.json_facts import Facts

PAGE = 100
MAX_SUBTREES = 300
_RECURSIVE = {"recursive": 1}
SEARCH_CAP = 1_000
"""Results that GitHub shows for one search, however many match."""


def count_by_rest(
    client: GithubClient, name: str, what: Literal["commits", "releases", "contributors"]
) -> int | None:
    """The number of commits, releases or contributors, by one call: the last page's number at one item per page.
    Contributors include those without an account; where there are too many, GitHub refuses (ForbiddenError). None: unknown.
    """
    parameters = {"per_page": 1, **({"anon": "true"} if what == "contributors" else {})}
    try:
        reply = client.get(f"/repos/{path_of(name)}/{what}", parameters)
    except EmptyRepositoryError:
        return 0
    except BrokenContentError:
        return None
    return _last_page(reply)


def tree(client: GithubClient, name: str, *, kept: bool = False) -> tuple[Tree, Reply, int]:
    """All paths at the head of the default branch; the REST answer; the number of directories that could not be listed.

    One call, free while nothing changed; none with ``kept``, which reads the last answer. Where GitHub truncates the list,
    directories are asked for one by one, each only once ever, since git names them by content. Raises FetchError:
    EmptyRepositoryError without commits.
    """
    base = f"/repos/{path_of(name)}/git/trees/"
    reply = client.kept(base + "HEAD", _RECURSIVE) if kept else client.get(base + "HEAD", _RECURSIVE)
    whole = tree_of_rest(reply.facts, name)
    if not whole.truncated:
        return whole, reply, 0
    entries: list[TreeEntry] = []
    left = MAX_SUBTREES
    unlisted = 0
    waiting: list[tuple[str, str, bool]] = [("", whole.sha, False)]
    while waiting:
        prefix, sha, recursive = waiting.pop()
        if left == 0:
            unlisted += 1
            continue
        left -= 1
        part = _subtree(client, base, sha, recursive=recursive)
        if part.truncated and recursive:
            waiting.append((prefix, sha, False))
            continue
        listed = [replace(entry, path=prefix + entry.path) for entry in part.entries]
        entries += listed
        if part.truncated:
            # One directory has more than 100,000 entries of its own: this API cannot list it.
            unlisted += 1
        if not recursive:
            inner = [entry for entry in listed if entry.kind == "directory"]
            waiting += [(f"{entry.path}/", entry.sha, True) for entry in reversed(inner)]
    return Tree(whole.sha, tuple(entries), truncated=unlisted > 0), reply, unlisted


def _subtree(client: GithubClient, base: str, sha: str, *, recursive: bool) -> Tree:
    mark = f"{sha} {'recursive' if recursive else 'flat'}"
    kept = client.store.document("tree", mark)
    if kept is not None:
        return Tree(sha, tuple(TreeEntry(*entry) for entry in kept["entries"]), kept["truncated"])
    reply = client.get(base + sha, _RECURSIVE if recursive else None)
    found = tree_of_rest(reply.facts, base)
    entries = [[e.path, e.kind, e.sha, e.size] for e in found.entries]
    client.store.put_document("tree", mark, {"entries": entries, "truncated": found.truncated})
    return found


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page. ``total``: all matches, also beyond those shown. ``incomplete``: GitHub ran out of time."""

    total: int
    incomplete: bool
    items: tuple[Repository, ...]


def search_page(client: GithubClient, query: str, page: int) -> SearchPage:
    """A page of 100 repositories, the most starred first. Raises FetchError."""
    parameters = {"q": query, "sort": "stars", "order": "desc", "per_page": PAGE, "page": page}
    reply = client.get("/search/repositories", parameters, resource="search")
    total, items = reply.facts.whole("total_count"), reply.facts.objects("items")
    if total is None or items is None:
        raise BrokenContentError("a search without count or items", subject=query)
    return SearchPage(
        total,
        reply.facts.truth("incomplete_results") is not False,
        tuple(_readable(items, query)),
    )


def _readable(items: Iterable[Facts], query: str) -> Iterator[Repository]:
    """The results that can be parsed; a malformed one is left out and does not end the search."""
    for item in items:
        with suppress(BrokenContentError):
            yield repository_of_rest(item, query)


def _last_page(reply: Reply) -> int | None:
    """The number of pages at one item per page. If GitHub does not state the last page, the number is unknown, unless there
    is no next page. Source: docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api.
    """
    links = dict(lines_of_link(reply.link))
    if "last" in links:
        page = parse_qs(urlsplit(links["last"]).query).get("page", [""])[0]
        return int(page) if page.isascii() and page.isdigit() and len(page) < 12 else None
    if "next" in links:
        return None
    items = reply.facts.values.get("items")
    return len(items) if isinstance(items, list) else None


def path_of(name: str) -> str:
    """A repository's name as part of an address."""
    owner, _, rest = name.partition("/")
    return f"{quote(owner, safe='')}/{quote(rest, safe='')}"
