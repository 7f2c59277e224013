"""Docker Hub's web interface: what its registry does not say, and without spending a pull.

Here: a repository's pulls, stars and description, and its tags with dates, sizes and platforms. Not here:
manifests and layers (``clients/registry``). Source: docs.docker.com/reference/api/hub/latest (the documented
paths under ``/v2/namespaces``; automation on undocumented ones has been answered with 404 pages). Its limits
are per minute and in the headers; on 429 ``X-Retry-After`` is a unix time. All of that is ``clients/http``'s
to obey.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from dockml_dagster.clients.errors import BrokenContentError, TooLargeError, UnavailableError
from dockml_dagster.clients.http import HttpClient
from dockml_dagster.study.image_reference import Digest, ImageReferenceError, Repository
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object
from dockml_dagster.study.platform import Platform

HUB = "https://hub.docker.com"
# The most that is documented for a page.
PAGE_SIZE = 100
MAX_PAGES = 1_000
MAX_PAGE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository's record. None: not said. ``pulls``: since ever, of all tags. Times are in UTC."""

    repository: Repository
    pulls: int | None
    stars: int | None
    description: str | None
    full_description: str | None
    is_private: bool | None
    registered_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class HubImage:
    """One platform of a tag. ``size``: compressed bytes of its layers. ``status``:
    ``active``, ``inactive`` …
    """

    platform: Platform
    digest: Digest | None
    size: int | None
    status: str | None
    pushed_at: datetime | None
    pulled_at: datetime | None


@dataclass(frozen=True, slots=True)
class HubTag:
    """A tag as it is now. ``digest``: of the index or manifest. ``size``: compressed bytes, as Docker Hub
    adds up.
    """

    name: str
    digest: Digest | None
    size: int | None
    media_type: str | None
    status: str | None
    updated_at: datetime | None
    pushed_at: datetime | None
    pulled_at: datetime | None
    images: tuple[HubImage, ...]


class DockerHub:
    """Docker Hub's web interface without login. Safe to share between threads. ``base``: where it is."""

    def __init__(self, http: HttpClient, base: str = HUB) -> None:
        self._http, self._base = http, base.rstrip("/")

    def repository(self, repository: Repository) -> HubRepository:
        """The repository's record: one request. Raises GoneError if there is none or it is private;
        FetchError.
        """
        facts = self._get(_path(repository))
        return HubRepository(
            repository=repository,
            pulls=facts.whole("pull_count"),
            stars=facts.whole("star_count"),
            description=facts.text("description"),
            full_description=facts.text("full_description"),
            is_private=facts.truth("is_private"),
            registered_at=_time(facts, "date_registered"),
            updated_at=_time(facts, "last_updated"),
        )

    def tags(self, repository: Repository, *, most: int | None = None) -> Iterator[HubTag]:
        """The tags, the last updated first, at most ``most``: one request for each hundred.

        Raises FetchError; UnavailableError for a page that announces tags and lists none.
        """
        seen: set[str] = set()
        yielded = 0
        for page in range(1, MAX_PAGES + 1):
            query = urlencode({"page_size": min(PAGE_SIZE, most or PAGE_SIZE), "page": page})
            facts = self._get(f"{_path(repository)}/tags?{query}")
            entries = facts.objects("results")
            if entries is None:
                raise BrokenContentError(
                    "a page of tags without tags", subject=f"Docker Hub {repository.path}"
                )
            if not entries and page == 1 and (facts.whole("count") or 0) > 0:
                raise UnavailableError(
                    "a page that announces tags and lists none", subject=f"Docker Hub {repository.path}"
                )
            for entry in entries:
                tag = _tag(entry)
                # A tag that was pushed while we read moves everything by one place.
                if tag is None or tag.name in seen:
                    continue
                seen.add(tag.name)
                yield tag
                yielded += 1
                if most is not None and yielded >= most:
                    return
            if not entries or facts.text("next") is None:
                return
        raise TooLargeError(f"more than {MAX_PAGES} pages of tags", subject=f"Docker Hub {repository.path}")

    def _get(self, path: str) -> Facts:
        address = f"{self._base}{path}"
        with self._http.request("GET", address, headers={"Accept": "application/json"}) as answer:
            body = answer.read(MAX_PAGE_BYTES)
        try:
            return read_object(body, MAX_PAGE_BYTES)
        except BrokenJsonError as error:
            raise BrokenContentError(str(error), subject=address) from None


def _path(repository: Repository) -> str:
    if not repository.registry.is_docker_hub:
        raise BrokenContentError("not on Docker Hub", subject=str(repository))
    namespace, _, name = repository.path.partition("/")
    return f"/v2/namespaces/{quote(namespace)}/repositories/{quote(name, safe='')}"


def _tag(facts: Facts) -> HubTag | None:
    name = facts.text("name")
    if not name:
        return None
    # The reference describes `images` as one object; the service sends a list.
    one = facts.inner("images") if isinstance(facts.values.get("images"), dict) else None
    images = (one,) if one is not None else facts.objects("images") or ()
    return HubTag(
        name=name,
        digest=_digest(facts),
        size=facts.whole("full_size"),
        media_type=facts.text("media_type"),
        status=facts.text("tag_status"),
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
