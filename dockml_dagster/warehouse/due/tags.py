"""The tags by which the projects' current images were read, what each resolved to, and when it was last resolved.

Here: reading and recording these. Not here: resolving (``corpora.images.collection``), the effects (``defs.automation``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dockml_dagster.warehouse.due.visits import make_visits
from dockml_dagster.warehouse.rows import replace

if TYPE_CHECKING:
    import duckdb

_TAGS = """
    SELECT
        named.corpus,
        named.project,
        named.reference,
        list(DISTINCT coalesce(manifests.index_digest, manifests.manifest_digest)) AS digests,
        -- What was collected was looked at.
        greatest(max(visits.observed_at), max(looks.looked_at)) AS looked_at
    FROM raw.image_references AS named
    JOIN visits
        ON visits.corpus = named.corpus AND visits.project = named.project AND visits.stage = 'manifests'
        AND visits.observed_at = named.last_seen
    JOIN raw.inputs AS wanted
        ON wanted.project = named.project AND wanted.stage = 'manifests'
    JOIN raw.manifests AS manifests
        ON manifests.project = named.project AND manifests.reference = named.reference
        AND manifests.last_seen = named.last_seen
    LEFT JOIN raw.tag_looks AS looks ON looks.reference = named.reference
    WHERE named.corpus IN (SELECT unnest($corpora)) AND named.registry IS NOT NULL AND named.digest IS NULL
    GROUP BY named.corpus, named.project, named.reference
    ORDER BY looked_at, named.reference, named.project
"""


@dataclass(frozen=True, slots=True)
class Tag:
    """A project's reference without a digest, and what it resolved to (``algorithm:hex``) when its image was collected.

    ``looked_at``: when it was collected or last resolved, whichever is later (UTC without zone).
    """

    corpus: str
    project: str
    reference: str
    digests: frozenset[str]
    looked_at: datetime


def tags(connection: duckdb.DuckDBPyConnection, corpora: Sequence[str]) -> list[Tag]:
    """Every registry reference without a digest by which an image of a listed project was read; the oldest look first."""
    make_visits(connection)
    rows = connection.execute(_TAGS, {"corpora": list(corpora)}).fetchall()
    return [Tag(corpus, project, name, frozenset(found), at) for corpus, project, name, found, at in rows]


def record_looks(
    connection: duckdb.DuckDBPyConnection, seen: Mapping[str, str | None], looked_at: datetime
) -> int:
    """Record what each reference resolves to now; None: it could not be resolved."""
    rows = [{"reference": name, "digest": digest, "looked_at": looked_at} for name, digest in seen.items()]
    return replace(connection, "raw.tag_looks", {"reference": list(seen)}, rows)
