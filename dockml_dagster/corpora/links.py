"""The links of a project's texts, found once for each content.

Here: caching them. Not here: the rules (``study.image_links``). A listing asks for the links of one project several
times, and Dagster opens a new corpus for each asset of a run; reading a large project takes seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b

from cachetools import LRUCache

from dockml_dagster.study.cuts import note_cut, noted_cuts
from dockml_dagster.study.deadline import time_limit
from dockml_dagster.study.image_links import Link, find_links

SECONDS = 30.0
"""Processor time for the links of one project. The largest of 74 projects takes four seconds."""
_MOST_KEPT = 50_000

_Found = tuple[tuple[Link, ...], frozenset[str]]
_known: LRUCache[bytes, _Found] = LRUCache(_MOST_KEPT, getsizeof=lambda found: 1 + len(found[0]))
"""Links, and the notes on input that was left out when they were found: at most ``_MOST_KEPT`` links."""


def links_of_texts(
    project: str, texts: Mapping[str, str], own_registries: Collection[str] = ()
) -> tuple[Link, ...]:
    """``find_links``, cached by content; input that it leaves out is noted at every call. Raises OutOfTimeError."""
    mark = blake2b(digest_size=20)
    for part in (
        project,
        *sorted(own_registries),
        "",
        *(part for path in sorted(texts) for part in (path, texts[path])),
    ):
        data = part.encode("utf-8", "surrogatepass")
        mark.update(b"%d:" % len(data) + data)
    key = mark.digest()
    found = _known.get(key)
    if found is None:
        with time_limit(SECONDS), noted_cuts() as cuts:
            links = find_links(project, texts, own_registries)
        found = links, frozenset(cuts)
        if _known.getsizeof(found) <= _MOST_KEPT:
            _known[key] = found
    links, left_away = found
    for what in left_away:
        note_cut(what)
    return links
