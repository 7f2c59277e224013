"""Asking GitHub: conditional REST questions and GraphQL, under budgets that are read before they are spent.

Here: one question at a time (GitHub's own advice is serial requests), ETags, the three budgets (core, search,
graphql), typed errors. Not here: which questions make a study (``questions``, ``corpora/github``), retries and
redirects (``clients/http``).

Why no library: PyGithub and githubkit bring models of the whole interface and their own sessions, which know neither
our hosts' policy nor our store of ETags; what remains of them for seven kinds of question is less than this module.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from dockml_dagster.clients.github.errors import InvalidQuestionError, as_github_means_it
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import GithubStore, StoredAnswer
from dockml_dagster.clients.http.budget import Allowance, read_allowance
from dockml_dagster.clients.http.client import Answer, HttpClient
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    LimitedError,
    UnavailableError,
    one_line,
)
from dockml_dagster.clients.http.retry import NO_RETRY, RetryPolicy
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

MAX_ANSWER = 48 << 20
_JSON = "application/vnd.github+json"
_VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of REST. ``facts``: its object; a list comes as the field ``items`` of one. ``final``: the address after
    redirects. ``changed``: False if it was kept here and GitHub said that it still holds (304).
    """

    facts: Facts
    final: str
    link: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class GraphqlReply:
    """``data`` and, by the first part of their path, kinds of the errors in it (``NOT_FOUND``)."""

    data: Facts
    errors: Mapping[str, str]


class GithubClient:
    """One GitHub, asked with at most one token. ``calls``: what was asked, by resource and whether it counts.

    ``now`` and ``sleep`` are there for tests.
    """

    def __init__(
        self,
        http: HttpClient,
        store: GithubStore,
        settings: GithubSettings,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store, self.settings = store, settings
        self._http, self.now, self._sleep = http, now, sleep
        self.calls: Counter[str] = Counter()
        # Another process may have learned that a budget is used up; what it learned is worth more than nothing.
        self._allowances = {name: Allowance(**value) for name, value in store.documents(self._allowance_kind)}

    @property
    def has_token(self) -> bool:
        """Whether GraphQL and the larger budgets can be used."""
        return self.settings.token is not None

    @property
    def _allowance_kind(self) -> str:
        return "allowance with a token" if self.has_token else "allowance without a token"

    def today(self) -> date:
        """The day it is at GitHub, which counts in UTC."""
        return datetime.fromtimestamp(self.now(), UTC).date()

    def close(self) -> None:
        """Close connections and the store."""
        self._http.close()
        self.store.close()

    def allowance(self, resource: str) -> Allowance | None:
        """What GitHub last said of ``core``, ``search`` or ``graphql``; None if nothing, or if that window is over."""
        known = self._allowances.get(resource)
        if known is not None and known.resets_at is not None and known.resets_at <= self.now():
            return replace(known, remaining=known.limit, resets_at=None)
        return known

    def read_allowances(self) -> dict[str, Allowance]:
        """What GitHub says now of every budget; this question is free."""
        with self._request("GET", f"{self.settings.api}/rate_limit", counted_as="free") as answer:
            facts = _object(answer, answer.address)
        resources = facts.inner("resources")
        for name in ("core", "search", "graphql"):
            stated = resources.inner(name) if resources else None
            if stated is not None:
                reset = stated.whole("reset")
                found = Allowance(
                    stated.whole("limit"),
                    stated.whole("remaining"),
                    None,
                    None if reset is None else float(reset),
                    None,
                    self.now(),
                )
                self._keep(name, found)
        return dict(self._allowances)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, *, resource: str = "core") -> Reply:
        """GET ``path`` of REST; free where the answer kept here still holds.

        Raises FetchError: GoneError (404, 410), EmptyRepositoryError (409), InvalidQuestionError (422), WithheldError
        (451), LimitedError, UnauthorizedError, ForbiddenError, UnavailableError.
        """
        address = self._address(path, parameters)
        kept = self.store.answer(address)
        self._wait_for(resource, address)
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}
        try:
            with self._request(
                "GET", address, headers=headers, expected=(200, 304), counted_as=resource
            ) as answer:
                self._observe(answer, resource)
                if answer.status == 304:
                    if kept is None:
                        raise BrokenContentError(
                            "not modified, though nothing was said to be here", subject=address
                        )
                    self.calls[f"{resource} not modified"] += 1
                    return _reply(kept, changed=False)
                body = answer.read(MAX_ANSWER)
                self.calls[resource] += 1
                etag, link, final = answer.headers.get("etag"), answer.headers.get("link"), answer.address
        except FetchError as error:
            self._spent(error, resource)
            raise as_github_means_it(error) from None
        fresh = StoredAnswer(etag, body, final, link, self.now())
        reply = _reply(fresh, changed=True)
        self.store.put_answer(address, etag=etag, body=body, final=final, link=link)
        return reply

    def kept(self, path: str, parameters: Mapping[str, Any] | None = None) -> Reply:
        """What ``get`` last answered, without asking. Raises GoneError if it was never asked."""
        address = self._address(path, parameters)
        answer = self.store.answer(address)
        if answer is None:
            raise GoneError("not kept here", subject=address)
        return _reply(answer, changed=False)

    def _address(self, path: str, parameters: Mapping[str, Any] | None) -> str:
        return f"{self.settings.api}{path}" + (f"?{urlencode(parameters)}" if parameters else "")

    def graphql(
        self, query: str, variables: Mapping[str, Any], *, retry: RetryPolicy | None = None
    ) -> GraphqlReply:
        """Ask GraphQL. Errors that belong to parts of the answer are returned with it; those of the whole raise."""
        address = self.settings.graphql
        self._wait_for("graphql", address)
        body = json.dumps({"query": query, "variables": dict(variables)}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with self._request(
                "POST", address, headers=headers, data=body, retry=retry, counted_as="graphql"
            ) as answer:
                self._observe(answer, "graphql")
                self.calls["graphql"] += 1
                facts = _object(answer, address)
                reset = read_allowance(answer.headers, self.now())
        except FetchError as error:
            self._spent(error, "graphql")
            raise as_github_means_it(error) from None
        kinds = _graphql_errors(facts)
        data = facts.inner("data")
        if "RATE_LIMITED" in kinds.values() or "RATE_LIMIT" in kinds.values():
            # A limit of GraphQL comes with status 200.
            wait = reset.resets_at - self.now() if reset and reset.resets_at else 60.0
            raise LimitedError(
                "the hour's points are used up", subject=address, status=200, retry_after=max(wait, 0.0)
            )
        if data is None:
            said = one_line(", ".join(sorted({kind for kind in kinds.values() if kind})) or "no data")
            if {"", "TIMEOUT", "RESOURCE_LIMITS_EXCEEDED"} & set(kinds.values()) or not kinds:
                raise UnavailableError(f"no answer to the query ({said})", subject=address, status=200)
            raise InvalidQuestionError(f"the query was refused ({said})", subject=address, status=200)
        return GraphqlReply(data, kinds)

    def graphql_once(self, query: str, variables: Mapping[str, Any]) -> GraphqlReply:
        """As ``graphql``, without retries: for batches that are made smaller where GitHub does not manage them."""
        return self.graphql(query, variables, retry=NO_RETRY)

    def blob(self, name: str, sha: str, most: int) -> bytes:
        """The content that git names ``sha``, byte for byte, from the store or by one call. Raises FetchError."""
        kept = self.store.blob(sha)
        if kept is not None:
            return kept
        address = f"{self.settings.api}/repos/{name}/git/blobs/{sha}"
        self._wait_for("core", address)
        headers = {"Accept": "application/vnd.github.raw+json"}
        try:
            with self._request("GET", address, headers=headers, counted_as="core") as answer:
                self._observe(answer, "core")
                self.calls["core"] += 1
                content = answer.read(most)
        except FetchError as error:
            self._spent(error, "core")
            raise as_github_means_it(error) from None
        if not self.store.put_blob(sha, content):
            raise BrokenContentError("the content is not the one that its hash names", subject=address)
        return content

    def _request(self, method: str, address: str, **more: Any) -> Answer:
        headers = {"Accept": _JSON, "X-GitHub-Api-Version": _VERSION, **more.pop("headers", {})}
        token = self.settings.token
        return self._http.request(
            method, address, headers=headers, authorization=f"Bearer {token}" if token else None, **more
        )

    def _wait_for(self, resource: str, address: str) -> None:
        """Wait for a budget that is known to be used up, or raise LimitedError where that would take too long."""
        known = self.allowance(resource)
        if known is None or known.remaining is None or known.remaining > 0 or known.resets_at is None:
            return
        wait = max(0.0, known.resets_at - self.now()) + 1.0
        if wait > self._http.settings.retry.longest_obeyed:
            raise LimitedError(
                f"the {resource} budget of {known.limit} is used up", subject=address, retry_after=wait
            )
        self._sleep(wait)

    def _observe(self, answer: Answer, resource: str) -> None:
        stated = read_allowance(answer.headers, self.now())
        if stated is not None:
            self._keep(answer.headers.get("x-ratelimit-resource", resource), stated)

    def _spent(self, error: FetchError, resource: str) -> None:
        if isinstance(error, LimitedError | ForbiddenError | GoneError) or error.status is not None:
            self.calls[f"{resource} refused"] += 1
        if isinstance(error, LimitedError) and error.retry_after is not None:
            known = self._allowances.get(resource) or Allowance()
            until = self.now() + error.retry_after
            self._keep(resource, replace(known, remaining=0, resets_at=until, seen_at=self.now()))

    def _keep(self, resource: str, allowance: Allowance) -> None:
        self._allowances[resource] = allowance
        stated = {name: getattr(allowance, name) for name in Allowance.__dataclass_fields__}
        self.store.put_document(self._allowance_kind, resource[:40], stated)


def _reply(kept: StoredAnswer, *, changed: bool) -> Reply:
    body = kept.body
    if body[:64].lstrip().startswith(b"["):
        body = b'{"items":' + body + b"}"
    try:
        facts = read_object(body, MAX_ANSWER + 16)
    except BrokenJsonError as error:
        raise BrokenContentError(str(error), subject=kept.final) from None
    return Reply(facts, kept.final, kept.link, changed)


def _object(answer: Answer, where: str) -> Facts:
    try:
        return read_object(answer.read(MAX_ANSWER), MAX_ANSWER)
    except BrokenJsonError as error:
        raise BrokenContentError(str(error), subject=where) from None


def _graphql_errors(facts: Facts) -> dict[str, str]:
    """First part of each error's path → its kind; errors without a path are numbered."""
    found: dict[str, str] = {}
    for number, error in enumerate(facts.objects("errors") or ()):
        path = error.items("path")
        where = str(path[0]) if path else f"#{number}"
        found[where] = error.text("type") or ""
    return found
