"""Logins on the wire: tokens by scope, realms, helpers' tokens, and what never leaves for another host."""

import base64
import json
import threading
from urllib.parse import parse_qs

import pytest

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    ForbiddenError,
    RefusedHostError,
    UnauthorizedError,
)
from dockml_dagster.clients.registry import tokens
from dockml_dagster.study.image.reference import ImageReference, Repository, Tag

ALICE = "Basic " + base64.b64encode(b"alice:s3cret").decode()
LOGIN = {"auth": base64.b64encode(b"alice:s3cret").decode()}


class TokenService:
    """Hands out tokens that name their scope. ``private``: repositories that only alice may pull."""

    def __init__(self, reply) -> None:
        self.reply = reply
        self.minted = 0
        self.expires_in: object = 300
        self.key = "token"
        self.private: set[str] = set()

    def __call__(self, asked):
        header = asked.headers.get("authorization")
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if header not in {None, ALICE} or form.get("refresh_token", "idt") != "idt":
            return self.reply(401, b'{"details": "incorrect username or password"}')
        scope = asked.query.get("scope") or form["scope"]
        self.minted += 1
        known = header is not None or form
        granted = scope if known or scope.split(":")[1] not in self.private else "nothing"
        document = {self.key: f"{self.minted}/{granted}", "expires_in": self.expires_in}
        return self.reply(200, json.dumps(document).encode())


@pytest.fixture
def service(reply) -> TokenService:
    return TokenService(reply)


@pytest.fixture
def guarded(registry, reply):
    """A registry that wants a Bearer token for the very repository from the realm given."""

    def guard(realm: list[str]):
        def behave(asked):
            name = asked.path.split("/manifests/")[0].removeprefix("/v2/")
            scope = f"repository:{name}:pull"
            sent = asked.headers.get("authorization", "")
            if sent.startswith("Bearer ") and sent.endswith("/" + scope):
                return registry(asked)
            error = ',error="insufficient_scope"' if sent else ""
            challenge = f'Bearer realm="{realm[0]}/token",service="registry.test",scope="{scope}"{error}'
            body = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
            return reply(401, body, {"WWW-Authenticate": challenge})

        return behave

    return guard


def _resolve(client, server, name: str = "a/b"):
    return client.resolve(ImageReference.parse(f"{server.host}/{name}:1"))


def test_anonymous_token_for_each_repository(serve, make_client, registry, guarded, service) -> None:
    for name in ("a/b", "a/c"):
        registry.image(name, "1")
    realm = serve(service)
    server = serve(guarded([realm.url]))
    client = make_client(server, realm)
    for _ in range(3):
        _resolve(client, server)
    assert [asked.method for asked in server.asked] == ["HEAD"] * 4
    assert service.minted == 1
    assert realm.asked[0].query == {"service": "registry.test", "scope": "repository:a/b:pull"}
    # What the registry asked for once is known for its next repository: no second 401.
    server.asked.clear()
    _resolve(client, server, "a/c")
    assert (len(server.asked), service.minted) == (1, 2)


def test_many_threads_mint_one_token(serve, make_client, registry, guarded, service) -> None:
    registry.image("a/b", "1")
    realm = serve(service)
    server = serve(guarded([realm.url]))
    client = make_client(server, realm)
    threads = [threading.Thread(target=_resolve, args=(client, server)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.minted == 1


def test_login_goes_to_the_realm_and_never_to_the_registry(
    serve, make_client, registry, guarded, service
) -> None:
    registry.image("a/b", "1")
    service.private.add("a/b")
    realm = serve(service)
    server = serve(guarded([realm.url]))
    _resolve(make_client(server, realm, config={"auths": {server.host: LOGIN}}), server)
    assert realm.asked[0].headers["authorization"] == ALICE
    assert not any("Basic" in asked.headers.get("authorization", "") for asked in server.asked)
    with pytest.raises(UnauthorizedError, match="needs a login, or does not exist"):
        _resolve(make_client(server, realm), server)


def test_wrong_password(serve, make_client, registry, guarded, service) -> None:
    registry.image("a/b", "1")
    realm = serve(service)
    server = serve(guarded([realm.url]))
    config = {"auths": {server.host: {"auth": base64.b64encode(b"alice:wrong").decode()}}}
    with pytest.raises(UnauthorizedError, match="incorrect username or password") as caught:
        _resolve(make_client(server, realm, config=config), server)
    assert "wrong" not in str(caught.value)


def test_realm_on_another_port_of_the_registrys_host_need_not_be_named(
    serve, make_client, registry, guarded, service
) -> None:
    registry.image("a/b", "1")
    realm = serve(service)
    server = serve(guarded([realm.url]))
    _resolve(make_client(server), server)
    assert service.minted == 1


def test_realm_on_another_host_gets_no_login(serve, make_client, registry, guarded, service) -> None:
    registry.image("a/b", "1")
    realm = serve(service, "127.0.0.2")
    server = serve(guarded([realm.url]))
    config = {"auths": {server.host: LOGIN}}
    _resolve(make_client(server, realm, config=config), server)
    assert all("authorization" not in asked.headers for asked in realm.asked)
    service.private.add("a/b")
    with pytest.raises(UnauthorizedError):
        _resolve(make_client(server, realm, config=config), server)
    assert all("authorization" not in asked.headers for asked in realm.asked)
    setting = f"{server.url}?realm={realm.host} {realm.url}"
    _resolve(make_client(server, realm, config=config, setting=setting), server)
    assert realm.asked[-1].headers["authorization"] == ALICE


def test_realm_on_another_host_that_wants_a_login_names_the_setting(
    serve, make_client, registry, guarded, reply
) -> None:
    registry.image("a/b", "1")
    realm = serve(lambda asked: reply(401), "127.0.0.2")
    server = serve(guarded([realm.url]))
    with pytest.raises(UnauthorizedError, match=r"\?realm=127\.0\.0\.2 in DOCKML_REGISTRIES"):
        _resolve(make_client(server, realm, config={"auths": {server.host: LOGIN}}), server)


@pytest.mark.parametrize(
    "realm", ["http://127.0.0.2:1", "https://10.0.0.1", "file:///etc", "https://169.254.169.254/latest"]
)
def test_realm_that_may_not_be_asked(serve, make_client, registry, guarded, realm) -> None:
    server = serve(guarded([realm]))
    with pytest.raises(RefusedHostError):
        _resolve(make_client(server), server)


@pytest.mark.parametrize(
    "challenge", ['Bearer service="x"', 'Bearer realm=""', 'Bearer realm="/token"', 'Bearer realm="http://["']
)
def test_challenge_without_a_usable_realm(serve, make_client, reply, challenge) -> None:
    server = serve(lambda asked: reply(401, b"", {"WWW-Authenticate": challenge}))
    with pytest.raises((BrokenContentError, RefusedHostError)):
        _resolve(make_client(server), server)


@pytest.mark.parametrize("header", [None, "Negotiate", "Digest realm=x"])
def test_login_of_an_unknown_kind(serve, make_client, reply, header) -> None:
    server = serve(lambda asked: reply(401, b"", {"WWW-Authenticate": header} if header else {}))
    with pytest.raises(UnauthorizedError, match="unknown kind"):
        _resolve(make_client(server), server)


def test_basic(serve, make_client, registry, reply) -> None:
    registry.image("a/b", "1")
    challenge = {"WWW-Authenticate": 'Basic realm="x"'}
    server = serve(
        lambda asked: (
            registry(asked) if asked.headers.get("authorization") == ALICE else reply(401, b"", challenge)
        )
    )
    with pytest.raises(UnauthorizedError, match="docker login"):
        _resolve(make_client(server), server)
    client = make_client(server, config={"auths": {server.host: LOGIN}})
    server.asked.clear()
    for _ in range(2):
        _resolve(client, server)
    assert ["authorization" in asked.headers for asked in server.asked] == [False, True, True]


def test_identity_token_buys_access(serve, make_client, registry, guarded, service) -> None:
    registry.image("a/b", "1")
    service.private.add("a/b")
    service.key = "access_token"
    realm = serve(service)
    server = serve(guarded([realm.url]))
    _resolve(make_client(server, realm, config={"auths": {server.host: {"identitytoken": "idt"}}}), server)
    assert realm.asked[0].method == "POST"
    assert "refresh_token=idt" in realm.asked[0].body.decode()


def test_registry_token_is_used_as_it_is(serve, make_client, registry, guarded) -> None:
    registry.image("a/b", "1")
    server = serve(guarded(["http://127.0.0.2:1"]))
    _resolve(
        make_client(server, config={"auths": {server.host: {"registrytoken": "x/repository:a/b:pull"}}}),
        server,
    )


def test_expired_token_starts_over_where_the_realm_changed(
    serve, make_client, registry, reply, service
) -> None:
    """As nvcr.io: with an expired token it names another realm, which refuses everyone."""
    registry.image("a/b", "1")
    good, bad = serve(service), serve(lambda asked: reply(401))
    valid = ["1/repository:a/b:pull"]

    def behave(asked):
        sent = asked.headers.get("authorization")
        if sent == f"Bearer {valid[0]}":
            return registry(asked)
        realm = bad.url if sent else good.url
        return reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}/t",scope="x"'})

    server = serve(behave)
    client = make_client(server, good, bad)
    _resolve(client, server)
    valid[0] = "2/repository:a/b:pull"
    _resolve(client, server)
    assert bad.asked == []
    assert service.minted == 2


@pytest.mark.parametrize(
    ("lifetime", "minted"), [(300, 1), (15, 2), (None, 1), (-5, 1), ("x", 1), (10**12, 1)]
)
def test_tokens_are_renewed_before_they_end(
    serve, make_client, registry, guarded, service, lifetime, minted
) -> None:
    registry.image("a/b", "1")
    service.expires_in = lifetime
    realm = serve(service)
    server = serve(guarded([realm.url]))
    client = make_client(server, realm)
    clock = [1000.0]
    client._tokens._now = lambda: clock[0]
    _resolve(client, server)
    clock[0] += 9
    _resolve(client, server)
    assert service.minted == minted
    assert sum(1 for asked in server.asked if "authorization" not in asked.headers) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"token": 1}', b"{}", b'{"token": "a\\nX-Evil: b"}', b'{"token": "' + b"x" * 2_000_000],
)
def test_token_answers_that_are_none(serve, make_client, registry, guarded, reply, body) -> None:
    realm = serve(lambda asked: reply(200, body))
    server = serve(guarded([realm.url]))
    client = make_client(server, realm)
    with pytest.raises((BrokenContentError, tokens.FetchError)) as caught:
        _resolve(client, server)
    assert caught.value.reason in {"broken_content", "too_large"}


def test_forbidden(serve, make_client, registry, error_reply) -> None:
    server = serve(lambda asked: error_reply(403, "DENIED", "requested access to the resource is denied"))
    with pytest.raises(ForbiddenError):
        make_client(server).head_manifest(Repository.parse(f"{server.host}/a/b"), Tag("1"))


def test_a_challenge_of_the_host_behind_a_redirect_is_not_met(
    serve, make_client, registry, reply, service
) -> None:
    realm = serve(service)
    other = serve(
        lambda asked: reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm.url}/t"'}), "127.0.0.2"
    )
    server = serve(lambda asked: reply(307, b"", {"Location": other.url + "/x"}))
    client = make_client(server, other, realm, config={"auths": {server.host: LOGIN}})
    with pytest.raises(UnauthorizedError, match=r"sends on .* is no registry"):
        _resolve(client, server)
    assert realm.asked == []


def test_ghcr_anonymous_tokens_are_shared(monkeypatch, serve, make_client, registry, reply) -> None:
    for name in ("a/b", "a/c"):
        registry.image(name, "1")
    realm = serve(lambda asked: reply(200, b'{"token": "any"}'))

    def behave(asked):
        if asked.headers.get("authorization") == "Bearer any":
            return registry(asked)
        return reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm.url}/token"'})

    server = serve(behave)
    monkeypatch.setattr(tokens, "_ONE_ANONYMOUS_TOKEN", frozenset({"127.0.0.1"}))
    client = make_client(server, realm)
    for name in ("a/b", "a/c"):
        _resolve(client, server, name)
    assert len(realm.asked) == 1


@pytest.mark.parametrize(
    ("said", "asked_for"),
    [
        ("repository:mirror/a/b:pull", "repository:mirror/a/b:pull"),
        ("repository:host:5000/a/b:pull,push", "repository:host:5000/a/b:pull,push"),
        ("no scope at all", "repository:a/b:pull"),
        ("", "repository:a/b:pull"),
    ],
)
def test_the_scope_is_the_one_that_the_registry_names(
    serve, make_client, registry, reply, service, said, asked_for
):
    """A proxy's repository has another name behind it than before it (oras-dotnet#395)."""
    registry.image("a/b", "1")
    tokens = serve(service)

    def behave(asked):
        if asked.headers.get("authorization") == f"Bearer 1/{asked_for}":
            return registry(asked)
        return reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{tokens.url}/t",scope="{said}"'})

    server = serve(behave)
    _resolve(make_client(server, tokens), server)
    assert [asked.query["scope"] for asked in tokens.asked] == [asked_for]
