"""A visit to GitHub: find candidates, read their metadata, list their present files.

Here: what is asked, in which order, and the result. Not here: requests about single repositories and
what stops them (``asking``), the criteria (``selection``), rows (``listing``).

Every answer is stored at once, so that a visit that is killed, or ends because an hourly budget is used up, continues where
it was. Things that it could not ask for are named, and exclude no project. Only the file lists of projects that may be
selected are asked for again at every visit, which is free if nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import InvalidQuestionError
from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.repositories import REPOSITORIES_A_CALL
from dockml_dagster.clients.http.errors import BrokenContentError, LimitedError
from dockml_dagster.corpora.github.asking import Asking
from dockml_dagster.corpora.github.frame import Cohort, Frame
from dockml_dagster.corpora.github.matching import Control, matches
from dockml_dagster.corpora.github.records import Candidate, Left, Records, Visited
from dockml_dagster.corpora.github.rounds import is_due, make_round
from dockml_dagster.corpora.github.selection import Step, Verdict, draw_rank, judge, unknown_counts
from dockml_dagster.progress import advance, at


class Visit:
    """One visit. ``others``: number of projects that are selected already and not visited now. ``contributors``: whether to
    count the contributors of each selected project, at one call each.
    """

    def __init__(
        self,
        client: GithubClient,
        frame: Frame,
        *,
        others: Iterable[str] = (),
        contributors: bool = False,
    ) -> None:
        self._client, self._frame = client, frame
        self._asks_contributors = contributors
        self._records = Records(client.store)
        self._asking = Asking(client, self._records, frame.metadata_days)
        self._candidates: list[Candidate] = []
        self._rounds: dict[str, tuple[int, str]] = {}
        self._left: list[Left] = []
        self._ids: dict[int, str] = {}
        for name in others:
            repository = self._records.repository(name)[0]
            if repository is not None:
                self._ids.setdefault(repository.id, name)

    def make(self, merge: Callable[[Visited], Visited] = lambda visited: visited) -> Visited:
        """Visit, keep what was found as the newest visit, and return it. ``merge``: merges it into an earlier visit.

        Raises:
            UnauthorizedError: the token was refused.
            UnavailableError: GitHub does not answer.
        """
        for cohort in self._frame.cohorts:
            if cohort.match is None:
                self._cohort(cohort)
        for cohort in self._frame.cohorts:
            if cohort.match is not None:
                self._control(cohort)
        visited = merge(
            Visited(
                self._frame.identity,
                self._frame.title,
                tuple(self._candidates),
                tuple(self._asking.problems.values()),
                self._images_of(),
                self._rounds,
                tuple(self._left),
                self._asking.unseen,
            )
        )
        self._records.put_visited(visited)
        return visited

    def _images_of(self) -> str:
        before = self._records.visited()
        now = self._client.today()
        if before is not None and before.images_of:
            age = now - date.fromisoformat(before.images_of)
            if age.days < max(self._frame.images_days, 1):
                return before.images_of
        return now.isoformat()

    def _cohort(self, cohort: Cohort) -> None:
        named: list[tuple[str, str | None]] = [(name, None) for name in cohort.names]
        taken = {one.name.lower() for one in self._candidates}
        found = [pair for pair in named or self._searched(cohort) if pair[0].lower() not in taken]
        wanted = cohort.sample
        if wanted is not None:
            found.sort(key=lambda pair: draw_rank(pair[0].lower(), cohort.seed))
        selected = 0
        size = REPOSITORIES_A_CALL if self._client.has_token else 1
        for start in range(0, len(found), size):
            chunk = found[start : start + size]
            if wanted is None or selected < wanted:
                self._asking.metadata([name for name, _ in chunk], cohort.criteria)
            for name, keyword in chunk:
                if wanted is not None and selected >= wanted:
                    verdict = Verdict("releases", f"not drawn: the sample of {wanted} was full")
                else:
                    at(name)
                    verdict = self._verdict(name, cohort)
                selected += verdict.reason is None
                self._add(name, cohort, keyword, verdict)

    def _add(self, name: str, cohort: Cohort, keyword: str | None, verdict: Verdict) -> None:
        self._candidates.append(
            Candidate(name, cohort.name, keyword, verdict.step, verdict.reason, verdict.not_asked)
        )
        if not verdict.not_asked:
            advance("projects visited")

    def _searched(self, cohort: Cohort) -> Iterator[tuple[str, str | None]]:
        """The names found by the newest round of a cohort's searches, each with the first keyword that found it."""
        newest, today = self._records.round(cohort.mark), self._client.today()
        if is_due(newest, today, self._frame.search_days):
            before = self._records.visited()
            selected = {one.name for one in before.selected} if before else set()
            try:
                newest = make_round(self._client, self._records, cohort, today=today, selected=selected)
            except LimitedError as limit:
                # The results of the earlier round stay until the next one is finished.
                self._asking.stop(f"the search of {cohort.name}", limit, searches=True)
        if newest is None:
            return
        for query, problem in newest.problems:
            self._asking.note(query, problem, again=False)
        self._rounds[cohort.name] = (newest.number, newest.as_of.isoformat())
        self._left += newest.left
        yield from ((one.name, one.keyword) for one in newest.found)

    def _verdict(self, name: str, cohort: Cohort) -> Verdict:
        repository, problem, at = self._records.repository(name)
        if repository is None:
            if at == 0.0:
                return self._open("found", name)
            return Verdict("found", problem or "not there")
        first = self._ids.setdefault(repository.id, name)
        if first.lower() != name.lower():
            return Verdict("found", f"the same repository as {first}")
        verdict = judge(repository, cohort.criteria)
        if verdict.reason is not None:
            return verdict
        unknown = unknown_counts(repository, cohort.criteria)
        if unknown:
            step: Step = "not archived" if "commits" in unknown else "commits"
            return Verdict(step, problem) if problem is not None else self._open(step, name)
        files = self._asking.files(name, cohort.criteria)
        if files is None:
            return self._open("drawn", name)
        if files.status == "failed" and files.tree is None:
            return Verdict("drawn", files.reason or "failed")
        if cohort.criteria.dockerfile and not files.dockerfiles:
            return Verdict("drawn", files.reason or "no file is named as a Dockerfile")
        if self._asks_contributors and files.status == "read":
            self._asking.contributors(name, files.name)
        return Verdict("dockerfile")

    def _open(self, step: Step, name: str) -> Verdict:
        return Verdict(step, self._asking.why_open(name), not_asked=True)

    def _control(self, cohort: Cohort) -> None:
        """Draw a control for every selected project of the cohort to match, until one passes or ``tries`` are used."""
        treated = [one for one in self._candidates if one.cohort == cohort.match and one.reason is None]
        used = {one.name.lower() for one in self._candidates}
        for one in treated:
            repository = self._records.repository(one.name)[0]
            if repository is None:
                continue
            subject = f"control of {one.name}"
            try:
                control = self._pool(repository, cohort)
            except LimitedError as limit:
                self._asking.stop("the search for controls", limit, searches=True)
                return
            except (InvalidQuestionError, BrokenContentError) as error:
                self._asking.note(subject, error.problem, again=False)
                continue
            found = 0
            tried = [r for r in control.pool if r.name.lower() not in used][: cohort.tries]
            self._records.keep_found(
                {r.name: r for r in tried}, self._client.now(), needs_counts=cohort.criteria.needs_counts
            )
            self._asking.metadata([r.name for r in tried], cohort.criteria)
            for candidate in tried:
                verdict = self._verdict(candidate.name, cohort)
                used.add(candidate.name.lower())
                self._add(candidate.name, cohort, subject, verdict)
                found += verdict.reason is None
                # The next candidate may become the control only if this one is known to be unsuitable.
                if found >= cohort.per_project or verdict.not_asked:
                    break
            if found < cohort.per_project and self._asking.stopped is None:
                what = f"{found} of {cohort.per_project} controls found among {len(tried)} candidates"
                self._asking.note(subject, what, again=False)

    def _pool(self, repository: Repository, cohort: Cohort) -> Control:
        mark = f"{cohort.mark} {repository.id}"
        kept = self._client.store.document("controls", mark)
        if kept is None:
            if self._asking.stopped is not None:
                raise self._asking.stopped
            control = matches(
                lambda query: questions.search_page(self._client, query, 1).items, repository, cohort
            )
            kept = [one.as_document() for one in control.pool]
            self._client.store.put_document("controls", mark, kept)
        return Control(tuple(Repository.from_document(one) for one in kept))
