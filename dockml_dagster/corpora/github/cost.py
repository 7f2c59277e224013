"""The requests that a frame still needs: counted where known, assumed where not.

Here: the counts and their assumptions. Not here: their cost in calls, budgets and time (``estimate``).

Known things are counted: names, finished searches, stored trees and contents. The rest is assumed, from the study where
it has figures, and every assumption that was used is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.model import Repository, TreeEntry
from dockml_dagster.corpora.github.contents import Contents
from dockml_dagster.corpora.github.frame import Cohort, Criteria, Frame
from dockml_dagster.corpora.github.images import ChosenImages
from dockml_dagster.corpora.github.records import Records
from dockml_dagster.corpora.github.rounds import is_due
from dockml_dagster.corpora.github.selection import judge


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Assumptions about searches that have not been made yet.

    ``found``: repositories that one more keyword finds (the study: 30,138 with 23). ``keywords``: how many keywords find
    each repository, so how often its page is read (at least 1.23, by name, description and recorded keyword of the study's
    3,075; their topics are not published). ``splits``: pages per 100 results, since one page in four belongs to a range that
    proves too wide. ``pass_counts``: share with enough commits and releases (1,002 of 3,075). ``have_dockerfile``: share
    with a Dockerfile (3,075 of 30,138).
    """

    found: int = 1_310
    keywords: float = 1.23
    splits: float = 1.25
    pass_counts: float = 0.33
    have_dockerfile: float = 0.10


@dataclass(slots=True)
class Counts:
    """The requests still needed, as far as known. ``numbers``: counts of commits and releases, which only GraphQL returns
    with the metadata. ``drawn``: batches of controls that are asked for together. ``again``: lists of files that may have
    changed. ``new``: projects with nothing stored yet; ``missing``: contents not stored yet, each once, with their sizes.
    """

    pages: int = 0
    pages_here: int = 0
    metadata: int = 0
    metadata_here: int = 0
    numbers: int = 0
    drawn: int = 0
    drawn_each: int = 0
    trees: int = 0
    trees_here: int = 0
    again: int = 0
    contributors: int = 0
    contributors_here: int = 0
    new: float = 0.0
    missing: dict[str, int] = field(default_factory=dict)
    files_here: int = 0
    read: int = 0
    images: set[str] = field(default_factory=set)
    assumed: list[str] = field(default_factory=list)


def count(
    client: GithubClient,
    frame: Frame,
    images_of: Callable[[str], ChosenImages],
    *,
    contributors: bool,
    assumptions: Assumptions | None = None,
) -> Counts:
    """The requests that this frame needs. Sends none.

    ``images_of``: the images of a project whose contents are stored. ``contributors``: whether they are counted too.
    """
    counting = _Counting(client, frame, images_of, contributors, assumptions or Assumptions())
    for cohort in frame.cohorts:
        if cohort.match is None:
            counting.cohort(cohort)
    for cohort in frame.cohorts:
        if cohort.match is not None:
            counting.controls(cohort)
    counts = counting.counts
    if contributors:
        counts.contributors += ceil(counts.new)
    return counts


class _Counting:
    def __init__(
        self,
        client: GithubClient,
        frame: Frame,
        images_of: Callable[[str], ChosenImages],
        contributors: bool,
        assumptions: Assumptions,
    ) -> None:
        self._client, self._frame, self._images_of, self._assume = client, frame, images_of, assumptions
        self._asks_contributors = contributors
        self._records, self._contents = Records(client.store), Contents(client)
        self.counts = Counts()

    def cohort(self, cohort: Cohort) -> None:
        searched = self._records.round(cohort.mark)
        if not cohort.names and searched is None:
            self._unsearched(cohort)
            return
        names = list(cohort.names)
        if searched is not None:
            names = [one.name for one in searched.found]
            if is_due(searched, self._client.today(), self._frame.search_days):
                self.counts.pages += self._pages(len(names))
                self.counts.assumed.append(
                    f"{cohort.name}: searched on {searched.as_of} and due again; it finds as many as then"
                )
        for name in names:
            self._named(name, cohort)

    def _unsearched(self, cohort: Cohort) -> None:
        counts, assume = self.counts, self._assume
        found = assume.found * len(cohort.searches())
        here = self._client.store.count("search page")
        counts.pages += max(self._pages(found) - here, 0)
        counts.pages_here += here
        counts.metadata += found
        counts.numbers += found * _numbers(cohort.criteria)
        passing = assume.pass_counts if _numbers(cohort.criteria) else 1.0
        counts.trees += ceil(found * passing)
        share = assume.have_dockerfile if cohort.criteria.dockerfile else 1.0
        counts.new += min(found * share * passing, cohort.sample or found)
        counts.assumed.append(
            f"{cohort.name}: not searched yet; {assume.found} repositories a keyword, each found by {assume.keywords} of "
            f"them, one page in four for splits, {assume.pass_counts:.0%} with enough commits and releases, "
            f"{assume.have_dockerfile:.0%} with a Dockerfile (as in the study)"
        )

    def _pages(self, found: int) -> int:
        return ceil(found * self._assume.keywords * self._assume.splits / questions.PAGE)

    def _named(self, name: str, cohort: Cohort) -> None:
        counts, criteria = self.counts, cohort.criteria
        repository, problem, at = self._records.repository(name)
        if at > max(self._client.now() - self._frame.metadata_days * 86_400, 0.0):
            counts.metadata_here += 1
        elif _may_pass(repository, criteria):
            counts.metadata += 1
            counts.numbers += _numbers(criteria)
        if (problem is not None and repository is None) or not _may_pass(repository, criteria):
            return
        files, seen_at = self._records.files(name)
        if files is None:
            assume = self._assume
            counts.trees += 1
            counts.new += 1.0 if cohort.names else assume.have_dockerfile
            return
        counts.trees_here += 1
        old = seen_at <= self._client.now() - self._frame.metadata_days * 86_400
        excluded = criteria.dockerfile and not files.dockerfiles
        counts.again += old or (files.status == "read" and not excluded)
        if files.status != "read" or excluded:
            return
        counts.read += 1
        if self._asks_contributors:
            known = self._records.contributors(name)[1] > 0
            counts.contributors_here += known
            counts.contributors += not known
        wanted = self._contents.wanted(name)
        missing = _sizes(wanted.wanted.values(), self._client.store.missing_blobs)
        counts.missing |= missing
        counts.files_here += len(wanted.wanted) - len(missing)
        if not missing:
            counts.images |= {image.reference for image in self._images_of(name).images}

    def controls(self, cohort: Cohort) -> None:
        """One search for each project to match, and as many trees as are needed to find one with a Dockerfile."""
        counts, assume = self.counts, self._assume
        treated = ceil(counts.new + counts.read)
        drawn = self._client.store.count("controls")
        left = max(0, treated - drawn)
        counts.pages += left
        counts.pages_here += drawn
        counts.drawn += left
        counts.drawn_each = cohort.tries
        counts.numbers += left * cohort.tries * _numbers(cohort.criteria)
        # Drawn candidates with enough commits are tried until one has a Dockerfile: a truncated geometric distribution.
        looked_at = cohort.tries * assume.pass_counts
        matched = 1 - (1 - assume.have_dockerfile) ** looked_at
        trees = matched / assume.have_dockerfile
        counts.trees += ceil(left * trees)
        counts.new += left * matched * cohort.per_project
        counts.assumed.append(
            f"{cohort.name}: a search, {cohort.tries} candidates and {trees:.1f} lists of files for each of {treated} "
            "projects to match"
        )


def _may_pass(repository: Repository | None, criteria: Criteria) -> bool:
    return repository is None or judge(repository, criteria).reason is None


def _numbers(criteria: Criteria) -> int:
    """How many counts of a repository need a call each where GraphQL is not available."""
    return (criteria.minimum_commits is not None) + (criteria.minimum_releases is not None)


def _sizes(entries: Collection[TreeEntry], missing: Callable[[Collection[str]], list[str]]) -> dict[str, int]:
    sizes = {entry.sha: entry.size or 0 for entry in entries}
    return {sha: sizes[sha] for sha in missing(list(sizes))}
