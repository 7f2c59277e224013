"""Which images of a project are read: those that its own files link to it, one tag each, the best confirmed first.

Here: the rule, as a pure function over links. Not here: finding links (``study.image_links``), reading images
(``corpora.images.collection``).

The rule: repositories of the grades ``confirmed`` and ``likely``, the confirmed ones first, at most ``MOST`` of them. Of
each, the tag ``latest`` if it is named or no tag is, else the first that is named. A repository left out is an outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.images.rows import NamedImage
from dockml_dagster.study.image_links import GRADES, Link

MOST = 10
"""Most image repositories that are read for one project."""
_READ = ("confirmed", "likely")


@dataclass(frozen=True, slots=True)
class ChosenImages:
    """Images to read, in order, and an outcome for each repository left out."""

    images: tuple[NamedImage, ...]
    left_out: tuple[Outcome, ...]


def choose_images(links: Iterable[Link]) -> ChosenImages:
    """Apply the rule of this module."""
    by_repository: dict[str, list[Link]] = {}
    for link in links:
        by_repository.setdefault(link.repository, []).append(link)
    ranked = sorted(by_repository.items(), key=lambda pair: (_best(pair[1]), pair[0]))
    images: list[NamedImage] = []
    left_out: list[Outcome] = []
    for repository, found in ranked:
        best = GRADES[_best(found)]
        if best not in _READ:
            reason = "no more than a mention ties it to the project"
        elif len(images) >= MOST:
            reason = f"more than {MOST} images are tied to the project"
        else:
            chosen = _tag(found)
            images.append(
                NamedImage(
                    chosen.reference,
                    chosen.kind,
                    origin_row=chosen.line,
                    source_file=chosen.path,
                    source_row=chosen.line,
                )
            )
            continue
        left_out.append(Outcome("manifests", repository, "not_selected", reason))
    return ChosenImages(tuple(images), tuple(left_out))


def _best(links: list[Link]) -> int:
    return min(GRADES.index(link.grade) for link in links)


def _tag(links: list[Link]) -> Link:
    """The link whose reference is read: one with the tag ``latest`` or no tag, else the first of the best grade."""
    ordered = sorted(links, key=lambda link: GRADES.index(link.grade))
    for link in ordered:
        if link.reference in {link.repository, f"{link.repository}:latest"}:
            return link
    return ordered[0]
