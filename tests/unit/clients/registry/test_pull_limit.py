"""Docker Hub's allowance of manifests: once it is used up no manifest is asked for in vain, and what is free goes on."""

import json

import pytest

from dockml_dagster.clients.http.errors import PullLimitError
from dockml_dagster.clients.registry.client import LOOK_AGAIN
from dockml_dagster.study.image.reference import ImageReference, Tag

SAID = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
HUB = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": SAID}]}).encode()
WINDOW = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}


@pytest.mark.parametrize("by", ["digest", "tag"])
def test_a_used_up_allowance_costs_one_question_an_hour(serve, make_client, registry, reply, by: str) -> None:
    """Docker Hub says how long its window is, and not when the first pulls in it fall out."""
    clock = [1000.0]
    names = [f"a/b{number}" for number in range(6)]
    for name in names:
        registry.image(name, "1", [name.encode()])
    allowed = [True]

    def before(asked):
        if not allowed[0] and asked.method == "GET" and "/manifests/" in asked.path:
            return reply(429, HUB, dict(WINDOW))
        return None

    registry.before = before
    server, other = serve(registry), serve(registry, "127.0.0.2")
    client = make_client(server, other)
    client._now = lambda: clock[0]
    here = [ImageReference.parse(f"{server.host}/{name}:1") for name in names]

    def read(reference: ImageReference) -> object:
        if by == "tag":
            return client._get_manifest(reference.repository, Tag.parse("1"))
        return client.manifest_of(reference, client.resolve(reference))

    def gets(server) -> int:
        return server.count("GET", "/manifests/")

    first = read(here[0])
    allowed[0] = False
    for reference in here[1:]:
        with pytest.raises(PullLimitError, match="pull rate limit") as caught:
            read(reference)
        assert caught.value.retry_after == LOOK_AGAIN
    assert gets(server) == 1 + 1
    # What is here already, heads and other registries are as before.
    assert client.manifest(here[0].repository, first.digest).body == first.body
    assert client.head_manifest(here[3].repository, Tag.parse("1")).digest is not None
    with pytest.raises(PullLimitError):
        read(ImageReference.parse(f"{other.host}/{names[4]}:1"))
    assert gets(other) == 1

    clock[0] += LOOK_AGAIN + 1
    allowed[0] = True
    for reference in here[1:4]:
        read(reference)
    assert gets(server) == 2 + 3
