"""What ``dockml plan`` says of the presets, against what a visit then asks of a GitHub of that shape.

The shape is the study's: so many repositories a keyword, found by 1.23 keywords each, a third with enough commits and
releases, a tenth with a Dockerfile, few with many stars. It is a twentieth of its size, and so are a page and the cap of a
search, so that pages are as many as there. Questions go to the stand-in within this process.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import open_store
from dockml_dagster.clients.http.client import HttpClient
from dockml_dagster.clients.http.statuses import error_of_answer
from dockml_dagster.corpora.github import cost, search
from dockml_dagster.corpora.github.cost import Assumptions
from dockml_dagster.corpora.github.estimate import estimate
from dockml_dagster.corpora.github.frame import Frame, open_frame
from dockml_dagster.corpora.github.images import ChosenImages
from dockml_dagster.corpora.github.visit import Visit
from tests.integration.github import stand_in
from tests.integration.github.test_search import engine

SCALE = 20
FOUND = Assumptions().found // SCALE
TOKEN = "stand-in-token-0123456789"


class Direct(HttpClient):
    """Asks a server of this process without a network."""

    def __init__(self, server: stand_in.FakeGithub, **more: object) -> None:
        super().__init__(**more)
        self._server = server

    def request(self, method, address, *, headers=None, authorization=None, data=None, expected=(200,), **_):
        parts = urlsplit(address)
        sent = {name.lower(): value for name, value in (headers or {}).items()} | {
            "user-agent": "dockml/test"
        }
        if authorization:
            sent["authorization"] = authorization
        asked = stand_in.Asked(method, parts.path, dict(parse_qsl(parts.query)), sent, data or b"")
        reply = self._server._reply(asked)
        asked.status = reply.status
        self._server.asked.append(asked)
        answered = {name.lower(): value for name, value in reply.headers.items()}
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if reply.status not in expected:
            raise error_of_answer(reply.status, answered, body, address, self._now())
        return Direct.Answer(reply.status, answered, body, address)

    @dataclass
    class Answer:
        status: int
        headers: dict
        body: bytes
        address: str

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, most: int) -> bytes:
            return self.body


class Simulated(stand_in.FakeGithub):
    """Repositories that are a Dockerfile or none."""

    def _tree(self, repository: stand_in.Repository, sha: str, *, recursive: bool) -> dict:
        path = "Dockerfile" if repository.fields["has_dockerfile"] else "README.md"
        entry = {"path": path, "mode": "100644", "type": "blob", "sha": "a" * 40, "size": 9}
        return {"sha": f"{repository.id:040x}", "tree": [entry], "truncated": False}

    def _graphql_repository(self, repository: stand_in.Repository) -> dict:
        return {**super()._graphql_repository(repository), "isArchived": False}


@pytest.fixture
def simulated(graphql_schema, tmp_path: Path) -> Iterator[Simulated]:
    server = Simulated(tmp_path / "repositories", None, graphql_schema[0], token=TOKEN)
    server.budgets.limits = {"core": 10**6, "search": 10**6, "graphql": 10**6}
    yield server
    server.stop()
    assert server.violations == []


def _kinds(count: int, chance: random.Random) -> list[tuple[bool, bool]]:
    """Whether each has enough commits, and a Dockerfile: in exactly the shares that are assumed, in any order."""
    assume = Assumptions()
    passing = round(count * assume.pass_counts)
    both = round(passing * assume.have_dockerfile)
    kinds = [(True, True)] * both + [(True, False)] * (passing - both)
    kinds += [(False, number % 10 == 0) for number in range(count - passing)]
    chance.shuffle(kinds)
    return kinds


def populate(server: Simulated, frame: Frame) -> None:
    """Repositories of each keyword, and as many of none of them, by which controls are matched."""
    chance = random.Random(11)
    words = [text for cohort in frame.cohorts if cohort.match is None for _, text in cohort.searches()]
    by_word: dict[str, list[stand_in.Repository]] = {word: [] for word in words}
    others: list[stand_in.Repository] = []
    assume = Assumptions()
    count = FOUND * len(words)
    kinds = [*_kinds(count, chance), *_kinds(count, chance)]
    for number, (passing, has_dockerfile) in enumerate(kinds):
        named = number < count
        created = date(2014, 1, 1) + timedelta(days=chance.randrange(3650))
        one = server.add_clone(
            f"o{number % 97}/r{number}",
            None,
            commits=150 if passing else 20,
            releases=2,
            stargazers_count=2 + int(chance.paretovariate(0.8)),
            forks_count=20,
            size=chance.randrange(100, 900),
            language="Python",
            created_at=f"{created}T00:00:00Z",
            pushed_at=f"{created}T12:00:00Z",
            has_dockerfile=has_dockerfile,
        )
        if not named:
            others.append(one)
            continue
        by_word[words[number % len(words)]].append(one)
        while chance.random() < 1 - 1 / assume.keywords:
            by_word[chance.choice(words)].append(one)

    def item(one: stand_in.Repository) -> dict:
        return {"id": one.id, "full_name": one.name, "name": one.name.split("/")[1], "archived": False, "topics": [],
                "description": None, "fork": False, **one.fields}  # fmt: skip

    engines = {
        word: engine(list({one.id: item(one) for one in found}.values())) for word, found in by_word.items()
    }
    controls = engine([item(one) for one in others])

    def answer(query: dict[str, str]) -> dict:
        for word, found in engines.items():
            if query["q"].startswith(f"{word} "):
                return found({**query, "q": query["q"].removeprefix(word)})
        found = controls(query)
        # A page of a twentieth is not the same few for all whom it could match.
        return {**found, "items": random.Random(query["q"]).sample(found["items"], len(found["items"]))}

    server.search = answer


@pytest.mark.parametrize("preset", ["ease2022", "modern", "control"])
def test_the_plan_is_what_a_visit_then_asks(simulated, tmp_path: Path, monkeypatch, preset: str) -> None:
    for module in (questions, search):
        monkeypatch.setattr(module, "PAGE", 100 // SCALE)
        monkeypatch.setattr(module, "SEARCH_CAP", 1000 // SCALE)
    frame = open_frame(preset, ())
    # A match is drawn from one page.
    cohorts = tuple(replace(cohort, tries=min(cohort.tries, 100 // SCALE)) for cohort in frame.cohorts)
    frame = replace(frame, cohorts=cohorts)
    populate(simulated, frame)
    settings = GithubSettings.of(simulated.url, TOKEN)
    client = GithubClient(Direct(simulated), open_store(tmp_path / "store", "answers", None), settings)
    assume = Assumptions(found=FOUND)
    counts = cost.count(client, frame, lambda _: ChosenImages((), ()), assumptions=assume, contributors=False)
    planned = {one.what: one for one in estimate(client, counts, images_here=(), layer_bytes=0).costs}
    simulated.forget()

    Visit(client, frame).make()

    calls = Counter(one.resource for one in simulated.asked if one.counted)
    used = {name: simulated.budgets.used(f"Bearer {TOKEN}", name) for name in ("core", "search", "graphql")}
    assert calls["search"] == pytest.approx(planned["search pages"].calls, rel=0.15)
    assert calls["core"] == pytest.approx(planned["lists of files"].calls, rel=0.15)
    assert calls["graphql"] == pytest.approx(planned["metadata of repositories"].calls, rel=0.15)
    assert used["graphql"] == pytest.approx(planned["metadata of repositories"].counted, rel=0.15)
