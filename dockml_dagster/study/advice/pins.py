"""Pinning an image by its digest: where in an instruction the reference stands, and what it becomes.

Here: the edit. Not here: which digest a tag had (a command asks what a study read), or whether to pin (``fixes``).
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
"""Where each instruction names an image. A reference with a variable or quotes is none that could be told for certain."""


def tagged_image(reference: str) -> tuple[str, str, str] | None:
    """Registry, repository and tag of a reference; ``None`` without a tag, or with a digest already."""
    try:
        parts = split_reference(reference)
    except ValueError:
        return None
    if parts.tag is None or parts.digest is not None or not parts.registry or not parts.repository:
        return None
    return parts.registry, parts.repository, parts.tag


def images_named(source: Source, item: Instruction) -> Iterator[tuple[int, str]]:
    """Every reference with a tag and without a digest that an instruction names, and where it ends in the file."""
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
