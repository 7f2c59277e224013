"""Images seen earlier, by their stacks of layers: an index of base images that grows with every scan.

Here: storing and looking up, one small file per stack in the home's cache. Not here: what a stack is and which one is the
base (``study.image.base_by_layers``). It holds names and digests only; a base that it does not hold is unknown.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dockml_dagster.study.image.base_by_layers import MOST_LAYERS, Kind, SeenImage, chain_ids

_MOST_NAMES: Final = 200
"""Most names kept per stack."""
_MOST_FILE: Final = 1 << 20


class SeenImages:
    """Files ``ROOT/ab/abcd….json``. Several processes may share them: files appear whole, by rename."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, image: SeenImage, stacks: Sequence[tuple[Kind, Sequence[str]]]) -> None:
        """Store an image under the stack of all of its layers. One that cannot be written is not stored."""
        for kind, digests in stacks:
            if not 0 < len(digests) <= MOST_LAYERS:
                continue
            path = self._path(kind, chain_ids(digests)[-1])
            known = _read(path)
            if image in known or len(known) >= _MOST_NAMES:
                continue
            # A tag may have moved since: its earlier image still has these layers.
            temporary = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(json.dumps([*known, image]), encoding="utf-8")
                temporary.replace(path)
            except OSError:
                with suppress(OSError):
                    temporary.unlink()

    def images(self, kind: Kind, chain_id: str) -> list[SeenImage]:
        """The images whose layers are this stack."""
        return _read(self._path(kind, chain_id))

    def _path(self, kind: Kind, chain_id: str) -> Path:
        own = hashlib.sha256(f"{kind} {chain_id}".encode()).hexdigest()
        return self._root / own[:2] / f"{own}.json"


def _read(path: Path) -> list[SeenImage]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_FILE))
        return [SeenImage(str(name), str(digest), platform) for name, digest, platform in found]
    except (OSError, ValueError, TypeError):
        return []
