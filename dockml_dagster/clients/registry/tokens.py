"""Authentication at registries: challenges met with access tokens, one per place and scope, or with a login.

Here: which ``Authorization`` to send, and keeping tokens until they expire. Nothing here is written to disk or shown.
Not here: reading a challenge (``challenge``), finding a login (``credentials``), which hosts are trusted with it
(``settings``).

Sources: distribution's "Token authentication specification" and "OAuth2 token authentication"; where real registries
deviate (seen at ghcr.io, nvcr.io), a comment says so.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from dockml_dagster.clients.http.client import HttpClient
from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, UnauthorizedError
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.registry.challenge import Challenge, parse_challenges
from dockml_dagster.clients.registry.credentials import DockerCredentials, Login
from dockml_dagster.clients.registry.settings import Place, RegistrySettings
from dockml_dagster.study.formats.json import load_or_none

_SCOPE = re.compile(r"[a-z]+(?:\([a-z]+\))?:[^\s:]+(?::\d+/[^\s:]+)?:[a-z*,]+")
"""A scope as token services read it: type, name, actions (distribution: "Token Scope Documentation")."""
MAX_TOKEN_BODY = 1 << 20
# The specification's lifetime for a token that states none.
DEFAULT_LIFETIME = 60.0
# A token is not used in its last seconds, so that it does not expire during a request.
EARLY = 10.0

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
# An anonymous token of these registries serves every repository, and issuing tokens is rate-limited.
_ONE_ANONYMOUS_TOKEN = frozenset({"ghcr.io"})


@dataclass(frozen=True, slots=True)
class _Token:
    authorization: str = field(repr=False)
    expires_at: float


class Authenticator:
    """The access tokens of one run. Safe to share between threads, which share the request for a token."""

    def __init__(
        self,
        http: HttpClient,
        settings: RegistrySettings,
        credentials: DockerCredentials,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self._settings, self._credentials, self._now = http, settings, credentials, now
        self._tokens: dict[tuple[Place, str], _Token] = {}
        self._challenges: dict[Place, Challenge] = {}
        self._locks: dict[Place, threading.Lock] = {}
        self._lock = threading.Lock()

    def known(self, place: Place, scope: str) -> str | None:
        """The ``Authorization`` to send with a first request, or
        None: none is known yet, or none is needed.

        Once a place has asked for tokens, tokens for its other repositories are fetched before it asks again.
        """
        with self._lock:
            token = self._tokens.get(self._key(place, scope))
            challenge = self._challenges.get(place)
        if token is not None and token.expires_at > self._now():
            return token.authorization
        return None if challenge is None else self._meet(place, scope, challenge, refused=None)

    def meet(self, place: Place, scope: str, header: str | None, refused: str | None = None) -> str:
        """The ``Authorization`` that answers a 401 with this ``WWW-Authenticate``.

        ``refused``: the one that was sent and not accepted. Raises UnauthorizedError if no login of ours can meet it.
        """
        challenges = parse_challenges(header)
        for scheme in ("bearer", "basic"):
            for challenge in challenges:
                if challenge.scheme == scheme:
                    return self._meet(place, scope, challenge, refused)
        offered = ", ".join(challenge.scheme for challenge in challenges) or "none"
        raise UnauthorizedError(
            f"asks for a login of an unknown kind ({offered})", subject=place.address, status=401
        )

    def forget(self, place: Place, scope: str) -> None:
        """Drop the token and the place's challenge. After an expired token nvcr.io names another realm, which refuses
        everyone; asked without any token it names the right one.
        """
        with self._lock:
            self._tokens.pop(self._key(place, scope), None)
            self._challenges.pop(place, None)

    def _meet(self, place: Place, scope: str, challenge: Challenge, refused: str | None) -> str:
        login = self._credentials.find(place.host)
        if challenge.scheme == "basic":
            return self._basic(place, login)
        if login is not None and login.registry_token is not None:
            return self._bearer(login.registry_token, place)
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        key = self._key(place, scope)
        with lock:
            with self._lock:
                token = self._tokens.get(key)
            if token is not None and token.expires_at > self._now() and token.authorization != refused:
                return token.authorization
            token = self._mint(place, scope, challenge, login)
            with self._lock:
                self._tokens[key] = token
                # The next repository has its own scope.
                self._challenges[place] = challenge.without("scope")
            return token.authorization

    def _basic(self, place: Place, login: Login | None) -> str:
        if login is None or not login.username:
            raise UnauthorizedError(
                f"needs a login; `docker login {place.host}` leaves one in Docker's config.json",
                subject=place.address,
                status=401,
            )
        if place.origin.scheme != "https" and not place.origin.is_loopback:
            raise UnauthorizedError("a login is not sent by plain http", subject=place.address, status=401)
        # Remembered like a token that never expires: the next request needs no challenge.
        with self._lock:
            self._challenges[place] = Challenge("basic")
        return login.basic

    def _mint(self, place: Place, scope: str, challenge: Challenge, login: Login | None) -> _Token:
        realm = challenge.get("realm")
        if not realm:
            raise BrokenContentError("asks for a token and does not say where", subject=place.address)
        origin = Origin.of(realm)
        beside = replace(origin, port=place.origin.port) == place.origin
        if beside and place.origin in self._http.policy.configured:
            # A configured registry may have its token service on another port of its host.
            self._http.allow(origin)
        self._http.policy.check(realm, redirected=True)
        if origin.scheme != "https" and place.origin.scheme == "https":
            raise UnauthorizedError(
                "its tokens are handed out by plain http only", subject=place.address, status=401
            )
        trusted = login is not None and self._settings.may_have_login(place, origin)
        started = self._now()
        try:
            body = self._ask(realm, scope, challenge, login if trusted else None)
        except FetchError as error:
            if login is not None and not trusted and isinstance(error, UnauthorizedError):
                raise self._withheld(place, origin) from None
            raise
        return self._read_token(body, place, started)

    def _ask(self, realm: str, scope: str, challenge: Challenge, login: Login | None) -> bytes:
        service = challenge.get("service")
        # The scope that the registry names is what its token service understands; ours is only what the specification says.
        said = challenge.get("scope") or ""
        if said and all(map(_SCOPE.fullmatch, said.split(" "))):
            scope = said
        if login is not None and login.identity_token is not None:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "dockml",
                "scope": scope,
                **({"service": service} if service else {}),
            }
            with self._http.request("POST", realm, data=form) as answer:
                return answer.read(MAX_TOKEN_BODY)
        parts = urlsplit(realm)
        query = parse_qsl(parts.query, keep_blank_values=True)
        query += [("service", service)] if service else []
        query += [("scope", scope)]
        address = urlunsplit(parts._replace(query=urlencode(query)))
        authorization = login.basic if login is not None and login.username else None
        with self._http.request("GET", address, authorization=authorization) as answer:
            return answer.read(MAX_TOKEN_BODY)

    def _read_token(self, body: bytes, place: Place, started: float) -> _Token:
        document = load_or_none(body, len(body))
        value = (
            (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
        )
        if not isinstance(value, str):
            raise BrokenContentError("the token service gave no token", subject=place.address)
        lifetime = document.get("expires_in") if isinstance(document, dict) else None
        seconds = (
            float(lifetime) if isinstance(lifetime, int | float) and 0 < lifetime < 1e9 else DEFAULT_LIFETIME
        )
        return _Token(self._bearer(value, place), started + max(seconds - EARLY, seconds / 2))

    def _bearer(self, token: str, place: Place) -> str:
        if not _TOKEN.fullmatch(token):
            raise BrokenContentError("a token that fits no header", subject=place.address)
        return f"Bearer {token}"

    def _withheld(self, place: Place, realm: Origin) -> UnauthorizedError:
        return UnauthorizedError(
            f"the login for {place.host} was not sent to {realm.hostname}, which hands out its tokens; "
            f"{place.host}?realm={realm.hostname} in DOCKML_REGISTRIES allows it",
            subject=place.address,
            status=401,
        )

    def _key(self, place: Place, scope: str) -> tuple[Place, str]:
        if place.origin.hostname in _ONE_ANONYMOUS_TOKEN and self._credentials.find(place.host) is None:
            return place, "*"
        return place, scope
