"""Which instruction made a layer, and which layers came with the base image.

Here: pairing an image config's `history` (OCI image specification, config.md) with its diff-ids. Not here: Dockerfiles
(``study.dockerfile``). A history is what the builder recorded, not what the author wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

_CLASSIC: Final = re.compile(r"^(?:\|\d+ .*?)?/bin/(?:sh|bash)\b.*? -c #\(nop\)\s+([A-Za-z]+)")
_KEYWORD: Final = re.compile(
    r"^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER"
    r"|VOLUME|WORKDIR)\b"
)
_SHELL: Final = re.compile(r"^(?:\|\d+ |/bin/(?:ba|da|a)?sh\b|/usr/bin/env\b|(?:power)?shell|cmd /S)")
_STARTS_A_CONTAINER: Final = frozenset({"CMD", "ENTRYPOINT"})


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry of an image config's history."""

    created_by: str
    empty_layer: bool
    created: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class BaseSplit:
    """How many of an image's layers, from the lowest, came with its base image."""

    layers: int
    method: Literal["known", "instructions"]
    """`known`: a known image has exactly these layers. `instructions`: the history has a CMD or ENTRYPOINT before
    later layers, where a base image usually ends."""

    @property
    def certain(self) -> bool:
        """Whether this is a fact, not an inference from the history."""
        return self.method == "known"


def instruction(created_by: str) -> str | None:
    """The Dockerfile keyword behind a history entry, in upper case; None if no known builder writes such a text.

    Classic builder and buildah: `/bin/sh -c #(nop) CMD …`, `/bin/sh -c apt-get …` (a RUN). BuildKit: `CMD …`,
    `RUN /bin/sh -c … # buildkit`.
    """
    if match := _CLASSIC.match(created_by[:4096]):
        return match[1].upper()
    if match := _KEYWORD.match(created_by):
        return match[1]
    return "RUN" if _SHELL.match(created_by) else None


def tie_layers(history: Sequence[HistoryEntry], layers: int) -> tuple[int | None, ...]:
    """For each of an image's ``layers``, lowest first, the index of its history entry.

    Entries that made no layer are skipped. All None if the number of the other entries is not that of the layers
    (squashed images, tools that write no history): no pair is better than a wrong one.
    """
    made = [index for index, entry in enumerate(history) if not entry.empty_layer]
    return tuple(made) if len(made) == layers else (None,) * layers


def split_base(
    history: Sequence[HistoryEntry], diff_ids: Sequence[str], known: Iterable[Sequence[str]] = ()
) -> BaseSplit | None:
    """Separate the base image's layers from the project's own. None: not known.

    ``known``: the diff-ids of other images. The longest list that is a proper beginning of this image's decides. Without
    one, the base ends at the last CMD or ENTRYPOINT that is followed by layers.
    """
    wanted = tuple(diff_ids)
    lengths = [
        len(chain) for chain in known if 0 < len(chain) < len(wanted) and wanted[: len(chain)] == tuple(chain)
    ]
    if lengths:
        return BaseSplit(max(lengths), "known")
    if None in tie_layers(history, len(wanted)):
        return None
    count = 0
    found = None
    for entry in history:
        if not entry.empty_layer:
            count += 1
        elif instruction(entry.created_by) in _STARTS_A_CONTAINER and 0 < count < len(wanted):
            found = count
    return None if found is None else BaseSplit(found, "instructions")
