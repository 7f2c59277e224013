"""Docker's config.json and credential helpers."""

import base64
import json
from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import SettingError
from dockml_dagster.clients.registry.credentials import MAX_CONFIG_BYTES, DockerCredentials, Login

AUTH = base64.b64encode(b"alice:s3:cret").decode()


@pytest.fixture
def config(tmp_path: Path):
    def write(document: object) -> DockerCredentials:
        path = tmp_path / "config.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return DockerCredentials(path)

    return write


@pytest.fixture
def helper(tmp_path: Path, monkeypatch):
    def install(script: str, name: str = "docker-credential-test") -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return folder

    return install


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("https://quay.io", "quay.io"),
        ("https://quay.io/v1/", "quay.io"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
    ],
)
def test_login_by_host(config, key: str, host: str) -> None:
    found = config({"auths": {key: {"auth": AUTH}, "other.example": {"auth": "eDp5"}}}).find(host)
    assert (found.username, found.password) == ("alice", "s3:cret")


def test_no_login(config, tmp_path) -> None:
    assert config({"auths": {"quay.io": {"auth": AUTH}}}).find("ghcr.io") is None
    assert config({"auths": {"quay.io": {"auth": AUTH}}}).find("evil-quay.io") is None
    assert config({"auths": {"quay.io": {}}}).find("quay.io") is None
    assert DockerCredentials(tmp_path / "none" / "config.json").find("quay.io") is None


def test_tokens_instead_of_passwords(config) -> None:
    logins = config(
        {"auths": {"a.example": {"auth": AUTH, "identitytoken": "idt"}, "b.example": {"registrytoken": "rt"}}}
    )
    assert logins.find("a.example").identity_token == "idt"
    assert logins.find("b.example").registry_token == "rt"


def test_where_the_file_is(tmp_path: Path) -> None:
    assert DockerCredentials(environment={"DOCKER_CONFIG": str(tmp_path)}).path == tmp_path / "config.json"


def test_nothing_secret_is_shown() -> None:
    shown = repr(Login("alice", "hunter2", "idtoken", "regtoken"))
    assert not any(secret in shown for secret in ("hunter2", "idtoken", "regtoken"))


@pytest.mark.parametrize(
    "document",
    ["", "[]", "{", {"auths": {"quay.io": {"auth": "%%%"}}}, {"auths": {"quay.io": {"auth": "YQ=="}}}],
)
def test_a_broken_file_is_a_setting_error(config, document) -> None:
    with pytest.raises(SettingError, match=r"config\.json"):
        config(document).find("quay.io")


def test_a_file_of_over_four_megabytes_is_a_setting_error(config) -> None:
    assert config("{}".ljust(MAX_CONFIG_BYTES)).find("quay.io") is None
    with pytest.raises(SettingError, match=r"config\.json"):
        config("{}".ljust(MAX_CONFIG_BYTES + 1)).find("quay.io")


def test_helper_of_one_registry(config, helper, tmp_path) -> None:
    helper(f'cat > {tmp_path}/asked; echo \'{{"ServerURL":"x","Username":"bob","Secret":"pw"}}\'')
    logins = config({"credHelpers": {"quay.io": "test"}, "auths": {"quay.io": {"auth": AUTH}}})
    assert logins.find("quay.io") == Login("bob", "pw")
    assert (tmp_path / "asked").read_text() == "quay.io"
    (tmp_path / "asked").unlink()
    logins.find("quay.io")
    assert not (tmp_path / "asked").exists()


def test_store_for_all_registries(config, helper, tmp_path) -> None:
    helper(f'cat > {tmp_path}/asked; echo \'{{"Username":"<token>","Secret":"idt"}}\'')
    logins = config({"credsStore": "test", "auths": {"https://index.docker.io/v1/": {}}})
    assert logins.find("registry-1.docker.io") == Login(identity_token="idt")
    assert (tmp_path / "asked").read_text() == "https://index.docker.io/v1/"


def test_helper_that_knows_nothing(config, helper) -> None:
    helper("echo credentials not found in native keychain; exit 1")
    assert config({"credsStore": "test"}).find("quay.io") is None


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '[]'", 'echo \'{"Username": "a"}\''])
def test_helper_that_fails(config, helper, script: str) -> None:
    helper(script)
    with pytest.raises(SettingError, match="docker-credential-test"):
        config({"credsStore": "test"}).find("quay.io")


def test_helper_that_is_not_there_or_no_name(config, helper) -> None:
    helper("", "docker-credential-other")
    with pytest.raises(SettingError, match="not installed"):
        config({"credsStore": "test"}).find("quay.io")
    with pytest.raises(SettingError, match="no program"):
        config({"credsStore": "../../bin/sh"}).find("quay.io")
