"""The GitHub client: conditional REST requests and GraphQL, within budgets that are checked before each request.

Here: one request at a time (GitHub advises serial requests), ETags, when the token is left out, typed errors.
Not here: limits and budgets (``limits``), parsing GraphQL answers (``graphql``), the requests that make a study
(``questions``, ``corpora/github``), retries and redirects (``clients/http``).

Why no library: PyGithub and githubkit bring models of the whole API and their own sessions, which know neither our host
policy nor our store of ETags. What would remain of them for seven kinds of request is less than this module.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from dockml_dagster.clients.github.errors import AnonymousLimitError, as_github_means_it, no_api
from dockml_dagster.clients.github.graphql import GraphqlReply, read_reply
from dockml_dagster.clients.github.limits import Budgets, limit_of, token_ends
from dockml_dagster.clients.github.settings import GithubSettings
from dockml_dagster.clients.github.store import GithubStore, StoredAnswer
from dockml_dagster.clients.http.budget import Allowance
from dockml_dagster.clients.http.client import Answer, HttpClient
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    LimitedError,
    UnavailableError,
)
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

MAX_ANSWER = 48 << 20
TRIES: Final = 4
"""Attempts of a request that meets limits short enough to wait for."""
_JSON = "application/vnd.github+json"
_VERSION = "2022-11-28"
_OF_REPOSITORY: Final = re.compile(r"/repos/([^/]+/[^/?]+)")
_NOT_THE_TOKEN: Final = re.compile(r"access blocked|too large|too many|disabled", re.IGNORECASE)
"""Refusals that a request without the token would meet too: a blocked repository, a list too large to be made."""
_NOT_LIMITED: Final = re.compile(r"rate limiting is not enabled", re.IGNORECASE)
"""The answer of an Enterprise Server without limits to the request for them."""
_ANONYMOUS: Final = "asked anonymously"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of REST. ``facts``: its object; a list becomes the field ``items`` of an object. ``final``: the address
    after redirects. ``changed``: False if GitHub confirmed (304) that the kept answer still holds.
    """

    facts: Facts
    final: str
    link: str | None
    changed: bool


class GithubClient:
    """One GitHub server, asked with at most one token. ``calls``: number of requests, by resource and whether they count.

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
        self._http, self.now = http, now
        self.calls: Counter[str] = Counter()
        self._told_token = False
        self.token_ends: datetime | None = None
        """When the token expires, by the answer about the budgets; None: never, or not stated."""
        self.budgets = Budgets(store, now, sleep, http.settings.retry.longest_obeyed)

    @property
    def has_token(self) -> bool:
        """Whether GraphQL and the larger budgets can be used."""
        return self.settings.token is not None

    @property
    def token_is_new(self) -> bool:
        """Whether another token was used before. An ETag belongs to one token, so kept answers must be paid for again."""
        kept = self.store.document("token", "newest")
        return kept is not None and kept != self._token_mark

    @property
    def _token_mark(self) -> str:
        # A few bits of a hash tell two tokens apart, and the token cannot be recovered from them.
        return hashlib.sha256((self.settings.token or "").encode()).hexdigest()[:8]

    def today(self) -> date:
        """Today's date at GitHub, which counts in UTC."""
        return datetime.fromtimestamp(self.now(), UTC).date()

    def close(self) -> None:
        """Close connections and the store."""
        self._http.close()
        self.store.close()

    def allowance(self, resource: str) -> Allowance | None:
        """The last known allowance of ``core``, ``search`` or ``graphql``, with our token if there is one; None: unknown."""
        return self.budgets.allowance(resource, with_token=self.has_token)

    def read_allowances(self) -> dict[str, Allowance]:
        """The current allowance of every budget; the request is free. Empty where a server has no limits, which is the
        default of GitHub Enterprise Server. Raises FetchError; SettingError if the address is no GitHub API.
        """
        try:
            with self._request("GET", f"{self.settings.api}/rate_limit", counted_as="free") as answer:
                facts = _object(answer, answer.address)
                self.token_ends = token_ends(answer.headers)
        except GoneError as error:
            if _NOT_LIMITED.search(error.problem):
                return {}
            raise no_api(error.problem, self.settings) from None
        except BrokenContentError as error:
            raise no_api(error.problem, self.settings) from None
        except FetchError as error:
            raise as_github_means_it(error, self.settings) from None
        resources = facts.inner("resources")
        for name in ("core", "search", "graphql"):
            stated = resources.inner(name) if resources else None
            if stated is not None:
                limit, left, reset = stated.whole("limit"), stated.whole("remaining"), stated.whole("reset")
                ends = None if reset is None else float(reset)
                self.budgets.keep(
                    name, Allowance(limit, left, None, ends, None, self.now()), with_token=self.has_token
                )
        return self.budgets.all(with_token=self.has_token)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, *, resource: str = "core") -> Reply:
        """GET ``path`` of REST; free with a token if the kept answer still holds.

        Raises FetchError: GoneError (404, 410), EmptyRepositoryError (409), InvalidQuestionError (422), WithheldError
        (451), LimitedError, UnauthorizedError, ForbiddenError, UnavailableError.
        """
        address = self._address(path, parameters)
        return self._with_or_without_token(
            address, lambda with_token: self._get(address, resource, with_token=with_token)
        )

    def _get(self, address: str, resource: str, *, with_token: bool) -> Reply:
        kept = self.store.answer(address)
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}

        def read(answer: Answer) -> Reply:
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
            reply = _reply(StoredAnswer(etag, body, final, link, self.now()), changed=True)
            self.store.put_answer(address, etag=etag, body=body, final=final, link=link)
            return reply

        return self._ask(
            "GET", address, resource, read, with_token=with_token, headers=headers, expected=(200, 304)
        )

    def kept(self, path: str, parameters: Mapping[str, Any] | None = None) -> Reply:
        """The last answer of ``get``, without a request. Raises GoneError if it was never asked."""
        address = self._address(path, parameters)
        answer = self.store.answer(address)
        if answer is None:
            raise GoneError("not kept here", subject=address)
        return _reply(answer, changed=False)

    def _address(self, path: str, parameters: Mapping[str, Any] | None) -> str:
        return f"{self.settings.api}{path}" + (f"?{urlencode(parameters)}" if parameters else "")

    def graphql(self, query: str, variables: Mapping[str, Any]) -> GraphqlReply:
        """Send a GraphQL query, once: batches that GitHub cannot answer are made smaller, not repeated.

        Errors of parts of the answer are returned with it; errors of the whole are raised.
        """
        address = self.settings.graphql
        body = json.dumps({"query": query, "variables": dict(variables)}).encode()

        def read(answer: Answer) -> GraphqlReply:
            self.calls["graphql"] += 1
            return read_reply(_object(answer, address), answer.headers, self.now(), address)

        headers = {"Content-Type": "application/json"}
        once = replace(self._http.settings.retry, attempts=1)
        return self._ask(
            "POST", address, "graphql", read, with_token=True, headers=headers, data=body, retry=once
        )

    def graphql_answers(self) -> bool:
        """Whether GraphQL answers at all now: tells a server that is down from a query that is too much for it."""
        try:
            self.graphql("query Alive { __typename }", {})
        except UnavailableError:
            return False
        return True

    def blob(self, name: str, sha: str, most: int) -> bytes:
        """The content that git names ``sha``, byte for byte, from the store or by one call. Raises FetchError."""
        kept = self.store.blob(sha)
        if kept is not None:
            return kept
        address = f"{self.settings.api}/repos/{name}/git/blobs/{sha}"
        headers = {"Accept": "application/vnd.github.raw+json"}

        def read(answer: Answer) -> bytes:
            self.calls["core"] += 1
            return answer.read(most)

        content = self._with_or_without_token(
            address,
            lambda with_token: self._ask(
                "GET", address, "core", read, with_token=with_token, headers=headers
            ),
        )
        if not self.store.put_blob(sha, content):
            raise BrokenContentError("the content is not the one that its hash names", subject=address)
        return content

    def _with_or_without_token(self, address: str, ask: Callable[[bool], T]) -> T:
        """Ask with the token; where a repository refuses the token, once without it.

        Organisations with an IP allow list, single sign-on or rules for tokens refuse tokens used from elsewhere, even for
        public repositories, which anonymous users may read. The repositories that do so are remembered.
        Source: docs.github.com, "Managing allowed IP addresses for your organization", on public resources.
        """
        found = _OF_REPOSITORY.match(address.removeprefix(self.settings.api))
        if not self.has_token or found is None:
            return ask(self.has_token)
        name = found[1].lower()
        if self.store.document(_ANONYMOUS, name):
            try:
                return ask(False)
            except AnonymousLimitError:
                raise
            except FetchError:
                self.store.put_document(_ANONYMOUS, name, False)
        try:
            return ask(True)
        except ForbiddenError as refused:
            if _NOT_THE_TOKEN.search(refused.problem):
                raise
            try:
                answer = ask(False)
            except AnonymousLimitError:
                raise
            except FetchError:
                raise refused from None
            self.store.put_document(_ANONYMOUS, name, True)
            return answer

    def _ask(
        self,
        method: str,
        address: str,
        resource: str,
        read: Callable[[Answer], T],
        *,
        with_token: bool,
        **more: Any,
    ) -> T:
        """One counted request, repeated after a limit that is short enough to wait for."""
        for left in reversed(range(TRIES)):
            try:
                self.budgets.wait(resource, address, with_token=with_token)
                with self._request(
                    method, address, with_token=with_token, counted_as=resource, **more
                ) as answer:
                    self.budgets.observe(answer.headers, resource, with_token=with_token)
                    reply = read(answer)
            except FetchError as error:
                if error.status is not None:
                    self.calls[f"{resource} refused"] += 1
                limit = limit_of(error)
                if limit is None:
                    raise as_github_means_it(error, self.settings) from None
                if limit.status is not None:
                    limit = self.budgets.met(limit, resource, with_token=with_token)
                long = (limit.retry_after or 0.0) > self._http.settings.retry.longest_obeyed
                if long or not left or limit.status is None:
                    raise self._told(limit, with_token=with_token) from None
                continue
            self.budgets.answered(with_token=with_token)
            if with_token and not self._told_token:
                self._told_token = True
                self.store.put_document("token", "newest", self._token_mark)
            return reply
        raise AssertionError("the last try returns or raises")

    def _told(self, limit: LimitedError, *, with_token: bool) -> LimitedError:
        if with_token == self.has_token:
            return limit
        return AnonymousLimitError(
            f"{limit.problem}, without the token that is refused there",
            subject=limit.subject,
            status=limit.status,
            retry_after=limit.retry_after,
        )

    def _request(self, method: str, address: str, *, with_token: bool = True, **more: Any) -> Answer:
        headers = {"Accept": _JSON, "X-GitHub-Api-Version": _VERSION, **more.pop("headers", {})}
        token = self.settings.token if with_token else None
        if token is None and self.has_token:
            more["counted_as"] += " without token"
        return self._http.request(
            method, address, headers=headers, authorization=f"Bearer {token}" if token else None, **more
        )


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
