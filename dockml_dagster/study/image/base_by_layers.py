"""Which image an image was built upon, found by its layers alone: without labels, history or names.

Here: the identity of a stack of layers, and the longest stack that is a known image. Not here: remembering images that were
seen (``images.seen``), bases by history (``study.layer.history``).

Digests prove that the lowest layers of an image are exactly those of another one. That it was built ``FROM`` that image is
an inference, which is almost always right. If several known images have those layers, all of them are named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

MOST_LAYERS: Final = 512
"""Most layers of an image that are considered. Engines refuse more than 127."""

Kind = Literal["diff_id", "digest"]
"""Which digests identify layers: those of the uncompressed archives, or those of the layers as stored."""


class SeenImage(NamedTuple):
    """An image that was seen before. ``name``: repository and tag. ``digest``: of its manifest."""

    name: str
    digest: str
    platform: str | None


class BaseByLayers(NamedTuple):
    """The images, by name, whose layers are the lowest ``layers`` ones of an image. ``chain_id`` identifies that stack
    (OCI image specification, config.md, "Layer ChainID"; for ``digest`` the same formula over digests).
    """

    layers: int
    kind: Kind
    chain_id: str
    images: tuple[SeenImage, ...]


def chain_ids(digests: Sequence[str]) -> list[str]:
    """The chain ID of the lowest layer, of the lowest two, and so on."""
    found: list[str] = []
    for digest in digests[:MOST_LAYERS]:
        both = f"{found[-1]} {digest}" if found else None
        found.append(digest if both is None else "sha256:" + hashlib.sha256(both.encode()).hexdigest())
    return found


def find_base(
    stacks: Sequence[tuple[Kind, Sequence[str]]], own: str, seen: Callable[[Kind, str], Sequence[SeenImage]]
) -> BaseByLayers | None:
    """The seen images whose layers are the longest lower part of this image's; None: there is none.

    ``stacks``: the image's layers, lowest first, by each kind of digest that is known. ``own``: its manifest's digest.
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
