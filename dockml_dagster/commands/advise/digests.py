"""Digests of images that a study in this home has read: ``--fix`` pins tags to them.

Here: querying the published file. Not here: asking a registry (``--fix`` needs no network), edits (``study.advice.pins``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.study.advice.edits import Source
from dockml_dagster.study.advice.pins import images_named, tagged_image
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile

PINNING: Final = frozenset({"pin-base-digest", "pin-copied-images"})
"""Rules whose fix needs a digest."""


@dataclass(frozen=True, slots=True)
class KnownDigest:
    """The digest that a tag stood for when last read: of its index, or of its manifest where there is no index.
    ``seen``: the date of that reading (UTC).
    """

    digest: str
    seen: str


class KnownDigests:
    """The published file of a home, queried once, and only if a file names an image by a tag."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, data: bytes) -> Mapping[tuple[str, str, str], KnownDigest]:
        """The known digest of each (registry, repository, tag) that a Dockerfile names."""
        reading = read_dockerfile(data)
        if not reading.valid:
            return {}
        source = Source.of(data.decode("utf-8", "replace"))
        named = {
            tagged_image(image) for item in reading.instructions for _, image in images_named(source, item)
        }
        return {key: self._known[key] for key in named if key is not None and key in self._known}

    @cached_property
    def _known(self) -> Mapping[tuple[str, str, str], KnownDigest]:
        if not self._settings.published.exists():
            return {}
        from dockml_dagster.warehouse.published.query import query

        try:
            rows = query(self._settings, _NEWEST).rows
        except BadInputError:
            # The published file is of another version: then nothing is known, and nothing is pinned.
            return {}
        return {
            (registry, repository, tag): KnownDigest(digest, seen)
            for registry, repository, tag, digest, seen in rows
        }


# Sources that do not record the index (archives, the study of 2021) have no registry in this table either.
_NEWEST: Final = """
SELECT registry, repository, tag, digest, strftime(seen, '%Y-%m-%d')
FROM (
    SELECT
        named.registry,
        named.repository,
        named.tag,
        coalesce(read.index_digest, read.manifest_digest) AS digest,
        max(read.last_seen) AS seen
    FROM raw.image_references AS named
    JOIN raw.manifests AS read USING (corpus, project, reference)
    WHERE named.registry IS NOT NULL
        AND named.tag IS NOT NULL
        AND named.digest IS NULL
        AND coalesce(read.index_digest, read.manifest_digest) IS NOT NULL
        AND read.kind = 'image'
    GROUP BY ALL
)
QUALIFY row_number() OVER (PARTITION BY registry, repository, tag ORDER BY seen DESC, digest) = 1
"""
