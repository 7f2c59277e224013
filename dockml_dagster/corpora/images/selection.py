"""Which images' layers are read if not all may be: a budget of bytes, and the rule for spending it.

Here: the rule, as a pure function. Not here: reading anything.

The rule: at most so many compressed bytes of layers are read per project. Its images for linux/amd64 come first, then those
for linux/arm64, then all others, each in the order in which the project (and an index) names them. An image is read whole
or not at all; layers that are known already, or are in an earlier image, cost nothing. An image that does not fit is
left out; smaller ones after it may still fit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from dockml_dagster.errors import BadInputError
from dockml_dagster.images.sources.reading import PlatformImage

_SIZE: Final = re.compile(r"(?P<number>[0-9]{1,15})\s*(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)
_FIRST: Final = {("linux", "amd64"): 0, ("linux", "arm64"): 1}


@dataclass(frozen=True, slots=True)
class Selection:
    """Images whose layers are read, and those that are left out, each with the reason."""

    selected: tuple[PlatformImage, ...]
    left_out: tuple[tuple[PlatformImage, str], ...]


def parse_layer_bytes(text: str | None) -> int | None:
    """Parse ``20G`` and the like to bytes (K, M, G, T are powers of 1,024); None: no limit. Raises BadInputError."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadInputError(f"DOCKML_LAYER_BYTES is a number of bytes such as 20G, not {text[:40]!r}")
    factor: int = 1024 ** " KMGT".index(found["unit"].upper() or " ")
    return int(found["number"]) * factor


def select_images(images: Sequence[PlatformImage], known: Collection[str], most: int | None) -> Selection:
    """Spend ``most`` bytes (None: no limit) on ``images``, in the order of naming; ``known``: digests of known layers."""
    ordered = sorted(images, key=_rank)
    if most is None:
        return Selection(tuple(ordered), ())
    paid, left = set(known), most
    selected: list[PlatformImage] = []
    left_out: list[tuple[PlatformImage, str]] = []
    for image in ordered:
        new = {str(layer.digest): layer.size for layer in image.layers if str(layer.digest) not in paid}
        sizes = [size for size in new.values() if size is not None]
        if len(sizes) < len(new):
            left_out.append((image, "the size of a layer is not known, and there is a limit to what is read"))
        elif sum(sizes) > left:
            reason = f"its {len(new)} new layers have {sum(sizes)} bytes; {left} of {most} bytes a project are left"
            left_out.append((image, reason))
        else:
            left -= sum(sizes)
            paid |= new.keys()
            selected.append(image)
    return Selection(tuple(selected), tuple(left_out))


def _rank(image: PlatformImage) -> int:
    # Sorting is stable: images of the same rank stay in the order of naming.
    platform = image.platform
    return _FIRST.get((platform.os or "", platform.architecture or ""), 2) if platform else 2
