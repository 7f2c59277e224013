"""Stand-in servers on loopback, and a small registry inside the process, that counts and misbehaves on request.

Here: what tests of the clients and of the commands over them both serve. Not here: what is asked of it.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | str | None = None  # the Content-Length to claim; "none" to send none
    cut_at: int | None = None  # close the connection after so many bytes of the body
    drip_seconds: float = 0.0  # send the body a byte at a time


Behaviour = Callable[[Asked], Reply]


class StandIn:
    """A server that answers as ``behaviour`` says and remembers what it was asked."""

    def __init__(self, behaviour: Behaviour, host: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                stand_in.connections += 1
                super().setup()

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command,
                    parts.path,
                    {name: values[-1] for name, values in parse_qs(parts.query).items()},
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                stand_in.asked.append(asked)
                self._send(behaviour(asked))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.length == "none":
                    self.close_connection = True
                elif not any(name.lower() == "content-length" for name in reply.headers):
                    length = len(reply.body) if reply.length is None else reply.length
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.command != "HEAD" and reply.drip_seconds:
                    for byte in reply.body:
                        self.wfile.write(bytes([byte]))
                        time.sleep(reply.drip_seconds)
                elif self.command != "HEAD":
                    self.wfile.write(reply.body[: reply.cut_at])
                if reply.cut_at is not None or isinstance(reply.length, int):
                    self.close_connection = True

            do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - http.server's names

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self.host = f"{host}:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def count(self, method: str, part: str = "") -> int:
        return sum(1 for asked in self.asked if asked.method == method and part in asked.path)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FakeRegistry:
    """Manifests and blobs in memory. ``before``: looks at each request first and may answer it."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.before: Callable[[Asked], Reply | None] = lambda asked: None
        self.digest_header = True
        self.ranges = True

    def blob(self, content: bytes, media_type: str = OCI_LAYER) -> dict:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def manifest(
        self, name: str, document: dict | bytes, tag: str | None = None, served_as: str | None = None
    ) -> dict:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        media_type = served_as or json.loads(body)["mediaType"]
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.manifests[name, digest] = (media_type, body)
        if tag is not None:
            self.manifests[name, tag] = (media_type, body)
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def image(
        self, name: str, tag: str | None = None, layers: tuple[bytes, ...] = (b"layer",), **config: object
    ) -> dict:
        document = {"os": "linux", "architecture": "amd64", **config}
        return self.manifest(
            name,
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": self.blob(json.dumps(document).encode(), OCI_CONFIG),
                "layers": [self.blob(layer) for layer in layers],
            },
            tag,
        )

    def __call__(self, asked: Asked) -> Reply:
        early = self.before(asked)
        if early is not None:
            return early
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", asked.path)
        if found is None:
            return Reply(404)
        name, kind, rest = found.groups()
        if kind == "blobs":
            return self._blob(rest, asked)
        if (name, rest) not in self.manifests:
            return error_reply(404, "MANIFEST_UNKNOWN")
        media_type, body = self.manifests[name, rest]
        headers = {"Content-Type": media_type}
        if self.digest_header:
            headers["Docker-Content-Digest"] = "sha256:" + hashlib.sha256(body).hexdigest()
        return Reply(200, body, headers)

    def _blob(self, digest: str, asked: Asked) -> Reply:
        if digest not in self.blobs:
            return error_reply(404, "BLOB_UNKNOWN")
        content = self.blobs[digest]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if wanted is None or not self.ranges:
            return Reply(200, content)
        start, end = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
        headers = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
        return Reply(206, content[start : end + 1], headers)


def error_reply(status: int, code: str, message: str = "as told") -> Reply:
    return Reply(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())


REPOSITORY_FIELDS = frozenset(
    "affiliation categories collaborator_count content_types date_registered description full_description has_starred "
    "hub_user immutable_tags_settings is_automated is_private last_updated media_types name namespace permissions "
    "pull_count repository_type source star_count status status_description storage_size user".split()
)
TAG_FIELDS = frozenset(
    "creator full_size id images last_updated last_updater last_updater_username name repository status "
    "tag_last_pulled tag_last_pushed v2".split()
)
TAG_IMAGE_FIELDS = frozenset(
    "architecture digest features last_pulled last_pushed layers os os_features os_version size status variant".split()
)
"""What Docker Hub's published description names (docs.docker.com/reference/api/hub/latest: repository_info, tag, image)."""


class FakeHub:
    """Docker Hub's web interface: ``repositories`` and ``tags`` by ``namespace/name``; what is not there is a 404.

    Questions that the published description does not know, and answers with fields that it does not name, are
    ``violations``. ``before``: looks at each request first and may answer it.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict] = {}
        self.tags: dict[str, list[dict]] = {}
        self.violations: list[str] = []
        self.before: Callable[[Asked], Reply | None] = lambda asked: None

    def add(self, name: str, *, tags: tuple[dict, ...] = (), **fields: object) -> None:
        namespace, _, short = name.partition("/")
        self.repositories[name] = {"namespace": namespace, "name": short, "is_private": False, **fields}
        self.tags[name] = list(tags)
        self._check(self.repositories[name], REPOSITORY_FIELDS)
        for tag in tags:
            self._check(tag, TAG_FIELDS)
            for image in tag.get("images", ()):
                self._check(image, TAG_IMAGE_FIELDS)

    def __call__(self, asked: Asked) -> Reply:
        found = re.fullmatch(r"/v2/namespaces/([^/]+)/repositories/([^/]+)(/tags)?", asked.path)
        if found is None or asked.method != "GET" or asked.query.keys() - {"page", "page_size"}:
            self.violations.append(f"{asked.method} {asked.path} {asked.query}")
            return Reply(404)
        early = self.before(asked)
        if early is not None:
            return early
        name = f"{found[1]}/{found[2]}"
        if name not in self.repositories:
            return Reply(404, json.dumps({"message": "object not found", "errinfo": {}}).encode())
        if found[3] is None:
            return Reply(200, json.dumps(self.repositories[name]).encode())
        size, page = int(asked.query.get("page_size", 10)), int(asked.query.get("page", 1))
        tags = self.tags[name]
        if not 1 <= size <= 100:
            self.violations.append(f"a page of {size}")
        if (page - 1) * size >= 1_000:
            # Without a login nothing is shown beyond it, since 2026-08-11 (goharbor/harbor#23819).
            return Reply(403, json.dumps({"message": "forbidden", "errinfo": {}}).encode())
        following = f"https://hub.docker.com{asked.path}?page={page + 1}" if page * size < len(tags) else None
        document = {
            "count": len(tags),
            "next": following,
            "previous": None,
            "results": tags[(page - 1) * size : page * size],
        }
        return Reply(200, json.dumps(document).encode())

    def _check(self, document: dict, known: frozenset[str]) -> None:
        self.violations += sorted(document.keys() - known)
