"""``dockml study --corpus github`` with Docker Hub's own interface beside its registry: from the question to the finding."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import plain_findings
from tests.integration.github.stand_in import pushing_workflow
from tests.stand_ins import StandIn

PUSHING = {
    "Dockerfile": b"FROM python:3.12\n",
    ".github/workflows/image.yml": pushing_workflow("acme/marmot:latest"),
    "README.md": b"docker run nest/marmot-gpu\n",
}
TAG = {
    "name": "latest",
    "full_size": 90,
    "status": "active",
    "last_updated": "2026-05-02T10:00:00Z",
    "tag_last_pushed": "2026-05-02T10:00:00Z",
    "images": [{"architecture": "amd64", "os": "linux", "size": 50}, {"architecture": "arm64", "os": "linux", "size": 40}],
}  # fmt: skip


@pytest.fixture
def registry(serve_registry) -> StandIn:
    return serve_registry("acme/marmot", "nest/marmot-gpu")


@pytest.fixture
def study(github, hub, registry, run_program, tmp_path: Path) -> Callable[[], str]:
    """Runs the command and gives what it said of the work."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
        "DOCKML_GITHUB_FRAME": str(tmp_path / "names.txt"), "DOCKER_CONFIG": str(tmp_path / "none"),
        "DOCKML_REGISTRIES": f"docker.io={registry.url} hub.docker.com={hub[1].url}",
    }  # fmt: skip

    def run() -> str:
        done = run_program(plain_findings.PROGRAM, "study", "--corpus", "github", "--quiet", env=environment)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


def test_from_the_question_to_the_finding(github, hub, registry, study, ask, tmp_path: Path) -> None:
    fake, server = hub
    fake.add(
        "acme/marmot",
        tags=(TAG, {**TAG, "name": "1.0", "full_size": 70}),
        pull_count=1200,
        star_count=4,
        description="An app",
        full_description="Built from [its repository](https://github.com/acme/marmot).",
        date_registered="2020-01-01T00:00:00Z",
    )
    github.add("acme/marmot", PUSHING)
    (tmp_path / "names.txt").write_text("acme/marmot\n")
    home = tmp_path / "home"
    study()

    # Of the image that is pushed there is a record; of the one that is only shown to users there is none.
    questions = [
        (asked.path.removeprefix("/v2/namespaces/"), asked.query.get("page")) for asked in server.asked
    ]
    assert questions == [
        ("acme/repositories/marmot", None),
        ("acme/repositories/marmot/tags", "1"),
        ("nest/repositories/marmot-gpu", None),
    ]
    assert registry.count("GET", "/manifests/") == 2, "the tags' manifests were not asked for"
    said = ask(
        home,
        "SELECT repository, link_grade, pulls, stars, tags, tags_listed, median_tag_bytes, tags_of_several_platforms, "
        "platforms, censored FROM core.hub_repositories",
    )
    assert said == [
        ("docker.io/acme/marmot", "confirmed", 1200, 4, 2, 2, 80.0, 2, ["linux/amd64", "linux/arm64"], None)
    ]
    kinds = dict(ask(home, "SELECT repository, kinds FROM core.image_links"))
    assert "hub description" in kinds["docker.io/acme/marmot"]
    assert "hub description" not in kinds["docker.io/nest/marmot-gpu"]
    found = ask(
        home,
        "SELECT link_grade, n, median FROM findings.rq4_docker_hub WHERE metric = 'pulls' ORDER BY link_grade",
    )
    assert found == [
        ("any", 1, 1200.0),
        ("confirmed", 1, 1200.0),
        ("likely", 1, 1200.0),
        ("possible", 1, 1200.0),
    ]
    outcome = ask(
        home,
        "SELECT status, retryable FROM staging.outcomes WHERE subject = 'hub.docker.com/nest/marmot-gpu'",
    )
    assert outcome == [("gone", False)]

    server.asked.clear()
    registry.asked.clear()
    github.forget()
    assert "nothing is due" in study()
    assert server.asked == registry.asked == []
    # The outlook asks for the budgets, which is free.
    assert {asked.status for asked in github.asked if asked.path != "/rate_limit"} == {304}
