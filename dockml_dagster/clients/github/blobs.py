"""Contents of files by GraphQL, hundreds in one call.

Here: the query, its batches, and what happens to contents that were not answered. Not here: which contents are wanted
(``corpora/github/contents``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dockml_dagster.clients.github.batches import BatchSize
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.graphql import GraphqlReply
from dockml_dagster.clients.http.errors import UnavailableError
from dockml_dagster.study.json_facts import Facts

BLOBS_A_CALL: Final = 800
FEWEST_BLOBS_A_CALL: Final = 50
BLOB_BYTES_A_CALL: Final = 8 << 20
# GraphQL truncates longer texts; REST returns them whole.
LONGEST_TEXT: Final = 400 << 10
_REFUSED: Final = frozenset({"NOT_FOUND", "FORBIDDEN"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Contents wanted from one repository: object names with their sizes."""

    name: str
    sizes: Mapping[str, int]


_Pair = tuple[str, str, int]
"""A repository's name, an object name, its size."""


def blobs_query(counts: Sequence[int]) -> str:
    """The query for contents: for each repository (variables ``o0``, ``n0``) that many blobs (variables ``s0_0`` …)."""
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


def batch_size(client: GithubClient) -> BatchSize:
    """How many contents are asked for at once."""
    return BatchSize(client.store, "contents", BLOBS_A_CALL, FEWEST_BLOBS_A_CALL, step=FEWEST_BLOBS_A_CALL)


def store_blobs(client: GithubClient, wanted: Sequence[Wanted]) -> list[str]:
    """Fetch contents into the store, as many in one call as fit; returns the names that GraphQL could not give exactly.

    Those (binary, very long, not UTF-8, in a repository that refuses us) are for ``GithubClient.blob``, one by one.
    Contents whose answer has an error are asked for again in smaller batches. Needs a token. Raises FetchError;
    UnavailableError after several failures in a row.
    """
    left: list[str] = []
    size = batch_size(client)
    waiting = _pairs(wanted)
    while waiting:
        batch = waiting[: _fitting(waiting, size.now)]
        waiting = waiting[len(batch) :]
        try:
            odd, void = _keep(client, _ask(client, batch), batch)
        except UnavailableError:
            odd, void = [], batch
            given_up = size.failed(len(batch))
            if given_up and not client.graphql_answers():
                raise
        else:
            given_up = size.failed(len(batch)) if void else False
            if len(void) < len(batch):
                size.failures = 0
            if not void:
                size.worked(len(batch))
        left += odd
        if given_up:
            # The server answers, but not this batch: one of its contents is too much for it.
            size.failures = 0
            left += [sha for _, sha, _ in void]
        else:
            waiting = void + waiting
    return left


def _pairs(wanted: Sequence[Wanted]) -> list[_Pair]:
    """The contents to ask for, in order, each once."""
    seen: dict[str, _Pair] = {}
    for one in wanted:
        for sha, length in one.sizes.items():
            if length <= LONGEST_TEXT:
                seen.setdefault(sha, (one.name, sha, length))
    return list(seen.values())


def _fitting(pairs: Sequence[_Pair], most: int) -> int:
    """How many of the first pairs fit into one call, by number and bytes; at least one."""
    size = 0
    for count, (_, _, length) in enumerate(pairs[:most]):
        size += length
        if count and size > BLOB_BYTES_A_CALL:
            return count
    return min(len(pairs), most)


def _ask(client: GithubClient, batch: Sequence[_Pair]) -> GraphqlReply:
    by_name = _by_name(batch)
    variables = {}
    for i, (name, shas) in enumerate(by_name.items()):
        variables[f"o{i}"], _, variables[f"n{i}"] = name.partition("/")
        variables.update({f"s{i}_{k}": sha for k, sha in enumerate(shas)})
    return client.graphql(blobs_query([len(shas) for shas in by_name.values()]), variables)


def _by_name(batch: Sequence[_Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, sha, _ in batch:
        found.setdefault(name, []).append(sha)
    return found


def _keep(client: GithubClient, reply: GraphqlReply, batch: Sequence[_Pair]) -> tuple[list[str], list[_Pair]]:
    """Store what was answered. Returns the names that only REST can give, and the pairs that were not answered."""
    odd: list[str] = []
    void: set[str] = set()
    for i, shas in enumerate(_by_name(batch).values()):
        answered = reply.data.inner(f"r{i}")
        refused = answered is None and any(e.kind in _REFUSED and e.path == (f"r{i}",) for e in reply.errors)
        for k, sha in enumerate(shas):
            if refused or not reply.errors_at(f"r{i}", f"b{k}"):
                blob = answered.inner(f"b{k}") if answered else None
                if blob is None or not _kept(client, sha, blob):
                    odd.append(sha)
            else:
                void.add(sha)
    return odd, [pair for pair in batch if pair[1] in void]


def _kept(client: GithubClient, sha: str, blob: Facts) -> bool:
    text = blob.values.get("text")
    if not isinstance(text, str) or blob.truth("isTruncated") or blob.truth("isBinary"):
        return False
    # Text that was not UTF-8 arrives altered; the hash reveals it.
    return client.store.put_blob(sha, text.encode("utf-8", "surrogatepass"))
