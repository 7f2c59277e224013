"""The image as a container sees it: its layers merged, links followed.

Here: everything that an engine unpacks, as one stream of entries with their fates. The parts are in other modules: rows
of one path (``merge``), paths through a symbolic link (``symlinks``), files with several names (``hard_links``). Not
here: sums over the result (``image``).
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
"""Processor time for merging one image. The largest image of the study has 603,406 files and takes some ten seconds."""


def union_batches(
    spools: Sequence[Spool], *, held: int | None = None, caps: set[UnionCap] | None = None
) -> Iterator[list[Merged]]:
    """Every entry of every layer (``spools``: lowest layer first) with its fate, in path order, as ``merged_batches`` gives
    them. Links are followed as in engines:

    - An entry below a symbolic link gets the path to which the link leads when its layer is unpacked, within the image's
      root.
    - A file is one file entry, under a name that a container sees if there is one. Its other names are hard links to that
      name, of the layer that holds the content. So a hidden file is wasted, whatever its names.
    - A hard link to a symbolic link or a device counts as another symbolic link or device.

    ``caps`` receives the caps that were hit, before the first batch.

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
