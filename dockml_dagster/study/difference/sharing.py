"""The layers that several images have in common, and their bytes.

Here: sums over distinct layers. Not here: why two images differ (``comparing``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dockml_dagster.study.difference.comparing import LayerOfImage


class Shared(NamedTuple):
    """One image among several: its layers, their compressed bytes, and the bytes of layers that no other image has. None:
    a layer's size is unknown.
    """

    layers: int
    compressed_bytes: int | None
    own_layers: int
    own_bytes: int | None


def share(images: Sequence[Sequence[LayerOfImage]]) -> tuple[tuple[Shared, ...], int | None]:
    """Each image's share, and the compressed bytes of all distinct layers: what a registry stores."""
    holders: dict[str, set[int]] = {}
    sizes: dict[str, int | None] = {}
    for number, layers in enumerate(images):
        for layer in layers:
            holders.setdefault(layer.digest, set()).add(number)
            sizes[layer.digest] = layer.compressed_bytes
    found = []
    for layers in images:
        digests = dict.fromkeys(layer.digest for layer in layers)
        own = [digest for digest in digests if len(holders[digest]) == 1]
        found.append(Shared(len(layers), _sum(sizes, digests), len(own), _sum(sizes, own)))
    return tuple(found), _sum(sizes, sizes)


def _sum(
    sizes: dict[str, int | None], digests: Sequence[str] | dict[str, None] | dict[str, int | None]
) -> int | None:
    found = [sizes[digest] for digest in digests]
    return None if None in found else sum(size or 0 for size in found)
