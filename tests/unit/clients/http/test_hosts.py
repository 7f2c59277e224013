"""Hosts: what is allowed by name, and that a name that leads inwards gets nothing."""

import socket

import pytest

from dockml_dagster.clients.http.client import HttpClient, HttpSettings
from dockml_dagster.clients.http.errors import RefusedHostError, UnavailableError
from dockml_dagster.clients.http.hosts import HostPolicy, Origin
from dockml_dagster.clients.http.retry import NO_RETRY

HOME = Origin.of("http://127.0.0.1:5000")
POLICY = HostPolicy(names=("quay.io", "*.azurecr.io"), configured=frozenset({HOME}))


@pytest.mark.parametrize(
    "address",
    [
        "https://quay.io/v2/",
        "https://QUAY.io/",
        "https://a.azurecr.io/",
        "https://a.b.azurecr.io/",
        "http://127.0.0.1:5000/x",
    ],
)
def test_allowed(address: str) -> None:
    POLICY.check(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://quay.io/",  # plain http
        "https://azurecr.io/",
        "https://evilazurecr.io/",
        "https://quay.io.evil.example/",
        "https://quay.io@evil.example/",
        "https://user:pw@quay.io/",
        "https://example.com/",
        "http://127.0.0.1:5001/",  # another port than the configured
        "https://127.0.0.1:5000/",  # another scheme
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[64:ff9b:1::7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[::169.254.169.254]/",
        "https://[::]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "ftp://quay.io/",
        "file:///etc/passwd",
        "https:///x",
        "https://quay.io:99999/",
        "https://[::1/",
        "",
    ],
)
def test_refused(address: str) -> None:
    with pytest.raises(RefusedHostError) as caught:
        POLICY.check(address)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["https://cdn.example.com/x", "https://8.8.8.8/", "https://[2001:4860:4860::8888]/"]
)
def test_redirects_may_lead_to_any_public_host_by_https(address: str) -> None:
    POLICY.check(address, redirected=True)


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",  # multicast, which is "global" to the standard library
        "[ff0e::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",  # the same IPv4 address mapped, through 6to4 and through NAT64
        "[2002:a00:1::]",
        "[64:ff9b::a00:1]",
    ],
)
def test_redirects_lead_nowhere_else(host: str) -> None:
    with pytest.raises(RefusedHostError):
        POLICY.check(f"https://{host}/", redirected=True)
    with pytest.raises(RefusedHostError):
        POLICY.check_network_address(Origin.of("https://quay.io/"), host.strip("[]"))


def test_a_redirect_to_plain_http_is_refused() -> None:
    with pytest.raises(RefusedHostError):
        POLICY.check("http://cdn.example.com/", redirected=True)


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name resolve to the next of ``answers``; notes which names were looked up."""
    looked_up: list[str] = []
    remaining = list(answers)

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list:
        looked_up.append(host)
        addresses = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr("dockml_dagster.clients.http.transport.socket.getaddrinfo", getaddrinfo)
    return looked_up


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["169.254.169.254"]])
def test_a_public_name_that_leads_inwards_is_refused(monkeypatch, addresses) -> None:
    _resolving(monkeypatch, addresses)
    connected = []
    monkeypatch.setattr(
        "dockml_dagster.clients.http.transport.create_connection", lambda *a, **k: connected.append(a)
    )
    http = HttpClient(POLICY, HttpSettings(retry=NO_RETRY))
    with pytest.raises(RefusedHostError, match="leads to a private address"):
        http.request("GET", "https://quay.io/v2/")
    assert connected == []


def test_the_checked_address_is_the_one_connected_to(monkeypatch) -> None:
    """A name that answers with a public address first and a private one later (DNS rebinding) is looked up once."""
    looked_up = _resolving(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected = []

    def connect(address, *_):
        connected.append(address)
        raise OSError("as far as this test goes")

    monkeypatch.setattr("dockml_dagster.clients.http.transport.create_connection", connect)
    http = HttpClient(POLICY, HttpSettings(retry=NO_RETRY))
    with pytest.raises(UnavailableError):
        http.request("GET", "https://quay.io/v2/")
    assert (looked_up, connected) == (["quay.io"], [("8.8.8.8", 443)])


def test_all_addresses_of_a_name_are_tried(monkeypatch) -> None:
    _resolving(monkeypatch, ["8.8.8.8", "8.8.4.4"])
    connected = []

    def connect(address, *_):
        connected.append(address[0])
        raise TimeoutError

    monkeypatch.setattr("dockml_dagster.clients.http.transport.create_connection", connect)
    http = HttpClient(POLICY, HttpSettings(retry=NO_RETRY))
    with pytest.raises(UnavailableError, match="in time"):
        http.request("GET", "https://quay.io/v2/")
    assert connected == ["8.8.8.8", "8.8.4.4"]


def test_a_name_with_many_addresses_takes_no_longer_than_a_few(monkeypatch) -> None:
    _resolving(monkeypatch, [f"8.8.8.{number}" for number in range(100)])
    connected = []

    def connect(address, *_):
        connected.append(address[0])
        raise TimeoutError

    monkeypatch.setattr("dockml_dagster.clients.http.transport.create_connection", connect)
    with pytest.raises(UnavailableError, match="in time"):
        HttpClient(POLICY, HttpSettings(retry=NO_RETRY)).request("GET", "https://quay.io/v2/")
    assert len(connected) == 8


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "europe-west1-docker.pkg.dev", "eu.gcr.io", "team.azurecr.io", "registry.cn-hangzhou.aliyuncs.com",
        "team-registry.cn-beijing.cr.aliyuncs.com", "swr.cn-north-4.myhuaweicloud.com", "ccr-1-pub.cnc.bj.baidubce.com",
        "ghcr.io", "quay.io", "nvcr.io", "public.ecr.aws", "mcr.microsoft.com", "registry.k8s.io",
    ],
)  # fmt: skip
def test_names_of_public_registries(host: str) -> None:
    HostPolicy().check(f"https://{host}/v2/")


@pytest.mark.parametrize(
    "host",
    [
        "bucket.s3.amazonaws.com", "x.execute-api.us-east-1.amazonaws.com", "ec2-1-2-3-4.compute-1.amazonaws.com",
        "dkr.ecr.eu-central-1.amazonaws.com", "a.dkr.ecr.eu.evil.amazonaws.com", "bucket.oss-cn-beijing.aliyuncs.com",
        "x.cn-beijing.fc.aliyuncs.com", "bucket.obs.cn-north-4.myhuaweicloud.com", "bucket.bj.bcebos.com", "x.baidubce.com",
        "npm.pkg.dev", "europe-west1-npm.pkg.dev", "swr.cn-north-4.myhuaweicloud.com.evil.example",
    ],
)  # fmt: skip
def test_what_else_lies_in_the_clouds_of_registries_is_no_registry(host: str) -> None:
    with pytest.raises(RefusedHostError):
        HostPolicy().check(f"https://{host}/v2/")
    HostPolicy().check(f"https://{host}/v2/", redirected=True)
