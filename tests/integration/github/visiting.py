"""What tests of whole visits share: a small repository's files, collecting everything, reading what came of it.

Here: helpers of more than one test file. Not here: fixtures (``conftest``), the server (``stand_in``).
"""

from dockml_dagster.corpora.base import Collected, Listing
from dockml_dagster.corpora.github.corpus import Github
from tests.integration.github.service import Clock

FILES = {
    "Dockerfile": b"FROM python:3.12\nRUN pip install torch\n",
    "README.md": b"# x\n",
    "docker/train.Dockerfile": b"FROM nvidia/cuda:12.4.0-base-ubuntu22.04\n",
    "docker-compose.yml": b"services:\n  a:\n    build: .\n",
    ".github/workflows/ci.yml": b"on: push\n",
    "requirements.txt": b"torch\n",
    "src/a.py": b"print()\n",
}


def on_clock(corpus: Github, clock: Clock) -> Github:
    """The corpus, living by that clock."""
    client = corpus.client
    client._http._sleep, client._http._now = clock.sleep, clock.now
    client.now = clock.now
    client.budgets._now, client.budgets._sleep = clock.now, clock.sleep
    return corpus


def collected(corpus: Github) -> tuple[Listing, dict[str, Collected]]:
    listing = corpus.listing()
    return listing, {project: corpus.collect("dockerfiles", project) for project in listing.projects}


def contents(one: Collected) -> dict[str, bytes]:
    return {row["path"]: row["content"] for row in one.rows.get("raw.dockerfiles", ())}


def outcomes_of(one: Collected | Listing) -> dict[str, tuple[str, bool]]:
    return {outcome.subject: (outcome.status, outcome.retryable) for outcome in one.outcomes}


def many(github, count: int) -> list[str]:
    for number in range(count):
        own = {
            f"docs/page{number}.md": b"page %d" % number,
            "own.Dockerfile": b"FROM scratch\n# %d\n" % number,
        }
        github.add(f"o/r{number}", {**FILES, **own})
    return [f"o/r{number}" for number in range(count)]
