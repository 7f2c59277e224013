"""Which parts of an answer an error voids."""

import pytest

from dockml_dagster.clients.github.graphql import read_reply
from dockml_dagster.clients.http.errors import FetchError, LimitedError, UnavailableError
from dockml_dagster.study.json_facts import Facts


@pytest.mark.parametrize(
    ("path", "void"),
    [
        (None, {"r0", "r1"}),
        ([], {"r0", "r1"}),
        (["r0"], {"r0"}),
        (["r0", "defaultBranchRef", "target"], {"r0"}),
        (["r1", "releases", 0], {"r1"}),
        (["r10"], set()),
    ],
)
def test_an_error_voids_what_it_lies_on_above_or_below(path, void: set[str]) -> None:
    document = {"data": {"r0": {}, "r1": {}}, "errors": [{"message": "x", "path": path}]}
    reply = read_reply(Facts(document), {}, 0.0, "https://x")
    assert {part for part in ("r0", "r1") if reply.errors_at(part)} == void


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"errors": [{"type": "RATE_LIMITED", "message": ""}]}, LimitedError),
        ({"data": None, "errors": [{"type": "RATE_LIMIT", "code": "graphql_rate_limit"}]}, LimitedError),
        ({"message": "You have exceeded a secondary rate limit."}, LimitedError),
        ({"message": "Something went wrong"}, UnavailableError),
        ({"data": None, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "message": "x"}]}, UnavailableError),
        ({}, UnavailableError),
    ],
)
def test_an_answer_without_data_is_an_error(document, kind: type[FetchError]) -> None:
    with pytest.raises(kind):
        read_reply(Facts(document), {}, 0.0, "https://x")
