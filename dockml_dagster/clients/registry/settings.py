"""Settings of registries: which may be asked beyond the public ones, and which mirrors serve their images.

Here: the form of ``DOCKML_REGISTRIES``. Entries are separated by white space or commas:

=====================================  =================================================================
``registry.example.com``               this registry is allowed, by https; it may have a private address
``http://127.0.0.1:5000``              the same, by plain http
``docker.io=PLACE``                    images of docker.io are asked for at PLACE and nowhere else
``docker.io=PLACE|PLACE|docker.io``    several places, asked in this order until one has the image
``PLACE?realm=sso.example.com[:PORT]`` the login for PLACE may also be sent there for a token, to no other port
``hub.docker.com=PLACE``               Docker Hub's web interface is asked at PLACE
=====================================  =================================================================

A PLACE is ``[http[s]://]HOST[:PORT][/PREFIX]``. The prefix is put before the repository's path, as pull-through proxies
need it (``https://harbor.example.com/hub-proxy``).

Not here: logins, which are kept in Docker's config.json (``credentials``), and the check of a host
(``clients.http.hosts``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from dockml_dagster.clients.http.errors import RefusedHostError, SettingError
from dockml_dagster.clients.http.hosts import PUBLIC_HOSTS, HostPolicy, Origin
from dockml_dagster.study.image.reference import DOCKER_HUB, ImageReferenceError, Registry

VARIABLE = "DOCKML_REGISTRIES"
_HUB_WEB = "hub.docker.com"
_PREFIX = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")

# Token services of public registries, where they have another host. A login goes there and nowhere
# else.
_KNOWN_REALMS: Mapping[str, frozenset[str]] = {
    "registry-1.docker.io": frozenset({"auth.docker.io"}),
    "registry.gitlab.com": frozenset({"gitlab.com"}),
    "nvcr.io": frozenset({"authn.nvidia.com"}),
    "registry.redhat.io": frozenset({"sso.redhat.com"}),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A host that answers ``/v2/``. ``prefix``: what precedes the repository's path there, or ''."""

    origin: Origin
    prefix: str = ""

    @property
    def address(self) -> str:
        """``scheme://host[:port]``, without a default port."""
        return str(self.origin).removesuffix(":443" if self.origin.scheme == "https" else ":80")

    @property
    def host(self) -> str:
        """``host[:port]``, the name under which Docker keeps the login."""
        return self.address.partition("://")[2]

    def path(self, repository_path: str) -> str:
        """The repository's path at this place."""
        return f"{self.prefix}/{repository_path}" if self.prefix else repository_path


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """``configured``: origins named in the setting. ``routes``: places by registry host. ``realms``: by a place's host,
    further hosts that its login may be sent to, with the port where it is not the default.
    """

    configured: frozenset[Origin] = frozenset()
    routes: Mapping[str, tuple[Place, ...]] = field(default_factory=dict, hash=False)
    realms: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str | None) -> "RegistrySettings":
        """Read the setting; None or empty: only the public registries. Raises SettingError, one line."""
        configured: set[Origin] = set()
        routes: dict[str, tuple[Place, ...]] = {}
        realms: dict[str, frozenset[str]] = {}
        for entry in re.split(r"[\s,]+", text or ""):
            if not entry:
                continue
            # An address has no '=' before its '?', so an '=' there ends a registry's name.
            name, equals, places = entry.partition("=") if "=" in entry.partition("?")[0] else ("", "", entry)
            found = []
            for part in places.split("|"):
                place, trusted = _read_place(part, entry)
                found.append(place)
                configured.add(place.origin)
                if trusted:
                    realms[place.host] = trusted | realms.get(place.host, frozenset())
            if equals:
                routes[_registry(name, entry).host] = tuple(found)
            elif found[0].prefix:
                raise _refusal(entry, "a prefix only makes sense behind NAME=")
            else:
                routes.setdefault(_registry(found[0].host, entry).host, tuple(found))
        return cls(frozenset(configured), routes, realms)

    def places(self, registry: Registry) -> tuple[Place, ...]:
        """Where the images of ``registry`` are asked for, in order."""
        name = DOCKER_HUB if registry.is_docker_hub else registry.host
        found = self.routes.get(registry.host) or self.routes.get(name)
        return found or (Place(Origin.of(f"https://{registry.api_host}")),)

    @property
    def own(self) -> frozenset[str]:
        """Hosts, with port, of the registries other than Docker Hub for which the user named places."""
        return frozenset(
            host for host in self.routes if host != _HUB_WEB and not Registry(host).is_docker_hub
        )

    def web_interface(self) -> str | None:
        """Address of Docker Hub's web API; None if images of docker.io are only asked for at mirrors, so that their names
        do not reach Docker Hub this way either.
        """
        named = self.routes.get(_HUB_WEB)
        if named:
            return f"{named[0].address}/{named[0].prefix}".rstrip("/")
        places = self.places(Registry(DOCKER_HUB))
        direct = Origin.of(f"https://{Registry(DOCKER_HUB).api_host}")
        return f"https://{_HUB_WEB}" if any(place.origin == direct for place in places) else None

    def host_policy(self, *, also: tuple[str, ...] = ()) -> HostPolicy:
        """The hosts that may be asked: the public ones, ``also`` (names), and those configured."""
        return HostPolicy((*PUBLIC_HOSTS, *also), self.configured)

    def may_have_login(self, place: Place, realm: Origin) -> bool:
        """Whether the login for ``place`` may be sent to ``realm``: the same host and port, or one that is known or
        configured for it. A realm without a port has its scheme's default port.

        Never from https to http, and by plain http only within this machine.
        """
        if realm.scheme != "https" and not realm.is_loopback:
            return False
        if realm.scheme != "https" and place.origin.scheme == "https":
            return False
        if (realm.hostname, realm.port) == (place.origin.hostname, place.origin.port):
            return True
        trusted = self.realms.get(place.host, frozenset()) | _KNOWN_REALMS.get(place.host, frozenset())
        usual = realm.port == (443 if realm.scheme == "https" else 80)
        return f"{realm.hostname}:{realm.port}" in trusted or (usual and realm.hostname in trusted)


def _read_place(text: str, entry: str) -> tuple[Place, frozenset[str]]:
    address, _, query = text.partition("?")
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "https", address
    host, _, prefix = rest.partition("/")
    prefix = prefix.rstrip("/")
    registry = _registry(host, entry)
    if prefix and not _PREFIX.fullmatch(prefix):
        raise _refusal(entry, "no usable prefix")
    try:
        origin = Origin.of(f"{scheme}://{registry.api_host}")
    except RefusedHostError as error:
        raise _refusal(entry, error.problem) from None
    options = parse_qsl(query, keep_blank_values=True)
    if any(name != "realm" or not value for name, value in options):
        raise _refusal(entry, "the only option is realm=HOST")
    return Place(origin, prefix), frozenset(_registry(value, entry).host for _, value in options)


def _registry(host: str, entry: str) -> Registry:
    try:
        return Registry.parse(host)
    except ImageReferenceError as error:
        raise _refusal(entry, error.problem) from None


def _refusal(entry: str, problem: str) -> SettingError:
    # An entry might hold a password by mistake, so the part before an @ is not shown.
    return SettingError(f"{VARIABLE}: {entry.rpartition('@')[2][:80]!r}: {problem}")
