"""Docker Hub's web API: facts that its registry does not give, at no cost in pulls.

Here: a repository's pulls, stars and description, and its tags with dates, sizes and platforms. Answers are kept for a
day, so that nothing is asked twice within it. Not here: manifests and layers (``clients/registry``), rows
(``corpora/images/docker_hub``). Source: docs.docker.com/reference/api/hub/latest, operations GetRepository and
ListRepositoryTags (the documented paths under ``/v2/namespaces``; automation on undocumented ones has been answered
with 404 pages). Its limits are per minute and in the headers; on 429 ``X-Retry-After`` is a unix time. ``clients/http``
obeys all of them.
"""

import base64
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from dockml_dagster.clients.http.client import HttpClient
from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, UnavailableError
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest, ImageReferenceError, Repository
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

HUB = "https://hub.docker.com"
# The documented maximum of a page.
PAGE_SIZE = 100
MOST_PAGES = 20
MAX_PAGE_BYTES = 16 << 20
HOLDS = 86_400.0
"""Seconds for which an answer holds: until then no project causes the same request again."""


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository's record. None: not stated. ``pulls``: all time, of all tags. Times are in UTC. ``said_at``: when
    Docker Hub stated it. ``problem``: why the request failed now; the record is then an earlier answer.
    """

    repository: Repository
    pulls: int | None
    stars: int | None
    description: str | None
    full_description: str | None
    is_private: bool | None
    registered_at: datetime | None
    updated_at: datetime | None
    said_at: datetime
    problem: FetchError | None = None


@dataclass(frozen=True, slots=True)
class HubImage:
    """One platform of a tag. ``size``: compressed bytes of its layers. ``status``: ``active``, ``inactive`` …"""

    platform: Platform
    digest: Digest | None
    size: int | None
    status: str | None
    pushed_at: datetime | None
    pulled_at: datetime | None


@dataclass(frozen=True, slots=True)
class HubTag:
    """A tag as it is now. ``digest``: of the index or manifest. ``size``: compressed bytes, as Docker Hub adds them up."""

    name: str
    digest: Digest | None
    size: int | None
    media_type: str | None
    status: str | None
    updated_at: datetime | None
    pushed_at: datetime | None
    pulled_at: datetime | None
    images: tuple[HubImage, ...]


@dataclass(frozen=True, slots=True)
class HubTags:
    """Tags in Docker Hub's order, last updated first. ``announced``: how many Docker Hub says there are; None: not stated.
    ``complete``: whether these are all of them. ``problem``: as for a repository.
    """

    tags: tuple[HubTag, ...]
    announced: int | None
    complete: bool
    problem: FetchError | None = None


class DockerHub:
    """Docker Hub's web API without a login. Safe to share between threads. ``answers``: folder of the kept
    answers. ``base``: its address. ``now``: a clock, for tests.
    """

    def __init__(
        self, http: HttpClient, answers: Path, base: str = HUB, *, now: Callable[[], float] = time.time
    ) -> None:
        self._http, self._base, self._now = http, base.rstrip("/"), now
        self._answers = _Answers(answers)

    def repository(self, repository: Repository) -> HubRepository:
        """The repository's record: one request, or none. Raises GoneError if it does not exist or is private;
        FetchError, unless the failure may pass and an earlier answer stands in.
        """
        said = self._ask(_path(repository))
        facts = said.facts
        return HubRepository(
            repository=repository,
            pulls=facts.whole("pull_count"),
            stars=facts.whole("star_count"),
            description=facts.text("description"),
            full_description=facts.text("full_description"),
            is_private=facts.truth("is_private"),
            registered_at=_time(facts, "date_registered"),
            updated_at=_time(facts, "last_updated"),
            said_at=datetime.fromtimestamp(said.at, UTC),
            problem=said.problem,
        )

    def tags(self, repository: Repository, most: int) -> HubTags:
        """The tags that were updated last, at most ``most`` and of ``MOST_PAGES`` pages: one request a page, or none.

        Raises FetchError; UnavailableError for a page that announces tags and lists none.
        """
        found: dict[str, HubTag] = {}
        announced, problem = None, None
        page = 0
        while True:
            page += 1
            query = urlencode({"page_size": min(PAGE_SIZE, most), "page": page})
            said = self._ask(f"{_path(repository)}/tags?{query}")
            problem = problem or said.problem
            entries = said.facts.objects("results")
            if entries is None:
                raise BrokenContentError(
                    "a page of tags without tags", subject=f"Docker Hub {repository.path}"
                )
            if page == 1:
                announced = said.facts.whole("count")
            if not entries and page == 1 and (announced or 0) > 0:
                raise UnavailableError(
                    "a page that announces tags and lists none", subject=f"Docker Hub {repository.path}"
                )
            before = len(found)
            for tag in filter(None, map(_tag, entries)):
                # A tag pushed while we read shifts every later tag by one place.
                found.setdefault(tag.name, tag)
            ended = not entries or said.facts.text("next") is None
            # A faulty service could go on for ever, with nothing new or with one tag a page.
            if ended or len(found) >= most or len(found) == before or page >= MOST_PAGES:
                return HubTags(tuple(found.values())[:most], announced, ended and len(found) <= most, problem)

    def _ask(self, path: str) -> "_Said":
        """The answer of ``path``, from this machine while it holds. Raises FetchError. If the failure may pass and there
        is an earlier answer, that is returned instead, with the failure as its ``problem``.
        """
        address = f"{self._base}{path}"
        kept = self._answers.get(address)
        if kept is not None and 0 <= self._now() - kept.at < HOLDS:
            return kept.said()
        condition = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}
        headers = {"Accept": "application/json", **condition}
        try:
            with self._http.request("GET", address, headers=headers, expected=(200, 304)) as answer:
                if kept is not None and answer.status == 304:
                    new = replace(kept, at=self._now())
                else:
                    new = _Kept(answer.read(MAX_PAGE_BYTES), answer.headers.get("etag"), self._now())
            said = new.said(address)
        except FetchError as error:
            if kept is None or not error.retryable:
                raise
            return kept.said(problem=error)
        self._answers.put(address, new)
        return said


@dataclass(frozen=True, slots=True)
class _Said:
    facts: Facts
    at: float
    problem: FetchError | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer's body, its ETag and its unix time."""

    body: bytes
    etag: str | None
    at: float

    def said(self, address: str = "", problem: FetchError | None = None) -> _Said:
        """The parsed body. Raises BrokenContentError."""
        try:
            return _Said(read_object(self.body, MAX_PAGE_BYTES), self.at, problem)
        except BrokenJsonError as error:
            raise BrokenContentError(str(error), subject=address) from None


class _Answers:
    """One file per answer, named by its address. Several processes may share them: files appear whole, by rename.

    Files instead of a database: two answers per repository and day at most, and no connection to keep open.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, address: str) -> _Kept | None:
        """The kept answer; None if there is none or it cannot be read."""
        try:
            kept = json.loads(self._path(address).read_bytes())
            body, etag, at = base64.b64decode(kept["body"]), kept["etag"], float(kept["at"])
            read_object(body, MAX_PAGE_BYTES)
            return _Kept(body, etag if isinstance(etag, str) else None, at)
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def put(self, address: str, kept: _Kept) -> None:
        """Keep an answer in place of the earlier one. One that cannot be written is asked for again."""
        path = self._path(address)
        temporary = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
        document = {"body": base64.b64encode(kept.body).decode(), "etag": kept.etag, "at": kept.at}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(document), encoding="ascii")
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def _path(self, address: str) -> Path:
        return self._root / f"{hashlib.sha256(address.encode()).hexdigest()}.json"


def _path(repository: Repository) -> str:
    if not repository.registry.is_docker_hub:
        raise BrokenContentError("not on Docker Hub", subject=str(repository))
    namespace, _, name = repository.path.partition("/")
    return f"/v2/namespaces/{quote(namespace)}/repositories/{quote(name, safe='')}"


def _tag(facts: Facts) -> HubTag | None:
    name = facts.text("name")
    if not name:
        return None
    # The reference's schema calls `images` one object; its example and the service have a list.
    one = facts.inner("images") if isinstance(facts.values.get("images"), dict) else None
    images = (one,) if one is not None else facts.objects("images") or ()
    return HubTag(
        name=name,
        digest=_digest(facts),
        size=facts.whole("full_size"),
        media_type=facts.text("media_type"),
        status=facts.text("tag_status") or facts.text("status"),
        updated_at=_time(facts, "last_updated"),
        pushed_at=_time(facts, "tag_last_pushed"),
        pulled_at=_time(facts, "tag_last_pulled"),
        images=tuple(_image(image) for image in images),
    )


def _image(facts: Facts) -> HubImage:
    return HubImage(
        platform=Platform.of(
            facts.text("os"), facts.text("architecture"), facts.text("variant"), facts.text("os_version")
        ),
        digest=_digest(facts),
        size=facts.whole("size"),
        status=facts.text("status"),
        pushed_at=_time(facts, "last_pushed"),
        pulled_at=_time(facts, "last_pulled"),
    )


def _digest(facts: Facts) -> Digest | None:
    text = facts.text("digest")
    if not text:
        return None
    try:
        return Digest.parse(text)
    except ImageReferenceError:
        facts.note("digest", "no digest")
        return None


def _time(facts: Facts, name: str) -> datetime | None:
    """RFC 3339 as a moment in UTC; Docker Hub's zero time (year 1) means never."""
    text = facts.text(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        facts.note(name, "no time")
        return None
    return None if moment.year == 1 else moment
