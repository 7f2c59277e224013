"""Images from a Docker Engine (or podman's compatible API) over its socket: ``GET /images/NAME/get``, streamed.

Here: finding the socket, the request, what its answers mean. Not here: what the archive in the answer holds
(``images/sources``). Source: Docker Engine API v1.41, "Export an image". A daemon on another machine is never asked:
that is what a registry is for.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dockml_dagster.clients.http.errors import FetchError, GoneError, SettingError, UnavailableError

_PATIENCE: Final = 120.0
"""Socket timeout in seconds: long, because an engine packs the first layer before it sends a byte."""


@contextmanager
def saved_image(name: str, environment: Mapping[str, str] = os.environ) -> Iterator[http.client.HTTPResponse]:
    """The stream that ``docker save NAME`` writes. Raises GoneError
    if the engine has no such image, SettingError if there is no engine.
    """
    path = engine_socket(environment)
    connection = _Connection(path)
    try:
        connection.request("GET", f"/images/{quote(name, safe='')}/get", headers={"Host": "docker"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise _error(name, answer.status, answer.read(4096))
        yield answer
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        kind = (
            SettingError
            if isinstance(error, (PermissionError, ConnectionRefusedError, FileNotFoundError))
            else UnavailableError
        )
        raise kind(f"the Docker Engine's socket {path}: {reason}", subject=f"docker-daemon:{name}") from None
    finally:
        connection.close()


def engine_socket(environment: Mapping[str, str]) -> Path:
    """Where an engine listens: ``DOCKER_HOST``, Docker's usual places (rootless and Desktop too), podman's.

    Raises SettingError.
    """
    host = environment.get("DOCKER_HOST", "")
    if host:
        if not host.startswith("unix://"):
            raise SettingError("only an engine on this machine is asked (unix://PATH)", subject="DOCKER_HOST")
        return Path(host.removeprefix("unix://"))
    folder = environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    home = environment.get("HOME", "/root")
    places = [
        "/var/run/docker.sock",
        f"{folder}/docker.sock",
        f"{home}/.docker/run/docker.sock",
        f"{folder}/podman/podman.sock",
        "/run/podman/podman.sock",
    ]
    for place in places:
        if Path(place).is_socket():
            return Path(place)
    raise SettingError("no Docker Engine on this machine; DOCKER_HOST=unix://PATH says where one listens")


def _error(name: str, status: int, body: bytes) -> FetchError:
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        message = f"status {status}"
    subject = f"docker-daemon:{name}"
    # Docker answers 404, podman also 500, for a name it does not know.
    if status == 404 or "no such image" in message.lower():
        return GoneError("the Docker Engine has no such image", subject=subject)
    return UnavailableError(f"the Docker Engine: {message}", subject=subject, status=status)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(str(self._path))
