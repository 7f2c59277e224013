"""The image as a container sees it: its layers merged, links followed.

Here: the whole of what an engine's unpacking leaves, as one stream of entries with their fates. Each part has a
module of its own: rows of one path (``merge``), paths that lead through a symbolic link (``symlinks``), files with
several names (``hard_links``). Not here: sums over the result (``image``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.layer.hard_links import homes_of
from dockml_dagster.study.layer.links import links_of
from dockml_dagster.study.layer.merge import Cause, Merged, merged_batches
from dockml_dagster.study.layer.model import UnionCap
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.symlinks import resolved

__all__ = ["Cause", "Merged", "union_batches"]

MERGE_SECONDS: Final = 900.0
"""Processor time that the merging of one image may take. The largest of the study's has 603,406 files and takes some ten."""


def union_batches(
    spools: Sequence[Spool], *, held: int | None = None, caps: set[UnionCap] | None = None
) -> Iterator[list[Merged]]:
    """Every entry of every layer, lowest layer first in ``spools``, in path order, with its fate, as ``merged_batches``
    gives them; links are followed as engines do:

    - An entry below a symbolic link comes under the path to which the link leads at that time, inside the image's root.
    - A file comes once as a file, under a name that a container sees if there is one. Its other names come as hard
      links, which name that one, as of the layer that holds the content. So a hidden file is wasted, whatever its names.
    - A hard link to a symbolic link or a device is one more of these.

    ``caps``: takes what was not followed to the end, before the first batch comes.

    Raises OutOfTimeError after ``MERGE_SECONDS``.
    """
    ends = time.thread_time() + MERGE_SECONDS
    noted: set[UnionCap] = set() if caps is None else caps
    links = links_of(spools)
    if links.lead_elsewhere:
        spools, cut = resolved(spools)
        if cut:
            noted.add("moved_entries")
        links = links_of(spools)
    if links.cut:
        noted.add("hard_links")
    homes = homes_of(spools, links)
    for batch in merged_batches(spools, held=held):
        if time.thread_time() > ends:
            raise OutOfTimeError(f"its layers were not merged within {MERGE_SECONDS:g} s")
        yield batch if not homes else [homes.pop((row[1], row[0][0], row[2]), row) for row in batch]
