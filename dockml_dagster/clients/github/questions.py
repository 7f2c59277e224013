"""The questions a study asks GitHub: repositories in batches, trees, contents in batches, pages of a search.

Here: what is asked and how the answers become ``model`` types. Not here: which repositories, and what follows.

GraphQL answers many repositories or files in one counted call; it has no conditional requests, so what is asked again
at every visit (trees) is asked by REST, where an unchanged answer is free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from dockml_dagster.clients.github.client import GithubClient, GraphqlReply, Reply
from dockml_dagster.clients.github.errors import EmptyRepositoryError
from dockml_dagster.clients.github.model import (
    Repository,
    Tree,
    TreeEntry,
    repository_of_graphql,
    repository_of_rest,
    tree_of_rest,
)
from dockml_dagster.clients.http.client import lines_of_link
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    GoneError,
    LimitedError,
    UnavailableError,
)
from dockml_dagster.study.json_facts import Facts

REPOSITORIES_A_CALL = 50
BLOBS_A_CALL = 800
FEWEST_BLOBS_A_CALL = 50
BLOB_BYTES_A_CALL = 8 << 20
# GraphQL cuts longer texts short; REST gives them whole.
LONGEST_TEXT = 400 << 10
PAGE = 100
MAX_SUBTREES = 300
PATIENCE = 3
"""Failures of the server in a row after which it is the server and no single repository."""
_RECURSIVE = {"recursive": 1}
SEARCH_CAP = 1_000
"""Results that GitHub shows of one search, however many there are."""

REPOSITORY = """
fragment Metadata on Repository {
  databaseId nameWithOwner description homepageUrl diskUsage stargazerCount forkCount isArchived isFork isPrivate
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


def blobs_query(counts: Sequence[int]) -> str:
    """The query for contents: for each repository (variables ``o0``, ``n0``) so many (variables ``s0_0`` …)."""
    variables, parts = [], []
    for i, count in enumerate(counts):
        variables.append(f"$o{i}: String!, $n{i}: String!")
        variables += [f"$s{i}_{k}: GitObjectID!" for k in range(count)]
        inner = " ".join(
            f"b{k}: object(oid: $s{i}_{k}) {{ ... on Blob {{ isBinary isTruncated text }} }}"
            for k in range(count)
        )
        parts.append(f"  r{i}: repository(owner: $o{i}, name: $n{i}) {{ {inner} }}")
    joined = "\n".join(parts)
    return f"query Contents({', '.join(variables)}) {{\n{joined}\n}}"


def repositories(client: GithubClient, names: Sequence[str]) -> dict[str, Repository | FetchError]:
    """Metadata by the name asked for; an error in its place for those that cannot be had.

    With a token one call for each 50, else one for each (or none, where it has not changed). Raises what is no single
    repository's fault: LimitedError, UnauthorizedError, UnavailableError after several in a row.
    """
    found: dict[str, Repository | FetchError] = {}
    size = REPOSITORIES_A_CALL if client.has_token else 1
    waiting = [list(names[start : start + size]) for start in range(0, len(names), size)]
    failures = 0
    while waiting:
        batch = waiting.pop(0)
        try:
            if client.has_token:
                found |= _repositories_of(_repository_batch(client, batch), batch)
                continue
        except UnavailableError:
            if len(batch) > 1:
                # GitHub gives a query ten seconds; half of it may take less.
                waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                continue
        one = found[batch[0]] = _one_repository(client, batch[0])
        failures = failures + 1 if isinstance(one, UnavailableError) else 0
        if isinstance(one, UnavailableError) and failures >= PATIENCE:
            raise one
    return {name: found[name] for name in names}


def _repository_batch(client: GithubClient, batch: Sequence[str]) -> GraphqlReply:
    variables = {}
    for i, name in enumerate(batch):
        variables[f"o{i}"], _, variables[f"n{i}"] = name.partition("/")
    return client.graphql_once(repositories_query(len(batch)), variables)


def _repositories_of(reply: GraphqlReply, batch: Sequence[str]) -> dict[str, Repository | FetchError]:
    found: dict[str, Repository | FetchError] = {}
    for i, name in enumerate(batch):
        facts = reply.data.inner(f"r{i}")
        if facts is not None:
            found[name] = repository_of_graphql(facts, name)
        elif reply.errors.get(f"r{i}") in {"NOT_FOUND", "FORBIDDEN"}:
            found[name] = GoneError("not there, or not for everybody", subject=name)
        else:
            found[name] = UnavailableError("no answer for this repository", subject=name)
    return found


def _one_repository(client: GithubClient, name: str) -> Repository | FetchError:
    try:
        return repository_of_rest(client.get(f"/repos/{_path(name)}").facts, name)
    except FetchError as error:
        if isinstance(error, LimitedError) or error.status == 401:
            raise
        return error


def count_by_rest(
    client: GithubClient, name: str, what: Literal["commits", "releases", "contributors"]
) -> int | None:
    """How many there are, by one call: the number of the last page of one each. Contributors with those who have no account;
    GitHub does not list them where there are too many (ForbiddenError).
    """
    parameters = {"per_page": 1, **({"anon": "true"} if what == "contributors" else {})}
    try:
        reply = client.get(f"/repos/{_path(name)}/{what}", parameters)
    except EmptyRepositoryError:
        return 0
    except BrokenContentError:
        return None
    return _last_page(reply)


def tree(client: GithubClient, name: str, *, kept: bool = False) -> tuple[Tree, Reply, int]:
    """Every path at the head of the default branch; the answer; how many directories could not be listed.

    One call, free while nothing changed; none with ``kept``, which reads what was answered last. Where GitHub cut the
    list short, directories are asked one by one, each once ever, since git names them by content. Raises FetchError:
    EmptyRepositoryError without commits.
    """
    base = f"/repos/{_path(name)}/git/trees/"
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
            # One directory with more than 100,000 entries of its own: nothing can list it by this interface.
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
class Wanted:
    """Contents wanted of one repository: git's names with their sizes."""

    name: str
    sizes: Mapping[str, int]


def store_blobs(client: GithubClient, wanted: Sequence[Wanted]) -> list[str]:
    """Bring contents into the store, as many in one call as fit; returns what GraphQL could not give exactly.

    Those (binary, very long, not UTF-8) are for ``GithubClient.blob``, one by one. Needs a token. Raises FetchError.
    """
    left: list[str] = []
    waiting = _batches(wanted, blobs_a_call(client))
    while waiting:
        batch = waiting.pop(0)
        try:
            reply = client.graphql_once(
                blobs_query([len(one.sizes) for one in batch]), _blob_variables(batch)
            )
        except UnavailableError:
            # GitHub gives a query ten seconds, and counts more for one that took longer: next time fewer at once.
            asked = sum(len(one.sizes) for one in batch)
            # Somebody else may have learned of less meanwhile.
            fewer = max(min(asked // 2, blobs_a_call(client)), FEWEST_BLOBS_A_CALL)
            client.store.put_document("capacity", "contents", fewer)
            halves = _halves(batch)
            if not halves:
                left += [sha for one in batch for sha in one.sizes]
            waiting[:0] = halves
            continue
        for i, one in enumerate(batch):
            answered = reply.data.inner(f"r{i}")
            for k, sha in enumerate(one.sizes):
                blob = answered.inner(f"b{k}") if answered else None
                if blob is None or not _kept(client, sha, blob):
                    left.append(sha)
    return left


def blobs_a_call(client: GithubClient) -> int:
    """How many contents are asked for at once: as many as worked lately."""
    learned = client.store.document("capacity", "contents")
    return min(learned, BLOBS_A_CALL) if isinstance(learned, int) else BLOBS_A_CALL


def _batches(wanted: Sequence[Wanted], most: int) -> list[list[Wanted]]:
    """Contents in as few calls as the limits on their number and bytes allow, in order; each content once."""
    batches: list[list[Wanted]] = []
    count = size = 0
    seen: set[str] = set()
    for one in wanted:
        for sha, length in one.sizes.items():
            if sha in seen or length > LONGEST_TEXT:
                continue
            seen.add(sha)
            if not batches or count >= most or size + length > BLOB_BYTES_A_CALL:
                batches.append([])
                count = size = 0
            batch = batches[-1]
            if batch and batch[-1].name == one.name:
                batch[-1] = Wanted(one.name, {**batch[-1].sizes, sha: length})
            else:
                batch.append(Wanted(one.name, {sha: length}))
            count, size = count + 1, size + length
    return batches


def _halves(batch: Sequence[Wanted]) -> list[list[Wanted]]:
    pairs = [(one.name, sha, size) for one in batch for sha, size in one.sizes.items()]
    if len(pairs) < 2:
        return []
    halves = []
    for half in (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]):
        by_name: dict[str, dict[str, int]] = {}
        for name, sha, size in half:
            by_name.setdefault(name, {})[sha] = size
        halves.append([Wanted(name, sizes) for name, sizes in by_name.items()])
    return halves


def _blob_variables(batch: Sequence[Wanted]) -> dict[str, str]:
    variables = {}
    for i, one in enumerate(batch):
        variables[f"o{i}"], _, variables[f"n{i}"] = one.name.partition("/")
        variables.update({f"s{i}_{k}": sha for k, sha in enumerate(one.sizes)})
    return variables


def _kept(client: GithubClient, sha: str, blob: Facts) -> bool:
    text = blob.values.get("text")
    if not isinstance(text, str) or blob.truth("isTruncated") or blob.truth("isBinary"):
        return False
    # Text that was not UTF-8 came changed; its hash tells.
    return client.store.put_blob(sha, text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page. ``total``: how many there are in all, also beyond what is shown. ``incomplete``: GitHub ran out of time."""

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
        reply.facts.truth("incomplete_results") or False,
        tuple(repository_of_rest(item, query) for item in items),
    )


def _last_page(reply: Reply) -> int:
    for relation, target in lines_of_link(reply.link):
        if relation == "last":
            page = parse_qs(urlsplit(target).query).get("page", ["1"])[0]
            return int(page) if page.isdigit() and len(page) < 12 else 1
    items = reply.facts.values.get("items", ())
    return len(items) if isinstance(items, list) else 0


def _path(name: str) -> str:
    owner, _, rest = name.partition("/")
    return f"{quote(owner, safe='')}/{quote(rest, safe='')}"
