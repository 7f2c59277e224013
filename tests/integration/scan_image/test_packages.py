"""``scan-image --packages`` and ``--sbom``, and secrets: what is printed, which layers are read for it."""

import json

import pytest
from backports import zstd
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.images.scanning import store

STATUS = b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\nStatus: install ok installed\n"
DEBIAN = {
    "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
    "etc/issue": b"Debian\n",
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/info/base-files.list": b"/etc\n/etc/issue\n/etc/os-release\n",
}
WHEEL = {
    "s/torch/x.so": b"x" * 5000,
    "s/torch-2.1.dist-info/METADATA": b"Name: torch\nVersion: 2.1\nLicense: BSD-3-Clause\n",
    "s/torch-2.1.dist-info/RECORD": b"torch/x.so,,\ntorch-2.1.dist-info/METADATA,,\ntorch-2.1.dist-info/RECORD,,\n",
}


@pytest.fixture
def server(serve, scan, registry, put_image, tar, packed):
    put_image(
        "1",
        packed(tar(DEBIAN)),
        packed(tar(WHEEL)),
        history=[{"created_by": "ADD rootfs"}, {"created_by": "RUN pip install torch"}],
    )
    server = serve(registry)
    scan.allow(server)
    return server


@pytest.fixture
def image(server) -> str:
    return f"{server.host}/ml/image:1"


def test_packages_with_bytes_layer_and_instruction(scan, image) -> None:
    (found,) = scan(image, "--packages")["images"]
    torch, base = found["packages"]
    assert (torch["name"], torch["bytes"], torch["layer"], torch["family"]) == ("torch", 5120, 2, "torch")
    assert torch["instruction_text"] == "RUN pip install torch"
    assert base["purl"] == "pkg:deb/debian/base-files@12.4?arch=amd64&distro=debian-12"
    assert [one["directory"] for one in found["unowned"]] == ["var/lib"]
    assert found["distribution"] == {"id": "debian", "version": "12"}
    table = scan.run(image, "--packages").stdout
    assert "Files of no package" in table
    rows = scan.run(image, "--packages", "--format", "csv").stdout.splitlines()
    assert len(rows) == 3


def test_bills_of_materials(scan, image) -> None:
    cyclonedx = json.loads(scan.run(image, "--sbom", "cyclonedx").stdout)
    assert cyclonedx["specVersion"] == "1.6"
    torch = cyclonedx["components"][0]
    assert torch["purl"] == "pkg:pypi/torch@2.1"
    assert {"name": "dockml:bytes", "value": "5120"} in torch["properties"]
    spdx = json.loads(scan.run(image, "--sbom", "spdx").stdout)
    assert [one["name"] for one in spdx["packages"][1:]] == ["torch", "base-files"]
    assert len(spdx["relationships"]) == 3


def test_layers_read_before_are_read_again_only_where_it_is_asked(
    scan, image, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(store, "to_json", lambda inside: None)  # as layers were kept once
        scan(image)
    server.asked.clear()
    scan(image)
    assert not any("/blobs/" in each.path for each in server.asked)
    (found,) = scan(image, "--packages")["images"]
    assert len(found["packages"]) == 2
    server.asked.clear()
    assert len(scan(image, "--packages")["images"][0]["packages"]) == 2
    assert not any("/blobs/" in each.path for each in server.asked)


def test_one_thing_instead_at_a_time(scan, image) -> None:
    assert scan.run(image, "--packages", "--tree", "1").exit_code == 2


def test_a_secret_that_was_removed_is_an_error_and_its_value_is_nowhere(
    scan, serve, registry, put_image, tar, packed, home
) -> None:
    value = "s3cr" + "etvalue1"
    netrc = f"machine x login y password {value}".encode()
    put_image("1", packed(tar({"root/.netrc": netrc})), packed(tar({"root/.wh..netrc": b""})))
    server = serve(registry)
    scan.allow(server)
    image = f"{server.host}/ml/image:1"
    (found,) = scan(image)["images"]
    assert found["secrets"] == [
        {"rule": "netrc", "path": "root/.netrc", "layer": 1, "hidden_by": 2, "published_with": None}
    ]
    printed = [scan.run(image).stdout]
    for form in ("text", "json", "sarif"):
        done = CliRunner().invoke(main, ["advise", image, "--format", form, "--fail-on", "error"])
        assert done.exit_code == 1
        assert "no-secret-files" in done.stdout
        printed.append(done.stdout + done.stderr)
    assert not any(value in text for text in printed)
    for path in home.rglob("*"):
        if path.is_file():
            assert value.encode() not in path.read_bytes()
            if path.suffix == ".zst":
                assert value.encode() not in zstd.decompress(path.read_bytes())


def test_two_images_compared(scan, serve, registry, put_image, tar, packed) -> None:
    """The command as users have it: a package in a new version, and a file that nobody owns."""
    newer = {
        **{path.replace("2.1", "2.2"): content for path, content in WHEEL.items() if "torch-" in path},
        "s/torch/x.so": b"y" * 9000,
    }
    newer["s/torch-2.2.dist-info/METADATA"] = b"Name: torch\nVersion: 2.2\n"
    history = [{"created_by": "ADD rootfs"}, {"created_by": "RUN pip install torch"}]
    put_image("1", packed(tar(DEBIAN)), packed(tar(WHEEL)), history=history)
    put_image("2", packed(tar(DEBIAN)), packed(tar(newer)), history=history)
    server = serve(registry)
    scan.allow(server)
    names = [f"{server.host}/ml/image:{tag}" for tag in (1, 2)]
    done = CliRunner().invoke(main, ["diff-image", *names, "--format", "json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["shared_layers"] == 1
    first = found["packages"][0]
    assert first["name"] == "pypi torch"
    assert (first["versions_before"], first["versions_after"]) == (["2.1"], ["2.2"])
    assert found["instructions"] == [{**found["instructions"][0], "name": "RUN pip install torch"}]
    assert {
        sum(one["difference"] for one in found[group]) for group in ("packages", "instructions", "kinds")
    } == {found["difference"]}
    assert found["pull_bytes"] == found["pull_bytes_by_digest"] == len(packed(tar(newer)))
    table = CliRunner().invoke(main, ["diff-image", *names], catch_exceptions=False).stdout
    assert "By package" in table
    several = CliRunner().invoke(
        main, ["diff-image", *names, names[0], "--format", "json"], catch_exceptions=False
    )
    assert [one["own_layers"] for one in json.loads(several.stdout)["images"]] == [0, 1, 0]
    assert CliRunner().invoke(main, ["diff-image", names[0]]).exit_code == 2
