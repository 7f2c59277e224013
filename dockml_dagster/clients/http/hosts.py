"""Which hosts may be spoken to: an allow-list of names, and no private address unless it was configured.

Here: the list of public registries, the check of an address, and the check of the network address that a name resolved
to (so that a name that points to a private network, now or at the next lookup, gets no request). Not here: who gets which
credential (``clients/registry/credentials``).
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

from dockml_dagster.clients.http.errors import RefusedHostError

# Registries that anyone can pull from, and the hosts of their tokens and APIs. ``*.`` stands for one or more labels, a
# ``*`` between points for one. A cloud provider hosts registries and much else under one domain; a bucket there, which
# anybody can own, is no registry. In the study 92.5 % of base images are on Docker Hub, the rest on these.
PUBLIC_HOSTS = (
    "registry-1.docker.io",
    "auth.docker.io",
    "hub.docker.com",
    "ghcr.io",
    "quay.io",
    "nvcr.io",
    "gcr.io",
    "*.gcr.io",
    "*-docker.pkg.dev",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "*.azurecr.io",
    "public.ecr.aws",
    "*.dkr.ecr.*.amazonaws.com",
    "*.dkr.ecr.*.amazonaws.com.cn",
    "*.dkr-ecr.*.on.aws",
    "registry.gitlab.com",
    "gitlab.com",
    "registry.access.redhat.com",
    "registry.redhat.io",
    "sso.redhat.com",
    "docker.elastic.co",
    "cr.fluentbit.io",
    "lscr.io",
    "registry.opendev.org",
    "registry.hf.space",
    "vault.habana.ai",
    "container-registry.oracle.com",
    "registry.suse.com",
    "registry.fedoraproject.org",
    "icr.io",
    "*.icr.io",
    "cgr.dev",
    "dhi.io",
    "cr.weaviate.io",
    "docker.n8n.io",
    "registry.baidubce.com",
    "*.cnc.*.baidubce.com",
    "swr.*.myhuaweicloud.com",
    "registry.*.aliyuncs.com",
    "*.cr.aliyuncs.com",
    "dockerauth.*.aliyuncs.com",
    "api.github.com",
)

_DEFAULT_PORTS = {"http": 80, "https": 443}
# IPv6 prefixes whose last 32 bits are an IPv4 address that the packet may finally reach: NAT64 (RFC 6052), local-use NAT64
# (RFC 8215), and the old form ``::127.0.0.1`` (RFC 4291, 2.5.5.1).
_WITH_IPV4 = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an address: what a credential belongs to (RFC 6454)."""

    scheme: str
    hostname: str
    port: int

    @classmethod
    def of(cls, address: str) -> "Origin":
        """The origin of ``http(s)://…``. Raises RefusedHostError for anything else, or if it holds a user name."""
        parts = _split(address)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise RefusedHostError("neither http nor https", subject=address)
        if parts.username is not None or parts.password is not None:
            raise RefusedHostError("an address with a user name in it", subject=address)
        return cls(parts.scheme, parts.hostname.rstrip("."), parts.port or _DEFAULT_PORTS[parts.scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, judged by its name alone."""
        if self.hostname == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.hostname).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """Which hosts may be asked. ``names``: public hosts, by https only. ``configured``: origins that the user named;
    these may be private and, where their scheme says so, plain http.
    """

    names: tuple[str, ...] = PUBLIC_HOSTS
    configured: frozenset[Origin] = frozenset()

    def check(self, address: str, *, redirected: bool = False) -> Origin:
        """The origin of an address that may be asked. Raises RefusedHostError.

        An allowed registry may redirect us (``redirected``) to a host that is on no list, since the names of content
        networks change; that host must be public, by https, and gets no credential.
        """
        origin = Origin.of(address)
        if origin in self.configured:
            return origin
        if origin.scheme != "https":
            raise RefusedHostError(
                f"plain http, and {origin.hostname} is not in DOCKML_REGISTRIES with http://", subject=address
            )
        literal = _literal(origin.hostname)
        if literal is not None and not _is_public(literal):
            raise RefusedHostError(
                f"{origin.hostname} is a private address and not in DOCKML_REGISTRIES", subject=address
            )
        if not redirected and not self.allows_name(origin.hostname):
            raise RefusedHostError(
                f"{origin.hostname} is on no list of registries; name it in DOCKML_REGISTRIES to allow it",
                subject=address,
            )
        return origin

    def allows_name(self, hostname: str) -> bool:
        """Whether the host is on the list of public ones."""
        return any(_pattern(name).fullmatch(hostname) for name in self.names)

    def check_network_address(self, origin: Origin, address: str) -> None:
        """Refuse a network address that ``origin``'s name resolved to, if it is private and not configured."""
        literal = _literal(address)
        if origin in self.configured or (literal is not None and _is_public(literal)):
            return
        raise RefusedHostError(
            f"{origin.hostname} leads to a private address and is not in DOCKML_REGISTRIES",
            subject=str(origin),
        )


@cache
def _pattern(name: str) -> re.Pattern[str]:
    first = r"(?:[a-z0-9-]+\.)+" if name.startswith("*.") else ""
    rest = name.removeprefix("*.")
    return re.compile(first + re.escape(rest).replace(r"\*", "[a-z0-9-]+"))


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # reading the property validates the port
    except ValueError:
        raise RefusedHostError("no usable address", subject=address) from None
    return parts


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A scope (fe80::1%eth0) belongs to link-local addresses only.
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # Decimal and octal IPv4 (http://2130706433/) is caught later, when the name is resolved.
        return None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and any(address in network for network in _WITH_IPV4):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast
