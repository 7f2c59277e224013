"""The corpus ``github`` on workers with homes of their own: what one machine would find, for what it would cost."""

import threading
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from dockml_dagster.corpora.github.corpus import Github
from dockml_dagster.settings import Settings
from tests.distributed.conftest import Fleet
from tests.integration.github import contract, stand_in
from tests.integration.github.visiting import many
from tests.stand_ins import FakeRegistry, StandIn

_kills = spec_from_file_location("kills", Path(__file__).parents[1] / "integration" / "kills.py")
kills = module_from_spec(_kills)
_kills.loader.exec_module(kills)

TOKEN = "stand-in-token-0123456789"
PROJECTS = 24
WITH_IMAGE = 3


@pytest.fixture
def github(tmp_path: Path) -> Iterator[stand_in.FakeGithub]:
    """Projects, some of which push an image. Whatever was against GitHub's description fails the test at its end."""
    try:
        rest = contract.RestContract(contract.fetched(*contract.OPENAPI))
    except contract.NotFetchedError:
        rest = None
    server = stand_in.FakeGithub(tmp_path / "repositories", rest, contract.graphql_schema()[0], token=TOKEN)
    names = many(server, PROJECTS)
    for number in range(WITH_IMAGE):
        workflow = stand_in.pushing_workflow(f"acme/app{number}:latest")
        server.add(
            f"acme/app{number}", {"Dockerfile": b"FROM python:3.12\n", ".github/workflows/i.yml": workflow}
        )
        names.append(f"acme/app{number}")
    (tmp_path / "names.txt").write_text("\n".join(names))
    yield server
    server.stop()
    assert server.violations == []


@pytest.fixture
def settings(github: stand_in.FakeGithub, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment in which GitHub and Docker Hub are the stand-ins."""
    registry = FakeRegistry()
    for number in range(WITH_IMAGE):
        registry.image(f"acme/app{number}", "latest", layers=(b"", b"%d" % number))
    server = StandIn(registry)
    yield {
        "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN, "DOCKML_GITHUB_FRAME": str(tmp_path / "names.txt"),
        "DOCKML_REGISTRIES": f"docker.io={server.url}", "DOCKER_CONFIG": str(tmp_path / "none"),
    }  # fmt: skip
    server.stop()


@pytest.fixture
def fleet(services, request, tmp_path: Path, environment_of) -> Iterator[Fleet]:
    """An empty lake; the test starts the workers."""
    lake = f"github{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(lake)
    (tmp_path / "fleet").mkdir()
    made = Fleet(services, lake, tmp_path / "fleet", environment_of, None)
    yield made
    made.close()


def test_on_two_workers_it_finds_and_costs_what_it_does_on_one_machine(
    github, settings, fleet, dockml, tmp_path
) -> None:
    calm = tmp_path / "calm"

    def embedded() -> str:
        done = dockml(calm, "study", "--corpus", "github", "--quiet", **settings)
        assert done.returncode == 0, done.stderr
        return done.stderr

    embedded()
    first = github.counted()
    github.forget()
    fleet.start_worker("a", **settings)
    fleet.start_worker("b", **settings)
    fleet.finish(fleet.study("github", **settings))
    assert kills.differences(calm, fleet.home("study")) == []
    batches = fleet.ask("SELECT 1 FROM runs WHERE pipeline_name = 'collect_projects'", "_dagster")
    # A call brings what the next projects need too; two who ask at one moment may both.
    assert first <= github.counted() < first + len(batches)
    workers = fleet.ask(
        "SELECT DISTINCT value FROM run_tags WHERE key = '.dagster/dockml_pid' AND run_id IN "
        "(SELECT run_id FROM runs WHERE pipeline_name = 'collect_projects')",
        "_dagster",
    )
    assert len(workers) == 2, "both had some of it"
    assert [home.name for home in fleet.folder.iterdir() if (home / "cache" / "github").exists()] == []

    github.forget()
    assert "nothing is due (27 projects" in fleet.finish(fleet.study("github", **settings))
    assert [asked.status for asked in github.asked] == [304] * 27

    github.commit(github.repositories[7], {"Dockerfile": b"FROM alpine:3\n"})
    embedded()
    github.forget()
    assert "1 of 27 projects were due" in fleet.finish(fleet.study("github", **settings))
    assert github.counted() == 2
    # When each visit was is in what is said of change.
    now, calm_now = (kills.contents(home)["core.dockerfiles"] for home in (fleet.home("study"), calm))
    assert kills.difference("core.dockerfiles", now, calm_now) == ""


@pytest.fixture
def make_corpus(settings, fleet, tmp_path: Path) -> Callable[[str], Github]:
    """The corpus as one machine of the fleet has it."""

    def make(home: str) -> Github:
        return Github(
            Settings.from_environment({
                **settings, **fleet.services.settings(fleet.lake), "DOCKML_HOME": str(tmp_path / home),
            })
        )  # fmt: skip

    return make


def test_two_who_visit_at_once_pay_once(github, make_corpus) -> None:
    begun, problems = threading.Barrier(2), []

    def visit(home: str) -> None:
        corpus = make_corpus(home)
        begun.wait()
        try:
            corpus.visit(["o/r1", f"o/{home}"])
        except BaseException as error:
            problems.append(error)

    for home in ("one", "other"):
        github.add(f"o/{home}", {"Dockerfile": b"FROM scratch\n"})
    threads = [threading.Thread(target=visit, args=(home,)) for home in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    paid = [(asked.path, asked.body) for asked in github.asked if asked.status == 200]
    assert len(paid) == len(set(paid))
    # What one found the other did not undo.
    assert {one.name for one in make_corpus("third").records.visited().selected} == {
        "o/r1",
        "o/one",
        "o/other",
    }
    assert sorted(make_corpus("third").frame().cohorts[-1].names) == ["o/one", "o/other"]


def test_who_visits_next_pays_nothing_and_keeps_what_was_named(github, make_corpus) -> None:
    github.add("acme/later", {"Dockerfile": b"FROM scratch\n"})
    make_corpus("one").visit()
    assert make_corpus("one").visit(["acme/later"]) == {}
    github.forget()
    other = make_corpus("other")
    other.visit()
    assert [asked.status for asked in github.asked] == [304] * (PROJECTS + WITH_IMAGE + 1)
    assert other.listing().projects == make_corpus("one").listing().projects
    assert "github/acme/later" in other.listing().projects
