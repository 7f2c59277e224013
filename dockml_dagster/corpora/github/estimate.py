"""The cost of the remaining requests: calls, points, budgets, hours and runs.

Here: from counts to costs, with and without a token. Not here: which requests remain (``cost``), printing.

Sources: GitHub's budgets (docs.github.com, "Rate limits for the REST API" and "... for the GraphQL API"), Docker Hub's
(docs.docker.com, "Docker Hub usage and limits"). A query for fifty repositories with numbers of commits is reported to take
3 to 5 seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil
from typing import Final

from dockml_dagster.clients.github import blobs
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.repositories import REPOSITORIES_A_CALL, points
from dockml_dagster.clients.http.budget import Allowance
from dockml_dagster.corpora.base import Cost, Estimate
from dockml_dagster.corpora.github.contents import FEW
from dockml_dagster.corpora.github.cost import Counts

FILES_A_PROJECT = 45
BYTES_A_PROJECT = 300_000
IMAGES_A_PROJECT = 591 / 405
"""Images per project in the study's list of images."""
HUB_QUESTIONS_AN_IMAGE = 2
"""Record and tags of its repository; they count against a limit per minute, not as pulls."""
MANIFESTS_AN_IMAGE = 2.5
"""An index and one or two platforms."""
BYTES_AN_IMAGE = 2_008_000_000
"""Mean compressed size of the study's 542 images (1.87 GiB)."""
SECONDS_A_CALL = 0.4
SECONDS_A_BATCH = 4.0
SECONDS_UNCHANGED = 0.15
HUB_PULLS = 100
HUB_WINDOW = 6 * 3600.0
TOKEN_ENDS_SOON = 7 * 86_400.0
"""Seconds before the expiry of the token from which on it is announced; earlier if the work may last longer."""
BYTES_A_SECOND = 20_000_000

_WITH_TOKEN: Final = {"core": 5_000, "search": 30, "graphql": 5_000}
_WINDOW: Final = {"core": 3600.0, "graphql": 3600.0, "search": 60.0}


def estimate(
    client: GithubClient, counts: Counts, *, images_here: Collection[str], layer_bytes: int
) -> Estimate:
    """What the counts cost for this client. Asks GitHub only for its budgets, which is free.

    ``images_here``: references whose manifests are stored. Raises FetchError if GitHub cannot be reached.
    """
    allowances = client.read_allowances()
    pays_again = not client.has_token or client.token_is_new
    at_once = blobs.batch_size(client).now
    github = _github(counts, allowances, token=client.has_token, pays_again=pays_again, blobs_a_call=at_once)
    images, assumed = _images(counts, images_here, layer_bytes, token=client.has_token)
    windows = _windows(github, allowances)
    seconds = sum(one.seconds for one in github) + windows * 3600.0 + _search_wait(github, allowances)
    pulls = sum(one.counted for one in images if one.budget == "docker hub pulls")
    pull_seconds = max(0, ceil(pulls / HUB_PULLS) - 1) * HUB_WINDOW + sum(one.seconds for one in images)
    said = [_said(github, seconds, windows + 1, allowances)]
    if not client.has_token and allowances:
        full = {name: Allowance(limit, limit) for name, limit in _WITH_TOKEN.items()}
        better = _github(counts, full, token=True, pays_again=True, blobs_a_call=at_once)
        less = _windows(better, full)
        spent = sum(one.seconds for one in better) + less * 3600.0 + _search_wait(better, full)
        said.append(
            f"GITHUB_TOKEN is not set, so {_limit(allowances, 'core')} calls an hour; with a token, which needs no "
            f"permission, 5,000: {_time(spent)} in {_runs(less + 1)}"
        )
    ends = client.token_ends
    if ends is not None and ends.timestamp() < client.now() + max(2 * seconds, TOKEN_ENDS_SOON):
        said.append(f"GITHUB_TOKEN expires on {ends:%Y-%m-%d at %H:%M} UTC")
    if pulls:
        said.append(
            f"images: {pulls:,} manifests, {_time(pull_seconds)} at {HUB_PULLS} pulls in six hours on Docker Hub (200 with "
            "a login)"
        )
    return Estimate(
        (*github, *images), (*counts.assumed, *assumed), "; ".join(said), windows + 1, seconds + pull_seconds
    )


def _github(
    counts: Counts,
    allowances: Mapping[str, Allowance],
    *,
    token: bool,
    pays_again: bool,
    blobs_a_call: int,
) -> list[Cost]:
    new, each = ceil(counts.new), _files_each(token)
    files = len(counts.missing) + new * each
    size = sum(counts.missing.values()) + new * each * (BYTES_A_PROJECT // FILES_A_PROJECT)
    repositories = counts.metadata + counts.drawn * counts.drawn_each
    if token:
        whole, rest = divmod(counts.metadata, REPOSITORIES_A_CALL)
        calls = whole + (rest > 0) + counts.drawn
        counted = whole * points(REPOSITORIES_A_CALL) + (points(rest) if rest else 0)
        counted += counts.drawn * points(counts.drawn_each)
        metadata = (calls, counted, "graphql", calls * SECONDS_A_BATCH)
        calls = max(ceil(files / blobs_a_call), ceil(size / blobs.BLOB_BYTES_A_CALL))
        contents = (calls, calls, "graphql", calls * SECONDS_A_BATCH)
    else:
        calls = repositories + counts.numbers
        metadata = (calls, calls, "core", calls * SECONDS_A_CALL)
        contents = (files, files, "core", files * SECONDS_A_CALL)
    # Stored lists of files are asked for again; unchanged ones are free with the token they were fetched with.
    trees = counts.trees + (counts.again if pays_again else 0)
    lists = trees * SECONDS_A_CALL + (0.0 if pays_again else counts.again * SECONDS_UNCHANGED)
    if not token:
        free = "unchanged ones count too without a token"
    else:
        free = "unchanged ones too, the token is new" if pays_again else "unchanged ones are free"

    def cost(what: str, asked: tuple[int, int, str, float], here: int, size: int | None, note: str) -> Cost:
        calls, counted, budget, seconds = asked
        known = allowances.get(budget)
        return Cost(
            what, calls, counted, here, budget, known.remaining if known else None, size, seconds, note
        )

    pages, people = counts.pages, counts.contributors
    return [
        cost("search pages", (pages, pages, "search", pages * SECONDS_A_CALL), counts.pages_here, None, ""),
        cost(
            "metadata of repositories", metadata, counts.metadata_here, None, f"{repositories} repositories"
        ),
        cost("lists of files", (trees, trees, "core", lists), counts.trees_here, None, free),
        cost(
            "contributors of projects",
            (people, people, "core", people * SECONDS_A_CALL),
            counts.contributors_here,
            None,
            "only where set",
        ),
        cost("contents of files", contents, counts.files_here, size, f"{files} files"),
    ]


def _files_each(token: bool) -> int:
    return FILES_A_PROJECT if token else FEW + 5


def _images(
    counts: Counts, images_here: Collection[str], layer_bytes: int, *, token: bool
) -> tuple[list[Cost], list[str]]:
    """Costs at registries, and the assumptions about projects that have not been read yet."""
    new = ceil(counts.new)
    images = len(counts.images - set(images_here)) + ceil(new * IMAGES_A_PROJECT)
    assumed = []
    if new:
        each = _files_each(token)
        kilobytes = BYTES_A_PROJECT // FILES_A_PROJECT * each // 1000
        assumed += [
            f"{each} files of {kilobytes} kB in all for each of {new} projects that are not read yet",
            f"{IMAGES_A_PROJECT:.2f} images a project (as in the study)",
        ]
    if images:
        assumed.append(
            f"{MANIFESTS_AN_IMAGE} manifests and {BYTES_AN_IMAGE / 1e9:.1f} GB an image, at most {layer_bytes / 1e9:.1f} GB "
            f"of layers a project; all on Docker Hub, {HUB_PULLS} pulls in six hours (200 with a login)"
        )
    layers = min(images * BYTES_AN_IMAGE, ceil(images / IMAGES_A_PROJECT) * layer_bytes)
    manifests, asked = ceil(images * MANIFESTS_AN_IMAGE), images * HUB_QUESTIONS_AN_IMAGE
    here, note = len(counts.images & set(images_here)), f"{images} images"

    def cost(what: str, calls: int, here: int, budget: str) -> Cost:
        return Cost(what, calls, calls, here, budget, None, None, calls * SECONDS_A_CALL, note)

    return [
        cost("manifests of images", manifests, here, "docker hub pulls"),
        cost("pulls, stars and tags on Docker Hub", asked, here * HUB_QUESTIONS_AN_IMAGE, "docker hub"),
        Cost("layers of images", 0, 0, 0, "", None, layers, layers / BYTES_A_SECOND, "at most; at 20 MB/s"),
    ], assumed


def _needed(costs: Collection[Cost], budget: str) -> int:
    return sum(one.counted for one in costs if one.budget == budget)


def _windows(costs: Collection[Cost], allowances: Mapping[str, Allowance]) -> int:
    """How many hourly budgets will be used up; a run ends at each. None without limits."""
    found = 0
    for budget in ("core", "graphql"):
        known = allowances.get(budget)
        if known is not None and known.limit and known.remaining is not None:
            found = max(found, ceil((_needed(costs, budget) - known.remaining) / known.limit))
    return found


def _search_wait(costs: Collection[Cost], allowances: Mapping[str, Allowance]) -> float:
    """Seconds that a run waits because of the limit on searches per minute."""
    known = allowances.get("search")
    if known is None or not known.limit or known.remaining is None:
        return 0.0
    beyond = max(0, _needed(costs, "search") - known.remaining)
    return max(0.0, ceil(beyond / known.limit) * _WINDOW["search"] - beyond * SECONDS_A_CALL)


def _said(costs: Collection[Cost], seconds: float, runs: int, allowances: Mapping[str, Allowance]) -> str:
    calls = sum(one.calls for one in costs)
    if not calls:
        return "GitHub: nothing that counts is left to ask"
    spent = _needed(costs, "graphql")
    parts = f"{calls:,} calls" + (f" ({spent:,} points of GraphQL among them)" if spent else "")
    if not allowances:
        return f"GitHub: about {parts}, {_time(seconds)}; this server has no limits"
    return f"GitHub: about {parts}, {_time(seconds)} in {_runs(runs)}"


def _limit(allowances: Mapping[str, Allowance], budget: str) -> int | None:
    known = allowances.get(budget)
    return known.limit if known else None


def _runs(count: int) -> str:
    return "one run" if count == 1 else f"{count} runs an hour apart, or one with --wait"


def _time(seconds: float) -> str:
    """Seconds in units that people plan with."""
    if seconds < 90:
        return "a minute" if seconds > 20 else "some seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 86_400:.0f} days"
