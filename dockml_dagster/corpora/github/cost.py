"""What a visit and a collection would cost now: calls, manifests, bytes, time, and what of it is already here.

Here: the estimate, and the assumptions it rests on. Not here: asking for anything but the budgets, printing.

What is known is counted: names, what was searched, trees and contents that are here. What is not is assumed, from the
study where it tells, and every assumption that was used is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from dockml_dagster.clients.github import blobs, questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.model import TreeEntry
from dockml_dagster.clients.github.repositories import REPOSITORIES_A_CALL
from dockml_dagster.clients.http.budget import Allowance
from dockml_dagster.corpora.base import Cost
from dockml_dagster.corpora.github.contents import FEW, Contents
from dockml_dagster.corpora.github.frame import Cohort, Frame
from dockml_dagster.corpora.github.images import ChosenImages
from dockml_dagster.corpora.github.records import Records
from dockml_dagster.corpora.github.rounds import is_due
from dockml_dagster.corpora.github.selection import judge

Budget = Literal["search", "core", "graphql", "docker hub pulls", "docker hub", ""]

FOUND_A_KEYWORD = 1_310
"""Repositories that one more keyword finds: the study found 30,138 with 23."""
PAGES_A_RESULT = 1.25 / questions.PAGE
"""One page in four is read for a range that proves too wide."""
PASS_METADATA = 0.33
"""Share of candidates that pass commits and releases: in the study 1,002 of 3,075."""
HAVE_DOCKERFILE = 0.10
"""Share of found repositories with a Dockerfile: in the study 3,075 of 30,138."""
FILES_A_PROJECT = 45
BYTES_A_PROJECT = 300_000
IMAGES_A_PROJECT = 591 / 405
"""As in the study's own list of images."""
HUB_QUESTIONS_AN_IMAGE = 2
"""Record and tags of its repository; they count against a limit by the minute, and against no pull."""
MANIFESTS_AN_IMAGE = 2.5
"""An index and one or two platforms."""
BYTES_AN_IMAGE = 2_008_000_000
"""Mean compressed size of the study's 542 images (1.87 GiB)."""
SECONDS_A_CALL = 0.4
SECONDS_UNCHANGED = 0.15
HUB_PULLS = 100
HUB_WINDOW = 6 * 3600.0
BYTES_A_SECOND = 20_000_000


@dataclass(slots=True)
class _Counts:
    """What is to be done, as far as it is known. ``new``: projects of which nothing is here; ``missing``: contents that
    are not here, each once, with their sizes.
    """

    asks_contributors: bool
    pages: int = 0
    pages_here: int = 0
    metadata: int = 0
    metadata_here: int = 0
    trees: int = 0
    trees_here: int = 0
    contributors: int = 0
    contributors_here: int = 0
    new: float = 0.0
    missing: dict[str, int] = field(default_factory=dict)
    files_here: int = 0
    read: int = 0
    images: set[str] = field(default_factory=set)
    assumed: list[str] = field(default_factory=list)


def estimate(
    client: GithubClient,
    frame: Frame,
    images_of: Callable[[str], ChosenImages],
    *,
    images_here: Collection[str],
    layer_bytes: int,
    contributors: bool = False,
) -> tuple[list[Cost], list[str]]:
    """The costs, and the assumptions they rest on. Asks GitHub for its budgets, which is free, and for nothing else.

    ``images_of`` gives the images of a project whose contents are here; ``images_here``: references whose manifests are.
    ``contributors``: whether they are asked for too.
    Raises FetchError where GitHub cannot be asked.
    """
    allowances = client.read_allowances()
    counts = _Counts(asks_contributors=contributors)
    for cohort in frame.cohorts:
        if cohort.match is None:
            _count(client, cohort, counts, images_of, frame.search_days)
    for cohort in frame.cohorts:
        if cohort.match is not None:
            _count_controls(client, cohort, counts)
    if contributors:
        counts.contributors += ceil(counts.new)
    return _costs(client, counts, allowances, images_here, layer_bytes), counts.assumed


def _count(
    client: GithubClient,
    cohort: Cohort,
    counts: _Counts,
    images_of: Callable[[str], ChosenImages],
    search_days: float,
) -> None:
    records, contents = Records(client.store), Contents(client)
    searched = records.round(cohort.mark)
    if not cohort.names and searched is None:
        found = FOUND_A_KEYWORD * len(cohort.searches())
        counts.pages += ceil(found * PAGES_A_RESULT)
        counts.pages_here += client.store.count("search page")
        counts.metadata += found
        counts.trees += ceil(found * PASS_METADATA)
        counts.new += min(found * HAVE_DOCKERFILE * PASS_METADATA, cohort.sample or found)
        counts.assumed.append(
            f"{cohort.name}: not searched yet; {FOUND_A_KEYWORD} repositories a keyword, one page in four for "
            f"splits, {PASS_METADATA:.0%} with enough commits and releases, {HAVE_DOCKERFILE:.0%} with a Dockerfile (as "
            "in the study)"
        )
        return
    names = list(cohort.names)
    if searched is not None:
        names = [one.name for one in searched.found]
        if is_due(searched, client.today(), search_days):
            counts.pages += ceil(len(names) * PAGES_A_RESULT)
            counts.assumed.append(
                f"{cohort.name}: searched on {searched.as_of} and due again; it finds as many as then"
            )
    for name in names:
        repository, problem, at = records.repository(name)
        if at > 0:
            counts.metadata_here += 1
        elif repository is None or judge(repository, cohort.criteria).reason is None:
            counts.metadata += 1
        if problem or (repository is not None and judge(repository, cohort.criteria).reason is not None):
            continue
        files, _ = records.files(name)
        if files is None:
            counts.trees += 1
            counts.new += 1.0 if cohort.names else HAVE_DOCKERFILE / PASS_METADATA
            continue
        counts.trees_here += 1
        if files.status != "read" or (cohort.criteria.dockerfile and not files.dockerfiles):
            continue
        counts.read += 1
        if counts.asks_contributors:
            known = records.contributors(name)[1] > 0
            counts.contributors_here += known
            counts.contributors += not known
        wanted = contents.wanted(name)
        missing = _sizes(wanted.wanted.values(), client.store.missing_blobs)
        counts.missing |= missing
        counts.files_here += len(wanted.wanted) - len(missing)
        if not missing:
            counts.images |= {image.reference for image in images_of(name).images}


def _count_controls(client: GithubClient, cohort: Cohort, counts: _Counts) -> None:
    """One search for each project to match, and as many trees as it takes to find one with a Dockerfile."""
    treated = ceil(counts.new + counts.read)
    drawn = client.store.count("controls")
    left = max(0, treated - drawn)
    counts.pages += left
    counts.pages_here += drawn
    counts.metadata += left * cohort.tries
    counts.trees += ceil(left * min(cohort.tries, 1 / (HAVE_DOCKERFILE / PASS_METADATA)))
    counts.new += left * cohort.per_project
    counts.assumed.append(
        f"{cohort.name}: a search and about three trees for each of {treated} projects to match"
    )


def _sizes(entries: Collection[TreeEntry], missing: Callable[[Collection[str]], list[str]]) -> dict[str, int]:
    sizes = {entry.sha: entry.size or 0 for entry in entries}
    return {sha: sizes[sha] for sha in missing(list(sizes))}


def _costs(
    client: GithubClient,
    counts: _Counts,
    allowances: dict[str, Allowance],
    images_here: Collection[str],
    layer_bytes: int,
) -> list[Cost]:
    new = ceil(counts.new)
    token = client.has_token
    files_each = FILES_A_PROJECT if token else FEW + 5
    if new:
        counts.assumed.append(
            f"{files_each} files of {BYTES_A_PROJECT // FILES_A_PROJECT * files_each // 1000} kB in all for each of {new} "
            "projects that are not read yet"
        )
    files = len(counts.missing) + new * files_each
    file_bytes = sum(counts.missing.values()) + new * files_each * (BYTES_A_PROJECT // FILES_A_PROJECT)
    file_calls = max(ceil(files / blobs.batch_size(client).now), ceil(file_bytes / blobs.BLOB_BYTES_A_CALL))
    metadata = ceil(counts.metadata / REPOSITORIES_A_CALL) if token else counts.metadata
    images = len(counts.images - set(images_here)) + ceil(new * IMAGES_A_PROJECT)
    if new:
        counts.assumed.append(f"{IMAGES_A_PROJECT:.2f} images a project (as in the study)")
    if images:
        counts.assumed.append(
            f"{MANIFESTS_AN_IMAGE} manifests and {BYTES_AN_IMAGE / 1e9:.1f} GB an image, at most {layer_bytes / 1e9:.1f} GB "
            f"of layers a project; all on Docker Hub, {HUB_PULLS} pulls in six hours (200 with a login)"
        )
    layers = min(images * BYTES_AN_IMAGE, ceil(images / IMAGES_A_PROJECT) * layer_bytes)
    rest: Budget = "graphql" if token else "core"
    rows = (
        ("search pages", counts.pages, counts.pages_here, "search", None, ""),
        ("metadata of repositories", metadata, counts.metadata_here, rest, None, f"{counts.metadata} repositories"),
        ("lists of files", counts.trees, counts.trees_here, "core", None, "unchanged ones are free"),
        ("contributors of projects", counts.contributors, counts.contributors_here, "core", None, "only where set"),
        ("contents of files", file_calls if token else files, counts.files_here, rest, file_bytes, f"{files} files"),
    )  # fmt: skip
    costs = []
    used: dict[str, int] = {}
    for what, calls, here, budget, size, note in rows:
        allowance = allowances.get(budget)
        before = used.get(budget, 0)
        used[budget] = before + calls
        seconds = (
            calls * SECONDS_A_CALL
            + _waits(before + calls, allowance, budget)
            - _waits(before, allowance, budget)
        )
        if what == "lists of files":
            seconds += here * SECONDS_UNCHANGED
        left = allowance.remaining if allowance else None
        costs.append(Cost(what, calls, here, budget, left, size, seconds, note))
    manifests = ceil(images * MANIFESTS_AN_IMAGE)
    windows = max(0, ceil((manifests - HUB_PULLS) / HUB_PULLS))
    costs.append(
        Cost(
            "manifests of images",
            manifests,
            len(counts.images & set(images_here)),
            "docker hub pulls",
            None,
            None,
            manifests * SECONDS_A_CALL + windows * HUB_WINDOW,
            f"{images} images",
        )
    )
    questions_to_hub = images * HUB_QUESTIONS_AN_IMAGE
    costs.append(
        Cost(
            "pulls, stars and tags on Docker Hub",
            questions_to_hub,
            len(counts.images & set(images_here)) * HUB_QUESTIONS_AN_IMAGE,
            "docker hub",
            None,
            None,
            questions_to_hub * SECONDS_A_CALL,
            f"{images} images",
        )
    )
    costs.append(
        Cost("layers of images", 0, 0, "", None, layers, layers / BYTES_A_SECOND, "at most; at 20 MB/s")
    )
    return costs


def _waits(calls: int, allowance: Allowance | None, budget: str) -> float:
    """Seconds spent waiting for budgets to come back, if ``calls`` are needed now."""
    if (
        allowance is None
        or not allowance.limit
        or allowance.remaining is None
        or calls <= allowance.remaining
    ):
        return 0.0
    return ceil((calls - allowance.remaining) / allowance.limit) * (60.0 if budget == "search" else 3600.0)
