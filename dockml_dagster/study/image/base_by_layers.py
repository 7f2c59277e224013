"""Which image an image was built upon, told by its layers alone: no label, no history, no name.

Here: the identity of a stack of layers, and the longest one that some seen image consists of. Not here: remembering what was
seen (``images.seen``), bases by instruction (``study.layer.history``).

That the lowest layers of an image are exactly those of another one is a fact; its digests prove it. That it was built
``FROM`` that one is what follows almost always. Several seen images may have those layers, then all of them are named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

MOST_LAYERS: Final = 512
"""Layers of an image that are looked at: engines refuse more than 127."""

Kind = Literal["diff_id", "digest"]
"""By which digests: of the archives, whatever their compression, or of the layers as stored."""


class SeenImage(NamedTuple):
    """An image that was seen under a name. ``name``: repository and tag. ``digest``: of its manifest."""

    name: str
    digest: str
    platform: str | None


class BaseByLayers(NamedTuple):
    """The images whose layers are the lowest ``layers`` ones of an image, by name. ``chain_id``: what tells that stack
    (OCI image specification, config.md, "Layer ChainID"; of digests the same is computed over them).
    """

    layers: int
    kind: Kind
    chain_id: str
    images: tuple[SeenImage, ...]


def chain_ids(digests: Sequence[str]) -> list[str]:
    """By number of layers, from 1: what identifies the lowest ones together."""
    found: list[str] = []
    for digest in digests[:MOST_LAYERS]:
        both = f"{found[-1]} {digest}" if found else None
        found.append(digest if both is None else "sha256:" + hashlib.sha256(both.encode()).hexdigest())
    return found


def find_base(
    stacks: Sequence[tuple[Kind, Sequence[str]]], own: str, seen: Callable[[Kind, str], Sequence[SeenImage]]
) -> BaseByLayers | None:
    """The images with the longest stack of layers upon which the image has further ones; None: none was seen.

    ``stacks``: its layers, lowest first, by each kind of digest that is known. ``own``: its manifest's digest.
    """
    found: list[BaseByLayers] = []
    for kind, digests in stacks:
        chains = chain_ids(digests)
        for number in range(min(len(digests), len(chains)) - 1, 0, -1):
            images = sorted({one for one in seen(kind, chains[number - 1]) if one.digest != own})
            if images:
                found.append(BaseByLayers(number, kind, chains[number - 1], tuple(images)))
                break
    return max(found, key=lambda one: one.layers, default=None)
