"""A real registry behind a proxy that does one thing wrong at a time, as registries and gateways have been seen to do.

What is read must be what the registry has (skopeo's word for the digest), or the error must say what is wrong.
"""

import http.client
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dockml_dagster.clients.http.client import HttpSettings
from dockml_dagster.clients.http.errors import DigestMismatchError, FetchError, GoneError, UnauthorizedError
from dockml_dagster.clients.http.retry import RetryPolicy
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe
from dockml_dagster.images.sources.reading import ImageReading, read_image
from dockml_dagster.study.image.reference import parse_location

PROGRAMS = ("docker-registry", "skopeo", "umoci", "buildah", "htpasswd", "openssl")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
if MISSING:
    pytest.skip(f"needs {', '.join(MISSING)}", allow_module_level=True)

NOBODYS = "sha256:" + "0" * 64
CLOSES = 0
Headers = dict[str, str]


@dataclass
class Proxy:
    """Passes requests on to ``upstream``, but for its faults. ``seen``: method and path of each.

    ``head``: what every HEAD is answered with; `CLOSES`: nothing. ``change``: what becomes of an answer's headers.
    ``renames``: parts of paths, and what the upstream calls them.
    """

    upstream: str
    head: int | None = None
    change: Callable[[str, str, Headers], None] = lambda method, path, headers: None
    renames: Mapping[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    host: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        method, path = handler.command, handler.path
        self.seen.append((method, path))
        if method == "HEAD" and self.head is not None:
            handler.close_connection = True
            if self.head != CLOSES:
                handler.send_response(self.head)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
            return
        for name, real in self.renames.items():
            path = path.replace(name, real)
        connection = http.client.HTTPConnection(self.upstream, timeout=20)
        wanted = {
            name: handler.headers[name]
            for name in ("Accept", "Authorization", "Range")
            if handler.headers[name]
        }
        connection.request(method, path, headers=wanted)
        answer = connection.getresponse()
        body = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name not in {"Connection", "Date"}}
        self.change(method, path, headers)
        handler.send_response(answer.status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        connection.close()


@pytest.fixture
def proxied() -> Iterator[Callable[..., Proxy]]:
    """A proxy before a registry; its faults are set afterwards."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(upstream: str) -> Proxy:
        proxy = Proxy(upstream)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.answer(self)

            def do_HEAD(self) -> None:
                proxy.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        running.append((server, thread))
        proxy.host = f"127.0.0.1:{server.server_port}"
        return proxy

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def read(tmp_path: Path, token_service) -> Callable[[str], ImageReading]:
    """Everything but the layers of an image, by a client that knows nothing yet and hardly waits between attempts."""
    http = HttpSettings(retry=RetryPolicy(first_wait=0.001))
    realm = token_service[0].url.removeprefix("http://")
    folders = iter(range(100))

    def run(reference: str) -> ImageReading:
        host = reference.partition("/")[0]
        registries = RegistrySettings.parse(f"http://{host}?realm={realm}")
        store = tmp_path / str(next(folders))
        settings = ClientSettings(store, registries, http, docker_config=tmp_path / "none" / "config.json")
        with SourceRecipe(parse_location(reference), settings).open() as source:
            return read_image(source)

    return run


def true_digest(server, tag: str) -> str:
    return json.loads(server.inspect(tag))["Digest"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 501, 503, CLOSES])
def test_head_is_refused(proxied, read, open_registry, pushed, status: int) -> None:
    proxy = proxied(open_registry.host)
    proxy.head = status
    found = read(f"{proxy.host}/ml/image:docker-v2")
    assert str(found.digest) == true_digest(open_registry, "docker-v2")
    assert [image.kind for image in found.images] == ["image"]
    assert ("HEAD", "/v2/ml/image/manifests/docker-v2") in proxy.seen


@pytest.mark.parametrize("lies", ["HEAD", "GET", "both", "none"])
def test_a_header_names_another_digest(proxied, read, open_registry, pushed, lies: str) -> None:
    proxy = proxied(open_registry.host)

    def change(method: str, path: str, headers: Headers) -> None:
        if "/manifests/umoci" in path and lies in {method, "both"}:
            headers["Docker-Content-Digest"] = NOBODYS
        if lies == "none":
            headers.pop("Docker-Content-Digest", None)

    proxy.change = change
    found = read(f"{proxy.host}/ml/image:umoci")
    assert str(found.digest) == true_digest(open_registry, "umoci")
    assert [image.kind for image in found.images] == ["image"]


def test_another_manifest_under_a_digest_is_refused(proxied, read, open_registry, pushed) -> None:
    """A tag is what it leads to; a digest that was asked for is not."""
    proxy = proxied(open_registry.host)
    wanted, other = (true_digest(open_registry, tag) for tag in ("umoci", "docker-v2"))
    proxy.renames = {f"/ml/image/manifests/{wanted}": f"/ml/image/manifests/{other}"}
    with pytest.raises(DigestMismatchError):
        read(f"{proxy.host}/ml/image@{wanted}")


def test_the_scope_is_the_challenges(proxied, read, token_registry, token_service, pushed) -> None:
    """A gateway's name for a repository is not the registry's: only a token for the challenge's scope opens it."""
    proxy = proxied(token_registry.host)
    proxy.renames = {"/public/model/": "/ml/image/"}
    asked = token_service[2]
    before = len(asked)
    found = read(f"{proxy.host}/public/model:umoci")
    assert [image.kind for image in found.images] == ["image"]
    assert {one["scope"] for one in asked[before:]} == {"repository:ml/image:pull"}


def test_a_challenge_without_scope(proxied, read, token_registry, token_service, pushed) -> None:
    proxy = proxied(token_registry.host)

    def change(method: str, path: str, headers: Headers) -> None:
        challenge = headers.get("Www-Authenticate")
        if challenge is not None:
            headers["Www-Authenticate"] = challenge.partition(",scope=")[0]

    proxy.change = change
    asked = token_service[2]
    before = len(asked)
    assert read(f"{proxy.host}/ml/image:umoci").images
    assert {one["scope"] for one in asked[before:]} == {"repository:ml/image:pull"}


def test_a_scope_of_something_else_opens_nothing(proxied, read, token_registry, pushed) -> None:
    proxy = proxied(token_registry.host)

    def change(method: str, path: str, headers: Headers) -> None:
        challenge = headers.get("Www-Authenticate")
        if challenge is not None:
            headers["Www-Authenticate"] = challenge.replace("ml/image", "ml/other")

    proxy.change = change
    with pytest.raises(UnauthorizedError):
        read(f"{proxy.host}/ml/image:umoci")
    assert len(proxy.seen) < 8


@pytest.mark.parametrize(("status", "error"), [(404, GoneError), (405, FetchError)])
def test_both_ways_refused_says_what_get_said(proxied, read, open_registry, pushed, status, error) -> None:
    proxy = proxied(open_registry.host)
    proxy.head = status
    with pytest.raises(error, match="manifest unknown"):
        read(f"{proxy.host}/ml/image:nobody")
