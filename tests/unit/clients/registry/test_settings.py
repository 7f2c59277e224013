"""DOCKML_REGISTRIES: its forms, its refusals, and where a login may go."""

import pytest

from dockml_dagster.clients.http.errors import RefusedHostError, SettingError
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.study.image.reference import Registry


def _places(setting: str | None, registry: str) -> list[str]:
    places = RegistrySettings.parse(setting).places(Registry.parse(registry))
    return [place.address + (f"/{place.prefix}" if place.prefix else "") for place in places]


@pytest.mark.parametrize(
    ("setting", "registry", "places"),
    [
        (None, "docker.io", ["https://registry-1.docker.io"]),
        ("", "quay.io", ["https://quay.io"]),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", ["http://127.0.0.1:5000"]),
        ("http://[::1]:5000", "[::1]:5000", ["http://[::1]:5000"]),
        ("registry.example.com", "registry.example.com", ["https://registry.example.com"]),
        (
            "https://registry.example.com:5443",
            "registry.example.com:5443",
            ["https://registry.example.com:5443"],
        ),
        ("docker.io=http://127.0.0.1:5000", "docker.io", ["http://127.0.0.1:5000"]),
        ("docker.io=http://127.0.0.1:5000", "registry-1.docker.io", ["http://127.0.0.1:5000"]),
        ("docker.io=http://127.0.0.1:5000", "quay.io", ["https://quay.io"]),
        (
            "docker.io=https://m.example.com/hub|docker.io",
            "docker.io",
            ["https://m.example.com/hub", "https://registry-1.docker.io"],
        ),
        (" a.example ,\n b.example?realm=sso.example ", "b.example", ["https://b.example"]),
    ],
)
def test_places(setting: str | None, registry: str, places: list[str]) -> None:
    assert _places(setting, registry) == places


def test_prefix_goes_before_the_path() -> None:
    place = RegistrySettings.parse("docker.io=https://m.example/hub/proxy").places(Registry("docker.io"))[0]
    assert place.path("library/debian") == "hub/proxy/library/debian"


@pytest.mark.parametrize(
    "setting",
    [
        "http://",
        "a b=c://d",
        "ftp://x.example",
        "x.example/prefix",
        "=x.example",
        "docker.io=",
        "x.example?password=a",
        "x.example?realm=",
        "x.example?realm=a/b",
        "http://x.example:0",
        "docker.io=m.example/UP",
        "http://user:hunter2@x.example",
    ],
)
def test_refuses(setting: str) -> None:
    with pytest.raises(SettingError, match="DOCKML_REGISTRIES") as caught:
        RegistrySettings.parse(setting)
    assert "hunter2" not in str(caught.value)


def test_only_what_is_configured_may_be_private() -> None:
    policy = RegistrySettings.parse("http://127.0.0.1:5000").host_policy()
    policy.check("http://127.0.0.1:5000/v2/")
    policy.check("https://ghcr.io/v2/")
    with pytest.raises(RefusedHostError):
        policy.check("http://127.0.0.1:5001/v2/")
    with pytest.raises(RefusedHostError):
        RegistrySettings.parse(None).host_policy().check("http://127.0.0.1:5000/v2/")


@pytest.mark.parametrize(
    ("setting", "registry", "realm", "may"),
    [
        (None, "docker.io", "https://auth.docker.io/token", True),
        (None, "quay.io", "https://auth.docker.io/token", False),
        (None, "quay.io", "https://quay.io/v2/auth", True),
        (None, "quay.io", "https://quay.io.evil.example/", False),
        (None, "quay.io", "http://quay.io/", False),
        ("r.example?realm=sso.example", "r.example", "https://sso.example/t", True),
        ("r.example?realm=sso.example", "quay.io", "https://sso.example/t", False),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", "http://127.0.0.1:5000/token", True),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", "http://127.0.0.1:5057/token", False),
        ("http://127.0.0.1:5000?realm=127.0.0.1:5057", "127.0.0.1:5000", "http://127.0.0.1:5057/token", True),
        (
            "http://127.0.0.1:5000?realm=127.0.0.1:5057",
            "127.0.0.1:5000",
            "http://127.0.0.1:5058/token",
            False,
        ),
        ("r.example?realm=sso.example", "r.example", "https://sso.example:8443/t", False),
        ("r.example?realm=sso.example:8443", "r.example", "https://sso.example:8443/t", True),
        ("r.example:444", "r.example:444", "https://r.example/t", False),
        (None, "nvcr.io", "https://authn.nvidia.com:8443/t", False),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", "http://127.0.0.2:5057/token", False),
        ("http://10.0.0.1:5000", "10.0.0.1:5000", "http://10.0.0.1:5000/token", False),
    ],
)
def test_where_a_login_may_go(setting: str | None, registry: str, realm: str, may: bool) -> None:
    settings = RegistrySettings.parse(setting)
    place = settings.places(Registry.parse(registry))[0]
    assert settings.may_have_login(place, Origin.of(realm)) is may


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        (None, "https://hub.docker.com"),
        ("registry.example.com", "https://hub.docker.com"),
        ("docker.io=https://mirror.example.com/hub|docker.io", "https://hub.docker.com"),
        ("docker.io=https://mirror.example.com/hub", None),
        ("docker.io=https://mirror.example.com/hub hub.docker.com=http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("hub.docker.com=https://proxy.example.com/hub-web", "https://proxy.example.com/hub-web"),
    ],
)
def test_who_asks_mirrors_only_tells_docker_hub_nothing(setting: str | None, address: str | None) -> None:
    assert RegistrySettings.parse(setting).web_interface() == address


def test_own_registries_are_those_named_beside_docker_hub() -> None:
    setting = "registry.example.com http://localhost:5000 docker.io=https://m.example.com hub.docker.com=https://h.example.com"
    assert RegistrySettings.parse(setting).own == {"registry.example.com", "localhost:5000"}
    assert RegistrySettings.parse(None).own == frozenset()
