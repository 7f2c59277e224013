"""Secrets of an image: those in its layers, and those that a container still sees.

Here: a visitor of the image's merged files that finds which layer hides each secret. Not here: finding secrets
(``looking``).

A key that a package publishes (such as test keys of TLS libraries) is not secret: a file that a package of its own layer
lists gets ``published_with`` that package. A file that a later layer overwrites belongs to that layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dockml_dagster.study.layer.union import Merged
from dockml_dagster.study.packages.model import Reading
from dockml_dagster.study.packages.ownership import ClaimIndex


class SecretFile(NamedTuple):
    """A file of a layer that holds a secret, and the name of the rule that found it; never the value."""

    path: str
    rule: str


class ImageSecret(NamedTuple):
    """A secret of an image. ``layer``: 0 is the lowest. ``hidden_by``: the layer that hides the file, which is shipped all
    the same; None: a container sees it. ``published_with``: the package that lists the file.
    """

    path: str
    rule: str
    layer: int
    hidden_by: int | None
    published_with: str | None


class SecretTally:
    """Finds out which files with secrets are hidden: a visitor of ``summarise_image``."""

    def __init__(self, found: Sequence[Sequence[SecretFile]], readings: Sequence[Sequence[Reading]]) -> None:
        """``found`` and ``readings``: of each layer, lowest first."""
        self._rules: dict[tuple[int, str], list[str]] = {}
        for layer, several in enumerate(found):
            for one in several:
                self._rules.setdefault((layer, one.path), []).append(one.rule)
        self._paths = {path for _, path in self._rules}
        self._hidden_by: dict[tuple[int, str], int | None] = {}
        # Most images have no secrets and need no index of packages' files.
        self._index = ClaimIndex(readings) if self._rules else None

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Take entries of the image into account."""
        paths = self._paths
        if not paths:
            return
        for entry, layer, hidden_by, _ in batch:
            if entry[0] in paths and (layer, entry[0]) in self._rules and entry[1] == "file":
                place = (layer, entry[0])
                # If a layer holds a path twice, the visible entry counts.
                if self._hidden_by.get(place, hidden_by) is not None or place not in self._hidden_by:
                    self._hidden_by[place] = hidden_by

    def secrets(self) -> tuple[ImageSecret, ...]:
        """All secrets, by layer and path. A file that the union has under another name counts as hidden by its layer."""
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
