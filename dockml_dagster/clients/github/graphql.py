"""A GraphQL answer: its data, and which parts of the data are void.

Here: reading the document. Not here: asking (``client``), queries (``repositories``, ``blobs``).

GraphQL answers with status 200 even where it gave up on a part: there, or in a parent, the data hold a null, and the
errors say where. Data at or below an error's path are no facts: that part is void as a whole and is asked for again.
Source: spec.graphql.org/October2021/#sec-Handling-Field-Errors; ``RESOURCE_LIMITS_EXCEEDED``: github.blog/changelog,
2025-09-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dockml_dagster.clients.github.errors import InvalidQuestionError
from dockml_dagster.clients.github.limits import speaks_of_limit
from dockml_dagster.clients.http.budget import read_retry_after
from dockml_dagster.clients.http.errors import AbuseLimitError, UnavailableError, one_line
from dockml_dagster.study.json_facts import Facts

_LIMITS = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_OURS = frozenset({"INVALID_CURSOR_ARGUMENTS", "EXCESSIVE_PAGINATION", "INSUFFICIENT_SCOPES"})


@dataclass(frozen=True, slots=True)
class GraphqlError:
    """One error. ``kind``: GitHub's code (``NOT_FOUND``), or ''. ``path``: the field it concerns; empty: the whole."""

    kind: str
    message: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphqlReply:
    """``data``, and the errors that came with them."""

    data: Facts
    errors: tuple[GraphqlError, ...]

    def errors_at(self, *path: str) -> list[GraphqlError]:
        """The errors at a path, below it, or at one of its parents."""
        return [one for one in self.errors if _meet(one.path, path)]


def read_reply(facts: Facts, headers: Mapping[str, str], now: float, address: str) -> GraphqlReply:
    """Parse an answer of which at least a part is valid.

    Raises AbuseLimitError for a limit, InvalidQuestionError for a query that is refused, UnavailableError for an answer
    without data.
    """
    errors = tuple(_error(one) for one in facts.objects("errors") or ())
    said = next((one.message for one in errors if one.message), facts.text("message") or "")
    kinds = {one.kind for one in errors}
    if kinds & _LIMITS or any(speaks_of_limit(text) for text in (said, *(one.message for one in errors))):
        raise AbuseLimitError(
            said or "the hour's points are used up: rate limit exceeded",
            subject=address,
            status=200,
            retry_after=read_retry_after(headers, now),
        )
    data = facts.inner("data")
    if data is None and errors and all(one.path for one in errors):
        data = Facts({})
    if data is not None:
        return GraphqlReply(data, errors)
    text = one_line(": ".join(part for part in (", ".join(sorted(kinds - {""})), said) if part) or "no data")
    invalid = any(
        one.values.get("extensions") or one.values.get("locations") for one in facts.objects("errors") or ()
    )
    if kinds & _OURS or (invalid and kinds == {""}):
        raise InvalidQuestionError(f"the query was refused ({text})", subject=address, status=200)
    raise UnavailableError(f"no answer to the query ({text})", subject=address, status=200)


def _error(facts: Facts) -> GraphqlError:
    path = tuple(str(part) for part in facts.items("path") or ())
    return GraphqlError(facts.text("type") or "", one_line(facts.text("message") or ""), path)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
