"""A registry whose answer is another registry: a place of its own, with tokens and a login of its own.

Sources: rpardini/docker-registry-proxy#158 (lscr.io, cr.fluentbit.io), google/go-containerregistry#2333 (private gateways).
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from dockml_dagster.clients.http.errors import RefusedHostError
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.study.image.reference import Digest, ImageReference
from tests.stand_ins import Asked, Reply, StandIn


@pytest.fixture
def behind_a_gateway(serve, registry, make_client) -> Callable[..., tuple[StandIn, StandIn, RegistryClient]]:
    """A gateway that sends on to another registry, which makes its own tokens, and a client."""

    def start(*, config: dict | None = None, known: bool = True) -> tuple[StandIn, StandIn, RegistryClient]:
        def target(asked: Asked) -> Reply:
            if asked.path == "/token":
                good = (
                    asked.headers.get("authorization") == "Basic " + base64.b64encode(b"me:secret").decode()
                )
                return Reply(body=json.dumps({"token": "own" if good else "anonymous"}).encode())
            if asked.headers.get("authorization") not in {"Bearer own", "Bearer anonymous"}:
                challenge = f'Bearer realm="{there.url}/token",service="there"'
                return Reply(401, headers={"WWW-Authenticate": challenge})
            return registry(asked)

        there = serve(target)
        gateway = serve(
            lambda asked: Reply(
                302, headers={"Location": there.url + asked.path.replace("short", "team/app")}
            )
        )
        here = config and {"auths": {there.host: config}}
        client = make_client(*((gateway, there) if known else (gateway,)), config=here)
        return gateway, there, client

    return start


def test_a_registry_that_sends_on_to_another_is_followed(registry, behind_a_gateway) -> None:
    """Each host gets its own credential: the gateway none, the other its anonymous token."""
    digest = registry.image("team/app", "1")["digest"]
    gateway, there, client = behind_a_gateway()
    image = ImageReference.parse(f"{gateway.host}/short:1")
    assert str(client.resolve(image)) == digest
    client.manifest(image.repository, Digest.parse(digest))
    assert not any("authorization" in asked.headers for asked in gateway.asked)
    (token,) = [asked for asked in there.asked if asked.path == "/token"]
    assert token.query["scope"] == "repository:team/app:pull"


def test_where_a_registry_sends_on_has_a_login_of_its_own(registry, behind_a_gateway) -> None:
    registry.image("team/app", "1")
    login = {"auth": base64.b64encode(b"me:secret").decode()}
    gateway, there, client = behind_a_gateway(config=login)
    client.resolve(ImageReference.parse(f"{gateway.host}/short:1"))
    assert there.asked[-1].headers["authorization"] == "Bearer own"
    assert not any("authorization" in asked.headers for asked in gateway.asked)


def test_a_registry_on_no_list_is_named_with_how_to_allow_it(registry, behind_a_gateway) -> None:
    registry.image("team/app", "1")
    gateway, there, client = behind_a_gateway()
    here = Origin.of(there.url)
    client.http.policy = replace(client.http.policy, configured=frozenset({Origin.of(gateway.url)}), names=())
    # By https a host that is only redirected to gets the request, and no token is minted for it.
    client.http._transport = None
    with pytest.raises(RefusedHostError) as caught:
        client.resolve(ImageReference.parse(f"{gateway.host}/short:1"))
    assert "DOCKML_REGISTRIES" in str(caught.value)
    assert here.hostname in str(caught.value)
    assert [asked.path for asked in there.asked if asked.path == "/token"] == []
