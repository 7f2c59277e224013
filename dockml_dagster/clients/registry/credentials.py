"""Logins as Docker stores them: config.json and credential helpers. Read-only; values are never shown.

Here: finding the login for a host. Not here: where it may be sent (``tokens``, ``settings``).

Source: docs.docker.com "docker login" (credential stores, credential helpers), docker-credential-helpers' protocol.
"""

import base64
import binascii
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockml_dagster.clients.http.errors import SettingError

HUB_KEY = "https://index.docker.io/v1/"
MAX_CONFIG_BYTES = 4 << 20
HELPER_SECONDS = 30

_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HUB_HOSTS = frozenset({"registry-1.docker.io", "docker.io", "index.docker.io"})


@dataclass(frozen=True, slots=True)
class Login:
    """A login for one registry: name and password, an identity token (exchanged for access tokens), or an access token."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str | None = field(default=None, repr=False)
    registry_token: str | None = field(default=None, repr=False)

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class DockerCredentials:
    """Logins by host, each looked up once. Safe to share between threads.

    ``path``: the config.json to read; by default that of ``$DOCKER_CONFIG`` or ``~/.docker``. It need not
    exist.
    """

    def __init__(self, path: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        values = os.environ if environment is None else environment
        folder = values.get("DOCKER_CONFIG")
        self.path = path or (Path(folder) if folder else Path.home() / ".docker") / "config.json"
        self._known: dict[str, Login | None] = {}
        self._lock = threading.Lock()

    def find(self, host: str) -> Login | None:
        """The login for ``host[:port]``, or None if there is none.

        Raises SettingError if the file cannot be read or a helper fails: going on without the login would
        look like "no such image".
        """
        with self._lock:
            if host not in self._known:
                self._known[host] = self._look_up(host)
            return self._known[host]

    def _look_up(self, host: str) -> Login | None:
        document = self._document()
        helpers = document.get("credHelpers")
        store = document.get("credsStore")
        keys = _keys(host)
        if isinstance(helpers, dict):
            for key in keys:
                if isinstance(helpers.get(key), str):
                    return _ask_helper(helpers[key], key)
        entries = document.get("auths")
        found = _entry(entries, host) if isinstance(entries, dict) else None
        login = _login_of(found, host) if found is not None else None
        if login is None and isinstance(store, str) and store:
            return _ask_helper(store, keys[0])
        return login

    def _document(self) -> dict[str, object]:
        try:
            with self.path.open("rb") as file:
                body = file.read(MAX_CONFIG_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise SettingError(f"Docker's config.json cannot be read ({error.strerror})") from None
        try:
            document = json.loads(body) if len(body) <= MAX_CONFIG_BYTES else None
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise SettingError("Docker's config.json is no JSON object")
        return document


def _keys(host: str) -> tuple[str, ...]:
    return (
        (HUB_KEY, "docker.io", "index.docker.io", host) if host in _HUB_HOSTS else (host, f"https://{host}")
    )


def _entry(entries: Mapping[str, object], host: str) -> Mapping[str, object] | None:
    keys = _keys(host)
    for key in keys:
        if isinstance(entries.get(key), dict):
            return entries[key]  # type: ignore[return-value]
    # Old clients wrote addresses: https://host/v1/
    for key, value in entries.items():
        bare = key.partition("://")[2] or key
        if (
            isinstance(value, dict)
            and bare.partition("/")[0] == host
            and bare.partition("/")[2] in {"v1/", "v2/", "v1", "v2"}
        ):
            return value
    return None


def _login_of(entry: Mapping[str, object], host: str) -> Login | None:
    def text(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    username, password = text("username"), text("password")
    if text("auth"):
        try:
            decoded = base64.b64decode(text("auth"), validate=True).decode().rstrip("\x00")
        except (binascii.Error, UnicodeDecodeError):
            raise SettingError(f"Docker's config.json: the login for {host} cannot be decoded") from None
        username, colon, password = decoded.partition(":")
        if not colon:
            raise SettingError(f"Docker's config.json: the login for {host} has no password")
    identity, access = text("identitytoken") or None, text("registrytoken") or None
    if not username and identity is None and access is None:
        # `docker login` with a credential store leaves an empty entry behind.
        return None
    return Login(username, password, identity, access)


def _ask_helper(name: str, key: str) -> Login | None:
    if not _HELPER_NAME.fullmatch(name):
        raise SettingError(
            f"Docker's config.json names a credential helper that no program can have: {name[:60]!r}"
        )
    import subprocess

    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=HELPER_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SettingError(f"{program}, which Docker's config.json names, is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingError(f"{program} failed ({type(error).__name__})") from None
    if done.returncode != 0:
        # The helpers have no exit code for "no login"; they all print this sentence.
        if b"credentials not found" in done.stdout + done.stderr:
            return None
        raise SettingError(f"{program} failed with exit code {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SettingError(f"{program} gave an answer that cannot be read") from None
    if not isinstance(username, str) or not isinstance(secret, str) or not secret:
        return None
    return Login(identity_token=secret) if username == "<token>" else Login(username, secret)
