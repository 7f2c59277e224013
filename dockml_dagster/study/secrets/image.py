"""Secrets of an image: what its layers have, and what a container still sees of it.

Here: a visitor of the union, which says what hides each. Not here: finding them (``looking``).

A key that a package publishes is no secret (test keys of TLS libraries): a file that a package of its own layer lists is
said to be ``published_with`` that. A file that a later layer wrote over is that layer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dockml_dagster.study.layer.union import Merged
from dockml_dagster.study.packages.model import Reading
from dockml_dagster.study.packages.ownership import ClaimIndex


class SecretFile(NamedTuple):
    """A file of a layer that holds a secret, by the name of the rule that tells; never the value."""

    path: str
    rule: str


class ImageSecret(NamedTuple):
    """One of an image. ``layer``: 0 the lowest. ``hidden_by``: the layer that hides the file, which is shipped all the
    same; None: a container sees it. ``published_with``: the package that lists the file.
    """

    path: str
    rule: str
    layer: int
    hidden_by: int | None
    published_with: str | None


class SecretTally:
    """Tells what became of the files: a visitor of ``summarise_image``."""

    def __init__(self, found: Sequence[Sequence[SecretFile]], readings: Sequence[Sequence[Reading]]) -> None:
        """``found`` and ``readings``: of each layer, lowest first."""
        self._rules: dict[tuple[int, str], list[str]] = {}
        for layer, several in enumerate(found):
            for one in several:
                self._rules.setdefault((layer, one.path), []).append(one.rule)
        self._paths = {path for _, path in self._rules}
        self._hidden_by: dict[tuple[int, str], int | None] = {}
        # Most images have none, and need no index of what their packages list.
        self._index = ClaimIndex(readings) if self._rules else None

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Look at entries of the image."""
        paths = self._paths
        if not paths:
            return
        for entry, layer, hidden_by, _ in batch:
            if entry[0] in paths and (layer, entry[0]) in self._rules and entry[1] == "file":
                place = (layer, entry[0])
                # Of a path that its layer has twice the one that is seen counts.
                if self._hidden_by.get(place, hidden_by) is not None or place not in self._hidden_by:
                    self._hidden_by[place] = hidden_by

    def secrets(self) -> tuple[ImageSecret, ...]:
        """All of them, by layer and path. A file that the union shows under another name counts as hidden by its layer."""
        return tuple(
            ImageSecret(
                path, rule, layer, self._hidden_by.get((layer, path), layer), self._owner(layer, path)
            )
            for (layer, path), rules in sorted(self._rules.items())
            for rule in rules
        )

    def _owner(self, layer: int, path: str) -> str | None:
        if self._index is None:
            return None
        for number in self._index.members(self._index.exact(path)):
            claim = self._index.claims[number]
            if claim.layer == layer:
                return f"{claim.reading.ecosystem} {claim.claim.group.rpartition('/')[2]}"
        return None
