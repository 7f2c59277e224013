"""A visit to GitHub: find candidates, read their metadata, see which files each has now.

Here: what is asked, in which order, and what stops a visit. Not here: the questions themselves
(``clients.github``), the criteria (``selection``), rows (``listing``).

Whatever is answered is kept at once, so that a visit that is killed, or ends because the hour's budget is used up, goes
on where it was. What it could not ask for is named. Asked again at every visit are only the files of projects that may
be selected, which is free where nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import EmptyRepositoryError, InvalidQuestionError, WithheldError
from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.http.errors import (
    FetchError,
    GoneError,
    LimitedError,
    UnauthorizedError,
    UnavailableError,
)
from dockml_dagster.corpora.github.contents import Contents
from dockml_dagster.corpora.github.frame import Cohort, Frame
from dockml_dagster.corpora.github.matching import Control, matches
from dockml_dagster.corpora.github.records import Candidate, Contributors, Files, Left, Records, Visited
from dockml_dagster.corpora.github.rounds import is_due, make_round
from dockml_dagster.corpora.github.selection import Verdict, draw_rank, judge
from dockml_dagster.progress import advance
from dockml_dagster.study.project.files import is_taken_as_dockerfile


class Visit:
    """One visit. ``others``: projects that are selected already and not looked at. ``contributors``: whether to ask how
    many each selected project has, a call each.
    """

    def __init__(
        self,
        client: GithubClient,
        frame: Frame,
        *,
        others: Iterable[str] = (),
        contributors: bool = False,
    ) -> None:
        self._client, self._frame, self._now = client, frame, client.now
        self._asks_contributors = contributors
        self._records = Records(client.store)
        self._contents = Contents(client)
        self._problems: dict[str, tuple[str, bool]] = {}
        self._candidates: list[Candidate] = []
        self._rounds: dict[str, tuple[int, str]] = {}
        self._left: list[Left] = []
        self._ids: dict[int, str] = {}
        for name in others:
            repository = self._records.repository(name)[0]
            if repository is not None:
                self._ids.setdefault(repository.id, name)
        self._limit: LimitedError | None = None
        self._failures = 0

    def make(self, merge: Callable[[Visited], Visited] = lambda visited: visited) -> Visited:
        """Visit, keep what was found as the newest visit, and return it. ``merge``: puts it into an earlier one.

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
        problems = tuple((subject, *problem) for subject, problem in self._problems.items())
        visited = merge(
            Visited(
                self._frame.identity,
                self._frame.title,
                tuple(self._candidates),
                problems,
                self._images_of(),
                self._rounds,
                tuple(self._left),
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
        size = questions.REPOSITORIES_A_CALL if self._client.has_token else 1
        for start in range(0, len(found), size):
            chunk = found[start : start + size]
            if wanted is None or selected < wanted:
                self._read_metadata([name for name, _ in chunk], cohort)
            for name, keyword in chunk:
                if wanted is not None and selected >= wanted:
                    verdict = Verdict("releases", f"not drawn: the sample of {wanted} was full")
                else:
                    verdict = self._verdict(name, cohort)
                selected += verdict.reason is None
                self._candidates.append(Candidate(name, cohort.name, keyword, verdict.step, verdict.reason))
                advance("projects visited")

    def _searched(self, cohort: Cohort) -> Iterator[tuple[str, str | None]]:
        """Names found by the newest round of a cohort's searches, each once with the first keyword that found it."""
        newest, today = self._records.round(cohort.mark), self._client.today()
        if is_due(newest, today, self._frame.search_days):
            before = self._records.visited()
            selected = {one.name for one in before.selected} if before else set()
            try:
                newest = make_round(self._client, self._records, cohort, today=today, selected=selected)
            except LimitedError as limit:
                # What an earlier round found stays until a later one has ended.
                self._limited("the search", limit)
        if newest is None:
            return
        self._problems |= {query: (problem, False) for query, problem in newest.problems}
        self._rounds[cohort.name] = (newest.number, newest.as_of.isoformat())
        self._left += newest.left
        yield from ((one.name, one.keyword) for one in newest.found)

    def _read_metadata(self, names: Sequence[str], cohort: Cohort) -> None:
        """Metadata of those for whom it is missing or too old, as many a call as possible."""
        oldest = self._now() - self._frame.metadata_days * 86_400
        wanted = []
        for name in names:
            known, _, at = self._records.repository(name)
            if at > oldest and at > 0:
                continue
            # Who fails by what a search told need not be asked for more.
            if known is None or judge(known, cohort.criteria).reason is None:
                wanted.append(name)
        if not wanted or self._limit is not None:
            return
        try:
            found = questions.repositories(self._client, wanted)
            if not self._client.has_token and cohort.criteria.needs_counts:
                found = {name: self._with_counts(one, cohort) for name, one in found.items()}
        except LimitedError as limit:
            self._limited("metadata", limit)
            return
        failed = [one for one in found.values() if isinstance(one, UnavailableError)]
        self._failures = self._failures + 1 if len(failed) == len(found) else 0
        if failed and self._failures >= questions.PATIENCE:
            raise failed[0]
        good = {
            name: one if isinstance(one, Repository) else one.problem
            for name, one in found.items()
            if isinstance(one, Repository) or not one.retryable
        }
        self._records.put_repositories(good, self._now())

    def _with_counts(self, one: Repository | FetchError, cohort: Cohort) -> Repository | FetchError:
        if not isinstance(one, Repository) or judge(one, cohort.criteria).reason is not None:
            return one
        commits = questions.count_by_rest(self._client, one.name, "commits")
        return replace(
            one, commits=commits, releases=questions.count_by_rest(self._client, one.name, "releases")
        )

    def _verdict(self, name: str, cohort: Cohort) -> Verdict:
        repository, problem, at = self._records.repository(name)
        if repository is None:
            if at == 0.0:
                return Verdict("found", self._left_out(name))
            return Verdict("found", problem or "not there")
        first = self._ids.setdefault(repository.id, name)
        if first.lower() != name.lower():
            return Verdict("found", f"the same repository as {first}")
        verdict = judge(repository, cohort.criteria)
        if verdict.reason is not None:
            return verdict
        if cohort.criteria.needs_counts and at == 0.0:
            return Verdict("not archived", self._left_out(name))
        files = self._files(name, cohort)
        if files is None:
            return Verdict("drawn", self._left_out(name))
        if files.status == "failed" and files.tree is None:
            self._problems[name] = (files.reason or "failed", files.retryable)
            return Verdict("drawn", files.reason or "failed")
        if cohort.criteria.dockerfile and not files.dockerfiles:
            return Verdict("drawn", files.reason or "no file is named as a Dockerfile")
        if self._asks_contributors and files.status == "read":
            self._ask_contributors(name, files.name)
        return Verdict("dockerfile")

    def _ask_contributors(self, name: str, present: str) -> None:
        """How many contributed, if that is not known or too old. It decides nothing, so a failure excludes nobody."""
        _, at = self._records.contributors(name)
        if at > self._now() - self._frame.metadata_days * 86_400:
            return
        subject = f"contributors of {name}"
        if self._limit is not None:
            self._problems[subject] = (f"{self._limit.problem}; {self._when()}", True)
            return
        try:
            found = Contributors(questions.count_by_rest(self._client, present, "contributors"))
        except LimitedError as limit:
            self._limited(subject, limit)
            return
        except UnauthorizedError:
            raise
        except FetchError as error:
            if error.retryable:
                self._problems[subject] = (f"{error.reason}: {error.problem}", True)
                return
            found = Contributors(None, error.problem)
        self._records.put_contributors(name, found, self._now())

    def _files(self, name: str, cohort: Cohort) -> Files | None:
        """What the files are like now; None where that could not be asked and was never known."""
        known, at = self._records.files(name)
        excluded = known is not None and cohort.criteria.dockerfile and known.dockerfiles == 0
        fresh = at > self._now() - self._frame.metadata_days * 86_400
        settled = known is not None and (excluded or known.status in {"gone", "withheld", "empty"})
        if (settled and fresh) or self._limit is not None:
            return known
        try:
            files = self._asked_files(name)
            if not self._client.has_token and files.status == "read":
                # Sixty calls an hour: rather a few projects whole than many half.
                self._contents.fetch(name, files.name, [])
        except LimitedError as limit:
            self._limited(name, limit)
            return known
        if files.status == "failed" and known is not None and known.tree is not None:
            self._problems[name] = (files.reason or "failed", files.retryable)
            return known
        self._records.put_files(name, files, self._now())
        return files

    def _asked_files(self, name: str) -> Files:
        present = name
        try:
            tree, reply, unlisted = questions.tree(self._client, name)
            if f"/repos/{name.lower()}/" not in reply.final.lower():
                present = self._renamed(name)
        except EmptyRepositoryError as error:
            return Files("empty", name, dockerfiles=0, reason=f"no commit: {error.problem}")
        except WithheldError as error:
            return Files("withheld", name, dockerfiles=0, reason=error.problem)
        except GoneError as error:
            return Files("gone", name, dockerfiles=0, reason=error.problem)
        except (LimitedError, UnauthorizedError):
            raise
        except FetchError as error:
            self._failures += 1
            if isinstance(error, UnavailableError) and self._failures >= questions.PATIENCE:
                raise
            return Files("failed", name, reason=f"{error.reason}: {error.problem}", retryable=error.retryable)
        self._failures = 0
        count = sum(e.kind in {"file", "executable"} and is_taken_as_dockerfile(e.path) for e in tree.entries)
        return Files("read", present, tree.sha, count, unlisted)

    def _renamed(self, name: str) -> str:
        """The present name of a repository that answered under another; asked for only when the move is new."""
        known, _, at = self._records.repository(name)
        if known is not None and known.name.lower() != name.lower():
            return known.name
        found = questions.repositories(self._client, [name])[name]
        if not isinstance(found, Repository):
            return name
        self._records.put_repositories({name: found}, at or self._now())
        return found.name

    def _control(self, cohort: Cohort) -> None:
        """Draw a control for every selected project of the cohort to match, until one passes or ``tries`` are used."""
        treated = [one for one in self._candidates if one.cohort == cohort.match and one.reason is None]
        used = {one.name.lower() for one in self._candidates}
        for one in treated:
            repository = self._records.repository(one.name)[0]
            if repository is None or self._limit is not None:
                continue
            try:
                control = self._pool(repository, cohort)
            except LimitedError as limit:
                self._limited("the search for controls", limit)
                return
            except InvalidQuestionError as error:
                self._problems[f"control of {one.name}"] = (error.problem, False)
                continue
            found = 0
            tried = [r for r in control.pool if r.name.lower() not in used][: cohort.tries]
            self._records.keep_found(
                {r.name: r for r in tried}, self._now(), needs_counts=cohort.criteria.needs_counts
            )
            self._read_metadata([r.name for r in tried], cohort)
            for candidate in tried:
                verdict = self._verdict(candidate.name, cohort)
                used.add(candidate.name.lower())
                keyword = f"control of {one.name}"
                self._candidates.append(
                    Candidate(candidate.name, cohort.name, keyword, verdict.step, verdict.reason)
                )
                found += verdict.reason is None
                if found >= cohort.per_project:
                    break
            if found < cohort.per_project:
                what = f"{found} of {cohort.per_project} controls found among {len(tried)} candidates"
                self._problems[f"control of {one.name}"] = (what, self._limit is not None)
            advance("projects visited")

    def _pool(self, repository: Repository, cohort: Cohort) -> Control:
        mark = f"{cohort.mark} {repository.id}"
        kept = self._client.store.document("controls", mark)
        if kept is None:
            control = matches(
                lambda query: questions.search_page(self._client, query, 1).items, repository, cohort
            )
            kept = [one.as_document() for one in control.pool]
            self._client.store.put_document("controls", mark, kept)
        return Control(tuple(Repository.from_document(one) for one in kept))

    def _limited(self, what: str, limit: LimitedError) -> None:
        self._limit = limit
        self._problems[f"limit at {what}"] = (f"{limit.problem}; {self._when()}", True)

    def _left_out(self, name: str) -> str:
        reason = "left out this time"
        if self._limit is not None:
            reason = f"left out: {self._limit.problem}; {self._when()}"
        self._problems[name] = (reason, True)
        return reason

    def _when(self) -> str:
        wait = self._limit.retry_after if self._limit is not None else None
        if wait is None:
            return "run again later"
        moment = datetime.fromtimestamp(self._now() + wait, UTC)
        return f"run again after {moment:%H:%M} UTC"
