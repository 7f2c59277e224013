"""Docker Hub's facts about the repositories of a project's images: pulls, stars, description, tags.

Here: which repositories are asked about, rows and outcomes. Not here: requests (``clients.docker_hub``), manifests
(``collection``).

Cost: at most two requests per repository and day, whichever projects name it, and no pull. Of the tags, the ``MOST_TAGS``
that were updated last are taken; ``censored`` says that there are more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from dockml_dagster.clients.docker_hub import DockerHub, HubRepository, HubTag, HubTags
from dockml_dagster.clients.http.client import HttpClient, HttpSettings, user_agent
from dockml_dagster.clients.http.errors import FetchError
from dockml_dagster.clients.http.shared_budget import budget_for
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.images.rows import Row, Rows, failure
from dockml_dagster.settings import Settings
from dockml_dagster.study.image.reference import ImageReference, LocalImage, Repository

MOST_TAGS: Final = 100
"""Most tags listed per repository: one page, the last updated ones."""
MOST_DESCRIPTION: Final = 50_000
"""Most characters of a description that are kept; Docker Hub itself allows 25,000."""
SOURCE: Final = "hub.docker.com"

_STAGE: Final = "manifests"


class HubCollection:
    """Asks Docker Hub for one corpus. Requests are serial: Docker Hub's limits are per minute."""

    def __init__(self, settings: Settings, registries: RegistrySettings) -> None:
        """Nothing is asked yet."""
        self._settings, self._registries = settings, registries

    @cached_property
    def _http(self) -> HttpClient:
        # One client for all projects, so that a limit hit for one is respected for the next.
        return HttpClient(
            self._registries.host_policy(),
            HttpSettings(agent=user_agent(self._settings.contact)),
            budget_for(self._settings.warehouse.catalog),
        )

    def collect(self, locations: Iterable[ImageReference | LocalImage]) -> tuple[Rows, list[Outcome]]:
        """Rows of `raw.hub_repositories` and `raw.hub_tags` for the repositories on Docker Hub among ``locations``, and
        outcomes of failures. If an earlier answer stands in for one that failed now, there are both.
        """
        repositories = dict.fromkeys(
            location.repository
            for location in locations
            if isinstance(location, ImageReference) and location.repository.registry.is_docker_hub
        )
        if not repositories:
            return {}, []
        address = self._registries.web_interface()
        if address is None:
            reason = "images of docker.io are asked for at mirrors only (DOCKML_REGISTRIES)"
            return {}, [Outcome(_STAGE, _subject(one), "not_selected", reason) for one in repositories]
        hub = DockerHub(self._http, self._settings.cache / "docker_hub", address)
        rows: Rows = {"raw.hub_repositories": [], "raw.hub_tags": []}
        outcomes: list[Outcome] = []
        try:
            for repository in repositories:
                outcomes += self._one(hub, repository, rows)
        finally:
            self._http.close()
        return {table: found for table, found in rows.items() if found}, outcomes

    def _one(self, hub: DockerHub, repository: Repository, rows: Rows) -> Iterable[Outcome]:
        subject = _subject(repository)
        try:
            record = hub.repository(repository)
        except FetchError as error:
            # Without a record there are no tags; if it cannot be fetched now, neither can they.
            yield failure(_STAGE, subject, error)
            return
        if record.problem is not None:
            yield failure(_STAGE, subject, record.problem)
        tags = HubTags((), None, complete=True)
        listed = False
        try:
            tags = hub.tags(repository, MOST_TAGS)
            listed = True
            if tags.problem is not None:
                yield failure(_STAGE, f"{subject}/tags", tags.problem)
        except FetchError as error:
            yield failure(_STAGE, f"{subject}/tags", error)
        rows["raw.hub_repositories"].append(_repository_row(record, tags if listed else None))
        rows["raw.hub_tags"] += [row for tag in tags.tags for row in _tag_rows(repository, tag)]


def _subject(repository: Repository) -> str:
    return f"{SOURCE}/{repository.path}"


def _repository_row(record: HubRepository, tags: HubTags | None) -> Row:
    texts = {"description": record.description, "full_description": record.full_description}
    cut = [name for name, text in texts.items() if text is not None and len(text) > MOST_DESCRIPTION]
    if tags is not None and not tags.complete:
        cut.append("tags")
    return {
        "repository": str(record.repository),
        "pulls": record.pulls,
        "stars": record.stars,
        **{name: text[:MOST_DESCRIPTION] if text else None for name, text in texts.items()},
        "is_private": record.is_private,
        "registered_at": _plain(record.registered_at),
        "updated_at": _plain(record.updated_at),
        "tags": tags.announced if tags else None,
        "tags_listed": len(tags.tags) if tags else None,
        "censored": ", ".join(cut) or None,
        "said_at": _plain(record.said_at),
        "source": SOURCE,
    }


def _tag_rows(repository: Repository, tag: HubTag) -> list[Row]:
    """One row per platform, or one without a platform. The time of the last pull is left out: it changes with every
    pull, and each change would add a row for good; ``tag_status`` says whether the tag was pulled in the last month.
    """
    common: Row = {
        "repository": str(repository),
        "tag": tag.name,
        "tag_digest": str(tag.digest) if tag.digest else None,
        "media_type": tag.media_type,
        "tag_bytes": tag.size,
        "tag_status": tag.status,
        "updated_at": _plain(tag.updated_at),
        "pushed_at": _plain(tag.pushed_at),
        "source": SOURCE,
    }
    images: list[Row] = [
        {
            "position": position,
            "os": image.platform.os,
            "architecture": image.platform.architecture,
            "variant": image.platform.variant,
            "os_version": image.platform.os_version,
            "image_digest": str(image.digest) if image.digest else None,
            "image_bytes": image.size,
        }
        for position, image in enumerate(tag.images)
    ]
    return [{**common, **image} for image in images or [{"position": 0}]]


def _plain(moment: datetime | None) -> datetime | None:
    """A time as UTC without zone, as everywhere in the warehouse."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None
