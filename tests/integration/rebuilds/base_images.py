"""Base images made on the spot: a registry on loopback that answers any name and tag.

Here: an image whose every program writes random bytes where it is told and does nothing else, so that no RUN needs what it
names, and two runs differ as two real ones do. Not here: the builder (``builder``).
"""

import hashlib
import io
import json
import struct
import tarfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_ADDRESS = 0x400000
_SHELLS = ("bin/sh", "bin/bash", "usr/bin/bash", "bin/ash", "usr/bin/env")


def program(writes: Iterable[str]) -> bytes:
    """An x86-64 Linux program that writes 16 random bytes into each of these files, where it may, and ends well."""
    code, data = bytearray(), bytearray(32)
    paths = [*writes]
    # open, getrandom and write take 83 bytes a path; what they point at lies after all code.
    start = _ADDRESS + 64 + 56
    data_at = start + 83 * len(paths) + 9
    for path in paths:
        at = data_at + len(data)
        data += path.encode() + b"\0"
        piece = b"\xb8" + struct.pack("<I", 2) + b"\x48\xbf" + struct.pack("<Q", at)
        piece += (
            b"\xbe" + struct.pack("<I", 0o1001) + b"\x31\xd2\x0f\x05\x89\xc3"
        )  # open(path, O_WRONLY | O_TRUNC)
        piece += b"\xb8" + struct.pack("<I", 318) + b"\x48\xbf" + struct.pack("<Q", data_at)
        piece += b"\xbe" + struct.pack("<I", 16) + b"\x31\xd2\x0f\x05"  # getrandom(buffer, 16, 0)
        piece += b"\xb8" + struct.pack("<I", 1) + b"\x89\xdf\x48\xbe" + struct.pack("<Q", data_at)
        piece += b"\xba" + struct.pack("<I", 16) + b"\x0f\x05"  # write(file, buffer, 16)
        assert len(piece) <= 83
        code += piece.ljust(83, b"\x90")
    code += b"\xb8" + struct.pack("<I", 60) + b"\x31\xff\x0f\x05"  # exit(0)
    size = 64 + 56 + len(code) + len(data)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0, _ADDRESS, _ADDRESS, size, size, 0x1000)
    return header + segment + bytes(code) + bytes(data)


def layer(folders: Iterable[str], programs: Iterable[str], users: Iterable[str]) -> bytes:
    """A layer with a program under every name, and a file for random bytes in each folder that somebody copies from."""
    places = sorted({folder.strip("/") for folder in folders})
    run = program(f"/{place}/.token".replace("//", "/") for place in places)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        seen: set[str] = set()

        def folder(name: str) -> None:
            parts = name.split("/")
            for count in range(1, len(parts) + 1):
                path = "/".join(parts[:count])
                if path and path not in seen:
                    seen.add(path)
                    entry = tarfile.TarInfo(path)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o777
                    tar.addfile(entry)

        def file(name: str, data: bytes, mode: int) -> None:
            if name in seen:
                return
            folder(name.rpartition("/")[0])
            seen.add(name)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))

        for name in sorted({*_SHELLS, *(name.strip("/") for name in programs)}):
            file(name, run, 0o755)
        people = [
            "root:x:0:0::/:/bin/sh",
            *(f"{user}:x:{1000 + at}:{1000 + at}::/:/bin/sh" for at, user in enumerate(sorted(set(users)))),
        ]
        file("etc/passwd", "\n".join(people).encode() + b"\n", 0o644)
        groups = ["root:x:0:", *(f"{user}:x:{1000 + at}:" for at, user in enumerate(sorted(set(users))))]
        file("etc/group", "\n".join(groups).encode() + b"\n", 0o644)
        folder("tmp")
        for place in places:
            file(f"{place}/.token".lstrip("/"), b"", 0o666)
    return stream.getvalue()


class _Images:
    """Every image that was asked for, by its reference; blobs and manifests by digest."""

    def __init__(self, common: bytes) -> None:
        self.common = common
        self.content: dict[str, tuple[str, bytes]] = {}
        self.references: dict[str, str] = {}

    def keep(self, kind: str, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.content[digest] = (kind, data)
        return digest

    def manifest(self, name: str, reference: str) -> str:
        if reference in self.content:
            return reference
        whole = f"{name}:{reference}"
        if whole not in self.references:
            # The reference is content: two tags of equal layers would be one image to BuildKit.
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w") as tar:
                entry = tarfile.TarInfo(".reference")
                entry.size = len(whole)
                tar.addfile(entry, io.BytesIO(whole.encode()))
            layers = [self.common, stream.getvalue()]
            digests = ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]
            config = json.dumps(
                {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
                 "rootfs": {"type": "layers", "diff_ids": digests}, "history": [{}, {}]}
            ).encode()  # fmt: skip
            parts = [
                {"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": len(data),
                 "digest": self.keep("application/octet-stream", data)}
                for data in layers
            ]  # fmt: skip
            about = {
                "schemaVersion": 2, "mediaType": _MANIFEST,
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config),
                           "digest": self.keep("application/octet-stream", config)},
                "layers": parts,
            }  # fmt: skip
            self.references[whole] = self.keep(_MANIFEST, json.dumps(about).encode())
        return self.references[whole]


@contextmanager
def any_image(common: bytes) -> Iterator[str]:
    """A registry on loopback; yields ``host:port``. Any other path than a registry's gives its own name as content."""
    images = _Images(common)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path in ("/v2", "/v2/"):
                self.answer("application/json", b"{}")
            elif path.startswith("/v2/") and "/manifests/" in path:
                name, reference = path[4:].split("/manifests/")
                digest = images.manifest(name, reference)
                self.answer(*images.content[digest], digest=digest)
            elif path.startswith("/v2/") and "/blobs/" in path:
                digest = path.rsplit("/", 1)[1]
                self.answer(*images.content[digest], digest=digest)
            else:
                self.answer("application/octet-stream", path.encode())

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, kind: str, data: bytes, digest: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
