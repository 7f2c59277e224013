"""Pinning an image by its digest: where an instruction names the image, and the edit that adds the digest.

Here: the edit. Not here: which digest a tag had (``commands.advise`` asks what a study read), whether to pin (``fixes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from dockml_dagster.study.advice.edits import Edit, Source
from dockml_dagster.study.dockerfile.model import Instruction
from dockml_dagster.study.dockerfile.reading.base_reference import split_reference

_PLACES: Final = {
    "FROM": re.compile(r"\A\s*\S+\s+(?:--\S+\s+)*(?P<image>[^\s$\"'`\\]+)(?=\s|\Z)"),
    "COPY": re.compile(r"--from=(?P<image>[^\s,$\"'`\\]+)(?=\s|\Z)"),
    "RUN": re.compile(r"--mount=\S*?\bfrom=(?P<image>[^\s,$\"'`\\]+)(?=[\s,]|\Z)"),
}
"""Where each instruction names an image. References with a variable or quotes do not match: they are not certain."""


def tagged_image(reference: str) -> tuple[str, str, str] | None:
    """Registry, repository and tag of a reference; ``None`` if it has no tag or already has a digest."""
    try:
        parts = split_reference(reference)
    except ValueError:
        return None
    if parts.tag is None or parts.digest is not None or not parts.registry or not parts.repository:
        return None
    return parts.registry, parts.repository, parts.tag


def images_named(source: Source, item: Instruction) -> Iterator[tuple[int, str]]:
    """Every reference of an instruction that has a tag and no digest, and where it ends in the file."""
    pattern = _PLACES.get(item.keyword)
    if pattern is None:
        return
    for number in range(item.start_line, item.end_line + 1):
        line = source.line(number)
        if line.lstrip().startswith("#"):
            continue
        for match in pattern.finditer(line):
            if tagged_image(match["image"]) is not None:
                yield source.starts[number - 1] + match.end("image"), match["image"]


def pins(source: Source, item: Instruction, digests: Mapping[tuple[str, str, str], str]) -> Iterator[Edit]:
    """``image:tag`` becomes ``image:tag@digest`` where the digest of the tag is known."""
    for end, image in images_named(source, item):
        key = tagged_image(image)
        digest = digests.get(key) if key is not None else None
        if digest is not None:
            yield Edit(end, end, f"@{digest}")
