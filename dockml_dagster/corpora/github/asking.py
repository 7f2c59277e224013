"""Asking about single repositories during a visit: metadata, files, contributors.

Here: what is asked again and what is not, what an error means for one repository, and what stops the asking. Not here:
the choice and order of repositories (``visit``), the requests themselves (``clients.github``).

Three cases are kept apart. An answer is a fact, even if it says that a repository is gone or refused to us. A missing
answer for one repository leaves that one open, and the visit goes on. A limit, or a server that fails for several
repositories in a row, concerns no single one and stops the asking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.batches import PATIENCE
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import AnonymousLimitError, EmptyRepositoryError, WithheldError
from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.repositories import repositories
from dockml_dagster.clients.http.errors import (
    FetchError,
    GoneError,
    LimitedError,
    UnauthorizedError,
    UnavailableError,
)
from dockml_dagster.corpora.github.contents import Contents
from dockml_dagster.corpora.github.frame import Criteria
from dockml_dagster.corpora.github.records import Contributors, Files, Problem, Records
from dockml_dagster.corpora.github.selection import judge, unknown_counts
from dockml_dagster.study.project.files import is_taken_as_dockerfile

LEFT_OUT = "left out this time"


class Asking:
    """Asks for the facts of one visit. ``days``: the maximum age of metadata."""

    def __init__(self, client: GithubClient, records: Records, days: float) -> None:
        self._client, self._records, self._contents = client, records, Contents(client)
        self._now = client.now
        self._days = days
        self._failures = 0
        self._open: dict[str, str] = {}
        self.problems: dict[str, Problem] = {}
        self.stopped: LimitedError | None = None
        self.unseen = 0
        """Projects that were selected before and that this visit did not reach."""

    def stop(self, what: str, limit: LimitedError, *, searches: bool = False) -> None:
        """Stop asking. ``searches``: a search was left unfinished."""
        self.stopped = limit
        self.note(f"limit at {what}", limit.problem, again=True, limit=limit, stops=True, searches=searches)

    def note(
        self,
        subject: str,
        text: str,
        *,
        again: bool,
        limit: FetchError | None = None,
        stops: bool = False,
        searches: bool = False,
    ) -> None:
        """Record a problem. ``limit``: the error that says when a retry makes sense."""
        wait = limit.retry_after if limit is not None else None
        at = None if wait is None else self._now() + wait
        self.problems[subject] = Problem(subject, text, again, at, stops, searches)

    def why_open(self, name: str) -> str:
        """Why a repository's place in the funnel is not known."""
        if name in self._open:
            return self._open[name]
        return f"not asked yet: {self.stopped.problem}" if self.stopped is not None else LEFT_OUT

    def _leave_open(self, name: str, error: FetchError) -> None:
        """Record that one repository was not answered; the others go on."""
        self._open[name] = f"not answered: {_said(error)}"
        self.note(name, self._open[name], again=True, limit=error)

    def metadata(self, names: Sequence[str], criteria: Criteria) -> None:
        """Get metadata where it is missing or too old, as many repositories in one call as possible.

        Raises UnavailableError, UnauthorizedError: the server fails for all repositories, or refuses the token.
        """
        oldest = self._now() - self._days * 86_400
        wanted = []
        for name in names:
            known, problem, at = self._records.repository(name)
            told = problem is not None or (known is not None and not unknown_counts(known, criteria))
            if at > max(oldest, 0.0) and told:
                continue
            # A repository that fails the criteria by its search result needs no further request.
            if known is None or judge(known, criteria).reason is None:
                wanted.append(name)
        if not wanted or self.stopped is not None:
            return
        try:
            found = repositories(self._client, wanted)
        except LimitedError as limit:
            self.stop("metadata", limit)
            return
        failed = [one for one in found.values() if isinstance(one, UnavailableError)]
        self._failures = self._failures + 1 if len(failed) == len(found) else 0
        if failed and self._failures >= PATIENCE:
            raise failed[0]
        for name, one in found.items():
            self._keep(name, one, criteria)

    def _keep(self, name: str, one: Repository | FetchError, criteria: Criteria) -> None:
        """Keep the answer about one repository, after asking for the counts that are still unknown."""
        if isinstance(one, FetchError):
            if one.retryable:
                self._leave_open(name, one)
            else:
                self._records.put_repositories({name: None}, self._now(), {name: _said(one)})
            return
        problems = {}
        if judge(one, criteria).reason is None:
            for what in unknown_counts(one, criteria):
                if self.stopped is not None:
                    return
                try:
                    count = questions.count_by_rest(self._client, one.name, what)
                except AnonymousLimitError as error:
                    self._leave_open(name, error)
                    return
                except LimitedError as limit:
                    self.stop("metadata", limit)
                    return
                except UnauthorizedError:
                    raise
                except FetchError as error:
                    if error.retryable:
                        self._leave_open(name, error)
                        return
                    problems[name] = f"its {what} are not told ({_said(error)})"
                    break
                if count is None:
                    problems[name] = f"its {what} are not told"
                    break
                one = replace(one, commits=count) if what == "commits" else replace(one, releases=count)
        self._records.put_repositories({name: one}, self._now(), problems)

    def contributors(self, name: str, present: str) -> None:
        """Count contributors, if the count is missing or too old. No criterion uses it, so a failure excludes no project."""
        _, at = self._records.contributors(name)
        if at > self._now() - self._days * 86_400:
            return
        subject = f"contributors of {name}"
        if self.stopped is not None:
            self.note(subject, self.stopped.problem, again=True, limit=self.stopped)
            return
        try:
            found = Contributors(questions.count_by_rest(self._client, present, "contributors"))
        except UnauthorizedError:
            raise
        except FetchError as error:
            if isinstance(error, LimitedError) and not isinstance(error, AnonymousLimitError):
                self.stop(subject, error)
                return
            if error.retryable:
                self.note(subject, _said(error), again=True, limit=error)
                return
            found = Contributors(None, error.problem)
        self._records.put_contributors(name, found, self._now())

    def files(self, name: str, criteria: Criteria) -> Files | None:
        """The current state of the files; None if it could not be asked and was never known."""
        known, at = self._records.files(name)
        excluded = known is not None and criteria.dockerfile and known.dockerfiles == 0
        fresh = at > self._now() - self._days * 86_400
        settled = known is not None and (excluded or known.status in {"gone", "withheld", "empty"})
        if settled and fresh:
            return known
        if self.stopped is not None:
            self.unseen += known is not None and not settled
            return known
        try:
            files = self._asked_files(name)
        except AnonymousLimitError as error:
            self._leave_open(name, error)
            return known
        except LimitedError as limit:
            self.stop(name, limit)
            self.unseen += known is not None and not settled
            return known
        if files.status == "failed":
            self.note(name, files.reason or "failed", again=files.retryable)
            if known is not None and known.tree is not None:
                return known
            if files.retryable:
                self._open[name] = f"not answered: {files.reason}"
                return None
        self._records.put_files(name, files, self._now())
        if not self._client.has_token and files.status == "read":
            self._ahead(name, files.name)
        return files

    def _ahead(self, name: str, present: str) -> None:
        """Fetch contents at once if only sixty calls an hour are left: better a few projects whole than many in part."""
        try:
            self._contents.fetch(name, present, [])
        except LimitedError as limit:
            self.stop(name, limit)
        except UnauthorizedError:
            raise
        except FetchError:
            # The collection asks for them again and records the outcome.
            return

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
            if isinstance(repositories(self._client, [name])[name], Repository):
                # The repository exists, but its default branch does not: it was deleted, or the server lags behind.
                return Files("failed", name, reason="its default branch has no list of files")
            return Files("gone", name, dockerfiles=0, reason=error.problem)
        except (LimitedError, UnauthorizedError):
            raise
        except FetchError as error:
            self._failures += 1
            if isinstance(error, UnavailableError) and self._failures >= PATIENCE:
                raise
            return Files("failed", name, reason=_said(error), retryable=error.retryable)
        self._failures = 0
        count = sum(e.kind in {"file", "executable"} and is_taken_as_dockerfile(e.path) for e in tree.entries)
        return Files("read", present, tree.sha, count, unlisted)

    def _renamed(self, name: str) -> str:
        """The present name of a repository that answered under another; asked for only if the move is new."""
        known, _, at = self._records.repository(name)
        if known is not None and known.name.lower() != name.lower():
            return known.name
        found = repositories(self._client, [name])[name]
        if not isinstance(found, Repository):
            return name
        if known is not None and known.id == found.id:
            # Keep counts that were asked for one by one; this answer does not repeat them.
            counts: dict[str, Any] = {
                what: getattr(known, what) for what in ("commits", "releases") if getattr(found, what) is None
            }
            found = replace(found, **counts)
        self._records.put_repositories({name: found}, at or self._now())
        return found.name


def _said(error: FetchError) -> str:
    """An error as the reason of an outcome: its kind and the service's message."""
    return error.problem if isinstance(error, GoneError) else f"{error.reason}: {error.problem}"
