"""What ``scan-image`` prints about an image's base image, as found by its layers.

Here: names and order of the output. Not here: finding the base image (``study.image.base_by_layers``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dockml_dagster.commands.scan_image.model import ScannedImage
from dockml_dagster.commands.scan_image.tables import full_size
from dockml_dagster.study.image.base_by_layers import BaseByLayers
from dockml_dagster.text import printable

_SHOWN: Final = 3


def base_object(scanned: ScannedImage) -> dict[str, Any] | None:
    """Images seen earlier whose layers are this image's lowest ones, with the digests as proof. None: no such image."""
    base = scanned.base
    if base is None:
        return None
    config = scanned.image.config
    diff_ids = [] if config is None else [str(one) for one in config.diff_ids or ()]
    digests = [str(layer.descriptor.digest) for layer in scanned.layers]
    return {
        "layers": base.layers,
        "kind": base.kind,
        "chain_id": base.chain_id,
        "digests": (diff_ids if base.kind == "diff_id" else digests)[: base.layers],
        "images": [
            {"name": printable(one.name), "digest": one.digest, "platform": one.platform}
            for one in base.images
        ],
    }


def base_rows(scanned: ScannedImage) -> Iterator[tuple[str, str | None]]:
    """The base image, if known, and by the image's history the layers that came with it and the image's own layers."""
    if scanned.base is not None:
        yield "lowest layers are those of", _base_text(scanned.base)
    base = scanned.base_layers
    sizes = [None if layer.summary is None else layer.summary.bytes for layer in scanned.layers]
    if not base or None in sizes:
        return
    known = [size or 0 for size in sizes]
    for name, first, last in (("base image", 1, base), ("own", base + 1, len(known))):
        if first <= last:
            layers = f"layer {first}" if first == last else f"layers {first}-{last}"
            yield f"  {name} ({layers})", full_size(sum(known[first - 1 : last]))


def _base_text(base: BaseByLayers) -> str:
    """The base image in one line. Several names may share one stack of layers, and nothing tells them apart."""
    names = list(dict.fromkeys(printable(one.name) for one in base.images))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    layers = "1 layer" if base.layers == 1 else f"{base.layers} layers"
    return f"{' or '.join(names[:_SHOWN])}{more} ({layers}, by {base.kind.replace('_', '-')})"
